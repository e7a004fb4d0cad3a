//! Why a log cannot be sealed.

use crate::tlog::NoteError;
use std::io;

/// Why a log cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A checkpoint beside the log cannot be used.
    #[error("its checkpoint `{name}` does not check: {why}")]
    Checkpoint {
        /// The file.
        name: String,
        /// Why.
        why: String,
    },
    /// A checkpoint is over more records than there are.
    #[error("it has {records} records, and its signed checkpoint says {size}: records are missing")]
    Truncated {
        /// How many there are.
        records: u64,
        /// How many were signed.
        size: u64,
    },
    /// The log is not the one that was signed.
    #[error(
        "its first {size} records are not those that its checkpoint was signed over, though the \
         chain was made to fit (the first {sound} are)"
    )]
    Rewritten {
        /// The size of the checkpoint.
        size: u64,
        /// The size of the last one before it that holds.
        sound: u64,
    },
    /// What was pruned left too little behind.
    #[error("its first {size} records were pruned, and what should be left of them is not: {why}")]
    Pruned {
        /// How many.
        size: u64,
        /// What is missing.
        why: String,
    },
    /// Another key signs the log.
    #[error(
        "it is signed by `{found}`, not by `{key}`: name its key in `audit.signing.key_file`, or \
         in `audit.signing.previous_key_file` to hand over to the new one"
    )]
    OtherKey {
        /// The key that is to sign.
        key: String,
        /// Who signed.
        found: String,
    },
    /// A record says that another key took over, and it was not signed for this place of this log.
    #[error(
        "what both keys signed of their change at seq {seq} is of another log, place or history"
    )]
    Rotation {
        /// The record.
        seq: u64,
    },
    /// A signature does not hold.
    #[error("its checkpoint is not signed as it should be: {0}")]
    Signature(#[from] NoteError),
    /// The operating system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl SealError {
    /// The first record that nothing signed vouches for, where that is what is wrong.
    #[must_use]
    pub const fn first_unsound(&self) -> Option<u64> {
        match self {
            Self::Truncated { records, .. } => Some(*records),
            Self::Rewritten { sound, .. } => Some(*sound),
            _ => None,
        }
    }
}
