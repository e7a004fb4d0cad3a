//! From a command line to the end of a session.

use crate::model::json::Json;
use crate::shim::Clock;
use crate::shim::changes::{self, Pace};
use crate::shim::child::{ChildError, GRACE_MS, Server};
use crate::shim::denial::{self, INTERNAL_ERROR};
use crate::shim::down;
use crate::shim::event::{EventBody, Status};
use crate::shim::flight::Kind;
use crate::shim::pdp::Pdp;
use crate::shim::report::{ReportConfig, Reporter};
use crate::shim::session::{Session, SessionConfig, flight_us};
use crate::shim::state::StateError;
use crate::shim::up;
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
    let (session, own_messages) = Session::new(
        config.session,
        Arc::clone(&pdp),
        reporter.clone(),
        clock,
        client_out,
        server_in,
    );
    reporter.record(EventBody::Connected {
        server: server_name,
    });
    let mut tasks = Tasks::start(&session, pdp, client_in, own_messages);
    let mut down = tasks.down(&session, server_out);
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
    session.stop();
    tasks.stop_writing().await;
    session.to_server.close().await;
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
    finish(&session).await;
    reporter.drain(Duration::from_millis(DRAIN_MS)).await;
    tasks.reporting.abort();
    tracing::info!(counts = ?session.counts(), code, "the server has ended");
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
        session: &Arc<Session>,
        pdp: Arc<dyn Pdp>,
        client_in: impl AsyncRead + Send + Unpin + 'static,
        own_messages: mpsc::Receiver<Vec<u8>>,
    ) -> Self {
        let reader = BufReader::with_capacity(READ_BYTES, client_in);
        let shared = Arc::clone(session);
        let up = tokio::spawn(async move { log(up::pump(&shared, reader).await) });
        let shared = Arc::clone(session);
        let own = tokio::spawn(async move { send_own(&shared, own_messages).await });
        let shared = Arc::clone(session);
        let overdue = tokio::spawn(async move { log(end_overdue(&shared).await) });
        let shared = Arc::clone(session);
        let watching =
            tokio::spawn(async move { log(changes::watch(&shared, Pace::default()).await) });
        let sync = tokio::spawn(session.reporter.clone().sync());
        let beat = tokio::spawn(session.reporter.clone().beat());
        let reporting = tokio::spawn(session.reporter.clone().run(pdp));
        Self {
            up,
            own,
            helpers: vec![overdue, watching, sync, beat],
            reporting,
        }
    }

    fn down(
        &self,
        session: &Arc<Session>,
        server_out: impl AsyncRead + Send + Unpin + 'static,
    ) -> JoinHandle<()> {
        let shared = Arc::clone(session);
        let reader = BufReader::with_capacity(READ_BYTES, server_out);
        tokio::spawn(async move { log(down::pump(&shared, reader).await) })
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
pub(super) async fn send_own(session: &Session, mut messages: mpsc::Receiver<Vec<u8>>) {
    while let Some(message) = messages.recv().await {
        log(session.to_server.write(message).await);
    }
}

/// Looks for requests that the server does not answer in time.
async fn end_overdue(session: &Session) -> io::Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_millis(OVERDUE_EVERY_MS));
    loop {
        let now = ticks.tick().await;
        end_overdue_at(session, now).await?;
    }
}

/// Ends the requests that are overdue by now, and tells both sides.
pub(super) async fn end_overdue_at(session: &Session, now: Instant) -> io::Result<()> {
    let overdue = session.flights().overdue(now, session.config.call_timeout);
    for id in overdue {
        let Some(flight) = session.flights().give_up(&id) else {
            continue;
        };
        let params = Json::object([("requestId", id.to_json())]);
        let notification = Json::object([
            ("jsonrpc", Json::from("2.0")),
            ("method", "notifications/cancelled".into()),
            ("params", params),
        ]);
        if session.own.try_send(notification.to_bytes()).is_err() {
            super::session::count(&session.counts.unread);
        }
        let text = "Internal error: the server did not answer in time";
        down::fail(session, &id, flight, Status::Timeout, text).await?;
    }
    Ok(())
}

/// Records the ends of calls that were in flight when the server ended, and tells the client.
async fn finish(session: &Session) {
    let open = session.flights().close_all();
    for (_, flight) in &open {
        if let Kind::Call(call) = &flight.kind {
            session.ended(call, flight_us(flight), Status::ProtocolError);
        }
    }
    let asked = open
        .into_iter()
        .filter(|(_, flight)| !matches!(flight.kind, Kind::Own(_)));
    let tell = async {
        for (id, _) in asked {
            let text = "Internal error: the server has ended";
            let answer = denial::error(Some(&id), INTERNAL_ERROR, text, None);
            session.tell_client(answer).await?;
        }
        Ok(())
    };
    // A client that does not read is not waited for.
    let told = tokio::time::timeout(Duration::from_millis(SETTLE_MS), tell).await;
    log(told.unwrap_or(Ok(())));
}
