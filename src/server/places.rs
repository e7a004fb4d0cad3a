//! How many connections there may be, and how many of them nobody who is known may have.
//!
//! A connection is a stranger's until it is known whose it is. Strangers have a part of the places,
//! and among them the newest comes first: who is known shows it at once, so that whoever only sits
//! there is in nobody's way.

use super::connection::PeerAddress;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Strangers may have one of so many connections.
pub const STRANGERS_DIVISOR: usize = 4;

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
    /// Nobody who is known has it, and it gave way to another one or lasted too long.
    Stranger,
}

impl ConnectionRefused {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::Total,
        Self::Peer,
        Self::Tls,
        Self::Handshake,
        Self::Stranger,
    ];

    /// The name in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Peer => "peer",
            Self::Tls => "tls",
            Self::Handshake => "handshake_timeout",
            Self::Stranger => "stranger",
        }
    }
}

/// The connections that are open.
#[derive(Debug)]
pub struct Connections {
    max: usize,
    per_peer_max: usize,
    strangers_max: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_peer: HashMap<PeerAddress, usize>,
    /// Connections of strangers, also of those that were told to give way and are not gone yet.
    of_strangers: usize,
    /// Those that were not told, oldest first.
    strangers: BTreeMap<u64, Arc<Notify>>,
    next_number: u64,
}

/// Whether somebody who is known has a connection.
#[derive(Debug)]
pub struct Standing {
    connections: Arc<Connections>,
    number: u64,
    known: AtomicBool,
    gives_way: Arc<Notify>,
}

/// Room for one connection, until it is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    standing: Arc<Standing>,
    address: PeerAddress,
}

impl Connections {
    /// At most so many, and at most so many of one peer.
    #[must_use]
    pub fn new(max: usize, per_peer_max: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            per_peer_max,
            strangers_max: (max / STRANGERS_DIVISOR).max(1),
            open: Mutex::default(),
        })
    }

    /// Room for a connection of this peer. Who comes over a Unix socket was let in by the file's
    /// permissions; all others are strangers at first, and the oldest stranger gives way if there
    /// are too many.
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
        if open.by_peer.get(&address).copied().unwrap_or_default() >= self.per_peer_max {
            return Err(ConnectionRefused::Peer);
        }
        let known = !matches!(address, PeerAddress::Ip(_));
        let gives_way = Arc::new(Notify::new());
        let number = open.next_number;
        if !known {
            open.make_room(self.strangers_max)?;
            open.strangers.insert(number, Arc::clone(&gives_way));
            open.of_strangers += 1;
        }
        open.next_number += 1;
        *open.by_peer.entry(address).or_default() += 1;
        open.total += 1;
        Ok(ConnectionPermit {
            standing: Arc::new(Standing {
                connections: Arc::clone(self),
                number,
                known: AtomicBool::new(known),
                gives_way,
            }),
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

impl Open {
    fn make_room(&mut self, strangers_max: usize) -> Result<(), ConnectionRefused> {
        // Those that give way are gone soon; until then there are at most as many of them.
        if self.of_strangers >= 2 * strangers_max {
            return Err(ConnectionRefused::Stranger);
        }
        if self.strangers.len() >= strangers_max
            && let Some((_, gives_way)) = self.strangers.pop_first()
        {
            gives_way.notify_one();
        }
        Ok(())
    }
}

impl Standing {
    /// Somebody who is known has it. One that was told to give way does.
    pub fn promote(&self) {
        if self.is_known() {
            return;
        }
        let mut open = self.connections.open();
        if open.strangers.remove(&self.number).is_some() {
            open.of_strangers = open.of_strangers.saturating_sub(1);
            self.known.store(true, Ordering::Release);
        }
    }

    /// Whether it is known who has it.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.known.load(Ordering::Acquire)
    }

    /// Waits until it has to give way to another connection, if ever.
    pub async fn gives_way(&self) {
        self.gives_way.notified().await;
    }

    /// Waits until it has lasted too long for one of nobody who is known, if ever.
    pub async fn lasts_too_long(&self, stranger_max: Duration) {
        tokio::time::sleep(stranger_max).await;
        if self.is_known() {
            std::future::pending().await
        }
    }
}

impl ConnectionPermit {
    /// Whether somebody who is known has the connection.
    #[must_use]
    pub fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut open = self.standing.connections.open();
        open.total = open.total.saturating_sub(1);
        open.strangers.remove(&self.standing.number);
        if !self.standing.is_known() {
            open.of_strangers = open.of_strangers.saturating_sub(1);
        }
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
