//! Checkpoints of c2sp.org/tlog-checkpoint: a log's origin, size and root, as a note's text.

#[cfg(test)]
mod tests;

use super::decimal;
use super::hash::Hash;
use std::fmt;
use std::str::FromStr;

/// What a log was at a size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Whose log it is.
    pub origin: String,
    /// How many leaves it had.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// Lines after these, which nobody here knows the meaning of.
    pub extensions: Vec<String>,
}

/// The text is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a checkpoint: {0}")]
pub struct CheckpointError(&'static str);

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)?;
        let mut extensions = self.extensions.iter();
        extensions.try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let lines = text
            .strip_suffix('\n')
            .ok_or(CheckpointError("its last line has no end"))?;
        let mut lines = lines.split('\n');
        let mut next = |what| {
            let line = lines.next().filter(|line| !line.is_empty());
            line.ok_or(CheckpointError(what))
        };
        let origin = next("it has no origin")?.to_owned();
        let size = next("it has no size")?;
        let size = decimal(size).ok_or(CheckpointError("its size is no decimal number"))?;
        let root = next("it has no root")?;
        let root = Hash::from_base64(root)
            .ok_or(CheckpointError("its root is not the base64 of 32 bytes"))?;
        let extensions: Vec<_> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(CheckpointError("it has an empty line"));
        }
        Ok(Self {
            origin,
            size,
            root,
            extensions,
        })
    }
}
