use super::{Note, NoteError, SIGNATURES_MAX, Signature};
use crate::tlog::{KeyKind, VerifierKey, cosigned_text};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use proptest::prelude::*;

const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
/// The example of c2sp.org/signed-note.
const NOTE: &str = "This is an example message.\n\n\
    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn pair() -> (Ed25519KeyPair, [u8; 32]) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = pair.public_key().as_ref().try_into().unwrap();
    (pair, public)
}

#[test]
fn the_specifications_example_holds() {
    let note = Note::parse(NOTE.as_bytes()).unwrap();
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.check(&KEY.parse().unwrap()), Ok(None));
    assert_eq!(note.to_string(), NOTE);
}

#[test]
fn nothing_else_holds() {
    let key: VerifierKey = KEY.parse().unwrap();
    let named = "example.com/foo+530d903a".to_owned();
    let forged = Err(NoteError::Forged { key: named.clone() });
    let changed = NOTE.replace("example message", "Example message");
    assert_eq!(Note::parse(changed.as_bytes()).unwrap().check(&key), forged);
    // The one that holds does not make up for the one that does not.
    let twice = format!(
        "{NOTE}{}",
        NOTE.lines().last().unwrap().replace("UnIne", "UoIne")
    );
    let twice = twice.replace("Yu72IneyaQM=", "Yu72IneyaQI=");
    let twice = Note::parse(format!("{}\n", twice.trim_end()).as_bytes()).unwrap();
    assert_eq!(twice.check(&key), forged);
    let other = VerifierKey::new("example.com/foo", KeyKind::Log, [1; 32]).unwrap();
    let note = Note::parse(NOTE.as_bytes()).unwrap();
    assert!(matches!(
        note.check(&other),
        Err(NoteError::NotSigned { .. })
    ));
    let renamed = VerifierKey::new("example.com/bar", KeyKind::Log, *key.public()).unwrap();
    assert!(matches!(
        note.check(&renamed),
        Err(NoteError::NotSigned { .. })
    ));
}

#[test]
fn a_witness_signs_a_time_with_the_text() {
    let (pair, public) = pair();
    let key = VerifierKey::new("witness.example/w", KeyKind::Witness, public).unwrap();
    let text = "log\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n";
    let signed = |time: u64, said: u64| {
        let mut bytes = said.to_be_bytes().to_vec();
        bytes.extend_from_slice(pair.sign(cosigned_text(time, text).as_bytes()).as_ref());
        let name = key.name().to_owned();
        let key_id = key.id();
        let mut note = Note::new(text).unwrap();
        note.add(Signature {
            name,
            key_id,
            bytes,
        })
        .unwrap();
        Note::parse(note.to_string().as_bytes())
            .unwrap()
            .check(&key)
    };
    assert_eq!(
        signed(1_679_315_147, 1_679_315_147),
        Ok(Some(1_679_315_147))
    );
    assert!(matches!(
        signed(1_679_315_147, 1_679_315_148),
        Err(NoteError::Forged { .. })
    ));
    assert!(matches!(
        signed(u64::MAX, u64::MAX),
        Err(NoteError::Forged { .. })
    ));
}

#[test]
fn what_is_no_note_says_why() {
    let cases = [
        ("", "blank line"),
        ("text\n", "blank line"),
        ("text\n\n", "last line has no end"),
        ("text\n\n— a AAAAAAA=", "last line has no end"),
        ("text\n\nno signature\n", "no signature"),
        ("text\n\n— a AAAA\n", "no signature"),
        ("text\n\n— a b AAAAAAA=\n", "no signature"),
        ("text\n\n— a+b AAAAAAA=\n", "no signature"),
        ("text\n\n— a AAAAAAA\n", "no signature"),
        ("te\txt\n\n— a AAAAAAA=\n", "control characters"),
        ("text\r\n\n— a AAAAAAA=\n", "control characters"),
    ];
    for (text, why) in cases {
        let error = Note::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{text:?}: {error}");
    }
    assert!(
        Note::parse(b"\xff\n\n")
            .unwrap_err()
            .to_string()
            .contains("UTF-8")
    );
    let many = format!("text\n\n{}", "— a AAAAAAA=\n".repeat(SIGNATURES_MAX + 1));
    assert!(
        Note::parse(many.as_bytes())
            .unwrap_err()
            .to_string()
            .contains("too many")
    );
    let long = format!("{}\n\n— a AAAAAAA=\n", "x".repeat(super::NOTE_BYTES_MAX));
    assert_eq!(Note::parse(long.as_bytes()), Err(NoteError::TooLong));
}

proptest! {
    #[test]
    fn a_note_is_written_as_it_was_read(text in "\\PC{0,40}(\n\\PC{1,40}){0,3}", names in prop::collection::vec("[a-z./]{1,9}", 1..4)) {
        let mut note = Note::new(&format!("{text}\n")).unwrap();
        for name in names {
            note.add(Signature { name, key_id: 77, bytes: vec![1, 2, 3] }).unwrap();
        }
        prop_assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Note::parse(&bytes);
    }
}
