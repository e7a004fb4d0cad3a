//! The text of an object, member by member: a record is written once and never built as a tree.

use super::INTEGER_MAX;
use crate::audit::hash::Hashed;
use crate::model::json::{self, Json, Limits, Object};
use std::ops::Range;

/// Canonical JSON, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::audit) struct Text(String);

impl Text {
    /// An array of these items.
    pub(super) fn array(items: impl Iterator<Item = impl Canonical>) -> Self {
        let mut text = String::from("[");
        for item in items {
            if text.len() > 1 {
                text.push(',');
            }
            item.write(&mut text);
        }
        text.push(']');
        Self(text)
    }
}

/// What has a canonical text.
pub(in crate::audit) trait Canonical {
    /// Appends the text.
    fn write(&self, out: &mut String);
}

impl Canonical for Text {
    fn write(&self, out: &mut String) {
        out.push_str(&self.0);
    }
}

impl Canonical for &str {
    fn write(&self, out: &mut String) {
        json::write_string(self, out);
    }
}

impl Canonical for String {
    fn write(&self, out: &mut String) {
        json::write_string(self, out);
    }
}

impl Canonical for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Canonical for u64 {
    fn write(&self, out: &mut String) {
        out.push_str(&self.to_string());
    }
}

impl Canonical for Json {
    fn write(&self, out: &mut String) {
        self.write_canonical(out);
    }
}

/// Room for the members of a usual decision, so that it seldom grows: bytes, and members.
const ROOM: (usize, usize) = (2048, 40);

/// Collects the members of an object; absent parts stay absent. Each name is put once.
#[derive(Default)]
pub(in crate::audit) struct Fields {
    text: String,
    members: Vec<(&'static str, Range<usize>)>,
}

impl Fields {
    /// With room for a whole record.
    pub(super) fn of_record() -> Self {
        let (bytes, members) = ROOM;
        Self {
            text: String::with_capacity(bytes),
            members: Vec::with_capacity(members),
        }
    }

    pub(in crate::audit) fn put(&mut self, name: &'static str, value: impl Canonical) -> &mut Self {
        let start = self.text.len();
        json::write_string(name, &mut self.text);
        self.text.push(':');
        value.write(&mut self.text);
        self.members.push((name, start..self.text.len()));
        self
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
        self.put(name, Text::array(values.iter().map(String::as_str)))
    }

    pub(super) fn hashed(&mut self, name: &'static str, value: Option<&Hashed>) -> &mut Self {
        self.optional(
            name,
            value.map(|value| {
                let mut fields = Self::default();
                value.put_into(&mut fields);
                fields.take()
            }),
        )
    }

    /// The object.
    pub(in crate::audit) fn take(self) -> Text {
        let [all, _, _] = self.split([LAST, LAST]);
        Text(format!("{{{all}}}"))
    }

    /// The object, as a tree: for whoever looks at it, not for the log.
    pub(super) fn object(self) -> Object {
        let Text(text) = self.take();
        object(&text)
    }

    /// The members by their names: before the first of these, before the second, and the rest.
    pub(super) fn split(mut self, names: [&str; 2]) -> [String; 3] {
        // Names are ASCII, so this order is that of UTF-16 code units.
        self.members.sort_by_key(|(name, _)| *name);
        let [first, second] = names;
        let mut parts = [String::new(), String::new(), String::new()];
        let [before, between, after] = &mut parts;
        for (name, range) in &self.members {
            let part = match *name {
                name if name < first => &mut *before,
                name if name < second => &mut *between,
                _ => &mut *after,
            };
            if part.is_empty() {
                part.reserve(self.text.len() + self.members.len());
            } else {
                part.push(',');
            }
            part.push_str(self.text.get(range.clone()).unwrap_or_default());
        }
        parts
    }
}

/// Behind every name.
const LAST: &str = "\u{7f}";

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
