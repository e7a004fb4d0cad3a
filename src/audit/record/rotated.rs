//! `key_rotated`: from here on another key signs the log's checkpoints.

use super::fields::Fields;
use crate::tlog::{Hash, Note, NoteError, VerifierKey};

/// The keys before and after, and both keys' word for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRotated {
    /// The key that signed until now, as a verifier key.
    pub previous: String,
    /// The key that signs from now on.
    pub next: String,
    /// A signed note, with a signature of each of the two.
    pub note: String,
}

impl KeyRotated {
    /// What both keys sign, for the record of this seq. The root over the records before it is
    /// part of that: whoever gets hold of the key before can make no other beginning for a log
    /// that the next key signs.
    ///
    /// # Errors
    /// If the origin is no line of text.
    pub fn statement(
        origin: &str,
        (seq, root): (u64, &Hash),
        previous: &VerifierKey,
        next: &VerifierKey,
    ) -> Result<Note, NoteError> {
        Note::new(&format!(
            "toolgate audit key rotated\n{origin}\n{seq}\n{root}\n{previous}\n{next}\n"
        ))
    }

    /// The fields of the record.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        fields
            .put("next", self.next.as_str())
            .put("note", self.note.as_str())
            .put("previous", self.previous.as_str());
    }
}
