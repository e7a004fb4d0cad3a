//! Which caller may call which RPC.

use crate::admission::policies;
use crate::server::asking::{Decisions, call, codes, decide};
use crate::server::{Server, block_on, of_type};
use tonic::transport::Channel;
use tonic::{Code, Status};
use toolgate::wire::v1::audit_service_client::AuditServiceClient;
use toolgate::wire::v1::policy_service_client::PolicyServiceClient;
use toolgate::wire::v1::{
    DecideStreamRequest, Effect, ExplainRequest, GetStatusRequest, PublishRequest, ReloadRequest,
    RollbackRequest, WatchRevisionRequest,
};

/// The callers `none`, which has an entry that says nothing, and those named after what they may.
const CONFIG: &str = r#"
[listen]
tcp = "127.0.0.1:0"
[listen.tls]
cert = "server.pem"
key = "server.key"
client_ca = "clients.pem"
[[bundles]]
name = "main"
path = "main"
[[callers]]
name = "silent"
spiffe_id = "spiffe://test/silent"
servers = ["*"]
subjects = ["agent_*"]
[[callers]]
name = "decide"
spiffe_id = "spiffe://test/decide"
servers = ["*"]
subjects = ["agent_*"]
may = ["decide"]
[[callers]]
name = "publish"
spiffe_id = "spiffe://test/publish"
servers = ["*"]
subjects = ["agent_*"]
may = ["publish"]
[[callers]]
name = "administer"
spiffe_id = "spiffe://test/administer"
servers = ["*"]
subjects = ["agent_*"]
may = ["administer"]
[audit]
dir = "audit"
"#;

const RPCS: [&str; 6] = [
    "GetStatus",
    "Explain",
    "WatchRevision",
    "Publish",
    "Reload",
    "Rollback",
];

async fn ask(rpc: &str, channel: Channel) -> Result<(), Status> {
    let mut policies = PolicyServiceClient::new(channel.clone());
    let asked = ExplainRequest {
        request: Some(call("crm/read")),
    };
    match rpc {
        "GetStatus" => policies.get_status(GetStatusRequest {}).await.map(drop),
        "Explain" => policies.explain(asked).await.map(drop),
        "Reload" => policies.reload(ReloadRequest {}).await.map(drop),
        "Rollback" => policies
            .rollback(RollbackRequest::default())
            .await
            .map(drop),
        "WatchRevision" => {
            let mut decisions = Decisions::new(channel);
            let watched = decisions.watch_revision(WatchRevisionRequest {}).await;
            watched.map(drop)
        }
        _ => {
            let events = tokio_stream::iter(Vec::<PublishRequest>::new());
            let mut audit = AuditServiceClient::new(channel);
            audit.publish(events).await.map(drop)
        }
    }
}

#[test]
fn each_caller_may_call_what_its_entry_says() {
    block_on(async {
        let server = Server::start(policies(), CONFIG).await;
        let of_decide = ["GetStatus", "Explain", "WatchRevision"].as_slice();
        let of_silent = ["GetStatus", "Explain", "WatchRevision", "Publish"].as_slice();
        for (caller, allowed) in [
            ("silent", of_silent),
            ("decide", of_decide),
            ("publish", &["Publish"]),
            ("administer", &["Reload", "Rollback"]),
        ] {
            for rpc in RPCS {
                let id = format!("spiffe://test/{caller}");
                let asked = ask(rpc, server.tls(Some(&id)).await).await;
                let refused = asked.is_err_and(|status| status.code() == Code::PermissionDenied);
                assert_eq!(refused, !allowed.contains(&rpc), "{caller}: {rpc}");
            }
        }
        server.stop().await;
    });
}

#[test]
fn nobody_known_is_unauthenticated_and_not_merely_unpermitted() {
    block_on(async {
        let server = Server::start(policies(), CONFIG).await;
        for rpc in RPCS {
            let stranger = server.tls(Some("spiffe://test/stranger")).await;
            let status = ask(rpc, stranger).await.unwrap_err();
            assert_eq!(status.code(), Code::Unauthenticated, "{rpc}: {status}");
        }
        server.stop().await;
    });
}

#[test]
fn a_question_of_who_may_not_decide_is_a_recorded_denial() {
    block_on(async {
        let server = Server::start(policies(), CONFIG).await;
        let publisher = server.tls(Some("spiffe://test/publish")).await;
        let mut client = Decisions::new(publisher);
        let reply = decide(&mut client, "crm/read").await;
        assert_eq!(reply.effect(), Effect::Deny);
        assert_eq!(codes(&reply), ["decide_not_allowed"]);
        let mut named = call("crm/read");
        named.request_id = "q1".to_owned();
        let questions = [DecideStreamRequest {
            request: Some(named),
        }];
        let asked = client.decide_stream(tokio_stream::iter(questions)).await;
        let answer = asked.unwrap().into_inner().message().await.unwrap();
        let reply = answer.unwrap().response.unwrap();
        assert_eq!(codes(&reply), ["decide_not_allowed"]);
        let decisions = of_type(&server.stopped_records().await, "decision");
        assert_eq!(decisions.len(), 2);
        for decision in decisions {
            assert_eq!(decision["caller"], "publish");
            assert_eq!(decision["reasons"][0]["code"], "decide_not_allowed");
            assert_eq!(decision["attempt"]["failed"], "the caller may not `decide`");
        }
    });
}
