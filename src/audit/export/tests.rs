mod logs;
mod resume;
mod shapes;

use super::*;
use crate::audit::record::Record;
use crate::audit::record::samples::{self, TIME};
use crate::model::json::{Json, Limits, parse};
use crate::model::verdict::Effect;
use logs::{LogWriter, call, later};
use std::fs;

fn options(dirs: &[&Path], to: &Path, format: Format) -> Options {
    Options {
        dirs: dirs.iter().map(|dir| dir.to_path_buf()).collect(),
        to: to.to_owned(),
        format,
        since: None,
        until: None,
        from_seq: 0,
        wait_seconds: 0,
        commit_records_max: COMMIT_RECORDS_MAX,
    }
}

/// Long after every record.
fn much_later() -> Timestamp {
    later(10 * OUTCOME_WAIT_SECONDS_MAX)
}

fn run(options: &Options) -> Summary {
    export(options, much_later(), &mut |_| Ok(())).unwrap()
}

fn lines(path: &Path) -> Vec<Json> {
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines();
    lines
        .map(|line| parse(line.as_bytes(), Limits::REQUEST).unwrap())
        .collect()
}

fn numbers(rows: &[Json], name: &str) -> Vec<Option<u64>> {
    let number = |row: &Json| row.get(name).unwrap().as_u64();
    rows.iter().map(number).collect()
}

#[test]
fn a_call_is_one_row_of_its_decision_and_its_outcome() {
    let place = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new(&place.path().join("log"), "pdp/1");
    let (one, two) = (call("one"), call("two"));
    log.write(0, &one.decision);
    log.write(1, &two.decision);
    log.write(2, &Record::Heartbeat(Default::default()));
    log.write(3, &two.outcome);
    log.write(4, &Record::Decision(Box::new(samples::denied())));
    log.write(5, &one.outcome);
    let to = place.path().join("calls.jsonl");
    let summary = run(&options(&[&log.dir], &to, Format::Jsonl));
    let rows = lines(&to);
    assert_eq!(numbers(&rows, "decision_seq"), [Some(1), Some(4), Some(0)]);
    assert_eq!(numbers(&rows, "outcome_seq"), [Some(3), None, Some(5)]);
    assert_eq!(
        (summary.rows, summary.rows_in_all, summary.records),
        (3, 3, 6)
    );
    assert_eq!((summary.without_outcome, summary.waiting), (0, 0));
    let text = |name: &str| rows[0].get(name).unwrap().as_str().unwrap().to_owned();
    for (name, value) in [
        ("timestamp", later(1).rfc3339_micros()),
        ("origin", "pdp/1".to_owned()),
        ("decision_id", "d-two".to_owned()),
        ("user_id", "u:ann".to_owned()),
        ("agent_id", "a:claude".to_owned()),
        ("tool_server", "contracts".to_owned()),
        ("tool_name", "read_contract".to_owned()),
        ("policy_decision", "constrain".to_owned()),
        ("reason", "contracts.read".to_owned()),
        ("policy_revision", "2026-11-21".to_owned()),
        ("outcome_status", "ok".to_owned()),
        ("outcome_time", later(3).rfc3339_micros()),
        ("arguments_hash", samples::hashed().hash),
        ("response_hash", samples::hashed().hash),
    ] {
        assert_eq!(text(name), value, "{name}");
    }
    assert_eq!(rows[0].get("output_size").unwrap().as_u64(), Some(41));
    assert_eq!(rows[0].get("latency_ms").unwrap().as_u64(), Some(12));
    let object = rows[0].as_object().unwrap();
    let names: Vec<_> = object.iter().map(|(name, _)| name).collect();
    assert_eq!(names, COLUMNS.map(|column| column.name));
}

#[test]
fn what_is_no_call_is_no_row_and_what_was_not_made_waits_for_nothing() {
    let place = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new(&place.path().join("log"), "pdp/1");
    for (effect, dry_run, call_id) in [
        (Effect::Allow, true, ""),
        (Effect::Allow, false, ""),
        (Effect::Deny, false, "c"),
        (Effect::RequireApproval, false, "c"),
    ] {
        let mut decision = samples::decision();
        decision.event_id = None;
        decision.effect = effect;
        decision.dry_run = dry_run;
        decision.call_id = call_id.to_owned();
        log.write(0, &Record::Decision(Box::new(decision)));
    }
    let mut result = samples::decision();
    result.phase = crate::model::call::Phase::Result;
    log.write(0, &Record::Decision(Box::new(result)));
    let to = place.path().join("calls.jsonl");
    let mut asked = options(&[&log.dir], &to, Format::Jsonl);
    asked.wait_seconds = OUTCOME_WAIT_SECONDS_MAX;
    let summary = export(&asked, TIME, &mut |_| Ok(())).unwrap();
    assert_eq!((summary.rows, summary.waiting), (4, 0));
    assert_eq!(numbers(&lines(&to), "decision_seq"), [0, 1, 2, 3].map(Some));
}

#[test]
fn an_outcome_goes_to_no_other_call() {
    let place = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new(&place.path().join("log"), "pdp/1");
    let one = call("one");
    log.write(0, &one.decision);
    let Record::Outcome(outcome) = &one.outcome else {
        panic!("an outcome");
    };
    let mut not_known = outcome.clone();
    not_known.event_id = Some("e-1".into());
    not_known.decision_known = false;
    log.write(1, &Record::Outcome(not_known));
    let mut other_call = outcome.clone();
    other_call.event_id = Some("e-2".into());
    other_call.call_id = "c-other".into();
    log.write(2, &Record::Outcome(other_call));
    let to = place.path().join("calls.jsonl");
    let summary = run(&options(&[&log.dir], &to, Format::Jsonl));
    assert_eq!((summary.unpaired_outcomes, summary.without_outcome), (2, 1));
    assert_eq!(numbers(&lines(&to), "outcome_seq"), [None]);
}

#[test]
fn calls_are_chosen_by_time_and_seq() {
    let place = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new(&place.path().join("log"), "pdp/1");
    for second in 0..10 {
        let call = call(&second.to_string());
        log.write(second, &call.decision);
        log.write(second, &call.outcome);
    }
    let cases = [
        (None, None, 0, &[0_u64, 2, 4, 6, 8, 10, 12, 14, 16, 18][..]),
        (Some(8), None, 0, &[16, 18]),
        (None, Some(2), 0, &[0, 2]),
        (Some(3), Some(5), 0, &[6, 8]),
        (None, None, 15, &[16, 18]),
    ];
    for (at, (since, until, from_seq, expected)) in cases.into_iter().enumerate() {
        let to = place.path().join(format!("{at}.jsonl"));
        let mut asked = options(&[&log.dir], &to, Format::Jsonl);
        asked.since = since.map(later);
        asked.until = until.map(later);
        asked.from_seq = from_seq;
        run(&asked);
        let found: Vec<_> = numbers(&lines(&to), "decision_seq");
        let expected: Vec<_> = expected.iter().copied().map(Some).collect();
        assert_eq!(found, expected, "case {at}");
        // A second run finds nothing new.
        assert_eq!(run(&asked).rows, 0, "case {at}");
    }
}

#[test]
fn an_event_in_two_logs_is_one_and_its_outcome_may_be_in_the_other() {
    let place = tempfile::tempdir().unwrap();
    let mut first = LogWriter::new(&place.path().join("a"), "pdp/1");
    let mut second = LogWriter::new(&place.path().join("b"), "pdp/2");
    let (one, two, three) = (call("one"), call("two"), call("three"));
    first.write(0, &one.decision);
    first.write(1, &two.decision);
    // After a failover, and sent to both.
    let mut moved = two.outcome.clone();
    if let Record::Outcome(outcome) = &mut moved {
        outcome.decision_known = false;
    }
    second.write(2, &moved);
    second.write(3, &one.outcome);
    first.write(4, &one.outcome);
    // By clocks that differ, an outcome before its decision.
    second.write(5, &three.outcome);
    first.write(6, &three.decision);
    let to = place.path().join("calls.jsonl");
    let mut asked = options(&[&first.dir, &second.dir], &to, Format::Jsonl);
    if let Record::Outcome(_) = &three.outcome {
        asked.commit_records_max = 1;
    }
    let summary = run(&asked);
    let rows = lines(&to);
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert_eq!(summary.duplicates, 1);
    assert_eq!(numbers(&rows, "outcome_seq"), [Some(0), Some(1), Some(2)]);
    let origin = |row: &Json| {
        row.get("outcome_origin")
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(rows.iter().all(|row| origin(row) == "pdp/2"));
}

#[test]
fn a_broken_log_is_not_exported_beyond_the_break() {
    let place = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new(&place.path().join("log"), "pdp/1");
    for name in ["one", "two", "three"] {
        log.write(0, &call(name).decision);
    }
    let path = log.file();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("d-two", "d-2")).unwrap();
    let to = place.path().join("calls.jsonl");
    let asked = options(&[&log.dir], &to, Format::Jsonl);
    let error = export(&asked, TIME, &mut |_| Ok(())).unwrap_err();
    let ExportError::Broken { seq, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(seq, 2);
}

#[test]
fn an_unfinished_line_is_left_to_the_next_run() {
    let place = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new(&place.path().join("log"), "pdp/1");
    log.write(0, &call("one").decision);
    log.write(0, &call("two").decision);
    let whole = fs::read(log.file()).unwrap();
    fs::write(log.file(), &whole[..whole.len() - 20]).unwrap();
    let to = place.path().join("calls.jsonl");
    let asked = options(&[&log.dir], &to, Format::Jsonl);
    assert_eq!(run(&asked).rows, 1);
    fs::write(log.file(), whole).unwrap();
    assert_eq!(run(&asked).rows, 1);
    assert_eq!(numbers(&lines(&to), "decision_seq"), [Some(0), Some(1)]);
}

#[test]
fn nobody_elses_content_is_written_over() {
    let place = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new(&place.path().join("log"), "pdp/1");
    log.write(0, &call("one").decision);
    let file = place.path().join("mine.txt");
    fs::write(&file, "mine").unwrap();
    fs::create_dir(place.path().join("mine")).unwrap();
    fs::write(place.path().join("mine/file"), "mine").unwrap();
    for (to, format) in [("mine.txt", Format::Jsonl), ("mine", Format::Parquet)] {
        let asked = options(&[&log.dir], &place.path().join(to), format);
        let error = export(&asked, TIME, &mut |_| Ok(())).unwrap_err();
        assert!(matches!(error, ExportError::Exists { .. }), "{error}");
    }
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
    // Nor is one export gone on with as another.
    let to = place.path().join("calls.jsonl");
    let mut asked = options(&[&log.dir], &to, Format::Jsonl);
    run(&asked);
    asked.from_seq = 1;
    let error = export(&asked, TIME, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(error, ExportError::OtherOptions { .. }), "{error}");
    asked.dirs.push(log.dir.clone());
    asked.from_seq = 0;
    let error = export(&asked, TIME, &mut |_| Ok(())).unwrap_err();
    assert!(matches!(error, ExportError::SameOrigin { .. }), "{error}");
}
