//! Calls that were refused without a record of their own.

use super::fields::{Fields, Text};
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
    pub(super) fn fields(&self) -> Fields {
        let from = self.from.iter().map(|it| {
            let mut fields = Fields::default();
            fields
                .put("peer", it.peer.as_str())
                .integer("calls", it.calls);
            fields.take()
        });
        let mut fields = Fields::default();
        fields
            .put("reason", "unauthenticated")
            .put("since", self.since.rfc3339_micros())
            .put("until", self.until.rfc3339_micros())
            .integer("calls", self.calls)
            .put("from", Text::array(from));
        if self.of_others > 0 {
            fields.integer("of_others", self.of_others);
        }
        fields
    }
}
