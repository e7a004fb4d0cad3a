//! One connection, from its first byte to its last.

use super::jitter::jittered;
use crate::config::TransportLimits;
use crate::identity::Peer;
use crate::server::{
    Admission, Connection, ConnectionPermit, ConnectionRefused, Connections, Deadline, Decider,
    Gate, Gathered, PeerAddress, UnderWay,
};
use arc_swap::ArcSwap;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tonic::service::Routes;

/// The HTTP/2 preface and the head of the settings after it, in bytes (RFC 9113, 3.4 and 4.1). Later
/// silence is what pings are for.
const PREFACE_BYTES: usize = 24 + 9;

/// How long calls under way may take from the end of a connection on that nobody who is known has.
const STRANGER_GRACE_MAX: Duration = Duration::from_secs(1);

/// The certificates in use; replaced as a whole.
pub(super) type Tls = Arc<ArcSwap<ServerConfig>>;

/// What all connections of a process share.
pub(super) struct Transport {
    pub(super) limits: TransportLimits,
    pub(super) connections: Arc<Connections>,
    pub(super) decider: Arc<Decider>,
    pub(super) admission: Arc<Admission>,
    pub(super) routes: Routes,
    /// True once the process drains.
    pub(super) stopped: watch::Receiver<bool>,
}

/// A connection that was taken, until it ends.
pub(super) struct Taken {
    transport: Arc<Transport>,
    address: PeerAddress,
    remote: Option<SocketAddr>,
    permit: ConnectionPermit,
}

impl Transport {
    /// Takes a connection of this peer, if there is room for it.
    pub(super) fn take(
        self: &Arc<Self>,
        address: PeerAddress,
        remote: Option<SocketAddr>,
    ) -> Option<Taken> {
        match self.connections.admit(address) {
            Ok(permit) => {
                self.decider.metrics.connected();
                Some(Taken {
                    transport: Arc::clone(self),
                    address,
                    remote,
                    permit,
                })
            }
            Err(refused) => {
                self.refused(address, refused);
                None
            }
        }
    }

    fn refused(&self, address: PeerAddress, reason: ConnectionRefused) {
        self.decider.metrics.connection_refused(reason);
        tracing::debug!(%address, reason = reason.as_str(), "a connection was refused");
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.transport.decider.metrics.disconnected();
    }
}

impl Taken {
    /// Serves a connection whose peer is known already, or never will be.
    pub(super) async fn serve_plain<IO>(self, io: IO, proven: Peer)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let until = Instant::now() + self.transport.limits.handshake_max;
        self.unless_it_gives_way(self.serve(io, proven, false, until))
            .await;
    }

    /// Serves a connection over TLS, with the certificates of now.
    pub(super) async fn serve_tls(self, socket: TcpStream, tls: &Tls) {
        self.unless_it_gives_way(self.shake_hands(socket, tls))
            .await;
    }

    async fn unless_it_gives_way(&self, serving: impl Future<Output = ()>) {
        let standing = self.permit.standing();
        tokio::select! {
            () = serving => {}
            () = standing.gives_way() => self.refused(ConnectionRefused::Stranger),
        }
    }

    async fn shake_hands(&self, socket: TcpStream, tls: &Tls) {
        let until = Instant::now() + self.transport.limits.handshake_max;
        let acceptor = TlsAcceptor::from(tls.load_full());
        let shaken = tokio::time::timeout_at(until, acceptor.accept(socket)).await;
        let stream = match shaken {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(address = %self.address, %error, "no TLS");
                return self.refused(ConnectionRefused::Tls);
            }
            Err(_elapsed) => return self.refused(ConnectionRefused::Handshake),
        };
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let has_certificate = certificate.is_some();
        let proven = certificate.map_or(Peer::Anonymous, certified);
        self.serve(stream, proven, has_certificate, until).await;
    }

    fn refused(&self, reason: ConnectionRefused) {
        self.transport.refused(self.address, reason);
    }

    async fn serve<IO>(&self, io: IO, proven: Peer, has_certificate: bool, preface_until: Instant)
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let transport = &self.transport;
        let limits = &transport.limits;
        let (close, closing) = watch::channel(false);
        let standing = self.permit.standing();
        let connection = Connection::new(
            self.address,
            self.remote,
            proven,
            has_certificate,
            Arc::clone(&standing),
            closing,
        );
        connection.look(&transport.decider);
        let under_way = UnderWay::default();
        let gate = Gate {
            routes: transport.routes.clone(),
            connection: Arc::new(connection),
            decider: Arc::clone(&transport.decider),
            admission: Arc::clone(&transport.admission),
            under_way: under_way.clone(),
            request_max: limits.request_max,
        };
        let preface = Deadline::new(io, preface_until, PREFACE_BYTES);
        let late = preface.is_late();
        let io = Gathered::new(preface, under_way);
        let serving = builder(limits).serve_connection(TokioIo::new(io), gate);
        let mut serving = pin!(serving);
        let mut stopped = transport.stopped.clone();
        let mut grace_max = limits.connection_grace_max;
        tokio::select! {
            ended = serving.as_mut() => {
                if late.get() {
                    self.refused(ConnectionRefused::Handshake);
                } else if let Err(error) = ended {
                    tracing::debug!(address = %self.address, %error, "a connection broke");
                }
                return;
            }
            () = standing.lasts_too_long(limits.stranger_max) => {
                self.refused(ConnectionRefused::Stranger);
                grace_max = grace_max.min(STRANGER_GRACE_MAX);
            }
            () = tokio::time::sleep(age(limits.connection_age_max)) => {}
            // The sender is dropped only at the end of the run: that is a stop too.
            _stopped = stopped.wait_for(|stopped| *stopped) => {}
        }
        // GOAWAY: no new calls; what is under way is answered.
        serving.as_mut().graceful_shutdown();
        close.send_replace(true);
        if tokio::time::timeout(grace_max, serving).await.is_err() {
            tracing::debug!(address = %self.address, "a connection was cut with calls under way");
        }
    }
}

/// What a certificate proves. One that names nobody proves nothing, and no token may stand in.
fn certified(certificate: &CertificateDer<'_>) -> Peer {
    Peer::from_certificate(certificate).unwrap_or_else(|error| {
        tracing::warn!(%error, "a client certificate names nobody");
        Peer::Anonymous
    })
}

fn builder(limits: &TransportLimits) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_per_connection_max)
        .max_header_list_size(limits.header_list_bytes_max)
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout);
    builder
}

/// The age give or take a tenth, so that not all clients come back at once.
fn age(max: Duration) -> Duration {
    jittered(max, 0.9..1.1)
}
