//! The files of the day, and the process that serves by them.

use super::model::Content;
use crate::server::process::Process;
use crate::server::{connect_tls, pki, tokens, until, write_files};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tonic::transport::Channel;

pub const TENANTS: [&str; 2] = ["acme", "globex"];

/// A day's files and its process, if it runs.
pub struct Scene {
    pub dir: TempDir,
    pub process: Option<Process>,
    pub place: Place,
}

/// Where the process is asked, and which one it is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub life: usize,
    pub tcp: SocketAddr,
    pub http: SocketAddr,
}

impl Place {
    /// A connection with the certificate of this caller.
    pub async fn connect(&self, caller: &str) -> Result<Channel, tonic::transport::Error> {
        connect_tls(self.tcp, Some(&format!("spiffe://test/{caller}"))).await
    }
}

impl Scene {
    /// Starts the first process.
    pub async fn start(content: &Content) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for tenant in TENANTS {
            write_manifests(dir.path(), tenant);
            for (path, bytes) in files(tenant, content) {
                replace(dir.path(), &path, &bytes);
            }
        }
        pki::write_server_files(dir.path());
        tokens::write_key_set(dir.path());
        let toml = config("info");
        replace(dir.path(), Path::new("toolgate.toml"), toml.as_bytes());
        Self::on(dir).await
    }

    /// Starts the first process on these files.
    pub async fn on(dir: TempDir) -> Self {
        let (process, place) = run(dir.path(), 0).await;
        let process = Some(process);
        Self {
            dir,
            process,
            place,
        }
    }

    /// Starts the next process.
    pub async fn go_on(&mut self) {
        let (process, place) = run(self.dir.path(), self.place.life + 1).await;
        (self.process, self.place) = (Some(process), place);
    }

    /// What the process said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("stderr.log")).unwrap()
    }

    /// The log of a tenant, or of the process.
    pub fn log(&self, tenant: Option<usize>) -> PathBuf {
        let audit = self.dir.path().join("audit");
        match tenant {
            Some(tenant) => audit.join("tenants").join(TENANTS[tenant]),
            None => audit,
        }
    }
}

async fn run(dir: &Path, life: usize) -> (Process, Place) {
    let process = Process::start(dir).await;
    let place = until("the addresses", async || {
        let said = std::fs::read_to_string(dir.join("stderr.log")).unwrap();
        let address = |what: &str| -> Option<SocketAddr> {
            let mut lines = said.lines().filter(|line| line.contains(what));
            let (_, url) = lines.next()?.rsplit_once(' ')?;
            let url = url.trim_start_matches("http://");
            url.trim_end_matches("/metrics").parse().ok()
        };
        // It is said last.
        let http = address("metrics on ")?;
        let tcp = address("listening on 127.")?;
        Some(Place { life, tcp, http })
    })
    .await;
    (process, place)
}

/// Says what each bundle may have; that of the archive is in it.
pub fn write_manifests(dir: &Path, tenant: &str) {
    let manifest = r#"{"roots": ["policies/rules", "policies/extra", "directory", "mark"]}"#;
    write_files(&dir.join(tenant), [(".manifest", manifest)]);
}

/// The files that say this, but for manifests: each with its path.
pub fn files(tenant: &str, content: &Content) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = vec![
        (
            format!("{tenant}/rules.rego"),
            rules(tenant, content.rules).into_bytes(),
        ),
        (
            format!("{tenant}/data.json"),
            data(tenant, content.data, content.writes).into_bytes(),
        ),
        (format!("{tenant}-more.tar.gz"), more(tenant, content.more)),
    ];
    if let Some(number) = content.extra {
        files.push((
            format!("{tenant}/extra.rego"),
            extra(tenant, number).into_bytes(),
        ));
    }
    files
        .into_iter()
        .map(|(path, bytes)| (path.into(), bytes))
        .collect()
}

pub fn rules(tenant: &str, number: u32) -> String {
    format!(
        r#"package policies.rules

writes if input.mcp.name == "read"
writes if "writer" in input.principal.roles

allow contains "{tenant}.rules.{number}"
allow contains data.mark.code
deny contains "{tenant}.rules.{number}" if not writes
deny contains data.mark.code if not writes
"#
    )
}

pub fn data(tenant: &str, number: u32, writes: bool) -> String {
    let roles: &[&str] = if writes { &["writer"] } else { &["reader"] };
    json!({
        "mark": {"code": format!("{tenant}.data.{number}")},
        "directory": {"principals": {"agent_a": {"roles": roles}}}
    })
    .to_string()
}

pub fn extra(tenant: &str, number: u32) -> String {
    format!("package policies.extra\nallow contains \"{tenant}.extra.{number}\"\n")
}

pub fn more(tenant: &str, number: u32) -> Vec<u8> {
    let policy = format!("package policies.more\nallow contains \"{tenant}.more.{number}\"\n");
    archive(&[
        (".manifest", r#"{"roots": ["policies/more"]}"#),
        ("more.rego", &policy),
    ])
}

/// A `.tar.gz` of these files.
pub fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len().try_into().unwrap());
        header.set_mode(0o644);
        archive
            .append_data(&mut header, path, text.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// Puts a file in its place in one step, so that nobody reads half of it.
pub fn replace(dir: &Path, path: &Path, bytes: &[u8]) {
    let next = dir.join("next");
    std::fs::write(&next, bytes).unwrap();
    std::fs::rename(&next, dir.join(path)).unwrap();
}

/// The configuration. Every answer waits for the disk: a process that is killed owes no record.
pub fn config(level: &str) -> String {
    let mut config = format!(
        r#"
[listen]
tcp = "127.0.0.1:0"
http = "127.0.0.1:0"
unix = "run.sock"
[listen.tls]
cert = "server.pem"
key = "server.key"
client_ca = "clients.pem"
[[callers]]
name = "gateway"
spiffe_id = "spiffe://test/gateway"
servers = ["*"]
subjects = ["agent_*"]
tenants = ["*"]
[jwt]
jwks_file = "keys.json"
issuer = "https://issuer.example"
audience = "toolgate"
algorithms = ["ES256"]
claims.tenant = "org"
[limits]
evaluation_milliseconds_max = 10000
[audit]
dir = "audit"
mode = "durable"
[log]
level = "{level}"
"#
    );
    for tenant in TENANTS {
        config += &format!(
            r#"
[[tenants]]
name = "{tenant}"
[[bundles]]
name = "{tenant}"
path = "{tenant}"
tenant = "{tenant}"
[[bundles]]
name = "{tenant}-more"
path = "{tenant}-more.tar.gz"
tenant = "{tenant}"
[[callers]]
name = "{tenant}"
spiffe_id = "spiffe://test/{tenant}"
servers = ["*"]
subjects = ["agent_*"]
may = ["decide", "administer"]
tenant = "{tenant}"
"#
        );
    }
    config
}
