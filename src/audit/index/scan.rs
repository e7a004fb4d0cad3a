//! Finding records without an index: every line is looked at.

use super::IndexError;
use super::filter::Filter;
use super::lines::{Line, Lines};
use crate::audit::layout::LINE_BYTES_MAX;
use crate::model::json::{Json, Limits, Object, parse};
use std::ops::ControlFlow;
use std::path::Path;

/// A record as it is read here: at most a line, some levels deep.
const RECORD: Limits = Limits {
    bytes_max: LINE_BYTES_MAX,
    depth_max: 128,
    values_max: LINE_BYTES_MAX,
};

/// Shows each record from this seq on that matches, the first one first, to `see`, which says
/// whether to go on. Gives the seq after the last record that was looked at.
///
/// # Errors
/// The files cannot be read, or a line is no record.
pub fn scan(
    dir: &Path,
    from_seq: u64,
    filter: &Filter,
    see: &mut dyn FnMut(u64, Vec<u8>, Object) -> ControlFlow<()>,
) -> Result<u64, IndexError> {
    let mut lines = Lines::from_seq(dir, from_seq)?;
    while let Some(line) = lines.next()? {
        let record = record_of(&line)?;
        if filter.matches(&record) && see(line.seq, line.bytes, record).is_break() {
            break;
        }
    }
    Ok(lines.next_seq())
}

/// A line's record, whose seq has to be that of its place.
///
/// # Errors
/// It is not.
pub fn record_of(line: &Line) -> Result<Object, IndexError> {
    let wrong = || IndexError::Line { seq: line.seq };
    let Ok(Json::Object(record)) = parse(&line.bytes, RECORD) else {
        return Err(wrong());
    };
    let seq = record.get("seq").and_then(Json::as_u64);
    if seq == Some(line.seq) {
        Ok(record)
    } else {
        Err(wrong())
    }
}
