//! A PDP with its sockets, whose log is on a disk that fails.

use crate::app::{App, AppError, ServeError};
use crate::audit::crashes::{Nobody, OnDisk};
use crate::audit::verify::{Expected, Pairs, check};
use crate::config::{Config, Overrides};
use crate::files::Files;
use crate::files::faulty::Disk;
use crate::model::time::Timestamp;
use crate::server::Decider;
use crate::telemetry::now;
use crate::tlog::VerifierKey;
use crate::wire::v1::decide_request::Subject;
use crate::wire::v1::decision_service_client::DecisionServiceClient;
use crate::wire::v1::{AssertedSubject, DecideRequest, DecideResponse, Mcp, Phase};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

/// Two of them are never of one month, nor of one segment.
const MONTH: Duration = Duration::from_secs(31 * 86_400);
/// A checkpoint is signed after so many records.
pub const CHECKPOINT_RECORDS: u64 = 3;
/// Allows everything; the answer about `sure` waits for its record in any mode.
const POLICY: &str = r#"package policies.crm
import data.toolgate.lib as tg
allow contains "crm.all"
constrain contains {"type": "audit", "level": "full", "durable": true} if tg.is_call("sure")
"#;

/// How decisions are recorded.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub is_durable: bool,
    pub allows_unrecorded: bool,
}

/// Where PDPs with one setting are started, one after the other.
pub struct Scene {
    dir: TempDir,
    pub setting: Setting,
    started: Timestamp,
    months: Arc<AtomicU64>,
}

impl Scene {
    pub fn new(setting: Setting) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("main")).unwrap();
        std::fs::write(dir.path().join("main/p.rego"), POLICY).unwrap();
        Self {
            dir,
            setting,
            started: now(),
            months: Arc::default(),
        }
    }

    /// Lets a month pass: another segment begins, and content has another key.
    pub fn next_month(&self) {
        self.months.fetch_add(1, Ordering::SeqCst);
    }

    fn config(&self) -> Config {
        let uid = std::fs::metadata("/proc/self").unwrap().uid();
        let mode = if self.setting.is_durable {
            "durable"
        } else {
            "async"
        };
        let on_failure = match self.setting.allows_unrecorded {
            true => "allow_and_alert",
            false => "deny",
        };
        // Nothing is signed because of the time, so that each run does the same.
        let text = format!(
            r#"
[listen]
unix = "run.sock"
http = "127.0.0.1:0"
[[bundles]]
name = "main"
path = "main"
[[callers]]
name = "shim"
uid = {uid}
servers = ["*"]
subjects = ["agent_*"]
[limits]
evaluation_milliseconds_max = 5000
[audit]
dir = "/audit"
origin = "pdp/1"
mode = "{mode}"
on_failure = "{on_failure}"
index = false
disk_free_mib_min = 0
[audit.signing]
checkpoint_records_max = {CHECKPOINT_RECORDS}
checkpoint_ms_max = 600000
[audit.content]
enabled = true
"#
        );
        let config = Config::parse(&text, self.dir.path(), &Overrides::none());
        config.unwrap_or_else(|problems| panic!("{problems:#?}"))
    }

    /// Starts a PDP over this disk.
    pub async fn start(&self, disk: &Disk) -> Result<Pdp, AppError> {
        let (config, months) = (self.config(), Arc::clone(&self.months));
        let (started, disk) = (self.started, Arc::new(disk.clone()));
        let clock = move || {
            let months = u32::try_from(months.load(Ordering::SeqCst)).unwrap();
            started.plus(MONTH * months)
        };
        let threads = NonZeroUsize::new(1).unwrap();
        let build = move || App::build_on(&config, threads, Arc::new(clock), disk);
        let app = tokio::task::spawn_blocking(build).await.unwrap()?;
        let bound = app.bind().await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let decider = bound.app().decider();
        let socket = self.dir.path().join("run.sock");
        let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).unwrap();
        let http = bound.http_address().unwrap();
        let run = tokio::spawn(bound.run(async move { drop(stopped.await) }));
        let client = DecisionServiceClient::new(endpoint.connect().await.unwrap());
        Ok(Pdp {
            decider,
            http,
            client,
            stop,
            run,
        })
    }
}

/// A running PDP.
pub struct Pdp {
    pub decider: Arc<Decider>,
    http: SocketAddr,
    client: DecisionServiceClient<Channel>,
    stop: oneshot::Sender<()>,
    run: JoinHandle<Result<(), ServeError>>,
}

impl Pdp {
    /// Asks whether `agent_a` may call this tool.
    pub async fn ask(&mut self, tool: &str) -> DecideResponse {
        let subject = AssertedSubject {
            id: "agent_a".to_owned(),
            ..AssertedSubject::default()
        };
        let question = DecideRequest {
            phase: Phase::Call.into(),
            subject: Some(Subject::Asserted(subject)),
            mcp: Some(Mcp {
                server: "crm".to_owned(),
                method: "tools/call".to_owned(),
                name: tool.to_owned(),
                protocol_version: String::new(),
            }),
            params_json: format!(r#"{{"name":"{tool}","arguments":{{"id":7}}}}"#).into_bytes(),
            ..DecideRequest::default()
        };
        self.client.decide(question).await.unwrap().into_inner()
    }

    /// What a plain GET answers, with its status line.
    pub async fn get(&self, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(self.http).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// The longest checkpoint that somebody may hold, and what checks it.
    pub fn checkpoint(&self) -> (Vec<u8>, VerifierKey) {
        let evidence = &self.decider.tenants.process().evidence;
        let key = evidence.log().verifier().unwrap().clone();
        (evidence.checkpoint().into_bytes(), key)
    }

    /// Until all that was recorded is durable, and signed as far as it is to be, or the log has
    /// failed.
    pub async fn settled(&self) {
        let log = self.decider.tenants.process().evidence.log();
        if let Ok(flushed) = log.flush() {
            drop(flushed.await);
        }
        let signed = async {
            while log.failure().is_none() && log.stats().unsigned_records >= CHECKPOINT_RECORDS {
                tokio::task::yield_now().await;
            }
        };
        let signed = tokio::time::timeout(Duration::from_secs(30), signed).await;
        signed.expect("a checkpoint within 30 s");
    }

    /// Stops it, as an operator does.
    pub async fn stop(self) {
        drop(self.client);
        self.stop.send(()).unwrap();
        self.run.await.unwrap().unwrap();
    }
}

/// Checks the log as an auditor does who holds this checkpoint, and gives its decisions by seq.
pub fn verified(
    disk: &Disk,
    (held, key): (Vec<u8>, VerifierKey),
    what: &str,
) -> BTreeMap<u64, String> {
    let expected = Expected {
        checkpoint: (!held.is_empty()).then(|| ("held".to_owned(), held)),
        keys: vec![key],
        ..Expected::default()
    };
    let mut pairs = Pairs::default();
    let checked = check(&OnDisk(disk), &expected, &mut pairs, &mut Nobody);
    checked.unwrap_or_else(|fault| panic!("{what}: {fault}"));
    let names = disk.names(Path::new("/audit")).unwrap();
    let segments = names.iter().filter(|name| name.ends_with(".jsonl"));
    let mut decisions = BTreeMap::new();
    for name in segments {
        let bytes = disk
            .read(&Path::new("/audit").join(name), u64::MAX)
            .unwrap();
        for line in String::from_utf8(bytes).unwrap().lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            if let Some(id) = record["decision_id"].as_str() {
                decisions.insert(record["seq"].as_u64().unwrap(), id.to_owned());
            }
        }
    }
    decisions
}
