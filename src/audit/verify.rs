//! Checks a log without trusting whoever wrote it.
//!
//! This module reads the format of `docs/audit-format.md` from its own description and uses
//! nothing of the writer, so that a mistake there cannot hide itself here. Times need not be in
//! order: clocks are set back, and the order of the log is `seq`. Files are read as streams, and
//! what is remembered of them does not grow with the log.

mod check;
mod fault;
mod head;
mod line;
mod pairs;
mod proof;
mod pruned;
mod scan;
mod schema;
mod shims;
mod signed;
mod source;
#[cfg(test)]
mod tests;
mod tiles;
mod tree;
mod walk;

pub use check::{Checked, Expected, Watch, check};
pub use fault::{Fault, Wrong};
pub use head::{Head, HeadError};
pub use pairs::{Paired, Pairs};
pub use proof::{ProofFault, Proved, check_proof};
pub use pruned::{PRUNED_NAME, Pruned};
pub use shims::ShimReport;
pub use signed::{Signed, Witnessed};
pub use source::{Directory, Segments};

use crate::model::json::Object;
use line::Line;
use std::collections::BTreeMap;
use std::path::Path;
use walk::{Place, Sink, walk_into};

/// `prev` of the first record.
const NO_PREV: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Longest file that is read whole, in bytes: far more than a writer puts into one.
pub const FILE_BYTES_MAX: u64 = 1 << 30;
/// Types that the format does not have, of which each is counted.
const UNKNOWN_TYPES_MAX: usize = 64;

/// What a log holds that checks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Whose log it is; `None` if it is empty.
    pub origin: Option<String>,
    /// How many files.
    pub files: u64,
    /// The last file's name; `None` if there is none.
    pub last_file: Option<String>,
    /// The seq of the first record that is here: 0, or what the file `pruned` says.
    pub first_seq: u64,
    /// How many records are here.
    pub records: u64,
    /// How many of each type.
    pub by_type: BTreeMap<String, u64>,
    /// How many of each type that this program does not know; of the first 64 such types.
    pub unknown_types: BTreeMap<String, u64>,
    /// How many of further types that it does not know.
    pub more_unknown: u64,
    /// The first record's time, as written.
    pub first_time: Option<String>,
    /// The last record's time, as written.
    pub last_time: Option<String>,
    /// The last record: hold it elsewhere, and a later `verify_with_head` sees what was taken
    /// away or rewritten before it. `None` if the log is empty; the last record that is gone if
    /// all was pruned.
    pub head: Option<Head>,
    /// A last line without an end: a crash while writing leaves one, and so may a hand.
    pub torn: Option<Torn>,
}

impl Report {
    /// The seq that the next record will have.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.first_seq.saturating_add(self.records)
    }
}

/// The unfinished last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Torn {
    /// The last file.
    pub file: String,
    /// Where the unfinished line starts, in bytes from 0.
    pub offset_bytes: u64,
    /// How long it is, in bytes.
    pub bytes: u64,
}

/// Checks every line of the log in this directory: form, fields, `seq`, `prev`, names of files.
/// Neither tree nor signatures are looked at: `check` does that.
///
/// Without a held head this cannot see records missing from the end, a change of the last record
/// that keeps its form, nor a log that was rewritten as a whole.
///
/// # Errors
/// The first record that is wrong.
pub fn verify(dir: &Path) -> Result<Report, Fault> {
    walk_into(&Directory(dir), None, &mut Nobody)
}

/// As `verify`, and the record that `head` names must be in the log unchanged: then everything up
/// to it is what it was when the head was taken.
///
/// # Errors
/// The first record that is wrong.
pub fn verify_with_head(dir: &Path, head: &Head) -> Result<Report, Fault> {
    walk_into(&Directory(dir), Some(head), &mut Nobody)
}

/// Checks the lines of a log from anywhere, and shows each record that checks to `see`.
///
/// # Errors
/// The first record that is wrong.
pub fn walk(
    segments: &dyn Segments,
    held: Option<&Head>,
    see: &mut dyn FnMut(&Object),
) -> Result<Report, Fault> {
    walk_into(segments, held, &mut Reader(see))
}

struct Nobody;

impl Sink for Nobody {
    fn start(&mut self, _first_seq: u64) -> Result<(), Fault> {
        Ok(())
    }

    fn line(&mut self, _place: &Place, _line: &Line<'_>) -> Result<(), Fault> {
        Ok(())
    }
}

struct Reader<'a>(&'a mut dyn FnMut(&Object));

impl Sink for Reader<'_> {
    fn start(&mut self, _first_seq: u64) -> Result<(), Fault> {
        Ok(())
    }

    fn line(&mut self, _place: &Place, line: &Line<'_>) -> Result<(), Fault> {
        (self.0)(&line.object());
        Ok(())
    }
}
