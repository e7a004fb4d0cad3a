//! Proofs out of the tiles beside a log.

use crate::audit::layout::CHECKPOINT_NAME;
use crate::audit::log::TileDir;
use crate::audit::tree::prove::Prover;
use crate::files::OsFiles;
use crate::tlog::{Checkpoint, Note, TlogProof, check_inclusion};
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// What proves records of one log. Signatures are not checked: who reads the proof does that.
pub(super) struct Proofs {
    pub(super) note: Note,
    pub(super) checkpoint: Checkpoint,
    tiles: TileDir,
}

impl Proofs {
    /// Of the log in this directory; `None`: it is not signed.
    pub(super) fn open(dir: &Path) -> Option<Self> {
        let note = Note::parse(&fs::read(dir.join(CHECKPOINT_NAME)).ok()?).ok()?;
        let checkpoint = note.text().parse().ok()?;
        Some(Self {
            note,
            checkpoint,
            tiles: TileDir::new(dir, Arc::new(OsFiles)),
        })
    }

    pub(super) fn prover(&self) -> Prover<'_> {
        Prover::new(&self.tiles, self.checkpoint.size)
    }

    /// That this line is the record of this seq; `None` where the checkpoint does not cover it yet,
    /// or the tiles do not prove it.
    pub(super) fn prove(
        &self,
        prover: &mut Prover<'_>,
        seq: u64,
        line: &[u8],
    ) -> Option<TlogProof> {
        let Checkpoint { size, root, .. } = &self.checkpoint;
        let hashes = prover.inclusion(seq, *size).ok()?;
        check_inclusion(line, seq, *size, &hashes, root).ok()?;
        Some(TlogProof {
            index: seq,
            hashes,
            checkpoint: self.note.clone(),
        })
    }
}
