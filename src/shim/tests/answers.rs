//! Answers of the server that cannot be used: nobody waits for ever, and each call has an outcome.

use super::calls::{call, harness};
use crate::shim::event::Status;
use crate::shim::stdio::frame::FRAME_BYTES_MAX;
use crate::shim::testing::{Harness, Rule};

/// A shim with so many calls in flight, numbered from 1.
async fn waiting(calls: u64) -> Harness {
    let mut shim = harness(&[("slow", Rule::Allow)], &[]);
    for id in 1..=calls {
        shim.send(call(id, "slow")).await;
    }
    shim.settle().await;
    shim
}

async fn statuses(shim: &Harness) -> Vec<Status> {
    let outcomes = shim.outcomes().await;
    outcomes.iter().map(|it| it.status).collect()
}

fn unusable(id: u64) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32603,"message":"Internal error: the server's answer cannot be used"}}}}"#
    )
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_withheld() {
    let mut shim = waiting(2).await;
    let text = "x".repeat(FRAME_BYTES_MAX);
    // The id comes last, as the TypeScript SDK writes it.
    let line = format!(
        r#"{{"result":{{"content":[{{"type":"text","text":"{text}"}}]}},"jsonrpc":"2.0","id":2}}"#
    );
    shim.server_says(&line).await;
    let withheld = r#"{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"Denied by policy (result_withheld). The server's answer is longer than 4194304 bytes."}],"isError":true,"_meta":{"toolgate/decision":{"effect":"deny","code":"result_withheld","retryable":false,"reasons":[{"code":"result_withheld","message":"the server's answer is longer than 4194304 bytes","retryable":false}]}}}}"#;
    assert_eq!(shim.receive().await, withheld);
    // The other call is still on its way.
    shim.server_says(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#)
        .await;
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;
    assert_eq!(shim.receive().await, answer);
    assert_eq!(statuses(&shim).await, [Status::Withheld, Status::Ok]);
}

#[tokio::test]
async fn a_broken_answer_fails_the_call_whose_id_it_has() {
    let broken = [
        "{\"jsonrpc\":\"2.0\",\"id\":2,\r\"result\":{\"content\":[]}}",
        r#"{"jsonrpc":"2.0","id":2,"result":{"n":NaN}}"#,
        r#"{"jsonrpc":"2.0","id":2,"result":{"a":1,"a":2}}"#,
        r#"{"jsonrpc":"2.0","id":2,"result":{},"error":{}}"#,
        r#"{"jsonrpc":"2.0","id":2,"result":[]}"#,
        r#"{"result":{"content":[],"jsonrpc":"2.0"},"id":2,"#,
    ];
    for line in broken {
        let mut shim = waiting(2).await;
        shim.server_says(line).await;
        assert_eq!(shim.receive().await, unusable(2), "{line:?}");
        shim.settle().await;
        assert_eq!(statuses(&shim).await, [Status::ProtocolError], "{line:?}");
    }
}

#[tokio::test]
async fn a_broken_answer_without_an_id_fails_every_call_that_it_may_belong_to() {
    let broken = [
        r#"{"jsonrpc":"2.0","id":1,"id":2,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":null,"result":{}}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        "{\"jsonrpc\":\"2.0\",\r",
    ];
    for line in broken {
        let mut shim = waiting(2).await;
        shim.server_says(line).await;
        let mut answers = [shim.receive().await, shim.receive().await];
        answers.sort();
        assert_eq!(answers, [unusable(1), unusable(2)], "{line:?}");
        assert_eq!(
            statuses(&shim).await,
            [Status::ProtocolError; 2],
            "{line:?}"
        );
        // A late answer is nobody's.
        shim.server_says(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#)
            .await;
        shim.settle().await;
    }
}

#[tokio::test]
async fn what_answers_nothing_fails_nothing() {
    let mut shim = waiting(1).await;
    for line in [
        "Server is listening",
        "[INFO] {\"id\":1}",
        r#"{"level":"info","id":1,"msg":"NaN"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"n":NaN}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":[]}"#,
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\r}",
    ] {
        shim.server_says(line).await;
        shim.settle().await;
    }
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#;
    shim.server_says(answer).await;
    assert_eq!(shim.receive().await, answer);
    assert_eq!(statuses(&shim).await, [Status::Ok]);
}

#[tokio::test]
async fn a_client_is_answered_under_its_id_where_it_can_be_read() {
    let mut shim = waiting(1).await;
    // The line, and the id under which it is answered.
    let cases = [
        (
            "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\r\"params\":{}}",
            "7",
        ),
        (
            r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"n":NaN}}"#,
            "7",
        ),
        (
            r#"{"id":"x","method":"tools/call","params":{"a":1,"a":2},"jsonrpc":"2.0"}"#,
            "\"x\"",
        ),
        // Of a call that is on its way, of nothing, of two.
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"n":NaN}}"#,
            "null",
        ),
        (r#"{"jsonrpc":"2.0","id":7,"result":{"n":NaN}}"#, "null"),
        (r#"{"jsonrpc":"2.0","id":7,"id":8,"method":"x"}"#, "null"),
    ];
    for (line, id) in cases {
        let answer = shim.ask(line).await;
        let start = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32"#);
        assert!(answer.starts_with(&start), "{line:?}: {answer}");
    }
}
