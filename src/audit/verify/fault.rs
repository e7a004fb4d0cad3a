//! What is wrong with a log, and where.

use std::io;

/// The first record that is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{}: {what}", self.place())]
pub struct Fault {
    /// The file's name; empty if it is the directory that cannot be read.
    pub file: String,
    /// The line in the file, from 1. Of a record that is missing: the line that it would be. 0 in
    /// a file without lines: a tile, a checkpoint.
    pub line: u64,
    /// The seq of the record that should be here. Of a tile: of the first record that it has
    /// otherwise; of a checkpoint: of the first record that it is not over.
    pub seq: u64,
    /// What is wrong.
    pub what: Wrong,
}

impl Fault {
    fn place(&self) -> String {
        let (file, seq) = (&self.file, self.seq);
        match self.line {
            0 => format!("`{file}` (seq {seq})"),
            line => format!("`{file}` line {line} (seq {seq})"),
        }
    }

    /// In a file without lines.
    pub(super) fn in_file(file: impl Into<String>, seq: u64, what: Wrong) -> Self {
        Self {
            file: file.into(),
            line: 0,
            seq,
            what,
        }
    }

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
    /// The log ends before the held head.
    #[error("the log ends here, and the held head is seq {held}")]
    Truncated {
        /// The held head's seq.
        held: u64,
    },
    /// The file `pruned` is no note of what was pruned.
    #[error("not a note of what was pruned; `audit restore` writes the log whole again")]
    Note,
    /// The held head is of a record that was pruned.
    #[error("the held head is seq {held}, which was pruned here: check the archive with it")]
    HeadPruned {
        /// The held head's seq.
        held: u64,
    },
    /// A tile with other hashes or entries than the records have.
    #[error("the tile is not what the records make of it")]
    Tile,
    /// A tile that the latest checkpoint needs.
    #[error("the tile is missing, and the checkpoint of size {size} is over it")]
    TileMissing {
        /// The checkpoint's size.
        size: u64,
    },
    /// A tile over more records than there are.
    #[error("the tile is over records that are not there: the log was cut, or is not this one")]
    TileBeyond,
    /// Not a checkpoint.
    #[error("{0}")]
    Checkpoint(String),
    /// A checkpoint over more records than there are.
    #[error("the checkpoint is over {size} records, and there are {records}: the log was cut")]
    CheckpointBeyond {
        /// The checkpoint's size.
        size: u64,
        /// How many records there are, from seq 0.
        records: u64,
    },
    /// A checkpoint with another root.
    #[error("the checkpoint over {size} records has another root than these records have")]
    Root {
        /// The checkpoint's size.
        size: u64,
    },
    /// Records are archived, and nothing that is here was signed.
    #[error(
        "the log's beginning was archived, and no checkpoint vouches for what is here: check the \
         whole, with the archive"
    )]
    PrunedUnsigned,
    /// No checkpoint, and a key was given to check it with.
    #[error("the log has no checkpoint: nothing in it is signed")]
    NoCheckpoint,
    /// A checkpoint that is not signed as it has to be.
    #[error("the checkpoint over {size} records: {error}")]
    Signature {
        /// The checkpoint's size.
        size: u64,
        /// What is wrong.
        error: crate::tlog::NoteError,
    },
    /// None of the keys that were given is this log's.
    #[error("none of the keys given is one of log `{origin}`")]
    KeyOfOther {
        /// Whose log it is.
        origin: String,
    },
    /// No checkpoint is cosigned by a witness whose key was given.
    #[error("no checkpoint is cosigned by witness `{witness}`")]
    NotWitnessed {
        /// The witness.
        witness: String,
    },
    /// A change of the key that does not hold.
    #[error("the change of the key does not hold: {0}")]
    Rotation(String),
}
