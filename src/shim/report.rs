//! Numbers events, spools them and hands them over until they are durable elsewhere.

mod book;

use crate::files::{Files, OsFiles};
use crate::shim::Clock;
use crate::shim::changes::shortened;
use crate::shim::event::{DecisionRef, Event, EventBody, Outcome, Status, Transport};
use crate::shim::held::{Checkpoints, HeldError, Look};
use crate::shim::pdp::{Acknowledged, Pdp, PdpError};
use crate::shim::spool::{Spool, SpoolConfig, sync_file};
use crate::shim::state::{State, StateError, damaged};
use crate::shim::streams::Streams;
use crate::tlog::VerifierKey;
use book::Book;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
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
/// First and longest pause after a report that failed, in milliseconds; each is shortened at random
/// by up to half.
const RETRY_MS: (u64, u64) = (100, 5_000);

/// What a reporter is told.
#[derive(Clone, Debug, Default)]
pub struct ReportConfig {
    /// How the shim speaks to clients.
    pub transport: Transport,
    /// How much may wait, and how safely.
    pub spool: SpoolConfig,
    /// The keys of the logs' checkpoints; none: only a log's own past binds it.
    pub keys: Vec<VerifierKey>,
}

/// Takes events from a session. Clones share one spool.
#[derive(Clone)]
pub struct Reporter(Arc<Inner>);

struct Inner {
    state: State,
    clock: Clock,
    book: Mutex<Book>,
    appended: Notify,
    waiting: watch::Sender<usize>,
    /// The log that was to take the last events is refused.
    refusing: AtomicBool,
}

impl Reporter {
    /// Opens the state directory and the spool in it. Calls that were on their way when the shim
    /// was killed get their outcome now: `protocol_error`, no answer was passed on.
    ///
    /// # Errors
    /// Those of [`State::open`] and the spool's.
    pub fn open(dir: &Path, config: ReportConfig, clock: Clock) -> Result<Self, StateError> {
        Self::open_on(Arc::new(OsFiles), dir, config, clock)
    }

    /// The same, on these files.
    ///
    /// # Errors
    /// Those of [`State::open`] and the spool's.
    pub fn open_on(
        files: Arc<dyn Files>,
        dir: &Path,
        config: ReportConfig,
        clock: Clock,
    ) -> Result<Self, StateError> {
        let state = State::open(Arc::clone(&files), dir, config.transport)?;
        let path = state.spool_path();
        let started_before = state.epoch > 1;
        let opened = Spool::open(Arc::clone(&files), &path, config.spool, started_before);
        let (spool, found) = opened.map_err(StateError::io("open", &path))?;
        if found.damaged_lines > 0 || found.lost > 0 {
            let (lines, lost) = (found.damaged_lines, found.lost);
            tracing::error!(
                lines,
                lost,
                "the spool is damaged: these events are lost, and will be a gap in the log"
            );
        }
        let path = state.streams_path();
        let streams = Streams::open(Arc::clone(&files), &path, spool.numbers(), found.is_new);
        let streams = streams.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => damaged(&path),
            _ => StateError::io("open", &path)(error),
        })?;
        let held = Checkpoints::open(files, &state.dir, config.keys)?;
        for held in held.all().filter(|held| held.refused.is_some()) {
            let why = held.refused.as_deref().unwrap_or_default();
            tracing::error!(origin = held.origin, why, "{REFUSED_HINT}");
        }
        let cut_short = spool.forwarded();
        let waiting = watch::Sender::new(spool.len());
        let book = Book::new(spool, streams, held, state.epoch);
        let reporter = Self(Arc::new(Inner {
            state,
            clock,
            book: Mutex::new(book),
            appended: Notify::new(),
            waiting,
            refusing: AtomicBool::new(false),
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

    /// The number of this start's first stream.
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

    /// Whether the log that the events go to is refused. If so, no call may be forwarded.
    #[must_use]
    pub fn refuses_now(&self) -> bool {
        self.0.refusing.load(Ordering::Relaxed)
    }

    /// Whether a decision in this log may be acted on; empty: in none.
    #[must_use]
    pub fn refuses(&self, origin: &str) -> bool {
        self.book().held.refused(origin).is_some()
    }

    /// Numbers an event and keeps it. If the disk fails, the event is still sent from memory, but
    /// there is no room for more: calls are denied from then on.
    pub fn record(&self, body: EventBody) {
        let time = (self.0.clock)();
        let id = Uuid::now_v7().to_string();
        let mut book = self.book();
        let appended = book.spool.append(id, time, body);
        book.note(appended);
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
        book.note(noted);
        !book.broken
    }

    /// Hands events over for as long as it is polled.
    pub async fn run(self, pdp: Arc<dyn Pdp>) {
        let (retry_ms, retry_ms_max) = RETRY_MS;
        let mut pause_ms = retry_ms;
        loop {
            if !self.book().has_more() {
                self.0.appended.notified().await;
                continue;
            }
            match self.hand_over(pdp.as_ref()).await {
                Ok(true) => {
                    pause_ms = retry_ms;
                    continue;
                }
                Ok(false) => {}
                Err(error) => {
                    let pdp = pdp.address();
                    tracing::warn!(%error, pdp, "events wait in the spool");
                }
            }
            tokio::time::sleep(shortened(Duration::from_millis(pause_ms))).await;
            pause_ms = pause_ms.saturating_mul(2).min(retry_ms_max);
        }
    }

    /// Hands some events over; whether any of them is durable now.
    async fn hand_over(&self, pdp: &dyn Pdp) -> Result<bool, PdpError> {
        let reported = pdp.report(Box::new(|origin| self.number(origin))).await;
        let acknowledged = match reported {
            Err(error @ PdpError::LogRefused { .. }) => {
                self.0.refusing.store(true, Ordering::Relaxed);
                return Err(error);
            }
            reported => reported?,
        };
        self.check(pdp, &acknowledged).await?;
        self.0.refusing.store(false, Ordering::Relaxed);
        Ok(self.acknowledge(&acknowledged))
    }

    /// The next events for the log of this name, under their numbers there.
    fn number(&self, origin: &str) -> Result<Vec<Event>, PdpError> {
        let epoch = || self.0.state.next_epoch().map_err(io::Error::other);
        self.book().number(origin, self.shim_id(), epoch)
    }

    /// Holds the log to what it was before; an acknowledgement of one that is not the same is not
    /// taken.
    async fn check(&self, pdp: &dyn Pdp, acknowledged: &Acknowledged) -> Result<(), PdpError> {
        let (origin, note) = (&acknowledged.origin, &acknowledged.checkpoint);
        let look = self.book().held.look(origin, note);
        let held = match look {
            Ok(Look::Known) => return Ok(()),
            Ok(Look::First | Look::Prove { from: 0, .. }) => {
                self.book().held.hold(origin, note, &[])
            }
            Ok(Look::Prove { .. }) if self.book().proved_lately(origin) => {
                self.book().held.take_unproven(origin, note)
            }
            Ok(Look::Prove { mut from, to }) => {
                let unproven = self.book().held.unproven(origin, to);
                if let Some((size, note)) = unproven {
                    let sizes = (from, size);
                    self.prove(pdp, acknowledged, &note, sizes).await?;
                    from = size;
                }
                return self.prove(pdp, acknowledged, note, (from, to)).await;
            }
            Err(error) => Err(error),
        };
        held.map_err(|error| self.refuse(error))
    }

    /// Has the log prove that this checkpoint of it continues the held one, and holds it.
    async fn prove(
        &self,
        pdp: &dyn Pdp,
        acknowledged: &Acknowledged,
        note: &str,
        (from, to): (u64, u64),
    ) -> Result<(), PdpError> {
        let origin = &acknowledged.origin;
        let proof = pdp.consistency(acknowledged.replica, from, to).await?;
        if proof.origin != *origin {
            return Err(PdpError::Invalid("a proof of another log"));
        }
        let held = {
            let mut book = self.book();
            book.note_proved(origin);
            book.held.hold(origin, note, &proof.hashes)
        };
        held.map_err(|error| self.refuse(error))
    }

    fn refuse(&self, error: HeldError) -> PdpError {
        let (origin, why) = match error {
            HeldError::Refused { origin, why } => {
                if let Err(error) = self.book().held.refuse(&origin, &why) {
                    tracing::error!(%error, "the refusal holds only until the next start");
                }
                (origin, why)
            }
            HeldError::Unsigned { origin, why } => (origin, why),
            other => return PdpError::Unavailable(other.to_string()),
        };
        tracing::error!(origin, why, "{REFUSED_HINT}");
        self.0.refusing.store(true, Ordering::Relaxed);
        PdpError::LogRefused { origin, why }
    }

    /// Takes note of what is durable; whether that was anything.
    fn acknowledge(&self, acknowledged: &Acknowledged) -> bool {
        let mut book = self.book();
        let is_more = book.acknowledge(acknowledged);
        self.0.waiting.send_replace(book.spool.len());
        is_more
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
            let Some(file) = self.book().spool.take_unsynced() else {
                continue;
            };
            let synced = tokio::task::spawn_blocking(move || sync_file(&file)).await;
            let synced = synced.unwrap_or_else(|error| Err(io::Error::other(error)));
            self.book().note(synced);
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
        let mut book = self.book();
        let synced = book.spool.sync();
        book.note(synced);
    }
}

/// What an operator is told of a log that is refused.
const REFUSED_HINT: &str = "the log is refused: it is not the one that this shim knows, or not \
    signed as it should be; no call is forwarded on its word. Find out why (docs/operations.md), \
    then see `toolgate shim trust`";

#[cfg(test)]
mod tests;
