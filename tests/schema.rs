//! `docs/input.schema.json` describes what policies really get, and nothing else.

use crate::programs::tool;
use std::process::Command;
use toolgate::model::call::{Mcp, Phase, Request};
use toolgate::model::json::{Json, Limits, Object, parse};
use toolgate::model::principal::{AuthenticatedBy, Principal, RolesFrom};
use toolgate::model::time::Timestamp;

const NOW: Timestamp = Timestamp::from_nanos(1_795_190_400_123_456_789);
const SCRIPT: &str = r#"
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)
for number, line in enumerate(open(sys.argv[2])):
    problems = [error.json_path + ": " + error.message for error in validator.iter_errors(json.loads(line))]
    print(number, "; ".join(problems) or "valid")
"#;

fn object(text: &str) -> Object {
    match parse(text.as_bytes(), Limits::REQUEST) {
        Ok(Json::Object(object)) => object,
        other => panic!("{text} is no object: {other:?}"),
    }
}

/// The least and the most that a request may say, in every phase.
fn requests() -> Vec<Request> {
    let least = Request {
        phase: Phase::Call,
        tenant: "default".into(),
        principal: Principal {
            id: "ann".into(),
            ..Principal::default()
        },
        mcp: Mcp {
            server: "crm".into(),
            method: "ping".into(),
            ..Mcp::default()
        },
        definition_digest: None,
        untrusted_annotations: Object::new(),
        params: Object::new(),
        result: None,
        session_id: "s".into(),
        context: Object::new(),
    };
    let most = Request {
        principal: Principal {
            user: Some("u:ann".into()),
            agent: Some("a:claude".into()),
            client: Some("c:ide".into()),
            roles: vec!["analyst".into()],
            attributes: object(r#"{"department": "finance", "levels": [1, null]}"#),
            delegation: vec!["root".into()],
            authenticated_by: AuthenticatedBy::Mtls,
            roles_from: Some(RolesFrom::Directory),
            ..least.principal.clone()
        },
        mcp: Mcp {
            method: "tools/call".into(),
            name: "read".into(),
            protocol: "2025-11-25".into(),
            ..least.mcp.clone()
        },
        definition_digest: Some(format!("sha256:{}", "0".repeat(64))),
        untrusted_annotations: object(r#"{"readOnlyHint": true}"#),
        params: object(r#"{"name": "read", "arguments": {"n": 9007199254740993}}"#),
        result: Some(Json::Object(object(r#"{"content": []}"#))),
        context: object(r#"{"purpose": "billing", "channel": "public", "correlation_id": "c"}"#),
        ..least.clone()
    };
    let phases = Phase::ALL.into_iter();
    let each = phases.flat_map(|phase| {
        let result = (phase == Phase::Result)
            .then(|| most.result.clone())
            .flatten();
        [
            Request {
                phase,
                ..least.clone()
            },
            Request {
                phase,
                result,
                ..most.clone()
            },
        ]
    });
    // A result has to be there in its phase.
    each.filter(|request| request.phase != Phase::Result || request.result.is_some())
        .collect()
}

#[test]
fn the_schema_describes_real_inputs_and_refuses_others() {
    let inputs = requests()
        .into_iter()
        .map(|request| request.to_input(&Object::new(), &["pii:crm".to_owned()], NOW));
    let mut lines: Vec<String> = inputs.map(|input| input.to_string()).collect();
    let real = lines.len();
    let first = lines.first().cloned().unwrap();
    let wrong = [
        first.replace("\"version\":1", "\"version\":2"),
        first.replace("\"phase\":\"call\"", "\"phase\":\"guess\""),
        first.replace("\"tenant\":\"default\",", ""),
        first.replace("\"id\":\"ann\"", "\"id\":7"),
        first.replace("\"facts\":{}", "\"facts\":null"),
    ];
    assert!(wrong.iter().all(|line| *line != first));
    lines.extend(wrong);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("inputs.ndjson");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let output = Command::new(tool("venv/bin/python"))
        .args(["-c", SCRIPT, "docs/input.schema.json"])
        .arg(&file)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8(output.stdout).unwrap();
    for (number, line) in said.lines().enumerate() {
        assert_eq!(line.ends_with(" valid"), number < real, "{line}");
    }
    assert_eq!(said.lines().count(), lines.len());
}
