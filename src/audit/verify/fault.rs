//! What is wrong with a log, and where.

use std::io;

/// The first record that is wrong.
#[derive(Debug, thiserror::Error)]
#[error("`{file}` line {line} (seq {seq}): {what}")]
pub struct Fault {
    /// The file's name; empty if it is the directory that cannot be read.
    pub file: String,
    /// The line in the file, from 1. Of a record that is missing: the line that it would be.
    pub line: u64,
    /// The seq of the record that should be here.
    pub seq: u64,
    /// What is wrong.
    pub what: Wrong,
}

impl Fault {
    pub(super) fn unreadable(file: &str) -> impl FnOnce(io::Error) -> Self {
        let file = file.to_owned();
        move |error| Self {
            file,
            line: 0,
            seq: 0,
            what: Wrong::Unreadable(error),
        }
    }
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Wrong {
    /// The operating system gives nothing.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// The file's name promises another seq than comes next.
    #[error("the file's name does not say the seq of its first record")]
    FileName,
    /// A file without records before the last one.
    #[error("the file is empty, and others follow")]
    FileEmpty,
    /// A last line without an end, and other files follow.
    #[error("the line has no end, and other files follow")]
    Unfinished,
    /// Longer than a record may be.
    #[error("the line is longer than {bytes_max} bytes")]
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// Not strict JSON.
    #[error("not strict JSON: {0}")]
    Json(crate::model::json::JsonError),
    /// JSON, written otherwise than canonically.
    #[error("not canonical JSON")]
    NotCanonical,
    /// A number that is no integer below 2^53.
    #[error("a number is no integer below 2^53")]
    Number,
    /// A field that must be there is missing or of another kind.
    #[error("field `{name}` is missing or not {expected}")]
    Field {
        /// The field.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A type that the format does not have.
    #[error("type `{found}` is not known")]
    Type {
        /// What the record says.
        found: String,
    },
    /// Another seq than comes next.
    #[error("the record says seq {found}")]
    Seq {
        /// What the record says.
        found: u64,
    },
    /// `prev` is not the hash of the record before, which is vouched for.
    #[error("`prev` is not the hash of the record before")]
    Prev,
    /// The next record holds another hash of this one.
    #[error("the record was altered: the next one holds another hash of it")]
    Hash,
    /// Another origin than the first record's.
    #[error("origin `{found}` is not that of the first record")]
    Origin {
        /// What the record says.
        found: String,
    },
    /// The record is not the one that the held head names.
    #[error("the record is not the one that the held head names")]
    HeadDiffers,
    /// The file `pruned` is no note of what was pruned.
    #[error("not a note of what was pruned; `audit restore` writes the log whole again")]
    Note,
    /// The held head is of a record that was pruned.
    #[error("the held head is seq {held}, which was pruned here: check the archive with it")]
    HeadPruned {
        /// The held head's seq.
        held: u64,
    },
    /// The log ends before the held head.
    #[error("the log ends here, and the held head is seq {held}")]
    Truncated {
        /// The held head's seq.
        held: u64,
    },
}
