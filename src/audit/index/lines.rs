//! The lines of a log, from a record on: read while the log is being written.

use crate::audit::layout::{LINE_BYTES_MAX, first_seq, segment_name};
use crate::audit::verify::FILE_BYTES_MAX;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Read at once, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// One line, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The record's seq, told from its place.
    pub seq: u64,
    /// The seq of the first record of its file, which names the file.
    pub segment: u64,
    /// Where in the file it starts, in bytes.
    pub offset_bytes: u64,
    /// The line without its end.
    pub bytes: Vec<u8>,
}

/// Reads one line after the other. Whoever knows how far a log is durable reads so far.
pub struct Lines {
    dir: PathBuf,
    next_seq: u64,
    file: Option<Open>,
}

struct Open {
    segment: u64,
    offset_bytes: u64,
    reader: BufReader<File>,
}

impl Lines {
    /// From the first record on that the directory has at or after this seq.
    ///
    /// # Errors
    /// The files cannot be read.
    pub fn from_seq(dir: &Path, seq: u64) -> io::Result<Self> {
        let mut lines = Self {
            dir: dir.to_owned(),
            next_seq: seq,
            file: None,
        };
        let segments = segments(dir)?;
        let within = segments.iter().rev().find(|first| **first <= seq);
        let Some(segment) = within.or(segments.first()).copied() else {
            return Ok(lines);
        };
        lines.next_seq = segment;
        lines.file = Some(Open::at(dir, segment, 0)?);
        while lines.next_seq < seq {
            if lines.next()?.is_none() {
                // It is not written yet, or its file is gone.
                let later = segments.iter().find(|first| **first > seq).copied();
                lines.next_seq = later.unwrap_or(seq);
                lines.file = None;
            }
        }
        Ok(lines)
    }

    /// From the record on whose line starts here.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn at(dir: &Path, seq: u64, segment: u64, offset_bytes: u64) -> io::Result<Self> {
        Ok(Self {
            dir: dir.to_owned(),
            next_seq: seq,
            file: Some(Open::at(dir, segment, offset_bytes)?),
        })
    }

    /// The seq of the line that comes next.
    #[must_use]
    pub const fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The next line; `None`: there is no whole one yet.
    ///
    /// # Errors
    /// The files cannot be read, or a line is longer than any.
    #[expect(
        clippy::should_implement_trait,
        reason = "after its end there may be more: no iterator"
    )]
    pub fn next(&mut self) -> io::Result<Option<Line>> {
        if let Some(open) = &mut self.file
            && let Some(bytes) = open.line()?
        {
            return Ok(Some(self.give(bytes)));
        }
        // A file's end, unless the next record begins another one.
        if self
            .file
            .as_ref()
            .is_some_and(|it| it.segment == self.next_seq)
        {
            return Ok(None);
        }
        match Open::at(&self.dir, self.next_seq, 0) {
            Ok(open) => self.file = Some(open),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let line = self.file.as_mut().map(Open::line).transpose()?.flatten();
        Ok(line.map(|bytes| self.give(bytes)))
    }

    /// The next lines up to this one: at most so many, and no more once they have so many bytes.
    ///
    /// # Errors
    /// As for one line.
    pub fn batch(
        &mut self,
        last_seq: u64,
        records_max: usize,
        bytes_max: usize,
    ) -> io::Result<Vec<Line>> {
        let mut batch: Vec<Line> = Vec::new();
        let mut bytes = 0;
        while self.next_seq <= last_seq
            && batch.len() < records_max
            && bytes < bytes_max
            && let Some(line) = self.next()?
        {
            bytes += line.bytes.len();
            batch.push(line);
        }
        Ok(batch)
    }

    fn give(&mut self, bytes: Vec<u8>) -> Line {
        let (segment, offset_bytes) = match &mut self.file {
            Some(open) => {
                let offset_bytes = open.offset_bytes;
                open.offset_bytes += bytes.len() as u64 + 1;
                (open.segment, offset_bytes)
            }
            None => (self.next_seq, 0),
        };
        let seq = self.next_seq;
        self.next_seq += 1;
        Line {
            seq,
            segment,
            offset_bytes,
            bytes,
        }
    }
}

impl Open {
    fn at(dir: &Path, segment: u64, offset_bytes: u64) -> io::Result<Self> {
        let mut file = File::open(segment_path(dir, segment))?;
        file.seek(SeekFrom::Start(offset_bytes))?;
        Ok(Self {
            segment,
            offset_bytes,
            reader: BufReader::with_capacity(BUFFER_BYTES, file),
        })
    }

    /// A whole line without its end; of one that has no end yet nothing is taken.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let mut within = self.reader.by_ref().take(LINE_BYTES_MAX as u64 + 1);
        within.read_until(b'\n', &mut bytes)?;
        if bytes.pop_if(|last| *last == b'\n').is_some() {
            return Ok(Some(bytes));
        }
        if bytes.len() > LINE_BYTES_MAX {
            let error = format!(
                "`{}` has a line of more than {LINE_BYTES_MAX} bytes at byte {}",
                segment_name(self.segment),
                self.offset_bytes
            );
            return Err(io::Error::other(error));
        }
        if !bytes.is_empty() {
            self.reader.seek(SeekFrom::Start(self.offset_bytes))?;
        }
        Ok(None)
    }
}

/// The first seqs of the log's files in this directory, ascending.
///
/// # Errors
/// The directory cannot be read.
pub fn segments(dir: &Path) -> io::Result<Vec<u64>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let first = first_seq(&entry.file_name().to_string_lossy());
        if let Some(first) = first
            && entry.metadata()?.len() <= FILE_BYTES_MAX
        {
            segments.push(first);
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

pub(super) fn segment_path(dir: &Path, first_seq: u64) -> PathBuf {
    dir.join(segment_name(first_seq))
}
