//! The log: one ordered writer, group commit, one sync a batch, recovery on opening.
//!
//! `append` puts a record into a bounded queue and gives a `Pending`, which resolves once the
//! record is durable. `post` is the same without the wait, for `audit.mode: async`. After a write
//! or sync that failed, the log has failed for good: what is on disk is unknown, so nothing more
//! is acknowledged, and opening it again recovers what is there.

mod follow;
mod granted;
mod pending;
mod queue;
mod recover;
mod repair;
mod seal;
mod stats;
#[cfg(test)]
mod tests;
mod writer;

pub use granted::{GRANTED_CALLS_MAX, GrantedCall};
pub use pending::{AppendError, Appended, Pending};
pub use recover::{OpenError, Recovered};
pub use repair::{RepairError, Repaired, repair};
pub use seal::{
    CHECKPOINT_LEAVES_MAX, CHECKPOINT_MS_MAX, COSIGNED_KEPT_SECONDS, Cadence, SealError, Sealed,
    Signing, TileDir, rebuild_tiles,
};
pub use stats::{LogStats, OnSync, SignedStats, Synced};

use super::prove::LogProofs;
use super::record::{Record, Unlinked};
use super::verify::Head;
use crate::files::Files;
use crate::model::time::{Day, Timestamp};
use crate::tlog::{Signature, VerifierKey};
use pending::Done;
use queue::{Queue, Refusal};
use seal::Sealer;
use stats::Counts;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use tokio::runtime::Builder;
use tokio::sync::{Notify, oneshot, watch};
use writer::Writer;

/// Records that may wait for the writer.
pub const QUEUE_RECORDS_MAX: usize = 8_192;
/// Records of one sync.
pub const BATCH_RECORDS_MAX: usize = 512;
/// How long a record that nobody waits for may wait for others to share its sync, in milliseconds.
pub const BATCH_WAIT_MS_MAX: u64 = 2;
/// A file that is longer than this is followed by another one, in bytes; so is one of an earlier
/// day, in UTC.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// Longest origin, in bytes.
pub const ORIGIN_BYTES_MAX: usize = 128;

/// How a log is opened.
#[derive(Clone)]
pub struct Options {
    /// Whose log it is, `<prefix>/<replica id>`: printable ASCII without spaces and `+`.
    pub origin: String,
    /// As `QUEUE_RECORDS_MAX`, at least 1.
    pub queue_records_max: usize,
    /// As `SEGMENT_BYTES_MAX`, and no more than it.
    pub segment_bytes_max: u64,
    /// As `BATCH_RECORDS_MAX`, at least 1.
    pub batch_records_max: usize,
    /// As `BATCH_WAIT_MS_MAX`.
    pub batch_ms_max: u64,
    /// Who signs the log; `None`: nobody, and it has neither tiles nor checkpoints.
    pub signing: Option<Signing>,
    /// How often it is signed.
    pub cadence: Cadence,
    /// Told of every batch, by the thread that writes.
    pub on_sync: Option<OnSync>,
}

impl Options {
    /// The defaults, for this origin.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            queue_records_max: QUEUE_RECORDS_MAX,
            segment_bytes_max: SEGMENT_BYTES_MAX,
            batch_records_max: BATCH_RECORDS_MAX,
            batch_ms_max: BATCH_WAIT_MS_MAX,
            signing: None,
            cadence: Cadence {
                leaves_max: CHECKPOINT_LEAVES_MAX,
                ms_max: CHECKPOINT_MS_MAX,
            },
            on_sync: None,
        }
    }
}

enum Message {
    Append(Unlinked, Day, Option<Done<Appended>>),
    Flush(Done<Option<Head>>),
}

impl Message {
    fn is_awaited(&self) -> bool {
        !matches!(self, Self::Append(_, _, None))
    }
}

/// What writer and sealer tell everyone.
#[derive(Default)]
struct Shared {
    /// Set once, when a write or sync fails.
    failed: OnceLock<String>,
    counts: Counts,
    /// The writer is ending.
    ended: Notify,
}

/// An open log. Dropping it closes it.
pub struct Log {
    options: Options,
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    head: watch::Receiver<Option<Head>>,
    sealed: Option<SealedLog>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What a log that is signed has beside its lines.
struct SealedLog {
    latest: Arc<seal::Latest>,
    proofs: LogProofs,
    verifier: VerifierKey,
}

impl Log {
    /// Opens the log in this directory, which is made if it is not there, and recovers it: every
    /// line is checked, a torn last line is dropped, what remains is made durable, and held
    /// against what was signed of it.
    ///
    /// # Errors
    /// As `OpenError` says; the log is unchanged then, but for a torn last line.
    pub fn open(
        dir: &Path,
        options: Options,
        files: Arc<dyn Files>,
    ) -> Result<(Self, Recovered), OpenError> {
        let (mut recovered, tail) = recover::recover(dir, &options, files.as_ref())?;
        let sealer = options.signing.as_ref().map(|signing| {
            let records = recovered.report.first_seq..recovered.report.next_seq();
            Sealer::open(dir, &files, &options.origin, records, signing)
        });
        let sealer = sealer.transpose().map_err(OpenError::sealed(dir))?;
        let (sealer, rotation) = sealer.unzip();
        recovered.unsigned = sealer.as_ref().map_or(0, Sealer::found_unsigned);
        let queue = Arc::new(Queue::new(&options));
        let (sender, head) = watch::channel(tail.head.clone());
        let sealed = sealer.as_ref().map(|sealer| SealedLog {
            latest: sealer.latest(),
            proofs: LogProofs::new(dir, Arc::clone(&files)),
            verifier: sealer.verifier().clone(),
        });
        let log = Self {
            queue,
            shared: Arc::default(),
            head,
            sealed,
            threads: Mutex::default(),
            options,
        };
        log.start(dir, files, tail, sender, sealer)?;
        if let Some((time, rotated)) = rotation.flatten() {
            // If a crash takes it back, the next opening does it again: nothing is signed with
            // the new key before.
            let rotated = Record::KeyRotated(Box::new(rotated));
            log.post(time, &rotated).map_err(|error| OpenError::Io {
                dir: dir.display().to_string(),
                source: io::Error::other(error),
            })?;
        }
        Ok((log, recovered))
    }

    fn start(
        &self,
        dir: &Path,
        files: Arc<dyn Files>,
        tail: recover::Tail,
        head: watch::Sender<Option<Head>>,
        sealer: Option<Sealer>,
    ) -> Result<(), OpenError> {
        let writer = Writer::new(
            dir,
            &self.options,
            files,
            Arc::clone(&self.shared),
            tail,
            head,
        );
        let lock = writer.lock();
        let queue = Arc::clone(&self.queue);
        self.spawn("audit-writer", move || writer.run(&queue))?;
        let Some(sealer) = sealer else { return Ok(()) };
        let (head, every) = (self.head.clone(), self.options.cadence);
        let (shared, queue) = (Arc::clone(&self.shared), Arc::clone(&self.queue));
        let clock = Builder::new_current_thread().enable_time().build();
        let clock = clock.map_err(OpenError::Thread)?;
        self.spawn("audit-sealer", move || {
            let _lock = lock;
            let _closed = CloseOnPanic(&queue);
            if let Err(error) = clock.block_on(sealer.run(head, &shared.ended, every)) {
                shared.failed.get_or_init(|| error.to_string());
            }
        })
    }

    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        let thread = thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(run).map_err(OpenError::Thread)?;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.push(thread);
        Ok(())
    }

    /// Appends a record of what happened at `time`, and lets the caller wait until it is durable.
    ///
    /// # Errors
    /// If the record is not taken. It may be tried again after `QueueFull` alone.
    pub fn append(&self, time: Timestamp, record: &Record) -> Result<Pending, AppendError> {
        let (done, pending) = oneshot::channel();
        self.put(time, record, Some(done), 0)?;
        Ok(Pending::of(pending))
    }

    /// As `append`, of what can be sent again: half of the queue is left to what cannot, so that a
    /// flood of events keeps no decision from being recorded.
    ///
    /// # Errors
    /// As `append`.
    pub fn append_event(&self, time: Timestamp, record: &Record) -> Result<Pending, AppendError> {
        let (done, pending) = oneshot::channel();
        let kept_free = self.options.queue_records_max / 2;
        self.put(time, record, Some(done), kept_free)?;
        Ok(Pending::of(pending))
    }

    /// Appends a record that nobody waits for. A crash within the next batch loses it.
    ///
    /// # Errors
    /// As `append`.
    pub fn post(&self, time: Timestamp, record: &Record) -> Result<(), AppendError> {
        self.put(time, record, None, 0)
    }

    /// Resolves to the last record once everything appended before is durable; `None` of an empty
    /// log.
    ///
    /// # Errors
    /// As `append`.
    pub fn flush(&self) -> Result<Pending<Option<Head>>, AppendError> {
        let (done, pending) = oneshot::channel();
        self.send(Message::Flush(done), 0)?;
        Ok(Pending::of(pending))
    }

    /// The last durable record; `None` of an empty log.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.head.borrow().clone()
    }

    /// As `head`, now and whenever it changes. It ends with the log.
    #[must_use]
    pub fn watch_head(&self) -> watch::Receiver<Option<Head>> {
        self.head.clone()
    }

    /// The latest checkpoint; `None` where there is none yet, or the log is not signed.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Arc<Sealed>> {
        self.sealed.as_ref()?.latest.get()
    }

    /// As `checkpoint`, now and whenever it changes; `None`: the log is not signed.
    #[must_use]
    pub fn watch_checkpoint(&self) -> Option<watch::Receiver<Option<Arc<Sealed>>>> {
        Some(self.sealed.as_ref()?.latest.watch())
    }

    /// Adds signatures of others, which were checked, to a checkpoint of this log.
    ///
    /// # Errors
    /// If they cannot be written; the log is not concerned.
    pub fn cosign(&self, sealed: &Sealed, cosignatures: &[Signature]) -> io::Result<()> {
        match &self.sealed {
            Some(log) => log.latest.cosign(sealed, cosignatures),
            None => Ok(()),
        }
    }

    /// What proofs are made of; `None`: the log is not signed.
    #[must_use]
    pub fn proofs(&self) -> Option<LogProofs> {
        Some(self.sealed.as_ref()?.proofs.clone())
    }

    /// The key that checks the log's checkpoints; `None`: the log is not signed.
    #[must_use]
    pub fn verifier(&self) -> Option<&VerifierKey> {
        Some(&self.sealed.as_ref()?.verifier)
    }

    /// Whose log this is.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.options.origin
    }

    /// Takes no more records, writes those that wait, signs the whole, and lets the log go.
    ///
    /// # Errors
    /// If the log failed before its end.
    pub fn close(&self) -> Result<(), AppendError> {
        self.queue.close();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            // A panic of the writer drops what waits, and every waiting append errs.
            let _ = thread.join();
        }
        self.check()
    }

    fn put(
        &self,
        time: Timestamp,
        record: &Record,
        done: Option<Done<Appended>>,
        kept_free: usize,
    ) -> Result<(), AppendError> {
        self.check()?;
        let unlinked = record.unlinked(time, &self.options.origin);
        self.send(Message::Append(unlinked, time.day(), done), kept_free)
    }

    fn send(&self, message: Message, kept_free: usize) -> Result<(), AppendError> {
        self.check()?;
        self.queue
            .put(message, kept_free)
            .map_err(|refusal| match refusal {
                Refusal::Full => AppendError::QueueFull {
                    queue_records_max: self.options.queue_records_max,
                },
                Refusal::Closed => AppendError::Closed,
            })
    }

    /// Why it takes no more records; `None`: it takes them.
    #[must_use]
    pub fn failure(&self) -> Option<AppendError> {
        let closed = || self.queue.is_closed().then_some(AppendError::Closed);
        self.check().err().or_else(closed)
    }

    fn check(&self) -> Result<(), AppendError> {
        match self.shared.failed.get() {
            Some(cause) => Err(AppendError::Failed {
                cause: cause.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// A sealer that panicked lets no more be acknowledged that nobody would sign.
struct CloseOnPanic<'a>(&'a Queue);

impl Drop for CloseOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.close();
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`.
        let _ = self.close();
    }
}
