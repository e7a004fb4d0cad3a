//! What `fields` of `mask_fields` and `drop_fields` may hold.

use super::names::fold;
use super::{FIELD_BYTES_MAX, pointer};

/// The member of a tool's result whose value is its structured document.
pub(super) const STRUCTURED: &str = "structuredContent";

/// One field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A member's name, folded.
    Name(String),
    /// A pointer's tokens, at least one.
    Pointer(Vec<String>),
}

impl Field {
    /// Reads a field.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that starts with the property's name.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("holds an empty name");
        }
        if text.len() > FIELD_BYTES_MAX {
            return Err("holds a name that is too long");
        }
        if !text.starts_with('/') {
            return Ok(Self::Name(fold(text)));
        }
        let tokens = pointer::tokens(text).ok_or("holds a malformed JSON Pointer")?;
        if matches!(tokens.as_slice(), [only] if only == STRUCTURED) {
            return Err("holds a pointer to the whole `structuredContent`");
        }
        Ok(Self::Pointer(tokens))
    }
}
