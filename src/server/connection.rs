//! What is known of a connection for as long as it lasts.

use super::decider::Decider;
use super::places::Standing;
use super::tenants::Tenant;
use crate::identity::Peer;
use crate::model::subject::Token;
use crate::model::time::Timestamp;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
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
    known: Known,
    until: Timestamp,
}

/// Who asks on a connection.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The name of the caller's entry.
    pub(super) caller: Arc<str>,
    /// Its tenant, where tenants are apart and it has one.
    pub(super) tenant: Option<Arc<Tenant>>,
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
    /// Whether somebody who is known has it.
    pub standing: Arc<Standing>,
    /// True once no new calls are taken: what has no end of its own ends then.
    pub closing: watch::Receiver<bool>,
    /// The caller that `proven` is; it stays the same.
    caller: OnceLock<Option<Known>>,
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
        standing: Arc<Standing>,
        closing: watch::Receiver<bool>,
    ) -> Self {
        Self {
            address,
            remote,
            proven,
            has_certificate,
            standing,
            closing,
            caller: OnceLock::new(),
            caller_by_token: Mutex::default(),
        }
    }

    /// Looks whether what the transport proved is enough to know the caller.
    pub fn look(&self, decider: &Decider) {
        let _known = self.caller(&self.proven, decider);
    }

    /// The caller that a peer on this connection is; one that is known keeps the connection.
    pub(super) fn caller(&self, peer: &Peer, decider: &Decider) -> Option<Known> {
        let caller = self.find(peer, decider);
        if caller.is_some() {
            self.standing.promote();
        }
        caller
    }

    fn find(&self, peer: &Peer, decider: &Decider) -> Option<Known> {
        let known = || {
            Some(Known {
                caller: decider.known_caller(peer).ok()?.into(),
                tenant: decider.tenant_of_peer(peer),
            })
        };
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
            return Some(known.known.clone());
        }
        let known = known()?;
        *last = Some(KnownToken {
            token: token.clone(),
            known: known.clone(),
            until: now.plus(KNOWN_TOKEN_AGE_MAX),
        });
        Some(known)
    }
}

#[cfg(test)]
mod tests;
