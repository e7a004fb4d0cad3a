use super::*;
use crate::files::OsFiles;
use crate::shim::testing::log::Tree;

fn open(dir: &Path, keys: Vec<VerifierKey>) -> Checkpoints {
    Checkpoints::open(Arc::new(OsFiles), dir, keys).unwrap()
}

#[test]
fn a_log_is_followed_as_it_grows() {
    let dir = tempfile::tempdir().unwrap();
    let mut held = open(dir.path(), vec![Tree::new("a", 0).verifier()]);
    for sizes in [(0, 0), (0, 1), (1, 2), (2, 3), (3, 7), (7, 8), (8, 31)] {
        let (from, to) = sizes;
        let tree = Tree::new("a", to);
        let look = held.look("a", &tree.note()).unwrap();
        let (from, to) = (from as u64, to as u64);
        match (from, to) {
            (0, 0) => assert_eq!(look, Look::First),
            _ => assert_eq!(look, Look::Prove { from, to }),
        }
        let proof = tree.consistency(from, to);
        held.hold("a", &tree.note(), &proof).unwrap();
        assert_eq!(held.look("a", &tree.note()).unwrap(), Look::Known);
        held = open(dir.path(), vec![tree.verifier()]);
        assert_eq!(held.all().next().unwrap().checkpoint.size, to);
    }
}

/// Why a checkpoint is not taken where a log of five leaves is held.
#[test]
fn what_is_not_the_log_is_refused() {
    let five = Tree::new("a", 5);
    let forged = five.note().replace("\n5\n", "\n6\n");
    let other_key = Tree {
        seed: 2,
        ..five.clone()
    };
    let mut other_leaf = five.clone();
    other_leaf.leaves[4] = "x".to_owned();
    for (note, expected) in [
        (Tree::new("b", 9).note(), "its checkpoint is of `b`"),
        (Tree::new("a", 4).note(), "it has 4 records and had 5"),
        (other_leaf.note(), "are not those that it had"),
        (forged, "does not hold"),
        (other_key.note(), "not signed with key"),
        ("nothing".to_owned(), "not a signed note"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut held = open(dir.path(), vec![five.verifier()]);
        held.hold("a", &five.note(), &[]).unwrap();
        let error = held.look("a", &note).unwrap_err();
        let is_lasting = expected.starts_with("it has") || expected.starts_with("are not");
        assert_eq!(
            matches!(error, HeldError::Refused { .. }),
            is_lasting,
            "{error}"
        );
        assert_eq!(
            matches!(error, HeldError::Unsigned { .. }),
            !is_lasting,
            "{error}"
        );
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn without_a_key_the_first_checkpoint_is_taken_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let mut held = open(dir.path(), Vec::new());
    let tree = Tree::new("a", 3);
    assert_eq!(held.look("a", "").unwrap(), Look::Known);
    assert_eq!(held.look("a", &tree.note()).unwrap(), Look::First);
    held.hold("a", &tree.note(), &[]).unwrap();
    assert!(matches!(held.look("a", ""), Err(HeldError::Missing { .. })));
    // With a key, also of another log, a log without one is not taken.
    let strict = open(dir.path(), vec![Tree::new("b", 0).verifier()]);
    let error = strict.look("c", &Tree::new("c", 1).note()).unwrap_err();
    assert!(error.to_string().contains("no key for `c`"), "{error}");
    assert!(matches!(
        strict.look("b", ""),
        Err(HeldError::Missing { .. })
    ));
}

#[test]
fn a_damaged_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut held = open(dir.path(), Vec::new());
    held.hold("a", &Tree::new("a", 3).note(), &[]).unwrap();
    let path = dir.path().join(file_name("a"));
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        std::fs::write(&path, flipped).unwrap();
        let opened = Checkpoints::open(Arc::new(OsFiles), dir.path(), Vec::new());
        assert!(matches!(opened, Err(HeldError::Damaged { .. })), "{at}");
    }
}
