//! The demo's PDP, in this process, on a Unix socket; and what it wrote into its log.

use super::workspace::Workspace;
use crate::app::{App, ServeError};
use crate::bundle::swap::Status;
use crate::cli::CliError;
use crate::cli::serve::worker_threads;
use crate::config::{AuditMode, Config, Local};
use crate::model::json::{Json, Limits, parse};
use crate::model::time::{Clock, Timestamp};
use crate::telemetry;
use crate::wire::v1;
use crate::wire::v1::decision_service_client::DecisionServiceClient;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

/// How long a changed bundle may take to be in force or refused, in milliseconds.
const SWAP_MS_MAX: u64 = 10_000;
/// How long a policy may run, in milliseconds: the demo also runs on machines that are busy.
const EVALUATION_MS_MAX: u64 = 1_000;

/// A clock that can be held, so that business hours do not depend on when the demo runs.
#[derive(Clone, Default)]
pub struct HeldClock {
    /// Nanoseconds since 1970; 0: it runs.
    held: Arc<AtomicI64>,
}

impl HeldClock {
    /// Holds it at this time.
    pub fn hold(&self, time: Timestamp) {
        self.held.store(time.as_nanos(), Ordering::Relaxed);
    }

    /// Lets it run.
    pub fn release(&self) {
        self.held.store(0, Ordering::Relaxed);
    }

    fn clock(&self) -> Clock {
        let held = Arc::clone(&self.held);
        Arc::new(move || match held.load(Ordering::Relaxed) {
            0 => telemetry::now(),
            nanos => Timestamp::from_nanos(nanos),
        })
    }
}

/// A running PDP.
pub struct DemoPdp {
    /// Its clock.
    pub clock: HeldClock,
    /// Asks it over its socket.
    pub decisions: DecisionServiceClient<Channel>,
    status: watch::Receiver<Status>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), ServeError>>,
}

impl DemoPdp {
    /// Starts it on the workspace's bundle, for this user alone.
    pub async fn start(workspace: &Workspace) -> Result<Self, CliError> {
        let config = config(workspace);
        let clock = HeldClock::default();
        let told = clock.clock();
        let build = move || App::build_with_clock(&config, worker_threads(), told);
        let built = tokio::task::spawn_blocking(build).await;
        let app = built
            .map_err(CliError::failure)?
            .map_err(CliError::failure)?;
        let status = app.decider().tenants.process().policies.subscribe();
        if let Some(refusal) = app.refused() {
            return Err(CliError::failure(refusal.reason));
        }
        let bound = app.bind().await.map_err(CliError::failure)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(bound.run(async move { drop(stopped.await) }));
        let url = format!("unix:{}", workspace.socket().display());
        let endpoint = Endpoint::from_shared(url).map_err(CliError::failure)?;
        let channel = endpoint.connect().await.map_err(CliError::failure)?;
        Ok(Self {
            clock,
            decisions: DecisionServiceClient::new(channel),
            status,
            stop,
            running,
        })
    }

    /// Asks for one decision.
    pub async fn decide(&self, request: v1::DecideRequest) -> Result<v1::DecideResponse, CliError> {
        let reply = self.decisions.clone().decide(request).await;
        Ok(reply.map_err(CliError::failure)?.into_inner())
    }

    /// Waits until a revision is in force.
    pub async fn in_force(&mut self, revision: &str) -> Result<(), CliError> {
        let is_active = |status: &Status| {
            let active = status.active.as_ref();
            active.is_some_and(|active| active.revision.revision == revision)
        };
        self.wait(&format!("revision `{revision}`"), is_active)
            .await?;
        Ok(())
    }

    /// Waits until a change was refused; gives the reason.
    pub async fn refused(&mut self) -> Result<String, CliError> {
        let is_refused = |status: &Status| status.refused.is_some();
        let status = self.wait("the refusal", is_refused).await?;
        Ok(status.refused.map(|it| it.reason).unwrap_or_default())
    }

    async fn wait(
        &mut self,
        what: &str,
        condition: impl Fn(&Status) -> bool,
    ) -> Result<Status, CliError> {
        let at_most = Duration::from_millis(SWAP_MS_MAX);
        let changed = tokio::time::timeout(at_most, self.status.wait_for(condition)).await;
        match changed {
            Ok(Ok(status)) => Ok(status.clone()),
            _ => {
                let text = format!("{what} did not come within {SWAP_MS_MAX} ms");
                Err(CliError::failure(text))
            }
        }
    }

    /// Answers what is under way, closes the log and ends.
    pub async fn stop(self) -> Result<(), CliError> {
        // If it has ended by itself, that is what `running` tells.
        let _ended = self.stop.send(());
        drop(self.decisions);
        let ended = self.running.await.map_err(CliError::failure)?;
        ended.map_err(CliError::failure)
    }
}

/// That of `toolgate serve --bundle`, with everything in the workspace.
fn config(workspace: &Workspace) -> Config {
    let local = Local {
        uid: rustix::process::getuid().as_raw(),
        runtime_dir: workspace.root().to_owned(),
        state_dir: workspace.root().to_owned(),
    };
    let mut config = Config::default_for(&[workspace.bundle()], &local);
    if let Some(unix) = &mut config.listen.unix {
        unix.path = workspace.socket();
    }
    config.audit.dir = workspace.audit();
    // Each reply waits for its record: so the demo can show what was recorded.
    config.audit.mode = AuditMode::Durable;
    config.limits.evaluation_milliseconds_max = EVALUATION_MS_MAX;
    config
}

/// Reads a log while it grows.
pub struct Tail {
    dir: PathBuf,
    seen: usize,
}

impl Tail {
    /// From the log's start.
    pub fn new(dir: &Path) -> Self {
        let dir = dir.to_owned();
        Self { dir, seen: 0 }
    }

    /// The records that came since the last time.
    pub fn records(&mut self) -> io::Result<Vec<Json>> {
        let text = log_text(&self.dir)?;
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let whole = lines.filter(|line| line.ends_with(b"\n"));
        let new = whole.skip(self.seen).map(|line| {
            let record = parse(line, Limits::REQUEST);
            record.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        });
        let new: Vec<_> = new.collect::<io::Result<_>>()?;
        self.seen += new.len();
        Ok(new)
    }
}

/// All of a log, file after file.
pub fn log_text(dir: &Path) -> io::Result<Vec<u8>> {
    let files = log_files(dir)?;
    let texts = files.iter().map(fs::read);
    Ok(texts.collect::<io::Result<Vec<_>>>()?.concat())
}

/// The files of a log, in order.
pub fn log_files(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<_> = entries.collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|it| it == "jsonl"));
    paths.sort();
    Ok(paths)
}
