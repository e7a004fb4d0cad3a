//! Who gets its calls answered while others ask too much, and what comes twice.

use crate::overload::reason;
use crate::server::asking::{Decisions, call, codes, decide};
use crate::server::{Server, block_on, config, of_type, pki, tokens, uid, until, write_files};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use toolgate::identity::Peer;
use toolgate::server::Remote;
use toolgate::wire::v1::audit_service_client::AuditServiceClient;
use toolgate::wire::v1::decide_request::Subject;
use toolgate::wire::v1::policy_service_client::PolicyServiceClient;
use toolgate::wire::v1::{
    DecideBatchRequest, DecideRequest, Effect, GetStatusRequest, PublishRequest,
};

const POLICY: &str = "package policies.crm\nallow contains \"crm.read\"\n";
pub const TLS: &str = r#"
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
name = "loud"
spiffe_id = "spiffe://test/loud"
servers = ["*"]
subjects = ["agent_*"]
[[callers]]
name = "quiet"
spiffe_id = "spiffe://test/quiet"
servers = ["*"]
subjects = ["agent_*"]
[[callers]]
name = "agents"
token_subject = "agent_*"
servers = ["*"]
[jwt]
jwks_file = "keys.json"
issuer = "https://issuer.example"
audience = "toolgate"
algorithms = ["ES256"]
[limits]
in_flight_decisions_max = 4
[audit]
dir = "audit"
mode = "durable"
"#;

pub fn policies() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_files(&dir.path().join("main"), [("p.rego", POLICY)]);
    pki::write_server_files(dir.path());
    tokens::write_key_set(dir.path());
    dir
}

fn assert_exhausted(status: &Status, expected: &str) {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert_eq!(reason(status).0, expected);
}

#[test]
fn a_flood_of_one_caller_is_no_other_callers_loss() {
    block_on(async {
        let server = Server::start(policies(), TLS).await;
        let loud = server.tls(Some("spiffe://test/loud")).await;
        let over = Arc::new(AtomicBool::new(false));
        let refused = Arc::new(AtomicU32::new(0));
        let mut flood = Vec::new();
        for _ in 0..32 {
            let mut client = Decisions::new(loud.clone());
            let (over, refused) = (Arc::clone(&over), Arc::clone(&refused));
            flood.push(tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    if let Err(status) = client.decide(call("crm/read")).await {
                        assert_exhausted(&status, "CALLER_SHARE_REACHED");
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }));
        }
        let mut quiet = Decisions::new(server.tls(Some("spiffe://test/quiet")).await);
        let mut answered = 0;
        while answered < 200 || refused.load(Ordering::Relaxed) == 0 {
            let reply = quiet.decide(call("crm/read")).await.unwrap();
            assert_eq!(reply.get_ref().effect(), Effect::Allow);
            answered += 1;
        }
        over.store(true, Ordering::Relaxed);
        for one in flood {
            one.await.unwrap();
        }
        server.stop().await;
    });
}

fn with_token() -> DecideRequest {
    let token = tokens::token(&serde_json::json!({"sub": "agent_a"}));
    DecideRequest {
        subject: Some(Subject::BearerToken(token)),
        ..call("crm/read")
    }
}

#[test]
fn a_flood_of_nobody_is_a_number_in_the_log() {
    block_on(async {
        let server = Server::start(policies(), TLS).await;
        let mut nobody = Decisions::new(server.tls(None).await);
        let (mut denied, mut refused) = (0, 0);
        for _ in 0..100 {
            match nobody.decide(call("crm/read")).await {
                Ok(reply) => {
                    assert_eq!(codes(reply.get_ref()), ["unauthenticated"]);
                    denied += 1;
                }
                Err(status) => {
                    assert_exhausted(&status, "UNKNOWN_CALLERS");
                    refused += 1;
                }
            }
        }
        assert!(
            denied >= 32 && refused > 0,
            "{denied} denied, {refused} refused"
        );
        // A batch counts each call.
        let batch = DecideBatchRequest {
            requests: vec![call("crm/read"); 40],
        };
        assert_exhausted(
            &nobody.decide_batch(batch).await.unwrap_err(),
            "UNKNOWN_CALLERS",
        );
        // A token in the message says who asks; a caller with a certificate notices nothing.
        for _ in 0..40 {
            let reply = nobody.decide(with_token()).await.unwrap();
            assert_eq!(reply.get_ref().effect(), Effect::Allow);
        }
        let mut quiet = Decisions::new(server.tls(Some("spiffe://test/quiet")).await);
        assert_eq!(decide(&mut quiet, "crm/read").await.effect(), Effect::Allow);
        let records = server.stopped_records().await;
        assert_eq!(of_type(&records, "decision").len(), denied + 41);
        let numbers = of_type(&records, "calls_refused");
        let calls = numbers.iter().map(|it| it["calls"].as_u64().unwrap());
        assert_eq!(calls.sum::<u64>(), refused + 40);
        for number in numbers {
            assert_eq!(number["from"][0]["peer"], "127.0.0.1", "{number}");
            assert_eq!(number["reason"], "unauthenticated");
        }
    });
}

fn named(id: &str, tool: &str) -> DecideRequest {
    DecideRequest {
        request_id: id.to_owned(),
        ..call(tool)
    }
}

#[test]
fn what_comes_twice_is_decided_once() {
    block_on(async {
        let server = Server::start(policies(), &config("[audit]\ndir = \"audit\"\n")).await;
        let channel = server.unix().await;
        let mut asking = Vec::new();
        for _ in 0..16 {
            let mut client = Decisions::new(channel.clone());
            asking.push(tokio::spawn(async move {
                client.decide(named("r-1", "crm/read")).await
            }));
        }
        let mut replies = Vec::new();
        for one in asking {
            replies.push(one.await.unwrap().unwrap().into_inner());
        }
        // Another connection of the same caller, alone and in a batch.
        let mut client = Decisions::new(server.unix().await);
        let again = client.decide(named("r-1", "crm/read")).await.unwrap();
        replies.push(again.into_inner());
        let batch = DecideBatchRequest {
            requests: vec![named("r-1", "crm/read"), named("r-2", "crm/read")],
        };
        let mut batch = client.decide_batch(batch).await.unwrap().into_inner();
        let other = batch.responses.pop().unwrap();
        replies.append(&mut batch.responses);
        assert_eq!(replies.len(), 18);
        assert!(replies.iter().all(|reply| *reply == replies[0]));
        assert_eq!(replies[0].effect(), Effect::Allow);
        assert_ne!(other.decision_id, replies[0].decision_id);
        assert_eq!(of_type(&server.records().await, "decision").len(), 2);
        // Nor is half of it decided for a client that goes away at once.
        let peer = Remote::from(Peer::UnixUid(uid()));
        let gone = server.decider.decide(&peer, named("r-3", "crm/read"));
        let gone = tokio::time::timeout(Duration::ZERO, gone).await.ok();
        let back = server.decider.decide(&peer, named("r-3", "crm/read")).await;
        assert!(gone.is_none_or(|reply| reply == back));
        assert_eq!(of_type(&server.records().await, "decision").len(), 3);
        // The same name for something else is a mistake, and recorded.
        let mistaken = client.decide(named("r-1", "crm/write")).await.unwrap();
        assert_eq!(codes(mistaken.get_ref()), ["malformed_request"]);
        let said = &mistaken.get_ref().reasons[0].message;
        assert!(said.contains("`request_id`"), "{said}");
        // What has no name is never the same.
        let first = decide(&mut client, "crm/read").await;
        assert_ne!(
            decide(&mut client, "crm/read").await.decision_id,
            first.decision_id
        );
        let decisions = of_type(&server.records().await, "decision");
        assert_eq!(decisions.len(), 6);
        assert_eq!(decisions[3]["caller"], "shim");
        server.stop().await;
    });
}

#[test]
fn every_rpc_but_health_has_a_limit() {
    block_on(async {
        let toml = config("[audit]\ndir = \"audit\"\n[limits]\nin_flight_rpcs_max = 1\n");
        let server = Server::start(policies(), &toml).await;
        // A stream of events is under way until it ends.
        let (events, receiver) = mpsc::channel::<PublishRequest>(1);
        let mut publisher = AuditServiceClient::new(server.unix().await);
        let acknowledged = publisher.publish(ReceiverStream::new(receiver)).await;
        let mut policies = PolicyServiceClient::new(server.unix().await);
        let refused = policies.get_status(GetStatusRequest {}).await.unwrap_err();
        assert_exhausted(&refused, "LIMIT_REACHED");
        assert_eq!(reason(&refused).1["setting"], "limits.in_flight_rpcs_max");
        let mut health = HealthClient::new(server.unix().await);
        let request = HealthCheckRequest::default();
        assert_eq!(health.check(request).await.unwrap().get_ref().status, 1);
        drop((events, acknowledged));
        until("room for another", async || {
            policies.get_status(GetStatusRequest {}).await.ok()
        })
        .await;
        server.stop().await;
    });
}
