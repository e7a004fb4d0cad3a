//! One line: form, fields that every record has, fields of its type.

use super::head::is_hash;
use super::{LINE_BYTES_MAX, Wrong, schema};
use crate::model::json::{Json, Limits, Object, parse};
use crate::model::time::Timestamp;
use sha2::{Digest, Sha256};

/// Deepest nesting in a record.
const DEPTH_MAX: usize = 16;
/// 2^53 - 1.
const INTEGER_MAX: u64 = 9_007_199_254_740_991;

/// A line that has the right form.
pub struct Line {
    pub seq: u64,
    pub prev: String,
    pub time: String,
    pub kind: String,
    pub origin: String,
    /// SHA-256 of the line.
    pub hash: String,
    pub record: Object,
}

impl Line {
    /// Reads a line, given without its newline.
    pub fn read(bytes: &[u8]) -> Result<Self, Wrong> {
        if bytes.len() > LINE_BYTES_MAX {
            let bytes_max = LINE_BYTES_MAX;
            return Err(Wrong::TooLong { bytes_max });
        }
        let limits = Limits {
            bytes_max: LINE_BYTES_MAX,
            depth_max: DEPTH_MAX,
            values_max: LINE_BYTES_MAX,
        };
        let json = parse(bytes, limits).map_err(Wrong::Json)?;
        if json.canonical() != bytes {
            return Err(Wrong::NotCanonical);
        }
        check_numbers(&json)?;
        let Json::Object(record) = json else {
            return Err(Wrong::NotCanonical);
        };
        let kind = text(&record, "type")?;
        schema::check(&kind, &record)?;
        Ok(Self {
            seq: record
                .get("seq")
                .and_then(Json::as_u64)
                .ok_or(Wrong::Field {
                    name: "seq",
                    expected: "an integer from 0",
                })?,
            prev: prev(&record)?,
            time: time(&record)?,
            origin: text(&record, "origin")?,
            kind,
            hash: sha256_hex(bytes),
            record,
        })
    }
}

fn check_numbers(value: &Json) -> Result<(), Wrong> {
    match value {
        Json::Number(number) => match number.as_i64() {
            Some(n) if n.unsigned_abs() <= INTEGER_MAX && n.to_string() == number.as_str() => {
                Ok(())
            }
            _ => Err(Wrong::Number),
        },
        Json::Array(items) => items.iter().try_for_each(check_numbers),
        Json::Object(object) => object
            .iter()
            .try_for_each(|(_, value)| check_numbers(value)),
        Json::Null | Json::Bool(_) | Json::String(_) => Ok(()),
    }
}

fn text(record: &Object, name: &'static str) -> Result<String, Wrong> {
    let text = record.get(name).and_then(Json::as_str);
    text.filter(|text| !text.is_empty())
        .map(str::to_owned)
        .ok_or(Wrong::Field {
            name,
            expected: "a text that is not empty",
        })
}

fn prev(record: &Object) -> Result<String, Wrong> {
    let prev = text(record, "prev")?;
    is_hash(&prev).then_some(prev).ok_or(Wrong::Field {
        name: "prev",
        expected: "64 lower-case hexadecimal digits",
    })
}

fn time(record: &Object) -> Result<String, Wrong> {
    let time = text(record, "time")?;
    let is_exact =
        Timestamp::parse_rfc3339(&time).is_some_and(|parsed| parsed.rfc3339_micros() == time);
    is_exact.then_some(time).ok_or(Wrong::Field {
        name: "time",
        expected: "an RFC 3339 time in UTC with microseconds",
    })
}

fn sha256_hex(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let nibbles = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = nibbles.filter_map(|nibble| char::from_digit(u32::from(nibble), 16));
    digits.collect()
}
