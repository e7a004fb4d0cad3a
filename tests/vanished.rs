//! Clients that are gone without a word: with a reset in the middle of something, or silent while
//! they owe the reading of an answer.

use crate::admission::policies;
use crate::connections::{DECIDE, HEADERS, Raw, STATUS, WINDOW_BYTES, metric, socket};
use crate::server::asking::{Decisions, decide, get};
use crate::server::{Server, block_on, until};
use crate::strangers::toml;
use serde_json::Value;
use tokio::net::TcpStream;
use toolgate::wire::v1::Effect;

/// So much of a request is sent.
const SENT_BYTES: usize = 20_000;
/// Longer than any test: what ends here does not end because its time is over.
const PATIENT: &str = "request_milliseconds_max = 600000\nstranger_milliseconds_max = 600000\n\
                       handshake_milliseconds_max = 600000\n";

/// How many decisions are under way, and how many bytes of requests are held.
async fn held(server: &Server) -> [u64; 2] {
    let text = get(server.http.unwrap(), "/statusz").await.unwrap();
    let status: Value = serde_json::from_str(&text).unwrap();
    ["decisions_under_way", "request_bytes_in_flight"].map(|name| status[name].as_u64().unwrap())
}

async fn holds(server: &Server, bytes: usize) {
    let expected = [0, u64::try_from(bytes).unwrap()];
    let what = format!("{expected:?} held");
    until(&what, async || {
        (held(server).await == expected).then_some(())
    })
    .await;
}

async fn still_decides(server: &Server) {
    let mut client = Decisions::new(server.unix().await);
    let reply = decide(&mut client, "crm/read").await;
    assert_eq!(reply.effect(), Effect::Allow);
}

#[test]
fn a_reset_in_the_middle_leaves_nothing_behind() {
    block_on(async {
        let server = Server::start(policies(), &toml("", PATIENT)).await;
        // Before anything is said, after the preface, with half of a request, and with an answer
        // that was asked for and that there is no room for.
        for said in 0..4 {
            let socket = TcpStream::connect(server.tcp.unwrap()).await.unwrap();
            socket.set_zero_linger().unwrap();
            metric(&server, "toolgate_connections 1\n").await;
            if said == 0 {
                drop(socket);
                metric(&server, "toolgate_connections 0\n").await;
                continue;
            }
            let window_bytes = if said == 3 { 0 } else { WINDOW_BYTES };
            let mut raw = Raw::hello(socket, window_bytes).await;
            if said == 2 {
                raw.ready().await;
                raw.ask(1, DECIDE).await;
                raw.begin(1, 60_000, SENT_BYTES).await;
                holds(&server, 5 + SENT_BYTES).await;
            }
            if said == 3 {
                raw.ask(1, DECIDE).await;
                raw.end(1).await;
                assert!(raw.until(|it| it.kind == HEADERS).await.is_some());
            }
            drop(raw);
            metric(&server, "toolgate_connections 0\n").await;
            holds(&server, 0).await;
        }
        still_decides(&server).await;
        server.stop().await;
    });
}

#[test]
fn who_falls_silent_owing_the_rest_of_a_request_or_the_reading_of_an_answer_is_found_out() {
    block_on(async {
        let keepalive = "keepalive_seconds = 1\nkeepalive_timeout_seconds = 1\n";
        let server = Server::start(policies(), &toml("", &(PATIENT.to_owned() + keepalive))).await;
        let mut half = Raw::hello(socket(server.dir.path()).await, WINDOW_BYTES).await;
        half.ready().await;
        half.ask(1, DECIDE).await;
        half.begin(1, 60_000, SENT_BYTES).await;
        let mut full = Raw::hello(socket(server.dir.path()).await, 0).await;
        full.ask(1, STATUS).await;
        full.end(1).await;
        assert!(full.until(|it| it.kind == HEADERS).await.is_some());
        holds(&server, 5 + SENT_BYTES).await;
        // They never answer a ping, and nothing is read from them again.
        metric(&server, "toolgate_connections 0\n").await;
        holds(&server, 0).await;
        still_decides(&server).await;
        for raw in [&mut half, &mut full] {
            raw.closed().await;
        }
        server.stop().await;
    });
}
