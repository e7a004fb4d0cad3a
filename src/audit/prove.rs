//! Proofs out of a log's directory, whether its writer runs or not.

#[cfg(test)]
mod tests;

use super::log::TileDir;
use super::tree::prove::{ProveError, Prover};
use crate::audit::layout::{CHECKPOINT_NAME, KEPT_NAME, kept_name};
use crate::files::Files;
use crate::tlog::{Checkpoint, Hash, NOTE_BYTES_MAX, Note, TlogProof};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How often a proof is begun anew because the log was signed again meanwhile, and tiles that were
/// not full went.
const ATTEMPTS_MAX: u32 = 8;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// Nothing was signed yet.
    #[error("the log in `{dir}` has no checkpoint yet")]
    NotSigned {
        /// The directory.
        dir: String,
    },
    /// No checkpoint is of that size.
    #[error("no checkpoint of {size} records was kept: the latest is of {latest}")]
    NoCheckpoint {
        /// The size.
        size: u64,
        /// That of the latest one.
        latest: u64,
    },
    /// A checkpoint cannot be used.
    #[error("checkpoint `{name}`: {why}")]
    Checkpoint {
        /// The file.
        name: String,
        /// Why.
        why: String,
    },
    /// The tiles do not give it.
    #[error(transparent)]
    Tiles(#[from] ProveError),
}

impl ProofError {
    /// Whether the question asks for what does not exist, rather than something being broken.
    #[must_use]
    pub const fn is_of_the_question(&self) -> bool {
        matches!(
            self,
            Self::NotSigned { .. }
                | Self::NoCheckpoint { .. }
                | Self::Tiles(ProveError::Range { .. })
        )
    }
}

/// The latest checkpoint's note and size.
type Signed = (Note, u64);

/// A log that proofs are made of.
#[derive(Clone)]
pub struct LogProofs {
    dir: PathBuf,
    files: Arc<dyn Files>,
    tiles: TileDir,
}

impl LogProofs {
    /// The log in this directory.
    #[must_use]
    pub fn new(dir: &Path, files: Arc<dyn Files>) -> Self {
        Self {
            dir: dir.to_owned(),
            tiles: TileDir::new(dir, Arc::clone(&files)),
            files,
        }
    }

    /// The latest checkpoint.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn latest(&self) -> Result<(Note, Checkpoint), ProofError> {
        let dir = || self.dir.display().to_string();
        self.read(CHECKPOINT_NAME)?
            .ok_or_else(|| ProofError::NotSigned { dir: dir() })
    }

    /// That the record of seq `index` is in the log of `size` records, which must have been signed;
    /// 0: the latest.
    ///
    /// # Errors
    /// As `ProofError` says.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<TlogProof, ProofError> {
        self.attempt(&mut |signed| {
            let (checkpoint, size) = match size {
                0 => signed.clone(),
                _ => (self.signed_at(size, signed)?, size),
            };
            let hashes = Prover::new(&self.tiles, signed.1).inclusion(index, size)?;
            Ok(TlogProof {
                index,
                hashes,
                checkpoint,
            })
        })
    }

    /// That the log of `to` records (0: of the latest checkpoint) begins with the one of `from`.
    ///
    /// # Errors
    /// As `ProofError` says.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, ProofError> {
        self.attempt(&mut |(_, latest)| {
            let to = if to == 0 { *latest } else { to };
            Ok(Prover::new(&self.tiles, *latest).consistency(from, to)?)
        })
    }

    /// Tries with the latest checkpoint, and once more with a later one.
    fn attempt<T>(
        &self,
        prove: &mut dyn FnMut(&Signed) -> Result<T, ProofError>,
    ) -> Result<T, ProofError> {
        let mut attempts = 1;
        loop {
            let (note, checkpoint) = self.latest()?;
            match prove(&(note, checkpoint.size)) {
                Err(ProofError::Tiles(ProveError::Tile { source, .. }))
                    if source.kind() == io::ErrorKind::NotFound && attempts < ATTEMPTS_MAX =>
                {
                    attempts += 1;
                }
                other => return other,
            }
        }
    }

    fn signed_at(&self, size: u64, (note, latest): &Signed) -> Result<Note, ProofError> {
        if size == *latest {
            return Ok(note.clone());
        }
        let kept = self.read(&format!("{KEPT_NAME}/{}", kept_name(size)))?;
        let latest = *latest;
        kept.map(|(note, _)| note)
            .ok_or(ProofError::NoCheckpoint { size, latest })
    }

    fn read(&self, name: &str) -> Result<Option<(Note, Checkpoint)>, ProofError> {
        let wrong = |why: String| ProofError::Checkpoint {
            name: name.to_owned(),
            why,
        };
        let content = match self.files.read(&self.dir.join(name), NOTE_BYTES_MAX as u64) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|error| wrong(error.to_string()))?,
        };
        let note = Note::parse(&content).map_err(|error| wrong(error.to_string()))?;
        let checkpoint = note.text().parse::<Checkpoint>();
        let checkpoint = checkpoint.map_err(|error| wrong(error.to_string()))?;
        Ok(Some((note, checkpoint)))
    }
}
