//! One question over one connection of its own, and what came of it.

use super::Pdp;
use crate::server::asking::{Decisions, call};
use crate::server::{connect_unix, pki};
use hyper_util::rt::TokioIo;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::net::TcpSocket;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use toolgate::wire::v1::decide_request::Subject;
use toolgate::wire::v1::{DecideRequest, DecideResponse};

/// Addresses of loopback, one a connection, so that strangers are not one peer with one rate.
static LAST: AtomicU8 = AtomicU8::new(1);

/// How the process is reached.
pub enum Way {
    /// Over the Unix socket.
    Unix,
    /// Over TLS, perhaps with a certificate and its key (PEM).
    Tls(Option<(String, String)>),
    /// Over TCP, without TLS.
    Plain,
}

impl Pdp {
    /// A connection, if there is one at all: a certificate may be refused later.
    pub async fn connect(&self, way: Way) -> Result<Channel, Status> {
        let certificate = match way {
            Way::Unix => return Ok(connect_unix(&self.dir.path().join("run.sock")).await),
            Way::Plain => {
                let endpoint = Endpoint::from_shared(format!("http://{}", self.tcp)).unwrap();
                return endpoint.connect().await.map_err(refused);
            }
            Way::Tls(certificate) => certificate,
        };
        let (config, address) = (Arc::new(client(certificate)), self.tcp);
        let connector = tower::service_fn(move |_| {
            let connector = TlsConnector::from(Arc::clone(&config));
            async move { Ok::<_, io::Error>(TokioIo::new(over_tls(connector, address).await?)) }
        });
        let endpoint = Endpoint::from_static("http://localhost");
        let connected = endpoint.connect_with_connector(connector).await;
        connected.map_err(refused)
    }
}

fn refused(error: tonic::transport::Error) -> Status {
    Status::from_error(error.into())
}

async fn over_tls(
    connector: TlsConnector,
    address: SocketAddr,
) -> io::Result<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    let own = LAST.fetch_add(1, Ordering::Relaxed).max(2);
    socket.bind(SocketAddr::from(([127, 0, 1, own], 0)))?;
    let stream = socket.connect(address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    connector.connect(name, stream).await
}

fn client(certificate: Option<(String, String)>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(pki::authority().get_ref()).unwrap();
    roots.add(authority).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match certificate {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
            let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols.push(b"h2".to_vec());
    config
}

/// A case and what came of its question.
pub type Asked = (String, Result<DecideResponse, Status>);

/// Asks `crm/read` over a connection of its own, for whoever the connection's token names.
pub async fn ask_by(pdp: &Pdp, token: &str) -> Result<DecideResponse, Status> {
    let question = DecideRequest {
        subject: None,
        ..call("crm/read")
    };
    let header = format!("Bearer {token}");
    ask_this(pdp, Way::Tls(None), Some(&header), question).await
}

/// The same, for whom a token in the question names.
pub async fn ask_for(pdp: &Pdp, way: Way, token: &str) -> Result<DecideResponse, Status> {
    let subject = Some(Subject::BearerToken(token.to_owned()));
    let question = DecideRequest {
        subject,
        ..call("crm/read")
    };
    ask_this(pdp, way, None, question).await
}

pub async fn ask_this(
    pdp: &Pdp,
    way: Way,
    header: Option<&str>,
    question: DecideRequest,
) -> Result<DecideResponse, Status> {
    let mut client = Decisions::new(pdp.connect(way).await?);
    let mut request = Request::new(question);
    if let Some(header) = header {
        let value = header.parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    client
        .decide(request)
        .await
        .map(tonic::Response::into_inner)
}

/// What came of it: the verdict, its reason, and what the record says of who asked.
pub fn shown(asked: &Result<DecideResponse, Status>, records: &HashMap<String, Value>) -> Value {
    let reply = match asked {
        Ok(reply) => reply,
        Err(status) if is_of_transport(status) => return json!({"verdict": "no connection"}),
        Err(status) => return json!({"verdict": format!("{:?}", status.code())}),
    };
    let record = &records[&reply.decision_id];
    let verdict = record["effect"].as_str().unwrap();
    assert_eq!(
        reply.effect().as_str_name(),
        format!("EFFECT_{}", verdict.to_uppercase())
    );
    let reason = &reply.reasons[0];
    assert_eq!(record["reasons"][0]["code"], reason.code.as_str());
    let mut shown = Map::new();
    shown.insert(
        "verdict".into(),
        format!("{verdict} {}", reason.code).into(),
    );
    let attempt = &record["attempt"];
    for (name, value) in [
        ("caller", &record["caller"]),
        ("principal", &record["principal"]["id"]),
        ("roles", &record["principal"]["roles"]),
        ("delegation", &record["principal"]["delegation"]),
        ("user", &record["principal"]["user"]),
        ("dropped", &record["dropped"]),
        ("failed", &attempt["failed"]),
        ("claimed", &named(&attempt["claimed"])),
        ("by_token", &named(&attempt["peer"]["token"])),
    ] {
        if !value.is_null() {
            shown.insert(name.into(), value.clone());
        }
    }
    let tenant = &record["tenant"];
    if *tenant != "default" {
        shown.insert("tenant".into(), tenant.clone());
    }
    Value::Object(shown)
}

/// Who is named, and whether that is proved.
fn named(claim: &Value) -> Value {
    let (Some(by), Some(id)) = (claim["by"].as_str(), claim["id"].as_str()) else {
        return match claim.is_null() {
            true => Value::Null,
            false => "nobody".into(),
        };
    };
    let id: String = id.chars().take(16).collect();
    match (by, claim["verified"] == true) {
        ("assertion", _) => format!("says {id}").into(),
        (_, true) => format!("proves {id}").into(),
        (_, false) => format!("names {id}").into(),
    }
}

/// Whether nothing was answered at all.
fn is_of_transport(status: &Status) -> bool {
    std::error::Error::source(status).is_some() && status.code() != Code::PermissionDenied
}

/// What came of each case, in their order.
pub fn outcome(asked: Vec<Asked>, records: &HashMap<String, Value>) -> Value {
    let of = |(case, asked): &Asked| {
        let mut row = json!({"case": case});
        let shown = shown(asked, records);
        row.as_object_mut()
            .unwrap()
            .extend(shown.as_object().unwrap().clone());
        row
    };
    asked.iter().map(of).collect()
}
