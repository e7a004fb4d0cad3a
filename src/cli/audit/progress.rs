//! How far a check is: a bar on a terminal, lines elsewhere if they are asked for.

use super::super::Output;
use crate::audit::layout::is_segment;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// So many records are checked between two lines about progress.
const LINE_RECORDS: u64 = 100_000;
/// Columns of the bar.
const BAR_COLUMNS: u64 = 40;
const PERCENT: u64 = 100;

/// Tells how far a check is.
pub(super) struct Progress<'a> {
    output: &'a Output,
    has_bar: bool,
    has_lines: bool,
    records: u64,
    bytes: u64,
    bytes_in_all: u64,
    /// What the bar shows.
    percent: u64,
}

impl<'a> Progress<'a> {
    pub(super) fn new(output: &'a Output, is_asked_for: bool, dirs: &[impl AsRef<Path>]) -> Self {
        Self {
            output,
            has_bar: std::io::stderr().is_terminal(),
            has_lines: is_asked_for,
            records: 0,
            bytes: 0,
            bytes_in_all: dirs.iter().map(|dir| bytes_of(dir.as_ref())).sum(),
            percent: PERCENT,
        }
    }

    /// A record of so many bytes has passed.
    pub(super) fn passed(&mut self, bytes: u64) {
        self.records += 1;
        self.bytes += bytes;
        if self.has_bar {
            self.draw();
        } else if self.has_lines && self.records.is_multiple_of(LINE_RECORDS) {
            self.output
                .note(format!("{} records checked", self.records));
        }
    }

    fn draw(&mut self) {
        let share = (self.bytes * PERCENT).checked_div(self.bytes_in_all);
        let percent = share.unwrap_or(PERCENT).min(PERCENT);
        if percent == self.percent {
            return;
        }
        self.percent = percent;
        let done = usize::try_from(percent * BAR_COLUMNS / PERCENT).unwrap_or_default();
        let rest = usize::try_from(BAR_COLUMNS).unwrap_or_default() - done;
        let bar = ["#".repeat(done), "-".repeat(rest)].concat();
        let mut terminal = std::io::stderr().lock();
        let _unseen = write!(terminal, "\r[{bar}] {percent:3} % {} records", self.records);
        let _unseen = terminal.flush();
    }

    /// The check is over.
    pub(super) fn end(&self) {
        if self.has_bar && self.percent > 0 && self.records > 0 {
            // The result stands where the bar was.
            let _unseen = write!(std::io::stderr(), "\r\x1b[K");
        } else if self.has_lines {
            self.output
                .note(format!("{} records checked in all", self.records));
        }
    }
}

/// Of the log files of a directory; what cannot be read is told of when it is checked.
fn bytes_of(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let files = entries
        .flatten()
        .filter(|entry| is_segment(&entry.file_name().to_string_lossy()));
    files
        .filter_map(|entry| Some(entry.metadata().ok()?.len()))
        .sum()
}
