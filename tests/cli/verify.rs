//! `toolgate audit verify` on signed logs: what it is given, what it says, and how it ends.

use crate::tamper::log::{Made, made, write};
use crate::util::Workplace;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use toolgate::audit::log::{Cadence, Log, Options, Signing};
use toolgate::audit::record::{Heartbeat, Record};
use toolgate::audit::sign::SigningKey;
use toolgate::files::OsFiles;
use toolgate::model::time::Timestamp;
use toolgate::tlog::{KeyKind, Note, Signature, VerifierKey, cosigned_text};

/// A signed log in `log`, and its key in `key`.
fn signed() -> (Workplace, Made) {
    let (place, made) = (Workplace::new(), made(60));
    write(&made.files, &place.path("log"));
    place.write("key", &format!("{}\n", made.key));
    (place, made)
}

/// Runs `audit verify` with these words, and expects this end.
fn verify(place: &Workplace, words: &str, code: i32) -> crate::util::Ended {
    let words = words.split_whitespace();
    let arguments: Vec<_> = ["audit", "verify"].into_iter().chain(words).collect();
    place.run(&arguments).expect(code)
}

fn stranger(origin: &str) -> VerifierKey {
    let (key, _) = SigningKey::generate().unwrap();
    key.verifier(origin).unwrap()
}

/// Puts a witness' line under the latest checkpoint. Gives back its key.
fn cosign(dir: &Path, spoil: u8) -> VerifierKey {
    let (key, _) = SigningKey::generate().unwrap();
    let public = *key.verifier("wit").unwrap().public();
    let witness = VerifierKey::new("wit", KeyKind::Witness, public).unwrap();
    let path = dir.join("checkpoint");
    let mut note = Note::parse(&std::fs::read(&path).unwrap()).unwrap();
    let time_s: u64 = 1_795_190_400;
    let signed = key.sign(&witness, &cosigned_text(time_s, note.text()));
    let mut bytes = [&time_s.to_be_bytes(), signed.bytes.as_slice()].concat();
    *bytes.last_mut().unwrap() ^= spoil;
    note.add(Signature { bytes, ..signed }).unwrap();
    std::fs::write(path, note.to_string()).unwrap();
    witness
}

#[test]
fn a_proof_is_checked_with_the_record_and_the_key_alone() {
    let (place, made) = signed();
    let proof = ["audit", "prove", "log", "--seq", "7"];
    place.write("proof", &place.run(&proof).expect(0).out);
    let content = &made.files["log-00000000000000000000.jsonl"];
    let content = std::str::from_utf8(content).unwrap();
    let line = content.lines().nth(7).unwrap();
    place.write("record", line);
    place.write("altered", &line.replace("2026", "2027"));
    place.write("other", content.lines().nth(8).unwrap());
    let with = |record: &str, more: &str, code| {
        let words = format!("--proof proof --record {record} {more}");
        verify(&place, &words, code)
    };
    let good = with("record", "--key key", 0);
    let said = "the proof holds: the record is seq 7 of log `toolgate/pdp-1`, by its checkpoint over 61 records\n";
    assert_eq!(good.out, said);
    let shown = with("record", "--key key --output json", 0).json();
    let expected = json!({"valid": true, "origin": "toolgate/pdp-1", "seq": 7, "size": 61});
    assert_eq!(shown, expected);
    let own = stranger("toolgate/pdp-1").to_string();
    with("record", &format!("--key {own} --key key"), 0);
    with("record", &format!("--key {own}"), 1);
    for record in ["altered", "other"] {
        let bad = with(record, "--key key", 1);
        assert!(bad.out.starts_with("the proof does not hold: "), "{bad:?}");
        let bad = with(record, "--key key --output json", 1).json();
        assert_eq!(bad["valid"], false);
        assert!(bad["wrong"].as_str().unwrap().contains("another root"));
    }
    // Files that are not there cannot be used; words that do not go together are wrong usage.
    with("nowhere", "--key key", 2);
    with("record", "", 64);
    with("record", "--key key --head 1:2", 64);
    verify(&place, "log --record record", 64);
    verify(&place, "", 64);
}

#[test]
fn keys_are_given_as_texts_or_files_and_are_of_their_kind() {
    let (place, made) = signed();
    let text = made.key.to_string();
    for key in ["key", &text] {
        let shown = verify(&place, &format!("log --key {key} --output json"), 0).json();
        let tree = &shown["tree"];
        assert_eq!(
            (&tree["is_by_given_key"], &tree["covered"]),
            (&json!(true), &json!(61))
        );
        assert_eq!(tree["keys"][1], Value::from(text.as_str()));
    }
    let blind = verify(&place, "log --output json", 0).json();
    assert_eq!(blind["tree"]["is_by_given_key"], false);
    let own = stranger("toolgate/pdp-1");
    let wrong = verify(&place, &format!("log --key {own}"), 1);
    assert!(
        wrong.out.contains("none of the keys given is one of log"),
        "{wrong:?}"
    );
    place.write("garbage", "x\n");
    let witness = VerifierKey::new("w", KeyKind::Witness, *own.public()).unwrap();
    for words in [
        "log --key x".to_owned(),
        "log --key garbage".to_owned(),
        format!("log --key {witness}"),
        format!("log --witness {own}"),
        "log --checkpoint nowhere".to_owned(),
    ] {
        verify(&place, &words, 2);
    }
}

#[test]
fn a_witness_has_to_have_cosigned() {
    let (place, _) = signed();
    let witness = cosign(&place.path("log"), 0);
    let words = format!("log --key key --witness {witness}");
    let shown = verify(&place, &format!("{words} --output json"), 0).json();
    let expected = json!([{"name": "wit", "size": 61, "time": "2026-11-20T16:00:00Z"}]);
    assert_eq!(shown["tree"]["witnesses"], expected);
    let told = verify(&place, &words, 0);
    assert!(
        told.out
            .contains("witness\twit at size 61, 2026-11-20T16:00:00Z\n"),
        "{told:?}"
    );
    let forged = cosign(&place.path("log"), 1);
    let found = verify(&place, &format!("log --witness {forged} --output json"), 1).json();
    assert_eq!(found["wrong"]["file"], "checkpoint");
    assert!(
        found["wrong"]["what"]
            .as_str()
            .unwrap()
            .contains("does not hold")
    );
    let other = stranger("other");
    let other = VerifierKey::new("other", KeyKind::Witness, *other.public()).unwrap();
    let missing = verify(&place, &format!("log --witness {other}"), 1);
    assert!(
        missing
            .out
            .contains("no checkpoint is cosigned by witness `other`"),
        "{missing:?}"
    );
}

#[test]
fn several_logs_are_checked_together_and_one_that_is_wrong_fails() {
    let (place, made) = signed();
    write(&made.other, &place.path("other"));
    let both = verify(&place, "log other --output json", 0).json();
    assert_eq!(both["valid"], true);
    let logs = both["logs"].as_array().unwrap();
    assert_eq!(
        (&logs[0]["dir"], &logs[1]["dir"]),
        (&json!("log"), &json!("other"))
    );
    // What is in both is there twice.
    let alone = verify(&place, "log --output json", 0).json();
    let outcomes = &alone["pairing"]["outcomes"];
    assert_eq!(
        (&both["pairing"]["outcomes"], &both["pairing"]["repeated"]),
        (outcomes, outcomes)
    );
    assert_eq!(both["pairing"]["without_decision"], 0);
    let told = verify(&place, "log other", 0);
    assert!(told.out.contains("\ncalls granted\t"), "{told:?}");
    std::fs::remove_file(place.path("other").join("tile/entries/000.p/59")).unwrap();
    let broken = verify(&place, "log other --output json", 1).json();
    assert_eq!(
        (&broken["valid"], &broken["logs"][0]["valid"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(broken["logs"][1]["wrong"]["file"], "tile/entries/000.p/59");
    let head = alone["head"].as_str().unwrap();
    for words in [
        format!("log other --head {head}"),
        "log other --checkpoint log/checkpoint".to_owned(),
        "log other --archive file:///nowhere".to_owned(),
        "log nowhere".to_owned(),
    ] {
        verify(&place, &words, 2);
    }
    std::fs::create_dir(place.path("empty")).unwrap();
    let empty = verify(&place, "empty", 2);
    assert!(empty.err.contains("no audit log in `empty`"), "{empty:?}");
}

#[test]
fn an_older_checkpoint_shows_what_was_cut_and_signed_anew() {
    let (place, made) = signed();
    std::fs::write(place.path("held"), &made.held).unwrap();
    let found = verify(&place, "log --checkpoint held --output json", 0).json();
    assert_eq!(found["held_checkpoint"], "found");
    write(&made.older, &place.path("older"));
    verify(&place, "older --key key", 0);
    let cut = verify(&place, "older --checkpoint held --output json", 1).json();
    assert_eq!(cut["wrong"]["file"], "held");
    assert!(
        cut["wrong"]["what"]
            .as_str()
            .unwrap()
            .contains("over 61 records"),
        "{cut}"
    );
}

#[test]
fn a_log_that_is_signed_again_meanwhile_checks() {
    let place = Workplace::new();
    let time = Timestamp::from_nanos(1_795_190_400_000_000_000);
    let signing = Signing {
        key: Arc::new(SigningKey::generate().unwrap().0),
        previous: None,
        time,
    };
    let options = Options {
        signing: Some(signing),
        cadence: Cadence {
            leaves_max: 50,
            ms_max: 20,
        },
        ..Options::new("pdp/1")
    };
    let (log, _) = Log::open(&place.path("log"), options, Arc::new(OsFiles)).unwrap();
    // Far busier than a log is, and not for as long as the command is patient.
    let end = Instant::now() + Duration::from_millis(500);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let beat = Record::Heartbeat(Heartbeat::default());
            while Instant::now() < end {
                log.append(time, &beat).unwrap().wait().unwrap();
            }
        });
        while Instant::now() < end {
            place.run(&["audit", "verify", "log"]).expect(0);
        }
    });
}
