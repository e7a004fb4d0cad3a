//! The log: one ordered writer, group commit, one sync a batch, recovery on opening.
//!
//! `append` puts a record into a bounded queue and gives a `Pending`, which resolves once the
//! record is durable. `post` is the same without the wait, for `audit.mode: async`. After a write
//! or sync that failed, the log has failed for good: what is on disk is unknown, so nothing more
//! is acknowledged, and opening it again recovers what is there.

mod granted;
mod queue;
mod recover;
mod repair;
#[cfg(test)]
mod tests;
mod writer;

pub use granted::{GRANTED_CALLS_MAX, GrantedCall};
pub use recover::{OpenError, Recovered};
pub use repair::{RepairError, Repaired, repair};

use super::files::Files;
use super::record::{Record, Unlinked};
use super::verify::Head;
use crate::model::time::Timestamp;
use queue::{Queue, Refusal};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::thread::{self, JoinHandle};
use tokio::sync::{oneshot, watch};
use writer::Writer;

/// Records that may wait for the writer.
pub const QUEUE_RECORDS_MAX: usize = 8_192;
/// Records of one sync.
pub const BATCH_RECORDS_MAX: usize = 512;
/// How long a record that nobody waits for may wait for others to share its sync, in milliseconds.
pub const BATCH_WAIT_MS_MAX: u64 = 2;
/// A file that is longer than this is followed by another one, in bytes.
pub const SEGMENT_BYTES_MAX: u64 = 64 << 20;
/// Longest origin, in bytes.
pub const ORIGIN_BYTES_MAX: usize = 128;

/// How a log is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whose log it is, `<prefix>/<replica id>`: printable ASCII without spaces and `+`.
    pub origin: String,
    /// As `QUEUE_RECORDS_MAX`, at least 1.
    pub queue_records_max: usize,
    /// As `SEGMENT_BYTES_MAX`, and no more than it.
    pub segment_bytes_max: u64,
}

impl Options {
    /// The defaults, for this origin.
    #[must_use]
    pub fn new(origin: &str) -> Self {
        Self {
            origin: origin.to_owned(),
            queue_records_max: QUEUE_RECORDS_MAX,
            segment_bytes_max: SEGMENT_BYTES_MAX,
        }
    }
}

/// Why a record is not in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk is slower than the decisions: try later, or deny.
    #[error("audit queue of {queue_records_max} records is full")]
    QueueFull {
        /// The limit.
        queue_records_max: usize,
    },
    /// A write or sync failed. The record may or may not be on disk, and counts as not written.
    #[error(
        "audit log failed and takes no more records until it is opened again, since after a \
         failed write or sync nobody knows what is on disk: {cause}"
    )]
    Failed {
        /// What failed first.
        cause: String,
    },
    /// The log was closed.
    #[error("audit log is closed")]
    Closed,
}

/// A record that is durable.
pub type Appended = Head;

type Done<T> = oneshot::Sender<Result<T, AppendError>>;

/// Resolves once the record is durable, or cannot be any more.
#[derive(Debug)]
pub struct Pending<T = Appended>(oneshot::Receiver<Result<T, AppendError>>);

impl<T> Pending<T> {
    /// Blocks until then. Not for async code: `await` the value there.
    ///
    /// # Errors
    /// If the record is not durable.
    pub fn wait(self) -> Result<T, AppendError> {
        self.0.blocking_recv().unwrap_or(Err(AppendError::Closed))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let received = Pin::new(&mut self.0).poll(context);
        received.map(|result| result.unwrap_or(Err(AppendError::Closed)))
    }
}

enum Message {
    Append(Unlinked, Option<Done<Appended>>),
    Flush(Done<Option<Head>>),
}

impl Message {
    fn is_awaited(&self) -> bool {
        !matches!(self, Self::Append(_, None))
    }
}

/// What the writer tells everyone.
#[derive(Default)]
struct Shared {
    /// Set once, when a write or sync fails.
    failed: OnceLock<String>,
    /// The last durable record.
    head: watch::Sender<Option<Head>>,
}

impl Shared {
    fn head(&self) -> Option<Head> {
        self.head.borrow().clone()
    }
}

/// An open log. Dropping it closes it.
pub struct Log {
    options: Options,
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Log {
    /// Opens the log in this directory, which is made if it is not there, and recovers it: every
    /// line is checked, a torn last line is dropped, and what remains is made durable.
    ///
    /// # Errors
    /// As `OpenError` says; the log is unchanged then, but for a torn last line.
    pub fn open(
        dir: &Path,
        options: Options,
        files: Arc<dyn Files>,
    ) -> Result<(Self, Recovered), OpenError> {
        let (recovered, tail) = recover::recover(dir, &options, files.as_ref())?;
        let shared = Arc::new(Shared::default());
        let queue = Arc::new(Queue::new(options.queue_records_max));
        let waiting = Arc::clone(&queue);
        let writer = Writer::new(dir, &options, files, Arc::clone(&shared), tail);
        let thread = thread::Builder::new().name("audit-writer".to_owned());
        let writer = thread
            .spawn(move || writer.run(&waiting))
            .map_err(OpenError::Thread)?;
        let log = Self {
            options,
            queue,
            shared,
            writer: Mutex::new(Some(writer)),
        };
        Ok((log, recovered))
    }

    /// Appends a record of what happened at `time`, and lets the caller wait until it is durable.
    ///
    /// # Errors
    /// If the record is not taken. It may be tried again after `QueueFull` alone.
    pub fn append(&self, time: Timestamp, record: &Record) -> Result<Pending, AppendError> {
        let (done, pending) = oneshot::channel();
        self.put(time, record, Some(done))?;
        Ok(Pending(pending))
    }

    /// Appends a record that nobody waits for. A crash within the next batch loses it.
    ///
    /// # Errors
    /// As `append`.
    pub fn post(&self, time: Timestamp, record: &Record) -> Result<(), AppendError> {
        self.put(time, record, None)
    }

    /// Resolves to the last record once everything appended before is durable; `None` of an empty
    /// log.
    ///
    /// # Errors
    /// As `append`.
    pub fn flush(&self) -> Result<Pending<Option<Head>>, AppendError> {
        let (done, pending) = oneshot::channel();
        self.send(Message::Flush(done))?;
        Ok(Pending(pending))
    }

    /// The last durable record; `None` of an empty log.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.shared.head()
    }

    /// The last durable record, as it changes.
    #[must_use]
    pub fn watch_head(&self) -> watch::Receiver<Option<Head>> {
        self.shared.head.subscribe()
    }

    /// Whose log this is.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.options.origin
    }

    /// Takes no more records, writes those that wait, and lets the log go.
    ///
    /// # Errors
    /// If the log failed before its end.
    pub fn close(&self) -> Result<(), AppendError> {
        self.queue.close();
        let writer = self.writer.lock().map(|mut writer| writer.take());
        if let Ok(Some(writer)) = writer {
            // A panic of the writer drops what waits, and every waiting append errs.
            let _ = writer.join();
        }
        self.check()
    }

    fn put(
        &self,
        time: Timestamp,
        record: &Record,
        done: Option<Done<Appended>>,
    ) -> Result<(), AppendError> {
        self.check()?;
        let unlinked = record.unlinked(time, &self.options.origin);
        self.send(Message::Append(unlinked, done))
    }

    fn send(&self, message: Message) -> Result<(), AppendError> {
        self.check()?;
        self.queue.put(message).map_err(|refusal| match refusal {
            Refusal::Full => AppendError::QueueFull {
                queue_records_max: self.options.queue_records_max,
            },
            Refusal::Closed => AppendError::Closed,
        })
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

impl Drop for Log {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`.
        let _ = self.close();
    }
}
