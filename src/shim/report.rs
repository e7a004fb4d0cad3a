//! Numbers events, spools them and hands them over until they are durable elsewhere.

use crate::model::time::Timestamp;
use crate::shim::Clock;
use crate::shim::event::{DecisionRef, Event, EventBody, Outcome, Status};
use crate::shim::pdp::{Acknowledged, Pdp};
use crate::shim::spool::{Spool, SyncPolicy};
use crate::shim::state::{State, StateError};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// Most events handed over at once.
pub const REPORTED_EVENTS_MAX: usize = 256;
/// How long an appended event may wait for the disk, in milliseconds.
pub const SYNC_MS: u64 = 50;
/// How often a shim says that it is there, in milliseconds.
pub const HEARTBEAT_MS: u64 = 60_000;
/// While more events than this wait, no heartbeat is added to them.
const HEARTBEAT_WAITING_MAX: u64 = 64;
/// First and longest pause after a report that failed, in milliseconds.
const RETRY_MS: (u64, u64) = (100, 5_000);

/// Takes events from a session. Clones share one spool.
#[derive(Clone)]
pub struct Reporter(Arc<Inner>);

struct Inner {
    state: State,
    clock: Clock,
    book: Mutex<Book>,
    appended: Notify,
    waiting: watch::Sender<usize>,
}

struct Book {
    spool: Spool,
    seq: u64,
    broken: bool,
    checkpoint: String,
}

impl Reporter {
    /// Opens the state directory and the spool in it. Calls that were on their way when the shim
    /// was killed get their outcome now: `protocol_error`, no answer was passed on.
    ///
    /// # Errors
    /// Those of [`State::open`] and the spool's.
    pub fn open(dir: &Path, policy: SyncPolicy, clock: Clock) -> Result<Self, StateError> {
        let state = State::open(dir)?;
        let path = state.spool_path();
        let spool = Spool::open(&path, policy).map_err(|source| StateError::Io {
            action: "open",
            path: path.display().to_string(),
            source,
        })?;
        let waiting = watch::Sender::new(spool.len());
        let book = Book {
            spool,
            seq: 0,
            broken: false,
            checkpoint: String::new(),
        };
        let cut_short = book.spool.forwarded();
        let reporter = Self(Arc::new(Inner {
            state,
            clock,
            book: Mutex::new(book),
            appended: Notify::new(),
            waiting,
        }));
        for decision in cut_short {
            let outcome = Outcome::unanswered(decision, Status::ProtocolError, 0);
            reporter.record(EventBody::Outcome(outcome));
        }
        Ok(reporter)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shim's name in events.
    #[must_use]
    pub fn shim_id(&self) -> &str {
        &self.0.state.shim_id
    }

    /// Which start of the shim this is.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.state.epoch
    }

    /// How many events are not acknowledged yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.book().spool.len()
    }

    /// Whether so many more events surely can be kept. If not, no call may be forwarded.
    #[must_use]
    pub fn has_room(&self, events: usize) -> bool {
        let book = self.book();
        !book.broken && book.spool.has_room(events)
    }

    /// Numbers an event and keeps it. If the disk fails, the event is still sent from memory, but
    /// there is no room for more: calls are denied from then on.
    pub fn record(&self, body: EventBody) {
        let time: Timestamp = (self.0.clock)();
        let mut book = self.book();
        book.seq += 1;
        let event = Event {
            shim_id: self.0.state.shim_id.clone(),
            epoch: self.0.state.epoch,
            seq: book.seq,
            event_id: Uuid::now_v7().to_string(),
            time,
            body,
        };
        let appended = book.spool.append(event);
        self.note(&mut book, appended);
        self.0.waiting.send_replace(book.spool.len());
        drop(book);
        self.0.appended.notify_one();
    }

    /// Notes that a granted call is about to be forwarded; whether that could be kept. If not, it
    /// must not be.
    #[must_use]
    pub fn forwarding(&self, decision: &DecisionRef) -> bool {
        let mut book = self.book();
        let noted = book.spool.forwarding(decision);
        self.note(&mut book, noted);
        !book.broken
    }

    fn note(&self, book: &mut Book, result: io::Result<()>) {
        if let Err(error) = result {
            book.broken = true;
            tracing::error!(%error, "the spool cannot be written; no more calls are forwarded");
        }
    }

    /// Hands events over for as long as it is polled.
    pub async fn run(self, pdp: Arc<dyn Pdp>) {
        let (retry_ms, retry_ms_max) = RETRY_MS;
        let mut pause_ms = retry_ms;
        loop {
            let events = self.book().spool.oldest(REPORTED_EVENTS_MAX);
            let Some(epoch) = events.first().map(|event| event.epoch) else {
                self.0.appended.notified().await;
                continue;
            };
            match pdp.report(events).await {
                Ok(acknowledged) => {
                    pause_ms = retry_ms;
                    if self.acknowledge(epoch, acknowledged) {
                        continue;
                    }
                }
                Err(error) => {
                    let pdp = pdp.address();
                    tracing::warn!(%error, pdp, "events wait in the spool");
                }
            }
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = pause_ms.saturating_mul(2).min(retry_ms_max);
        }
    }

    /// Takes note of what is durable; whether that was anything.
    fn acknowledge(&self, epoch: u64, acknowledged: Acknowledged) -> bool {
        let mut book = self.book();
        let before = book.spool.len();
        let removed = book.spool.acknowledge(epoch, acknowledged.durable_seq);
        self.note(&mut book, removed);
        let checkpoint = acknowledged.checkpoint;
        if !checkpoint.is_empty() && checkpoint != book.checkpoint {
            if let Err(error) = self.0.state.keep_checkpoint(&checkpoint) {
                tracing::warn!(%error, "the log's checkpoint was not kept");
            }
            book.checkpoint = checkpoint;
        }
        self.0.waiting.send_replace(book.spool.len());
        book.spool.len() < before
    }

    /// Says every [`HEARTBEAT_MS`] that the shim is there, for as long as it is polled; not while
    /// others wait that say more.
    pub async fn beat(self) {
        let every = Duration::from_millis(HEARTBEAT_MS);
        let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
        loop {
            ticks.tick().await;
            self.beat_once();
        }
    }

    fn beat_once(&self) {
        let spooled = self.waiting() as u64;
        if spooled <= HEARTBEAT_WAITING_MAX {
            self.record(EventBody::Heartbeat { spooled });
        }
    }

    /// Forces appended events to the disk within [`SYNC_MS`], for as long as it is polled.
    pub async fn sync(self) {
        let mut waiting = self.0.waiting.subscribe();
        while waiting.changed().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(SYNC_MS)).await;
            let unsynced = self.book().spool.take_unsynced();
            let result = match unsynced {
                Ok(None) => continue,
                Ok(Some(file)) => tokio::task::spawn_blocking(move || file.sync_data())
                    .await
                    .unwrap_or_else(|error| Err(io::Error::other(error))),
                Err(error) => Err(error),
            };
            self.note(&mut self.book(), result);
        }
    }

    /// Waits until nothing waits, at most so long. What is left is sent at the next start.
    pub async fn drain(&self, at_most: Duration) {
        let mut waiting = self.0.waiting.subscribe();
        let empty = waiting.wait_for(|events| *events == 0);
        let drained = tokio::time::timeout(at_most, empty).await.is_ok();
        if !drained {
            tracing::warn!(events = self.waiting(), "events stay in the spool");
        }
        let synced = self.book().spool.sync();
        self.note(&mut self.book(), synced);
    }
}

#[cfg(test)]
mod tests;
