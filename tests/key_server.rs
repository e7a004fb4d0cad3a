//! A PDP that fetches the keys of tokens: what its answers, records, metrics and status say.

use crate::admission::policies;
use crate::server::asking::{Decisions, call, codes, get};
use crate::server::{Server, block_on, config, of_type, tokens, until};
use axum::Router;
use axum::routing::get as on_get;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use toolgate::wire::v1::decide_request::Subject;
use toolgate::wire::v1::{DecideRequest, DecideResponse, Effect};

/// Serves the file `keys.json` of this directory, as it is.
async fn serve_keys(address: SocketAddr, dir: &Path) -> JoinHandle<()> {
    let file = dir.join("keys.json");
    let keys = move || async move { std::fs::read_to_string(file).unwrap() };
    let router = Router::new().route("/keys", on_get(keys));
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() })
}

async fn with_token(client: &mut Decisions, token: &str) -> DecideResponse {
    let question = DecideRequest {
        subject: Some(Subject::BearerToken(token.to_owned())),
        ..call("crm/read")
    };
    client.decide(question).await.unwrap().into_inner()
}

fn is_granted(reply: &DecideResponse) -> Option<()> {
    (reply.effect() == Effect::Allow).then_some(())
}

async fn status(server: &Server) -> Value {
    let text = get(server.http.unwrap(), "/statusz").await.unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["jwks"].clone()
}

#[test]
fn keys_come_from_a_server_and_are_rotated() {
    block_on(async {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let jwt = format!(
            "[jwt]\njwks_url = \"http://{address}/keys\"\njwks_refresh_seconds = 1\n\
             issuer = \"{}\"\naudience = \"toolgate\"\nalgorithms = [\"ES256\"]\n\
             [audit]\ndir = \"audit\"\n",
            tokens::ISSUER
        );
        // The server is down: the process starts, and is ready for everybody else.
        let server = Server::start(policies(), &config(&jwt)).await;
        let mut client = Decisions::new(server.unix().await);
        let (old, new) = (
            tokens::token(&json!({"sub": "agent_a"})),
            tokens::next_token(&json!({"sub": "agent_a"})),
        );
        let reply = with_token(&mut client, &old).await;
        assert_eq!(codes(&reply), ["token_keys_unavailable"]);
        assert!(reply.reasons[0].retryable);
        assert!(get(server.http.unwrap(), "/readyz").await.is_some());
        let asserted = client.decide(call("crm/read")).await.unwrap().into_inner();
        assert_eq!(asserted.effect(), Effect::Allow);
        let shown = status(&server).await;
        assert_eq!(shown["key_ids"], json!([]));
        let error = shown["last_error"]["error"].as_str().unwrap();
        assert!(
            error.starts_with("cannot connect to the key server `127.0.0.1`"),
            "{error}"
        );
        // It comes up.
        tokens::write_key_set(server.dir.path());
        let serving = serve_keys(address, server.dir.path()).await;
        until("the first keys", async || {
            is_granted(&with_token(&mut client, &old).await)
        })
        .await;
        let shown = status(&server).await;
        assert_eq!(
            (&shown["age_seconds"].is_u64(), &shown["last_error"]),
            (&true, &Value::Null)
        );
        // Its keys are others.
        tokens::write_next_key_set(server.dir.path());
        until("the next keys", async || {
            is_granted(&with_token(&mut client, &new).await)
        })
        .await;
        assert_eq!(
            codes(&with_token(&mut client, &old).await),
            ["unauthenticated"]
        );
        let metrics = get(server.http.unwrap(), "/metrics").await.unwrap();
        assert!(
            metrics.contains("toolgate_jwks_fetches_total{outcome=\"changed\"} 2\n"),
            "{metrics}"
        );
        serving.abort();
        let records = server.stopped_records().await;
        let first = &of_type(&records, "decision")[0];
        assert_eq!(first["reasons"][0]["code"], "token_keys_unavailable");
        assert_eq!(
            first["attempt"]["failed"],
            "no key set has been fetched yet"
        );
        assert_eq!(first["attempt"]["claimed"]["id"], "agent_a");
    });
}
