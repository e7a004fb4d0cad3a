//! Certificates, key sets and the log level, changed while the process runs.

use crate::admission::{TLS, policies};
use crate::server::asking::{Decisions, call, decide, get};
use crate::server::process::Process;
use crate::server::{Server, block_on, config, pki, tokens, until, write_files};
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use toolgate::wire::v1::decide_request::Subject;
use toolgate::wire::v1::{DecideRequest, Effect};

async fn metric(server: &Server, line: &str) {
    until(line, async || {
        let metrics = get(server.http.unwrap(), "/metrics").await.unwrap();
        metrics.contains(line).then_some(())
    })
    .await;
}

/// The certificate that a new connection is shown.
pub async fn shown(address: SocketAddr) -> CertificateDer<'static> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(pki::authority().get_ref()).unwrap();
    roots.add(authority).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(client)).connect(name, socket);
    let stream = stream.await.unwrap();
    let (_, session) = stream.get_ref();
    session.peer_certificates().unwrap()[0].clone().into_owned()
}

/// The certificate of a server's files.
pub fn on_disk(dir: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(dir.join("server.pem")).unwrap()
}

/// How many times certificates were refused. Files are written one after the other, so that one
/// change may be seen as two.
async fn refusals(server: &Server) -> u64 {
    let metrics = get(server.http.unwrap(), "/metrics").await.unwrap();
    let name = "toolgate_file_refusals_total{what=\"tls\"} ";
    let mut lines = metrics.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)).unwrap();
    value.parse().unwrap()
}

async fn refused_more_than(server: &Server, before: u64) {
    until("a refusal", async || {
        (refusals(server).await > before).then_some(())
    })
    .await;
}

#[test]
fn new_certificates_are_shown_and_broken_ones_are_not() {
    block_on(async {
        let server = Server::start(policies(), TLS).await;
        let dir = server.dir.path().to_owned();
        let first = on_disk(&dir);
        assert_eq!(shown(server.tcp.unwrap()).await, first);
        let mut old = Decisions::new(server.tls(Some("spiffe://test/quiet")).await);
        assert_eq!(decide(&mut old, "crm/read").await.effect(), Effect::Allow);
        // A key that does not belong to the certificate: nothing changes.
        let key = std::fs::read(dir.join("server.key")).unwrap();
        pki::write_server_files(&dir);
        std::fs::write(dir.join("server.key"), key).unwrap();
        refused_more_than(&server, 0).await;
        assert_eq!(shown(server.tcp.unwrap()).await, first);
        let refused = refusals(&server).await;
        pki::write_server_files_of(2020, &dir);
        refused_more_than(&server, refused).await;
        assert_eq!(shown(server.tcp.unwrap()).await, first);
        pki::write_server_files(&dir);
        until("the new certificate", async || {
            (shown(server.tcp.unwrap()).await == on_disk(&dir)).then_some(())
        })
        .await;
        let mut new = Decisions::new(server.tls(Some("spiffe://test/quiet")).await);
        assert_eq!(decide(&mut new, "crm/read").await.effect(), Effect::Allow);
        // Nobody who is connected is cut off.
        assert_eq!(decide(&mut old, "crm/read").await.effect(), Effect::Allow);
        server.stop().await;
    });
}

/// What becomes of a call with this token in its message.
async fn with_token(client: &mut Decisions, token: String) -> Effect {
    let question = DecideRequest {
        subject: Some(Subject::BearerToken(token)),
        ..call("crm/read")
    };
    client.decide(question).await.unwrap().get_ref().effect()
}

#[test]
fn new_keys_verify_tokens_and_broken_ones_do_not() {
    block_on(async {
        let server = Server::start(policies(), TLS).await;
        let dir = server.dir.path().to_owned();
        let mut client = Decisions::new(server.tls(None).await);
        let claims = json!({"sub": "agent_a"});
        let (old, new) = (tokens::token(&claims), tokens::next_token(&claims));
        assert_eq!(with_token(&mut client, old.clone()).await, Effect::Allow);
        assert_eq!(with_token(&mut client, new.clone()).await, Effect::Deny);
        std::fs::write(dir.join("keys.json"), "{\"keys\": [").unwrap();
        metric(&server, "toolgate_file_refusals_total{what=\"jwks\"} 1\n").await;
        assert_eq!(with_token(&mut client, old.clone()).await, Effect::Allow);
        tokens::write_next_key_set(&dir);
        metric(&server, "toolgate_file_reloads_total{what=\"jwks\"} 1\n").await;
        assert_eq!(with_token(&mut client, new).await, Effect::Allow);
        assert_eq!(with_token(&mut client, old).await, Effect::Deny);
        server.stop().await;
    });
}

#[test]
fn a_hangup_sets_the_log_level_anew() {
    block_on(async {
        let dir = policies();
        let toml = |level: &str| {
            config(&format!(
                "[audit]\ndir = \"audit\"\n[limits]\nconnections_max = 1\n[log]\nlevel = \"{level}\"\n"
            ))
        };
        write_files(dir.path(), [("toolgate.toml", toml("info").as_str())]);
        let process = Process::start(dir.path()).await;
        let said = || std::fs::read_to_string(dir.path().join("stderr.log")).unwrap();
        let says = async |what: &str| {
            until(what, async || said().contains(what).then_some(())).await;
        };
        // Said at the level `debug` alone.
        let refused = "a connection was refused";
        let _only = until("the only connection", async || {
            let channel = process.connect().await;
            let mut client = Decisions::new(channel);
            client.decide(call("crm/read")).await.ok().map(|_| client)
        })
        .await;
        let knock = async || {
            let mut socket = tokio::net::UnixStream::connect(dir.path().join("run.sock"))
                .await
                .unwrap();
            crate::connections::closed(&mut socket).await;
        };
        knock().await;
        assert!(!said().contains(refused));
        write_files(dir.path(), [("toolgate.toml", "[log]\nlevel = \"loud\"\n")]);
        process.hang_up();
        says("the log level stays").await;
        write_files(dir.path(), [("toolgate.toml", toml("debug").as_str())]);
        process.hang_up();
        says("log level set anew").await;
        knock().await;
        says(refused).await;
        // Sampling too: what comes beyond it is counted.
        let sampled = toml("debug") + "sample_lines_max = 3\n";
        write_files(dir.path(), [("toolgate.toml", sampled.as_str())]);
        process.hang_up();
        says("sample_lines_max=3").await;
        let restart = "other keys have changed: they need a restart";
        assert!(!said().contains(restart), "{}", said());
        let other = sampled.replace("connections_max = 1", "connections_max = 2");
        write_files(dir.path(), [("toolgate.toml", other.as_str())]);
        process.hang_up();
        says(restart).await;
        for _ in 0..20 {
            knock().await;
        }
        process.terminate();
        assert!(process.ended().await.success());
        assert!(said().contains("drained rpcs_cut=0"), "{}", said());
        assert!(said().matches(refused).count() < 20, "{}", said());
        let left_out = "lines like this one were left out";
        let line = said()
            .lines()
            .find(|line| line.contains(left_out))
            .map(str::to_owned);
        let kind = format!("kind=\"{refused}\"");
        assert!(line.is_some_and(|line| line.contains(&kind)), "{}", said());
    });
}
