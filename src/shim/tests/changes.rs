//! A change of policy.

use crate::shim::handshake;
use crate::shim::testing::{Harness, Rule, Server, TablePdp};

const INITIALIZE: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

/// A shim in front of a server with these capabilities, and what the client got of them.
async fn shaken(capabilities: &'static str) -> (Harness, String) {
    let mut server = Server::new(r#"{"tools":[]}"#, &[]);
    server.capabilities = capabilities;
    let mut shim = Harness::start(TablePdp::new(&[("x", Rule::Allow)]), server);
    let answer = shim.ask(INITIALIZE).await;
    let (_, rest) = answer.split_once("\"capabilities\":").unwrap();
    let got = rest.split_once(",\"serverInfo\"").unwrap().0.to_owned();
    (shim, got)
}

#[tokio::test]
async fn the_client_is_told_of_a_new_policy_if_the_handshake_said_so() {
    // What the server declares, what the client is told, and whether changes are announced.
    let cases = [
        (
            r#"{"tools":{"listChanged":true}}"#,
            r#"{"tools":{"listChanged":true}}"#,
            true,
        ),
        (
            r#"{"tools":{"listChanged":false}}"#,
            r#"{"tools":{"listChanged":true}}"#,
            true,
        ),
        (
            r#"{"x":1, "tools":{ }}"#,
            r#"{"x":1, "tools":{"listChanged":true }}"#,
            true,
        ),
        (
            r#"{"tools":{"a":{}}}"#,
            r#"{"tools":{"listChanged":true,"a":{}}}"#,
            true,
        ),
        (r#"{"resources":{}}"#, r#"{"resources":{}}"#, false),
        (r#"{"tools":7}"#, r#"{"tools":7}"#, false),
    ];
    for (declared, told, announces) in cases {
        let (mut shim, got) = shaken(declared).await;
        assert_eq!(got, told);
        let mut known = None;
        let look = async |shim: &Harness, known: &mut Option<String>, revision: &str| {
            shim.pdp
                .revision
                .lock()
                .unwrap()
                .replace(revision.to_owned());
            handshake::look(&shim.session, known).await.unwrap();
        };
        // Nothing is sent before the client has said that it is ready, nor without a change.
        look(&shim, &mut known, "r1").await;
        look(&shim, &mut known, "r2").await;
        shim.settle().await;
        shim.send(INITIALIZED).await;
        shim.settle().await;
        look(&shim, &mut known, "r2").await;
        shim.settle().await;
        look(&shim, &mut known, "r3").await;
        if announces {
            assert_eq!(shim.receive().await, CHANGED);
        }
        // A PDP that does not say is no change.
        shim.pdp.revision.lock().unwrap().take();
        handshake::look(&shim.session, &mut known).await.unwrap();
        look(&shim, &mut known, "r3").await;
        shim.settle().await;
    }
}
