//! Checkpoints, and the keys that they are checked with.

use super::stored::{ORIGIN, ROTATED, Stored, append, key, made};
use super::*;
use crate::audit::log::Signing;
use crate::audit::sign::SigningKey;
use crate::tlog::{Checkpoint, Hash, KeyKind, Note, Signature, VerifierKey};

/// The text of a checkpoint in the log.
fn text(log: &Stored, path: &str) -> String {
    Note::parse(&log.files[path]).unwrap().text().to_owned()
}

pub(super) fn note(text: &str, signatures: impl IntoIterator<Item = Signature>) -> Vec<u8> {
    let mut note = Note::new(text).unwrap();
    for signature in signatures {
        note.add(signature).unwrap();
    }
    note.to_string().into_bytes()
}

fn signed(key: &SigningKey, text: &str) -> Vec<u8> {
    note(text, [key.sign(&key.verifier(ORIGIN).unwrap(), text)])
}

/// Where the checkpoint of this size is kept.
pub(super) fn kept(size: u64) -> String {
    format!("checkpoints/{size:020}")
}

/// Says what came out, in one line.
fn told(log: &Stored, expected: &Expected) -> String {
    match log.check(expected) {
        Ok(checked) => {
            let signed = checked.signed;
            let (by, keys) = (signed.is_by_given_key, signed.keys.len());
            format!("{} by {by} of {keys}", signed.covered)
        }
        Err(fault) => fault.to_string(),
    }
}

fn keys(keys: &[&VerifierKey]) -> Expected {
    Expected {
        keys: keys.iter().map(|key| (*key).clone()).collect(),
        ..Expected::default()
    }
}

#[test]
fn signatures_are_worth_what_the_keys_given_are() {
    let made = made();
    let [first, last] = made.verifiers();
    let stranger = key().verifier(ORIGIN).unwrap();
    let other = made.keys[1].verifier("pdp/2").unwrap();
    let witness = VerifierKey::new(ORIGIN, KeyKind::Witness, *last.public()).unwrap();
    let of_other = "`checkpoint` (seq 0): none of the keys given is one of log `pdp/1`";
    let cases: [(&[&VerifierKey], &str); 8] = [
        (&[], "600 by false of 2"),
        (&[&first], "600 by true of 2"),
        (&[&last], "600 by true of 2"),
        (&[&stranger, &last], "600 by true of 2"),
        (&[&last, &other], "600 by true of 2"),
        (&[&stranger], of_other),
        (&[&other], of_other),
        (&[&witness], of_other),
    ];
    for (given, expected) in cases {
        assert_eq!(told(&made.log, &keys(given)), expected, "{given:?}");
    }
}

/// A log that always had one key names it nowhere.
#[test]
fn a_log_of_one_key_is_checked_with_it_alone() {
    let signing = key();
    let dir = tempfile::tempdir().unwrap();
    let with = Signing {
        key: signing.clone(),
        previous: None,
        time: TIME,
    };
    append(dir.path(), Some(with), 0..20);
    let log = Stored::of(dir.path());
    let own = signing.verifier(ORIGIN).unwrap();
    let stranger = key().verifier(ORIGIN).unwrap();
    let (name, id) = (stranger.name(), stranger.id());
    let not_signed = format!(
        "`checkpoint` (seq 20): the checkpoint over 20 records: the note is not signed with key \
         `{name}+{id:08x}`"
    );
    let cases: [(&[&VerifierKey], &str); 4] = [
        (&[], "0 by false of 0"),
        (&[&own], "20 by true of 1"),
        (&[&stranger, &own], "20 by true of 1"),
        (&[&stranger], &not_signed),
    ];
    for (given, expected) in cases {
        assert_eq!(told(&log, &keys(given)), expected, "{given:?}");
    }
}

#[test]
fn a_log_without_signatures_is_good_to_who_has_no_key() {
    let dir = tempfile::tempdir().unwrap();
    append(dir.path(), None, 0..20);
    let log = Stored::of(dir.path());
    let own = key().verifier(ORIGIN).unwrap();
    assert_eq!(told(&log, &Expected::default()), "0 by false of 0");
    let none = "`checkpoint` (seq 0): the log has no checkpoint: nothing in it is signed";
    assert_eq!(told(&log, &keys(&[&own])), none);
    assert_eq!(told(&Stored::default(), &keys(&[&own])), "0 by false of 0");
}

/// What is done to the log's files, and the place and beginning of what is said.
type Change<'a> = (&'a str, Box<dyn Fn(&mut Stored) + 'a>, &'a str);

fn put<'a>(path: &'a str, content: Vec<u8>) -> Box<dyn Fn(&mut Stored) + 'a> {
    Box::new(move |log| {
        log.files.insert(path.to_owned(), content.clone());
    })
}

#[test]
fn what_is_wrong_with_a_checkpoint_is_said() {
    let made = made();
    let start = made.log.starts()[0];
    let (of_start, latest) = (kept(start), text(&made.log, "checkpoint"));
    let [old, new] = &made.keys;
    let other_root = |text: &str| {
        let mut checkpoint: Checkpoint = text.parse().unwrap();
        checkpoint.root = Hash([7; 32]);
        checkpoint.to_string()
    };
    let resized = |size| {
        let mut checkpoint: Checkpoint = latest.parse().unwrap();
        checkpoint.size = size;
        checkpoint.to_string()
    };
    let renamed = latest.replacen(ORIGIN, "pdp/2", 1);
    let forged = {
        let own = key();
        let mut signature = own.sign(&own.verifier(ORIGIN).unwrap(), &latest);
        signature.key_id = new.verifier(ORIGIN).unwrap().id();
        note(&latest, [signature])
    };
    let text_of_start = text(&made.log, &of_start);
    let root_of_start = format!("over {start} records has another root");
    let cases: Vec<Change<'_>> = vec![
        (
            "checkpoint",
            put("checkpoint", b"x".to_vec()),
            "not a signed note",
        ),
        ("checkpoint", put("checkpoint", signed(new, "x\n")), ""),
        (
            "checkpoint",
            put("checkpoint", vec![b'x'; 65_537]),
            "longer",
        ),
        (
            "checkpoint",
            put("checkpoint", signed(new, &other_root(&latest))),
            "over 600 records has another root",
        ),
        (
            "checkpoint",
            put("checkpoint", signed(new, &resized(601))),
            "the checkpoint is over 601 records, and there are 600",
        ),
        (
            "checkpoint",
            put("checkpoint", signed(new, &renamed)),
            "its origin is `pdp/2`, not the log's",
        ),
        ("checkpoint", put("checkpoint", forged), "does not hold"),
        (
            "checkpoint",
            put("checkpoint", signed(old, &latest)),
            "over 600 records: the note is not signed with key",
        ),
        (
            &of_start,
            put(&of_start, signed(old, &other_root(&text_of_start))),
            &root_of_start,
        ),
        (
            &of_start,
            put(&of_start, signed(new, &text_of_start)),
            "the note is not signed with key",
        ),
        (
            &of_start,
            put(&of_start, made.log.files["checkpoint"].clone()),
            "its name says another size than it does",
        ),
        (
            "checkpoint",
            Box::new(|log| drop(log.files.remove("checkpoint"))),
            "the log has no checkpoint",
        ),
    ];
    for (path, change, expected) in cases {
        let mut log = made.log.clone();
        change(&mut log);
        let fault = log.check(&made.expected()).unwrap_err();
        assert_eq!((fault.file.as_str(), fault.line), (path, 0), "{fault}");
        assert!(fault.to_string().contains(expected), "{expected}: {fault}");
    }
    // Those that are kept may go; what has another name is none of them.
    let mut log = made.log.clone();
    log.files.remove(&of_start);
    log.files.insert("checkpoints/x".to_owned(), b"x".to_vec());
    let checked = log.check(&made.expected()).unwrap();
    let before = made.log.check(&made.expected()).unwrap();
    assert_eq!(checked.signed.checkpoints + 1, before.signed.checkpoints);
    assert_eq!(checked.signed.latest, Some(600));
}

/// Each is signed with the key of its time.
#[test]
fn the_key_changes_with_the_record_that_says_so() {
    let made = made();
    let [old, new] = &made.keys;
    for (size, key, other) in [(ROTATED, old, new), (600, new, old)] {
        let path = match size {
            600 => "checkpoint".to_owned(),
            size => kept(size),
        };
        let text = text(&made.log, &path);
        let mut log = made.log.clone();
        log.files.insert(path.clone(), signed(key, &text));
        log.check(&made.expected()).unwrap();
        log.files.insert(path, signed(other, &text));
        let fault = log.check(&made.expected()).unwrap_err();
        assert!(
            matches!(fault.what, Wrong::Signature { size: of, .. } if of == size),
            "{fault}"
        );
    }
}

/// After pruning the record of the change is gone: older checkpoints stand by the tree.
#[test]
fn of_a_pruned_log_checkpoints_of_before_may_be_by_a_key_that_is_gone() {
    let made = made();
    let start = made
        .log
        .starts()
        .into_iter()
        .find(|start| *start > ROTATED + 1)
        .unwrap();
    let rest = made.log.pruned(start);
    assert_eq!(told(&rest, &made.expected()), "600 by true of 1");
    let [first, _] = made.verifiers();
    assert!(rest.check(&keys(&[&first])).is_err());
    // Of what is here it may not be.
    let mut log = rest.clone();
    let later = made
        .log
        .starts()
        .into_iter()
        .find(|other| *other > start)
        .unwrap();
    let text = text(&log, &kept(later));
    log.files.insert(kept(later), signed(&made.keys[0], &text));
    let fault = log.check(&made.expected()).unwrap_err();
    assert!(matches!(fault.what, Wrong::Signature { .. }), "{fault}");
}

#[test]
fn a_checkpoint_that_is_held_has_to_be_one_of_this_log() {
    let made = made();
    let start = made.log.starts()[0];
    let older = made.log.files[&kept(start)].clone();
    let text_of_older = text(&made.log, &kept(start));
    let other = signed(&made.keys[0], &text_of_older.replacen(ORIGIN, "pdp/2", 1));
    let mut rewritten: Checkpoint = text_of_older.parse().unwrap();
    rewritten.root = Hash([7; 32]);
    let rewritten = signed(&made.keys[0], &rewritten.to_string());
    let mut longer: Checkpoint = text(&made.log, "checkpoint").parse().unwrap();
    longer.size = 10_000;
    let longer = signed(&made.keys[1], &longer.to_string());
    let cases = [
        (older, ""),
        (rewritten, "has another root"),
        (longer, "over 10000 records, and there are 600"),
        (other, "its origin is `pdp/2`"),
        (signed(&key(), &text_of_older), "is not signed with key"),
        (b"x".to_vec(), "not a signed note"),
    ];
    for (held, wrong) in cases {
        let expected = Expected {
            checkpoint: Some(("held.txt".to_owned(), held)),
            ..made.expected()
        };
        match (wrong, made.log.check(&expected)) {
            ("", found) => assert_eq!(found.unwrap().signed.covered, 600),
            (wrong, Err(fault)) => {
                assert_eq!(fault.file, "held.txt", "{fault}");
                assert!(fault.to_string().contains(wrong), "{wrong}: {fault}");
            }
            (wrong, found) => panic!("{wrong}: {found:?}"),
        }
    }
}
