//! A PDP, somebody who asks it, and an auditor.

use crate::server::asking::{Decisions, call};
use crate::server::publishing::{Shim, event};
use crate::server::{Server, config, pki, write_files};
use tonic::transport::Channel;
use toolgate::wire::v1::audit_service_client::AuditServiceClient;
use toolgate::wire::v1::publish_request::Event;
use toolgate::wire::v1::{DecideRequest, DecideResponse, Outcome, OutcomeStatus, QueryRequest};

const POLICY: &str =
    "package policies.crm\nallow contains \"crm.read\" if input.mcp.name == \"read\"\n";
/// Beside who asks, known by its uid, an auditor that is known by its certificate.
const AUDITOR: &str = r#"
[[callers]]
name = "auditor"
spiffe_id = "spiffe://test/auditor"
servers = ["*"]
may = ["audit.read"]
[limits]
evaluation_milliseconds_max = 5000
[audit]
dir = "audit"
"#;

pub type Audit = AuditServiceClient<Channel>;

/// Everything, for a reason.
pub fn query() -> QueryRequest {
    QueryRequest {
        justification: "a test".to_owned(),
        ..QueryRequest::default()
    }
}

fn configuration(audit: &str) -> String {
    let tcp = "tcp = \"127.0.0.1:0\"\n[listen.tls]\ncert = \"server.pem\"\nkey = \"server.key\"\nclient_ca = \"clients.pem\"\n[[bundles]]";
    config(&format!("{AUDITOR}{audit}")).replacen("[[bundles]]", tcp, 1)
}

pub struct Scene {
    pub server: Server,
    audit: String,
}

impl Scene {
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// With more keys of `[audit]`.
    pub async fn start_with(audit: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        write_files(&dir.path().join("main"), [("p.rego", POLICY)]);
        pki::write_server_files(dir.path());
        Self {
            server: Server::start(dir, &configuration(audit)).await,
            audit: audit.to_owned(),
        }
    }

    pub async fn restart(self) -> Self {
        let server = self.server.restart(&configuration(&self.audit)).await;
        Self { server, ..self }
    }

    pub async fn stop(self) {
        self.server.stop().await;
    }

    pub async fn decide(&self, tool: &str) -> DecideResponse {
        let asked = DecideRequest {
            correlation_id: if tool == "crm/read" { "corr-7" } else { "" }.to_owned(),
            ..call(tool)
        };
        let mut decisions = Decisions::new(self.server.unix().await);
        let reply = decisions.decide(asked).await.unwrap().into_inner();
        let log = self.server.decider.tenants.process().evidence.log();
        log.flush().unwrap().await.unwrap();
        reply
    }

    /// An enforcement point reports how a call ended.
    pub async fn report(&self, decision_id: &str, status: OutcomeStatus) {
        let outcome = Outcome {
            decision_id: decision_id.to_owned(),
            status: status.into(),
            ..Outcome::default()
        };
        let mut shim = Shim::connect(&self.server).await.unwrap();
        shim.send(event(1, 1, Event::Outcome(outcome)))
            .await
            .unwrap();
    }

    pub async fn auditor(&self) -> Audit {
        Audit::new(self.server.tls(Some("spiffe://test/auditor")).await)
    }

    /// Who may not read.
    pub async fn shim(&self) -> Audit {
        Audit::new(self.server.unix().await)
    }
}
