//! What a log does, in numbers: for operators, never evidence.

use super::Log;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A batch that became durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synced {
    /// Its records.
    pub records: u64,
    /// Its lines with their ends, in bytes.
    pub bytes: u64,
    /// How long the sync took.
    pub took: Duration,
}

/// What is told of every batch. It is called by the thread that writes, which waits for it.
pub type OnSync = Arc<dyn Fn(&Synced) + Send + Sync>;

/// A log as it is now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogStats {
    /// Records made durable since the log was opened.
    pub records: u64,
    /// Syncs of records since then: one a batch.
    pub syncs: u64,
    /// Bytes of these records.
    pub bytes: u64,
    /// Records of the last batch.
    pub last_batch_records: u64,
    /// The time that all these syncs took.
    pub sync_time: Duration,
    /// Records that wait for the writer.
    pub waiting: usize,
    /// What is signed; `None`: nothing is, or the log is not signed at all.
    pub signed: Option<SignedStats>,
    /// Durable records that no checkpoint covers; 0 of a log that is not signed.
    pub unsigned_records: u64,
    /// Why the log takes no more records.
    pub failure: Option<String>,
}

/// The latest checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedStats {
    /// The records that it covers.
    pub size: u64,
    /// How long ago it was signed; of one that was there when the log was opened, since then.
    pub age: Duration,
}

/// Counts of the one thread that writes.
#[derive(Default)]
pub(super) struct Counts {
    records: AtomicU64,
    syncs: AtomicU64,
    bytes: AtomicU64,
    last_batch_records: AtomicU64,
    sync_nanos: AtomicU64,
}

impl Counts {
    /// A batch became durable.
    pub fn add(&self, synced: &Synced) {
        let nanos = u64::try_from(synced.took.as_nanos()).unwrap_or(u64::MAX);
        self.records.fetch_add(synced.records, Ordering::Relaxed);
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(synced.bytes, Ordering::Relaxed);
        self.last_batch_records
            .store(synced.records, Ordering::Relaxed);
        self.sync_nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Log {
    /// The log in numbers. Each is right by itself; they are not of one moment.
    #[must_use]
    pub fn stats(&self) -> LogStats {
        let counts = &self.shared.counts;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let latest = self.sealed.as_ref().map(|sealed| &sealed.latest);
        let signed = latest.and_then(|latest| {
            let size = latest.get()?.checkpoint.size;
            Some(SignedStats {
                size,
                age: latest.age(),
            })
        });
        let durable = self.head.borrow().as_ref().map_or(0, |head| head.seq + 1);
        let covered = signed.map_or(0, |signed| signed.size);
        LogStats {
            records: count(&counts.records),
            syncs: count(&counts.syncs),
            bytes: count(&counts.bytes),
            last_batch_records: count(&counts.last_batch_records),
            sync_time: Duration::from_nanos(count(&counts.sync_nanos)),
            waiting: self.queue.len(),
            signed,
            unsigned_records: latest.map_or(0, |_| durable.saturating_sub(covered)),
            failure: self.shared.failed.get().cloned(),
        }
    }
}

#[cfg(test)]
mod tests;
