use super::*;
use crate::files::OsFiles;
use std::fs;

fn open(dir: &Path) -> Result<State, StateError> {
    State::open(Arc::new(OsFiles), dir, Transport::Stdio)
}

#[test]
fn each_start_has_the_same_name_and_the_next_number() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    let name = first.shim_id.clone();
    assert!(name.starts_with("stdio-"));
    assert_eq!(first.epoch, 1);
    drop(first);
    for epoch in [2, 3] {
        let state = open(dir.path()).unwrap();
        assert_eq!(
            (state.shim_id.as_str(), state.epoch),
            (name.as_str(), epoch)
        );
    }
}

#[test]
fn shims_side_by_side_have_slots_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let states: Vec<_> = (0..SLOTS_MAX).map(|_| open(dir.path()).unwrap()).collect();
    let mut names: Vec<_> = states.iter().map(|state| &state.shim_id).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), SLOTS_MAX);
    let error = open(dir.path()).err().unwrap().to_string();
    assert!(error.starts_with("all 64 slots in `"), "{error}");
    drop(states);
    assert_eq!(open(dir.path()).unwrap().epoch, 2);
}

#[test]
fn a_damaged_file_is_named() {
    for (file, text) in [
        ("epoch", "x"),
        ("epoch", "-1"),
        ("epoch", "18446744073709551615"),
        ("id", ""),
    ] {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()).unwrap());
        let path = dir.path().join("0").join(file);
        fs::write(&path, text).unwrap();
        let error = open(dir.path()).err().unwrap().to_string();
        let expected = format!(
            "`{}` is damaged; remove its directory to start under a new name",
            path.display()
        );
        assert_eq!(error, expected);
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = open(&file).err().unwrap().to_string();
    assert!(
        error.starts_with(&format!("cannot make `{}/0`: ", file.display())),
        "{error}"
    );
}

#[test]
fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let _state = open(&dir.path().join("state")).unwrap();
    let slot = dir.path().join("state/0");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&slot), 0o700);
    for file in ["id", "epoch", "lock"] {
        assert_eq!(mode(&slot.join(file)), 0o600, "{file}");
    }
}
