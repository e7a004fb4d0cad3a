//! `docs/audit/*.schema.json` describe the records of every type: those that the tests hold, and
//! those that a PDP really writes.

use crate::programs::tool;
use crate::server::asking::{Decisions, call};
use crate::server::publishing::{Shim, event};
use crate::server::{Server, block_on, config, write_files};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use toolgate::wire::v1::decide_request::Subject;
use toolgate::wire::v1::publish_request::Event;
use toolgate::wire::v1::{
    AssertedSubject, DecideRequest, Heartbeat, LocalDenial, Outcome, OutcomeStatus, Phase,
    ShimConnected,
};

/// Reads records, one a line; says of each its type and what is wrong. With `strict`, members that
/// no schema has are wrong, too, and each member that a schema has must be in some record.
const SCRIPT: &str = r#"
import json, pathlib, sys
from jsonschema import Draft202012Validator

def strict(schema):
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {name: strict(value) for name, value in schema.items()}
    if isinstance(out.get("properties"), dict) and "type" in out and not is_open(schema):
        out["additionalProperties"] = False
    return out

def is_open(schema):
    # An obligation's other members are its own.
    return list(schema["properties"]) == ["type"]

seen = set()
def note(value, path):
    if isinstance(value, dict):
        for name, inner in value.items():
            seen.add(path + "." + name)
            note(inner, path + "." + name)
    if isinstance(value, list):
        for inner in value:
            note(inner, path)

def members(schema, root, path):
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    if "items" in schema:
        yield from members(schema["items"], root, path)
    for name, inner in schema.get("properties", {}).items():
        yield path + "." + name
        yield from members(inner, root, path + "." + name)

is_strict = sys.argv[1] == "strict"
schemas = {}
for file in sorted(pathlib.Path("docs/audit").glob("*.schema.json")):
    schema = json.loads(file.read_text())
    Draft202012Validator.check_schema(schema)
    schemas[file.name.removesuffix(".schema.json")] = schema
validators = {
    kind: Draft202012Validator(strict(schema) if is_strict else schema)
    for kind, schema in schemas.items()
}
for line in open(sys.argv[2]):
    record = json.loads(line)
    kind = record.get("type")
    note(record, kind)
    validator = validators.get(kind)
    problems = ["no schema"] if validator is None else [
        error.json_path + ": " + error.message for error in validator.iter_errors(record)
    ]
    print(kind, "; ".join(problems) or "valid")
if is_strict:
    for kind, schema in schemas.items():
        for member in members(schema, schema, kind):
            if member not in seen:
                print(kind, "no record has `" + member + "`")
"#;

/// What the schemas say of each of these lines.
fn judged(mode: &str, lines: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("records.jsonl");
    std::fs::write(&file, lines).unwrap();
    let output = Command::new(tool("venv/bin/python"))
        .args(["-c", SCRIPT, mode])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines().map(str::to_owned).collect()
}

fn golden() -> String {
    let dir = Path::new("tests/data/audit");
    let files = std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap().path());
    let texts = files.map(|file| std::fs::read_to_string(file).unwrap());
    texts.collect()
}

#[test]
fn every_golden_record_is_as_its_schema_says_and_every_member_is_described() {
    let lines = golden();
    let said = judged("strict", &lines);
    // The one that a golden record cannot have: it is cut, or it is not.
    let truncated = |line: &&String| line.ends_with(".truncated`");
    let wrong: Vec<_> = said
        .iter()
        .filter(|line| !line.ends_with(" valid") && !truncated(line))
        .filter(|line| !line.ends_with(".seq_reused`"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(said.len() > lines.lines().count());
    let kinds = said.iter().filter_map(|line| line.strip_suffix(" valid"));
    let kinds: BTreeSet<_> = kinds.collect();
    assert_eq!(kinds.len(), 14, "{kinds:?}");
}

#[test]
fn a_reader_lets_new_members_through_and_sees_what_is_wrong() {
    for line in golden().lines() {
        let newer = line.replacen('{', "{\"aaa\":{\"later\":1},", 1);
        let said = judged("open", &newer);
        assert!(said[0].ends_with(" valid"), "{said:?}");
    }
    let record = std::fs::read_to_string("tests/data/audit/decision.jsonl").unwrap();
    let first = record.lines().next().unwrap();
    let cases = [
        ("\"effect\":\"constrain\"", "\"effect\":\"maybe\""),
        ("\"tenant\":\"acme\",", ""),
        ("\"evaluation_us\":48", "\"evaluation_us\":\"48\""),
        ("\"verified\":true", "\"verified\":\"yes\""),
        ("\"time\":\"2026-11-20T16", "\"time\":\"2026-11-20 16"),
        ("\"type\":\"decision\"", "\"type\":\"verdict\""),
    ];
    for (from, to) in cases {
        assert!(first.contains(from), "{from}");
        let said = judged("open", &first.replacen(from, to, 1));
        assert!(!said[0].ends_with(" valid"), "{from}: {said:?}");
    }
}

const POLICY: &str = r#"package policies.crm
allow contains "ok" if input.mcp.name != "other"
constrain contains {"type": "mask_fields", "fields": ["email"]}
constrain contains {"type": "audit", "level": "full"}
"#;
const RESULT: &str = r#"{"content":[],"structuredContent":{"email":"a@b.c"}}"#;

#[test]
fn what_a_pdp_writes_is_as_the_schemas_say() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        write_files(&dir.path().join("main"), [("p.rego", POLICY)]);
        let more = "[audit]\ndir = \"audit\"\n[limits]\nevaluation_milliseconds_max = 5000\n";
        let server = Server::start(dir, &config(more)).await;
        let mut decisions = Decisions::new(server.unix().await);
        let granted = decisions
            .decide(call("crm/read"))
            .await
            .unwrap()
            .into_inner();
        let result = DecideRequest {
            phase: Phase::Result.into(),
            call_id: granted.call_id.clone(),
            result_json: RESULT.into(),
            ..call("crm/read")
        };
        let root = Subject::Asserted(AssertedSubject {
            id: "root".to_owned(),
            ..AssertedSubject::default()
        });
        let beyond = DecideRequest {
            subject: Some(root),
            ..call("crm/read")
        };
        let malformed = DecideRequest {
            params_json: b"{".to_vec(),
            ..call("crm/read")
        };
        let dry = DecideRequest {
            dry_run: true,
            ..call("crm/read")
        };
        for ask in [
            result,
            beyond,
            malformed,
            dry,
            call("crm/other"),
            DecideRequest::default(),
        ] {
            decisions.decide(ask).await.unwrap();
        }
        let connected = ShimConnected {
            server: "crm".to_owned(),
            ..ShimConnected::default()
        };
        let outcome = Outcome {
            decision_id: granted.decision_id.clone(),
            status: OutcomeStatus::Ok.into(),
            response_digest: "sha256:00".to_owned(),
            secret_valid: Some(true),
            rows_removed: 1,
            ..Outcome::default()
        };
        let denial = LocalDenial {
            code: "odd".to_owned(),
            mcp: None,
        };
        let mut shim = Shim::connect(&server).await.unwrap();
        for (seq, what) in [
            (1, Event::ShimConnected(connected)),
            (2, Event::Outcome(outcome)),
            (5, Event::LocalDenial(denial)),
            (5, Event::Heartbeat(Heartbeat { spooled: 3 })),
        ] {
            shim.send(event(1, seq, what)).await.unwrap();
        }
        let records = server.records().await;
        let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
        let said = judged("strict", &lines);
        let said = &said[..records.len()];
        let wrong: Vec<_> = said
            .iter()
            .filter(|line| !line.ends_with(" valid"))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let kinds: BTreeSet<_> = said
            .iter()
            .map(|line| line.split(' ').next().unwrap())
            .collect();
        let expected = [
            "decision",
            "gap",
            "heartbeat",
            "outcome",
            "policy_loaded",
            "shim_connected",
        ];
        assert_eq!(kinds, BTreeSet::from(expected));
        server.stop().await;
    });
}
