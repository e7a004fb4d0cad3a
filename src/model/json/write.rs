//! Writing JSON: compact in the order given, or canonical.

use super::{Json, Object};
use std::cmp::Ordering;
use std::fmt;

impl fmt::Display for Json {
    /// Compact JSON, members in their order, numbers as they were written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        write(self, Order::AsWritten, &mut text);
        f.write_str(&text)
    }
}

impl Json {
    /// Compact JSON, members in their order, numbers as they were written.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = String::new();
        write(self, Order::AsWritten, &mut text);
        text.into_bytes()
    }

    /// Canonical JSON: no spaces, members sorted by the UTF-16 code units of their names and
    /// strings escaped as RFC 8785 has it, but numbers as they were written. For values whose
    /// numbers are integers below 2^53 this is RFC 8785.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        let mut text = String::new();
        self.write_canonical(&mut text);
        text.into_bytes()
    }

    /// Appends the text of `canonical`.
    pub fn write_canonical(&self, out: &mut String) {
        write(self, Order::Canonical, out);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    AsWritten,
    Canonical,
}

fn write(value: &Json, order: Order, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(true) => out.push_str("true"),
        Json::Bool(false) => out.push_str("false"),
        Json::Number(number) => out.push_str(number.as_str()),
        Json::String(text) => write_string(text, out),
        Json::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(index, out);
                write(item, order, out);
            }
            out.push(']');
        }
        Json::Object(object) => write_object(object, order, out),
    }
}

fn write_object(object: &Object, order: Order, out: &mut String) {
    match order {
        Order::AsWritten => write_members(object.iter(), order, out),
        Order::Canonical => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_by(|(a, _), (b, _)| by_utf16(a, b));
            write_members(members.into_iter(), order, out);
        }
    }
}

/// Of ASCII texts, the order of bytes is that of UTF-16 code units.
fn by_utf16(a: &str, b: &str) -> Ordering {
    match a.is_ascii() && b.is_ascii() {
        true => a.cmp(b),
        false => a.encode_utf16().cmp(b.encode_utf16()),
    }
}

fn write_members<'a>(
    members: impl Iterator<Item = (&'a str, &'a Json)>,
    order: Order,
    out: &mut String,
) {
    out.push('{');
    for (index, (name, value)) in members.enumerate() {
        separate(index, out);
        write_string(name, out);
        out.push(':');
        write(value, order, out);
    }
    out.push('}');
}

fn separate(index: usize, out: &mut String) {
    if index > 0 {
        out.push(',');
    }
}

/// Appends a string with its quotes, escaped as RFC 8785 has it.
pub fn write_string(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    // Looks at every byte, so that many are looked at in one instruction.
    let plain = !text
        .bytes()
        .fold(false, |found, byte| found | is_escaped(byte));
    if plain {
        out.push_str(text);
    } else {
        write_escaped(text, out);
    }
    out.push('"');
}

const fn is_escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

fn write_escaped(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
}
