//! Exports: one flat record a call, out of one log or several, in formats that other programs read.
//!
//! What is in memory is bounded, however long the log: one line, the calls that wait for their
//! outcome, the ids of the last events, a row group. A run can end anywhere, also by a power cut,
//! and the next one goes on: no row twice, none left out.

mod cloudevents;
mod cursor;
mod lines;
mod ocsf;
mod pair;
mod parts;
mod row;
mod run;
mod seen;
mod sink;
mod source;
#[cfg(test)]
mod tests;

pub use pair::{EARLY_OUTCOMES_MAX, OUTCOME_WAIT_SECONDS_MAX, WAITING_CALLS_MAX};
pub use row::{COLUMNS, Cell, Column, Kind, Row};
pub use run::export;
pub use seen::EVENTS_MAX;

use crate::model::time::Timestamp;
use std::io;
use std::path::{Path, PathBuf};

/// Records between two commits, at most.
pub const COMMIT_RECORDS_MAX: u64 = 100_000;

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One flat record a line.
    Jsonl,
    /// One CloudEvents 1.0 event a line.
    CloudEvents,
    /// One OCSF API Activity a line.
    Ocsf,
    /// A directory of Parquet files, one partition a day.
    Parquet,
}

impl Format {
    /// Its name, as in `--format`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::CloudEvents => "cloudevents",
            Self::Ocsf => "ocsf",
            Self::Parquet => "parquet",
        }
    }
}

/// What is exported, and where to.
#[derive(Clone, Debug)]
pub struct Options {
    /// The logs' directories, at least one.
    pub dirs: Vec<PathBuf>,
    /// The file, or the directory of Parquet files.
    pub to: PathBuf,
    /// As what.
    pub format: Format,
    /// Calls decided from then on.
    pub since: Option<Timestamp>,
    /// Calls decided before then.
    pub until: Option<Timestamp>,
    /// Calls whose decision has this seq or a later one.
    pub from_seq: u64,
    /// At the end of the logs: how old a call without an outcome must be to become a row, in
    /// seconds. Younger ones are left to the next run. At most `OUTCOME_WAIT_SECONDS_MAX`.
    pub wait_seconds: u64,
    /// As `COMMIT_RECORDS_MAX`, at least 1.
    pub commit_records_max: u64,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows written by this run.
    pub rows: u64,
    /// Rows written in all, by the runs before too.
    pub rows_in_all: u64,
    /// Records read by this run.
    pub records: u64,
    /// Events that were there twice, and were left out.
    pub duplicates: u64,
    /// Outcomes without a decision that waited for them.
    pub unpaired_outcomes: u64,
    /// Rows of granted calls whose outcome is not known.
    pub without_outcome: u64,
    /// Calls that are left to the next run, which may know their outcome.
    pub waiting: u64,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many records were read.
    Read(u64),
    /// Everything up to here is durable; the cursor does not say so yet.
    Completed,
    /// The cursor says so; parts may not have their names.
    Committed,
}

/// Why an export ends early. What was committed is there, and the next run goes on.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// Nothing is there.
    #[error("no audit log in `{dir}`: it has no file `log-<20 digits>.jsonl`")]
    NoLog {
        /// The directory.
        dir: String,
    },
    /// A log cannot be read.
    #[error("cannot read audit log `{dir}`: {source}")]
    Read {
        /// The directory.
        dir: String,
        /// Why.
        source: io::Error,
    },
    /// A log does not check here.
    #[error(
        "audit log `{dir}` is broken at `{file}` seq {seq} ({what}); see `toolgate audit verify`"
    )]
    Broken {
        /// The directory.
        dir: String,
        /// The file.
        file: String,
        /// The record.
        seq: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// Two directories hold logs of one origin.
    #[error("`{dir}` is a second log of origin `{origin}`: give each log once")]
    SameOrigin {
        /// The second directory.
        dir: String,
        /// Whose.
        origin: String,
    },
    /// Records that were not exported yet are not here any more.
    #[error(
        "the records of `{dir}` from seq {seq} on were pruned before they were exported: bring them \
         back with `toolgate audit restore`"
    )]
    Pruned {
        /// The directory.
        dir: String,
        /// The first that is missing.
        seq: u64,
    },
    /// The target has content of somebody else.
    #[error(
        "`{path}` is there, and no export that can be gone on with: give another path, or remove it"
    )]
    Exists {
        /// The target.
        path: String,
    },
    /// The file of the cursor is something else.
    #[error("`{path}` is no cursor of an export: remove it and what was exported, and begin anew")]
    NoCursor {
        /// The file.
        path: String,
    },
    /// The export was begun with other options.
    #[error(
        "the export in `{path}` was begun with other options ({begun}): give the same, or another path"
    )]
    OtherOptions {
        /// The target.
        path: String,
        /// What it was begun with.
        begun: String,
    },
    /// Another process exports to the same place.
    #[error("another process exports to `{path}`")]
    Locked {
        /// The target.
        path: String,
    },
    /// The target cannot be written.
    #[error("cannot write `{path}`: {source}")]
    Write {
        /// The target.
        path: String,
        /// Why.
        source: io::Error,
    },
}

impl ExportError {
    fn reading(dir: &Path) -> impl Fn(io::Error) -> Self {
        let dir = dir.display().to_string();
        move |source| Self::Read {
            dir: dir.clone(),
            source,
        }
    }

    fn writing(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Write {
            path: path.clone(),
            source,
        }
    }
}
