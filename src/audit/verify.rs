//! Checks a log without trusting whoever wrote it.
//!
//! This module reads the format of `docs/audit-format.md` from its own description and uses
//! nothing of the writer, so that a mistake there cannot hide itself here. Times need not be in
//! order: clocks are set back, and the order of the log is `seq`.

mod fault;
mod head;
mod line;
mod pruned;
mod schema;
#[cfg(test)]
mod tests;

pub use fault::{Fault, Wrong};
pub use head::{Head, HeadError};
pub use pruned::{PRUNED_NAME, Pruned};

use crate::model::json::Object;
use line::Line;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Longest line without its newline, in bytes.
const LINE_BYTES_MAX: usize = 61_440;
/// `prev` of the first record.
const NO_PREV: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Longest file that is read, in bytes: far more than a writer puts into one.
pub const FILE_BYTES_MAX: u64 = 1 << 30;
/// Digits in the name of a file: the seq of its first record.
const NAME_DIGITS: usize = 20;

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

/// Where a log's files come from.
pub trait Segments {
    /// All names in the log's directory; those that are no log files are left aside.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    fn names(&self) -> io::Result<Vec<String>>;

    /// A whole file.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;
}

struct Directory<'a>(&'a Path);

impl Segments for Directory<'_> {
    fn names(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(self.0)?.map(|entry| entry.map(|entry| entry.file_name()));
        names
            .map(|name| Ok(name?.to_string_lossy().into_owned()))
            .collect()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let path = self.0.join(name);
        if fs::metadata(&path)?.len() > FILE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        fs::read(path)
    }
}

/// Checks every line of the log in this directory: form, fields, `seq`, `prev`, names of files.
///
/// Without a held head this cannot see records missing from the end, a change of the last record
/// that keeps its form, nor a log that was rewritten as a whole.
///
/// # Errors
/// The first record that is wrong.
pub fn verify(dir: &Path) -> Result<Report, Fault> {
    walk(&Directory(dir), None, &mut |_| ())
}

/// As `verify`, and the record that `head` names must be in the log unchanged: then everything up
/// to it is what it was when the head was taken.
///
/// # Errors
/// The first record that is wrong.
pub fn verify_with_head(dir: &Path, head: &Head) -> Result<Report, Fault> {
    walk(&Directory(dir), Some(head), &mut |_| ())
}

/// As `verify`, against a held head if there is one, and shows each record that checks to `see`.
///
/// # Errors
/// The first record that is wrong.
pub fn verify_seeing(
    dir: &Path,
    head: Option<&Head>,
    see: &mut dyn FnMut(&Object),
) -> Result<Report, Fault> {
    walk(&Directory(dir), head, see)
}

/// Checks a log from anywhere, and shows each record that checks to `see`.
///
/// # Errors
/// The first record that is wrong.
pub fn walk(
    segments: &dyn Segments,
    held: Option<&Head>,
    see: &mut dyn FnMut(&Object),
) -> Result<Report, Fault> {
    let names = segments.names().map_err(Fault::unreadable(""))?;
    let pruned = Pruned::of(segments, &names)?;
    let is_here = |name: &String| match &pruned {
        Some(pruned) => pruned.keeps(name),
        None => first_seq(name).is_some(),
    };
    let mut names: Vec<_> = names.into_iter().filter(is_here).collect();
    names.sort();
    let mut walk = Walk {
        segments,
        held,
        report: Report::default(),
        place: Place::default(),
    };
    if let Some(pruned) = pruned {
        pruned.check_held(held)?;
        walk.report.first_seq = pruned.first_seq;
        walk.report.head = Some(pruned.head());
        walk.report.origin = Some(pruned.origin);
    }
    for (index, name) in names.iter().enumerate() {
        let later = names.get(index + 1..).unwrap_or_default();
        walk.file(name, later, see)?;
    }
    walk.end()
}

/// Whether a file of this name is part of a log.
#[must_use]
pub fn is_log_file(name: &str) -> bool {
    first_seq(name).is_some()
}

/// The seq that a file's name promises: `log-<20 digits>.jsonl`.
pub(in crate::audit) fn first_seq(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("log-")?.strip_suffix(".jsonl")?;
    let is_number = digits.len() == NAME_DIGITS && digits.bytes().all(|d| d.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

/// The record that was checked last.
#[derive(Clone, Default)]
struct Place {
    file: String,
    line: u64,
}

struct Walk<'a> {
    segments: &'a dyn Segments,
    held: Option<&'a Head>,
    report: Report,
    place: Place,
}

impl Walk<'_> {
    fn file(
        &mut self,
        name: &str,
        later: &[String],
        see: &mut dyn FnMut(&Object),
    ) -> Result<(), Fault> {
        let content = self.segments.read(name).map_err(Fault::unreadable(name))?;
        let mut place = Place {
            file: name.to_owned(),
            line: 1,
        };
        let seq = self.report.next_seq();
        if first_seq(name) != Some(seq) {
            return Err(place.fault(seq, Wrong::FileName));
        }
        if content.is_empty() && !later.is_empty() {
            return Err(place.fault(seq, Wrong::FileEmpty));
        }
        self.report.files += 1;
        self.report.last_file = Some(name.to_owned());
        let mut rest = content.as_slice();
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(at);
            rest = after.get(1..).unwrap_or_default();
            self.line(&place, line, (rest, later), see)?;
            self.place = place.clone();
            place.line += 1;
        }
        if rest.is_empty() {
            return Ok(());
        }
        if !later.is_empty() {
            return Err(place.fault(self.report.next_seq(), Wrong::Unfinished));
        }
        self.report.torn = Some(Torn {
            file: name.to_owned(),
            offset_bytes: (content.len() - rest.len()) as u64,
            bytes: rest.len() as u64,
        });
        Ok(())
    }

    fn line(
        &mut self,
        place: &Place,
        bytes: &[u8],
        after: (&[u8], &[String]),
        see: &mut dyn FnMut(&Object),
    ) -> Result<(), Fault> {
        let seq = self.report.next_seq();
        let line = Line::read(bytes).map_err(|wrong| place.fault(seq, wrong))?;
        if line.seq != seq {
            return Err(place.fault(seq, Wrong::Seq { found: line.seq }));
        }
        self.check_prev(place, &line, after)?;
        if *self
            .report
            .origin
            .get_or_insert_with(|| line.origin.clone())
            != line.origin
        {
            return Err(place.fault(seq, Wrong::Origin { found: line.origin }));
        }
        see(&line.record);
        self.check_held(place, &line)?;
        let report = &mut self.report;
        report.records += 1;
        *report.by_type.entry(line.kind).or_default() += 1;
        report.first_time.get_or_insert_with(|| line.time.clone());
        report.last_time = Some(line.time);
        report.head = Some(Head {
            seq,
            hash: line.hash,
        });
        Ok(())
    }

    /// Where the link to the record before does not hold, either may be the wrong one. What comes
    /// after vouches for this one: if it does, or if nothing comes, it was the one before.
    fn check_prev(
        &self,
        place: &Place,
        line: &Line,
        (rest, later): (&[u8], &[String]),
    ) -> Result<(), Fault> {
        let before = self.report.head.as_ref();
        let expected = before.map_or(NO_PREV, |head| &head.hash);
        if line.prev == expected {
            return Ok(());
        }
        // What was pruned cannot be the wrong one: it is not here.
        let before = before.filter(|_| self.report.records > 0);
        let held = self.held.filter(|head| head.seq == line.seq);
        let vouched = held
            .map(|head| head.hash.clone())
            .or_else(|| self.next_prev(rest, later));
        match (before, vouched) {
            (Some(head), None) => Err(self.place.fault(head.seq, Wrong::Hash)),
            (Some(head), Some(hash)) if hash == line.hash => {
                Err(self.place.fault(head.seq, Wrong::Hash))
            }
            _ => Err(place.fault(line.seq, Wrong::Prev)),
        }
    }

    fn next_prev(&self, rest: &[u8], later: &[String]) -> Option<String> {
        let next_file;
        let rest = if rest.is_empty() {
            next_file = self.segments.read(later.first()?).ok()?;
            next_file.as_slice()
        } else {
            rest
        };
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        Some(Line::read(rest.get(..end)?).ok()?.prev)
    }

    fn check_held(&self, place: &Place, line: &Line) -> Result<(), Fault> {
        match self.held {
            Some(head) if head.seq == line.seq && head.hash != line.hash => {
                Err(place.fault(line.seq, Wrong::HeadDiffers))
            }
            _ => Ok(()),
        }
    }

    fn end(self) -> Result<Report, Fault> {
        match self.held {
            Some(head) if head.seq >= self.report.next_seq() => {
                let held = head.seq;
                let seq = self.report.next_seq();
                let mut next = self.place;
                next.line += 1;
                Err(next.fault(seq, Wrong::Truncated { held }))
            }
            _ => Ok(self.report),
        }
    }
}

impl Place {
    fn fault(&self, seq: u64, what: Wrong) -> Fault {
        Fault {
            file: self.file.clone(),
            line: self.line,
            seq,
            what,
        }
    }
}
