//! JSON carried in strings.

use crate::model::json::{self, Json, JsonError, Limits};
use std::fmt;

/// What a string carries.
pub(super) enum Carried {
    /// One JSON value.
    One(Json),
    /// JSON lines.
    Lines(Vec<Line>),
}

/// One of several lines.
pub(super) enum Line {
    /// Blank.
    Blank(String),
    /// A JSON object or array.
    Document {
        /// As it was written.
        text: String,
        /// Read.
        value: Json,
        /// Whether `value` was changed, and `text` no longer holds.
        changed: bool,
    },
}

/// Reads a string as strict JSON, or as lines of which each is a JSON object or array.
///
/// # Errors
/// Why the whole is not strict JSON.
pub(super) fn read(text: &str) -> Result<Carried, JsonError> {
    match json::parse(text.as_bytes(), Limits::REQUEST) {
        Ok(value) => Ok(Carried::One(value)),
        Err(error @ JsonError::Syntax { .. }) => lines(text).map(Carried::Lines).ok_or(error),
        Err(error) => Err(error),
    }
}

fn lines(text: &str) -> Option<Vec<Line>> {
    text.split('\n').map(line).collect()
}

fn line(text: &str) -> Option<Line> {
    if text.trim().is_empty() {
        return Some(Line::Blank(text.to_owned()));
    }
    match json::parse(text.as_bytes(), Limits::REQUEST) {
        Ok(value @ (Json::Object(_) | Json::Array(_))) => Some(Line::Document {
            text: text.to_owned(),
            value,
            changed: false,
        }),
        _ => None,
    }
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = match self {
            Self::One(value) => return write!(f, "{value}"),
            Self::Lines(lines) => lines,
        };
        for (index, line) in lines.iter().enumerate() {
            let separator = if index > 0 { "\n" } else { "" };
            match line {
                Line::Document {
                    value,
                    changed: true,
                    ..
                } => write!(f, "{separator}{value}")?,
                Line::Document { text, .. } | Line::Blank(text) => write!(f, "{separator}{text}")?,
            }
        }
        Ok(())
    }
}

fn start(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}')
}

/// Whether a string is worth reading as JSON: whether it starts as a composite or a string does.
pub(super) fn may_carry_json(text: &str) -> bool {
    start(text).starts_with(['{', '[', '"'])
}

/// Whether a string starts like a document: if it is not one, it is a broken one.
/// `[draft] title` and `{name}` do not.
pub(super) fn opens_document(text: &str) -> bool {
    let inner = start(text).trim_start_matches(|c: char| c == '[' || c.is_whitespace());
    let member = inner.strip_prefix('{').map(start);
    member.is_some_and(|member| member.starts_with(['"', '\'']))
}

/// Whether a string carries a document or rows of one: an element of an array of rows.
pub(super) fn is_row(text: &str) -> bool {
    start(text).starts_with(['{', '['])
}

/// Whether a line of text that is not JSON could hold several rows.
pub(super) fn may_hold_rows(text: &str) -> bool {
    text.contains(['{', '[', '<', '|', '\t'])
}
