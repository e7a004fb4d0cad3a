//! Calls of nobody who is known: each is a record up to a rate, and beyond it a number in one
//! record, so that a flood of them neither fills the log nor goes unseen.

use super::connection::PeerAddress;
use super::overload::Overload;
use crate::audit::record::{CallsRefused, RefusedPeer};
use crate::model::time::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// After which time counting starts anew, and what was refused is recorded.
pub const STRANGERS_INTERVAL: Duration = Duration::from_secs(10);
/// Most calls of one peer that are denied with a record each, in one interval.
pub const STRANGER_RECORDS_PER_PEER_MAX: usize = 32;
/// The same of all peers.
pub const STRANGER_RECORDS_MAX: usize = 256;
/// Peers that are told apart in one interval; the others are counted together.
pub const STRANGER_PEERS_MAX: usize = 1024;

/// Counts calls of nobody who is known.
#[derive(Debug)]
pub struct Strangers(Mutex<Interval>);

#[derive(Debug)]
struct Interval {
    since: Timestamp,
    recorded: usize,
    /// `None`: all who are not told apart.
    by_peer: HashMap<Option<PeerAddress>, Calls>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    recorded: usize,
    refused: u64,
}

impl Strangers {
    /// Counts from now on.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(Interval::new(now)))
    }

    /// Whether so many calls at once of this peer may each be recorded.
    ///
    /// # Errors
    /// They may not: they are counted, and the peer is to come back later.
    pub fn admit(&self, address: PeerAddress, calls: usize) -> Result<(), Overload> {
        let mut interval = self.interval();
        let calls = calls.max(1);
        let room = STRANGER_RECORDS_MAX.saturating_sub(interval.recorded);
        let of_peer = interval.of(address);
        let room_of_peer = STRANGER_RECORDS_PER_PEER_MAX.saturating_sub(of_peer.recorded);
        if calls > room.min(room_of_peer) {
            of_peer.refused = of_peer.refused.saturating_add(calls as u64);
            return Err(Overload::Strangers);
        }
        of_peer.recorded += calls;
        interval.recorded += calls;
        Ok(())
    }

    /// Ends the interval: what was refused in it, who asked most first.
    #[must_use]
    pub fn take(&self, now: Timestamp) -> Option<CallsRefused> {
        let ended = std::mem::replace(&mut *self.interval(), Interval::new(now));
        let mut from = Vec::new();
        let mut of_others = 0;
        for (peer, calls) in ended.by_peer.into_iter().filter(|(_, it)| it.refused > 0) {
            match peer {
                Some(peer) => from.push(RefusedPeer {
                    peer: peer.to_string(),
                    calls: calls.refused,
                }),
                None => of_others = calls.refused,
            }
        }
        from.sort_by(|a, b| b.calls.cmp(&a.calls).then_with(|| a.peer.cmp(&b.peer)));
        let calls = from.iter().map(|it| it.calls).sum::<u64>() + of_others;
        (calls > 0).then_some(CallsRefused {
            since: ended.since,
            until: now,
            calls,
            from,
            of_others,
        })
    }

    fn interval(&self) -> MutexGuard<'_, Interval> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interval {
    fn new(since: Timestamp) -> Self {
        Self {
            since,
            recorded: 0,
            by_peer: HashMap::new(),
        }
    }

    fn of(&mut self, address: PeerAddress) -> &mut Calls {
        let address = Some(address);
        let is_told_apart =
            self.by_peer.len() < STRANGER_PEERS_MAX || self.by_peer.contains_key(&address);
        self.by_peer
            .entry(address.filter(|_| is_told_apart))
            .or_default()
    }
}

#[cfg(test)]
mod tests;
