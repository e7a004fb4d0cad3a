use super::*;
use crate::model::json::{Json, Limits, parse};

/// A record as the format's golden file has it, with some fields otherwise.
fn record(kind: &str, fields: &[(&str, Json)]) -> Vec<u8> {
    let text = match kind {
        "decision" => include_str!("../../../../tests/data/audit/decision.jsonl"),
        _ => include_str!("../../../../tests/data/audit/outcome.jsonl"),
    };
    let line = text.lines().next().unwrap().as_bytes();
    let Ok(Json::Object(mut record)) = parse(line, Limits::REQUEST) else {
        panic!("an object");
    };
    for (name, value) in fields {
        record.insert(name.to_string(), value.clone());
    }
    Json::from(record).canonical()
}

/// `d1` is a granted call, `o1` its outcome, `o1e9` that outcome in event 9; a call that is no
/// granted one says why.
fn line(word: &str) -> Vec<u8> {
    let (_, own) = word.split_at(1);
    let (what, event) = word.split_once('e').unwrap_or((word, own));
    let (kind, number) = what.split_at(1);
    let id = |text: &str| Json::from(format!("id-{text}"));
    let granted: [(&str, Json); 4] = [
        ("decision_id", id(number)),
        ("phase", "call".into()),
        ("effect", "allow".into()),
        ("dry_run", false.into()),
    ];
    let with = |name: &'static str, value: Json| {
        let mut fields = granted.to_vec();
        fields.push((name, value));
        record("decision", &fields)
    };
    match kind {
        "d" => record("decision", &granted),
        "c" => with("effect", "constrain".into()),
        "n" => with("effect", "deny".into()),
        "l" => with("phase", "list".into()),
        "y" => with("dry_run", true.into()),
        "o" => {
            let event = id(&format!("event-{event}"));
            record(
                "outcome",
                &[("decision_id", id(number)), ("event_id", event)],
            )
        }
        other => panic!("{other}"),
    }
}

#[test]
fn outcomes_are_paired_with_granted_calls_over_all_logs() {
    // The logs one after the other; granted, outcomes, paired, repeated.
    let cases = [
        ("d1 o1", (1, 1, 1, 0)),
        ("d1 | o1", (1, 1, 1, 0)),
        ("o1 | d1", (1, 1, 1, 0)),
        ("d1 d2 o2", (2, 1, 1, 0)),
        ("d1 o1 | o1", (1, 1, 1, 1)),
        ("o1 | o1 d1", (1, 1, 1, 1)),
        ("d1 o1e7 o1e8", (1, 2, 1, 0)),
        ("d1", (1, 0, 0, 0)),
        ("o1", (0, 1, 0, 0)),
        ("c1 o1", (1, 1, 1, 0)),
        ("n1 l2 y3", (0, 0, 0, 0)),
        ("n1 o1", (0, 1, 0, 0)),
    ];
    for (text, (granted, outcomes, paired, repeated)) in cases {
        let mut pairs = Pairs::default();
        for word in text.split_whitespace().filter(|word| *word != "|") {
            pairs.see(&Line::read(&line(word)).unwrap());
        }
        let found = pairs.so_far();
        let expected = Paired {
            granted,
            outcomes,
            paired,
            repeated,
            forgotten: 0,
        };
        assert_eq!(found, expected, "{text}");
        assert_eq!(found.without_outcome(), granted - paired, "{text}");
        assert_eq!(found.without_decision(), outcomes - paired, "{text}");
    }
}

#[test]
fn what_is_too_far_apart_is_forgotten_and_counted() {
    let mut window = Window::default();
    let forgotten = (0..WINDOW as u64 + 2).filter(|id| window.put(*id)).count();
    assert_eq!(forgotten, 2);
    assert!(!window.has(0) && !window.has(1) && window.has(2));
    assert!(!window.take(1) && window.take(2) && !window.take(2));
    // One that was taken out is not forgotten again, and one that is there is not put twice.
    assert!(!window.put(u64::MAX));
    assert!(!window.put(u64::MAX));
    assert_eq!(window.ids.len(), WINDOW);
}
