//! A single record, and the proof that it is in a log: neither the log nor its writer is needed.

use super::Wrong;
use super::line::Line;
use crate::tlog::{
    Checkpoint, CheckpointError, NoteError, ProofWrong, TlogProof, TlogProofError, VerifierKey,
    check_inclusion,
};

/// What a proof has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// Whose log it is.
    pub origin: String,
    /// The record's seq.
    pub seq: u64,
    /// How many records the signed checkpoint is over.
    pub size: u64,
}

/// What is wrong with a proof, or with the record.
#[derive(Debug, thiserror::Error)]
pub enum ProofFault {
    /// The record is none.
    #[error("the record: {0}")]
    Record(Wrong),
    /// The proof is none.
    #[error(transparent)]
    Form(#[from] TlogProofError),
    /// Its checkpoint is none.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is not signed with the key.
    #[error(transparent)]
    Signature(#[from] NoteError),
    /// It shows something else.
    #[error("{0}: it is not this record's, or the record was altered")]
    Wrong(#[from] ProofWrong),
    /// Record, proof and key are of several logs or places.
    #[error("the record is seq {seq} of `{origin}`, and the proof is of another")]
    Other {
        /// The record's origin.
        origin: String,
        /// The record's seq.
        seq: u64,
    },
}

/// Checks that a line, given without its newline, is in the log of this key.
///
/// # Errors
/// What is wrong.
pub fn check_proof(proof: &str, line: &[u8], key: &VerifierKey) -> Result<Proved, ProofFault> {
    let record = Line::read(line).map_err(ProofFault::Record)?;
    let proof: TlogProof = proof.parse()?;
    let checkpoint: Checkpoint = proof.checkpoint.text().parse()?;
    proof.checkpoint.check(key)?;
    check_inclusion(
        line,
        proof.index,
        checkpoint.size,
        &proof.hashes,
        &checkpoint.root,
    )?;
    let origin = record.origin.into_owned();
    let seq = record.seq;
    let is_same = [checkpoint.origin.as_str(), key.name()] == [origin.as_str(); 2];
    if !is_same || proof.index != seq {
        return Err(ProofFault::Other { origin, seq });
    }
    Ok(Proved {
        origin,
        seq,
        size: checkpoint.size,
    })
}
