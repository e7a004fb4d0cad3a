//! The MCP project's own test server behind the shim.

use super::{Talk, python, root, shim_in_front, stdout_of, tool};
use crate::server::{of_type, records};
use serde_json::{Value, json};
use std::ffi::OsString;
use toolgate::audit::verify::verify;

/// The tools that the policies in `tests/data/programs/everything` show.
const SHOWN: [&str; 5] = [
    "echo",
    "get-annotated-message",
    "get-env",
    "get-structured-content",
    "get-tiny-image",
];

/// Requests whose answers the shim must not touch.
const UNTOUCHED: &[&str] = &[
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#,
    r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
    r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#,
    r#"{"jsonrpc":"2.0","id":"three","method":"tools/call","params":{"name":"echo","arguments":{"message":"h\u00e9llo \"w\u00f6rld\" \\ \ud83d\ude00"}}}"#,
    r#"{ "id": 4, "params": {"arguments": {"messageType": "error", "includeImage": true}, "name": "get-annotated-message"}, "method": "tools/call", "jsonrpc": "2.0" }"#,
    r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"get-structured-content","arguments":{"location":"Chicago"}}}"#,
    r#"{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"get-tiny-image","arguments":{}}}"#,
];
const CALLS_GRANTED: usize = 4;

const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{}}"#;
const DENIED: &str =
    r#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"get-env","arguments":{}}}"#;
const HIDDEN: &str = r#"{"jsonrpc":"2.0","id":9,"method":"tools/call","params":{"name":"get-sum","arguments":{"a":1,"b":2}}}"#;

fn server() -> Vec<OsString> {
    let program = tool("node_modules/.bin/mcp-server-everything");
    vec![program.into_os_string(), "stdio".into()]
}

#[test]
fn what_is_granted_passes_byte_for_byte_and_the_rest_does_not() {
    let directory = tempfile::tempdir().unwrap();
    let mut direct = Talk::start(&server());
    let mut shim = Talk::start(&shim_in_front(&server(), directory.path()));
    for request in UNTOUCHED {
        assert_eq!(direct.ask(request), shim.ask(request), "{request}");
    }

    assert_eq!(shim.ask(LIST), without_hidden(&direct.ask(LIST)));

    let denied: Value = serde_json::from_str(&shim.ask(DENIED)).unwrap();
    let result = &denied["result"];
    assert_eq!(result["isError"], true);
    let text = result["content"][0]["text"].as_str().unwrap();
    let expected = "Denied by policy (everything.environment). The environment may hold secrets.";
    assert!(text.starts_with(expected), "{text}");
    let hidden: Value = serde_json::from_str(&shim.ask(HIDDEN)).unwrap();
    let error = json!({"code": -32602, "message": "Unknown tool: get-sum"});
    assert_eq!(hidden, json!({"jsonrpc": "2.0", "id": 9, "error": error}));

    assert!(shim.end().success());
    assert!(direct.end().success());
    check_log(&directory.path().join("audit"));
}

/// The server's list as text, without the definitions that are not shown.
fn without_hidden(list: &str) -> String {
    const START: &str = r#"{"name":""#;
    let (head, tools) = list.split_once(START).unwrap();
    let (tools, tail) = tools.rsplit_once("]}").unwrap();
    let between = format!(",{START}");
    let tools = tools.split(&between).filter(|tool| {
        let name = tool.split('"').next().unwrap();
        SHOWN.contains(&name)
    });
    let tools: Vec<_> = tools.map(|tool| format!("{START}{tool}")).collect();
    assert_eq!(tools.len(), SHOWN.len());
    format!("{head}{}]}}{tail}", tools.join(","))
}

fn check_log(dir: &std::path::Path) {
    verify(dir).unwrap();
    let records = records(dir);
    let outcomes = of_type(&records, "outcome");
    assert_eq!(outcomes.len(), CALLS_GRANTED);
    let decisions = of_type(&records, "decision");
    for outcome in &outcomes {
        assert_eq!(outcome["status"], "ok");
        let decided = decisions
            .iter()
            .find(|it| it["decision_id"] == outcome["decision_id"]);
        assert_eq!(decided.unwrap()["effect"], "allow");
    }
    for tool in ["get-env", "get-sum"] {
        let mut calls = decisions.iter().filter(|it| it["phase"] == "call");
        let call = calls.find(|it| it["tool_name"] == tool).unwrap();
        assert_eq!(call["effect"], "deny");
    }
    assert_eq!(of_type(&records, "shim_connected").len(), 1);
}

#[test]
fn the_python_sdk_lists_and_calls_through_the_shim() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = python();
    command.arg(root().join("tests/programs/mcp_sdk.py"));
    command.args(shim_in_front(&server(), directory.path()));
    let shown: Value = serde_json::from_str(&stdout_of(&mut command)).unwrap();
    assert_eq!(shown["tools"], json!(SHOWN));
    assert_eq!(
        shown["echo"]["content"],
        json!([{"type": "text", "text": "Echo: hello"}])
    );
    assert_eq!(shown["get-env"]["isError"], true);
    let details = &shown["get-env"]["_meta"]["toolgate/decision"];
    assert_eq!(details["code"], "everything.environment");
}
