//! Events that are not acknowledged yet, on disk, and which calls are on their way, so that those
//! whose end a killed process did not see have an outcome at the next start. See [`format`] for
//! the file.
//!
//! A process that is killed loses nothing that was appended. A machine that loses power loses what
//! was not synced ([`SyncPolicy`]). What was lost, by whatever, leaves a hole in the numbers, and
//! so a gap in the log.

pub mod format;

use crate::files::{self, Append, Files};
use crate::model::time::Timestamp;
use crate::shim::event::{DecisionRef, EventBody, Kept};
use format::{Contents, Line};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Most events that wait for their acknowledgement, where nothing else is asked for; beyond it no
/// more calls are forwarded.
pub const SPOOLED_EVENTS_MAX: usize = 16_384;
/// Largest spool, in bytes, where nothing else is asked for.
pub const SPOOL_BYTES_MAX: u64 = 64 << 20;
/// Longest event, in bytes, by which room is reserved: names are bounded, and so is an event.
pub const EVENT_BYTES_MAX: u64 = 128 << 10;
/// Longest file that is read, in bytes: beyond every spool that can be asked for.
const FILE_BYTES_MAX: u64 = 4 << 30;
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

/// How much may wait, and how safely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolConfig {
    /// When events are forced to the disk.
    pub sync: SyncPolicy,
    /// Most events that wait.
    pub events_max: usize,
    /// Most bytes that wait.
    pub bytes_max: u64,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            sync: SyncPolicy::default(),
            events_max: SPOOLED_EVENTS_MAX,
            bytes_max: SPOOL_BYTES_MAX,
        }
    }
}

/// A file that another thread can force to the disk.
pub type SharedFile = Arc<Mutex<Box<dyn Append>>>;

/// Forces what was appended to a file to the disk.
///
/// # Errors
/// The file system's.
pub fn sync_file(file: &SharedFile) -> io::Result<()> {
    file.lock().unwrap_or_else(PoisonError::into_inner).sync()
}

/// The unacknowledged events, in memory and on disk. One process has it: the slot it lies in is
/// locked.
pub struct Spool {
    files: Arc<dyn Files>,
    path: PathBuf,
    config: SpoolConfig,
    file: Box<dyn Append>,
    /// The same file once more, to be synced while the first is appended to.
    syncing: SharedFile,
    file_bytes: u64,
    /// Each with the length of its line.
    waiting: VecDeque<(u64, Kept)>,
    waiting_bytes: u64,
    /// Forwarded calls without an outcome, by their decision.
    forwarded: BTreeMap<String, DecisionRef>,
    /// The first number that is not acknowledged.
    first: u64,
    next: u64,
    unsynced: bool,
    /// The last line may have no end.
    torn: bool,
}

/// What was found when a spool was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Broken lines.
    pub damaged_lines: u64,
    /// Events that are lost for certain, or may be.
    pub lost: u64,
    /// Numbers start again: nothing tells those before.
    pub is_new: bool,
}

impl Spool {
    /// Opens the spool and reads what was not acknowledged before. `expected`: there was one, so
    /// that it counts as damaged if there is none.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(
        files: Arc<dyn Files>,
        path: &Path,
        config: SpoolConfig,
        expected: bool,
    ) -> io::Result<(Self, Found)> {
        let bytes = match files.read(path, FILE_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => Some(read?),
        };
        let contents = match (bytes, expected) {
            (Some(bytes), _) => format::read(&bytes),
            (None, false) => format::read(b""),
            // As if there were one broken line.
            (None, true) => format::read(b"\n"),
        };
        let found = Found {
            damaged_lines: contents.damaged_lines,
            lost: contents.lost(),
            is_new: contents.is_new,
        };
        let (text, waiting_bytes) = Self::text_of(&contents);
        files::replace(files.as_ref(), path, &text)?;
        let waiting = contents.events.into_iter();
        let spool = Self {
            file: files.open(path)?,
            syncing: Arc::new(Mutex::new(files.open(path)?)),
            files,
            path: path.to_owned(),
            config,
            file_bytes: text.len() as u64,
            waiting: waiting.map(|event| (length(&event), event)).collect(),
            waiting_bytes,
            forwarded: contents.forwarded,
            first: contents.first,
            next: contents.next,
            unsynced: false,
            torn: false,
        };
        Ok((spool, found))
    }

    /// Whether so many more events surely fit.
    #[must_use]
    pub fn has_room(&self, events: usize) -> bool {
        let bytes = (events as u64).saturating_mul(EVENT_BYTES_MAX);
        self.waiting.len().saturating_add(events) <= self.config.events_max
            && self.waiting_bytes.saturating_add(bytes) <= self.config.bytes_max
    }

    /// Numbers an event and appends it, on disk as the policy says.
    ///
    /// # Errors
    /// The file system's. The event is kept in memory even then.
    pub fn append(&mut self, event_id: String, time: Timestamp, body: EventBody) -> io::Result<()> {
        let event = Kept {
            number: self.next,
            event_id,
            time,
            body,
        };
        self.next += 1;
        if let EventBody::Outcome(outcome) = &event.body {
            self.forwarded.remove(&outcome.decision.decision_id);
        }
        let line = Line::Event(event.clone()).to_bytes();
        self.waiting_bytes += line.len() as u64;
        self.waiting.push_back((line.len() as u64, event));
        self.write(line)?;
        self.sync_if_each()
    }

    /// Notes that a call is about to be forwarded, on disk as the policy says.
    ///
    /// # Errors
    /// The file system's.
    pub fn forwarding(&mut self, decision: &DecisionRef) -> io::Result<()> {
        let id = decision.decision_id.clone();
        self.forwarded.insert(id, decision.clone());
        self.write(Line::Forwarding(decision.clone()).to_bytes())?;
        self.sync_if_each()
    }

    /// The calls that were on their way when the process ended before.
    #[must_use]
    pub fn forwarded(&self) -> Vec<DecisionRef> {
        self.forwarded.values().cloned().collect()
    }

    fn write(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        if self.torn {
            line.insert(0, b'\n');
        }
        self.file_bytes += line.len() as u64;
        self.unsynced = true;
        // Until it is known to be whole, what comes next starts a line of its own.
        self.torn = true;
        files::append_all(self.file.as_mut(), &line)?;
        self.torn = false;
        Ok(())
    }

    fn sync_if_each(&mut self) -> io::Result<()> {
        match self.config.sync {
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
            self.file.sync()?;
            self.unsynced = false;
        }
        Ok(())
    }

    /// The file, if something in it is not synced yet; it counts as synced from here on.
    #[must_use]
    pub fn take_unsynced(&mut self) -> Option<SharedFile> {
        std::mem::take(&mut self.unsynced).then(|| Arc::clone(&self.syncing))
    }

    /// The oldest events from this number on and before the other, at most so many.
    #[must_use]
    pub fn oldest(&self, from: u64, before: u64, events_max: usize) -> Vec<&Kept> {
        let events = self.waiting.iter().map(|(_, event)| event);
        events
            .skip_while(|event| event.number < from)
            .take_while(|event| event.number < before)
            .take(events_max)
            .collect()
    }

    /// The first number that is not acknowledged, and the one that the next event gets.
    #[must_use]
    pub const fn numbers(&self) -> (u64, u64) {
        (self.first, self.next)
    }

    /// Removes the events up to this number, which are durable elsewhere.
    ///
    /// # Errors
    /// The file system's. The events are gone from memory even then, and sent again after a
    /// restart, which the log recognises.
    pub fn acknowledge(&mut self, up_to: u64) -> io::Result<()> {
        let up_to = up_to.min(self.next - 1);
        if up_to < self.first {
            return Ok(());
        }
        self.first = up_to + 1;
        while let Some((bytes, event)) = self.waiting.front() {
            if event.number > up_to {
                break;
            }
            self.waiting_bytes = self.waiting_bytes.saturating_sub(*bytes);
            self.waiting.pop_front();
        }
        let mostly_done = self.waiting_bytes < self.file_bytes / 2;
        if mostly_done && self.file_bytes > CLEARED_FROM_BYTES {
            return self.rewrite();
        }
        self.write(Line::Acknowledged { up_to }.to_bytes())
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
        let contents = Contents {
            first: self.first,
            next: self.next,
            events: self.waiting.iter().map(|(_, it)| it.clone()).collect(),
            forwarded: self.forwarded.clone(),
            ..Contents::default()
        };
        let (text, waiting_bytes) = Self::text_of(&contents);
        let replaced = files::replace(self.files.as_ref(), &self.path, &text);
        // Whichever file has the name now: what is appended to the other is lost.
        self.file = self.files.open(&self.path)?;
        self.syncing = Arc::new(Mutex::new(self.files.open(&self.path)?));
        replaced?;
        self.file_bytes = text.len() as u64;
        self.waiting_bytes = waiting_bytes;
        (self.unsynced, self.torn) = (false, false);
        Ok(())
    }

    /// The file, and how many bytes of it are events.
    fn text_of(contents: &Contents) -> (Vec<u8>, u64) {
        let (first, next) = (contents.first, contents.next);
        let mut text = Line::Head { first, next }.to_bytes();
        for decision in contents.forwarded.values() {
            text.extend(Line::Forwarding(decision.clone()).to_bytes());
        }
        let before = text.len();
        for event in &contents.events {
            text.extend(Line::Event(event.clone()).to_bytes());
        }
        let events = text.len() - before;
        (text, events as u64)
    }
}

fn length(event: &Kept) -> u64 {
    Line::Event(event.clone()).to_bytes().len() as u64
}

#[cfg(test)]
mod tests;
