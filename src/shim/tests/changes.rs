//! A change of policy.

use crate::shim::changes::{self, Pace};
use crate::shim::pdp::PdpError;
use crate::shim::testing::{Harness, Rule, Server, TablePdp, Teller};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

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

/// Far longer than anything takes.
const LONG: Duration = Duration::from_secs(60);
/// Waits no longer than needed, and takes no stream for lost.
const PATIENT: Pace = Pace {
    poll: Duration::from_millis(1),
    silence: LONG,
    reconnect: (Duration::from_millis(1), Duration::from_millis(1)),
};

/// The shim watches; gives the other ends of its streams.
fn watched(shim: &Harness, pace: Pace) -> (mpsc::UnboundedReceiver<Teller>, JoinHandle<()>) {
    let (watchers, streams) = mpsc::unbounded_channel();
    shim.pdp.watchers.lock().unwrap().replace(watchers);
    (streams, watching(shim, pace))
}

fn watching(shim: &Harness, pace: Pace) -> JoinHandle<()> {
    let (core, link) = (Arc::clone(&shim.core), Arc::clone(&shim.link));
    tokio::spawn(async move { changes::watch(&core, link.as_ref(), pace).await.unwrap() })
}

async fn stream(streams: &mut mpsc::UnboundedReceiver<Teller>) -> Teller {
    let next = tokio::time::timeout(LONG, streams.recv()).await;
    next.expect("no stream").unwrap()
}

/// Says what is in force, and waits until that was dealt with.
async fn tell(teller: &Teller, revision: &str) {
    teller.send(Ok(revision.to_owned())).await.unwrap();
    while teller.capacity() < teller.max_capacity() {
        tokio::task::yield_now().await;
    }
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
        let (mut streams, watching) = watched(&shim, PATIENT);
        let teller = stream(&mut streams).await;
        // Nothing is sent before the client has said that it is ready, nor without a change.
        tell(&teller, "r1").await;
        tell(&teller, "r2").await;
        shim.settle().await;
        shim.send(INITIALIZED).await;
        shim.settle().await;
        tell(&teller, "r2").await;
        shim.settle().await;
        tell(&teller, "r3").await;
        if announces {
            assert_eq!(shim.receive().await, CHANGED);
        }
        shim.settle().await;
        watching.abort();
    }
}

/// A shim whose client is ready for announcements.
async fn ready() -> Harness {
    let (mut shim, _) = shaken(r#"{"tools":{}}"#).await;
    shim.send(INITIALIZED).await;
    shim.settle().await;
    shim
}

#[tokio::test]
async fn a_stream_that_ends_is_asked_for_again() {
    let mut shim = ready().await;
    let (mut streams, watching) = watched(&shim, PATIENT);
    let first = stream(&mut streams).await;
    tell(&first, "r1").await;
    let error = PdpError::Unavailable("no connection".to_owned());
    first.send(Err(error)).await.unwrap();
    let second = stream(&mut streams).await;
    tell(&second, "r1").await;
    shim.settle().await;
    drop(second);
    // What changed in between is told.
    tell(&stream(&mut streams).await, "r2").await;
    assert_eq!(shim.receive().await, CHANGED);
    // A PDP that cannot be reached is asked again as well.
    drop(streams);
    let (watchers, mut streams) = mpsc::unbounded_channel();
    shim.pdp.watchers.lock().unwrap().replace(watchers);
    tell(&stream(&mut streams).await, "r3").await;
    assert_eq!(shim.receive().await, CHANGED);
    watching.abort();
}

#[tokio::test]
async fn a_silent_stream_is_lost() {
    let mut shim = ready().await;
    let pace = Pace {
        silence: Duration::from_millis(20),
        ..PATIENT
    };
    let (mut streams, watching) = watched(&shim, pace);
    let first = stream(&mut streams).await;
    tell(&first, "r1").await;
    let second = stream(&mut streams).await;
    assert!(first.is_closed());
    tell(&second, "r2").await;
    assert_eq!(shim.receive().await, CHANGED);
    watching.abort();
}

#[tokio::test]
async fn a_pdp_without_streams_is_polled() {
    let mut shim = ready().await;
    let set = |shim: &Harness, revision: Option<&str>| {
        *shim.pdp.revision.lock().unwrap() = revision.map(str::to_owned);
    };
    set(&shim, Some("r1"));
    let watching = watching(&shim, PATIENT);
    let mut polls = shim.pdp.polls.subscribe();
    for (revision, announced) in [
        (Some("r1"), false),
        (Some("r2"), true),
        // A PDP that does not say is no change.
        (None, false),
        (Some("r2"), false),
        (Some(""), true),
    ] {
        set(&shim, revision);
        // When it asks the second time, it has dealt with the first answer.
        let before = *polls.borrow();
        let asked = polls.wait_for(|polls| *polls >= before + 2);
        tokio::time::timeout(LONG, asked).await.unwrap().unwrap();
        if announced {
            assert_eq!(shim.receive().await, CHANGED, "{revision:?}");
        }
        shim.settle().await;
    }
    watching.abort();
}

#[test]
fn pauses_differ_and_are_at_least_half() {
    let pause = Duration::from_millis(1_000);
    let pauses: Vec<_> = (0..64).map(|_| changes::shortened(pause)).collect();
    assert!(pauses.iter().all(|it| *it >= pause / 2 && *it <= pause));
    assert!(pauses.iter().any(|it| *it != pauses[0]));
}
