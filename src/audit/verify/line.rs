//! One line: form, fields that every record has, fields of its type.

use super::head::is_hash;
use super::scan::{DEPTH_MAX, Fields, INTEGER_MAX};
use super::{Wrong, schema};
use crate::audit::layout::LINE_BYTES_MAX;
use crate::model::json::{Json, Limits, Object, parse};
use crate::model::time::Timestamp;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// The strict parser's limits for a line.
const LIMITS: Limits = Limits {
    bytes_max: LINE_BYTES_MAX,
    depth_max: DEPTH_MAX,
    values_max: LINE_BYTES_MAX,
};

/// A line that has the right form.
pub struct Line<'a> {
    pub seq: u64,
    /// In lower-case hexadecimal.
    pub prev: Cow<'a, str>,
    pub time: Cow<'a, str>,
    pub kind: Cow<'a, str>,
    /// Whether the format has this type.
    pub is_known: bool,
    pub origin: Cow<'a, str>,
    /// SHA-256 of the line, in lower-case hexadecimal.
    pub hash: HexHash,
    pub fields: Fields<'a>,
    pub bytes: &'a [u8],
}

impl<'a> Line<'a> {
    /// Reads a line, given without its newline.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Wrong> {
        if bytes.len() > LINE_BYTES_MAX {
            let bytes_max = LINE_BYTES_MAX;
            return Err(Wrong::TooLong { bytes_max });
        }
        let fields = Fields::scan(bytes).ok_or_else(|| why_not_canonical(bytes))?;
        let kind = text(&fields, "type")?;
        let is_known = schema::check(&kind, &fields)?;
        let seq = fields.integer("seq").ok_or(Wrong::Field {
            name: "seq",
            expected: "an integer from 0",
        })?;
        Ok(Self {
            seq,
            prev: prev(&fields)?,
            time: time(&fields)?,
            origin: text(&fields, "origin")?,
            kind,
            is_known,
            hash: HexHash::of(bytes),
            fields,
            bytes,
        })
    }

    /// The record as a tree.
    pub fn object(&self) -> Object {
        match parse(self.bytes, LIMITS) {
            Ok(Json::Object(record)) => record,
            _ => Object::new(),
        }
    }
}

/// What the strict parser has to say against a line that is not canonical.
fn why_not_canonical(bytes: &[u8]) -> Wrong {
    match parse(bytes, LIMITS) {
        Err(error) => Wrong::Json(error),
        Ok(json) if json.canonical() == bytes && !has_integers(&json) => Wrong::Number,
        Ok(_) => Wrong::NotCanonical,
    }
}

/// Whether all numbers are integers that a record may have.
fn has_integers(value: &Json) -> bool {
    match value {
        Json::Number(number) => number
            .as_i64()
            .is_some_and(|n| n.unsigned_abs() <= INTEGER_MAX && n.to_string() == number.as_str()),
        Json::Array(items) => items.iter().all(has_integers),
        Json::Object(object) => object.iter().all(|(_, value)| has_integers(value)),
        Json::Null | Json::Bool(_) | Json::String(_) => true,
    }
}

fn text<'a>(fields: &Fields<'a>, name: &'static str) -> Result<Cow<'a, str>, Wrong> {
    let text = fields.text(name).filter(|text| !text.is_empty());
    text.ok_or(Wrong::Field {
        name,
        expected: "a text that is not empty",
    })
}

fn prev<'a>(fields: &Fields<'a>) -> Result<Cow<'a, str>, Wrong> {
    let prev = text(fields, "prev")?;
    is_hash(&prev).then_some(prev).ok_or(Wrong::Field {
        name: "prev",
        expected: "64 lower-case hexadecimal digits",
    })
}

fn time<'a>(fields: &Fields<'a>) -> Result<Cow<'a, str>, Wrong> {
    let time = text(fields, "time")?;
    let is_exact = is_plain_time(time.as_bytes())
        || Timestamp::parse_rfc3339(&time).is_some_and(|parsed| parsed.rfc3339_micros() == *time);
    is_exact.then_some(time).ok_or(Wrong::Field {
        name: "time",
        expected: "an RFC 3339 time in UTC with microseconds",
    })
}

/// Whether this is a time of which every month has the day and every minute the second, in the
/// years from 2000 to 2199: most are. Of others the calendar has to be asked.
fn is_plain_time(time: &[u8]) -> bool {
    const FORM: &[u8; 27] = b"2ddd-dd-ddTdd:dd:dd.ddddddZ";
    let has_form = time.len() == FORM.len()
        && time.iter().zip(FORM).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        });
    let part = |at: usize| {
        let digits = time.get(at..at + 2).unwrap_or_default();
        digits
            .iter()
            .fold(0, |n, digit| n * 10 + u32::from(digit.wrapping_sub(b'0')))
    };
    has_form
        && part(0) < 22
        && (1..=12).contains(&part(5))
        && (1..=28).contains(&part(8))
        && part(11) < 24
        && part(14) < 60
        && part(17) < 60
}

/// SHA-256 in lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HexHash([u8; 64]);

impl HexHash {
    fn of(bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digest = Sha256::digest(bytes);
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
        let mut hex = [0; 64];
        for (pair, byte) in hex.chunks_exact_mut(2).zip(digest) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
        }
        Self(hex)
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}
