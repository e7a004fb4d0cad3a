//! Requests that do not end: how much of them is held.

use crate::connections::{DECIDE, HEADERS, Raw, WINDOW_BYTES, metric, socket};
use crate::overload::reason;
use crate::server::asking::{Decisions, call, decide, get};
use crate::server::{Server, block_on, config, until, write_files};
use tokio::net::TcpStream;
use tonic::Code;
use toolgate::wire::v1::Effect;

const POLICY: &str = "package policies.crm\nallow contains \"crm.read\"\n";
/// Two of the largest messages, which is the least that there is room for.
const HELD_BYTES_MAX: usize = 2 * (3 * 1024 + (1 << 20));

async fn server(listen: &str, limits: &str) -> Server {
    let dir = tempfile::tempdir().unwrap();
    write_files(&dir.path().join("main"), [("p.rego", POLICY)]);
    let toml = config(&format!("[audit]\ndir = \"audit\"\n[limits]\n{limits}\n"));
    Server::start(
        dir,
        &toml.replace("[listen]", &format!("[listen]\n{listen}")),
    )
    .await
}

/// Little room, and time enough for all that is sent.
const SMALL: &str = "request_bytes_max = 1024\nrequest_bytes_in_flight_max = 1048576\n\
                     request_milliseconds_max = 600000\nstranger_milliseconds_max = 600000";

async fn held_bytes(server: &Server) -> usize {
    let text = get(server.http.unwrap(), "/statusz").await.unwrap();
    let status: serde_json::Value = serde_json::from_str(&text).unwrap();
    status["request_bytes_in_flight"]
        .as_u64()
        .unwrap()
        .try_into()
        .unwrap()
}

async fn holds(server: &Server, bytes: usize) {
    let what = format!("{bytes} bytes held");
    until(&what, async || {
        (held_bytes(server).await == bytes).then_some(())
    })
    .await;
}

#[test]
fn a_caller_that_never_ends_its_requests_has_its_share() {
    block_on(async {
        let server = server("", SMALL).await;
        const SENT: usize = 640_000;
        let mut first = None;
        for _ in 0..3 {
            let mut raw = Raw::hello(socket(server.dir.path()).await, WINDOW_BYTES).await;
            raw.ready().await;
            raw.ask(1, DECIDE).await;
            raw.begin(1, 1 << 20, SENT).await;
            match first {
                None => first = Some(raw),
                // Two of them are more than half.
                Some(_) => {
                    let refused = raw.until(|it| it.kind == HEADERS).await.unwrap();
                    assert!(refused.ends_stream());
                }
            }
            holds(&server, 5 + SENT).await;
        }
        let shared = "rpcs_refused_total{reason=\"CALLER_SHARE_REACHED\"} 2\n";
        metric(&server, shared).await;
        let mut client = Decisions::new(server.unix().await);
        assert_eq!(
            decide(&mut client, "crm/read").await.effect(),
            Effect::Allow
        );
        let mut large = call("crm/read");
        large.params_json = vec![b' '; SENT];
        let refused = client.decide(large).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        let (reason, metadata) = reason(&refused);
        assert_eq!(reason, "CALLER_SHARE_REACHED");
        assert_eq!(metadata["setting"], "limits.request_bytes_in_flight_max");
        assert_eq!(metadata["limit"], HELD_BYTES_MAX.to_string());
        drop(first);
        holds(&server, 0).await;
        server.stop().await;
    });
}

#[test]
fn strangers_have_little_together() {
    block_on(async {
        let server = server("tcp = \"127.0.0.1:0\"", SMALL).await;
        const SENT: usize = 60_000;
        let room = HELD_BYTES_MAX / 2 / (5 + SENT);
        let mut strangers = Vec::new();
        for _ in 0..2 {
            let socket = TcpStream::connect(server.tcp.unwrap()).await.unwrap();
            let mut raw = Raw::hello(socket, WINDOW_BYTES).await;
            raw.ready().await;
            for stream in (1..24).step_by(2) {
                raw.ask(stream, DECIDE).await;
                raw.begin(stream, 61_000, SENT).await;
                let held = held_bytes(&server).await;
                assert!(held <= HELD_BYTES_MAX / 2, "{held}");
            }
            strangers.push(raw);
        }
        let refused = 24 - room;
        let shared = format!("rpcs_refused_total{{reason=\"CALLER_SHARE_REACHED\"}} {refused}\n");
        metric(&server, &shared).await;
        holds(&server, room * (5 + SENT)).await;
        // What says that it will be too much is not waited for.
        let raw = &mut strangers[1];
        raw.ask(25, DECIDE).await;
        raw.begin(25, 1 << 20, 0).await;
        let refused = raw.until(|it| it.kind == HEADERS && it.stream == 25).await;
        assert!(refused.unwrap().ends_stream());
        // Who is known has its own share.
        let mut client = Decisions::new(server.unix().await);
        assert_eq!(
            decide(&mut client, "crm/read").await.effect(),
            Effect::Allow
        );
        drop(strangers);
        holds(&server, 0).await;
        server.stop().await;
    });
}

#[test]
fn a_message_of_a_stream_has_its_time() {
    block_on(async {
        let server = server("", "request_milliseconds_max = 100").await;
        for path in [
            "/toolgate.v1.DecisionService/DecideStream",
            "/toolgate.v1.AuditService/Publish",
        ] {
            let mut raw = Raw::hello(socket(server.dir.path()).await, WINDOW_BYTES).await;
            raw.ask(1, path).await;
            raw.begin(1, 1000, 10).await;
            let ended = raw.until(|it| it.kind == HEADERS && it.ends_stream()).await;
            assert!(ended.is_some(), "{path}");
            holds(&server, 0).await;
        }
        server.stop().await;
    });
}

#[test]
fn a_request_about_health_is_small() {
    block_on(async {
        let server = server("", "").await;
        let mut raw = Raw::hello(socket(server.dir.path()).await, WINDOW_BYTES).await;
        raw.ask(1, "/grpc.health.v1.Health/Check").await;
        raw.begin(1, 60_000, 0).await;
        let refused = raw.until(|it| it.kind == HEADERS).await;
        assert!(refused.unwrap().ends_stream());
        server.stop().await;
    });
}
