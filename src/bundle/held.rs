//! Sets that were in force and can be put back, and the one that an administrator did put back.

#[cfg(test)]
mod tests;

use super::verify::Verified;
use crate::model::bundle::Sources;
use crate::model::time::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// Longest hold of a rollback, in seconds: a week.
pub const HOLD_SECONDS_MAX: u32 = 604_800;

/// A set that can be put in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its revision's name.
    pub revision: String,
    /// `sha256:<hex>` over its files.
    pub digest: String,
    /// When it was last read from the sources, and found good.
    pub since: Timestamp,
}

/// Which set to put in force, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// The set's digest.
    pub digest: String,
    /// Why.
    pub reason: String,
    /// Who asks.
    pub by: String,
    /// How long no other set is put in force, but by another rollback.
    pub hold: Duration,
}

/// The rollback that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// The set's digest.
    pub digest: String,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub by: String,
    /// When the newest set is in force again.
    pub until: Timestamp,
}

/// Why nothing was put in force.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SteerError {
    /// No such set.
    #[error(
        "no set with the digest `{0}` is held; `toolgate policy status` (`GetStatus`) lists those that are"
    )]
    Unknown(String),
    /// It compiled once, and does not now.
    #[error("the set does not compile any more: {0}")]
    Refused(String),
    /// Nobody would know of it.
    #[error("the rollback could not be recorded: {0}")]
    Unrecorded(String),
    /// Too many others ask for the same.
    #[error("too many requests to reload or roll back are under way")]
    Busy,
    /// The process ends.
    #[error("policies are not loaded any more: the process ends")]
    Stopped,
    /// A bug.
    #[error("internal error: loading panicked")]
    Panicked,
}

/// What was read and found good, newest first. Kept as sources: a compiled set is many times their
/// size, once for each thread.
pub(super) struct Shelf {
    earlier_max: usize,
    sets: VecDeque<(Held, Verified<Sources>)>,
}

impl Shelf {
    /// Room for the newest set and so many earlier ones.
    pub(super) const fn new(earlier_max: usize) -> Self {
        Self {
            earlier_max,
            sets: VecDeque::new(),
        }
    }

    /// Takes the newest set; the oldest goes, but never the one that is pinned.
    pub(super) fn put(&mut self, held: Held, sources: Verified<Sources>, pinned: Option<&str>) {
        self.sets.retain(|(other, _)| other.digest != held.digest);
        self.sets.push_front((held, sources));
        let surplus = self.sets.len().saturating_sub(self.earlier_max + 1);
        for _ in 0..surplus {
            let mut oldest_first = (1..self.sets.len()).rev();
            let goes = |at: &usize| {
                let set = self.sets.get(*at);
                set.is_some_and(|(held, _)| Some(held.digest.as_str()) != pinned)
            };
            if let Some(oldest) = oldest_first.find(goes) {
                self.sets.remove(oldest);
            }
        }
    }

    pub(super) fn newest(&self) -> Option<&(Held, Verified<Sources>)> {
        self.sets.front()
    }

    pub(super) fn find(&self, digest: &str) -> Option<&Verified<Sources>> {
        let mut sets = self.sets.iter();
        let found = sets.find(|(held, _)| held.digest == digest);
        found.map(|(_, sources)| sources)
    }

    pub(super) fn list(&self) -> Vec<Held> {
        self.sets.iter().map(|(held, _)| held.clone()).collect()
    }
}
