//! `toolgate audit collect`: what is packed verifies without toolgate, and what was changed in it does
//! not.

use super::audit::logged;
use crate::programs::tool;
use crate::util::{Ended, Workplace, ended};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use toolgate::audit::log::{Log, Options, Signing};
use toolgate::audit::record::{DecisionRecord, Record};
use toolgate::audit::sign::SigningKey;
use toolgate::files::OsFiles;
use toolgate::model::call::{Mcp, Phase, Request};
use toolgate::model::json::Object;
use toolgate::model::principal::Principal;
use toolgate::model::reason::Code;
use toolgate::model::time::Timestamp;
use toolgate::model::verdict::Verdict;

fn unpacked(place: &Workplace) -> PathBuf {
    let to = place.path("unpacked");
    std::fs::create_dir(&to).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["-xzf", "e.tar.gz", "-C", "unpacked"]);
    assert_eq!(ended(&mut tar, &place.path(""), "").code, 0);
    to
}

fn verify(dir: &Path, vkey: &[&str]) -> Ended {
    let mut python = Command::new(tool("venv/bin/python"));
    python.arg("verify.py").args(vkey);
    ended(&mut python, dir, "")
}

fn names(dir: &Path, below: &str) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(dir.join(below)) else {
        return BTreeSet::new();
    };
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect()
}

/// Changes a file, checks, and puts it back.
fn with_change(dir: &Path, name: &str, from: &str, to: &str) -> Ended {
    let before = std::fs::read_to_string(dir.join(name)).unwrap();
    assert!(before.contains(from), "{name}: {from}");
    std::fs::write(dir.join(name), before.replacen(from, to, 1)).unwrap();
    // Whoever forges it makes the digests anew.
    let sums = std::fs::read_to_string(dir.join("SHA256SUMS")).unwrap();
    let others: String = sums
        .lines()
        .filter(|line| !line.ends_with(name))
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(dir.join("SHA256SUMS"), others).unwrap();
    let checked = verify(dir, &[]);
    std::fs::write(dir.join(name), before).unwrap();
    std::fs::write(dir.join("SHA256SUMS"), sums).unwrap();
    checked
}

#[test]
fn the_evidence_of_a_log_that_is_not_signed_is_its_files() {
    let place = logged();
    let audit = place.path("audit");
    std::fs::remove_file(audit.join("checkpoint")).unwrap();
    std::fs::remove_dir_all(audit.join("tile")).unwrap();
    place.write("vkey", "for comparison");
    let words = "audit collect --dir audit --effect deny --since 1h --bundle good.rego --vkey vkey e.tar.gz";
    let words: Vec<_> = words.split(' ').collect();
    let packed = place.run(&words).expect(0);
    let expected = "2 records, 0 of them proved, are in `e.tar.gz`";
    assert!(packed.out.starts_with(expected), "{packed:?}");
    // An archive that is there stays as it is.
    let again = place.run(&words).expect(2);
    assert!(again.err.contains("cannot write `e.tar.gz`"), "{again:?}");
    let dir = unpacked(&place);
    let good = std::fs::read(place.path("good.rego")).unwrap();
    assert_eq!(
        std::fs::read(dir.join("policies/0/good.rego")).unwrap(),
        good
    );
    let log = "log-00000000000000000000.jsonl";
    let whole = std::fs::read(place.path("audit").join(log)).unwrap();
    assert_eq!(std::fs::read(dir.join("log").join(log)).unwrap(), whole);
    let checked = verify(&dir, &[]).expect(0);
    assert!(
        checked
            .out
            .starts_with("2 records of toolgate: 0 proved, 2 chained\n"),
        "{checked:?}"
    );
    for (name, from, to) in [
        (
            "records.jsonl",
            "\"effect\":\"deny\"",
            "\"effect\":\"allow\"",
        ),
        ("log/log-00000000000000000000.jsonl", "\"read\"", "\"raed\""),
        ("manifest.json", "\"records\":2", "\"records\":3"),
    ] {
        let checked = with_change(&dir, name, from, to).expect(1);
        assert!(checked.err.starts_with("WRONG: "), "{name}: {checked:?}");
    }
    std::fs::write(dir.join("README.md"), "").unwrap();
    let checked = verify(&dir, &[]).expect(1);
    assert_eq!(checked.err, "WRONG: README.md is not what was collected\n");
}

#[test]
fn an_incident_is_named_and_has_records() {
    let place = logged();
    for (words, code, expected) in [
        (
            "audit collect --dir audit e.tar.gz",
            2,
            "say what the incident is about",
        ),
        (
            "audit collect --dir audit --user nobody e.tar.gz",
            3,
            "no record matches",
        ),
        (
            "audit collect --dir none --user nobody e.tar.gz",
            2,
            "cannot read `none`",
        ),
        (
            "audit collect --dir audit --tool read --bundle none e.tar.gz",
            1,
            "cannot write `e.tar.gz`",
        ),
    ] {
        let words: Vec<_> = words.split(' ').collect();
        let ended = place.run(&words).expect(code);
        assert!(ended.err.contains(expected), "{ended:?}");
        assert!(!place.path("e.tar.gz").exists(), "{words:?}");
    }
}

fn decision(number: u64) -> Record {
    let request = Request {
        phase: Phase::Call,
        tenant: "acme".to_owned(),
        principal: Principal {
            id: format!("agent_{}", number % 7),
            ..Principal::default()
        },
        mcp: Mcp {
            server: "crm".to_owned(),
            method: "tools/call".to_owned(),
            name: "read".to_owned(),
            protocol: String::new(),
        },
        definition_digest: None,
        untrusted_annotations: Object::new(),
        params: Object::new(),
        result: None,
        session_id: "s".to_owned(),
        context: Object::new(),
    };
    let mut decision = DecisionRecord::new(&request, &Verdict::from(Code::NoMatchingAllow), None);
    decision.decision_id = format!("decision-{number}");
    Record::Decision(Box::new(decision))
}

/// A signed log of so many decisions in `audit`; gives its verifier key.
fn signed(place: &Workplace, records: u64) -> String {
    let key = Arc::new(SigningKey::generate().unwrap().0);
    append(place, records, key, None)
}

/// Appends so many decisions to the log in `audit`, signed by a key that may take over.
fn append(
    place: &Workplace,
    records: u64,
    key: Arc<SigningKey>,
    previous: Option<Arc<SigningKey>>,
) -> String {
    let time = Timestamp::from_nanos(1_795_190_400_000_000_000);
    let options = Options {
        segment_bytes_max: 20_000,
        signing: Some(Signing {
            key,
            previous,
            time,
        }),
        ..Options::new("pdp/1")
    };
    let (log, _) = Log::open(&place.path("audit"), options, Arc::new(OsFiles)).unwrap();
    for number in 0..records {
        log.post(time, &decision(number)).unwrap();
    }
    let vkey = log.verifier().unwrap().to_string();
    log.close().unwrap();
    vkey
}

#[test]
fn what_both_keys_signed_goes_with_the_evidence() {
    let place = Workplace::new();
    let [old, new] = [0, 1].map(|_| Arc::new(SigningKey::generate().unwrap().0));
    append(&place, 7, Arc::clone(&old), None);
    let vkey = append(&place, 7, new, Some(old));
    let words = "audit collect --dir audit --principal agent_3 e.tar.gz";
    let words: Vec<_> = words.split(' ').collect();
    let packed = place.run(&words).expect(0);
    assert!(
        packed.out.starts_with("3 records, 3 of them proved"),
        "{packed:?}"
    );
    let dir = unpacked(&place);
    let records = std::fs::read_to_string(dir.join("records.jsonl")).unwrap();
    assert!(records.contains("\"type\":\"key_rotated\""), "{records}");
    verify(&dir, &[&vkey]).expect(0);
}

#[test]
fn the_evidence_of_a_signed_log_is_a_proof_of_each_record() {
    let place = Workplace::new();
    let vkey = signed(&place, 700);
    let words = "audit collect --dir audit --principal agent_3 e.tar.gz --output json";
    let words: Vec<_> = words.split(' ').collect();
    let packed = place.run(&words).expect(0).json();
    assert_eq!(
        (&packed["records"], &packed["proved"]),
        (&100.into(), &100.into())
    );
    let told = place.run(&["audit", "show", "--dir", "audit", "decision-3"]);
    let expected =
        "proved by 10 hashes up to the root of the checkpoint at size 700, signed by pdp/1";
    assert!(told.expect(0).out.contains(expected));
    let dir = unpacked(&place);
    assert_eq!(names(&dir, "proofs").len(), 100);
    assert!(names(&dir, "log").is_empty());
    let checked = verify(&dir, &[]).expect(0);
    assert!(
        checked
            .out
            .starts_with("100 records of pdp/1: 100 proved, 0 chained\n"),
        "{checked:?}"
    );
    assert!(
        checked
            .out
            .contains("signature of the checkpoint is NOT checked"),
        "{checked:?}"
    );
    for (name, from, to) in [
        ("records.jsonl", "agent_3", "agent_4"),
        (
            "proofs/00000000000000000003.tlog-proof",
            "index 3",
            "index 4",
        ),
        ("checkpoint", "pdp/1\n700", "pdp/1\n701"),
    ] {
        let checked = with_change(&dir, name, from, to).expect(1);
        assert!(checked.err.starts_with("WRONG: "), "{name}: {checked:?}");
    }
    // The signature, by the log's key and by another.
    let checked = verify(&dir, &[&vkey]).expect(0);
    let signed = "chained\nthe checkpoint is signed by the key given\n";
    assert!(checked.out.ends_with(signed), "{checked:?}");
    std::fs::write(dir.join("key"), format!("{vkey}\n")).unwrap();
    assert_eq!(verify(&dir, &["key"]).expect(0).out, checked.out);
    let no_key = verify(&dir, &["missing"]).expect(1);
    assert!(
        no_key.err.starts_with("missing is no verifier key"),
        "{no_key:?}"
    );
    let (other, _) = SigningKey::generate().unwrap();
    let other = other.verifier("pdp/1").unwrap().to_string();
    verify(&dir, &[&other]).expect(1);
    // With the log's files, too, where that is asked for.
    let words = "audit collect --dir audit --principal agent_3 --segments f.tar.gz --output json";
    let words: Vec<_> = words.split(' ').collect();
    let packed = place.run(&words).expect(0).json();
    assert!(packed["segments"].as_array().unwrap().len() > 1, "{packed}");
}
