//! Names of objects, and stores by their URLs.

use super::*;

#[test]
fn names_are_read_as_they_are_written() {
    let archived = Archived {
        first_seq: 7,
        day: "2026-11-21".into(),
        tier: Tier::Warm,
    };
    let name = archived.name("a/../b c");
    assert_eq!(
        name,
        "warm/a=2f=2e=2e=2fb=20c/log-00000000000000000007-2026-11-21.jsonl.zst"
    );
    let last = name.rsplit('/').next().unwrap();
    assert_eq!(Archived::parse(Tier::Warm, last), Some(archived));
    for wrong in [
        "log-7-2026-11-21.jsonl.zst",
        "log-00000000000000000007-2026-13-21.jsonl.zst",
        "log-00000000000000000007-.jsonl.zst",
        "log-00000000000000000007-2026-11-21.jsonl",
        "checkpoint",
    ] {
        assert_eq!(Archived::parse(Tier::Hot, wrong), None, "{wrong}");
    }
}

#[test]
fn a_store_is_named_by_a_url_that_says_which() {
    for url in [
        "",
        "archive",
        "ftp://host/dir",
        "https://example.com/x",
        "s3:///nothing",
    ] {
        let error = Store::open(url, Lock::None).map(|_| ()).unwrap_err();
        assert!(matches!(error, StoreError::Url { .. }), "{url}: {error}");
    }
    let error = Store::open("file:///archive", Lock::Compliance)
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, StoreError::NoLock { .. }), "{error}");
}

#[test]
fn a_directory_is_a_store() {
    let place = tempfile::tempdir().unwrap();
    let url = format!("file://{}/a%20b", place.path().display());
    let store = Store::open(&url, Lock::None).unwrap();
    assert_eq!(store.list("hot/x").unwrap(), [""; 0]);
    store.put("hot/x/one", b"1", Some(TIME)).unwrap();
    store.put("hot/x/one", b"11", None).unwrap();
    store.put("hot/xy/two", b"2", None).unwrap();
    assert_eq!(store.list("hot/x").unwrap(), ["hot/x/one"]);
    assert_eq!(store.get("hot/x/one").unwrap(), b"11");
    store.remove("hot/x/one").unwrap();
    assert!(store.get("hot/x/one").is_err());
    assert!(place.path().join("a b/hot/xy/two").exists());
}
