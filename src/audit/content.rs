//! The content store: arguments and results beside the log, encrypted, for those who may read them.
//! The format is described in `docs/audit-format.md`.
//!
//! - What is stored holds no secrets: they are replaced first.
//! - Each object is encrypted under a random key of its tenant and month, which a configured key
//!   wraps. Without that one file nothing of the month can be read, nor a hash of it be guessed.
//! - Objects are written by a thread of their own. The log does not wait for them, and a record may
//!   name one that a crash lost; it never names one that was refused.

mod erase;
pub mod grant;
mod keys;
mod object;
#[cfg(test)]
mod tests;
mod writer;

pub use erase::{EraseError, Erased, erase};
pub use keys::{KeysError, WrappingKey};
pub use object::{ReadError, Reference};

use super::hash::{Hashed, KEY_BYTES};
use crate::files::{self, Files};
use crate::model::json::Json;
use crate::model::time::Month;
use keys::Keys;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use writer::{Job, Shared, Writer};
use zeroize::Zeroizing;

/// The store's directory, within the log's.
pub const CONTENT_DIR: &str = "content";
/// Objects that may wait for the writer.
pub const QUEUE_OBJECTS_MAX: usize = 1024;
/// Bytes of objects that may wait for the writer.
pub const QUEUE_BYTES_MAX: u64 = 64 << 20;

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest object, in bytes of its canonical JSON.
    pub object_bytes_max: u64,
    /// All objects together, in bytes of their files.
    pub store_bytes_max: u64,
}

/// Why content is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Omitted {
    /// Longer than an object may be.
    TooLarge,
    /// The store is as large as it may be.
    StoreFull,
    /// The disk is slower than the decisions.
    QueueFull,
    /// The disk, or the tenant's key, fails.
    Failed,
}

impl Omitted {
    /// Every reason.
    pub const ALL: [Self; 4] = [
        Self::TooLarge,
        Self::StoreFull,
        Self::QueueFull,
        Self::Failed,
    ];

    /// The name in record and metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::StoreFull => "store_full",
            Self::QueueFull => "queue_full",
            Self::Failed => "failed",
        }
    }
}

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The directory.
    #[error("content store `{dir}`: {source}")]
    Io {
        /// The directory.
        dir: String,
        /// Why.
        source: io::Error,
    },
}

/// An open store. Dropping it closes it.
pub struct ContentStore {
    dir: PathBuf,
    files: Arc<dyn Files>,
    keys: Keys,
    limits: Limits,
    /// Makes hashes while the disk has no key for them.
    unkept: Zeroizing<[u8; KEY_BYTES]>,
    shared: Arc<Shared>,
    queue: Mutex<Option<SyncSender<Job>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl ContentStore {
    /// Opens the store in a log's directory, which is there.
    ///
    /// # Errors
    /// A wrapping key that does not open the keys that are there, or a disk that fails.
    pub fn open(
        log_dir: &Path,
        wrapping: WrappingKey,
        limits: Limits,
        files: Arc<dyn Files>,
    ) -> Result<Self, OpenError> {
        let dir = log_dir.join(CONTENT_DIR);
        let io = |source| OpenError::Io {
            dir: dir.display().to_string(),
            source,
        };
        files::create_dir(files.as_ref(), &dir).map_err(io)?;
        let keys = Keys::new(&dir, wrapping, Arc::clone(&files));
        keys.check()?;
        let shared = Arc::new(Shared::default());
        let (queue, jobs) = sync_channel(QUEUE_OBJECTS_MAX);
        let writer = Writer {
            dir: dir.clone(),
            files: Arc::clone(&files),
            shared: Arc::clone(&shared),
        };
        let thread = thread::Builder::new().name("audit-content".to_owned());
        let writer = thread.spawn(move || writer.run(&jobs)).map_err(io)?;
        Ok(Self {
            dir,
            files,
            keys,
            limits,
            unkept: Zeroizing::new(keys::random()?),
            shared,
            queue: Mutex::new(Some(queue)),
            writer: Mutex::new(Some(writer)),
        })
    }

    /// The key that hashes of this tenant's content are made with in this month. If there is none,
    /// and none can be made, one that ends with the process: without a key there is no hash, and
    /// that one tells nobody anything. Its content is not kept.
    #[must_use]
    pub fn hash_key(&self, tenant: &str, month: Month) -> [u8; KEY_BYTES] {
        let keys = self.keys.of(&object::dir_name(tenant), &month.to_string());
        keys.map_or(*self.unkept, |keys| *keys.hash)
    }

    /// Keeps content under its hash, and notes in `hashed` where it is, or why it is not kept.
    pub fn keep(&self, tenant: &str, month: Month, hashed: &mut Hashed, content: &Json) {
        match self.offer(tenant, month, hashed, content) {
            Ok(reference) => hashed.reference = Some(reference.to_string()),
            Err(omitted) => {
                self.shared.count_omitted(omitted);
                hashed.omitted = Some(omitted);
            }
        }
    }

    fn offer(
        &self,
        tenant: &str,
        month: Month,
        hashed: &Hashed,
        content: &Json,
    ) -> Result<Reference, Omitted> {
        let bytes = hashed.size;
        if bytes > self.limits.object_bytes_max {
            return Err(Omitted::TooLarge);
        }
        let reference = Reference::new(tenant, month, hashed).ok_or(Omitted::Failed)?;
        let keys = self.keys.of(&reference.tenant, &reference.month);
        let keys = keys.map_err(|_| Omitted::Failed)?;
        let room = (self.shared).reserve(bytes, QUEUE_BYTES_MAX, self.limits.store_bytes_max)?;
        let job = Job {
            reference: reference.clone(),
            keys,
            content: content.clone(),
            _room: room,
        };
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queue.as_ref().ok_or(Omitted::Failed)?;
        queue.try_send(job).map_err(|_| Omitted::QueueFull)?;
        Ok(reference)
    }

    /// The content that a record refers to, as JSON. Blocks.
    ///
    /// # Errors
    /// As `ReadError` says.
    pub fn read(&self, reference: &Reference) -> Result<Vec<u8>, ReadError> {
        object::read(&self.dir, self.files.as_ref(), &self.keys, reference)
    }

    /// How many contents were kept.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.shared.kept()
    }

    /// How many contents were not kept for this reason.
    #[must_use]
    pub fn omitted(&self, why: Omitted) -> u64 {
        self.shared.omitted(why)
    }

    /// What all objects take, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shared.bytes()
    }

    /// Writes what waits, and ends.
    pub fn close(&self) {
        // Without a sender the writer ends once it has written what waits.
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        drop({ queue }.take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = { writer }.take() {
            // A writer that panicked has nothing more to write.
            let _ended = writer.join();
        }
    }
}

impl Drop for ContentStore {
    fn drop(&mut self) {
        self.close();
    }
}
