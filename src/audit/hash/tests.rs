use super::*;
use crate::files::OsFiles;
use crate::model::json::{Limits, parse};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn json(text: &str) -> Json {
    parse(text.as_bytes(), Limits::REQUEST).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

const NOVEMBER: &str = "2026-11-21T10:00:00Z";

fn hash(text: &str) -> Hashed {
    Hasher::new([7; KEY_BYTES]).hash("acme", at(NOVEMBER), &json(text))
}

/// Computed with Python's `hmac` from the description in `docs/audit-format.md`.
#[test]
fn hash_is_the_documented_one() {
    let hashed = hash(r#"{"b": 9007199254740993, "a": ["é", 1.0]}"#);
    let expected = "hmac-sha256:2026-11.043257fe2a12c71f:b39550a80e4cc385a11b0faf05bc9678b60bf9deeaa6b09f4bea9f76abf523cb";
    assert_eq!(hashed.hash, expected);
    assert_eq!(
        hashed.size,
        r#"{"a":["é",1.0],"b":9007199254740993}"#.len() as u64
    );
}

#[test]
fn equal_content_has_one_hash_and_other_content_another() {
    let same = [
        r#"{"a":1,"b":2}"#,
        r#"{ "b": 2, "a": 1 }"#,
        r#"{"\u0061":1,"b":2}"#,
    ];
    for text in same {
        assert_eq!(hash(text), hash(same[0]), "{text}");
    }
    let others = [
        r#"{"a":1,"b":"2"}"#,
        r#"{"a":1,"b":2.0}"#,
        "9007199254740992",
        "9007199254740993",
        "null",
        "{}",
    ];
    for (index, text) in others.iter().enumerate() {
        for other in same.iter().chain(&others[..index]) {
            assert_ne!(hash(text).hash, hash(other).hash, "{text} {other}");
        }
    }
}

#[test]
fn keys_differ_by_root_tenant_and_month() {
    let content = json("1");
    let hasher = Hasher::new([7; KEY_BYTES]);
    let base = hasher.hash("acme", at(NOVEMBER), &content).hash;
    let same_month = hasher.hash("acme", at("2026-11-30T23:59:59.999Z"), &content);
    assert_eq!(same_month.hash, base);
    let others = [
        hasher.hash("acme", at("2026-12-01T00:00:00Z"), &content),
        hasher.hash("acme2", at(NOVEMBER), &content),
        hasher.hash("", at(NOVEMBER), &content),
        Hasher::new([8; KEY_BYTES]).hash("acme", at(NOVEMBER), &content),
    ];
    let parts = |hash: &str| {
        let parts: Vec<_> = hash.split(':').map(str::to_owned).collect();
        (parts[1].clone(), parts[2].clone())
    };
    for other in others {
        assert_ne!(parts(&other.hash).0, parts(&base).0, "key id");
        assert_ne!(parts(&other.hash).1, parts(&base).1, "hash");
    }
}

#[test]
fn secrets_are_told_by_their_names() {
    let present = [
        r#"{"password":"x"}"#,
        r#"{"a":[{"X-Api-Key":"x"}]}"#,
        r#"{"dbPassword":"x"}"#,
        r#"{"access_token":"x"}"#,
        r#"{"Authorization":"Bearer x"}"#,
        r#"{"client.secret":1}"#,
        r#"{"credentials":{"user":"x"}}"#,
        r#"{"set-cookie":["x"]}"#,
    ];
    let absent = [
        r#"{"max_tokens":5}"#,
        r#"{"password":""}"#,
        r#"{"password":null,"token":false,"secret":{},"cookie":[]}"#,
        r#"{"secretary":"ann"}"#,
        r#""password""#,
        r#"{"a":"password=x"}"#,
    ];
    for text in present {
        assert!(hash(text).secret_present, "{text}");
    }
    for text in absent {
        assert!(!hash(text).secret_present, "{text}");
    }
}

#[test]
fn key_is_made_once_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.key");
    let hash = || {
        let hasher = Hasher::open(&path, &OsFiles)?;
        Ok::<_, KeyError>(hasher.hash("acme", at(NOVEMBER), &json("1")).hash)
    };
    let first = hash().unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(hash().unwrap(), first);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    for mode in [0o640, 0o604, 0o660] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = hash().unwrap_err();
        assert!(matches!(error, KeyError::Shared { .. }), "{error}");
    }
    fs::remove_file(&path).unwrap();
    assert_ne!(hash().unwrap(), first, "keys are random");
}

#[test]
fn what_is_no_key_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.key");
    let hex = "0f".repeat(32);
    let cases = [
        (String::new(), false),
        (hex.clone(), true),
        (format!("{hex}\n"), true),
        (format!("{hex}0"), false),
        (format!("{hex}\n\n"), false),
        (hex.replacen('0', "g", 1), false),
        (hex.replacen("0f", "é", 1), false),
    ];
    for (text, is_key) in cases {
        fs::write(&path, &text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let opened = Hasher::open(&path, &OsFiles);
        assert_eq!(opened.is_ok(), is_key, "{text:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        if let Err(error) = opened {
            assert!(!error.to_string().contains("0f0f"), "{error}");
        }
    }
}
