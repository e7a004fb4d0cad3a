//! The records of one log, one at a time: however long the log, no more than a line is in memory.

use super::ExportError;
use crate::audit::hash::sha256_hex;
use crate::audit::layout::{LINE_BYTES_MAX, PRUNED_BYTES_MAX, first_seq};
use crate::audit::verify::{PRUNED_NAME, Pruned};
use crate::model::json::{Json, Limits, Object, parse};
use crate::model::time::Timestamp;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Read ahead, in bytes.
const READ_BYTES: usize = 256 << 10;
/// Deepest nesting in a record.
const DEPTH_MAX: usize = 16;

/// One record.
#[derive(Debug)]
pub struct Entry {
    /// Its place.
    pub seq: u64,
    /// When it happened.
    pub time: Timestamp,
    /// All of it.
    pub record: Object,
}

/// Reads a log from its first record, or from a later one.
pub struct Source {
    dir: PathBuf,
    /// Files not opened yet, with the seq of their first record.
    files: VecDeque<(u64, String)>,
    open: Option<(String, BufReader<File>)>,
    next_seq: u64,
    /// The hash of the line before, once there was one.
    prev: Option<String>,
    line: Vec<u8>,
    /// The seq of the first record that is here.
    pub first_seq: u64,
    /// Whose log it is, once a record was read.
    pub origin: Option<String>,
}

impl Source {
    /// Opens the log in this directory.
    ///
    /// # Errors
    /// If there is none, or it cannot be listed.
    pub fn open(dir: &Path) -> Result<Self, ExportError> {
        let io = ExportError::reading(dir);
        let mut files = Vec::new();
        let mut pruned = None;
        for entry in fs::read_dir(dir).map_err(&io)? {
            let name = entry.map_err(&io)?.file_name();
            let name = name.to_string_lossy().into_owned();
            if name == PRUNED_NAME {
                pruned = Some(read_note(dir).map_err(&io)?);
            } else {
                files.extend(first_seq(&name).map(|seq| (seq, name)));
            }
        }
        let first_seq = pruned.map_or(0, |note| note.first_seq);
        files.retain(|(seq, _)| *seq >= first_seq);
        files.sort();
        if files.is_empty() {
            let dir = dir.display().to_string();
            return Err(ExportError::NoLog { dir });
        }
        Ok(Self {
            dir: dir.to_owned(),
            files: files.into(),
            open: None,
            next_seq: first_seq,
            prev: None,
            line: Vec::new(),
            first_seq,
            origin: None,
        })
    }

    /// The log's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Leaves out what comes before this record. To be called before the first is read.
    ///
    /// # Errors
    /// If a line cannot be read.
    pub fn skip_to(&mut self, seq: u64) -> Result<(), ExportError> {
        while let Some((next, _)) = self.files.get(1) {
            if *next > seq {
                break;
            }
            self.next_seq = *next;
            self.files.pop_front();
        }
        while self.next_seq < seq && self.read_line()? {
            self.next_seq += 1;
            self.prev = Some(sha256_hex(&self.line));
        }
        Ok(())
    }

    /// The next record; `None` at the end, or where a line was not written to its end yet.
    ///
    /// # Errors
    /// If the log cannot be read, or is broken here.
    pub fn next(&mut self) -> Result<Option<Entry>, ExportError> {
        if !self.read_line()? {
            return Ok(None);
        }
        let limits = Limits {
            bytes_max: self.line.len(),
            depth_max: DEPTH_MAX,
            values_max: self.line.len(),
        };
        let Ok(Json::Object(record)) = parse(&self.line, limits) else {
            return Err(self.broken("no JSON object"));
        };
        let text = |name| record.get(name).and_then(Json::as_str);
        if record.get("seq").and_then(Json::as_u64) != Some(self.next_seq) {
            return Err(self.broken("another seq"));
        }
        if self.prev.is_some() && text("prev") != self.prev.as_deref() {
            return Err(self.broken("`prev` is not the hash of the record before"));
        }
        let Some(time) = text("time").and_then(Timestamp::parse_rfc3339) else {
            return Err(self.broken("no time"));
        };
        match (&self.origin, text("origin")) {
            (_, None) => return Err(self.broken("no origin")),
            (None, Some(origin)) => self.origin = Some(origin.to_owned()),
            (Some(known), Some(origin)) if known == origin => {}
            (Some(_), Some(_)) => return Err(self.broken("another origin")),
        }
        let seq = self.next_seq;
        self.next_seq += 1;
        self.prev = Some(sha256_hex(&self.line));
        Ok(Some(Entry { seq, time, record }))
    }

    /// Reads a line without its newline; false at the end.
    fn read_line(&mut self) -> Result<bool, ExportError> {
        loop {
            if self.open.is_none() && !self.open_next()? {
                return Ok(false);
            }
            let Some((_, reader)) = &mut self.open else {
                return Ok(false);
            };
            self.line.clear();
            let read = reader
                .take(LINE_BYTES_MAX as u64 + 1)
                .read_until(b'\n', &mut self.line);
            read.map_err(ExportError::reading(&self.dir))?;
            if self.line.pop_if(|last| *last == b'\n').is_some() {
                return Ok(true);
            }
            let is_too_long = self.line.len() > LINE_BYTES_MAX;
            let is_last = self.files.is_empty();
            match self.line.is_empty() {
                // What has no end yet may get it later.
                false if is_last && !is_too_long => return Ok(false),
                false => return Err(self.broken("the line has no end")),
                true if is_last => return Ok(false),
                true => self.open = None,
            }
        }
    }

    fn open_next(&mut self) -> Result<bool, ExportError> {
        let Some((first_seq, name)) = self.files.pop_front() else {
            return Ok(false);
        };
        let file = File::open(self.dir.join(&name)).map_err(ExportError::reading(&self.dir))?;
        self.open = Some((name, BufReader::with_capacity(READ_BYTES, file)));
        if first_seq != self.next_seq {
            return Err(self.broken("records are missing before this file"));
        }
        Ok(true)
    }

    fn broken(&self, what: &'static str) -> ExportError {
        let file = self.open.as_ref().map(|(name, _)| name.clone());
        ExportError::Broken {
            dir: self.dir.display().to_string(),
            file: file.unwrap_or_default(),
            seq: self.next_seq,
            what,
        }
    }
}

fn read_note(dir: &Path) -> io::Result<Pruned> {
    let mut bytes = Vec::new();
    let file = File::open(dir.join(PRUNED_NAME))?;
    file.take(PRUNED_BYTES_MAX as u64).read_to_end(&mut bytes)?;
    let no_note = || io::Error::other(format!("`{PRUNED_NAME}` is no note of what was pruned"));
    Pruned::read(&bytes).ok_or_else(no_note)
}
