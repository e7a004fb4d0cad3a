//! Requests of the modern era: no session, and headers that repeat the message.

use super::script;
use crate::model::call::Phase;
use crate::shim::http::testing::{Scene, events, json};
use crate::shim::testing::{Rule, TablePdp};
use std::sync::Arc;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
const VERSION: &str = "mcp-protocol-version: 2026-07-28\r\n";
const LIST: &str = r#"{"tools":[{"name":"sql","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}}},{"name":"read"}]}"#;
const OK: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"resultType":"complete","content":[]}}"#;

fn call(name: &str, arguments: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"{name}","arguments":{arguments},{META}}}}}"#
    )
}

async fn scene(rules: &[(&'static str, Rule)]) -> Scene {
    let inner = script(|got| match got.body.contains("stream") {
        true => events(&format!("data: {OK}\n\n")),
        false => json(OK),
    });
    let script = Arc::new(move |got: &crate::shim::http::testing::Got| {
        match got.body.contains("\"tools/list\"") {
            true => {
                let message: serde_json::Value = serde_json::from_str(&got.body).unwrap();
                let id = &message["id"];
                json(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{LIST}}}"#))
            }
            false => inner(got),
        }
    });
    Scene::start(TablePdp::new(rules), script).await
}

#[tokio::test]
async fn headers_have_to_agree_with_the_message_and_are_written_anew() {
    let scene = scene(&[("sql", Rule::Allow), ("read", Rule::Allow)]).await;
    let good = format!("{VERSION}mcp-method: tools/call\r\nmcp-name: sql\r\n");
    let region = r#"{"region":"eu"}"#;
    let cases = [
        (
            format!("{good}mcp-param-region: eu\r\n"),
            call("sql", region),
            200,
        ),
        (
            format!("{good}mcp-param-region: us\r\n"),
            call("sql", region),
            400,
        ),
        (good.clone(), call("sql", region), 400),
        (good.clone(), call("sql", "{}"), 200),
        (good.clone(), call("read", "{}"), 400),
        (
            format!("{VERSION}mcp-method: tools/call\r\n"),
            call("sql", "{}"),
            400,
        ),
        (
            format!("{VERSION}mcp-name: sql\r\n"),
            call("sql", "{}"),
            400,
        ),
        (
            good.replace("2026-07-28", "2025-11-25"),
            call("sql", "{}"),
            400,
        ),
        (
            good.replace("tools/call", "tools/list"),
            call("sql", "{}"),
            400,
        ),
    ];
    for (headers, body, status) in cases {
        let reply = scene.post(&headers, &body).await;
        assert_eq!(reply.status, status, "{headers} {}", reply.body);
        let is_mismatch = reply.body.contains("-32020");
        assert_eq!(is_mismatch, status == 400, "{headers} {}", reply.body);
    }
    let got = scene.got.lock().unwrap();
    let calls: Vec<_> = got
        .iter()
        .filter(|it| it.body.contains("tools/call"))
        .collect();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].header("mcp-method"), "tools/call");
    assert_eq!(calls[0].header("mcp-name"), "sql");
    assert_eq!(calls[0].header("mcp-param-region"), "eu");
    assert_eq!(calls[1].header("mcp-param-region"), "");
    // The proxy's own question is of the same era.
    let own = got
        .iter()
        .find(|it| it.body.contains("tools/list"))
        .unwrap();
    assert_eq!(own.header("mcp-method"), "tools/list");
    assert_eq!(own.header("mcp-protocol-version"), "2026-07-28");
    assert!(own.body.contains("io.modelcontextprotocol/protocolVersion"));
}

#[tokio::test]
async fn headers_agree_with_what_was_rewritten() {
    const PARAMS: &str = r#"{"name":"sql","arguments":{"region":"eu"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}"#;
    let scene = scene(&[("sql", Rule::Rewrite(PARAMS))]).await;
    let headers =
        format!("{VERSION}mcp-method: tools/call\r\nmcp-name: sql\r\nmcp-param-region: us\r\n");
    let reply = scene
        .post(&headers, &call("sql", r#"{"region":"us"}"#))
        .await;
    assert_eq!((reply.status, reply.body.as_str()), (200, OK));
    let got = scene.got.lock().unwrap();
    let sent = got
        .iter()
        .find(|it| it.body.contains("tools/call"))
        .unwrap();
    assert_eq!(sent.header("mcp-param-region"), "eu");
    assert!(sent.body.contains(r#""region":"eu""#));
}

#[tokio::test]
async fn each_request_says_its_era_and_a_session_is_nothing() {
    let scene = scene(&[("read", Rule::Allow)]).await;
    let headers =
        format!("{VERSION}mcp-session-id: any\r\nmcp-method: tools/call\r\nmcp-name: read\r\n");
    let reply = scene
        .post(&headers, &call("read", r#"{"a":"stream"}"#))
        .await;
    assert_eq!(reply.body, format!("data: {OK}\n\n"));
    let asked = scene.pdp.asked(Phase::Call);
    assert_eq!(asked[0].mcp.protocol, "2026-07-28");
    let got = scene.got.lock().unwrap().clone();
    assert!(got.iter().all(|it| it.header("mcp-session-id").is_empty()));
    let without = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"read"}}"#;
    let reply = scene.post(&headers, without).await;
    assert_eq!(reply.status, 400);
    assert!(reply.body.contains("-32602"), "{}", reply.body);
    let unknown = call("read", "{}").replace("2026-07-28", "2027-01-01");
    let reply = scene.post(&headers, &unknown).await;
    assert!(
        reply.body.contains("-32022") && reply.body.contains("2027-01-01"),
        "{}",
        reply.body
    );
    let listen = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{{{META}}}}}"#
    );
    let headers = format!("{VERSION}mcp-method: subscriptions/listen\r\n");
    let reply = scene.post(&headers, &listen).await;
    assert!(reply.body.contains("-31001"), "{}", reply.body);
}
