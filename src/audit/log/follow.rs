//! Reads the lines of a log in order, while others are appended behind.

use crate::audit::layout::segment_name;
use crate::files::Files;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of one read. A line is shorter.
const READ_BYTES: usize = 64 << 10;

/// Why reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Everything that was asked for is read.
    Reached,
    /// A file is at its end, and there is another one.
    FileEnded,
}

/// A place in a log.
pub struct Follower {
    dir: PathBuf,
    files: Arc<dyn Files>,
    /// The first seq of the file.
    file: u64,
    offset: u64,
    /// The seq of the next line.
    seq: u64,
}

impl Follower {
    /// At the beginning of the file that begins with this seq.
    pub fn new(dir: &Path, files: Arc<dyn Files>, first_seq: u64) -> Self {
        Self {
            dir: dir.to_owned(),
            files,
            file: first_seq,
            offset: 0,
            seq: first_seq,
        }
    }

    /// Shows lines, without their ends, until that of seq `end` would be next, or a file ends.
    /// They must be durable already: a line that is not there is an error.
    pub fn read(&mut self, end: u64, see: &mut dyn FnMut(&[u8])) -> io::Result<Stop> {
        while self.seq < end {
            let path = self.dir.join(segment_name(self.file));
            let chunk = self.files.read_from(&path, self.offset, READ_BYTES)?;
            let before = self.seq;
            let mut rest = chunk.as_slice();
            while self.seq < end {
                let from = rest;
                let bytes = rest.skip_until(b'\n')?;
                let line = from.get(..bytes).unwrap_or_default();
                let Some(text) = line.strip_suffix(b"\n") else {
                    break;
                };
                see(text);
                self.seq += 1;
                self.offset += line.len() as u64;
            }
            if self.seq == before {
                return self.next_file();
            }
        }
        Ok(Stop::Reached)
    }

    fn next_file(&mut self) -> io::Result<Stop> {
        let next = self.dir.join(segment_name(self.seq));
        if self.seq == self.file || self.files.length(&next)?.is_none() {
            let missing = format!("the line of seq {} is not there", self.seq);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, missing));
        }
        self.file = self.seq;
        self.offset = 0;
        Ok(Stop::FileEnded)
    }
}
