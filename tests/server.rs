//! A whole PDP in this process: built from a configuration, listening on sockets of its own.

pub mod asking;
pub mod pki;
pub mod process;
pub mod publishing;
pub mod tokens;

use serde_json::Value;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use toolgate::app::{App, ServeError};
use toolgate::audit::verify;
use toolgate::config::{Config, Overrides};
use toolgate::engine::STACK_BYTES;
use toolgate::server::Decider;

/// How long anything may take that has to happen: far longer than it ever takes.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// How often is looked whether it has happened.
pub const POLL: Duration = Duration::from_millis(5);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .unwrap()
});

/// Runs a test on the threads of a server.
pub fn block_on<T>(test: impl Future<Output = T>) -> T {
    RUNTIME.block_on(test)
}

/// Asks until there is an answer.
pub async fn until<T>(what: &str, mut answer: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        let mut again = tokio::time::interval(POLL);
        loop {
            again.tick().await;
            if let Some(answer) = answer().await {
                return answer;
            }
        }
    };
    let answered = tokio::time::timeout(DEADLINE, asked).await;
    answered.unwrap_or_else(|_| panic!("{what}: not within {DEADLINE:?}"))
}

/// The uid of this process, by which a Unix socket knows it.
pub fn uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid()
}

/// A running PDP; its files are gone with it.
pub struct Server {
    pub dir: TempDir,
    pub decider: Arc<Decider>,
    pub audit_dir: PathBuf,
    pub tcp: Option<SocketAddr>,
    pub http: Option<SocketAddr>,
    stop: oneshot::Sender<()>,
    run: JoinHandle<Result<(), ServeError>>,
}

impl Server {
    /// Starts one in `dir`. The configuration names `run.sock` as its Unix socket if it has one.
    pub async fn start(dir: TempDir, config: &str) -> Self {
        let config = Config::parse(config, dir.path(), &Overrides::none());
        let config = config.unwrap_or_else(|problems| panic!("{problems:#?}"));
        let build = move || {
            let app = App::build(&config, NonZeroUsize::new(2).unwrap()).unwrap();
            (app, config.audit.dir)
        };
        let (app, audit_dir) = tokio::task::spawn_blocking(build).await.unwrap();
        let bound = app.bind().await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        Self {
            dir,
            decider: bound.app().decider(),
            audit_dir,
            tcp: bound.tcp_address(),
            http: bound.http_address(),
            stop,
            run: tokio::spawn(bound.run(async move { drop(stopped.await) })),
        }
    }

    /// A connection over the Unix socket.
    pub async fn unix(&self) -> Channel {
        connect_unix(&self.dir.path().join("run.sock")).await
    }

    /// A connection over TLS, with the certificate of this SPIFFE id if there is one.
    pub async fn tls(&self, spiffe_id: Option<&str>) -> Channel {
        let channel = connect_tls(self.tcp.unwrap(), spiffe_id).await;
        channel.unwrap()
    }

    /// Every record that is in the log's files once all that waits is written.
    pub async fn records(&self) -> Vec<Value> {
        let flushed = self
            .decider
            .tenants
            .process()
            .evidence
            .log()
            .flush()
            .unwrap()
            .await;
        flushed.unwrap();
        records(&self.audit_dir)
    }

    /// Stops it and checks its log.
    pub async fn stop(self) -> verify::Report {
        self.stop.send(()).unwrap();
        self.run.await.unwrap().unwrap();
        verify::verify(&self.audit_dir).unwrap()
    }

    /// Stops it and keeps its files.
    pub async fn stopped(self) -> TempDir {
        self.stop.send(()).unwrap();
        self.run.await.unwrap().unwrap();
        self.dir
    }

    /// Stops it and reads its log.
    pub async fn stopped_records(self) -> Vec<Value> {
        self.stop.send(()).unwrap();
        self.run.await.unwrap().unwrap();
        verify::verify(&self.audit_dir).unwrap();
        records(&self.audit_dir)
    }

    /// Stops it and starts another one on its files.
    pub async fn restart(self, config: &str) -> Self {
        self.stop.send(()).unwrap();
        self.run.await.unwrap().unwrap();
        Self::start(self.dir, config).await
    }
}

/// A connection over a Unix socket.
pub async fn connect_unix(path: &Path) -> Channel {
    let endpoint = Endpoint::from_shared(format!("unix://{}", path.display())).unwrap();
    endpoint.connect().await.unwrap()
}

/// A connection over TLS, with the certificate of this SPIFFE id if there is one.
pub async fn connect_tls(
    address: SocketAddr,
    spiffe_id: Option<&str>,
) -> Result<Channel, tonic::transport::Error> {
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(pki::authority())
        .domain_name("localhost");
    if let Some(id) = spiffe_id {
        tls = tls.identity(pki::client(id));
    }
    let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap();
    endpoint.tls_config(tls).unwrap().connect().await
}

/// Every whole line in the files of a log.
pub fn records(audit_dir: &Path) -> Vec<Value> {
    let entries = std::fs::read_dir(audit_dir).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "jsonl")
        })
        .collect();
    paths.sort();
    let texts = paths
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap());
    let lines: String = texts.collect();
    let lines = lines
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The records of one type.
pub fn of_type(records: &[Value], kind: &str) -> Vec<Value> {
    let wanted = records.iter().filter(|record| record["type"] == kind);
    wanted.cloned().collect()
}

/// Writes files below a directory.
pub fn write_files<'a>(dir: &Path, files: impl IntoIterator<Item = (&'a str, &'a str)>) {
    for (path, content) in files {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

/// The least configuration of a server on `run.sock` for this user, with `more` sections.
pub fn config(more: &str) -> String {
    format!(
        r#"
[listen]
unix = "run.sock"
http = "127.0.0.1:0"
[[bundles]]
name = "main"
path = "main"
[[callers]]
name = "shim"
uid = {}
servers = ["*"]
subjects = ["agent_*"]
{more}"#,
        uid()
    )
}
