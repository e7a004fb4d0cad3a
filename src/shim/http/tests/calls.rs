//! Calls and their results, of the older era.

use super::{PAGE, call, scene};
use crate::model::call::Phase;
use crate::shim::event::Status;
use crate::shim::http::testing::{Scene, answer, events, json};
use crate::shim::testing::{Rule, TablePdp};
use std::sync::Arc;

const LEGACY: &str = "mcp-protocol-version: 2025-06-18\r\n";
const SAID: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"{\"email\":\"a@b\"}"}]}}"#;
const MASKED: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"{\"email\":\"***\"}"}]}}"#;

#[tokio::test]
async fn what_is_allowed_passes_byte_for_byte_and_what_is_masked_does_not() {
    let scene = scene(|_| json(SAID)).await;
    let odd = "{ \"jsonrpc\":\"2.0\",\n \"id\":7,\"method\":\"tools/call\",\r\n\"params\":{\"name\":\"read\",\"arguments\":{\"n\":9007199254740993}} }";
    let reply = scene.post(LEGACY, odd).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, SAID));
    assert!(
        reply.head.contains("content-type: application/json"),
        "{}",
        reply.head
    );
    assert_eq!(scene.server_got(), [odd]);
    let reply = scene.post(LEGACY, &call(7, "mask")).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, MASKED));
    let outcomes = scene.outcomes().await;
    let statuses: Vec<_> = outcomes.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Status::Ok, Status::Ok]);
    assert_eq!(outcomes[1].masked, ["email"]);
    let asked = scene.pdp.asked(Phase::Call);
    assert_eq!(asked[0].mcp.protocol, "2025-06-18");
}

#[tokio::test]
async fn each_event_of_a_stream_is_judged_and_keeps_its_framing() {
    let stream = format!(
        "id: 1\r\nretry: 50\r\ndata: \r\n\r\n: ping\r\n\r\nevent: message\r\nid: 2\r\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"data\":\"a@b\"}}}}\r\n\r\nevent: message\r\nid: 3\r\ndata: {SAID}\r\n\r\n"
    );
    let scene = scene(move |_| events(&stream)).await;
    let passed = scene.post(LEGACY, &call(7, "read")).await;
    assert_eq!(passed.status, 200);
    assert!(
        passed.head.contains("content-type: text/event-stream"),
        "{}",
        passed.head
    );
    assert_eq!(
        passed.body,
        format!(
            "id: 1\r\nretry: 50\r\ndata: \r\n\r\n:\n\nevent: message\r\nid: 3\r\ndata: {SAID}\r\n\r\n"
        )
    );
    let masked = scene.post(LEGACY, &call(7, "mask")).await;
    assert_eq!(
        masked.body,
        format!(
            "id: 1\r\nretry: 50\r\ndata: \r\n\r\n:\n\nevent: message\nid: 3\ndata: {MASKED}\n\n"
        )
    );
    assert_eq!(scene.outcomes().await.len(), 2);
}

#[tokio::test]
async fn what_is_denied_does_not_reach_the_server_and_says_so_with_200() {
    let scene = scene(|_| json(SAID)).await;
    let denied = scene.post(LEGACY, &call(7, "deny")).await;
    assert_eq!(denied.status, 200);
    let starts =
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Unknown tool: deny"}}"#;
    // The server has no such tool: that comes first.
    assert_eq!(denied.body, starts);
    let hidden = scene.post(LEGACY, &call(7, "secret")).await;
    assert_eq!(hidden.body, starts.replace("deny", "secret"));
    let other =
        r#"{"jsonrpc":"2.0","id":7,"method":"resources/read","params":{"uri":"file:///x"}}"#;
    let other = scene.post(LEGACY, other).await;
    assert_eq!(other.status, 200);
    assert!(other.body.contains(r#""code":-31001"#), "{}", other.body);
    assert_eq!(scene.server_got(), [] as [&str; 0]);
}

#[tokio::test]
async fn the_list_has_what_the_caller_may_see() {
    let scene = scene(|_| None).await;
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    let reply = scene.post(LEGACY, list).await;
    let shown = PAGE.replace(r#",{"name":"secret"}"#, "");
    assert_eq!(
        reply.body,
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{shown}}}"#)
    );
}

#[tokio::test]
async fn requests_that_are_no_messages_are_refused() {
    let scene = scene(|_| json(SAID)).await;
    let long = format!("\"{}\"", "x".repeat(4 << 20));
    let cases = [
        (LEGACY, "{}", 400, "-32600"),
        (LEGACY, "", 400, "-32700"),
        (LEGACY, "{\"a\":1,\"a\":2}", 400, "-32700"),
        (
            LEGACY,
            r#"{"jsonrpc":"2.0","id":7,"id":8,"method":"ping"}"#,
            400,
            "-32700",
        ),
        (LEGACY, "[]", 400, "batches"),
        (LEGACY, &long, 413, "longer"),
        ("mcp-protocol-version: 2031-01-01\r\n", "{}", 400, "-32022"),
        ("origin: https://evil.example\r\n", "{}", 403, "Origin"),
        ("host: evil.example\r\n", "{}", 403, "Host"),
        (
            "mcp-session-id: made-up\r\n",
            &call(7, "read"),
            404,
            "Session not found",
        ),
    ];
    for (headers, body, status, text) in cases {
        let reply = scene.post(headers, body).await;
        assert_eq!(reply.status, status, "{headers} {}", reply.body);
        assert!(reply.body.contains(text), "{headers} {}", reply.body);
    }
    assert_eq!(scene.server_got(), [] as [&str; 0]);
}

#[tokio::test]
async fn methods_and_types_are_those_of_the_transport() {
    let scene = scene(|_| json(SAID)).await;
    for (method, headers, status) in [
        ("PUT", "", 405),
        ("OPTIONS", "", 405),
        ("GET", "", 405),
        ("DELETE", "", 405),
        ("GET", "mcp-session-id: made-up\r\n", 404),
        ("DELETE", "mcp-session-id: made-up\r\n", 404),
        (
            "GET",
            "mcp-protocol-version: 2026-07-28\r\nmcp-session-id: x\r\n",
            405,
        ),
    ] {
        let reply = scene.ask(method, headers, "").await;
        assert_eq!(reply.status, status, "{method} {headers}");
    }
    let plain = "POST /mcp HTTP/1.0\r\ncontent-type: text/plain";
    let sent = [
        (plain, "accept: */*", 415),
        (
            "POST /mcp HTTP/1.0\r\ncontent-type: application/json",
            "accept: application/json",
            406,
        ),
        (
            "POST /other HTTP/1.0\r\ncontent-type: application/json",
            "accept: */*",
            404,
        ),
        (
            "POST /mcp?token=x HTTP/1.0\r\ncontent-type: application/json",
            "accept: */*",
            404,
        ),
    ];
    for (head, accept, status) in sent {
        let reply = scene
            .raw(&format!(
                "{head}\r\n{accept}\r\nhost: {}\r\n\r\n",
                scene.address
            ))
            .await;
        assert_eq!(reply.status, status, "{head}");
    }
}

#[tokio::test]
async fn a_batch_is_judged_one_by_one() {
    let both = r#"[{"jsonrpc":"2.0","id":1,"result":{"content":[]}},{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"a@b"}]}}]"#;
    let scene = scene(move |got| match got.body.starts_with('[') {
        true => json(both),
        false => Some(answer(202, "text/plain", "", "")),
    })
    .await;
    let header = "mcp-protocol-version: 2025-03-26\r\n";
    let (read, mask, deny) = (call(1, "read"), call(2, "mask"), call(3, "secret"));
    let notice = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let reply = scene
        .post(header, &format!("[{read}, {deny},{mask},{notice}]"))
        .await;
    assert_eq!(reply.status, 200);
    let unknown =
        r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32602,"message":"Unknown tool: secret"}}"#;
    let masked = both.replace("a@b", "***");
    let masked = masked.strip_prefix('[').unwrap();
    assert_eq!(reply.body, format!("[{unknown},{masked}"));
    assert_eq!(scene.server_got(), [format!("[{read},{mask},{notice}]")]);
    // Without the header it is the same revision; with a later one there are no batches.
    assert_eq!(
        scene.post("", &format!("[{deny}]")).await.body,
        format!("[{unknown}]")
    );
    assert_eq!(scene.post(LEGACY, &format!("[{read}]")).await.status, 400);
    let begin = r#"[{"jsonrpc":"2.0","id":9,"method":"initialize"}]"#;
    assert_eq!(scene.post(header, begin).await.status, 400);
    let statuses: Vec<_> = scene.outcomes().await.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Status::Ok, Status::Ok]);
}

#[tokio::test]
async fn arguments_are_rewritten_before_they_are_sent() {
    let pdp = TablePdp::new(&[(
        "read",
        Rule::Rewrite(r#"{"name":"read","arguments":{"limit":10}}"#),
    )]);
    let scene = Scene::start(Arc::clone(&pdp), super::script(|_| json(SAID))).await;
    scene.post(LEGACY, &call(7, "read")).await;
    let sent = call(7, "read").replace(
        r#"{"name":"read"}"#,
        r#"{"name":"read","arguments":{"limit":10}}"#,
    );
    assert_eq!(scene.server_got(), [sent]);
}
