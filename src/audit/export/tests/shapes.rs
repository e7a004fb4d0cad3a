//! What the formats look like.

use super::*;
use crate::audit::export::{cloudevents, ocsf, pair};

fn row(effect: &str, status: Option<&str>) -> Row {
    let place = tempfile::tempdir().unwrap();
    let mut log = LogWriter::new(place.path(), "pdp/1");
    let one = call("one");
    log.write(0, &one.decision);
    log.write(1, &one.outcome);
    let text = fs::read_to_string(log.file()).unwrap();
    let records = text.lines().map(|line| {
        let Json::Object(record) = parse(line.as_bytes(), Limits::REQUEST).unwrap() else {
            panic!("an object");
        };
        record
    });
    let mut records: Vec<_> = records.collect();
    records[0].insert("effect", effect);
    let mut row = Row::of_decision(&records[0]);
    if let Some(status) = status {
        records[1].insert("status", status);
        row.add_outcome(&records[1]);
    }
    row
}

#[test]
fn a_cloud_event_has_what_the_specification_asks_for() {
    let event = cloudevents::event(&row("allow", Some("ok")));
    for (name, value) in [
        ("specversion", "1.0"),
        ("id", "d-one"),
        ("source", "urn:toolgate:pdp/1"),
        ("type", "toolgate.call.v1"),
        ("subject", "contracts/read_contract"),
        ("datacontenttype", "application/json"),
        ("time", "2026-11-20T16:00:00.123456Z"),
    ] {
        assert_eq!(event.get(name).unwrap().as_str(), Some(value), "{name}");
    }
    let data = event.get("data").unwrap();
    assert_eq!(data.get("outcome_seq").unwrap().as_u64(), Some(1));
    // Attribute names are lower-case letters and digits.
    let names = event.as_object().unwrap().iter().map(|(name, _)| name);
    assert!({ names }.all(|name| {
        name.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    }));
    let Row(cells) = row("allow", None);
    let odd = cells.into_iter().map(|cell| match cell {
        Cell::Text(text) if &*text == "pdp/1" => Cell::Text("a\"b#%".into()),
        Cell::Text(text) if &*text == "d-one" => Cell::Null,
        cell => cell,
    });
    let event = cloudevents::event(&Row(odd.collect()));
    assert_eq!(
        event.get("source").unwrap().as_str(),
        Some("urn:toolgate:a%22b%23%25")
    );
    assert_eq!(event.get("id").unwrap().as_str(), Some("seq-0"));
}

#[test]
fn an_activity_says_what_was_decided_and_what_became_of_it() {
    // effect, outcome; action, disposition, status
    let cases = [
        ("allow", Some("ok"), (1, 1, 1)),
        ("allow", Some("tool_error"), (1, 1, 2)),
        ("allow", None, (1, 1, 0)),
        ("constrain", Some("ok"), (1, 11, 1)),
        ("deny", None, (2, 2, 2)),
        ("require_approval", None, (2, 9, 2)),
    ];
    for (effect, outcome, (action, disposition, status)) in cases {
        let activity = ocsf::activity(&row(effect, outcome));
        let number = |name: &str| activity.get(name).unwrap().as_u64();
        assert_eq!(number("action_id"), Some(action), "{effect} {outcome:?}");
        assert_eq!(
            number("disposition_id"),
            Some(disposition),
            "{effect} {outcome:?}"
        );
        assert_eq!(number("status_id"), Some(status), "{effect} {outcome:?}");
        assert_eq!(number("class_uid"), Some(6003));
        assert_eq!(number("category_uid"), Some(6));
        assert_eq!(number("type_uid"), Some(600_399));
        assert_eq!(number("time"), Some(1_795_190_400_123));
    }
    let activity = ocsf::activity(&row("allow", Some("ok")));
    for (path, value) in [
        ("metadata.version", "1.3.0"),
        ("metadata.product.name", "toolgate"),
        ("metadata.uid", "d-one"),
        ("metadata.log_name", "pdp/1"),
        ("actor.user.uid", "u:ann"),
        ("actor.app_name", "a:claude"),
        ("actor.session.uid", "s-1"),
        ("api.operation", "read_contract"),
        ("api.service.name", "contracts"),
        ("api.request.uid", "c-one"),
        ("src_endpoint.name", "c:ide"),
        ("unmapped.arguments_hash", &samples::hashed().hash),
        ("unmapped.outcome_status", "ok"),
    ] {
        let mut steps = path.split('.');
        let found = steps.try_fold(&activity, |value, step| value.get(step));
        assert_eq!(found.and_then(Json::as_str), Some(value), "{path}");
    }
}

#[test]
fn a_call_that_waits_too_long_for_too_many_others_becomes_a_row() {
    let mut window = pair::Window::default();
    let decision = |number: usize| {
        crate::model::json::Object::from_iter([
            ("decision_id", Json::from(format!("d-{number}"))),
            ("time", TIME.rfc3339_micros().into()),
        ])
    };
    for number in 0..WAITING_CALLS_MAX {
        assert!(
            window
                .decision((0, number as u64), &decision(number))
                .is_empty()
        );
    }
    assert_eq!(window.len(), WAITING_CALLS_MAX);
    let rows = window.decision((0, 99_999), &decision(WAITING_CALLS_MAX));
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].text("decision_id"), Some("d-0"));
    assert_eq!(window.len(), WAITING_CALLS_MAX);
    assert_eq!(window.waiting(0).len(), WAITING_CALLS_MAX);
}

#[test]
fn every_column_is_in_the_documentation() {
    let page = include_str!("../../../../docs/audit-format.md");
    for column in COLUMNS {
        let row = format!("| `{}` | {} |", column.name, column.kind.as_str());
        assert!(
            page.contains(&row),
            "`{row}` is not in docs/audit-format.md"
        );
    }
}
