//! The strict parser: one pass, one owner of the position, no recursion deeper than the limit.

use super::{Json, JsonError, Number, Object};
use std::collections::HashSet;
use std::ops::Range;

/// What a document may be. See `contract.md`, limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest document, in bytes.
    pub bytes_max: usize,
    /// Deepest nesting of arrays and objects.
    pub depth_max: usize,
    /// Most values, of any kind: each costs time and memory, however short its text is.
    pub values_max: usize,
}

impl Limits {
    /// Requests, arguments and results: 4 MiB, 64 levels, 250,000 values.
    pub const REQUEST: Self = Self {
        bytes_max: 4 << 20,
        depth_max: 64,
        values_max: 250_000,
    };
    /// Data documents of a bundle: 256 MiB, 64 levels, as many values as fit.
    pub const BUNDLE_DATA: Self = Self {
        bytes_max: 256 << 20,
        depth_max: 64,
        values_max: usize::MAX,
    };
}

/// Longest number, in bytes: longer ones are not numbers that anybody means, and are slow. Holds
/// every integer up to the largest exponent.
const NUMBER_BYTES_MAX: usize = 1024;
/// Largest decimal exponent, either sign: beyond it arithmetic on a number takes seconds.
const EXPONENT_MAX: u32 = 999;
/// Up to this many members a duplicate is found by comparing, beyond it by hashing.
const COMPARED_MEMBERS_MAX: usize = 16;

/// Parses a whole document.
///
/// # Errors
/// The first thing that is not strict JSON within `limits`.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Json, JsonError> {
    let mut parser = Parser::new(bytes, limits)?;
    let value = parser.value()?;
    parser.end()?;
    Ok(value)
}

/// The members of a document that must be an object: each name with the raw text of its value,
/// in order. The whole document is checked just as `parse` checks it.
///
/// # Errors
/// As `parse`; a document that is no object is a syntax error.
pub fn members(bytes: &[u8], limits: Limits) -> Result<Vec<(String, &[u8])>, JsonError> {
    let mut parser = Parser::new(bytes, limits)?;
    let (_, spans) = parser.object()?;
    parser.end()?;
    let raw = |span: Range<usize>| bytes.get(span).unwrap_or_default();
    Ok(spans
        .into_iter()
        .map(|(name, span)| (name, raw(span)))
        .collect())
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    values: usize,
    limits: Limits,
}

type Spans = Vec<(String, Range<usize>)>;

/// Bytes that are looked at in one instruction.
const BLOCK_BYTES: usize = 16;

/// How many bytes come before the first one that means something within a string.
fn plain_bytes(bytes: &[u8]) -> usize {
    let is_plain = |byte: &u8| !matches!(byte, 0..0x20 | b'"' | b'\\');
    let blocks = bytes.chunks_exact(BLOCK_BYTES);
    let are_plain = |block: &&[u8]| block.iter().fold(true, |all, byte| all & is_plain(byte));
    let plain = BLOCK_BYTES * blocks.take_while(are_plain).count();
    let rest = bytes.get(plain..).unwrap_or_default();
    plain + rest.iter().take_while(|byte| is_plain(byte)).count()
}

impl<'a> Parser<'a> {
    fn new(bytes: &'a [u8], limits: Limits) -> Result<Self, JsonError> {
        if bytes.len() > limits.bytes_max {
            let bytes_max = limits.bytes_max;
            return Err(JsonError::TooLarge {
                bytes: bytes.len(),
                bytes_max,
            });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| JsonError::InvalidUtf8 {
            at: error.valid_up_to(),
        })?;
        let mut parser = Self {
            text,
            bytes,
            at: 0,
            depth: 0,
            values: 0,
            limits,
        };
        parser.space();
        Ok(parser)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expected(&self, expected: &'static str) -> JsonError {
        JsonError::Syntax {
            expected,
            at: self.at,
        }
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes `byte` if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn end(&mut self) -> Result<(), JsonError> {
        self.space();
        if self.at < self.bytes.len() {
            Err(self.expected("the end"))
        } else {
            Ok(())
        }
    }

    fn value(&mut self) -> Result<Json, JsonError> {
        self.values += 1;
        if self.values > self.limits.values_max {
            return Err(JsonError::TooMany {
                at: self.at,
                values_max: self.limits.values_max,
            });
        }
        match self.peek() {
            Some(b'{') => Ok(Json::Object(self.object()?.0)),
            Some(b'[') => self.array(),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Json, JsonError> {
        let words = [
            ("null", Json::Null),
            ("true", true.into()),
            ("false", false.into()),
        ];
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        for (word, value) in words {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.expected("a value"))
    }

    fn open(&mut self) -> Result<(), JsonError> {
        let (at, depth_max) = (self.at, self.limits.depth_max);
        self.depth += 1;
        if self.depth > depth_max {
            return Err(JsonError::TooDeep { at, depth_max });
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    fn close(&mut self) {
        self.depth -= 1;
    }

    fn array(&mut self) -> Result<Json, JsonError> {
        self.open()?;
        let mut items = Vec::new();
        if !self.take(b']') {
            loop {
                items.push(self.value()?);
                self.space();
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.expected("`,` or `]`"));
                }
                self.space();
            }
        }
        self.close();
        Ok(Json::Array(items))
    }

    /// An object, and where the value of each member of its own (not of inner ones) stands.
    fn object(&mut self) -> Result<(Object, Spans), JsonError> {
        let start = self.at;
        if self.peek() != Some(b'{') {
            return Err(self.expected("an object"));
        }
        self.open()?;
        let (mut found, mut spans) = (Vec::new(), Spans::new());
        if !self.take(b'}') {
            loop {
                let (name, value, span) = self.member()?;
                if self.depth == 1 {
                    spans.push((name.clone(), span));
                }
                found.push((name, value));
                self.space();
                if self.take(b'}') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.expected("`,` or `}`"));
                }
                self.space();
            }
        }
        self.close();
        if has_duplicate(&found) {
            return Err(JsonError::DuplicateKey { at: start });
        }
        Ok((Object(found), spans))
    }

    fn member(&mut self) -> Result<(String, Json, Range<usize>), JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key"));
        }
        let name = self.string()?;
        self.space();
        if !self.take(b':') {
            return Err(self.expected("`:`"));
        }
        self.space();
        let start = self.at;
        let value = self.value()?;
        Ok((name, value, start..self.at))
    }

    fn slice(&self, span: Range<usize>) -> &'a str {
        self.text.get(span).unwrap_or_default()
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let plain = plain_bytes(rest);
            text.push_str(self.slice(self.at..self.at + plain));
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escape()?);
                }
                Some(_) => return Err(self.expected("no control character in a string")),
                None => return Err(self.expected("`\"`")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        let plain = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(),
            _ => return Err(self.expected("an escape")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode(&mut self) -> Result<char, JsonError> {
        let at = self.at - 1;
        let high = self.hex4()?;
        let code = match high {
            0xD800..0xDC00 => {
                if !(self.take(b'\\') && self.peek() == Some(b'u')) {
                    return Err(JsonError::LoneSurrogate { at });
                }
                match self.hex4()? {
                    low @ 0xDC00..0xE000 => 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00),
                    _ => return Err(JsonError::LoneSurrogate { at }),
                }
            }
            other => other,
        };
        char::from_u32(code).ok_or(JsonError::LoneSurrogate { at })
    }

    /// `u` and four hexadecimal digits.
    fn hex4(&mut self) -> Result<u32, JsonError> {
        let digits = self.bytes.get(self.at + 1..self.at + 5).unwrap_or_default();
        if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(self.expected("four hexadecimal digits"));
        }
        let text = self.slice(self.at + 1..self.at + 5);
        self.at += 5;
        u32::from_str_radix(text, 16).map_err(|_| self.expected("four hexadecimal digits"))
    }

    fn number(&mut self) -> Result<Json, JsonError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        let mut exponent = 0;
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'-') || self.take(b'+');
            let digits = self.digits()?;
            exponent = self.slice(digits).parse::<u32>().unwrap_or(u32::MAX);
        }
        if exponent > EXPONENT_MAX || self.at - start > NUMBER_BYTES_MAX {
            return Err(JsonError::NumberOutOfRange { at: start });
        }
        Ok(Json::Number(Number(self.slice(start..self.at).into())))
    }

    fn digits(&mut self) -> Result<Range<usize>, JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if start == self.at {
            Err(self.expected("a digit"))
        } else {
            Ok(start..self.at)
        }
    }
}

/// Whether two members have one name.
pub(super) fn has_duplicate(members: &[(String, Json)]) -> bool {
    if members.len() > COMPARED_MEMBERS_MAX {
        let mut seen = HashSet::with_capacity(members.len());
        return !members.iter().all(|(name, _)| seen.insert(name));
    }
    members.iter().enumerate().any(|(index, (name, _))| {
        members
            .iter()
            .take(index)
            .any(|(earlier, _)| earlier == name)
    })
}
