//! Calls that were refused without a record of their own.

use super::fields::{Canonical, Fields, Items, members};
use crate::model::time::Timestamp;

/// Calls of nobody who is known, beyond the rate up to which each is a decision of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallsRefused {
    /// The first instant of the interval.
    pub since: Timestamp,
    /// The first instant after it.
    pub until: Timestamp,
    /// How many calls, all in all.
    pub calls: u64,
    /// From whom, who asked most first.
    pub from: Vec<RefusedPeer>,
    /// Calls of peers beyond those that are told apart.
    pub of_others: u64,
}

/// What one peer asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedPeer {
    /// Its address, or `uid <number>`.
    pub peer: String,
    /// How many calls.
    pub calls: u64,
}

impl CallsRefused {
    /// The fields of the record.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields
            .integer("calls", self.calls)
            .put("from", Items(self.from.iter().map(RefusedPeer::member)))
            .optional("of_others", (self.of_others > 0).then_some(self.of_others))
            .put("reason", "unauthenticated")
            .put("since", self.since.rfc3339_micros())
            .put("until", self.until.rfc3339_micros());
    }
}

impl RefusedPeer {
    fn member(&self) -> impl Canonical {
        members(|fields| {
            fields
                .integer("calls", self.calls)
                .put("peer", self.peer.as_str());
        })
    }
}
