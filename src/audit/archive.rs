//! Retention: sealed segments go to an object store, and then from the disk.
//!
//! Order, so that whatever fails in between loses nothing and can be done again: a segment is
//! checked line by line, compressed, put, read back and compared; only then may the file `pruned`
//! say that it is gone, durably; only then are files removed. Whatever is to be pruned is compared
//! with the store in the same run, however long ago it was put there.

mod names;
mod restore;
mod run;
mod segments;
mod store;
#[cfg(test)]
pub(in crate::audit) mod tests;
mod tree;

pub use names::{Archived, Tier};
pub use restore::{Restored, restore};
pub use run::archive;
pub use segments::Everywhere;
pub use store::{Lock, OBJECT_BYTES_MAX, Objects, Store, StoreError};
#[cfg(test)]
pub(in crate::audit) use tree::bundles_before;

use super::verify::Fault;
use std::io;

/// How long records stay where, in days since the end of the day of a segment's last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiers {
    /// On the disk, and in the store under `hot/`.
    pub hot_days: u64,
    /// Under `warm/`.
    pub warm_days: u64,
    /// Under `cold/`. What is older stays until the store's own rules remove it.
    pub cold_days: u64,
}

impl Tiers {
    /// 90 days, 1 year, 7 years.
    pub const DEFAULT: Self = Self {
        hot_days: 90,
        warm_days: 365,
        cold_days: 7 * 365 + 2,
    };
}

/// What is done to one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Put into the store, read back and compared.
    Upload,
    /// Put under the prefix of an older tier, read back and compared, and removed from the other.
    Move,
    /// Removed from the disk.
    Prune,
}

impl Act {
    /// Its name, for people and programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upload => "upload",
            Self::Move => "move",
            Self::Prune => "prune",
        }
    }
}

/// Something that was done, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What.
    pub act: Act,
    /// The object, or of `Prune` the file.
    pub name: String,
    /// How large it is: of `Upload` and `Prune` the file, of `Move` the object, in bytes; 0 where
    /// nobody looked.
    pub bytes: u64,
}

/// Why an archive or a restore ends early. What was done is done, and the next run goes on.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// There is no log.
    #[error("no audit log in `{dir}`: it has no file `log-<20 digits>.jsonl`")]
    NoLog {
        /// The directory.
        dir: String,
    },
    /// Another process does it, or writes the log.
    #[error("audit log `{dir}` is in use: {by}")]
    Locked {
        /// The directory.
        dir: String,
        /// By what.
        by: &'static str,
    },
    /// The log does not check.
    #[error(
        "audit log `{dir}` does not check, and nothing of it from there on is archived: {fault}"
    )]
    Fault {
        /// The directory, or the archive.
        dir: String,
        /// The first record that is wrong.
        fault: Box<Fault>,
    },
    /// The store holds something else than the log.
    #[error(
        "archived `{name}` is not what it should be ({what}): keep it as evidence under another \
         name; the next run puts the segment there anew if the disk still has it"
    )]
    Differs {
        /// The object.
        name: String,
        /// How.
        what: String,
    },
    /// The archive has no log, or several.
    #[error("the archive has no log of origin `{origin}`")]
    NoArchive {
        /// The origin, or `*`.
        origin: String,
    },
    /// The archive lacks records.
    #[error("the archive has no segment that begins with seq {seq}")]
    Missing {
        /// The first record that is missing.
        seq: u64,
    },
    /// The disk refuses.
    #[error("audit log `{dir}`: {source}")]
    Io {
        /// The directory.
        dir: String,
        /// Why.
        source: io::Error,
    },
    /// The store refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
}
