//! Events that are not acknowledged yet, on disk: one JSON object a line; and which calls are on
//! their way, so that those whose end a killed process did not see have an outcome at the next
//! start.
//!
//! A process that is killed loses nothing that was appended. A machine that loses power loses what
//! was not synced ([`SyncPolicy`]); the missing numbers show as a gap in the log.

use crate::shim::event::{DecisionRef, Event, EventBody};
use crate::shim::state::write_whole;
use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Most events that wait for their acknowledgement; beyond it no more calls are forwarded.
pub const SPOOLED_EVENTS_MAX: usize = 16_384;
/// Largest spool, in bytes.
pub const SPOOL_BYTES_MAX: u64 = 64 << 20;
/// Longest event, in bytes, by which room is reserved: names are bounded, and so is an event.
pub const EVENT_BYTES_MAX: u64 = 128 << 10;
/// Acknowledged lines are cleared out of the file once it is longer than this, in bytes.
const CLEARED_FROM_BYTES: u64 = 1 << 20;

/// When appended events are forced to the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Before the client sees the result: survives the loss of power, costs a sync a call.
    EachEvent,
    /// In the background, at most [`crate::shim::report::SYNC_MS`] later.
    #[default]
    Background,
}

/// The unacknowledged events, in memory and on disk.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    file: File,
    file_bytes: u64,
    waiting: VecDeque<Event>,
    /// Forwarded calls without an outcome, by their decision.
    forwarded: BTreeMap<String, DecisionRef>,
    waiting_bytes: u64,
    policy: SyncPolicy,
    unsynced: bool,
}

impl Spool {
    /// Opens the spool and reads what was not acknowledged before. Lines that are no events (a
    /// torn last one) are left out: their numbers are missing, which the log records as a gap.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(path: &Path, policy: SyncPolicy) -> io::Result<Self> {
        let mut file = append_to(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut spool = Self {
            path: path.to_owned(),
            file,
            file_bytes: bytes.len() as u64,
            waiting: VecDeque::new(),
            forwarded: BTreeMap::new(),
            waiting_bytes: 0,
            policy,
            unsynced: false,
        };
        for line in bytes.split(|byte| *byte == b'\n') {
            if let Some(decision) = DecisionRef::from_line(line) {
                spool
                    .forwarded
                    .insert(decision.decision_id.clone(), decision);
            } else if let Some(event) = Event::from_line(line) {
                spool.note_end(&event);
                spool.waiting.push_back(event);
            }
        }
        spool.rewrite()?;
        Ok(spool)
    }

    /// Whether so many more events surely fit.
    #[must_use]
    pub fn has_room(&self, events: usize) -> bool {
        let bytes = (events as u64).saturating_mul(EVENT_BYTES_MAX);
        self.waiting.len().saturating_add(events) <= SPOOLED_EVENTS_MAX
            && self.waiting_bytes.saturating_add(bytes) <= SPOOL_BYTES_MAX
    }

    /// Appends an event, on disk as the policy says.
    ///
    /// # Errors
    /// The file system's. The event is kept in memory even then.
    pub fn append(&mut self, event: Event) -> io::Result<()> {
        let line = event.to_line();
        self.note_end(&event);
        self.waiting.push_back(event);
        self.waiting_bytes += line.len() as u64 + 1;
        self.write(line)
    }

    /// Notes that a call is about to be forwarded, on disk as the policy says.
    ///
    /// # Errors
    /// The file system's.
    pub fn forwarding(&mut self, decision: &DecisionRef) -> io::Result<()> {
        let id = decision.decision_id.clone();
        self.forwarded.insert(id, decision.clone());
        self.write(decision.to_line())
    }

    /// The calls that were on their way when the process ended before.
    #[must_use]
    pub fn forwarded(&self) -> Vec<DecisionRef> {
        self.forwarded.values().cloned().collect()
    }

    fn note_end(&mut self, event: &Event) {
        if let EventBody::Outcome(outcome) = &event.body {
            self.forwarded.remove(&outcome.decision.decision_id);
        }
    }

    fn write(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        self.file_bytes += line.len() as u64;
        self.file.write_all(&line)?;
        self.unsynced = true;
        match self.policy {
            SyncPolicy::EachEvent => self.sync(),
            SyncPolicy::Background => Ok(()),
        }
    }

    /// Forces what was appended to the disk.
    ///
    /// # Errors
    /// The file system's.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.unsynced {
            self.file.sync_data()?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// The file, if something in it is not synced yet; it counts as synced from here on.
    ///
    /// # Errors
    /// The file system's.
    pub fn take_unsynced(&mut self) -> io::Result<Option<File>> {
        if !std::mem::take(&mut self.unsynced) {
            return Ok(None);
        }
        self.file.try_clone().map(Some)
    }

    /// The oldest events of one epoch, at most so many.
    #[must_use]
    pub fn oldest(&self, events_max: usize) -> Vec<Event> {
        let Some(epoch) = self.waiting.front().map(|event| event.epoch) else {
            return Vec::new();
        };
        let same = self.waiting.iter().take_while(|event| event.epoch == epoch);
        same.take(events_max).cloned().collect()
    }

    /// Removes what is durable elsewhere: the events of this epoch up to this number.
    ///
    /// # Errors
    /// The file system's. The events are gone from memory even then, and sent again after a
    /// restart, which the log recognises.
    pub fn acknowledge(&mut self, epoch: u64, durable_seq: u64) -> io::Result<()> {
        while let Some(event) = self.waiting.front() {
            if event.epoch != epoch || event.seq > durable_seq {
                break;
            }
            self.waiting_bytes = self
                .waiting_bytes
                .saturating_sub(event.to_line().len() as u64 + 1);
            self.waiting.pop_front();
        }
        let mostly_done = self.waiting_bytes < self.file_bytes / 2;
        let nothing = self.waiting.is_empty() && self.forwarded.is_empty();
        if nothing || (mostly_done && self.file_bytes > CLEARED_FROM_BYTES) {
            self.rewrite()?;
        }
        Ok(())
    }

    /// How many events wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no event waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Makes the file hold what waits and nothing else.
    fn rewrite(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        for decision in self.forwarded.values() {
            text.extend(decision.to_line());
            text.push(b'\n');
        }
        let calls_bytes = text.len() as u64;
        for event in &self.waiting {
            text.extend(event.to_line());
            text.push(b'\n');
        }
        let length = text.len() as u64;
        if text.is_empty() {
            self.file.set_len(0)?;
        } else {
            let dir = self.path.parent().unwrap_or(Path::new("."));
            let name = self.path.file_name().unwrap_or_default().to_string_lossy();
            write_whole(dir, &name, &text)?;
            self.file = append_to(&self.path)?;
        }
        (self.file_bytes, self.waiting_bytes) = (length, length - calls_bytes);
        Ok(())
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).read(true).append(true).mode(0o600);
    options.open(path)
}

#[cfg(test)]
mod tests;
