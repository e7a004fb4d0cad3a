//! Formats of one object a line, appended to one file.

use super::row::Row;
use super::sink::{Sink, Written};
use super::{cloudevents, ocsf};
use crate::model::json::Json;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Readable by the owner alone: it names people.
const MODE_PRIVATE: u32 = 0o600;

/// Makes an object out of a row.
pub type Shape = fn(&Row) -> Json;

/// The flat record.
pub const FLAT: Shape = Row::json;
/// CloudEvents 1.0 in structured mode.
pub const CLOUD_EVENT: Shape = cloudevents::event;
/// OCSF API Activity.
pub const OCSF: Shape = ocsf::activity;

/// A file of lines.
pub struct Lines {
    file: BufWriter<File>,
    shape: Shape,
    bytes: u64,
}

impl Lines {
    /// Goes on with a file after so many bytes; what is after them was never committed.
    ///
    /// # Errors
    /// As the operating system says; a file that is shorter is `UnexpectedEof`.
    pub fn open(path: &Path, bytes: u64, shape: Shape) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        let mut file = options.mode(MODE_PRIVATE).open(path)?;
        if file.metadata()?.len() < bytes {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "it is shorter than its cursor says",
            ));
        }
        file.set_len(bytes)?;
        file.seek(SeekFrom::Start(bytes))?;
        let file = BufWriter::new(file);
        Ok(Self { file, shape, bytes })
    }
}

impl Sink for Lines {
    fn push(&mut self, _: usize, row: &Row) -> io::Result<()> {
        let mut line = (self.shape)(row).to_string();
        line.push('\n');
        self.file.write_all(line.as_bytes())?;
        self.bytes += line.len() as u64;
        Ok(())
    }

    fn complete(&mut self) -> io::Result<Written> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        Ok(Written {
            file_bytes: self.bytes,
            parts: Vec::new(),
        })
    }

    fn publish(&mut self, _: &Written) -> io::Result<()> {
        Ok(())
    }
}
