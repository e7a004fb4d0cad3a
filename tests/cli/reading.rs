//! `toolgate audit query`, `tail`, `show` and `reindex`, of a directory and of a PDP.

use super::GOOD;
use super::audit::{INPUT, Served, logged};
use crate::util::{Ended, Workplace};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

fn lines(ended: &Ended) -> Vec<Value> {
    let lines = ended.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn query(place: &Workplace, filters: &[&str]) -> Ended {
    let words = ["audit", "query", "--dir", "audit", "--output", "json"];
    place.run(&[&words, filters].concat())
}

/// What a file has, line by line.
fn log_lines(place: &Workplace) -> Vec<String> {
    let log = std::fs::read_to_string(place.path("audit/log-00000000000000000000.jsonl"));
    log.unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_directory_is_read_through_its_index_as_without_one() {
    let place = logged();
    let index = place.path("audit/index.sqlite");
    assert!(index.exists());
    let cases: [(&[&str], usize); 12] = [
        (&[], log_lines(&place).len()),
        (&["--effect", "deny"], 1),
        (&["--tool", "read", "--effect", "constrain"], 3),
        (&["--server", "demo", "--principal", "a"], 4),
        (&["--reason", "region"], 1),
        (&["--type", "policy_loaded"], 1),
        (&["--type", "policy_loaded,decision"], 5),
        (&["--since", "1h", "--type", "decision"], 4),
        (&["--until", "yesterday"], 0),
        (&["--limit", "2"], 2),
        (&["--user", "nobody"], 0),
        (&["--caller", "local", "--oldest-first", "--limit", "1"], 1),
    ];
    let with_index: Vec<_> = cases
        .map(|(filters, _)| query(&place, filters).expect(0).out)
        .into();
    for name in ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm"] {
        drop(std::fs::remove_file(place.path("audit").join(name)));
    }
    for ((filters, expected), with_index) in cases.iter().zip(&with_index) {
        let scanned = query(&place, filters).expect(0);
        assert_eq!(scanned.out, *with_index, "{filters:?}");
        assert_eq!(lines(&scanned).len(), *expected, "{filters:?}");
    }
    // Lines are those of the log, newest first.
    let mut all: Vec<_> = with_index[0].lines().map(str::to_owned).collect();
    all.reverse();
    assert_eq!(all, log_lines(&place));
    let limited = query(&place, &["--limit", "2"]);
    assert!(
        limited.err.contains("there are more than 2 records"),
        "{limited:?}"
    );

    // An index that does not fit is told of, and made anew on demand.
    std::fs::write(&index, "no database ".repeat(400)).unwrap();
    let scanned = query(&place, &["--effect", "deny"]).expect(0);
    assert!(
        scanned.err.contains("toolgate audit reindex"),
        "{scanned:?}"
    );
    assert_eq!(lines(&scanned).len(), 1);
    let reindexed = place.run(&["audit", "reindex", "audit"]).expect(0);
    let count = log_lines(&place).len();
    assert_eq!(reindexed.out, format!("{count} records are in the index\n"));
    let found = query(&place, &["--effect", "deny"]).expect(0);
    assert_eq!((found.out, found.err.as_str()), (scanned.out, ""));
}

#[test]
fn plain_rows_say_what_happened_to_whom_and_why() {
    let place = logged();
    let rows = place
        .run(&["audit", "query", "--dir", "audit", "--effect", "deny"])
        .expect(0);
    let cells: Vec<_> = rows.out.trim_end().split('\t').collect();
    assert_eq!(cells.len(), 7, "{rows:?}");
    assert_eq!(cells[2..6], ["deny", "a", "demo/read", "region"]);
    let table = ["audit", "query", "--dir", "audit", "--output", "table"];
    let table = place.run(&table).expect(0);
    assert!(table.out.starts_with("SEQ  TIME "), "{table:?}");
}

#[test]
fn wrong_usage_and_what_cannot_be_read_is_told() {
    let place = logged();
    for (words, code, expected) in [
        (vec!["query"], 64, "--dir <DIR>"),
        (
            vec!["query", "--pdp", "unix:s.sock"],
            64,
            "--justification <TEXT>",
        ),
        (
            vec!["query", "--dir", "audit", "--pdp", "unix:s.sock"],
            64,
            "cannot be used with",
        ),
        (
            vec!["query", "--dir", "audit", "--since", "soon"],
            64,
            "`soon` is no time",
        ),
        (
            vec!["query", "--dir", "audit", "--effect", "maybe"],
            64,
            "invalid value 'maybe'",
        ),
        (vec!["query", "--dir", "none"], 2, "cannot read `none`"),
        (vec!["tail", "--dir", "."], 2, "no audit log in `.`"),
        (vec!["reindex", "."], 2, "no audit log in `.`"),
        (
            vec!["show", "--dir", "audit", "no-such"],
            3,
            "no decision `no-such` in this log",
        ),
    ] {
        let ended = place.run(&[&["audit"], words.as_slice()].concat());
        let ended = ended.expect(code);
        assert!(ended.err.contains(expected), "{words:?}: {ended:?}");
    }
}

#[test]
fn the_story_of_a_call_is_told() {
    let place = logged();
    let denied = lines(&query(&place, &["--effect", "deny"]));
    let id = denied[0]["decision_id"].as_str().unwrap();
    let told = place
        .run(&["audit", "show", "--dir", "audit", id])
        .expect(0);
    for expected in [
        "a asked to call read (tools/call) of demo\n".to_owned(),
        "deny:\n  because of region, by policy good\n".to_owned(),
        "  through the caller local\n".to_owned(),
        "  revision ".to_owned(),
        "  packages that took part: good\n".to_owned(),
        "  in force since ".to_owned(),
        "came back:\n  nothing: the call did not go through\n".to_owned(),
        format!("  the decision: seq {} of ", denied[0]["seq"]),
    ] {
        assert!(told.out.contains(&expected), "{expected}: {}", told.out);
    }
    let json = ["audit", "show", "--dir", "audit", "--output", "json", id];
    let json = place.run(&json).expect(0).json();
    assert_eq!(json["decision"]["record"], denied[0]);
    assert_eq!(json["policy"][0]["record"]["type"], "policy_loaded");
    let line = format!("{}\n", query(&place, &["--effect", "deny"]).out.trim_end());
    assert!(log_lines(&place).contains(&line.trim_end().to_owned()));
}

#[test]
fn the_last_records_are_shown_and_the_next_as_they_come() {
    let place = Workplace::with(&[("good.rego", GOOD)]);
    let served = Served::start(&place, "good.rego");
    let url = format!("unix:{}", place.path("s.sock").display());
    let decide = || {
        let words = ["decide", "--pdp", &url, "--output", "json"];
        let decided = place.run_with(&words, INPUT).expect(0).json();
        decided["decision_id"].as_str().unwrap().to_owned()
    };
    let first = decide();
    let of_pdp = ["--pdp", &url, "--justification", "a test"];
    let of_dir = ["--dir", "audit"];
    for source in [of_pdp.as_slice(), of_dir.as_slice()] {
        let words = [
            "audit", "tail", "-n", "1", "--type", "decision", "--output", "json",
        ];
        let mut tail = Command::new(env!("CARGO_BIN_EXE_toolgate"))
            .args(words)
            .args(source)
            .current_dir(place.path(""))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut shown = BufReader::new(tail.stdout.take().unwrap()).lines();
        let mut next = || {
            let line = shown.next().unwrap().unwrap();
            let record: Value = serde_json::from_str(&line).unwrap();
            record["decision_id"].as_str().unwrap().to_owned()
        };
        let last = next();
        assert!(!last.is_empty());
        for _ in 0..3 {
            let decided = decide();
            assert_eq!(next(), decided, "{source:?}");
        }
        tail.kill().unwrap();
        tail.wait().unwrap();
    }
    // Of a PDP everything is found as in the directory, and that it was read is in the log.
    let words = ["audit", "query", "--output", "json", "--decision", &first];
    let found = place.run(&[&words, of_pdp.as_slice()].concat()).expect(0);
    assert_eq!(lines(&found)[0]["decision_id"], *first);
    let ended = [
        "audit",
        "tail",
        "--no-follow",
        "-n",
        "2",
        "--type",
        "audit_read",
    ];
    let ended = place.run(&[&ended, of_dir.as_slice()].concat()).expect(0);
    assert_eq!(ended.out.lines().count(), 2);
    assert!(
        ended.out.contains("\taudit_read\tlocal\t\ta test\t"),
        "{ended:?}"
    );
    let told = ["audit", "show", &first];
    let told = place.run(&[&told, of_pdp.as_slice()].concat()).expect(0);
    assert!(told.out.contains("on condition of mask_fields"), "{told:?}");
    // Its index is the PDP's.
    let refused = place.run(&["audit", "reindex", "audit"]).expect(2);
    assert!(refused.err.contains("in use by a PDP"), "{refused:?}");
    served.stop();
}

#[test]
fn a_record_that_was_altered_is_not_shown_as_proved() {
    let place = logged();
    let denied = lines(&query(&place, &["--effect", "deny"]));
    let show = ["audit", "show", "--dir", "audit"];
    let id = denied[0]["decision_id"].as_str().unwrap();
    let whole = place.run(&[&show[..], &[id]].concat()).expect(0);
    assert!(whole.out.contains("\n  proved by "), "{whole:?}");
    let log =
        log_lines(&place)
            .join("\n")
            .replacen("\"code\":\"region\"", "\"code\":\"legion\"", 1);
    place.write("audit/log-00000000000000000000.jsonl", &format!("{log}\n"));
    let altered = place.run(&[&show[..], &[id]].concat()).expect(0);
    assert!(altered.out.contains("\n  NOT PROVED: "), "{altered:?}");
    let collect = "audit collect --dir audit --effect deny e.tar.gz";
    let collect: Vec<_> = collect.split(' ').collect();
    let collected = place.run(&collect).expect(0);
    assert!(
        collected.err.contains("1 of these are not what it is over"),
        "{collected:?}"
    );
}
