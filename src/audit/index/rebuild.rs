//! Making an index anew, while nothing writes the log.

use super::IndexError;
use super::store::{Store, remove};
use std::path::Path;

/// Records that are taken in at once.
pub(super) const BATCH_RECORDS_MAX: usize = 4_096;
/// Bytes of lines that are taken in at once, but for the last line.
pub(super) const BATCH_BYTES_MAX: usize = 4 << 20;

/// What was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// How many records the index has.
    pub records: u64,
    /// The seq after the last one.
    pub next_seq: u64,
}

/// Removes the index of this log and makes another one of its lines; tells `see` how many records
/// it has so far.
///
/// # Errors
/// The log cannot be read, a line is no record, or the index cannot be written.
pub fn rebuild(dir: &Path, see: &mut dyn FnMut(u64)) -> Result<Rebuilt, IndexError> {
    remove(dir)?;
    let mut store = Store::open(dir)?;
    let mut lines = store.lines(dir)?;
    let mut records = 0;
    loop {
        let batch = lines.batch(u64::MAX, BATCH_RECORDS_MAX, BATCH_BYTES_MAX)?;
        if batch.is_empty() {
            let next_seq = store.next_seq();
            return Ok(Rebuilt { records, next_seq });
        }
        store.take_in(&batch)?;
        records += batch.len() as u64;
        see(records);
    }
}
