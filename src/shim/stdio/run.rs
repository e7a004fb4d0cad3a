//! From a command line to the end of a session.

use crate::shim::Clock;
use crate::shim::changes::{self, Pace};
use crate::shim::down;
use crate::shim::event::{EventBody, Status, Transport};
use crate::shim::exchange::Upstream;
use crate::shim::pdp::Pdp;
use crate::shim::permit::Permit;
use crate::shim::report::{ReportConfig, Reporter};
use crate::shim::session::{Core, SessionConfig};
use crate::shim::state::StateError;
use crate::shim::stdio::child::{ChildError, GRACE_MS, Server};
use crate::shim::stdio::link::Link;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long the last events may take to be acknowledged at the end, in milliseconds.
pub const DRAIN_MS: u64 = 2_000;
/// How long a message that is being dealt with may take at the end, in milliseconds.
const SETTLE_MS: u64 = 300;
/// How often requests that are overdue are looked for, in milliseconds.
const OVERDUE_EVERY_MS: u64 = 1_000;
/// Bytes read from a pipe at once.
const READ_BYTES: usize = 64 << 10;

/// What a stdio shim is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// The session's part.
    pub session: SessionConfig,
    /// The server's command and its arguments.
    pub command: Vec<OsString>,
    /// Where name, count of starts and spool are kept.
    pub state_dir: PathBuf,
    /// How events are kept, and what their logs are held to.
    pub report: ReportConfig,
}

/// Why a shim did not run.
#[derive(Debug, thiserror::Error)]
pub enum ShimError {
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The server.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// A pipe or a signal.
    #[error("the shim's own input and output: {0}")]
    Io(#[from] io::Error),
}

/// Runs a shim between a client's pipes and the server that it starts. Gives the server's exit
/// code. Where `client_in` is this process's standard input, end the process itself afterwards: the
/// runtime may still have a thread that reads it, and would wait for that.
///
/// # Errors
/// The state directory cannot be used, the server does not start, or the operating system fails.
pub async fn run(
    config: Config,
    pdp: Arc<dyn Pdp>,
    clock: Clock,
    client_in: impl AsyncRead + Send + Unpin + 'static,
    client_out: impl AsyncWrite + Send + Unpin + 'static,
) -> Result<u8, ShimError> {
    let reporter = Reporter::open(&config.state_dir, config.report, Arc::clone(&clock))?;
    let (mut server, server_in, server_out) = Server::start(&config.command)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let server_name = config.session.server.clone();
    let core = Core::new(config.session, Arc::clone(&pdp), reporter.clone(), clock);
    let (link, own_messages) = Link::new(&core, client_out, server_in);
    reporter.record(EventBody::Connected {
        kind: Transport::Stdio,
        server: server_name,
    });
    let mut tasks = Tasks::start(&core, &link, pdp, client_in, own_messages);
    let mut down = tasks.down(&link, server_out);
    let mut down_ended = false;
    let end = tokio::select! {
        code = server.wait() => End::Server(code?),
        _ = &mut down => {
            down_ended = true;
            End::Pipe
        }
        _ = &mut tasks.up => End::Pipe,
        _ = terminate.recv() => End::Signal,
        _ = interrupt.recv() => End::Signal,
        _ = hang_up.recv() => End::Signal,
    };
    link.stop();
    tasks.stop_writing().await;
    link.to_server.close().await;
    let grace = Duration::from_millis(GRACE_MS);
    let code = match end {
        End::Server(code) => code,
        End::Pipe => server.end(grace).await?,
        End::Signal => server.end_now(grace).await?,
    };
    // What the server wrote last is still to be passed on.
    if !down_ended && tokio::time::timeout(grace, &mut down).await.is_err() {
        down.abort();
    }
    tasks.abort();
    finish(&link).await;
    reporter.drain(Duration::from_millis(DRAIN_MS)).await;
    tasks.reporting.abort();
    tracing::info!(counts = ?core.counts(), code, "the server has ended");
    Ok(code)
}

/// What ends a session.
enum End {
    /// The server ended, with this code.
    Server(u8),
    /// The client or the server closed a pipe.
    Pipe,
    /// Somebody wants the shim to end.
    Signal,
}

/// What runs beside the direction from server to client.
struct Tasks {
    up: JoinHandle<()>,
    own: JoinHandle<()>,
    helpers: Vec<JoinHandle<()>>,
    reporting: JoinHandle<()>,
}

impl Tasks {
    fn start(
        core: &Arc<Core>,
        link: &Arc<Link>,
        pdp: Arc<dyn Pdp>,
        client_in: impl AsyncRead + Send + Unpin + 'static,
        own_messages: mpsc::Receiver<Permit>,
    ) -> Self {
        let reader = BufReader::with_capacity(READ_BYTES, client_in);
        let shared = Arc::clone(link);
        let up = tokio::spawn(async move { log(shared.pump_up(reader).await) });
        let shared = Arc::clone(link);
        let own = tokio::spawn(async move { send_own(&shared, own_messages).await });
        let shared = Arc::clone(link);
        let overdue = tokio::spawn(async move { log(end_overdue(&shared).await) });
        let (shared, told) = (Arc::clone(core), Arc::clone(link));
        let watching = tokio::spawn(async move {
            log(changes::watch(&shared, told.as_ref(), Pace::default()).await);
        });
        let sync = tokio::spawn(core.reporter.clone().sync());
        let beat = tokio::spawn(core.reporter.clone().beat());
        let reporting = tokio::spawn(core.reporter.clone().run(pdp));
        Self {
            up,
            own,
            helpers: vec![overdue, watching, sync, beat],
            reporting,
        }
    }

    fn down(
        &self,
        link: &Arc<Link>,
        server_out: impl AsyncRead + Send + Unpin + 'static,
    ) -> JoinHandle<()> {
        let shared = Arc::clone(link);
        let reader = BufReader::with_capacity(READ_BYTES, server_out);
        tokio::spawn(async move { log(shared.pump_down(reader).await) })
    }

    /// Lets the message that is being dealt with come to its end: what is granted has an outcome. A
    /// server that does not read keeps whoever writes to it, and the pipe with them.
    async fn stop_writing(&mut self) {
        let at_most = Duration::from_millis(SETTLE_MS);
        if !self.up.is_finished() && tokio::time::timeout(at_most, &mut self.up).await.is_err() {
            tracing::debug!("a message to the server is given up");
        }
        self.up.abort();
        self.own.abort();
    }

    fn abort(&self) {
        self.helpers.iter().for_each(JoinHandle::abort);
    }
}

fn log(result: io::Result<()>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a pipe has closed");
    }
}

/// Sends the shim's own messages to the server.
pub(in crate::shim) async fn send_own(link: &Link, mut messages: mpsc::Receiver<Permit>) {
    while let Some(permit) = messages.recv().await {
        log(link.send(permit).await.map(|_| ()));
    }
}

/// Looks for requests that the server does not answer in time.
async fn end_overdue(link: &Link) -> io::Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_millis(OVERDUE_EVERY_MS));
    loop {
        let now = ticks.tick().await;
        end_overdue_at(link, now).await?;
    }
}

/// Ends the requests that are overdue by now, and tells both sides.
pub(in crate::shim) async fn end_overdue_at(link: &Link, now: Instant) -> io::Result<()> {
    for (_, answer, cancelled) in down::give_up_overdue(link.session(), now) {
        link.send_later(cancelled);
        if let Some(answer) = answer {
            link.tell_client(answer).await?;
        }
    }
    Ok(())
}

/// Records the ends of calls that were in flight when the server ended, and tells the client.
async fn finish(link: &Link) {
    let answers = down::fail_all(
        link.session(),
        Status::ProtocolError,
        "Internal error: the server has ended",
    );
    let tell = async {
        for answer in answers {
            link.tell_client(answer).await?;
        }
        Ok(())
    };
    // A client that does not read is not waited for.
    let told = tokio::time::timeout(Duration::from_millis(SETTLE_MS), tell).await;
    log(told.unwrap_or(Ok(())));
}
