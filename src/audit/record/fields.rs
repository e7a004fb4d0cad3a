//! The text of an object, member by member: a record is written once and never built as a tree.

use super::{INTEGER_MAX, Unlinked};
use crate::audit::hash::Hashed;
use crate::model::json::{self, Json, Limits, Object};
use crate::model::secret;
use std::fmt::Write as _;

/// What has a canonical text.
pub(in crate::audit) trait Canonical {
    /// Appends the text.
    fn write(&self, out: &mut String);
}

impl Canonical for &str {
    fn write(&self, out: &mut String) {
        json::write_string(&secret::scrubbed(self), out);
    }
}

impl Canonical for String {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

/// A text that this program made itself: it is written as it is. All others are looked at.
pub(in crate::audit) struct Own<'a>(pub(in crate::audit) &'a str);

impl Canonical for Own<'_> {
    fn write(&self, out: &mut String) {
        json::write_string(self.0, out);
    }
}

impl Canonical for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Canonical for u64 {
    fn write(&self, out: &mut String) {
        // Writing to a text does not fail.
        let _ = write!(out, "{self}");
    }
}

impl Canonical for Json {
    fn write(&self, out: &mut String) {
        let start = out.len();
        self.write_canonical(out);
        let written = out.as_bytes().get(start..).unwrap_or_default();
        if secret::may_hold(written) {
            out.truncate(start);
            secret::scrubbed_in(self).write_canonical(out);
        }
    }
}

/// Room for a usual decision, so that it seldom grows, in bytes.
const RECORD_ROOM_BYTES: usize = 2048;

/// What a record has beside the fields of its type.
pub(super) struct Header<'a> {
    pub(super) origin: &'a str,
    pub(super) time: String,
    pub(super) kind: &'static str,
}

/// Writes the members of an object; absent parts stay absent. Each name is put once, and best in
/// the order of the names: else the whole is sorted in the end, which takes longer.
#[derive(Default)]
pub(in crate::audit) struct Fields<'a> {
    /// The object without its end, behind what it stands in.
    text: String,
    start: usize,
    last: &'static str,
    is_unordered: bool,
    /// What comes in between.
    header: Option<Header<'a>>,
    /// Names that come in between, but for those whose place is known.
    ahead: &'static [&'static str],
    /// Where the members after `prev` and after `seq` begin.
    breaks: [Option<usize>; 2],
}

impl<'a> Fields<'a> {
    /// The fields of a whole record.
    pub(super) fn of_record(header: Header<'a>) -> Self {
        Self {
            text: String::with_capacity(RECORD_ROOM_BYTES),
            header: Some(header),
            ahead: &BETWEEN,
            ..Self::default()
        }
    }

    pub(in crate::audit) fn put(&mut self, name: &'static str, value: impl Canonical) -> &mut Self {
        self.put_between(name);
        self.member(name, value);
        self
    }

    /// Finds the places of what comes before this name, and puts what of it is the header's.
    fn put_between(&mut self, name: &str) {
        while let Some((due, ahead)) = self.ahead.split_first()
            && *due < name
        {
            self.ahead = ahead;
            // Behind the comma, or the brace, that the next member begins with.
            let next = self.text.len() + 1;
            match *due {
                "prev" => self.breaks[0] = Some(next),
                "seq" => self.breaks[1] = Some(next),
                own => self.put_header(own),
            }
        }
    }

    fn put_header(&mut self, name: &'static str) {
        let Some(header) = self.header.take() else {
            return;
        };
        let value = match name {
            "origin" => header.origin,
            "time" => header.time.as_str(),
            _ => header.kind,
        };
        self.member(name, Own(value));
        self.header = Some(header);
    }

    fn member(&mut self, name: &'static str, value: impl Canonical) {
        let is_first = self.text.len() == self.start;
        self.text.push(if is_first { '{' } else { ',' });
        self.is_unordered |= name <= self.last;
        self.last = name;
        // Names are words: nothing in them is escaped.
        self.text.push('"');
        self.text.push_str(name);
        self.text.push_str("\":");
        value.write(&mut self.text);
    }

    pub(in crate::audit) fn integer(&mut self, name: &'static str, value: u64) -> &mut Self {
        self.put(name, value.min(INTEGER_MAX))
    }

    pub(super) fn text(&mut self, name: &'static str, value: &str) -> &mut Self {
        match value.is_empty() {
            true => self,
            false => self.put(name, value),
        }
    }

    pub(in crate::audit) fn optional(
        &mut self,
        name: &'static str,
        value: Option<impl Canonical>,
    ) -> &mut Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    pub(super) fn texts(&mut self, name: &'static str, values: &[String]) -> &mut Self {
        self.put(name, Items(values.iter().map(String::as_str)))
    }

    /// A list that is absent where it is empty.
    pub(super) fn some_texts(&mut self, name: &'static str, values: &[String]) -> &mut Self {
        match values.is_empty() {
            true => self,
            false => self.texts(name, values),
        }
    }

    pub(super) fn hashed(&mut self, name: &'static str, value: Option<&Hashed>) -> &mut Self {
        self.optional(
            name,
            value.map(|value| members(|fields| value.put_into(fields))),
        )
    }

    /// What the object stands in, and the object.
    fn take(mut self) -> String {
        self.put_between(LAST);
        let is_empty = self.text.len() == self.start;
        self.text.push_str(if is_empty { "{}" } else { "}" });
        if self.is_unordered {
            let own = self.text.split_off(self.start);
            Json::Object(object(&own)).write_canonical(&mut self.text);
        }
        self.text
    }

    /// The object, as a tree: for whoever looks at it, not for the log.
    pub(super) fn object(self) -> Object {
        object(&self.take())
    }

    /// The record's text without its end, and where `prev` and `seq` belong.
    pub(super) fn unlinked(mut self) -> Unlinked {
        self.put_between(LAST);
        match (self.is_unordered, self.breaks) {
            (false, [Some(prev_at), Some(seq_at)]) => Unlinked {
                text: self.text,
                prev_at,
                seq_at,
            },
            _ => Unlinked::render(self.object()),
        }
    }
}

/// What a record has beside the fields of its type: its header, and what its place in the chain gives
/// it.
const BETWEEN: [&str; 5] = ["origin", "prev", "seq", "time", "type"];

/// Behind every name.
const LAST: &str = "\u{7f}";

/// An object whose members are put by a function.
pub(super) struct Members<F>(F);

/// The object of the members that `put` puts.
pub(super) fn members<F: Fn(&mut Fields<'_>)>(put: F) -> Members<F> {
    Members(put)
}

impl<F: Fn(&mut Fields<'_>)> Canonical for Members<F> {
    fn write(&self, out: &mut String) {
        let mut fields = Fields {
            start: out.len(),
            text: std::mem::take(out),
            ..Fields::default()
        };
        (self.0)(&mut fields);
        *out = fields.take();
    }
}

/// An array of what an iterator gives.
pub(super) struct Items<I>(pub(super) I);

impl<I: Iterator<Item = T> + Clone, T: Canonical> Canonical for Items<I> {
    fn write(&self, out: &mut String) {
        out.push('[');
        for (number, item) in self.0.clone().enumerate() {
            if number > 0 {
                out.push(',');
            }
            item.write(out);
        }
        out.push(']');
    }
}

/// A record holds what was within the limits of a request, some levels deeper.
const OWN_TEXT: Limits = Limits {
    bytes_max: usize::MAX,
    depth_max: 2 * Limits::REQUEST.depth_max,
    values_max: usize::MAX,
};

/// What was written as an object a moment ago.
pub(super) fn object(text: &str) -> Object {
    match json::parse(text.as_bytes(), OWN_TEXT) {
        Ok(Json::Object(object)) => object,
        _ => Object::new(),
    }
}

#[cfg(test)]
mod tests;
