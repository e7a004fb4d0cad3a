use super::*;

fn answers(lines: &str) -> Vec<Json> {
    let mut output = Vec::new();
    let server = Server::new().unwrap();
    server.serve(lines.as_bytes(), &mut output).unwrap();
    let lines = output.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    lines
        .map(|line| parse(line, Limits::REQUEST).unwrap())
        .collect()
}

fn answer(method: &str, params: &str) -> Json {
    let line = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}"#);
    answers(&line).remove(0)
}

/// Requests, and what their answers start with.
const ANSWERS: &[(&str, &str, &str)] = &[
    (
        "initialize",
        r#"{"protocolVersion":"2025-06-18"}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}}"#,
    ),
    (
        "initialize",
        r#"{"protocolVersion":"1999-01-01"}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":{"protocolVersion":"2025-11-25""#,
    ),
    ("ping", "{}", r#"{"jsonrpc":"2.0","id":7,"result":{}}"#),
    (
        "tools/list",
        "{}",
        r#"{"jsonrpc":"2.0","id":7,"result":{"tools":[{"name":"read_contract""#,
    ),
    (
        "tools/call",
        r#"{"name":"read_contract","arguments":{"contract_id":"C-9"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"There is no such contract."}],"isError":true}}"#,
    ),
    (
        "tools/call",
        r#"{"name":"sign_contract","arguments":{"contract_id":"C-1001"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"{\"contract_id\":\"C-1001\",\"status\":\"signed\"}"}]"#,
    ),
    (
        "tools/call",
        r#"{"name":"log_event","arguments":{"message":"m"}}"#,
        r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"{\"logged\":\"m\"}"}],"structuredContent":{"logged":"m"},"isError":false}}"#,
    ),
    (
        "tools/call",
        r#"{"name":"shred_contract"}"#,
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Unknown tool: shred_contract"}}"#,
    ),
    (
        "resources/list",
        "{}",
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"Method not found: resources/list"}}"#,
    ),
];

#[test]
fn answers_are_as_expected() {
    for (method, params, expected) in ANSWERS {
        let answer = answer(method, params).to_string();
        assert!(answer.starts_with(expected), "{method} {params}: {answer}");
    }
}

#[test]
fn structure_and_text_say_the_same() {
    let calls = [
        r#"{"name":"read_contract","arguments":{"contract_id":"C-1001"}}"#,
        r#"{"name":"send_email","arguments":{"to":"a@example.com","subject":"s","body":"b"}}"#,
    ];
    for call in calls {
        let answer = answer("tools/call", call);
        let result = answer.get("result").unwrap();
        let text = result.get("content").unwrap().as_array().unwrap()[0].get("text");
        let text = parse(text.unwrap().as_str().unwrap().as_bytes(), Limits::REQUEST);
        assert_eq!(Some(&text.unwrap()), result.get("structuredContent"));
    }
}

#[test]
fn the_body_of_an_email_is_not_given_back() {
    let call = r#"{"name":"send_email","arguments":{"to":"a@example.com","body":"hush"}}"#;
    assert!(!answer("tools/call", call).to_string().contains("hush"));
}

#[test]
fn notifications_have_no_answer_and_broken_lines_an_error() {
    let lines = "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\nno json\n";
    let answers = answers(lines);
    assert_eq!(answers.len(), 1);
    assert_eq!(
        answers[0].to_string(),
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}"#
    );
}
