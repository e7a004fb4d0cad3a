//! Bundles of entries, by c2sp.org/tlog-tiles: each entry after its length in two bytes.

#[cfg(test)]
mod tests;

/// Longest entry, in bytes.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// The bytes are no bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the bundle ends within entry {entry}")]
pub struct BundleError {
    /// The entry's place in the bundle, from 0.
    pub entry: usize,
}

/// Appends an entry to a bundle. False, and nothing is appended: it is too long.
#[must_use]
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else {
        return false;
    };
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    true
}

/// The entries of a bundle, in order.
///
/// # Errors
/// If the last one has no end.
pub fn entries(bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let entry = entries.len();
        let (found, after) = first(rest).ok_or(BundleError { entry })?;
        entries.push(found);
        rest = after;
    }
    Ok(entries)
}

fn first(bundle: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bundle.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}
