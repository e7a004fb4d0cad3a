//! Bad frames, each with its exact answer; none reaches the server.

use crate::shim::stdio::frame::FRAME_BYTES_MAX;
use crate::shim::testing::{Harness, Rule, Server, TablePdp};
use std::sync::atomic::Ordering;

/// A frame, the id in the answer, its code and its message.
const BAD: &[(&[u8], &str, i64, &str)] = &[
    (
        b"x",
        "null",
        -32700,
        "Parse error: expected an object at byte 0",
    ),
    (
        b"\"text\"",
        "null",
        -32700,
        "Parse error: expected an object at byte 0",
    ),
    (
        b"1",
        "null",
        -32700,
        "Parse error: expected an object at byte 0",
    ),
    (
        b"null",
        "null",
        -32700,
        "Parse error: expected an object at byte 0",
    ),
    (
        b"{",
        "null",
        -32700,
        "Parse error: expected a key at byte 1",
    ),
    (
        b"{}",
        "null",
        -32600,
        "Invalid Request: `jsonrpc` is not \\\"2.0\\\"",
    ),
    (
        b"{} {}",
        "null",
        -32700,
        "Parse error: expected the end at byte 3",
    ),
    (
        br#"{"a":1,}"#,
        "null",
        -32700,
        "Parse error: expected a key at byte 7",
    ),
    (
        br#"{"a":NaN}"#,
        "null",
        -32700,
        "Parse error: expected a value at byte 5",
    ),
    (
        br#"{"a":Infinity}"#,
        "null",
        -32700,
        "Parse error: expected a value at byte 5",
    ),
    (
        br#"{"a":01}"#,
        "null",
        -32700,
        "Parse error: expected `,` or `}` at byte 6",
    ),
    (
        b"{\"a\":\"\xff\"}",
        "null",
        -32700,
        "Parse error: invalid UTF-8 at byte 6",
    ),
    (
        br#"{"a":"\ud800"}"#,
        "null",
        -32700,
        "Parse error: lone surrogate at byte 6",
    ),
    (
        b"\xef\xbb\xbf{}",
        "null",
        -32700,
        "Parse error: expected an object at byte 0",
    ),
    (
        b"{\"a\":\r1}",
        "null",
        -32600,
        "Invalid Request: a carriage return within the line",
    ),
    (
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","id":2}"#,
        "null",
        -32700,
        "Parse error: duplicate key in the object at byte 0",
    ),
    (
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","\u0069d":2}"#,
        "null",
        -32700,
        "Parse error: duplicate key in the object at byte 0",
    ),
    (
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1,"a":2}}"#,
        "1",
        -32700,
        "Parse error: duplicate key in the object at byte 49",
    ),
    (
        b"[]",
        "null",
        -32600,
        "Invalid Request: batches are not supported, send one message a line",
    ),
    (
        br#" [{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
        "null",
        -32600,
        "Invalid Request: batches are not supported, send one message a line",
    ),
    (
        br#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        "1",
        -32600,
        "Invalid Request: `jsonrpc` is not \\\"2.0\\\"",
    ),
    (
        br#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#,
        "1",
        -32600,
        "Invalid Request: `jsonrpc` is not \\\"2.0\\\"",
    ),
    (
        br#"{"id":"x","method":"ping"}"#,
        "\"x\"",
        -32600,
        "Invalid Request: `jsonrpc` is not \\\"2.0\\\"",
    ),
    (
        br#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
        "null",
        -32600,
        BAD_ID,
    ),
    (
        br#"{"jsonrpc":"2.0","id":1.0,"method":"ping"}"#,
        "null",
        -32600,
        BAD_ID,
    ),
    (
        br#"{"jsonrpc":"2.0","id":1e0,"method":"ping"}"#,
        "null",
        -32600,
        BAD_ID,
    ),
    (
        br#"{"jsonrpc":"2.0","id":-0,"method":"ping"}"#,
        "null",
        -32600,
        BAD_ID,
    ),
    (
        br#"{"jsonrpc":"2.0","id":9007199254740992,"method":"ping"}"#,
        "null",
        -32600,
        BAD_ID,
    ),
    (
        br#"{"jsonrpc":"2.0","id":[1],"method":"ping"}"#,
        "null",
        -32600,
        BAD_ID,
    ),
    (
        br#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
        "null",
        -32600,
        BAD_ID,
    ),
    (
        br#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#,
        "null",
        -32600,
        BAD_ID,
    ),
    (
        br#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        "1",
        -32600,
        "Invalid Request: `method` is not a string",
    ),
    (
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
        "1",
        -32600,
        "Invalid Request: `params` is not an object",
    ),
    (
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#,
        "1",
        -32600,
        "Invalid Request: `params` is not an object",
    ),
    (
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","extra":1}"#,
        "1",
        -32600,
        "Invalid Request: an unknown member",
    ),
    (
        br#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
        "1",
        -32600,
        "Invalid Request: not one of `method`, `result` and `error`",
    ),
    (
        br#"{"jsonrpc":"2.0","id":1}"#,
        "1",
        -32600,
        "Invalid Request: not one of `method`, `result` and `error`",
    ),
    (
        br#"{"jsonrpc":"2.0","result":{}}"#,
        "null",
        -32600,
        "Invalid Request: a response without an `id`",
    ),
    (
        br#"{"jsonrpc":"2.0","id":1,"result":1}"#,
        "1",
        -32600,
        "Invalid Request: `result` or `error` is not an object",
    ),
];

const BAD_ID: &str =
    "Invalid Request: `id` is neither a string of at most 256 bytes nor an integer below 2^53";

fn shim() -> Harness {
    Harness::start(
        TablePdp::new(&[("a", Rule::Allow)]),
        Server::new(r#"{"tools":[]}"#, &[]),
    )
}

fn answer(id: &str, code: i64, message: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"{message}"}}}}"#)
}

#[tokio::test]
async fn a_bad_frame_gets_its_answer_and_is_not_forwarded() {
    let mut shim = shim();
    for (frame, id, code, message) in BAD {
        let text = String::from_utf8_lossy(frame).into_owned();
        assert_eq!(shim.ask(frame).await, answer(id, *code, message), "{text}");
    }
    shim.settle().await;
    assert_eq!(shim.server_got(), [""; 0]);
    let counted = shim
        .link
        .session()
        .counts()
        .bad_frames
        .load(Ordering::Relaxed);
    assert_eq!(usize::try_from(counted).unwrap(), BAD.len());
    assert!(BAD.len() >= 25);
}

#[tokio::test]
async fn too_long_too_deep_and_too_much() {
    let mut shim = shim();
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(64), "]".repeat(64));
    let text = "Parse error: nesting at byte 68 is deeper than the limit of 64";
    assert_eq!(shim.ask(deep).await, answer("null", -32700, text));
    let long = "x".repeat(FRAME_BYTES_MAX + 1);
    let text = "Invalid Request: a message is longer than 4194304 bytes";
    assert_eq!(shim.ask(long).await, answer("null", -32600, text));
    let id = "i".repeat(257);
    let long_id = format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"ping"}}"#);
    assert_eq!(shim.ask(long_id).await, answer("null", -32600, BAD_ID));
    let method = "m".repeat(257);
    let long_method = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
    let text = "Invalid Request: `method` is longer than 256 bytes";
    assert_eq!(shim.ask(long_method).await, answer("1", -32600, text));
    shim.settle().await;
    assert_eq!(shim.server_got(), [""; 0]);
}

#[tokio::test]
async fn an_id_in_flight_is_not_taken_twice() {
    let mut shim = shim();
    // The server has no page for this cursor and stays silent.
    let list = |id: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list","params":{{"cursor":"?"}}}}"#)
    };
    shim.send(list("1")).await;
    shim.send(list("\"1\"")).await;
    let text = "Invalid Request: the id is in use";
    assert_eq!(shim.ask(list("1")).await, answer("1", -32600, text));
    assert_eq!(
        shim.ask(list("\"\\u0031\"")).await,
        answer("\"1\"", -32600, text)
    );
    shim.settle().await;
    assert_eq!(shim.server_got(), [list("1"), list("\"1\"")]);
}

#[tokio::test]
async fn requests_in_flight_are_bounded() {
    let mut shim = shim();
    for id in 0..256 {
        shim.send(format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list","params":{{"cursor":"?"}}}}"#
        ))
        .await;
    }
    let text = "Invalid Request: more than 256 requests in flight";
    let ping = r#"{"jsonrpc":"2.0","id":999,"method":"ping"}"#;
    assert_eq!(shim.ask(ping).await, answer("999", -32600, text));
}
