mod golden;

use super::*;
use crate::audit::record::samples::{TIME, all, decision, outcome, revision, verdict};
use crate::model::json::{Limits, parse};
use crate::model::obligation::{AuditLevel, Obligation};
use crate::model::verdict::Shadow;
use proptest::prelude::*;

const PREV: &str = "00000000000000000000000000000000000000000000000000000000000000aa";

fn read(line: &str) -> Object {
    let json = parse(line.as_bytes(), Limits::REQUEST).unwrap();
    assert_eq!(json.canonical(), line.as_bytes(), "canonical");
    json.as_object().unwrap().clone()
}

fn at<'a>(record: &'a Object, path: &str) -> Option<&'a Json> {
    let mut names = path.split('.');
    let first = record.get(names.next()?);
    names.fold(first, |value, name| value?.get(name))
}

#[test]
fn line_is_canonical_and_holds_exactly_the_fields() {
    for (seq, record) in all().into_iter().enumerate() {
        let line = record.unlinked(TIME, "pdp/1").line(seq as u64, PREV);
        let read = read(&line);
        let mut expected = record.object();
        expected.insert("seq", seq as u64);
        expected.insert("prev", PREV);
        expected.insert("time", "2026-11-20T16:00:00.123456Z");
        expected.insert("type", record.kind());
        expected.insert("origin", "pdp/1");
        assert_eq!(line.as_bytes(), Json::Object(expected).canonical());
        assert!(read.get("truncated").is_none());
    }
}

/// `requirements.md` A1: the flat record of a call, out of its decision and its outcome.
#[test]
fn flat_record_can_be_derived() {
    let record = Record::Decision(Box::new(decision())).unlinked(TIME, "pdp/1");
    let decision = read(&record.line(0, PREV));
    let record = Record::Outcome(Box::new(outcome())).unlinked(TIME, "pdp/1");
    let outcome = read(&record.line(1, PREV));
    let hash = format!("hmac-sha256:2026-11.0011223344556677:{:064}", 5);
    let cases = [
        (
            "timestamp",
            &decision,
            "time",
            "2026-11-20T16:00:00.123456Z",
        ),
        ("session_id", &decision, "session_id", "s-1"),
        ("user_id", &decision, "principal.user", "u:ann"),
        ("agent_id", &decision, "principal.agent", "a:claude"),
        ("tool_server", &decision, "tool_server", "contracts"),
        ("tool_name", &decision, "tool_name", "read_contract"),
        ("arguments_hash", &decision, "arguments.hash", &hash),
        ("response_hash", &outcome, "response.hash", &hash),
        ("dlp_result", &outcome, "dlp_result", "clean"),
        ("policy_decision", &decision, "effect", "constrain"),
        (
            "data_classification",
            &decision,
            "data_classification",
            "internal",
        ),
        ("correlation_id", &decision, "correlation_id", "corr-1"),
        (
            "policy revision",
            &decision,
            "policy.revision",
            "2026-11-21",
        ),
        ("pairing", &outcome, "decision_id", "0199-d"),
    ];
    for (column, record, path, expected) in cases {
        let value = at(record, path).and_then(Json::as_str);
        assert_eq!(value, Some(expected), "{column}");
    }
    let reasons = at(&decision, "reasons").and_then(Json::as_array).unwrap();
    assert_eq!(reasons[0].get("code"), Some(&"contracts.read".into()));
    assert_eq!(at(&outcome, "latency_ms"), Some(&12_u64.into()));
    assert_eq!(at(&outcome, "response.size"), Some(&41_u64.into()));
}

#[test]
fn no_argument_and_no_message_is_recorded() {
    let mut decision = decision();
    let patch = Json::object([
        ("op", "replace"),
        ("path", "/arguments/contract"),
        ("value", "c-1"),
    ]);
    let patch = vec![patch];
    decision.obligations = vec![Obligation::RewriteArguments { patch }];
    let line = Record::Decision(Box::new(decision))
        .unlinked(TIME, "pdp/1")
        .line(0, PREV);
    for hidden in ["c-1", "k-123456", "secret of", "value"] {
        assert!(!line.contains(hidden), "{hidden} in {line}");
    }
    assert!(line.contains(
        r#"{"patch":[{"op":"replace","path":"/arguments/contract"}],"type":"rewrite_arguments"}"#
    ));
}

#[test]
fn basic_level_leaves_out_details_of_obligations() {
    let mut decision = decision();
    decision.obligations.push(Obligation::Audit {
        level: AuditLevel::Basic,
        durable: true,
    });
    let obligations = decision.object().get("obligations").unwrap().to_string();
    let expected = r#"[{"type":"mask_fields"},{"type":"limit_rows"},{"type":"audit"}]"#;
    assert_eq!(obligations, expected);
}

#[test]
fn integers_stay_below_two_to_the_53() {
    let mut outcome = outcome();
    outcome.latency_ms = u64::MAX;
    let latency = object_of(|fields| outcome.put_into(fields))
        .get("latency_ms")
        .cloned();
    assert_eq!(latency, Some(9_007_199_254_740_991_u64.into()));
}

/// The longest records that can be built: every list and text huge, every character escaped.
#[test]
fn what_is_too_long_is_cut_and_says_where() {
    let long = "\u{1}".repeat(2_000);
    let longs = || vec![long.clone(); 300];
    let mut decision = decision();
    decision.tool_name = long.clone();
    decision.user = Some(long.clone());
    decision.decision_id = long.clone();
    decision.labels = longs();
    decision.policies = longs();
    decision.shadow = vec![
        Shadow {
            codes: longs(),
            ..verdict().shadow[0].clone()
        };
        4
    ];
    decision.obligations = vec![Obligation::DropFields { fields: longs() }; 4];
    let line = Record::Decision(Box::new(decision))
        .unlinked(TIME, "pdp/1")
        .line(INTEGER_MAX, PREV);
    assert!(line.len() <= RECORD_BYTES_MAX, "{}", line.len());
    let record = read(&line);
    let cut = [
        "decision_id",
        "labels",
        "obligations",
        "policies",
        "principal",
        "shadow",
        "tool_name",
    ];
    let truncated = record.get("truncated").and_then(Json::as_array).unwrap();
    for name in cut {
        assert!(truncated.contains(&name.into()), "{name}");
    }
    assert_eq!(
        at(&record, "policy.digest"),
        Some(&revision().digest.into())
    );
}

#[test]
fn a_record_just_over_the_limit_loses_little() {
    let cases = [
        (1_000, false),
        (57_000, false),
        (70_000, true),
        (500_000, true),
    ];
    for (bytes, is_cut) in cases {
        let mut decision = decision();
        decision.purpose = Some("é\"".repeat(bytes / 4));
        let line = Record::Decision(Box::new(decision))
            .unlinked(TIME, "pdp/1")
            .line(7, PREV);
        let record = read(&line);
        assert!(line.len() <= RECORD_BYTES_MAX);
        assert_eq!(record.get("truncated").is_some(), is_cut, "{bytes}");
        let kept = at(&record, "purpose").and_then(Json::as_str).unwrap();
        assert!(kept.len() >= 1_000.min(bytes / 4 * 3), "{}", kept.len());
        let text = at(&record, "tool_name").and_then(Json::as_str);
        assert_eq!(text, Some("read_contract"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any text in any field: the line is canonical, short enough, and reads back as the record.
    #[test]
    fn random_texts_survive(
        texts in proptest::collection::vec(any::<String>(), 6),
        list in proptest::collection::vec(".{0,300}", 0..300),
        number in any::<u64>(),
    ) {
        let mut record = decision();
        record.tool_name = texts[0].clone();
        record.user = Some(texts[1].clone());
        record.purpose = Some(texts[2].clone());
        record.reasons[0].code = texts[3].clone();
        record.correlation_id = Some(texts[4].clone());
        record.tenant = texts[5].clone();
        record.labels = list;
        record.evaluation_us = number;
        let fields = record.object();
        let line = Record::Decision(Box::new(record)).unlinked(TIME, "pdp/1").line(3, PREV);
        prop_assert!(line.len() <= RECORD_BYTES_MAX);
        let mut read = read(&line);
        for name in ["seq", "prev", "time", "type", "origin"] {
            prop_assert!(read.remove(name).is_some());
        }
        if read.remove("truncated").is_none() {
            prop_assert_eq!(Json::Object(read).canonical(), Json::Object(fields).canonical());
        }
    }
}
