//! Server-sent events: read strictly and in bounded memory, however their bytes are cut up, and
//! written so that every reader finds the same events.
//!
//! The standard lets lines end in three ways, and readers differ: some take no lone carriage return
//! for an end, some take characters for one that are none. What only some readers understand is
//! never passed on: such an event is written anew out of what it says.

use crate::model::json::Limits;
use crate::shim::envelope::{Envelope, Sketch};
use crate::shim::message::{MESSAGE_BYTES_MAX, Why};

#[cfg(test)]
mod tests;

/// Longest line but one of data, in bytes.
pub const LINE_BYTES_MAX: usize = 4 << 10;
/// Longest id of an event, in bytes.
pub const EVENT_ID_BYTES_MAX: usize = 1 << 10;
/// How much longer than its data an event may be that is passed on as it is, in bytes.
const FRAMING_BYTES_MAX: usize = 64 << 10;
/// Longest pause before a reconnect that a server may ask for, in milliseconds.
const RETRY_MS_MAX: u64 = 3_600_000;
/// How a line of data begins.
const DATA: &[u8] = b"data:";
/// What keeps a connection alive and says nothing.
pub const KEEP_ALIVE: &[u8] = b":\n\n";

/// What a stream brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An event: perhaps a message, perhaps only a place in the stream.
    Event(Event),
    /// An event that is no message of the protocol's.
    Foreign,
    /// Comments alone.
    Comment,
    /// An event that is too long.
    Bad {
        /// Why it cannot be a message.
        why: Why,
        /// Whose it may have been.
        sketch: Sketch,
    },
}

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its data: a message; empty if the event is none.
    pub data: Vec<u8>,
    /// Its id, which is a place in the stream.
    pub id: Option<String>,
    /// The bytes of the event, where every reader reads them the same.
    raw: Option<Vec<u8>>,
    is_named: bool,
    has_data: bool,
    retry_ms: Option<u64>,
}

impl Event {
    /// The event with this message: its own bytes if that is the one that it came with.
    #[must_use]
    pub fn with(&self, message: &[u8]) -> Vec<u8> {
        match &self.raw {
            Some(raw) if message == self.data && !has_odd_breaks(message) => raw.clone(),
            _ => self.written(message),
        }
    }

    /// An event of the shim's own.
    #[must_use]
    pub fn of(message: &[u8]) -> Vec<u8> {
        let named = Self {
            is_named: true,
            ..Self::default()
        };
        named.written(message)
    }

    fn written(&self, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(message.len() + FRAMING_BYTES_MAX.min(128));
        if self.is_named && !message.is_empty() {
            out.extend_from_slice(b"event: message\n");
        }
        if let Some(id) = &self.id {
            out.extend_from_slice(format!("id: {id}\n").as_bytes());
        }
        if let Some(retry_ms) = self.retry_ms {
            out.extend_from_slice(format!("retry: {retry_ms}\n").as_bytes());
        }
        if message.is_empty() && !self.has_data {
            out.push(b'\n');
            return out;
        }
        let message = without_odd_breaks(message);
        for line in message.split(|byte| matches!(byte, b'\n' | b'\r')) {
            out.extend_from_slice(b"data: ");
            out.extend_from_slice(line);
            out.push(b'\n');
        }
        out.push(b'\n');
        out
    }
}

/// U+0085, U+2028 and U+2029: ends of lines to some readers. In JSON they stand in strings alone.
const ODD_BREAKS: [(&[u8], &[u8]); 3] = [
    (b"\xc2\x85", b"\\u0085"),
    (b"\xe2\x80\xa8", b"\\u2028"),
    (b"\xe2\x80\xa9", b"\\u2029"),
];

fn odd_break(bytes: &[u8]) -> Option<(&'static [u8], &'static [u8])> {
    let mut found = ODD_BREAKS.iter();
    found.find(|(raw, _)| bytes.starts_with(raw)).copied()
}

fn has_odd_breaks(message: &[u8]) -> bool {
    ODD_BREAKS
        .iter()
        .any(|(raw, _)| message.windows(raw.len()).any(|it| it == *raw))
}

/// The same JSON, with escapes in place of what some readers take for the end of a line.
fn without_odd_breaks(message: &[u8]) -> Vec<u8> {
    if !has_odd_breaks(message) {
        return message.to_vec();
    }
    let mut out = Vec::with_capacity(message.len() + 16);
    let mut rest = message;
    while let Some((byte, after)) = rest.split_first() {
        match odd_break(rest) {
            Some((raw, escape)) => {
                out.extend_from_slice(escape);
                rest = rest.get(raw.len()..).unwrap_or_default();
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    out
}

/// Reads a stream piece by piece.
#[derive(Debug, Default)]
pub struct Parser {
    line: Vec<u8>,
    /// The line is too long; `true`: it is one of data.
    overflow: Option<bool>,
    after_cr: bool,
    began: bool,
    event: Partial,
}

/// An event that has not ended.
#[derive(Debug, Default)]
struct Partial {
    raw: Vec<u8>,
    /// Nothing in it is read in two ways, and all of it is passed on.
    is_odd: bool,
    data: Vec<u8>,
    has_data: bool,
    is_comment: bool,
    kind: Option<Vec<u8>>,
    id: Option<String>,
    retry_ms: Option<u64>,
    too_long: Option<Envelope>,
}

impl Parser {
    /// Takes the next piece of the stream.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            rest = self.end_after_cr(rest, &mut items);
        }
        while let Some(at) = rest.iter().position(|it| matches!(it, b'\n' | b'\r')) {
            let (part, ended) = rest.split_at(at);
            self.extend(part);
            rest = match ended.split_first() {
                Some((b'\n', after)) => {
                    self.end_line(b"\n", &mut items);
                    after
                }
                Some((_, [])) => {
                    self.after_cr = true;
                    return items;
                }
                Some((_, after)) => self.end_after_cr(after, &mut items),
                None => return items,
            };
        }
        self.extend(rest);
        items
    }

    /// The stream has ended. An event that has not is none.
    pub fn end(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        if self.after_cr {
            self.end_after_cr(b"", &mut items);
        }
        items
    }

    /// A carriage return has come; what follows tells whether it is the whole end of the line.
    fn end_after_cr<'a>(&mut self, rest: &'a [u8], items: &mut Vec<Item>) -> &'a [u8] {
        self.after_cr = false;
        match rest.strip_prefix(b"\n") {
            Some(after) => {
                self.end_line(b"\r\n", items);
                after
            }
            None => {
                self.event.is_odd = true;
                self.end_line(b"\r", items);
                rest
            }
        }
    }

    fn extend(&mut self, part: &[u8]) {
        if let Some(is_data) = self.overflow {
            if is_data && let Some(envelope) = &mut self.event.too_long {
                envelope.feed(part);
            }
            return;
        }
        self.line.extend_from_slice(part);
        let is_data = self.line.starts_with(DATA);
        let line_bytes_max = match is_data {
            true => MESSAGE_BYTES_MAX + DATA.len() + 1,
            false => LINE_BYTES_MAX,
        };
        if self.line.len() > line_bytes_max {
            self.overflow = Some(is_data);
            self.event.is_odd = true;
            let line = std::mem::take(&mut self.line);
            if is_data {
                self.event
                    .take_data(value(line.get(DATA.len()..).unwrap_or_default()));
            }
        }
    }

    fn end_line(&mut self, ending: &[u8], items: &mut Vec<Item>) {
        let mut line = std::mem::take(&mut self.line);
        if !std::mem::replace(&mut self.began, true)
            && let Some(rest) = line.strip_prefix(b"\xef\xbb\xbf")
        {
            line = rest.to_vec();
            self.event.is_odd = true;
        }
        if self.overflow.take().is_some() {
            return;
        }
        self.event.keep(&line, ending);
        if line.is_empty() {
            items.extend(std::mem::take(&mut self.event).end());
        } else {
            self.event.take(&line);
        }
    }
}

/// What follows the colon, without the one space that may follow it.
fn value(rest: &[u8]) -> &[u8] {
    rest.strip_prefix(b" ").unwrap_or(rest)
}

impl Partial {
    fn keep(&mut self, line: &[u8], ending: &[u8]) {
        if self.is_odd
            || self.raw.len() + line.len() > Limits::REQUEST.bytes_max + FRAMING_BYTES_MAX
        {
            self.is_odd = true;
            self.raw = Vec::new();
            return;
        }
        self.raw.extend_from_slice(line);
        self.raw.extend_from_slice(ending);
    }

    fn take(&mut self, line: &[u8]) {
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, rest) = line.split_at(colon.unwrap_or(line.len()));
        let value = value(rest.get(1..).unwrap_or_default());
        match field {
            b"" if colon.is_some() => {
                self.is_comment = true;
                self.is_odd = true;
            }
            b"data" => self.take_data(value),
            b"event" => self.kind = Some(value.to_vec()),
            b"id" => self.take_id(value),
            b"retry" => self.take_retry(value),
            _ => self.is_odd = true,
        }
    }

    fn take_data(&mut self, value: &[u8]) {
        if let Some(envelope) = &mut self.too_long {
            envelope.feed(b"\n");
            envelope.feed(value);
            return;
        }
        if std::mem::replace(&mut self.has_data, true) {
            self.data.push(b'\n');
        }
        self.data.extend_from_slice(value);
        if self.data.len() > MESSAGE_BYTES_MAX {
            let mut envelope = Envelope::default();
            envelope.feed(&std::mem::take(&mut self.data));
            self.too_long = Some(envelope);
            self.is_odd = true;
        }
    }

    /// An id that is no plain text is no place that anybody could come back to.
    fn take_id(&mut self, value: &[u8]) {
        let text = std::str::from_utf8(value).ok().filter(|text| {
            text.len() <= EVENT_ID_BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
        });
        match text {
            Some(text) => self.id = Some(text.to_owned()),
            None => self.is_odd = true,
        }
    }

    fn take_retry(&mut self, value: &[u8]) {
        let text = std::str::from_utf8(value).ok();
        let digits = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let ms: Option<u64> = digits.and_then(|text| text.parse().ok());
        match ms.filter(|ms| *ms <= RETRY_MS_MAX) {
            Some(ms) => self.retry_ms = Some(ms),
            None => self.is_odd = true,
        }
    }

    fn end(self) -> Option<Item> {
        let is_message = matches!(self.kind.as_deref(), None | Some(b"" | b"message"));
        if !is_message {
            return Some(Item::Foreign);
        }
        if let Some(envelope) = self.too_long {
            let frame_bytes_max = MESSAGE_BYTES_MAX;
            return Some(Item::Bad {
                why: Why::FrameTooLong { frame_bytes_max },
                sketch: envelope.finish(),
            });
        }
        if !self.has_data && self.id.is_none() && self.retry_ms.is_none() {
            return self.is_comment.then_some(Item::Comment);
        }
        Some(Item::Event(Event {
            data: self.data,
            id: self.id,
            raw: (!self.is_odd).then_some(self.raw),
            is_named: self.kind.is_some(),
            has_data: self.has_data,
            retry_ms: self.retry_ms,
        }))
    }
}
