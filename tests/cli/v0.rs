//! A bundle of Rego v0, and one module of v1 in it, through every command.

use crate::util::Workplace;
use serde_json::json;

const POLICY: &str = "package policies.old

import future.keywords.in

default is_open = false

is_open = true {
	data.old.open
}

allow[\"old.read\"] {
	is_open
	input.mcp.name == \"read\"
}

deny[{\"code\": \"old.banned\", \"message\": \"banned\"}] {
	\"banned\" in input.principal.roles
}
";

const NEW: &str = "package policies.new

allow contains \"new.read\" if input.mcp.name == \"read\"
";

const TEST: &str = "package policies.old_test

import data.policies.old

test_reads { \"old.read\" in old.allow with input as {\"mcp\": {\"name\": \"read\"}} }
";

const MANIFEST: &str =
    r#"{"revision": "r1", "rego_version": 0, "file_rego_versions": {"/new/*": 1}}"#;
const INPUT: &str = "{version: 1, phase: call, time: {rfc3339: \"2026-11-20T10:00:00Z\"}, principal: {id: a, roles: []}, mcp: {server: demo, method: tools/call, name: read}}";

fn place() -> Workplace {
    let test = TEST.replace("\nimport data", "\nimport future.keywords.in\nimport data");
    Workplace::with(&[
        ("b/.manifest", MANIFEST),
        ("b/old.rego", POLICY),
        ("b/old_test.rego", &test),
        ("b/new/new.rego", NEW),
        ("b/data.json", r#"{"old": {"open": true}}"#),
        ("in.yaml", INPUT),
    ])
}

#[test]
fn every_command_knows_the_version() {
    let place = place();
    place.run(&["check", "b"]).expect(0);
    let tested = place.run(&["test", "b", "--coverage"]).expect(0);
    assert!(
        tested.out.contains("policies.old_test.test_reads"),
        "{tested:?}"
    );
    let decided = place.run(&["decide", "--bundle", "b", "in.yaml"]).expect(0);
    for code in ["reason old.read by old", "reason new.read by new"] {
        assert!(decided.out.contains(code), "{decided:?}");
    }
    let explained = place
        .run(&["explain", "--bundle", "b", "in.yaml"])
        .expect(0);
    for line in [
        "held old.rego:11",
        "did not hold old.rego:16",
        "held new/new.rego:3",
    ] {
        assert!(explained.out.contains(line), "{explained:?}");
    }
    assert!(
        explained.out.contains("the interpreter says the same"),
        "{explained:?}"
    );
    let value = [
        "eval",
        "--bundle",
        "b",
        "--input",
        "in.yaml",
        "data.policies.old.allow",
    ];
    let value = place.run(&value).expect(0).json();
    let expressions = &value["result"][0]["expressions"][0];
    assert_eq!(expressions["value"], json!(["old.read"]));
    place
        .run(&[
            "bench",
            "--bundle",
            "b",
            "--input",
            "in.yaml",
            "--seconds",
            "1",
        ])
        .expect(0);
}

#[test]
fn what_v0_alone_allows_is_refused_with_its_line() {
    let place = place();
    place.write(
        "b/old.rego",
        "package policies.old\n\nallow[\"x\"] if {\n\ttrue\n}\n",
    );
    let refused = place.run(&["check", "b"]).expect(2);
    let all = format!("{}{}", refused.out, refused.err);
    for part in [
        "old.rego:3:12",
        "`if` is used and not imported",
        "opa fmt --v0-v1",
    ] {
        assert!(all.contains(part), "{refused:?}");
    }
}
