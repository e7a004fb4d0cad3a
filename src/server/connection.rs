//! What is known of a connection for as long as it lasts, and how many there may be.

use super::decider::Decider;
use crate::identity::Peer;
use crate::model::subject::Token;
use crate::model::time::Timestamp;
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// The part of an IPv6 address that one site has: its last 64 bits are its own to choose.
const IPV6_SITE: u128 = !0 << 64;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PeerAddress {
    /// A process of this user, over a Unix socket.
    Uid(u32),
    /// An IPv4 address, or the /64 of an IPv6 address.
    Ip(IpAddr),
    /// The shim in this process.
    Process,
}

impl PeerAddress {
    /// The peer at this address.
    #[must_use]
    pub fn of_ip(address: IpAddr) -> Self {
        Self::Ip(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & IPV6_SITE).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uid(uid) => write!(f, "uid {uid}"),
            Self::Ip(v4 @ IpAddr::V4(_)) => write!(f, "{v4}"),
            Self::Ip(site @ IpAddr::V6(_)) => write!(f, "{site}/64"),
            Self::Process => f.write_str("this process"),
        }
    }
}

/// How long a token that was good is taken for good without looking.
const KNOWN_TOKEN_AGE_MAX: Duration = Duration::from_secs(10);

/// A token that was good.
#[derive(Debug)]
struct KnownToken {
    token: Token,
    caller: Arc<str>,
    until: Timestamp,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    /// Where it comes from.
    pub address: PeerAddress,
    /// Exactly where it comes from, where that is an address.
    pub remote: Option<SocketAddr>,
    /// What the transport proved: a certificate's names, a uid, or nothing.
    pub proven: Peer,
    /// Whether a client certificate was shown: it alone counts then, even if it names nobody.
    pub has_certificate: bool,
    /// True once no new calls are taken: what has no end of its own ends then.
    pub closing: watch::Receiver<bool>,
    /// The caller that `proven` is; it stays the same.
    caller: OnceLock<Option<Arc<str>>>,
    /// The caller that the last good token on this connection named. Only who gets which share is
    /// decided by it: a decision verifies its token anew.
    caller_by_token: Mutex<Option<KnownToken>>,
}

impl Connection {
    /// A connection on which nothing was asked yet.
    #[must_use]
    pub fn new(
        address: PeerAddress,
        remote: Option<SocketAddr>,
        proven: Peer,
        has_certificate: bool,
        closing: watch::Receiver<bool>,
    ) -> Self {
        Self {
            address,
            remote,
            proven,
            has_certificate,
            closing,
            caller: OnceLock::new(),
            caller_by_token: Mutex::default(),
        }
    }

    /// The name of the caller that a peer on this connection is.
    pub(super) fn caller(&self, peer: &Peer, decider: &Decider) -> Option<Arc<str>> {
        let known = || decider.known_caller(peer).ok().map(Arc::from);
        let Peer::Token(token) = peer else {
            return self.caller.get_or_init(known).clone();
        };
        let mut last = self
            .caller_by_token
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = (decider.clock)();
        let is_good = |known: &&KnownToken| known.token == *token && now < known.until;
        if let Some(known) = last.as_ref().filter(is_good) {
            return Some(Arc::clone(&known.caller));
        }
        let caller: Arc<str> = known()?;
        *last = Some(KnownToken {
            token: token.clone(),
            caller: Arc::clone(&caller),
            until: now.plus(KNOWN_TOKEN_AGE_MAX),
        });
        Some(caller)
    }
}

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionRefused {
    /// There are as many as there may be.
    Total,
    /// The peer has as many as it may have.
    Peer,
    /// TLS did not come about.
    Tls,
    /// TLS or the HTTP/2 preface took too long.
    Handshake,
}

impl ConnectionRefused {
    /// Every reason.
    pub const ALL: [Self; 4] = [Self::Total, Self::Peer, Self::Tls, Self::Handshake];

    /// The name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Peer => "peer",
            Self::Tls => "tls",
            Self::Handshake => "handshake_timeout",
        }
    }
}

/// The connections that are open.
#[derive(Debug)]
pub struct Connections {
    max: usize,
    per_peer_max: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_peer: HashMap<PeerAddress, usize>,
}

/// Room for one connection, until it is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    connections: Arc<Connections>,
    address: PeerAddress,
}

impl Connections {
    /// At most so many, and at most so many of one peer.
    #[must_use]
    pub fn new(max: usize, per_peer_max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            per_peer_max,
            open: Mutex::default(),
        })
    }

    /// Room for a connection of this peer.
    ///
    /// # Errors
    /// Which limit is reached.
    pub fn admit(
        self: &Arc<Self>,
        address: PeerAddress,
    ) -> Result<ConnectionPermit, ConnectionRefused> {
        let mut open = self.open();
        if open.total >= self.max {
            return Err(ConnectionRefused::Total);
        }
        let of_peer = open.by_peer.entry(address).or_default();
        if *of_peer >= self.per_peer_max {
            return Err(ConnectionRefused::Peer);
        }
        *of_peer += 1;
        open.total += 1;
        Ok(ConnectionPermit {
            connections: Arc::clone(self),
            address,
        })
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open().total
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.total = open.total.saturating_sub(1);
        if let Some(of_peer) = open.by_peer.get_mut(&self.address) {
            *of_peer = of_peer.saturating_sub(1);
            if *of_peer == 0 {
                open.by_peer.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests;
