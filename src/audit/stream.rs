//! Events that shims stream to the PDP: which are new, which were sent before, which are missing.
//!
//! A shim numbers its events from 1 within (shim, epoch, origin of the log that receives them),
//! sends them in order, and sends again what was not acknowledged. One tracker belongs to one log,
//! so the origin is given. Use, with the tracker locked throughout the first two steps, so that
//! the order of the log is the order here:
//!
//! 1. `judge` the event. A duplicate is not recorded again; an event under the number of another
//!    one is, and its record says so.
//! 2. Otherwise append the gap's record, if there is one, and the event's, and `note` both. What
//!    could not be appended must not be noted: the shim will send it again.
//! 3. Once the append is durable: `note_durable`, and acknowledge `acknowledged`.

#[cfg(test)]
mod tests;

use super::record::{DecisionRecord, Gap, Heartbeat, INTEGER_MAX, OutcomeRecord, Record};
use super::record::{ShimConnected, ShimPosition};
use crate::model::json::{Json, Object};
use crate::model::time::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::RangeInclusive;

/// How many (shim, epoch) are remembered: beyond it, the one that was silent longest is forgotten.
/// If it comes back, its repeated events are recorded twice (readers drop the second by its
/// `event_id`) and a gap is recorded that may be none: too much, never too little.
pub const TRACKED_STREAMS_MAX: usize = 65_536;
/// How many gaps of one stream stay open for events that arrive late.
pub const OPEN_GAPS_MAX: usize = 16;
/// How many events are remembered by their ids, of all streams together. One that is sent again
/// after it was forgotten is recorded twice, as one whose number was used before.
pub const REMEMBERED_EVENTS_MAX: usize = 131_072;
/// Longest id of a shim, in bytes.
pub const SHIM_ID_BYTES_MAX: usize = 128;

/// One event of a shim, converted from the wire and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The shim's id.
    pub shim_id: String,
    /// How often the shim has started: 1 the first time.
    pub epoch: u64,
    /// The event's number: 1 for the first.
    pub seq: u64,
    /// UUIDv7 of the event, as text.
    pub event_id: String,
    /// When it happened, by the shim's clock.
    pub time: Option<Timestamp>,
    /// What happened.
    pub kind: EventKind,
}

/// What a shim has to say. The event's own place and id are filled in by `Event::into_record`.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// It started.
    ShimConnected {
        /// Who the shim proved to be.
        caller: String,
        /// The MCP server that it stands before.
        tool_server: String,
        /// The shim's version.
        version: String,
    },
    /// What became of a call.
    Outcome(Box<OutcomeRecord>),
    /// What it decided on its own, such as a denial because the PDP was away.
    Decision(Box<DecisionRecord>),
    /// It is alive.
    Heartbeat {
        /// Events that wait in its spool.
        spooled: u64,
    },
}

impl Event {
    /// The record of this event, and whether its number was used before.
    #[must_use]
    pub fn into_record(self, seq_reused: bool) -> Record {
        let shim = ShimPosition {
            id: self.shim_id,
            epoch: self.epoch,
            seq: Some(self.seq),
            seq_reused,
        };
        let (event_id, event_time) = (self.event_id, self.time);
        match self.kind {
            EventKind::ShimConnected {
                caller,
                tool_server,
                version,
            } => Record::ShimConnected(ShimConnected {
                shim,
                event_id,
                event_time,
                caller,
                tool_server,
                version,
            }),
            EventKind::Outcome(mut outcome) => {
                outcome.shim = Some(shim);
                outcome.event_id = Some(event_id);
                outcome.event_time = event_time;
                Record::Outcome(outcome)
            }
            EventKind::Decision(mut decision) => {
                decision.shim = Some(shim);
                decision.event_id = Some(event_id);
                decision.event_time = event_time;
                Record::Decision(decision)
            }
            EventKind::Heartbeat { spooled } => Record::Heartbeat(Heartbeat {
                shim: Some(shim),
                event_id: Some(event_id),
                event_time,
                spooled: Some(spooled),
            }),
        }
    }
}

/// What an event is to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// Not seen before.
    New {
        /// What is missing before it, to be recorded first.
        gap: Option<Gap>,
    },
    /// Recorded before.
    Duplicate,
    /// Its number is that of an event before, and its id is not, or is forgotten: a shim that
    /// counts wrongly, or somebody in its name. To be recorded, since nothing is dropped on
    /// suspicion.
    Reused,
}

/// Why an event is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventRefused {
    /// The shim's id is empty or too long.
    #[error("shim id must have 1 to {SHIM_ID_BYTES_MAX} bytes")]
    ShimId,
    /// The number or the epoch is 0 or too large.
    #[error("epoch and seq of an event must be from 1 to {INTEGER_MAX}")]
    Number,
}

/// The streams of one log.
#[derive(Debug, Default)]
pub struct Tracker {
    streams: HashMap<(String, u64), Stream>,
    /// Counts events, to tell who was silent longest.
    tick: u64,
    seen: Seen,
}

/// The events that are remembered: the stream's number, the event's, and a hash of its id.
#[derive(Debug, Default)]
struct Seen {
    events: HashSet<(u64, u64, u128)>,
    oldest_first: VecDeque<(u64, u64, u128)>,
}

impl Seen {
    fn remember(&mut self, event: (u64, u64, u128)) {
        if !self.events.insert(event) {
            return;
        }
        self.oldest_first.push_back(event);
        if self.oldest_first.len() > REMEMBERED_EVENTS_MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.events.remove(&oldest);
        }
    }
}

#[derive(Debug, Default)]
struct Stream {
    /// Tells streams apart for as long as the tracker lives.
    number: u64,
    /// Everything up to here is recorded, or recorded as missing.
    high: u64,
    durable: u64,
    open: Vec<RangeInclusive<u64>>,
    last_tick: u64,
}

impl Tracker {
    /// Tells what this event is. Changes nothing.
    ///
    /// # Errors
    /// If the event cannot be placed at all.
    pub fn judge(&self, event: &Event) -> Result<Accepted, EventRefused> {
        check(&event.shim_id, event.epoch, event.seq)?;
        let key = (event.shim_id.clone(), event.epoch);
        let Some(stream) = self.streams.get(&key) else {
            let gap = gap(event, 0);
            return Ok(Accepted::New { gap });
        };
        let is_late = stream.open.iter().any(|gap| gap.contains(&event.seq));
        Ok(match event.seq > stream.high {
            true => Accepted::New {
                gap: gap(event, stream.high),
            },
            false if self.has_seen(stream, event) => Accepted::Duplicate,
            false if is_late => Accepted::New { gap: None },
            false => Accepted::Reused,
        })
    }

    fn has_seen(&self, stream: &Stream, event: &Event) -> bool {
        let event = (stream.number, event.seq, id_hash(&event.event_id));
        self.seen.events.contains(&event)
    }

    /// The event was appended.
    pub fn note(&mut self, event: &Event) {
        self.note_seq(&event.shim_id, event.epoch, event.seq, &event.event_id);
    }

    /// The gap was appended.
    pub fn note_gap(&mut self, gap: &Gap) {
        let stream = self.stream(&gap.shim_id, gap.epoch);
        open_range(&mut stream.open, gap.first_seq..=gap.last_seq);
        stream.high = stream.high.max(gap.last_seq);
    }

    /// The event, and with it everything that was appended before it, is durable.
    pub fn note_durable(&mut self, shim_id: &str, epoch: u64, seq: u64) {
        if let Some(stream) = self.streams.get_mut(&(shim_id.to_owned(), epoch)) {
            stream.durable = stream.durable.max(seq);
        }
    }

    /// What to acknowledge: every event up to this number is durable, or is durably recorded as
    /// missing. 0: nothing yet.
    #[must_use]
    pub fn acknowledged(&self, shim_id: &str, epoch: u64) -> u64 {
        let stream = self.streams.get(&(shim_id.to_owned(), epoch));
        stream.map_or(0, |stream| stream.durable)
    }

    /// Learns from a record that the log already holds, and that therefore is durable.
    pub fn replay(&mut self, record: &Object) {
        let number = |name| record.get(name).and_then(Json::as_u64);
        let Some((id, epoch, seq)) = record.get("shim").and_then(position) else {
            return;
        };
        let event_id = record.get("event_id").and_then(Json::as_str);
        match (seq, event_id, number("first_seq"), number("last_seq")) {
            (Some(seq), Some(event_id), _, _) => self.note_seq(id, epoch, seq, event_id),
            (None, _, Some(first_seq), Some(last_seq)) => self.note_gap(&Gap {
                shim_id: id.to_owned(),
                epoch,
                first_seq,
                last_seq,
            }),
            _ => return,
        }
        let stream = self.stream(id, epoch);
        stream.durable = stream.high;
    }

    fn note_seq(&mut self, shim_id: &str, epoch: u64, seq: u64, event_id: &str) {
        let stream = self.stream(shim_id, epoch);
        stream.high = stream.high.max(seq);
        close_one(&mut stream.open, seq);
        let event = (stream.number, seq, id_hash(event_id));
        self.seen.remember(event);
    }

    fn stream(&mut self, shim_id: &str, epoch: u64) -> &mut Stream {
        let key = (shim_id.to_owned(), epoch);
        if self.streams.len() >= TRACKED_STREAMS_MAX && !self.streams.contains_key(&key) {
            self.forget_one();
        }
        self.tick += 1;
        let tick = self.tick;
        let new = || Stream {
            number: tick,
            ..Stream::default()
        };
        let stream = self.streams.entry(key).or_insert_with(new);
        stream.last_tick = tick;
        stream
    }

    fn forget_one(&mut self) {
        let silent = self.streams.iter().min_by_key(|(_, s)| s.last_tick);
        if let Some(key) = silent.map(|(key, _)| key.clone()) {
            self.streams.remove(&key);
        }
    }
}

fn id_hash(event_id: &str) -> u128 {
    let digest = Sha256::digest(event_id.as_bytes());
    let bytes = digest.iter().take(16);
    bytes.fold(0, |hash, byte| hash << 8 | u128::from(*byte))
}

fn check(shim_id: &str, epoch: u64, seq: u64) -> Result<(), EventRefused> {
    if shim_id.is_empty() || shim_id.len() > SHIM_ID_BYTES_MAX {
        return Err(EventRefused::ShimId);
    }
    let numbers = 1..=INTEGER_MAX;
    if !numbers.contains(&epoch) || !numbers.contains(&seq) {
        return Err(EventRefused::Number);
    }
    Ok(())
}

fn gap(event: &Event, high: u64) -> Option<Gap> {
    let (first_seq, last_seq) = (high + 1, event.seq - 1);
    (first_seq <= last_seq).then(|| Gap {
        shim_id: event.shim_id.clone(),
        epoch: event.epoch,
        first_seq,
        last_seq,
    })
}

/// Takes one number out of the open ranges.
fn close_one(open: &mut Vec<RangeInclusive<u64>>, seq: u64) {
    let Some(at) = open.iter().position(|range| range.contains(&seq)) else {
        return;
    };
    let range = open.remove(at);
    let parts = [*range.start()..=seq - 1, seq + 1..=*range.end()];
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        open_range(open, part);
    }
}

/// Adds a range; beyond the limit the oldest one is given up.
fn open_range(open: &mut Vec<RangeInclusive<u64>>, range: RangeInclusive<u64>) {
    if open.len() >= OPEN_GAPS_MAX {
        open.remove(0);
    }
    open.push(range);
}

fn position(shim: &Json) -> Option<(&str, u64, Option<u64>)> {
    let number = |name| shim.get(name).and_then(Json::as_u64);
    Some((shim.get("id")?.as_str()?, number("epoch")?, number("seq")))
}
