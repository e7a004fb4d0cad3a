//! Which outcome belongs to which decision, over a bounded window.
//!
//! A decision waits here until its outcome comes, until the log has gone on for
//! `OUTCOME_WAIT_SECONDS_MAX`, or until `WAITING_CALLS_MAX` others came after it; it then becomes a
//! row, with its outcome or without one, and never a second one.

use super::row::Row;
use crate::model::json::{Json, Object};
use crate::model::time::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Calls that wait for their outcome at once.
pub const WAITING_CALLS_MAX: usize = 16_384;
/// Outcomes that wait for their decision, which another log has: as many.
pub const EARLY_OUTCOMES_MAX: usize = 4_096;
/// How long a call waits for its outcome, by the times of the records, in seconds: as long as the
/// server remembers a decision.
pub const OUTCOME_WAIT_SECONDS_MAX: u64 = 3_600;

/// Where a record is: the number of its log, and its seq.
pub type At = (usize, u64);

struct Call {
    row: Row,
    at: At,
    decision_id: String,
}

/// The window.
#[derive(Default)]
pub struct Window {
    /// In the order in which they came.
    calls: BTreeMap<u64, Call>,
    order: HashMap<String, u64>,
    count: u64,
    early: BTreeMap<String, (At, Object)>,
}

/// What became of an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paired {
    /// It completes this call.
    Row(Row),
    /// Its decision may still come from another log.
    Early,
    /// There is no call that waits for it.
    Unpaired,
}

impl Window {
    /// A decision that has an outcome or will: the rows that leave, the oldest first.
    pub fn decision(&mut self, at: At, record: &Object) -> Vec<Row> {
        let mut row = Row::of_decision(record);
        let decision_id = row.text("decision_id").unwrap_or_default().to_owned();
        if let Some((_, outcome)) = self.early.get(&decision_id)
            && belongs(&row, outcome)
        {
            row.add_outcome(outcome);
            self.early.remove(&decision_id);
            return vec![row];
        }
        let mut rows = Vec::new();
        if self.calls.len() >= WAITING_CALLS_MAX {
            rows.extend(self.pop());
        }
        self.count += 1;
        self.order.insert(decision_id.clone(), self.count);
        let call = Call {
            row,
            at,
            decision_id,
        };
        self.calls.insert(self.count, call);
        rows
    }

    /// An outcome. Where there are several logs, it may come before its decision.
    pub fn outcome(&mut self, at: At, record: Object, is_early_possible: bool) -> Paired {
        let id = record.get("decision_id").and_then(Json::as_str);
        let id = id.unwrap_or_default().to_owned();
        let order = self.order.get(&id).copied();
        let call = order.and_then(|order| self.calls.get(&order));
        match call {
            Some(call) if belongs(&call.row, &record) => {}
            Some(_) => return Paired::Unpaired,
            None if is_early_possible && self.early.len() < EARLY_OUTCOMES_MAX => {
                self.early.insert(id, (at, record));
                return Paired::Early;
            }
            None => return Paired::Unpaired,
        }
        let call = self.order.remove(&id);
        let Some(mut call) = call.and_then(|order| self.calls.remove(&order)) else {
            return Paired::Unpaired;
        };
        call.row.add_outcome(&record);
        Paired::Row(call.row)
    }

    /// The calls that have waited for longer than this at this time, the oldest first, and how many
    /// outcomes have for their decision.
    pub fn expired(&mut self, now: Timestamp, wait: Duration) -> (Vec<Row>, u64) {
        let mut rows = Vec::new();
        while let Some((_, call)) = self.calls.first_key_value() {
            if call.row.time().plus(wait) > now {
                break;
            }
            rows.extend(self.pop());
        }
        let before = self.early.len();
        self.early.retain(|_, (_, outcome)| {
            let time = outcome.get("time").and_then(Json::as_str);
            let time = time.and_then(Timestamp::parse_rfc3339).unwrap_or_default();
            time.plus(wait) > now
        });
        (rows, (before - self.early.len()) as u64)
    }

    /// What waits, of one log, in order: read anew, these records bring the window back.
    #[must_use]
    pub fn waiting(&self, log: usize) -> Vec<u64> {
        let calls = self.calls.values().map(|call| call.at);
        let early = self.early.values().map(|(at, _)| *at);
        let here = calls.chain(early).filter(|(of, _)| *of == log);
        let mut seqs: Vec<_> = here.map(|(_, seq)| seq).collect();
        seqs.sort_unstable();
        seqs
    }

    /// How many calls wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    fn pop(&mut self) -> Option<Row> {
        let (order, call) = self.calls.pop_first()?;
        if self.order.get(&call.decision_id) == Some(&order) {
            self.order.remove(&call.decision_id);
        }
        Some(call.row)
    }
}

/// Whether the outcome may be that of the call: the same call where both name one, and vouched for
/// where its log is the one that has the decision.
fn belongs(row: &Row, outcome: &Object) -> bool {
    let text = |name| outcome.get(name).and_then(Json::as_str);
    let known = outcome.get("decision_known").and_then(Json::as_bool);
    let is_same_log = text("origin") == row.text("origin");
    let is_same_call = match (row.text("call_id"), text("call_id")) {
        (Some(call), Some(told)) => call == told,
        _ => true,
    };
    is_same_call && (known == Some(true) || !is_same_log)
}
