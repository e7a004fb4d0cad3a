//! YAML data documents, read as strictly as JSON ones.
//!
//! YAML lets one text mean different things to different readers; where that is so, the text is
//! refused and the message says how to write what was meant. So a number is what JSON calls a
//! number and keeps its text, a key is a string and occurs once, and tags and merge keys, which OPA
//! would resolve, are refused. Aliases are followed, but what they add is bounded.

#[cfg(test)]
mod tests;

use crate::model::json::{self, Json, Limits, Object};
use granit_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::{HashMap, HashSet};

/// Most that anchors and aliases of a document may add to it, in bytes of text and 16 a value.
pub const REPEATED_BYTES_MAX: usize = 16 << 20;
/// Deepest nesting of sequences and mappings, as for JSON.
pub const DEPTH_MAX: usize = Limits::BUNDLE_DATA.depth_max;

/// Why a YAML document was refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct YamlError {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// Parses a text of one document.
///
/// # Errors
/// The first thing that is not plain, unambiguous YAML within the limits.
pub fn parse(text: &str) -> Result<Json, YamlError> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: HashMap::new(),
        bytes: 0,
        repeated: 0,
    };
    reader.document()
}

struct Reader<'a> {
    events: Parser<'a, granit_parser::StrInput<'a>>,
    /// Anchored values and how large each is.
    anchors: HashMap<usize, (Json, Size)>,
    /// What has been read so far, aliases resolved.
    bytes: usize,
    /// How much of that is kept a second time.
    repeated: usize,
}

#[derive(Clone, Copy)]
struct Size {
    bytes: usize,
    depth: usize,
}

/// What a value takes besides its text.
const VALUE_BYTES: usize = 16;

type Found<'a> = (Event<'a>, Span);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Found<'a>, YamlError> {
        match self.events.next_event() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => Err(YamlError {
                line: error.marker().line(),
                column: error.marker().col() + 1,
                message: error.info().to_string(),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Json, YamlError> {
        let mut value = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::DocumentStart(..) if value.is_none() => {
                    let first = self.next()?;
                    value = Some(self.value(first, DEPTH_MAX)?.0);
                }
                Event::DocumentStart(..) => {
                    return Err(at(span, "a second document: a data file holds one"));
                }
                Event::StreamEnd => return Ok(value.unwrap_or(Json::Null)),
                _ => return Err(at(span, "a value outside a document")),
            }
        }
    }

    /// The value that starts with `first`, with at most `levels` levels of nesting.
    fn value(&mut self, first: Found<'a>, levels: usize) -> Result<(Json, Size), YamlError> {
        let (event, span) = first;
        let before = self.bytes;
        self.bytes += VALUE_BYTES;
        let (value, anchor, depth) = match event {
            Event::Alias(id) => return self.alias(id, span, levels),
            Event::Scalar(text, style, anchor, None) => {
                self.bytes += text.len();
                (scalar(&text, style, span)?, anchor, 0)
            }
            Event::SequenceStart(_, anchor, None) => {
                let (items, depth) = self.sequence(span, levels)?;
                (Json::Array(items), anchor, depth)
            }
            Event::MappingStart(_, anchor, None) => {
                let (object, depth) = self.mapping(span, levels)?;
                (Json::Object(object), anchor, depth)
            }
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => {
                return Err(at(span, "a tag: remove it, and quote what is a string"));
            }
            _ => return Err(at(span, "expected a value")),
        };
        let bytes = self.bytes - before;
        let size = Size { bytes, depth };
        if anchor != 0 {
            self.repeat(size, span)?;
            self.anchors.insert(anchor, (value.clone(), size));
        }
        Ok((value, size))
    }

    fn alias(&mut self, id: usize, span: Span, levels: usize) -> Result<(Json, Size), YamlError> {
        let Some((value, size)) = self.anchors.get(&id).cloned() else {
            return Err(at(span, "an alias of something that is not complete yet"));
        };
        if size.depth > levels {
            return Err(too_deep(span));
        }
        self.repeat(size, span)?;
        self.bytes += size.bytes;
        Ok((value, size))
    }

    fn repeat(&mut self, size: Size, span: Span) -> Result<(), YamlError> {
        self.repeated = self.repeated.saturating_add(size.bytes);
        if self.repeated <= REPEATED_BYTES_MAX {
            return Ok(());
        }
        let message = format!("aliases add more than {REPEATED_BYTES_MAX} bytes: write less out");
        Err(at(span, message))
    }

    fn sequence(&mut self, span: Span, levels: usize) -> Result<(Vec<Json>, usize), YamlError> {
        let levels = levels.checked_sub(1).ok_or_else(|| too_deep(span))?;
        let (mut items, mut depth) = (Vec::new(), 0);
        loop {
            let found = self.next()?;
            if matches!(found.0, Event::SequenceEnd) {
                return Ok((items, depth + 1));
            }
            let (item, size) = self.value(found, levels)?;
            depth = depth.max(size.depth);
            items.push(item);
        }
    }

    fn mapping(&mut self, span: Span, levels: usize) -> Result<(Object, usize), YamlError> {
        let levels = levels.checked_sub(1).ok_or_else(|| too_deep(span))?;
        let (mut members, mut seen, mut depth) = (Vec::new(), HashSet::new(), 0);
        loop {
            let found = self.next()?;
            if matches!(found.0, Event::MappingEnd) {
                let object = Object::from_members(members);
                let twice = || at(span, "a key occurs twice");
                return Ok((object.ok_or_else(twice)?, depth + 1));
            }
            let name = key(&found)?;
            self.bytes += name.len();
            if !seen.insert(name.clone()) {
                return Err(at(found.1, "this key occurs twice in its mapping"));
            }
            let first = self.next()?;
            let (value, size) = self.value(first, levels)?;
            depth = depth.max(size.depth);
            members.push((name, value));
        }
    }
}

fn at(span: Span, message: impl Into<String>) -> YamlError {
    YamlError {
        line: span.start.line(),
        column: span.start.col() + 1,
        message: message.into(),
    }
}

fn too_deep(span: Span) -> YamlError {
    at(
        span,
        format!("nesting is deeper than the limit of {DEPTH_MAX}"),
    )
}

fn key(found: &Found<'_>) -> Result<String, YamlError> {
    let (event, span) = found;
    let not_a_string = || at(*span, "a key that is not a plain string: quote it");
    let Event::Scalar(text, style, 0, None) = event else {
        return Err(not_a_string());
    };
    if text == "<<" && *style == ScalarStyle::Plain {
        return Err(at(*span, "a merge key: write the members out"));
    }
    match scalar(text, *style, *span)? {
        Json::String(name) => Ok(name),
        _ => Err(not_a_string()),
    }
}

fn scalar(text: &str, style: ScalarStyle, span: Span) -> Result<Json, YamlError> {
    if style != ScalarStyle::Plain {
        return Ok(text.into());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Json::Null),
        "true" | "True" | "TRUE" => return Ok(true.into()),
        "false" | "False" | "FALSE" => return Ok(false.into()),
        _ => {}
    }
    if let Ok(number @ Json::Number(_)) = json::parse(text.as_bytes(), Limits::REQUEST) {
        return Ok(number);
    }
    let quoted = if looks_like_number(text) {
        "as JSON has numbers"
    } else if ["yes", "no", "on", "off"].contains(&text.to_ascii_lowercase().as_str()) {
        "`true` or `false`"
    } else {
        return Ok(text.into());
    };
    let shown: String = text.chars().take(64).collect();
    let message = format!("`{shown}` is read in more than one way: quote it or write {quoted}");
    Err(at(span, message))
}

/// Whether some reader of YAML takes this for a number, though JSON does not: `0x1F`, `017`,
/// `1_000`, `+1`, `.5`, `1e999999`, `.inf`, `.nan`.
fn looks_like_number(text: &str) -> bool {
    let text = text.to_ascii_lowercase().replace('_', "");
    let text = text.strip_prefix(['+', '-']).unwrap_or(&text);
    if [".inf", ".nan"].contains(&text) {
        return true;
    }
    let radix = |prefix, radix| {
        let digits: Option<&str> = text.strip_prefix(prefix);
        digits.is_some_and(|d| !d.is_empty() && d.chars().all(|c| c.is_digit(radix)))
    };
    let starts_well = text.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    radix("0x", 16)
        || radix("0o", 8)
        || radix("0b", 2)
        || (starts_well && text.parse::<f64>().is_ok())
}
