//! Finding records: an SQLite index beside the log. It is derived and never evidence: it says where
//! lines are, and the lines that are given come from the log's files. Losing it loses nothing; an
//! index that does not fit its log is made anew.
//!
//! `Index` follows a log that is being written, on a thread of its own, so that neither the writer
//! nor a decision ever waits for it. `Reader` finds records; `scan` does the same without an index.

mod filter;
mod follow;
mod lines;
mod names;
mod page;
mod reader;
mod rebuild;
mod row;
mod scan;
mod sql;
mod store;
mod taking;
#[cfg(test)]
mod tests;

pub use filter::{Filter, Order};
pub use follow::{Index, IndexEvent, READERS_MAX};
pub use lines::{Line, Lines, segments};
pub use page::{Page, PageToken, PageTokenError, RECORDS_PER_PAGE_MAX};
pub use reader::{FindError, Reader};
pub use rebuild::{Rebuilt, rebuild};
pub use scan::{record_of, scan};

use std::io;
use std::path::{Path, PathBuf};

/// The index's file, beside the log.
pub const INDEX_NAME: &str = "index.sqlite";

/// Where a log's index is.
#[must_use]
pub fn index_path(dir: &Path) -> PathBuf {
    dir.join(INDEX_NAME)
}

/// Why an index cannot be used. Neither the log nor a decision is concerned.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The database.
    #[error("the index `{INDEX_NAME}`: {0}")]
    Database(#[from] rusqlite::Error),
    /// The log's files.
    #[error("the log's files: {0}")]
    Log(#[from] io::Error),
    /// A line that is no record.
    #[error("the record of seq {seq} cannot be read: see `toolgate audit verify`")]
    Line {
        /// Its place.
        seq: u64,
    },
    /// The index is of another log, or of another state of this one.
    #[error("the index does not fit the log: {0}")]
    Unfit(&'static str),
}

impl IndexError {
    /// Whether a new index would be of use.
    fn is_of_index(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, SchemaChanged, TypeMismatch};
        match self {
            Self::Unfit(_) => true,
            Self::Database(rusqlite::Error::SqliteFailure(error, _)) => matches!(
                error.code,
                DatabaseCorrupt | NotADatabase | SchemaChanged | TypeMismatch
            ),
            Self::Database(error) => !matches!(error, rusqlite::Error::SqliteFailure(..)),
            Self::Log(_) | Self::Line { .. } => false,
        }
    }
}
