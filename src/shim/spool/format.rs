//! The spool's lines: a checksum, a space, JSON, a line feed. The first line says which numbers the
//! file is about; the others are events, calls on their way, and acknowledgements.
//!
//! Whatever was cut, torn or flipped fails its checksum and is counted. Numbers show what is
//! missing between events; at the end, where nothing follows, each broken line counts as one
//! event, because it may have been one.

use crate::model::json::{Json, Limits, parse};
use crate::shim::event::{DecisionRef, EventBody, Kept};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Bytes of the SHA-256 that stand before each line, in hexadecimal.
const CHECKSUM_BYTES: usize = 8;
/// Largest number of an event: JSON's integers are exact up to here.
pub const NUMBER_MAX: u64 = (1 << 53) - 1;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Which numbers the file is about.
    Head {
        /// Events before it are acknowledged.
        first: u64,
        /// The number that the next event gets, at least.
        next: u64,
    },
    /// An event.
    Event(Kept),
    /// A call that is about to be forwarded.
    Forwarding(DecisionRef),
    /// Events up to this number are acknowledged.
    Acknowledged {
        /// That number.
        up_to: u64,
    },
}

impl Line {
    /// The line with its checksum and its end.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let json = match self {
            Self::Head { first, next } => {
                let numbers = Json::object([("first", *first), ("next", *next)]);
                Json::object([("spool", numbers)])
            }
            Self::Event(event) => event.to_json(),
            Self::Forwarding(decision) => decision.to_json(),
            Self::Acknowledged { up_to } => Json::object([("acknowledged", *up_to)]),
        };
        sealed(&json.to_bytes())
    }

    /// Reads a line without its end; `None` if it is none, or damaged.
    #[must_use]
    pub fn from_bytes(line: &[u8]) -> Option<Self> {
        let json = parse(unsealed(line)?, Limits::REQUEST).ok()?;
        let number = |json: &Json| json.as_u64().filter(|number| *number <= NUMBER_MAX);
        if let Some(numbers) = json.get("spool") {
            let first = number(numbers.get("first")?)?;
            let next = number(numbers.get("next")?)?;
            return (first >= 1 && first <= next).then_some(Self::Head { first, next });
        }
        if let Some(up_to) = json.get("acknowledged") {
            let up_to = number(up_to)?;
            return Some(Self::Acknowledged { up_to });
        }
        if let Some(decision) = DecisionRef::from_json(&json) {
            return Some(Self::Forwarding(decision));
        }
        let event = Kept::from_json(&json)?;
        (1..NUMBER_MAX)
            .contains(&event.number)
            .then_some(Self::Event(event))
    }
}

/// A text without line feeds as a line with its checksum.
#[must_use]
pub fn sealed(text: &[u8]) -> Vec<u8> {
    let mut line = checksum(text).into_bytes();
    line.push(b' ');
    line.extend_from_slice(text);
    line.push(b'\n');
    line
}

/// The text of a line without its end, if its checksum is right.
#[must_use]
pub fn unsealed(line: &[u8]) -> Option<&[u8]> {
    let (found, text) = line.split_at_checked(2 * CHECKSUM_BYTES)?;
    let text = text.strip_prefix(b" ")?;
    (found == checksum(text).as_bytes()).then_some(text)
}

fn checksum(text: &[u8]) -> String {
    let digest = Sha256::digest(text);
    let bytes = digest.iter().take(CHECKSUM_BYTES);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// What a spool's file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// The first number that is not acknowledged.
    pub first: u64,
    /// The number of the next event.
    pub next: u64,
    /// The events that wait, in order.
    pub events: Vec<Kept>,
    /// Calls on their way that have no outcome, by their decision.
    pub forwarded: BTreeMap<String, DecisionRef>,
    /// Lines that are broken.
    pub damaged_lines: u64,
    /// Nothing in the file tells numbers: they start again.
    pub is_new: bool,
}

impl Contents {
    /// How many events are lost for certain, or may be.
    #[must_use]
    pub fn lost(&self) -> u64 {
        (self.next - self.first).saturating_sub(self.events.len() as u64)
    }
}

/// Reads a spool's file, whatever happened to it.
#[must_use]
pub fn read(bytes: &[u8]) -> Contents {
    let mut reading = Reading::default();
    let mut lines = bytes.split(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let is_after_the_end = line.is_empty() && lines.peek().is_none();
        if !is_after_the_end {
            reading.take(line);
        }
    }
    reading.done()
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    /// By the head, or by the first event where the head is broken.
    first: Option<u64>,
    next: u64,
    acknowledged: u64,
    damaged_lines: u64,
    /// Broken lines since the last one with a number.
    damaged_since: u64,
    events: Vec<Kept>,
    forwarded: BTreeMap<String, DecisionRef>,
}

impl Reading {
    fn take(&mut self, line: &[u8]) {
        match Line::from_bytes(line) {
            Some(Line::Head { first, next }) if self.first.is_none() => {
                self.first = Some(first);
                self.next = next;
            }
            Some(Line::Event(event)) if self.is_next(&event) => self.take_event(event),
            Some(Line::Forwarding(decision)) => {
                let id = decision.decision_id.clone();
                self.forwarded.insert(id, decision);
            }
            Some(Line::Acknowledged { up_to }) => {
                self.acknowledged = self.acknowledged.max(up_to);
            }
            Some(Line::Head { .. } | Line::Event(_)) | None => {
                self.damaged_lines += 1;
                self.damaged_since += 1;
            }
        }
    }

    fn is_next(&self, event: &Kept) -> bool {
        let last = self.events.last();
        last.is_none_or(|last| last.number < event.number)
    }

    fn take_event(&mut self, event: Kept) {
        let before = event.number.saturating_sub(self.damaged_since).max(1);
        self.first.get_or_insert(before);
        self.next = self.next.max(event.number + 1);
        self.damaged_since = 0;
        if let EventBody::Outcome(outcome) = &event.body {
            self.forwarded.remove(&outcome.decision.decision_id);
        }
        self.events.push(event);
    }

    fn done(mut self) -> Contents {
        let is_new = self.first.is_none();
        let first = self.first.unwrap_or(1).max(self.acknowledged + 1);
        let next = self.next.max(first) + self.damaged_since;
        self.events.retain(|event| event.number >= first);
        Contents {
            first,
            next,
            events: self.events,
            forwarded: self.forwarded,
            damaged_lines: self.damaged_lines,
            is_new,
        }
    }
}

#[cfg(test)]
mod tests;
