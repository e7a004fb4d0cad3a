//! A lenient look at the envelope of a line that is no message, in bounded memory: whose answer it
//! may have been. Nothing of such a line is forwarded.

use crate::model::json::{Json, Limits, parse};
use crate::shim::message::Id;

#[cfg(test)]
mod tests;

/// Longest member of the envelope that is read, name and value each, in bytes.
pub const PART_BYTES_MAX: usize = 2 << 10;

/// What could be told of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    /// The id, if there was exactly one and it can be used.
    pub id: Option<Id>,
    /// Whether it has a `method`: it answers nothing.
    pub is_call: bool,
    /// Whether it has a member that messages have.
    pub is_meant: bool,
}

impl Sketch {
    /// The sketch of a line that is all there.
    #[must_use]
    pub fn of(line: &[u8]) -> Self {
        let mut envelope = Envelope::default();
        envelope.feed(line);
        envelope.finish()
    }

    /// Whether the line may have been an answer.
    #[must_use]
    pub const fn may_answer(&self) -> bool {
        self.is_meant && !self.is_call
    }
}

/// Reads a line piece by piece.
#[derive(Debug, Default)]
pub struct Envelope {
    depth: usize,
    in_string: bool,
    escaped: bool,
    began: bool,
    is_other: bool,
    part: Vec<u8>,
    overflowed: bool,
    key: Option<String>,
    ids: Vec<Option<Id>>,
    sketch: Sketch,
}

impl Envelope {
    /// Takes the next piece of the line.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            if self.is_other {
                return;
            }
            rest = after;
            self.take(*byte);
            if self.in_string && self.depth > 1 && !self.escaped {
                // Nothing within is of interest: on to what may end the string.
                let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
                rest = end.and_then(|at| rest.get(at..)).unwrap_or_default();
            }
        }
    }

    fn take(&mut self, byte: u8) {
        if !self.began {
            self.begin(byte);
            return;
        }
        if self.in_string {
            self.keep(byte);
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.keep(byte);
            }
            b'{' | b'[' => {
                self.depth += 1;
                self.overflowed = true;
            }
            b'}' | b']' if self.depth <= 1 => {
                self.end_member();
                self.is_other = true;
            }
            b'}' | b']' => self.depth -= 1,
            b':' if self.depth == 1 && self.key.is_none() => self.end_key(),
            b',' if self.depth == 1 => self.end_member(),
            _ => self.keep(byte),
        }
    }

    fn begin(&mut self, byte: u8) {
        match byte {
            b'{' => (self.began, self.depth) = (true, 1),
            _ if byte.is_ascii_whitespace() => {}
            _ => self.is_other = true,
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.depth != 1 {
            return;
        }
        if self.part.len() < PART_BYTES_MAX {
            self.part.push(byte);
        } else {
            self.overflowed = true;
        }
    }

    /// The part that ends here, if it is whole, short and JSON.
    fn end_part(&mut self) -> Option<Json> {
        let part = std::mem::take(&mut self.part);
        let whole = !std::mem::take(&mut self.overflowed);
        parse(part.trim_ascii(), Limits::REQUEST)
            .ok()
            .filter(|_| whole)
    }

    fn end_key(&mut self) {
        let key = match self.end_part() {
            Some(Json::String(key)) => key,
            _ => String::new(),
        };
        match key.as_str() {
            "method" => (self.sketch.is_call, self.sketch.is_meant) = (true, true),
            "jsonrpc" | "result" | "error" => self.sketch.is_meant = true,
            _ => {}
        }
        self.key = Some(key);
    }

    fn end_member(&mut self) {
        let value = self.end_part();
        if self.key.take().as_deref() == Some("id") && self.ids.len() < 2 {
            self.ids.push(value.as_ref().and_then(Id::read));
        }
    }

    /// What could be told.
    #[must_use]
    pub fn finish(self) -> Sketch {
        let mut ids = self.ids.into_iter();
        let id = match (ids.next(), ids.next()) {
            (Some(id), None) => id,
            _ => None,
        };
        Sketch { id, ..self.sketch }
    }
}
