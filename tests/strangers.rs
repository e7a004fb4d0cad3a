//! Connections of nobody who is known are in nobody's way.

use crate::admission::policies;
use crate::connections::{GOAWAY, HEADERS, Raw, STATUS, WINDOW_BYTES, closed, metric, socket};
use crate::server::asking::{Decisions, call, decide};
use crate::server::{Server, block_on, tokens, uid};
use tokio::net::TcpStream;
use tonic::transport::Endpoint;
use toolgate::wire::v1::Effect;

pub fn toml(tls: &str, limits: &str) -> String {
    format!(
        r#"
[listen]
unix = "run.sock"
tcp = "127.0.0.1:0"
http = "127.0.0.1:0"
{tls}
[[bundles]]
name = "main"
path = "main"
[[callers]]
name = "local"
uid = {}
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
{limits}
"#,
        uid()
    )
}

const TLS: &str = r#"
[listen.tls]
cert = "server.pem"
key = "server.key"
client_ca = "clients.pem"
[[callers]]
name = "shim"
spiffe_id = "spiffe://test/shim"
servers = ["*"]
subjects = ["agent_*"]
"#;

/// Connects that often; the last of them are open afterwards.
async fn flood(server: &Server, count: usize) -> Vec<TcpStream> {
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(TcpStream::connect(server.tcp.unwrap()).await.unwrap());
    }
    sockets
}

#[test]
fn who_is_known_connects_while_strangers_have_all_that_they_may() {
    block_on(async {
        // Nobody goes because its time is over.
        let limits = "connections_max = 16\nhandshake_milliseconds_max = 600000\n\
                      stranger_milliseconds_max = 600000";
        let server = Server::start(policies(), &toml(TLS, limits)).await;
        let mut silent = flood(&server, 20).await;
        closed(&mut silent[0]).await;
        metric(
            &server,
            "connections_refused_total{reason=\"stranger\"} 16\n",
        )
        .await;
        metric(&server, "toolgate_connections 4\n").await;
        let mut shim = Decisions::new(server.tls(Some("spiffe://test/shim")).await);
        let mut local = Decisions::new(server.unix().await);
        for client in [&mut shim, &mut local] {
            assert_eq!(decide(client, "crm/read").await.effect(), Effect::Allow);
        }
        // The certificate was enough: the place of a stranger is free again.
        metric(&server, "toolgate_connections 5\n").await;
        silent.extend(flood(&server, 20).await);
        metric(
            &server,
            "connections_refused_total{reason=\"stranger\"} 36\n",
        )
        .await;
        metric(&server, "toolgate_connections 6\n").await;
        for client in [&mut shim, &mut local] {
            assert_eq!(decide(client, "crm/read").await.effect(), Effect::Allow);
        }
        metric(&server, "toolgate_connections 6\n").await;
        drop(silent);
        server.stop().await;
    });
}

#[test]
fn a_stranger_has_its_time_and_who_is_known_stays() {
    block_on(async {
        let limits = "stranger_milliseconds_max = 1000";
        let server = Server::start(policies(), &toml("", limits)).await;
        let address = server.tcp.unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let mut agent = Decisions::new(endpoint.connect().await.unwrap());
        let mut request = tonic::Request::new(call("crm/read"));
        let token = tokens::token(&serde_json::json!({"sub": "agent_a"}));
        let token = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", token);
        let reply = agent.decide(request).await.unwrap();
        assert_eq!(reply.get_ref().effect(), Effect::Allow);
        let mut local = Raw::hello(socket(server.dir.path()).await, WINDOW_BYTES).await;
        for path in [
            "/grpc.health.v1.Health/Watch",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        ] {
            let socket = TcpStream::connect(address).await.unwrap();
            let mut stranger = Raw::hello(socket, WINDOW_BYTES).await;
            stranger.ask(1, path).await;
            if path.ends_with("Watch") {
                stranger.end(1).await;
            }
            assert!(stranger.until(|it| it.kind == GOAWAY).await.is_some());
            stranger.closed().await;
        }
        metric(&server, "toolgate_connections 2\n").await;
        local.ask(1, STATUS).await;
        local.end(1).await;
        assert!(local.until(|it| it.kind == HEADERS).await.is_some());
        server.stop().await;
    });
}
