//! The checkpoints that lie beside a log: what it must still be when it is opened.

use super::SealError;
use crate::audit::layout::{CHECKPOINT_NAME, KEPT_NAME, kept_name, kept_size};
use crate::files::Files;
use crate::tlog::{Checkpoint, Hash, NOTE_BYTES_MAX, Note};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// What was signed before.
#[derive(Default)]
pub struct Held {
    /// The latest.
    pub latest: Option<(Note, Checkpoint)>,
    /// Roots by size, `latest` among them.
    pub roots: BTreeMap<u64, Hash>,
}

impl Held {
    /// Reads them. Signatures are not checked.
    pub fn read(dir: &Path, origin: &str, files: &dyn Files) -> Result<Self, SealError> {
        let mut held = Self::default();
        let kept = dir.join(KEPT_NAME);
        let names = match files.names(&kept) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            other => other?,
        };
        for name in names.iter().filter(|name| kept_size(name).is_some()) {
            let (_, checkpoint) = read(&kept, name, origin, files)?;
            if kept_name(checkpoint.size) != *name {
                return Err(malformed(name, "its size is not that of its name"));
            }
            held.add(name, &checkpoint)?;
        }
        if files.length(&dir.join(CHECKPOINT_NAME))?.is_some() {
            let latest = read(dir, CHECKPOINT_NAME, origin, files)?;
            held.add(CHECKPOINT_NAME, &latest.1)?;
            held.latest = Some(latest);
        }
        Ok(held)
    }

    /// The size of the longest log that was signed.
    pub fn size(&self) -> u64 {
        self.roots.last_key_value().map_or(0, |(size, _)| *size)
    }

    /// What was pruned was signed before: else nothing here vouches for what is left of it.
    pub fn covers_pruned(&self, first_seq: u64) -> Result<(), SealError> {
        let signed = self.latest.as_ref().map_or(0, |(_, it)| it.size);
        if signed >= first_seq {
            return Ok(());
        }
        Err(SealError::Pruned {
            size: first_seq,
            why: format!("its checkpoint is over {signed} records"),
        })
    }

    fn add(&mut self, name: &str, checkpoint: &Checkpoint) -> Result<(), SealError> {
        let root = self.roots.entry(checkpoint.size).or_insert(checkpoint.root);
        match *root == checkpoint.root {
            true => Ok(()),
            false => Err(malformed(name, "another one of its size has another root")),
        }
    }
}

fn read(
    dir: &Path,
    name: &str,
    origin: &str,
    files: &dyn Files,
) -> Result<(Note, Checkpoint), SealError> {
    let content = files.read(&dir.join(name), NOTE_BYTES_MAX as u64)?;
    let note = Note::parse(&content).map_err(|error| malformed(name, error))?;
    let checkpoint: Checkpoint = note
        .text()
        .parse()
        .map_err(|error| malformed(name, error))?;
    match checkpoint.origin == origin {
        true => Ok((note, checkpoint)),
        false => Err(malformed(name, "it is of another origin")),
    }
}

fn malformed(name: &str, why: impl ToString) -> SealError {
    SealError::Checkpoint {
        name: name.to_owned(),
        why: why.to_string(),
    }
}
