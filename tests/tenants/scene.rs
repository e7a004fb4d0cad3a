//! A PDP of two tenants, and who asks it.

use crate::server::asking::{Decisions, call};
use crate::server::{DEADLINE, Server, pki, records, tokens, uid, until, write_files};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use toolgate::wire::v1::audit_service_client::AuditServiceClient;
use toolgate::wire::v1::decide_request::Subject;
use toolgate::wire::v1::{DecideRequest, DecideResponse, PublishRequest};

/// The same policy in both tenants: what is granted stands in their data.
pub const POLICY: &str =
    "package policies.crm\nallow contains \"crm.granted\" if input.mcp.name in data.granted\n";
const OF_ALL: &str =
    "package policies.house\ndeny contains \"house.frozen\" if input.mcp.name == \"frozen\"\n";

const CALLERS: &str = r#"
[[bundles]]
name = "acme"
path = "acme"
tenant = "acme"
[[bundles]]
name = "globex"
path = "globex"
tenants = ["globex"]
[[bundles]]
name = "everybody"
path = "everybody"
tenants = ["*"]
[[callers]]
name = "acme-shim"
spiffe_id = "spiffe://test/acme"
servers = ["*"]
subjects = ["agent_*"]
may = ["decide", "publish", "administer", "audit.read"]
tenant = "acme"
[[callers]]
name = "globex-shim"
spiffe_id = "spiffe://test/globex"
servers = ["*"]
subjects = ["agent_*"]
may = ["decide", "publish", "administer", "audit.read"]
tenant = "globex"
[[callers]]
name = "gateway"
spiffe_id = "spiffe://test/gateway"
servers = ["*"]
subjects = ["agent_*"]
tenants = ["acme", "globex"]
[[callers]]
name = "agents"
token_subject = "agent_*"
servers = ["*"]
tenants = ["*"]
[jwt]
jwks_file = "keys.json"
issuer = "https://issuer.example"
audience = "toolgate"
algorithms = ["ES256"]
claims.tenant = "org"
"#;

/// Two tenants; of `acme` with these keys, and more sections.
pub fn config(acme: &str, more: &str) -> String {
    format!(
        r#"
[listen]
tcp = "127.0.0.1:0"
http = "127.0.0.1:0"
unix = "run.sock"
[listen.tls]
cert = "server.pem"
key = "server.key"
client_ca = "clients.pem"
[[tenants]]
name = "acme"
{acme}
[[tenants]]
name = "globex"
{CALLERS}
[[callers]]
name = "operator"
uid = {}
servers = ["*"]
tenants = ["*"]
may = ["decide", "administer", "audit.read"]
{more}"#,
        uid()
    )
}

/// The least more.
pub const AUDIT: &str = "[audit]\ndir = \"audit\"\n";

/// Writes a tenant's bundle.
pub fn write_bundle(dir: &Path, tenant: &str, policy: &str, data: &Value) {
    let manifest = json!({"roots": ["policies/crm", "granted", "directory"]}).to_string();
    write_files(
        &dir.join(tenant),
        [
            (".manifest", manifest.as_str()),
            ("p.rego", policy),
            ("data.json", data.to_string().as_str()),
        ],
    );
}

fn data(granted: &str, disabled: &str) -> Value {
    json!({
        "granted": [granted, "frozen", "both"],
        "directory": {"principals": {disabled: {"disabled": true}}}
    })
}

/// `acme` grants `read`, `globex` grants `write`; each has disabled somebody else.
pub fn files() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_bundle(dir.path(), "acme", POLICY, &data("read", "agent_x"));
    write_bundle(dir.path(), "globex", POLICY, &data("write", "agent_y"));
    write_files(
        &dir.path().join("everybody"),
        [
            (".manifest", r#"{"roots": ["policies/house"]}"#),
            ("p.rego", OF_ALL),
        ],
    );
    pki::write_server_files(dir.path());
    tokens::write_key_set(dir.path());
    dir
}

pub async fn start() -> Server {
    Server::start(files(), &config("", AUDIT)).await
}

/// A connection with the certificate of this caller.
pub async fn channel(server: &Server, caller: &str) -> Channel {
    server.tls(Some(&format!("spiffe://test/{caller}"))).await
}

pub async fn decisions(server: &Server, caller: &str) -> Decisions {
    Decisions::new(channel(server, caller).await)
}

pub async fn ask(client: &mut Decisions, question: DecideRequest) -> DecideResponse {
    client.decide(question).await.unwrap().into_inner()
}

/// A token of `agent_a` for this tenant.
pub fn token_of(tenant: &str) -> String {
    tokens::token(&json!({"sub": "agent_a", "org": tenant}))
}

/// A call whose subject's own token names this tenant.
pub fn call_for(tenant: &str, tool: &str) -> DecideRequest {
    DecideRequest {
        subject: Some(Subject::BearerToken(token_of(tenant))),
        ..call(tool)
    }
}

pub fn as_subject(id: &str, tool: &str) -> DecideRequest {
    let mut question = call(tool);
    if let Some(Subject::Asserted(asserted)) = &mut question.subject {
        asserted.id = id.to_owned();
    }
    question
}

/// A request that names a tenant in its metadata.
pub fn naming<T>(tenant: Option<&str>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(tenant) = tenant {
        let value: MetadataValue<_> = tenant.parse().unwrap();
        request.metadata_mut().insert("toolgate-tenant", value);
    }
    request
}

/// The directory of a tenant's log; of the process without one.
pub fn log_dir(server: &Server, tenant: Option<&str>) -> PathBuf {
    match tenant {
        Some(tenant) => server.audit_dir.join("tenants").join(tenant),
        None => server.audit_dir.clone(),
    }
}

/// Every record in a log once all that waits is written.
pub async fn records_of(server: &Server, tenant: Option<&str>) -> Vec<Value> {
    let tenants = &server.decider.tenants;
    let found = tenant.map_or(Some(tenants.process()), |name| tenants.get(name));
    let flushed = found.unwrap().evidence.log().flush().unwrap().await;
    flushed.unwrap();
    records(&log_dir(server, tenant))
}

/// Whether each of these services is served.
pub async fn health<const N: usize>(server: &Server, services: [&str; N]) -> [bool; N] {
    let mut client = HealthClient::new(server.unix().await);
    let mut serving = [false; N];
    for (service, serving) in services.iter().zip(&mut serving) {
        let asked = HealthCheckRequest {
            service: (*service).to_owned(),
        };
        let status = client.check(asked).await.unwrap().into_inner().status();
        *serving = status == ServingStatus::Serving;
    }
    serving
}

pub const SERVICES: [&str; 3] = ["toolgate.ready", "policyset/acme", "policyset/globex"];

pub async fn until_health(server: &Server, expected: [bool; 3]) {
    let is_so = async || (health(server, SERVICES).await == expected).then_some(());
    until("this health", is_so).await;
}

/// Reports one event, and gives the origin of the log that has it.
pub async fn publish(
    channel: Channel,
    tenant: Option<&str>,
    event: PublishRequest,
) -> Result<String, Status> {
    let (events, receiver) = mpsc::channel(1);
    events.send(event).await.unwrap();
    let request = naming(tenant, ReceiverStream::new(receiver));
    let mut answers = AuditServiceClient::new(channel)
        .publish(request)
        .await?
        .into_inner();
    let answer = tokio::time::timeout(DEADLINE, answers.message()).await;
    Ok(answer.unwrap()?.unwrap().origin)
}
