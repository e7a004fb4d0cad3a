//! Where a log's files come from, and how they are read: a line at a time, never a file at once.

use crate::audit::layout::LINE_BYTES_MAX;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

/// What is read ahead of a file, in bytes.
const READ_AHEAD_BYTES: usize = 1 << 18;
/// A line with its newline, in bytes.
const LINE_READ_BYTES_MAX: u64 = LINE_BYTES_MAX as u64 + 1;

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

    /// A file, to be read from its beginning; its name may have directories before it, with `/`
    /// between.
    ///
    /// # Errors
    /// If the file cannot be read.
    fn open<'a>(&'a self, name: &str) -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(Cursor::new(self.read(name)?)))
    }

    /// The names in a directory below the log's; none where there is no such directory.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    fn list(&self, _dir: &str) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// The first seq whose bundle of entries has to be there. Bundles that end before it went with
    /// their segments when those were archived, also where the lines are read from the archive.
    ///
    /// # Errors
    /// If that cannot be read.
    fn bundles_from(&self) -> io::Result<u64> {
        Ok(0)
    }
}

/// A log's directory.
#[derive(Clone, Copy, Debug)]
pub struct Directory<'a>(pub &'a Path);

impl Segments for Directory<'_> {
    fn names(&self) -> io::Result<Vec<String>> {
        let names = fs::read_dir(self.0)?.map(|entry| entry.map(|entry| entry.file_name()));
        names
            .map(|name| Ok(name?.to_string_lossy().into_owned()))
            .collect()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.0.join(name))
    }

    fn open<'a>(&'a self, name: &str) -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(File::open(self.0.join(name))?))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        match Directory(&self.0.join(dir)).names() {
            Err(error) if is_absent(&error) => Ok(Vec::new()),
            names => names,
        }
    }
}

/// Whether there is nothing of that name.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// A file of at most so many bytes, with one byte more where it is longer; `None` if there is none.
pub(super) fn read_small(
    segments: &dyn Segments,
    name: &str,
    bytes_max: usize,
) -> io::Result<Option<Vec<u8>>> {
    let file = match segments.open(name) {
        Err(error) if is_absent(&error) => return Ok(None),
        file => file?,
    };
    let mut content = Vec::with_capacity(bytes_max.min(READ_AHEAD_BYTES));
    file.take(bytes_max as u64 + 1).read_to_end(&mut content)?;
    Ok(Some(content))
}

/// The lines of a file.
pub(super) struct Lines<'a>(BufReader<Box<dyn Read + 'a>>);

/// What came next in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A line of so many bytes with its newline.
    Line(u64),
    /// One that is longer than a record may be.
    TooLong,
    /// The end, after so many bytes without a newline.
    End(u64),
}

impl<'a> Lines<'a> {
    pub(super) fn open(segments: &'a dyn Segments, name: &str) -> io::Result<Self> {
        let file = segments.open(name)?;
        Ok(Self(BufReader::with_capacity(READ_AHEAD_BYTES, file)))
    }

    /// Puts the next line, without its newline, into `line`.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Next> {
        line.clear();
        let mut limited = (&mut self.0).take(LINE_READ_BYTES_MAX);
        let bytes = limited.read_until(b'\n', line)? as u64;
        if line.last() == Some(&b'\n') {
            line.pop();
            return Ok(Next::Line(bytes));
        }
        if bytes < LINE_READ_BYTES_MAX {
            return Ok(Next::End(bytes));
        }
        self.skip(bytes)
    }

    /// Passes over the rest of a line that is too long: only the end of the file makes it torn.
    fn skip(&mut self, mut bytes: u64) -> io::Result<Next> {
        loop {
            let ahead = self.0.fill_buf()?;
            if ahead.is_empty() {
                return Ok(Next::End(bytes));
            }
            if ahead.contains(&b'\n') {
                return Ok(Next::TooLong);
            }
            let passed = ahead.len();
            bytes += passed as u64;
            self.0.consume(passed);
        }
    }
}
