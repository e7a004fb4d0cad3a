//! Random inputs as the decision point makes them, near to what the bundled policies look at.

use super::{members, without};
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3000).prop_map(Value::from),
        select(
            &[
                "eu",
                "us",
                "invoice",
                "payment_card",
                "called back",
                "",
                "analyst"
            ][..]
        )
        .prop_map(Value::from),
        select(
            &[
                "ann@example.com",
                "a@evil.example",
                "ES91 2100 0418 4502 0005 1332"
            ][..]
        )
        .prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        (490_usize..510).prop_map(|length| Value::from("x".repeat(length))),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        5 => scalar(),
        1 => vec(scalar(), 0..3).prop_map(Value::from),
        1 => hash_map("[a-c]", scalar(), 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
    ]
}

fn arguments() -> impl Strategy<Value = Value> {
    let names = select(
        &[
            "note",
            "region",
            "record_type",
            "to",
            "body",
            "id",
            "subject",
        ][..],
    );
    let members = hash_map(names.prop_map(str::to_owned), value(), 0..6);
    members.prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
}

fn principal() -> impl Strategy<Value = Value> {
    let roles = [
        "internal",
        "customer_facing",
        "analyst",
        "finance",
        "crm_admin",
        "nobody",
    ];
    let roles = proptest::sample::subsequence(roles.to_vec(), 0..=3);
    let zone = select(&["Europe/London", "America/New_York", "Nowhere/Atlantis"][..]);
    let clearance = select(&["public", "internal", "sensitive", "restricted", "top"][..]);
    let region = select(&["eu", "us", ""][..]);
    (roles, zone, clearance, region).prop_map(|(roles, zone, clearance, region)| {
        json!({
            "id": "agent_a",
            "roles": roles,
            "attributes": {"tz": zone, "clearance": clearance, "region": region},
            "delegation": [],
            "authenticated_by": "shim",
        })
    })
}

/// Inputs as the decision point makes them, and some from which a part was taken.
fn input() -> impl Strategy<Value = (String, Value)> {
    let tools = [
        ("crm", "read_customer_record"),
        ("crm", "search_customers"),
        ("crm", "delete_customer_record"),
        ("crm", "update_customer_note"),
        ("billing", "update_billing_record"),
        ("demo", "read_contract"),
        ("demo", "sign_contract"),
        ("demo", "send_email"),
        ("demo", "log_event"),
        ("demo", "unknown"),
    ];
    let phases = ["call", "call", "call", "result", "list", "notification"];
    let hours =
        (0_i64..7 * 24).prop_map(|hour| 1_795_168_800_000_000_000 + hour * 3_600_000_000_000);
    let purpose = select(&[None, Some("billing"), Some("analytics")][..]);
    let parts = (
        select(tools.to_vec()),
        select(phases.to_vec()),
        hours,
        purpose,
    );
    let removed = proptest::option::weighted(0.3, any::<Index>());
    (parts, principal(), arguments(), removed).prop_map(|(parts, principal, arguments, removed)| {
        let ((server, name), phase, ns, purpose) = parts;
        let method = if phase == "list" {
            "tools/list"
        } else {
            "tools/call"
        };
        let mut input = json!({
            "version": 1,
            "phase": phase,
            "time": {"ns": ns, "rfc3339": "2026-11-20T10:00:00Z"},
            "tenant": "default",
            "principal": principal,
            "mcp": {"server": server, "method": method, "name": name},
            "tool": {"untrusted_annotations": {}},
            "arguments": arguments,
            "facts": {},
            "session": {"id": "s", "labels": []},
            "context": purpose.map_or(json!({}), |purpose| json!({"purpose": purpose})),
        });
        if let Some(index) = removed {
            let paths = members(&input);
            input = without(&input, &paths[index.index(paths.len())]);
        }
        (server.to_owned(), input)
    })
}

/// So many inputs, each with the server that it is for; the same ones each time.
pub fn random(count: usize) -> Vec<(String, Value)> {
    let mut runner = TestRunner::deterministic();
    let strategy = input();
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}
