use super::*;
use crate::audit::hash::Hasher;
use crate::files::faulty::{Disk, Plan};
use crate::model::json::{self, parse};
use crate::model::time::Timestamp;

mod grants;

const TIME: Timestamp = Timestamp::from_nanos(1_795_190_400_123_456_000);
const LIMITS: Limits = Limits {
    object_bytes_max: 1000,
    store_bytes_max: 100_000,
};

fn log_dir() -> &'static Path {
    Path::new("/log")
}

fn disk() -> Disk {
    let disk = Disk::new();
    disk.make_dir(Path::new("/")).unwrap();
    disk.make_dir(log_dir()).unwrap();
    disk
}

fn open_with(disk: &Disk, key: u8, limits: Limits) -> Result<Arc<ContentStore>, OpenError> {
    let key = WrappingKey::new([key; 32]);
    ContentStore::open(log_dir(), key, limits, Arc::new(disk.clone())).map(Arc::new)
}

fn open(disk: &Disk) -> Arc<ContentStore> {
    open_with(disk, 7, LIMITS).unwrap()
}

fn content(text: &str) -> Json {
    parse(text.as_bytes(), json::Limits::REQUEST).unwrap()
}

/// Keeps content of this tenant, and waits until it is written.
fn keep(disk: &Disk, tenant: &str, text: &str) -> Hashed {
    let store = open(disk);
    let hashed = Hasher::keeping(Arc::clone(&store)).hash_and_keep(tenant, TIME, &content(text));
    store.close();
    hashed
}

fn read(disk: &Disk, hashed: &Hashed) -> Result<String, ReadError> {
    let reference = hashed.reference.as_ref().unwrap().parse().unwrap();
    let read = open(disk).read(&reference)?;
    Ok(String::from_utf8(read).unwrap())
}

#[test]
fn content_is_kept_encrypted_without_its_secrets() {
    let disk = disk();
    for (tenant, dir) in [("acme", "acme"), ("a/../b", "~"), ("..", "~"), ("", "~")] {
        let hashed = keep(
            &disk,
            tenant,
            r#"{"password": "hunter2", "note": "plain words"}"#,
        );
        let reference = hashed.reference.clone().unwrap();
        let hash = hashed.hash.rsplit(':').next().unwrap();
        assert!(reference.starts_with(dir), "{reference}");
        assert!(
            reference.ends_with(&format!("/2026-11/{hash}")),
            "{reference}"
        );
        let expected = r#"{"password":{"secret":"name","present":true},"note":"plain words"}"#;
        assert_eq!(read(&disk, &hashed).unwrap(), expected);
    }
    for path in all_files(&disk, log_dir()) {
        let bytes = disk.read(&path, u64::MAX).unwrap();
        for plain in ["hunter2", "plain words", "password"] {
            let found = bytes.windows(plain.len()).any(|it| it == plain.as_bytes());
            assert!(!found, "{plain} in {}", path.display());
        }
    }
}

fn all_files(disk: &Disk, dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for name in disk.names(dir).unwrap() {
        let path = dir.join(name);
        match disk.is_dir(&path) {
            true => found.extend(all_files(disk, &path)),
            false => found.push(path),
        }
    }
    found
}

#[test]
fn hashes_are_equal_where_content_is_and_only_within_tenant_and_month() {
    let disk = disk();
    let one = keep(&disk, "acme", r#"{"a": 1, "b": 2}"#);
    assert_eq!(one.hash, keep(&disk, "acme", r#"{"b": 2, "a": 1}"#).hash);
    assert_ne!(one.hash, keep(&disk, "globex", r#"{"a": 1, "b": 2}"#).hash);
    let store = open(&disk);
    let hasher = Hasher::keeping(Arc::clone(&store));
    let december = Timestamp::from_nanos(TIME.as_nanos() + 30 * 86_400_000_000_000);
    let later = hasher.hash("acme", december, &content(r#"{"a": 1, "b": 2}"#));
    assert_ne!(one.hash, later.hash);
    assert!(
        later.hash.starts_with("hmac-sha256:2026-12."),
        "{}",
        later.hash
    );
    // Hashed, and not kept.
    assert_eq!((later.reference, later.omitted), (None, None));
}

#[test]
fn what_is_not_kept_says_why() {
    let long = format!(r#"{{"a": "{}"}}"#, "x".repeat(1000));
    let small = Limits {
        store_bytes_max: 300,
        ..LIMITS
    };
    let disk = disk();
    let store = open_with(&disk, 7, small).unwrap();
    let hasher = Hasher::keeping(Arc::clone(&store));
    let cases = [
        (long.as_str(), Some(Omitted::TooLarge)),
        (r#"{"a": 1}"#, None),
        (
            &format!(r#"{{"a": "{}"}}"#, "y".repeat(400)),
            Some(Omitted::StoreFull),
        ),
    ];
    for (text, expected) in cases {
        let hashed = hasher.hash_and_keep("acme", TIME, &content(text));
        assert_eq!(hashed.omitted, expected, "{text}");
        assert_eq!(hashed.reference.is_some(), expected.is_none());
    }
    store.close();
    let counted = Omitted::ALL.map(|why| store.omitted(why));
    assert_eq!((store.kept(), counted), (1, [1, 1, 0, 0]));
    assert!(store.bytes() > 0);
    // Closed: nothing is taken, and nothing claimed.
    let after = hasher.hash_and_keep("acme", TIME, &content(r#"{"a": 2}"#));
    assert_eq!(after.omitted, Some(Omitted::Failed));
}

#[test]
fn room_in_the_queue_is_bounded_and_given_back() {
    let shared = Shared::default();
    let held = shared.reserve(60, 100, 1000).ok().unwrap();
    assert_eq!(
        shared.reserve(60, 100, 1000).err(),
        Some(Omitted::QueueFull)
    );
    drop(held);
    assert!(shared.reserve(60, 100, 1000).is_ok());
    assert_eq!(shared.reserve(60, 100, 50).err(), Some(Omitted::StoreFull));
}

/// Each operation of keeping one object fails in turn, and the power fails at each: what is named
/// can be read or is told to be missing, never something else; and the store opens again.
#[test]
fn faults_leave_content_whole_or_missing() {
    for crash in [false, true] {
        let mut at = 0;
        loop {
            let disk = disk();
            disk.set(Plan {
                fail_at: (!crash).then_some(at),
                crash_at: crash.then_some(at),
                seed: at,
                ..Plan::default()
            });
            let kept = open_with(&disk, 7, LIMITS).map(|store| {
                let hasher = Hasher::keeping(Arc::clone(&store));
                let hashed = hasher.hash_and_keep("acme", TIME, &content(r#"{"a": 1}"#));
                store.close();
                hashed
            });
            let went_wrong = disk.operations() > at;
            disk.set(Plan::default());
            if let Ok(hashed) = kept {
                assert!(hashed.hash.starts_with("hmac-sha256:2026-11."));
                assert!(hashed.reference.is_some() != hashed.omitted.is_some());
                if hashed.reference.is_some() {
                    match read(&disk, &hashed) {
                        Ok(text) => assert_eq!(text, r#"{"a":1}"#),
                        Err(error) => assert!(matches!(error, ReadError::Missing), "{error}"),
                    }
                }
            }
            let again = keep(&disk, "acme", r#"{"a": 2}"#);
            assert_eq!(read(&disk, &again).unwrap(), r#"{"a":2}"#);
            if !went_wrong {
                break;
            }
            at += 1;
        }
        assert!(at > 8, "{at}");
    }
}

#[test]
fn erasing_destroys_keys_and_objects_of_that_month_alone() {
    let disk = disk();
    let erased = keep(&disk, "acme", r#"{"a": 1}"#);
    let kept = keep(&disk, "globex", r#"{"a": 1}"#);
    let refused = |tenant, month| {
        erase(log_dir(), tenant, month, &disk)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused("acme", "11-2026"),
        "`11-2026` is no month: write it as `2026-11`"
    );
    assert_eq!(
        refused("acme", "2026-10"),
        "there is no content of tenant `acme` in `2026-10`"
    );
    let done = erase(log_dir(), "acme", "2026-11", &disk).unwrap();
    assert_eq!(done, Erased { objects: 1 });
    assert!(matches!(read(&disk, &erased), Err(ReadError::Erased)));
    assert_eq!(read(&disk, &kept).unwrap(), r#"{"a":1}"#);
    // Done again, nothing is left to do.
    assert_eq!(
        erase(log_dir(), "acme", "2026-11", &disk).unwrap(),
        Erased { objects: 0 }
    );
    // The month goes on under other keys: the same content has another hash.
    let after = keep(&disk, "acme", r#"{"a": 1}"#);
    assert_ne!(after.hash, erased.hash);
    assert_eq!(read(&disk, &after).unwrap(), r#"{"a":1}"#);
    assert!(matches!(read(&disk, &erased), Err(ReadError::Erased)));
}

#[test]
fn erasing_that_is_cut_short_can_be_done_again() {
    for crash in [false, true] {
        let mut at = 0;
        loop {
            let disk = disk();
            let hashed = keep(&disk, "acme", r#"{"a": 1}"#);
            disk.set(Plan {
                fail_at: (!crash).then_some(at),
                crash_at: crash.then_some(at),
                seed: at,
                ..Plan::default()
            });
            let first = erase(log_dir(), "acme", "2026-11", &disk);
            disk.set(Plan::default());
            if first.is_err() {
                erase(log_dir(), "acme", "2026-11", &disk).unwrap();
            }
            disk.crash();
            assert!(
                matches!(read(&disk, &hashed), Err(ReadError::Erased)),
                "{crash} {at}"
            );
            if first.is_ok() {
                break;
            }
            at += 1;
        }
        assert!(at > 4, "{at}");
    }
}

#[test]
fn another_key_opens_nothing() {
    let disk = disk();
    let hashed = keep(&disk, "acme", r#"{"a": 1}"#);
    let error = open_with(&disk, 8, LIMITS).err().unwrap().to_string();
    assert!(
        error.contains("`audit.content.key_file` must have the key"),
        "{error}"
    );
    let reference: Reference = hashed.reference.as_ref().unwrap().parse().unwrap();
    // An object in the place of another, and one that was changed.
    let other = keep(&disk, "acme", r#"{"a": 2}"#);
    let other: Reference = other.reference.unwrap().parse().unwrap();
    let dir = log_dir().join(CONTENT_DIR);
    let bytes = disk.read(&other.path(&dir), u64::MAX).unwrap();
    let changed = |at: usize| {
        let mut bytes = disk.read(&reference.path(&dir), u64::MAX).unwrap();
        bytes[at] ^= 1;
        bytes
    };
    for bytes in [bytes, changed(0), changed(30), Vec::new()] {
        files::replace(&disk, &reference.path(&dir), &bytes).unwrap();
        assert!(matches!(
            open(&disk).read(&reference),
            Err(ReadError::Damaged)
        ));
    }
}

#[test]
fn only_references_are_references() {
    let hash = "0".repeat(64);
    let good = [
        format!("acme/2026-11/{hash}"),
        format!("~{hash}/2026-01/{hash}"),
    ];
    for text in good {
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.to_string(), text);
    }
    let bad = [
        String::new(),
        format!("../2026-11/{hash}"),
        format!("./2026-11/{hash}"),
        format!("/2026-11/{hash}"),
        format!("a b/2026-11/{hash}"),
        format!("~x/2026-11/{hash}"),
        format!("acme/2026-13/{hash}"),
        format!("acme/../{hash}"),
        "acme/2026-11/../keys".to_owned(),
        "acme/2026-11/keys".to_owned(),
        format!("acme/2026-11/{}", "G".repeat(64)),
        format!("acme/2026-11/{hash}/x"),
    ];
    for text in bad {
        assert!(text.parse::<Reference>().is_err(), "{text}");
    }
}
