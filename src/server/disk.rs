//! Whether the file system of a log has room: seen before writes fail, so that callers can go
//! elsewhere while there is still time. Decisions do not look at it: what they do when a write fails
//! is `audit.on_failure`.

use super::metrics::Metrics;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use tokio::sync::watch;

/// How often a file system is looked at, in seconds.
pub const DISK_INTERVAL_SECONDS: u64 = 5;
/// Once there was too little room, there is enough again with this part of the least room more:
/// else what is freed and filled again would come and go.
const AGAIN_PART: u64 = 8;

/// How many bytes the file system of a directory has for this process.
pub type FreeBytes = fn(&Path) -> io::Result<u64>;

/// The room that a log has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// Enough, or nobody is to look.
    #[default]
    Enough,
    /// Too little.
    Short {
        /// What there is, in bytes.
        free_bytes: u64,
        /// What there should be, in bytes.
        bytes_min: u64,
    },
    /// The file system does not say.
    Unknown(String),
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: &u64| bytes >> 20;
        match self {
            Self::Enough => write!(f, "the audit log's file system has room"),
            Self::Short {
                free_bytes,
                bytes_min,
            } => write!(
                f,
                "the audit log's file system is nearly full: {} MiB are free, `audit.disk_free_mib_min` is {}",
                mib(free_bytes),
                mib(bytes_min)
            ),
            Self::Unknown(error) => {
                write!(
                    f,
                    "the audit log's file system does not say its room: {error}"
                )
            }
        }
    }
}

/// The file system of one log.
pub struct Disk {
    dir: PathBuf,
    /// 0: any room is enough.
    bytes_min: u64,
    free: FreeBytes,
    room: watch::Sender<Room>,
}

impl Disk {
    /// That of this directory, which is to have so much room.
    #[must_use]
    pub fn new(dir: &Path, bytes_min: u64, free: FreeBytes) -> Self {
        Self {
            dir: dir.to_owned(),
            bytes_min,
            free,
            room: watch::Sender::default(),
        }
    }

    /// The log's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Asks the file system, which may take its time. The room is given back where it has changed
    /// between enough and too little.
    pub fn look(&self, metrics: &Metrics) -> Option<Room> {
        let now = match (self.free)(&self.dir) {
            Ok(free_bytes) => {
                metrics.log_has_room(free_bytes);
                self.judge(free_bytes)
            }
            Err(_) if self.bytes_min == 0 => Room::Enough,
            Err(error) => Room::Unknown(error.to_string()),
        };
        let before = self.room.send_replace(now.clone());
        let is_other = std::mem::discriminant(&before) != std::mem::discriminant(&now);
        is_other.then_some(now)
    }

    fn judge(&self, free_bytes: u64) -> Room {
        let bytes_min = self.bytes_min;
        let enough = match *self.room.borrow() {
            Room::Enough => bytes_min,
            Room::Short { .. } | Room::Unknown(_) => {
                bytes_min.saturating_add(bytes_min / AGAIN_PART)
            }
        };
        match free_bytes < enough {
            true => Room::Short {
                free_bytes,
                bytes_min,
            },
            false => Room::Enough,
        }
    }

    /// The room, when it was last looked at.
    #[must_use]
    pub fn room(&self) -> Room {
        self.room.borrow().clone()
    }

    /// The room whenever it is looked at.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Room> {
        self.room.subscribe()
    }
}

#[cfg(test)]
mod tests;
