//! Edits in raw JSON: everything that is not replaced keeps its bytes.
//!
//! Works on text that `model::json` has already checked; it finds places, it does not judge.

use std::ops::Range;

/// One place in a document and what comes in its stead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Bytes of the document, from 0.
    pub place: Range<usize>,
    /// What replaces them.
    pub with: Vec<u8>,
}

/// Where `part`, a slice of `whole`, stands in it; `None` if it is no slice of it.
#[must_use]
pub fn place_of(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let place = start..start.checked_add(part.len())?;
    (whole.get(place.clone())? == part).then_some(place)
}

/// The document with these edits, which must be in order and apart; `None` if they are not.
#[must_use]
pub fn apply(whole: &[u8], edits: &[Edit]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(whole.len());
    let mut at = 0;
    for Edit { place, with } in edits {
        out.extend_from_slice(whole.get(at..place.start)?);
        out.extend_from_slice(with);
        at = place.end;
    }
    out.extend_from_slice(whole.get(at..)?);
    Some(out)
}

/// `whole` with its slice `part` replaced; `None` if it is no slice of it.
#[must_use]
pub fn replace(whole: &[u8], part: &[u8], with: &[u8]) -> Option<Vec<u8>> {
    let edit = Edit {
        place: place_of(whole, part)?,
        with: with.to_vec(),
    };
    apply(whole, &[edit])
}

/// The raw items of a valid JSON array, without the space around them; `None` if the text is not
/// one array.
#[must_use]
pub fn items(array: &[u8]) -> Option<Vec<&[u8]>> {
    let inner = array
        .trim_ascii()
        .strip_prefix(b"[")?
        .strip_suffix(b"]")?
        .trim_ascii();
    if inner.is_empty() {
        return Some(Vec::new());
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let is_separator = |byte: &u8| {
        match (in_string, *byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => depth += 1,
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            (false, b',') => return depth == 0,
            _ => {}
        }
        false
    };
    Some(inner.split(is_separator).map(<[u8]>::trim_ascii).collect())
}

#[cfg(test)]
mod tests;
