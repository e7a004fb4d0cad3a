//! Why a document is not strict JSON.

/// Why a document was refused. `at` is a byte offset from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Longer than the limit.
    #[error("document of {bytes} bytes is over the limit of {bytes_max}")]
    TooLarge {
        /// The document's length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Nested deeper than the limit.
    #[error("nesting at byte {at} is deeper than the limit of {depth_max}")]
    TooDeep {
        /// Where.
        at: usize,
        /// The limit.
        depth_max: usize,
    },
    /// More values than the limit.
    #[error("the value at byte {at} is beyond the limit of {values_max} values")]
    TooMany {
        /// Where.
        at: usize,
        /// The limit.
        values_max: usize,
    },
    /// Not UTF-8.
    #[error("invalid UTF-8 at byte {at}")]
    InvalidUtf8 {
        /// Where.
        at: usize,
    },
    /// A member's name occurs twice in one object.
    #[error("duplicate key in the object at byte {at}")]
    DuplicateKey {
        /// Where the object starts.
        at: usize,
    },
    /// Not JSON.
    #[error("expected {expected} at byte {at}")]
    Syntax {
        /// What would have been right.
        expected: &'static str,
        /// Where.
        at: usize,
    },
    /// A number too long or with too large an exponent.
    #[error("number at byte {at} is out of range")]
    NumberOutOfRange {
        /// Where it starts.
        at: usize,
    },
    /// A `\u` escape that is half of a surrogate pair.
    #[error("lone surrogate at byte {at}")]
    LoneSurrogate {
        /// Where.
        at: usize,
    },
}
