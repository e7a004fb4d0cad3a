//! From a configuration to the end of a proxy.

use crate::shim::Clock;
use crate::shim::changes::{self, Listener, Pace};
use crate::shim::event::{EventBody, Transport};
use crate::shim::http::UpstreamToken;
use crate::shim::http::answer::{Answer, empty};
use crate::shim::http::guard::Guard;
use crate::shim::http::proxy::{Ending, Proxy};
use crate::shim::http::speaker::{Bearers, Resource};
use crate::shim::http::upstream::{UpstreamError, UpstreamServer};
use crate::shim::pdp::Pdp;
use crate::shim::report::{ReportConfig, Reporter};
use crate::shim::session::{Core, SessionConfig};
use crate::shim::state::StateError;
use http::{Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinHandle;

/// Most connections of clients at once; more wait to be taken.
pub const CONNECTIONS_MAX: usize = 4_096;
/// How long a client may take for the head of a request, in milliseconds.
pub const HEAD_MS: u64 = 10_000;
/// Largest head of a request, in bytes.
pub const HEAD_BYTES_MAX: usize = 64 << 10;
/// How long requests that are under way may take at the end, in milliseconds.
pub const DRAIN_MS: u64 = 5_000;
/// How long the last answers and events may take at the end, in milliseconds.
pub const SETTLE_MS: u64 = 2_000;
/// How often requests that are overdue are looked for, in milliseconds.
const OVERDUE_EVERY_MS: u64 = 1_000;
/// How much longer than its stream a request may wait in its session, in milliseconds.
const OVERDUE_AFTER_MS: u64 = 5_000;
/// Pause after a connection that could not be taken, in milliseconds.
const ACCEPT_PAUSE_MS: u64 = 50;

/// What a proxy is told.
pub struct Config {
    /// The part of all transports.
    pub session: SessionConfig,
    /// Where clients are taken: a loopback address.
    pub listen: SocketAddr,
    /// More values of `Host` that name this proxy.
    pub hosts: Vec<String>,
    /// Values of `Origin` whose pages may use it.
    pub origins: Vec<String>,
    /// The server's address.
    pub upstream: String,
    /// PEM of the authorities that its certificate must come from; `None`: the system's.
    pub upstream_ca_pem: Option<Vec<u8>>,
    /// The shim's own credential there.
    pub upstream_token: Option<UpstreamToken>,
    /// Whether each request has to bring a bearer token; what clients are told of where to get one.
    pub bearers: Option<Option<Resource>>,
    /// Where name, count of starts and spool are kept.
    pub state_dir: PathBuf,
    /// How events are kept, and what their logs are held to.
    pub report: ReportConfig,
}

/// Why a proxy did not run.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
    /// The server's address or credential.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// Who is beyond this machine could read everything.
    #[error(
        "`{0}` is not a loopback address: put a proxy with TLS before this one, and give its name with `--allow-host`"
    )]
    NotLoopback(SocketAddr),
    /// The address cannot be listened at.
    #[error("cannot listen at `{address}`: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A signal.
    #[error("the operating system: {0}")]
    Io(#[from] io::Error),
}

/// Runs a proxy until it is asked to end. Says where it listens once it does.
///
/// # Errors
/// The state directory, the addresses or the credential cannot be used.
pub async fn run(
    config: Config,
    pdp: Arc<dyn Pdp>,
    clock: Clock,
    listening: impl FnOnce(SocketAddr, &str),
) -> Result<(), HttpError> {
    if !config.listen.ip().is_loopback() {
        return Err(HttpError::NotLoopback(config.listen));
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = config.upstream_token;
    let server = UpstreamServer::new(&config.upstream, config.upstream_ca_pem.as_deref(), token)?;
    let cannot = |source| HttpError::Listen {
        address: config.listen,
        source,
    };
    let listener = TcpListener::bind(config.listen).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    let reporter = Reporter::open(&config.state_dir, config.report, Arc::clone(&clock))?;
    let server_name = config.session.server.clone();
    let core = Core::new(config.session, Arc::clone(&pdp), reporter.clone(), clock);
    let guard = Guard::new(address, &config.hosts, &config.origins);
    let path = server.path().to_owned();
    let proxy = Proxy::new(&core, server, guard, config.bearers.map(Bearers::new));
    reporter.record(EventBody::Connected {
        kind: Transport::Http,
        server: server_name,
    });
    let reporting = tokio::spawn(reporter.clone().run(pdp));
    let helpers = helpers(&proxy);
    let accepting = tokio::spawn(accept(Arc::clone(&proxy), listener));
    listening(address, &path);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    accepting.abort();
    end(&proxy).await;
    helpers.iter().for_each(JoinHandle::abort);
    reporter.drain(Duration::from_millis(SETTLE_MS)).await;
    reporting.abort();
    tracing::info!(counts = ?core.counts(), "the proxy has ended");
    Ok(())
}

/// What runs beside the requests.
fn helpers(proxy: &Arc<Proxy>) -> Vec<JoinHandle<()>> {
    let watched = Arc::clone(proxy);
    let watching = async move {
        let listener: &dyn Listener = watched.as_ref();
        if let Err(error) = changes::watch(&watched.core, listener, Pace::default()).await {
            tracing::debug!(%error, "changes of policy are not watched");
        }
    };
    let overdue = Arc::clone(proxy);
    let ending_overdue = async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(OVERDUE_EVERY_MS));
        let after = Duration::from_millis(OVERDUE_AFTER_MS);
        loop {
            let now = ticks.tick().await;
            overdue.end_overdue(now.checked_sub(after).unwrap_or(now));
        }
    };
    let reporter = &proxy.core.reporter;
    vec![
        tokio::spawn(watching),
        tokio::spawn(ending_overdue),
        tokio::spawn(reporter.clone().sync()),
        tokio::spawn(reporter.clone().beat()),
    ]
}

/// Lets what is under way come to its end, then ends it.
async fn end(proxy: &Arc<Proxy>) {
    for (ending, at_most_ms) in [(Ending::Draining, DRAIN_MS), (Ending::Over, SETTLE_MS)] {
        proxy.ending.send_replace(ending);
        let at_most = Duration::from_millis(at_most_ms);
        if tokio::time::timeout(at_most, proxy.idle()).await.is_ok() {
            break;
        }
    }
    for (_, bound) in proxy.sessions.every() {
        super::proxy::end_session(&bound);
    }
}

/// Takes connections for as long as it is polled.
pub(super) async fn accept(proxy: Arc<Proxy>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((socket, _)) => {
                tokio::spawn(serve(Arc::clone(&proxy), socket, place));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
}

async fn serve(proxy: Arc<Proxy>, socket: TcpStream, _place: OwnedSemaphorePermit) {
    let _no_delay = socket.set_nodelay(true);
    let ending = Arc::clone(&proxy);
    let service = service_fn(move |request| answer(Arc::clone(&proxy), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HEAD_MS))
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = ending.ends(Ending::Draining) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "a connection has broken");
    }
}

/// Answers in a task of its own: what was begun comes to a defined end, also where the client goes.
async fn answer(proxy: Arc<Proxy>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let (_here, gone) = oneshot::channel();
    let answered = tokio::spawn(proxy.answer(request, gone)).await;
    Ok(answered.unwrap_or_else(|error| {
        tracing::error!(%error, "a request came to nothing");
        empty(StatusCode::INTERNAL_SERVER_ERROR)
    }))
}
