//! Sessions of the older era.

use super::{call, rules, script};
use crate::shim::changes::Listener;
use crate::shim::event::Status;
use crate::shim::http::testing::{Reply, Scene, answer, events, json};
use tokio::io::AsyncReadExt;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const BEGUN: &str = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}"#;
const OK: &str = r#"{"jsonrpc":"2.0","id":7,"result":{"content":[]}}"#;
const IN_SESSION: &str = "mcp-session-id: s1\r\nmcp-protocol-version: 2025-06-18\r\n";

/// A server that names each session `s1`, and whose own stream is this.
async fn scene(own_stream: Option<&'static str>, call: Option<&'static str>) -> Scene {
    let script = script(move |got| {
        let accepted = || Some(answer(202, "text/plain", "", ""));
        match got.head.split(' ').next().unwrap() {
            "DELETE" => Some(answer(204, "text/plain", "", "")),
            "GET" => match own_stream {
                Some(stream) => events(stream),
                None => Some(answer(405, "text/plain", "", "")),
            },
            _ if got.body.contains("initialize\"") => {
                let more = "mcp-session-id: s1\r\nset-cookie: a=b\r\n";
                Some(answer(200, "application/json", more, BEGUN))
            }
            _ if got.body.contains("\"id\":7") => call.map_or_else(|| json(OK), events),
            _ => accepted(),
        }
    });
    Scene::start(rules(), script).await
}

async fn begin(scene: &Scene) -> Reply {
    let begun = scene.post("", INITIALIZE).await;
    assert_eq!(begun.status, 200);
    assert_eq!(scene.post(IN_SESSION, INITIALIZED).await.status, 202);
    begun
}

#[tokio::test]
async fn a_session_is_the_servers_and_known_once_it_began() {
    let scene = scene(None, None).await;
    assert_eq!(scene.post(IN_SESSION, &call(7, "read")).await.status, 404);
    let begun = begin(&scene).await;
    assert!(begun.head.contains("mcp-session-id: s1"), "{}", begun.head);
    assert!(!begun.head.contains("cookie"), "{}", begun.head);
    assert!(
        begun.body.contains(r#""tools":{"listChanged":true}"#),
        "{}",
        begun.body
    );
    let reply = scene.post(IN_SESSION, &call(7, "read")).await;
    assert_eq!((reply.status, reply.body.as_str()), (200, OK));
    {
        let got = scene.got.lock().unwrap();
        let last = got.last().unwrap();
        assert_eq!(last.header("mcp-session-id"), "s1");
        assert_eq!(last.header("mcp-protocol-version"), "2025-06-18");
        assert_eq!(last.header("authorization"), "");
    }
    // The same id for another would join the two.
    let again = scene.post("", INITIALIZE).await;
    assert!(again.body.contains("cannot be used"), "{}", again.body);
    assert!(!again.head.contains("mcp-session-id"), "{}", again.head);
    assert_eq!(scene.post(IN_SESSION, INITIALIZE).await.status, 400);
    assert_eq!(scene.ask("DELETE", IN_SESSION, "").await.status, 204);
    assert_eq!(scene.post(IN_SESSION, &call(7, "read")).await.status, 404);
    assert_eq!(scene.ask("GET", IN_SESSION, "").await.status, 404);
}

#[tokio::test]
async fn what_the_server_says_on_its_own_stream_is_judged_too() {
    let stream = "id: 1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\nid: 2\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"sampling/createMessage\",\"params\":{}}\n\nid: 3\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"data\":\"secret\"}}\n\nid: 4\ndata: {\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{\"injected\":true}}\n\n";
    let scene = scene(Some(stream), None).await;
    begin(&scene).await;
    let headers = format!("{IN_SESSION}last-event-id: 0\r\n");
    let reply = scene.ask("GET", &headers, "").await;
    assert_eq!(
        reply.body,
        "id: 1\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n"
    );
    // The server is told that its request was not passed on.
    let refused = async {
        loop {
            let got = scene.server_got();
            if let Some(refusal) = got.iter().find(|it| it.contains("Method not found")) {
                return refusal.clone();
            }
            tokio::task::yield_now().await;
        }
    };
    let refused = tokio::time::timeout(std::time::Duration::from_secs(30), refused).await;
    assert!(
        refused
            .unwrap()
            .starts_with(r#"{"jsonrpc":"2.0","id":1,"error""#)
    );
    let got = scene.got.lock().unwrap();
    let asked = got.iter().find(|it| it.head.starts_with("GET")).unwrap();
    assert_eq!(asked.header("last-event-id"), "0");
}

#[tokio::test]
async fn an_answer_may_come_on_a_stream_that_is_taken_up_again() {
    let rest = "id: b\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"a@b\"}]}}\n\n";
    let scene = scene(Some(rest), Some("id: a\ndata: \n\n")).await;
    begin(&scene).await;
    let broken = scene.post(IN_SESSION, &call(7, "mask")).await;
    assert_eq!(broken.body, "id: a\ndata: \n\n");
    assert_eq!(scene.outcomes().await.len(), 0);
    let headers = format!("{IN_SESSION}last-event-id: a\r\n");
    let reply = scene.ask("GET", &headers, "").await;
    assert_eq!(reply.body, rest.replace("a@b", "***"));
    assert_eq!(scene.outcomes().await[0].status, Status::Ok);
}

#[tokio::test]
async fn a_client_hears_of_changed_policies_where_the_server_has_no_stream() {
    let scene = scene(None, None).await;
    begin(&scene).await;
    let mut stream = scene.open("GET", IN_SESSION, "").await;
    scene.proxy.changed().await.unwrap();
    let mut text = String::new();
    while !text.contains("list_changed") {
        let mut bytes = [0; 1024];
        let read = stream.read(&mut bytes);
        let read = tokio::time::timeout(std::time::Duration::from_secs(30), read).await;
        let read = read.expect("nothing was said").unwrap();
        assert_ne!(read, 0, "{text}");
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    assert!(text.contains("event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n"));
}

#[tokio::test]
async fn an_id_is_used_once_at_a_time_in_a_session_and_freely_without() {
    let scene = scene(None, Some("id: a\ndata: \n\n")).await;
    begin(&scene).await;
    scene.post(IN_SESSION, &call(7, "read")).await;
    let again = scene.post(IN_SESSION, &call(7, "read")).await;
    assert!(again.body.contains("the id is in use"), "{}", again.body);
    for _ in 0..2 {
        let free = scene.post("", &call(7, "read")).await;
        assert!(free.body.contains("without an answer"), "{}", free.body);
    }
}

#[tokio::test]
async fn a_session_has_so_many_streams_and_no_more() {
    use crate::shim::http::bound::STREAMS_A_SESSION_MAX;
    let scene = scene(None, None).await;
    begin(&scene).await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS_A_SESSION_MAX {
        let mut stream = scene.open("GET", IN_SESSION, "").await;
        // Its head is there: it has begun.
        let mut byte = [0; 1];
        stream.read_exact(&mut byte).await.unwrap();
        streams.push(stream);
    }
    assert_eq!(scene.ask("GET", IN_SESSION, "").await.status, 429);
    drop(streams);
    scene.idle().await;
    scene.proxy.changed().await.unwrap();
    let mut again = scene.open("GET", IN_SESSION, "").await;
    let mut head = [0; 15];
    again.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.0 200 OK");
}
