//! Which events were sent to which log under which numbers.
//!
//! A stream is a range of the shim's events that goes to one log: its epoch is its own, and its
//! numbers count from 1 without gaps, so that a hole is a loss. It is on disk before its first
//! event is sent: after a restart the same events are sent to the same log under the same numbers,
//! and recognised. When the shim turns to another log a new stream begins with the first event
//! that is not acknowledged.

use crate::files::{self, Files};
use crate::model::json::{Json, Limits, parse};
use crate::shim::spool::format::{sealed, unsealed};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most streams that are remembered: beyond it the oldest is forgotten, and what is sent to its log
/// again is recorded there twice.
pub const STREAMS_MAX: usize = 64;
/// Longest file, in bytes.
const FILE_BYTES_MAX: u64 = 256 << 10;

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Its number, which no other stream of the shim has.
    pub epoch: u64,
    /// The log.
    pub origin: String,
    /// The event whose number in the stream is 1.
    pub first: u64,
    /// The event that is no more of it; `None`: it goes on.
    pub end: Option<u64>,
    /// The last event that was sent so far by this process.
    sent: u64,
}

impl Stream {
    fn has(&self, origin: &str, number: u64) -> bool {
        let ends_later = self.end.is_none_or(|end| number < end);
        self.origin == origin && self.first <= number && ends_later
    }

    /// The number in the stream of this event.
    #[must_use]
    pub const fn seq(&self, number: u64) -> u64 {
        number.saturating_sub(self.first).saturating_add(1)
    }

    /// The event that has this number in the stream.
    #[must_use]
    pub const fn number(&self, seq: u64) -> u64 {
        self.first.saturating_add(seq).saturating_sub(1)
    }
}

/// The streams of one shim.
pub struct Streams {
    files: Arc<dyn Files>,
    path: PathBuf,
    list: Vec<Stream>,
}

impl Streams {
    /// Reads what is there; all streams end before `next`. `is_new`: the shim's events have other
    /// numbers than before, so that nothing there means anything.
    ///
    /// # Errors
    /// The file system's; `InvalidData` if the file is damaged.
    pub fn open(
        files: Arc<dyn Files>,
        path: &Path,
        (first, next): (u64, u64),
        is_new: bool,
    ) -> io::Result<Self> {
        let text = match files.read(path, FILE_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read?,
        };
        let mut list = read(&text).ok_or(io::ErrorKind::InvalidData)?;
        if is_new {
            list.clear();
        }
        for stream in &mut list {
            stream.end = Some(stream.end.map_or(next, |end| end.min(next)));
        }
        let mut streams = Self {
            files,
            path: path.to_owned(),
            list,
        };
        streams.forget(first);
        streams.save()?;
        Ok(streams)
    }

    /// The stream in which an event goes to this log. `first` is the first event that waits, `from`
    /// the first one that the log has to hear of. A new stream takes an epoch.
    ///
    /// # Errors
    /// The new stream, or its epoch, could not be kept: nothing may be sent.
    pub fn place(
        &mut self,
        origin: &str,
        (first, from, number): (u64, u64, u64),
        epoch: impl FnOnce() -> io::Result<u64>,
    ) -> io::Result<Stream> {
        if let Some(stream) = self.list.iter().find(|it| it.has(origin, number)) {
            return Ok(stream.clone());
        }
        let stream = Stream {
            epoch: epoch()?,
            origin: origin.to_owned(),
            first: from,
            end: None,
            sent: 0,
        };
        let before = self.list.clone();
        for other in &mut self.list {
            let end = (other.sent + 1).max(other.first);
            other.end.get_or_insert(end);
        }
        self.forget(first);
        if self.list.len() >= STREAMS_MAX {
            self.list.remove(0);
        }
        self.list.push(stream.clone());
        if let Err(error) = self.save() {
            self.list = before;
            return Err(error);
        }
        Ok(stream)
    }

    /// An event is about to be sent in this stream.
    pub fn note_sent(&mut self, epoch: u64, number: u64) {
        let stream = self.list.iter_mut().find(|it| it.epoch == epoch);
        if let Some(stream) = stream {
            stream.sent = stream.sent.max(number);
        }
    }

    /// Whether events up to this number may be forgotten once this log has them: not while another
    /// log was sent one of them and a later one, neither acknowledged. If it is turned to again, it
    /// has to be sent both, or what it did not get would be missing there.
    #[must_use]
    pub fn may_forget(&self, origin: &str, first: u64, up_to: u64) -> bool {
        let mut others = self.list.iter().filter(|it| it.origin != origin);
        !others.any(|other| {
            let end = other.end.unwrap_or(other.sent + 1);
            other.first <= up_to && end > first && up_to + 1 < end
        })
    }

    fn forget(&mut self, first: u64) {
        self.list
            .retain(|stream| stream.end.is_none_or(|end| end > first));
    }

    fn save(&self) -> io::Result<()> {
        let streams = self.list.iter().map(|stream| {
            let mut out = crate::model::json::Object::new();
            out.insert("epoch", stream.epoch);
            out.insert("origin", stream.origin.as_str());
            out.insert("first", stream.first);
            if let Some(end) = stream.end {
                out.insert("end", end);
            }
            Json::from(out)
        });
        let text = sealed(&Json::array(streams).to_bytes());
        files::replace(self.files.as_ref(), &self.path, &text)
    }
}

/// Reads the file; `None` if it is damaged.
fn read(text: &[u8]) -> Option<Vec<Stream>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let text = unsealed(text.strip_suffix(b"\n")?)?;
    let json = parse(text, Limits::REQUEST).ok()?;
    json.as_array()?.iter().map(stream).collect()
}

fn stream(json: &Json) -> Option<Stream> {
    let number = |name| json.get(name).and_then(Json::as_u64);
    Some(Stream {
        epoch: number("epoch")?,
        origin: json.get("origin")?.as_str()?.to_owned(),
        first: number("first")?,
        end: match json.get("end") {
            Some(end) => Some(end.as_u64()?),
            None => None,
        },
        sent: 0,
    })
}

#[cfg(test)]
mod tests;
