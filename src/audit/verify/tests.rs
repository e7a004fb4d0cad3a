mod pruned;
mod scan;
mod shims;
mod signed;
mod stored;
mod tamper;
mod tiles;
mod vouched;
mod watched;

use super::*;
use crate::audit::log::{Log, Options};
use crate::audit::record::samples::{TIME, all};
use crate::files::OsFiles;
use crate::model::json::{Json, Limits, parse};
use std::fs;
use std::io;
use std::process::Command;
use std::sync::Arc;

/// Names and contents.
type Files = Vec<(String, Vec<u8>)>;

/// A log in memory.
#[derive(Clone, Debug, PartialEq)]
struct Memory(Files);

impl Segments for Memory {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.0.iter().map(|(name, _)| name.clone()).collect())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found
            .map(|(_, content)| content.clone())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Memory {
    fn check(&self, held: Option<&Head>) -> Result<Report, Fault> {
        walk(self, held, &mut |_| ())
    }

    /// Every line with the file that it is in.
    fn lines(&self) -> Vec<(usize, String)> {
        let mut lines = Vec::new();
        for (file, (_, content)) in self.0.iter().enumerate() {
            let text = std::str::from_utf8(content).unwrap();
            lines.extend(text.lines().map(|line| (file, line.to_owned())));
        }
        lines
    }

    fn with_lines(&self, lines: &[(usize, String)]) -> Self {
        let mut files: Vec<_> = self
            .0
            .iter()
            .map(|(name, _)| (name.clone(), Vec::new()))
            .collect();
        for (file, line) in lines {
            files[*file].1.extend_from_slice(line.as_bytes());
            files[*file].1.push(b'\n');
        }
        Self(files)
    }

    fn write(&self, dir: &Path) {
        for (name, content) in &self.0 {
            fs::write(dir.join(name), content).unwrap();
        }
    }
}

/// A log of 10 records in several files, as the writer makes it.
fn log() -> (Memory, Head) {
    let dir = tempfile::tempdir().unwrap();
    let options = Options {
        segment_bytes_max: 1_500,
        ..Options::new("pdp/1")
    };
    let (log, _) = Log::open(dir.path(), options, Arc::new(OsFiles)).unwrap();
    for record in all() {
        log.append(TIME, &record).unwrap().wait().unwrap();
    }
    let head = log.head().unwrap();
    drop(log);
    let directory = Directory(dir.path());
    let names = directory.names().unwrap();
    let logs = names.into_iter().filter(|name| name.starts_with("log-"));
    let mut files: Vec<_> = logs
        .map(|name| (name.clone(), directory.read(&name).unwrap()))
        .collect();
    files.sort();
    (Memory(files), head)
}

fn json(line: &str) -> Json {
    parse(line.as_bytes(), Limits::REQUEST).unwrap()
}

/// The line before line `at` that is in the same file has which number in it, from 1.
fn line_in_file(lines: &[(usize, String)], at: usize) -> u64 {
    lines[..=at]
        .iter()
        .filter(|(file, _)| *file == lines[at].0)
        .count() as u64
}

#[test]
fn a_good_log_is_reported() {
    let (log, head) = log();
    let report = log.check(Some(&head)).unwrap();
    assert_eq!(report, log.check(None).unwrap());
    assert!(report.files > 2);
    assert_eq!(report.records, all().len() as u64);
    assert_eq!(report.origin.as_deref(), Some("pdp/1"));
    assert_eq!(report.head, Some(head));
    assert_eq!(report.torn, None);
    assert_eq!(
        report.first_time.as_deref(),
        Some("2026-11-20T16:00:00.123456Z")
    );
    assert_eq!(report.last_time, report.first_time);
    let by_type: Vec<_> = report
        .by_type
        .iter()
        .map(|(kind, n)| (kind.as_str(), *n))
        .collect();
    let expected = [
        ("audit_read", 3),
        ("calls_refused", 1),
        ("content_erased", 1),
        ("decision", 3),
        ("gap", 1),
        ("heartbeat", 2),
        ("key_rotated", 1),
        ("log_repaired", 1),
        ("outcome", 2),
        ("policy_loaded", 1),
        ("policy_refused", 1),
        ("policy_reload", 1),
        ("policy_rolled_back", 1),
        ("shim_connected", 1),
    ];
    assert_eq!(by_type, expected);
}

/// A later writer may add fields: they are let through, and the chain covers them.
#[test]
fn fields_that_nobody_knows_are_let_through_and_covered() {
    let (log, _) = log();
    let mut lines = log.lines();
    let mut prev = NO_PREV.to_owned();
    for (_, line) in &mut lines {
        let Json::Object(mut record) = json(line) else {
            panic!("{line}");
        };
        record.insert("later", Json::object([("added", "in version 9")]));
        record.insert("prev", prev.as_str());
        let text = Json::Object(record).canonical();
        prev = crate::audit::hash::sha256_hex(&text);
        *line = String::from_utf8(text).unwrap();
    }
    let newer = log.with_lines(&lines);
    let report = newer.check(None).unwrap();
    assert_eq!(report.head.as_ref().map(|head| &head.hash), Some(&prev));
    for at in 0..lines.len() {
        let mut altered = lines.clone();
        altered[at].1 = altered[at].1.replacen("version 9", "version 8", 1);
        let fault = newer.with_lines(&altered).check(report.head.as_ref());
        assert_eq!(fault.unwrap_err().seq, at as u64);
    }
}

/// A later writer may add types: chain and tree cover their records, and they are counted.
#[test]
fn types_that_nobody_knows_are_counted() {
    let (log, _) = log();
    let mut lines = log.lines();
    let last = lines.len() - 1;
    let Json::Object(mut record) = json(&lines[last].1) else {
        panic!("no object");
    };
    record.insert("type", "verdict");
    lines[last].1 = String::from_utf8(Json::Object(record).canonical()).unwrap();
    let report = log.with_lines(&lines).check(None).unwrap();
    let unknown = BTreeMap::from([("verdict".to_owned(), 1)]);
    assert_eq!((report.unknown_types, report.more_unknown), (unknown, 0));
    assert_eq!(report.by_type.values().sum::<u64>(), last as u64);
}

#[test]
fn an_empty_log_is_good() {
    assert_eq!(Memory(Vec::new()).check(None).unwrap(), Report::default());
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(verify(dir.path()).unwrap().records, 0);
    let missing = verify(&dir.path().join("missing")).unwrap_err();
    assert!(matches!(missing.what, Wrong::Unreadable(_)), "{missing}");
}

/// Each with its exact message.
#[test]
fn what_is_wrong_is_said() {
    let (log, _) = log();
    let first = log.lines()[0].1.clone();
    let edit = |from: &str, to: &str| {
        assert!(first.contains(from), "{from}");
        first.replacen(from, to, 1)
    };
    let long = edit("read_contract", &"x".repeat(61_440));
    let cases = [
        ("{".to_owned(), "not strict JSON: expected a key at byte 1"),
        (edit("{", "{ "), "not canonical JSON"),
        (edit("\"acme\"", "\"\\u0061cme\""), "not canonical JSON"),
        (
            format!("{}{}", "[".repeat(17), "]".repeat(17)),
            "not strict JSON: nesting at byte 16 is deeper than the limit of 16",
        ),
        ("[]".to_owned(), "not canonical JSON"),
        (
            edit("{\"ap", "{\"ap\":1,\"ap\":1,\"ap"),
            "not strict JSON: duplicate key in the object at byte 0",
        ),
        (
            edit("\"evaluation_us\":48", "\"evaluation_us\":9007199254740992"),
            "a number is no integer below 2^53",
        ),
        (
            edit("\"evaluation_us\":48", "\"evaluation_us\":4.8"),
            "a number is no integer below 2^53",
        ),
        (
            edit("\"evaluation_us\":48", "\"evaluation_us\":-0"),
            "a number is no integer below 2^53",
        ),
        (
            edit("\"evaluation_us\":48", "\"evaluation_us\":-1"),
            "field `evaluation_us` is missing or not an integer from 0",
        ),
        (
            edit("\"effect\":\"constrain\"", "\"effect\":null"),
            "field `effect` is missing or not a text",
        ),
        (
            edit("\"cached\":false", "\"cached\":0"),
            "field `cached` is missing or not true or false",
        ),
        (
            edit("\"tool_name\":\"read_contract\"", "\"tool_name\":1"),
            "field `tool_name` is missing or not a text",
        ),
        (edit("\"seq\":0", "\"seq\":1"), "the record says seq 1"),
        (
            edit("\"prev\":\"0", "\"prev\":\"1"),
            "`prev` is not the hash of the record before",
        ),
        (
            edit("\"prev\":\"0", "\"prev\":\"A"),
            "field `prev` is missing or not 64 lower-case hexadecimal digits",
        ),
        (
            edit("\"type\":\"decision\"", "\"type\":\"\""),
            "field `type` is missing or not a text that is not empty",
        ),
        (
            edit("\"origin\":\"pdp/1\"", "\"origin\":\"\""),
            "field `origin` is missing or not a text that is not empty",
        ),
        (
            edit("16:00:00.123456Z\",\"tool", "16:00:00Z\",\"tool"),
            "field `time` is missing or not an RFC 3339 time in UTC with microseconds",
        ),
        (long, "the line is longer than 61440 bytes"),
    ];
    for (line, expected) in cases {
        let name = "log-00000000000000000000.jsonl".to_owned();
        let memory = Memory(vec![(name.clone(), format!("{line}\n").into_bytes())]);
        let fault = memory.check(None).unwrap_err();
        assert_eq!(
            fault.to_string(),
            format!("`{name}` line 1 (seq 0): {expected}")
        );
    }
}

#[test]
fn files_are_checked() {
    let (log, _) = log();
    let fails = |change: &dyn Fn(&mut Files)| {
        let mut altered = log.clone();
        change(&mut altered.0);
        altered.check(None).unwrap_err().what
    };
    let missing = fails(&|files| drop(files.remove(1)));
    assert!(matches!(missing, Wrong::FileName), "{missing}");
    let renamed = fails(&|files| files[0].0 = format!("log-{:020}.jsonl", 5));
    assert!(matches!(renamed, Wrong::FileName), "{renamed}");
    let torn = fails(&|files| files[0].1.truncate(100));
    assert!(matches!(torn, Wrong::Unfinished), "{torn}");
    let emptied = fails(&|files| files[0].1.clear());
    assert!(matches!(emptied, Wrong::FileEmpty), "{emptied}");
    let mut other = log.clone();
    other
        .0
        .push(("notes.txt".to_owned(), b"not part of the log".to_vec()));
    assert_eq!(other.check(None).unwrap(), log.check(None).unwrap());
    let mut moved = log.clone();
    let name = format!("log-{:020}.jsonl", all().len());
    moved.0.push((name.clone(), Vec::new()));
    assert_eq!(moved.check(None).unwrap().last_file, Some(name));
}

#[test]
fn head_is_read_as_it_is_written() {
    let hash = "ab".repeat(32);
    let head = Head {
        seq: 17,
        hash: hash.clone(),
    };
    assert_eq!(head.to_string().parse(), Ok(head));
    for text in [
        "",
        "17",
        ":",
        "x:y",
        &format!("-1:{hash}"),
        &format!("1:{hash}0"),
        &format!("1:{}", hash.to_uppercase()),
    ] {
        assert!(text.parse::<Head>().is_err(), "{text}");
    }
}

/// The script in `docs/audit-format.md` agrees with `verify`.
#[test]
fn documented_verifier_agrees() {
    let (log, head) = log();
    let held = head.to_string();
    let good = script(&log, None);
    assert_eq!(good, Ok(format!("{} records, head {held}\n", all().len())));
    assert_eq!(script(&log, Some(&held)), good);
    let lines = log.lines();
    let last = lines.len() - 1;
    let of_last = format!("seq {last}");
    for at in [0, 3, 7, last] {
        let mut edited = lines.clone();
        edited[at].1 = edited[at]
            .1
            .replacen("\"time\":\"2026", "\"time\":\"2027", 1);
        let mut dropped = lines.clone();
        dropped.remove(at);
        for altered in [edited, dropped] {
            let altered = log.with_lines(&altered);
            let error = script(&altered, Some(&held)).unwrap_err();
            let expected = if at == last { &of_last } else { "(seq " };
            assert!(error.contains(expected), "{at}: {error}");
            assert!(altered.check(Some(&head)).is_err());
        }
    }
    let mut torn = log.clone();
    torn.0.last_mut().unwrap().1.extend_from_slice(b"{\"arg");
    assert_eq!(script(&torn, Some(&held)), good);
}

fn script(log: &Memory, held: Option<&str>) -> Result<String, String> {
    let page = include_str!("../../../docs/audit-format.md");
    let (_, rest) = page.split_once("```python\n").unwrap();
    let (script, _) = rest.split_once("```").unwrap();
    let dir = tempfile::tempdir().unwrap();
    log.write(dir.path());
    let mut python = Command::new("python3");
    python.arg("-c").arg(script).arg(dir.path()).args(held);
    let output = python.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}
