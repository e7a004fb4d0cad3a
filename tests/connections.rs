//! Connections that are too many, too slow, too old, or half gone.

mod http2;

use crate::server::asking::{Decisions, call, decide, get};
use crate::server::process::Process;
use crate::server::{Server, block_on, config, pki, tokens, until, write_files};
pub use http2::is_closed as closed;
pub use http2::{GOAWAY, HEADERS, Raw};
use http2::{PREFACE, SETTINGS, is_closed};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use toolgate::wire::v1::Effect;

const POLICY: &str = "package policies.crm\nallow contains \"crm.read\"\n";
pub const WINDOW_BYTES: u32 = 65_535;
pub const STATUS: &str = "/toolgate.v1.PolicyService/GetStatus";
pub const DECIDE: &str = "/toolgate.v1.DecisionService/Decide";

fn policies() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_files(&dir.path().join("main"), [("p.rego", POLICY)]);
    dir
}

fn with_limits(limits: &str) -> String {
    config(&format!("[audit]\ndir = \"audit\"\n[limits]\n{limits}\n"))
}

async fn server(limits: &str) -> Server {
    Server::start(policies(), &with_limits(limits)).await
}

pub async fn socket(dir: &Path) -> UnixStream {
    UnixStream::connect(dir.join("run.sock")).await.unwrap()
}

/// Waits until a metric has this value.
pub async fn metric(server: &Server, line: &str) {
    until(line, async || {
        let metrics = get(server.http.unwrap(), "/metrics").await.unwrap();
        metrics.contains(line).then_some(())
    })
    .await;
}

#[test]
fn a_peer_has_so_many_connections_and_no_more() {
    block_on(async {
        let server = server("connections_per_peer_max = 2").await;
        let mut first = Decisions::new(server.unix().await);
        assert_eq!(decide(&mut first, "crm/read").await.effect(), Effect::Allow);
        let second = Raw::hello(socket(server.dir.path()).await, WINDOW_BYTES).await;
        metric(&server, "toolgate_connections 2\n").await;
        is_closed(&mut socket(server.dir.path()).await).await;
        metric(&server, "connections_refused_total{reason=\"peer\"} 1\n").await;
        // One that ends makes room for another.
        drop(second);
        metric(&server, "toolgate_connections 1\n").await;
        let mut third = Decisions::new(server.unix().await);
        assert_eq!(decide(&mut third, "crm/read").await.effect(), Effect::Allow);
        server.stop().await;
    });
}

#[test]
fn a_process_has_so_many_connections_and_no_more() {
    block_on(async {
        let server = server("connections_max = 1").await;
        let mut first = Decisions::new(server.unix().await);
        assert_eq!(decide(&mut first, "crm/read").await.effect(), Effect::Allow);
        is_closed(&mut socket(server.dir.path()).await).await;
        metric(&server, "connections_refused_total{reason=\"total\"} 1\n").await;
        assert_eq!(decide(&mut first, "crm/read").await.effect(), Effect::Allow);
        server.stop().await;
    });
}

#[test]
fn who_says_nothing_or_little_is_not_waited_for() {
    block_on(async {
        let server = server("handshake_milliseconds_max = 100").await;
        for said in [&b""[..], b"PRI * HTTP", PREFACE] {
            let mut socket = socket(server.dir.path()).await;
            socket.write_all(said).await.unwrap();
            is_closed(&mut socket).await;
        }
        let refused = "connections_refused_total{reason=\"handshake_timeout\"} 3\n";
        metric(&server, refused).await;
        metric(&server, "toolgate_connections 0\n").await;
        // Who has said its preface may be silent for as long as it likes.
        let mut quiet = Raw::hello(socket(server.dir.path()).await, WINDOW_BYTES).await;
        is_closed(&mut socket(server.dir.path()).await).await;
        quiet.ask(1, STATUS).await;
        quiet.end(1).await;
        assert!(quiet.until(|it| it.kind == HEADERS).await.is_some());
        server.stop().await;
    });
}

const TLS: &str = r#"
[listen]
tcp = "127.0.0.1:0"
http = "127.0.0.1:0"
[listen.tls]
cert = "server.pem"
key = "server.key"
client_ca = "clients.pem"
[[bundles]]
name = "main"
path = "main"
[[callers]]
name = "shim"
spiffe_id = "spiffe://test/shim"
servers = ["*"]
subjects = ["agent_*"]
[[callers]]
name = "agents"
token_subject = "agent_*"
servers = ["*"]
subjects = ["agent_*"]
[jwt]
jwks_file = "keys.json"
issuer = "https://issuer.example"
audience = "toolgate"
algorithms = ["ES256"]
[audit]
dir = "audit"
[limits]
handshake_milliseconds_max = 300
"#;

async fn tls_server() -> Server {
    let dir = policies();
    pki::write_server_files(dir.path());
    tokens::write_key_set(dir.path());
    Server::start(dir, TLS).await
}

#[test]
fn tls_has_its_time_too() {
    block_on(async {
        let server = tls_server().await;
        let mut silent = TcpStream::connect(server.tcp.unwrap()).await.unwrap();
        is_closed(&mut silent).await;
        let mut plain = TcpStream::connect(server.tcp.unwrap()).await.unwrap();
        plain.write_all(PREFACE).await.unwrap();
        is_closed(&mut plain).await;
        let refused = "connections_refused_total{reason=\"handshake_timeout\"} 1\n";
        metric(&server, refused).await;
        metric(&server, "connections_refused_total{reason=\"tls\"} 1\n").await;
        server.stop().await;
    });
}

/// A call of `agent_a` with this many bytes of arguments, perhaps with its token beside it.
async fn large(channel: Channel, bytes: usize, with_token: bool) -> Result<Effect, tonic::Status> {
    let mut question = call("crm/read");
    let text = "x".repeat(bytes);
    question.params_json =
        format!(r#"{{"name":"read","arguments":{{"text":"{text}"}}}}"#).into_bytes();
    let mut request = tonic::Request::new(question);
    if with_token {
        let token = tokens::token(&serde_json::json!({"sub": "agent_a"}));
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    let reply = Decisions::new(channel).decide(request).await?;
    Ok(reply.get_ref().effect())
}

#[test]
fn nobody_sends_much_before_it_is_known_who_sends() {
    block_on(async {
        let server = tls_server().await;
        let nobody = server.tls(None).await;
        // A small call of nobody is a denial, and recorded.
        let small = large(nobody.clone(), 100, false).await.unwrap();
        assert_eq!(small, Effect::Deny);
        let refused = large(nobody.clone(), 1 << 20, false).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert!(refused.message().contains("65536 bytes"), "{refused}");
        // The connection lives on, and a token or a certificate is enough.
        assert_eq!(large(nobody, 1 << 20, true).await.unwrap(), Effect::Allow);
        let shim = server.tls(Some("spiffe://test/shim")).await;
        assert_eq!(large(shim, 1 << 20, false).await.unwrap(), Effect::Allow);
        // Whoever has a certificate of the authority, but no entry, is nobody.
        let stranger = server.tls(Some("spiffe://test/stranger")).await;
        let refused = large(stranger, 1 << 20, true).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert_eq!(server.records().await.len(), 4);
        server.stop().await;
    });
}

#[test]
fn headers_are_bounded() {
    block_on(async {
        let server = server("header_list_bytes_max = 2048").await;
        let mut client = Decisions::new(server.unix().await);
        let mut request = tonic::Request::new(call("crm/read"));
        let value = "x".repeat(4096).parse().unwrap();
        request.metadata_mut().insert("x-much", value);
        client.decide(request).await.unwrap_err();
        assert_eq!(
            decide(&mut client, "crm/read").await.effect(),
            Effect::Allow
        );
        server.stop().await;
    });
}

#[test]
fn half_of_a_connection_is_found_out() {
    block_on(async {
        let server = server("keepalive_seconds = 1\nkeepalive_timeout_seconds = 1").await;
        // It reads, and answers no ping: its other half is gone.
        let mut dead = Raw::hello(socket(server.dir.path()).await, WINDOW_BYTES).await;
        dead.closed().await;
        metric(&server, "toolgate_connections 0\n").await;
        server.stop().await;
    });
}

#[test]
fn an_old_connection_is_told_to_go_and_a_stuck_one_is_cut() {
    block_on(async {
        let limits = "connection_age_seconds_max = 1\nconnection_grace_seconds_max = 1";
        let server = server(limits).await;
        let mut client = Decisions::new(server.unix().await);
        assert_eq!(
            decide(&mut client, "crm/read").await.effect(),
            Effect::Allow
        );
        let mut idle = Raw::hello(socket(server.dir.path()).await, WINDOW_BYTES).await;
        // Takes no byte of an answer that it asked for.
        let mut stuck = Raw::hello(socket(server.dir.path()).await, 0).await;
        stuck.ask(1, STATUS).await;
        stuck.end(1).await;
        assert!(stuck.until(|it| it.kind == GOAWAY).await.is_some());
        stuck.closed().await;
        assert!(idle.until(|it| it.kind == GOAWAY).await.is_some());
        idle.closed().await;
        metric(&server, "toolgate_connections 0\n").await;
        // A client that knows what GOAWAY means notices nothing.
        assert_eq!(
            decide(&mut client, "crm/read").await.effect(),
            Effect::Allow
        );
        server.stop().await;
    });
}

#[test]
fn a_request_that_never_ends_is_ended() {
    block_on(async {
        let server = server("request_milliseconds_max = 100").await;
        let mut slow = Raw::hello(socket(server.dir.path()).await, WINDOW_BYTES).await;
        slow.ask(1, DECIDE).await;
        let answer = slow.until(|it| it.kind == HEADERS && it.stream == 1).await;
        assert!(answer.is_some_and(|it| it.ends_stream()));
        // The connection is as good as before.
        slow.ask(3, STATUS).await;
        slow.end(3).await;
        let answer = slow.until(|it| it.kind == HEADERS && it.stream == 3).await;
        assert!(answer.is_some());
        server.stop().await;
    });
}

#[test]
fn a_drain_ends_what_has_no_end_of_its_own() {
    block_on(async {
        let server = server("drain_seconds_max = 3600").await;
        let mut health = HealthClient::new(server.unix().await);
        let request = HealthCheckRequest {
            service: "toolgate.ready".to_owned(),
        };
        let watched = health.watch(request).await.unwrap();
        let mut watched = watched.into_inner();
        assert_eq!(watched.message().await.unwrap().unwrap().status, 1);
        let started = Instant::now();
        server.stop().await;
        assert!(started.elapsed() < Duration::from_secs(60));
        let ended = async { while let Ok(Some(_)) = watched.message().await {} };
        ended.await;
    });
}

#[test]
fn a_drain_has_an_end_and_a_second_signal_is_one() {
    block_on(async {
        for (limits, signals) in [
            ("drain_seconds_max = 1", 1),
            ("drain_seconds_max = 3600", 2),
        ] {
            let dir = policies();
            let toml = with_limits(limits);
            write_files(dir.path(), [("toolgate.toml", toml.as_str())]);
            let process = Process::start(dir.path()).await;
            // A call whose message does not come: it is under way for as long as it may.
            let mut slow = Raw::hello(socket(dir.path()).await, WINDOW_BYTES).await;
            slow.ask(1, DECIDE).await;
            assert!(
                slow.until(|it| it.kind == SETTINGS && it.flags != 0)
                    .await
                    .is_some()
            );
            process.terminate();
            assert!(slow.until(|it| it.kind == GOAWAY).await.is_some());
            if signals == 2 {
                process.terminate();
            }
            assert!(process.ended().await.success(), "{limits}");
            assert!(!dir.path().join("run.sock").exists());
        }
    });
}
