use super::{SigningKey, SigningKeyError};
use crate::files::OsFiles;
use crate::tlog::Note;
use std::os::unix::fs::PermissionsExt;

/// As `openssl genpkey -algorithm ed25519` writes it: RFC 8410 section 10.3.
const OPENSSL: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";
/// The public key of RFC 8410 section 10.1.
const PUBLIC: [u8; 4] = [0x19, 0xbf, 0x44, 0x09];

#[test]
fn a_key_is_read_as_it_was_made() {
    let (made, pem) = SigningKey::generate().unwrap();
    let read = SigningKey::from_pem(&pem, "the test").unwrap();
    assert_eq!(made.verifier("log"), read.verifier("log"));
    let key = read.verifier("log").unwrap();
    let mut note = Note::new("text\n").unwrap();
    note.add(made.sign(&key, note.text())).unwrap();
    assert_eq!(note.check(&key), Ok(None));
}

#[test]
fn keys_of_other_programs_are_read() {
    let key = SigningKey::from_pem(OPENSSL, "the test").unwrap();
    assert_eq!(key.public[..4], PUBLIC);
}

#[test]
fn what_is_no_key_says_so_without_showing_it() {
    let cut = OPENSSL.replace("NTuctv5", "");
    let wrong = ["", "secret", &cut, &OPENSSL.replace("PRIVATE", "PUBLIC")];
    for pem in wrong {
        let error = SigningKey::from_pem(pem, "`key.pem`")
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("`key.pem` is no Ed25519 key"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_file_is_made_once_for_its_owner_alone_and_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signing.key");
    let made = SigningKey::open(&path, &OsFiles).unwrap();
    let again = SigningKey::open(&path, &OsFiles).unwrap();
    assert_eq!(made.verifier("log"), again.verifier("log"));
    let mode = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    mode(0o640);
    assert!(matches!(
        SigningKey::open(&path, &OsFiles),
        Err(SigningKeyError::Shared { .. })
    ));
    mode(0o600);
    std::fs::write(&path, "nothing").unwrap();
    assert!(matches!(
        SigningKey::open(&path, &OsFiles),
        Err(SigningKeyError::Malformed { .. })
    ));
    assert_eq!(std::fs::read(&path).unwrap(), b"nothing");
}
