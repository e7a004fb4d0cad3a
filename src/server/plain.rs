//! A plain HTTP listener for probes and metrics, and for nothing else.

use super::admission::Admission;
use super::deadline::Deadline;
use super::decider::Decider;
use super::disk::Room;
use super::places::Connections;
use super::tenants::Tenant;
use crate::identity::KeyStatus;
use crate::model::json::Json;
use crate::model::time::Timestamp;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::Listener;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Connections at once; more wait.
const PLAIN_CONNECTIONS_MAX: usize = 64;
/// How long one lasts: who asks again connects again.
const PLAIN_CONNECTION_AGE_MAX: Duration = Duration::from_secs(60);

/// What is shown.
#[derive(Clone)]
pub struct Plain {
    /// Policies, metrics, the log.
    pub decider: Arc<Decider>,
    /// What is under way.
    pub admission: Arc<Admission>,
    /// The connections.
    pub connections: Arc<Connections>,
    /// When the process began to serve.
    pub started: Instant,
}

/// Serves `/livez`, `/readyz`, `/metrics` and `/statusz` until `stopped`.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(
    listener: TcpListener,
    shown: Plain,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new()
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/statusz", get(status))
        .with_state(shown);
    let listener = Bounded {
        listener,
        room: Arc::new(Semaphore::new(PLAIN_CONNECTIONS_MAX)),
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stopped)
        .await
}

/// Ready as soon as one tenant can decide and record: another's broken bundle is no reason to send
/// this one's calls elsewhere.
async fn ready(State(shown): State<Plain>) -> impl IntoResponse {
    let (mut is_ready, mut text) = (false, String::new());
    for tenant in shown.decider.tenants.listed() {
        if let Some(name) = &tenant.name {
            text.push_str(&format!("{name}: "));
        }
        match tenant.readiness() {
            Ok(active) => {
                is_ready = true;
                text.push_str(&format!("policy {}\n", active.revision.revision));
            }
            Err(why) => text.push_str(&format!("{why}\n")),
        }
    }
    let code = match is_ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, text)
}

async fn metrics(State(shown): State<Plain>) -> impl IntoResponse {
    for tenant in shown.decider.tenants.listed() {
        let is_stale = !tenant.policies.status().is_newest_in_force();
        tenant.metrics.policy_is_stale(is_stale);
    }
    for tenant in shown.decider.tenants.logging() {
        tenant.metrics.log_is(&tenant.evidence.log().stats());
    }
    (
        [(header::CONTENT_TYPE, OPENMETRICS)],
        shown.decider.metrics.text(),
    )
}

async fn status(State(shown): State<Plain>) -> impl IntoResponse {
    let mut text = shown.status().to_bytes();
    text.push(b'\n');
    ([(header::CONTENT_TYPE, "application/json")], text)
}

impl Plain {
    /// What runs here. Nothing of the text of policies: whoever may ask `GetStatus` gets that.
    fn status(&self) -> Json {
        let tenants = &self.decider.tenants;
        let mut shown = vec![
            ("version", Json::from(env!("CARGO_PKG_VERSION"))),
            ("uptime_seconds", self.started.elapsed().as_secs().into()),
            ("connections", count(self.connections.count())),
            (
                "decisions_under_way",
                count(self.admission.decisions_under_way()),
            ),
            (
                "request_bytes_in_flight",
                count(self.admission.request_bytes_in_flight()),
            ),
        ];
        shown.extend(self.decider.identity.key_status().map(|it| {
            let now = (self.decider.clock)();
            ("jwks", keys(it, now))
        }));
        shown.extend(of_tenant(tenants.process()));
        if tenants.are_apart() {
            let of_each = tenants.listed().iter().map(|tenant| {
                let name = tenant.name.as_deref().unwrap_or_default();
                let mut shown = vec![("name", Json::from(name))];
                let under_way = tenant.room.as_ref().map(|room| room.under_way());
                let under_way = count(under_way.unwrap_or_default());
                shown.push(("decisions_under_way", under_way));
                shown.extend(of_tenant(tenant));
                Json::object(shown)
            });
            shown.push(("tenants", Json::array(of_each)));
        }
        Json::object(shown)
    }
}

/// The keys for tokens: which, how old, and why there are no newer ones.
fn keys(status: KeyStatus, now: Timestamp) -> Json {
    let ids = status.key_ids.iter().map(|id| Json::from(id.as_str()));
    let mut shown = vec![("key_ids", Json::Array(ids.collect()))];
    if let Some(fetched_at) = status.fetched_at {
        let age = now.as_nanos().saturating_sub(fetched_at.as_nanos());
        let age = u64::try_from(age).unwrap_or(0) / 1_000_000_000;
        shown.push(("fetched", fetched_at.rfc3339_micros().into()));
        shown.push(("age_seconds", age.into()));
    }
    shown.extend(status.failure.map(|(since, error)| {
        let failure = Json::object([
            ("time", Json::from(since.rfc3339_micros())),
            ("error", error.into()),
        ]);
        ("last_error", failure)
    }));
    Json::object(shown)
}

fn count(count: usize) -> Json {
    Json::from(count as u64)
}

/// The log and the policies of a process or tenant.
fn of_tenant(tenant: &Tenant) -> Vec<(&'static str, Json)> {
    let log = tenant.evidence.log();
    let mut audit = vec![("origin", Json::from(log.origin()))];
    audit.extend(log.head().map(|head| ("durable_seq", head.seq.into())));
    let stats = log.stats();
    audit.extend(stats.signed.map(|signed| {
        let checkpoint = Json::object([
            ("size", Json::from(signed.size)),
            ("age_seconds", signed.age.as_secs().into()),
        ]);
        ("checkpoint", checkpoint)
    }));
    audit.extend(stats.failure.map(|failure| ("failure", failure.into())));
    if tenant.disk.room() != Room::Enough {
        audit.push(("room", tenant.disk.room().to_string().into()));
    }
    let mut shown = vec![("audit", Json::object(audit))];
    let policies = tenant.policies.status();
    shown.extend(policies.active.map(|active| {
        let policy = Json::object([
            ("version", Json::from(active.revision.version)),
            ("revision", active.revision.revision.as_str().into()),
            ("digest", active.revision.digest.as_str().into()),
            ("since", active.since.rfc3339_micros().into()),
        ]);
        ("policy", policy)
    }));
    shown.extend(policies.refused.map(|refused| {
        let mut last = vec![
            ("stage", Json::from(refused.stage.as_str())),
            ("since", refused.since.rfc3339_micros().into()),
            ("findings", count(refused.findings.len())),
        ];
        last.extend(refused.digest.map(|digest| ("digest", digest.into())));
        ("refused", Json::object(last))
    }));
    shown
}

/// A listener with so many connections at once.
struct Bounded {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

impl Listener for Bounded {
    type Io = Held;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Held, SocketAddr) {
        // Never closed, so there is a permit sooner or later.
        let permit = Arc::clone(&self.room).acquire_owned().await.ok();
        // Waits out and logs what the system cannot give.
        let (socket, address) = Listener::accept(&mut self.listener).await;
        let until = Instant::now() + PLAIN_CONNECTION_AGE_MAX;
        let io = Deadline::new(socket, until, usize::MAX);
        (
            Held {
                io,
                _permit: permit,
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection and its place.
struct Held {
    io: Deadline<TcpStream>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
