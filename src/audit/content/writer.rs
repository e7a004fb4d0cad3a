//! The thread that writes objects, and what it and everyone else count.

use super::Omitted;
use super::keys::{MonthKeys, months, seal};
use super::object::Reference;
use crate::files::{self, Files};
use crate::model::json::Json;
use crate::model::secret;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;

/// So many objects that were written last are not written again.
const WRITTEN_MAX: usize = 4096;

/// An object that is to be written.
pub(super) struct Job {
    pub(super) reference: Reference,
    pub(super) keys: Arc<MonthKeys>,
    pub(super) content: Json,
    pub(super) _room: Room,
}

/// What is counted.
#[derive(Default)]
pub(super) struct Shared {
    /// Of objects that are stored.
    bytes: AtomicU64,
    /// Of objects that wait.
    waiting: Arc<AtomicU64>,
    kept: AtomicU64,
    omitted: [AtomicU64; Omitted::ALL.len()],
    /// Whether the last object could not be written.
    failing: AtomicBool,
}

/// Room in the queue, given back when it is dropped.
pub(super) struct Room {
    bytes: u64,
    waiting: Arc<AtomicU64>,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Shared {
    /// Room for an object of so many bytes to wait.
    pub(super) fn reserve(
        &self,
        bytes: u64,
        waiting_max: u64,
        stored_max: u64,
    ) -> Result<Room, Omitted> {
        // At least 1, so that nothing waits without being seen.
        let bytes = bytes.max(1);
        let before = self.waiting.fetch_add(bytes, Ordering::Relaxed);
        let room = Room {
            bytes,
            waiting: Arc::clone(&self.waiting),
        };
        let waiting = before.saturating_add(bytes);
        if self.bytes().saturating_add(waiting) > stored_max {
            return Err(Omitted::StoreFull);
        }
        if waiting > waiting_max {
            return Err(Omitted::QueueFull);
        }
        // While the disk fails, one object at a time finds out whether it still does.
        if before > 0 && self.failing.load(Ordering::Relaxed) {
            return Err(Omitted::Failed);
        }
        Ok(room)
    }

    pub(super) fn count_omitted(&self, why: Omitted) {
        if let Some(count) = self.omitted.get(why as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn omitted(&self, why: Omitted) -> u64 {
        let count = self.omitted.get(why as usize);
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    pub(super) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

pub(super) struct Writer {
    pub(super) dir: PathBuf,
    pub(super) files: Arc<dyn Files>,
    pub(super) shared: Arc<Shared>,
}

impl Writer {
    /// Until nobody can ask for more.
    pub(super) fn run(&self, jobs: &Receiver<Job>) {
        // What cannot be counted is not: the limit is of what this process wrote, then.
        let stored = stored_bytes(&self.dir, self.files.as_ref()).unwrap_or_default();
        self.shared.bytes.fetch_add(stored, Ordering::Relaxed);
        let mut written = HashSet::new();
        while let Ok(job) = jobs.recv() {
            if written.contains(&job.reference) {
                self.shared.kept.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            match self.write(&job) {
                Ok(bytes) => {
                    self.shared.failing.store(false, Ordering::Relaxed);
                    self.shared.bytes.fetch_add(bytes, Ordering::Relaxed);
                    self.shared.kept.fetch_add(1, Ordering::Relaxed);
                    if written.len() >= WRITTEN_MAX {
                        written.clear();
                    }
                    written.insert(job.reference);
                }
                Err(_) => {
                    self.shared.failing.store(true, Ordering::Relaxed);
                    self.shared.count_omitted(Omitted::Failed);
                }
            }
        }
    }

    /// How many bytes the store has grown by.
    fn write(&self, job: &Job) -> io::Result<u64> {
        let files = self.files.as_ref();
        let path = job.reference.path(&self.dir);
        let known = files.length(&path)?;
        if known.is_some() {
            return Ok(0);
        }
        let plain = secret::replaced(&job.content).to_bytes();
        let sealed = seal(&job.keys.data, &job.reference.bound_to(), &plain);
        let sealed = sealed.map_err(io::Error::other)?;
        if let Some(parent) = path.parent() {
            files::create_dir(files, parent)?;
        }
        files::replace(files, &path, &sealed)?;
        Ok(sealed.len() as u64)
    }
}

/// What the objects of a store take.
fn stored_bytes(dir: &Path, files: &dyn Files) -> io::Result<u64> {
    let mut bytes = 0;
    for (tenant, month) in months(dir, files)? {
        let month = dir.join(tenant).join(month);
        for spread in files.names(&month)? {
            let spread = month.join(spread);
            if !files.is_dir(&spread) {
                continue;
            }
            for name in files.names(&spread)? {
                bytes += files.length(&spread.join(name))?.unwrap_or_default();
            }
        }
    }
    Ok(bytes)
}
