use super::*;
use crate::tlog::{KeyKind, cosigned_text, leaf_hash};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

struct Cosigner {
    pair: Ed25519KeyPair,
    key: VerifierKey,
}

impl Cosigner {
    fn new(name: &str) -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        let key = VerifierKey::new(name, KeyKind::Witness, public).unwrap();
        Self { pair, key }
    }

    fn line(&self, time_s: u64, text: &str) -> String {
        let mut bytes = time_s.to_be_bytes().to_vec();
        let signature = self.pair.sign(cosigned_text(time_s, text).as_bytes());
        bytes.extend_from_slice(signature.as_ref());
        let (name, key_id) = (self.key.name().to_owned(), self.key.id());
        format!(
            "{}\n",
            Signature {
                name,
                key_id,
                bytes
            }
        )
    }
}

fn checkpoint() -> Note {
    let root = leaf_hash(b"a");
    Note::new(&format!("toolgate/one\n7\n{root}\n")).unwrap()
}

#[test]
fn a_request_has_the_old_size_the_proof_and_the_checkpoint() {
    let note = checkpoint();
    let (a, b) = (leaf_hash(b"a"), leaf_hash(b"b"));
    assert_eq!(add_checkpoint(0, &[], &note), format!("old 0\n\n{note}"));
    assert_eq!(
        add_checkpoint(5, &[a, b], &note),
        format!("old 5\n{a}\n{b}\n\n{note}")
    );
}

#[test]
fn only_signatures_of_the_witness_are_taken_and_each_is_checked() {
    let note = checkpoint();
    let (ours, other) = (Cosigner::new("w.example"), Cosigner::new("other.example"));
    let good = ours.line(1_700_000_000, note.text());
    let forged = ours.line(1_700_000_000, "toolgate/one\n8\nAAAA\n");
    let unsigned_time = ours.line(0, note.text());
    let unknown = other.line(1, note.text());
    let read = |body: &str| read_answer((200, body.as_bytes()), (&note, 7), &ours.key);
    let cosigned = vec![Signature::parse(good.trim_end()).unwrap()];
    for body in [
        good.clone(),
        format!("{unknown}{good}"),
        format!("{good}{unknown}"),
    ] {
        assert_eq!(read(&body), Ok(Answer::Cosigned(cosigned.clone())));
    }
    for (body, expected) in [
        (forged.clone(), "signature of `w.example+"),
        (format!("{good}{forged}"), "signature of `w.example+"),
        (unknown, "is not signed with key `w.example+"),
        (unsigned_time, "a signature without a time"),
        (good.trim_end().to_owned(), "not lines of signatures"),
        (format!("{good}\n"), "not lines of signatures"),
        ("garbage\n".to_owned(), "not lines of signatures"),
        (String::new(), "not lines of signatures"),
    ] {
        let error = read(&body).unwrap_err();
        assert!(error.to_string().contains(expected), "{body}: {error}");
        assert!(!error.is_of_the_log());
    }
    let not_text = read_answer((200, b"\xff\n"), (&note, 7), &ours.key);
    assert_eq!(
        not_text,
        Err(WitnessError::Malformed("not lines of signatures"))
    );
}

#[test]
fn other_answers_are_told_apart() {
    let (note, ours) = (checkpoint(), Cosigner::new("w.example"));
    let no_size = || Err(WitnessError::Malformed("no size of a log"));
    for (status, body, expected) in [
        (409, "0\n", Ok(Answer::Since(0))),
        (409, "7\n", Ok(Answer::Since(7))),
        (409, "8\n", Err(WitnessError::Ahead { since: 8, size: 7 })),
        (409, "7", no_size()),
        (409, "07\n", no_size()),
        (409, "+7\n", no_size()),
        (409, "\n", no_size()),
        (409, "7\n7\n", no_size()),
        (409, "99999999999999999999\n", no_size()),
        (403, "", Err(WitnessError::OtherKey)),
        (404, "", Err(WitnessError::UnknownLog)),
        (422, "", Err(WitnessError::Forked)),
        (400, "", Err(WitnessError::Status(400))),
        (500, "", Err(WitnessError::Status(500))),
        (302, "", Err(WitnessError::Status(302))),
    ] {
        let read = read_answer((status, body.as_bytes()), (&note, 7), &ours.key);
        assert_eq!(read, expected, "{status} {body:?}");
    }
    assert!(WitnessError::Forked.is_of_the_log());
}
