use super::*;
use crate::model::obligation::Obligation;

const START: Timestamp = Timestamp::from_nanos(1_795_190_400_000_000_000);

fn call(caller: &str, decision_id: &str) -> OwedCall {
    OwedCall {
        identity: CallIdentity {
            caller: caller.to_owned(),
            tenant: "acme".to_owned(),
            ..CallIdentity::default()
        },
        judged_digest: "sha256:00".to_owned(),
        obligations: vec![Obligation::LimitRows { rows: 1 }],
        decision_id: decision_id.into(),
        released: None,
    }
}

fn released(digest: &str) -> ReleasedResult {
    ReleasedResult {
        digest: digest.to_owned(),
        hashed: Hashed::default(),
        filtered: None,
    }
}

fn at(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

#[test]
fn a_call_is_found_until_it_is_too_old() {
    let owed = OwedCalls::default();
    owed.remember("c", call("shim", "d"), START);
    let last = OWED_CALL_AGE_MAX.as_secs() - 1;
    for (seconds, is_found) in [
        (0, true),
        (last, true),
        (last + 1, false),
        (last + 2, false),
    ] {
        let now = at(seconds);
        assert_eq!(owed.find("c", now).is_some(), is_found, "{seconds}");
        let known = matches!(owed.pair("shim", "d", "c", now), Pairing::Known { .. });
        assert_eq!(known, is_found, "{seconds}");
    }
    assert_eq!(owed.find("d", START), None, "a decision is no call");
}

#[test]
fn an_outcome_is_paired_with_a_decision_for_its_caller_and_its_call_alone() {
    let owed = OwedCalls::default();
    owed.remember("c1", call("shim", "d1"), START);
    owed.remember("c2", call("other", "d2"), START);
    owed.note_released("c1", released("sha256:11"));
    owed.note_released("unknown", released("sha256:22"));
    let cases = [
        (("shim", "d1", "c1"), "known, released"),
        (("shim", "d1", ""), "known, released"),
        (("other", "d2", "c2"), "known"),
        (("shim", "d1", "c2"), "foreign"),
        (("shim", "d1", "c9"), "foreign"),
        (("shim", "d2", "c2"), "foreign"),
        (("other", "d1", "c1"), "foreign"),
        (("", "d1", "c1"), "foreign"),
        (("shim", "d9", "c1"), "unknown"),
        (("shim", "c1", "c1"), "unknown"),
        (("shim", "", ""), "unknown"),
    ];
    for ((caller, decision_id, call_id), expected) in cases {
        let said = match owed.pair(caller, decision_id, call_id, START) {
            Pairing::Known { tenant, released } => {
                assert_eq!(tenant, "acme");
                match released {
                    Some(_) => "known, released",
                    None => "known",
                }
            }
            Pairing::Unknown => "unknown",
            Pairing::Foreign => "foreign",
        };
        assert_eq!(said, expected, "{caller} {decision_id} {call_id}");
    }
}

#[test]
fn calls_are_bounded_and_the_oldest_are_forgotten_first() {
    let owed = OwedCalls::default();
    for number in 0..=OWED_CALLS_MAX {
        let id = number.to_string();
        owed.remember(&format!("c{id}"), call("shim", &format!("d{id}")), START);
    }
    {
        let owed = owed.lock();
        let sizes = [
            owed.calls.len(),
            owed.by_decision.len(),
            owed.oldest_first.len(),
        ];
        assert_eq!(sizes, [OWED_CALLS_MAX; 3]);
    }
    assert_eq!(owed.find("c0", START), None);
    assert_eq!(owed.pair("shim", "d0", "", START), Pairing::Unknown);
    assert!(owed.find("c1", START).is_some());
    // What is too old goes when something new comes.
    owed.remember("new", call("shim", "dnew"), at(3_600));
    let owed = owed.lock();
    let sizes = [
        owed.calls.len(),
        owed.by_decision.len(),
        owed.oldest_first.len(),
    ];
    assert_eq!(sizes, [1; 3]);
}

#[test]
fn calls_before_a_restart_are_paired_and_their_results_agree_with_nothing() {
    let granted = GrantedCall {
        call_id: "c".into(),
        decision_id: "d".into(),
        caller: "shim".into(),
        tenant: "acme".into(),
        time: START,
    };
    let owed = OwedCalls::resumed(vec![granted]);
    let known = Pairing::Known {
        tenant: "acme".into(),
        released: None,
    };
    assert_eq!(owed.pair("shim", "d", "c", at(10)), known);
    assert_eq!(owed.pair("shim", "d", "c", at(3_600)), Pairing::Unknown);
    assert_eq!(owed.find("c", at(10)).unwrap().judged_digest, "");
}
