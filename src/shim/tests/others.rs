//! Everything that is not about tools.

use crate::model::call::Phase;
use crate::shim::event::Status;
use crate::shim::testing::{Harness, Rule, Server, TablePdp};
use std::sync::atomic::Ordering;

fn shim(rules: &[(&'static str, Rule)]) -> Harness {
    Harness::start(
        TablePdp::new(rules),
        Server::new(r#"{"tools":[{"name":"slow"}]}"#, &[]),
    )
}

#[tokio::test]
async fn the_handshake_passes_byte_for_byte() {
    let mut shim = shim(&[("slow", Rule::Deny)]);
    let initialize = r#"{"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {"x": 1.0}, "clientInfo": {"name": "c", "version": "1"}}}"#;
    let answer = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}"#;
    assert_eq!(shim.ask(initialize).await, answer);
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    shim.send(initialized).await;
    shim.settle().await;
    assert_eq!(shim.server_got(), [initialize, initialized]);
    // The revision that was agreed on is known to policies.
    shim.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}}"#)
        .await;
    assert_eq!(shim.pdp.asked(Phase::Call)[0].mcp.protocol, "2025-11-25");
}

#[tokio::test]
async fn discovery_passes_in_the_modern_era_alone() {
    let mut shim = shim(&[]);
    let discover = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    assert_eq!(
        shim.ask(discover).await,
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#
    );
    let without = r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#;
    assert!(shim.ask(without).await.contains("\"code\":-31001"));
    assert_eq!(shim.server_got(), [discover]);
}

#[tokio::test]
async fn other_methods_are_denied_whatever_the_policy_says() {
    let mut shim = shim(&[("x", Rule::Allow), ("y", Rule::Deny)]);
    let request = |name: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{{"name":"{name}"}}}}"#)
    };
    let granted = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-31001,"message":"Denied by policy (method_unknown). This method is not mediated. Decision d1.","data":{"toolgate/decision":{"decision_id":"d1","effect":"deny","code":"method_unknown","retryable":false,"reasons":[{"code":"method_unknown","message":"this method is not mediated","retryable":false}],"revision":"r1"}}}}"#;
    assert_eq!(shim.ask(request("x")).await, granted);
    assert!(
        shim.ask(request("y"))
            .await
            .contains("Denied by policy (region.mismatch)")
    );
    for method in [
        "resources/read",
        "resources/list",
        "prompts/list",
        "completion/complete",
        "logging/setLevel",
        "tasks/get",
        "subscriptions/listen",
        "sampling/createMessage",
        "made/up",
        "",
    ] {
        let answer = shim
            .ask(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#))
            .await;
        assert!(answer.contains("\"code\":-31001"), "{method}: {answer}");
    }
    assert_eq!(shim.server_got(), [""; 0]);
    let statuses: Vec<_> = shim.outcomes().await.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Status::Withheld]);
}

#[tokio::test]
async fn requests_of_the_server_are_answered_and_not_shown() {
    let mut shim = shim(&[]);
    shim.server_says(
        r#"{"jsonrpc":"2.0","id":"s1","method":"sampling/createMessage","params":{}}"#,
    )
    .await;
    shim.server_says(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#)
        .await;
    // Own messages go their own way: wait until both have arrived.
    while shim.server_got().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        shim.server_got(),
        [
            r#"{"jsonrpc":"2.0","id":"s1","error":{"code":-32601,"message":"Method not found: requests of the server are not passed on"}}"#,
            r#"{"jsonrpc":"2.0","id":2,"result":{}}"#,
        ]
    );
    // The client saw nothing of it: the next that it gets is the answer to its ping.
    shim.settle().await;
}

#[tokio::test]
async fn notifications_pass_only_if_known_and_without_text() {
    let mut shim = shim(&[("slow", Rule::Allow)]);
    shim.send(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow","_meta":{"progressToken":"t"}}}"#).await;
    shim.settle().await;
    let dropped = [
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"text"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"other","progress":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":"text"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"text"}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"text"}}"#,
        r#"{"jsonrpc":"2.0","method":"made/up"}"#,
        r#"{"jsonrpc":"2.0","id":77,"result":{"text":"nobody asked"}}"#,
        "no message at all",
    ];
    // The call is the only request in flight: what is no message would end it.
    shim.send(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":"?"}}"#)
        .await;
    shim.settle().await;
    for line in dropped {
        shim.server_says(line).await;
    }
    let cases = [
        (
            r#"{"jsonrpc":"2.0", "method":"notifications/progress","params":{"progressToken":"t","progress":0.5,"total":1}}"#,
            r#"{"jsonrpc":"2.0", "method":"notifications/progress","params":{"progressToken":"t","progress":0.5,"total":1}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0", "method":"notifications/progress","params":{"progressToken":"t", "progress":0.7,"message":"text"}}"#,
            r#"{"jsonrpc":"2.0", "method":"notifications/progress","params":{"progressToken":"t","progress":0.7}}"#,
        ),
        (
            r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"x":"text"}}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{}}"#,
        ),
    ];
    for (said, passed) in cases {
        shim.server_says(said).await;
        assert_eq!(shim.receive().await, passed);
    }
    let counts = shim.link.session().counts();
    assert_eq!(counts.dropped_notifications.load(Ordering::Relaxed), 7);
    assert_eq!(counts.stray_responses.load(Ordering::Relaxed), 1);
    assert_eq!(counts.bad_frames.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn notifications_of_the_client_pass_only_if_known() {
    let mut shim = shim(&[]);
    for line in [
        r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":4}}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"slow"}}"#,
        r#"{"jsonrpc":"2.0","id":9,"result":{}}"#,
    ] {
        shim.send(line).await;
    }
    shim.settle().await;
    assert_eq!(shim.server_got(), [""; 0]);
    assert_eq!(
        shim.link
            .session()
            .counts()
            .dropped_notifications
            .load(Ordering::Relaxed),
        4
    );
}

#[tokio::test]
async fn what_a_server_prints_by_mistake_ends_nothing_and_a_broken_answer_does() {
    let mut shim = shim(&[("slow", Rule::Allow)]);
    shim.send(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"slow"}}"#)
        .await;
    shim.settle().await;
    shim.server_says("Server is listening on stdio").await;
    shim.settle().await;
    shim.server_says(r#"{"jsonrpc":"2.0","id":1,"result":{"n":NaN}}"#)
        .await;
    let expected = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Internal error: the server's answer cannot be used"}}"#;
    assert_eq!(shim.receive().await, expected);
    let statuses: Vec<_> = shim.outcomes().await.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Status::ProtocolError]);
}
