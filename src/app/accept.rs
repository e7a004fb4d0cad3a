//! The loop that takes connections. It ends when the process does, and never before.

use super::transport::{Tls, Transport};
use crate::identity::Peer;
use crate::server::PeerAddress;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long is waited after the first failure to take a connection; then twice as long, up to the
/// most.
const BACKOFF_FIRST: Duration = Duration::from_millis(5);
const BACKOFF_MAX: Duration = Duration::from_secs(1);
/// How often failures are said: once in so long.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A socket on which connections come.
pub(super) enum Listener {
    /// A Unix socket.
    Unix(UnixListener),
    /// TCP, perhaps with TLS.
    Tcp(TcpListener, Option<Tls>),
}

/// A connection that the system gave.
enum Accepted {
    Unix(UnixStream, u32),
    Tcp(TcpStream, SocketAddr),
}

impl Listener {
    /// Takes connections until the process drains, then waits for those that are there.
    pub(super) async fn serve(self, transport: Arc<Transport>) {
        let mut connections = JoinSet::new();
        let mut failures = Failures::default();
        let mut stopped = transport.stopped.clone();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                Some(_ended) = connections.join_next() => continue,
                // The sender is dropped only at the end of the run: that is a stop too.
                _stopped = stopped.wait_for(|stopped| *stopped) => break,
            };
            match accepted {
                Ok(accepted) => {
                    failures.none();
                    self.take(accepted, &transport, &mut connections);
                }
                Err(error) => {
                    transport.decider.metrics.accept_failed();
                    let wait = failures.another(&error, Instant::now());
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        _stopped = stopped.wait_for(|stopped| *stopped) => break,
                    }
                }
            }
        }
        // Whoever connects from now on is refused by the system, and tries elsewhere.
        drop(self);
        while connections.join_next().await.is_some() {}
    }

    async fn accept(&self) -> io::Result<Accepted> {
        Ok(match self {
            Self::Unix(listener) => {
                let (socket, _) = listener.accept().await?;
                let uid = socket.peer_cred()?.uid();
                Accepted::Unix(socket, uid)
            }
            Self::Tcp(listener, _) => {
                let (socket, address) = listener.accept().await?;
                // A small answer does not wait for the acknowledgement of the one before. A
                // connection that is gone already fails here, and at its first read.
                let _gone = socket.set_nodelay(true);
                Accepted::Tcp(socket, address)
            }
        })
    }

    fn take(&self, accepted: Accepted, transport: &Arc<Transport>, tasks: &mut JoinSet<()>) {
        match (accepted, self) {
            (Accepted::Unix(socket, uid), _) => {
                if let Some(taken) = transport.take(PeerAddress::Uid(uid), None) {
                    tasks.spawn(taken.serve_plain(socket, Peer::UnixUid(uid)));
                }
            }
            (Accepted::Tcp(socket, address), Self::Tcp(_, Some(tls))) => {
                let peer = PeerAddress::of_ip(address.ip());
                if let Some(taken) = transport.take(peer, Some(address)) {
                    let tls = Arc::clone(tls);
                    tasks.spawn(async move { taken.serve_tls(socket, &tls).await });
                }
            }
            (Accepted::Tcp(socket, address), _) => {
                let peer = PeerAddress::of_ip(address.ip());
                if let Some(taken) = transport.take(peer, Some(address)) {
                    tasks.spawn(taken.serve_plain(socket, Peer::Anonymous));
                }
            }
        }
    }
}

/// Failures to take a connection, one after the other.
#[derive(Debug, Default)]
struct Failures {
    in_a_row: u32,
    /// Since the last line that was logged.
    unsaid: u64,
    last_said: Option<Instant>,
}

impl Failures {
    fn none(&mut self) {
        self.in_a_row = 0;
    }

    /// How long to wait after one more failure. A client that went away is none of ours.
    fn another(&mut self, error: &io::Error, now: Instant) -> Duration {
        if is_of_client(error) {
            return Duration::ZERO;
        }
        let wait = BACKOFF_FIRST * 2_u32.saturating_pow(self.in_a_row.min(16));
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.unsaid += 1;
        let is_due = |said: Instant| now.duration_since(said) >= LOG_INTERVAL;
        if self.last_said.is_none_or(is_due) {
            tracing::error!(%error, failures = self.unsaid, "no connection can be taken");
            self.last_said = Some(now);
            self.unsaid = 0;
        }
        wait.min(BACKOFF_MAX)
    }
}

fn is_of_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, NotConnected};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | NotConnected
    )
}

#[cfg(test)]
mod tests;
