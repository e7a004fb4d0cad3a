//! The formats of transparency logs, as C2SP and RFC 6962 have them: hashes, signed notes,
//! checkpoints, tiles and proofs. Who writes a log and who checks one share these and nothing
//! else.
//!
//! Sources: RFC 6962 section 2.1 (hashes, proofs), and of c2sp.org `signed-note`,
//! `tlog-checkpoint`, `tlog-cosignature`, `tlog-tiles` and `tlog-proof`.

mod bundle;
mod checkpoint;
mod hash;
mod key;
mod note;
mod path;
mod proof;

pub use bundle::{BundleError, ENTRY_BYTES_MAX, entries, push_entry};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use hash::{HASH_BYTES, Hash, leaf_hash, node_hash, root_of_empty};
pub use key::{KeyKind, KeyParseError, VerifierKey, key_id};
pub use note::{NOTE_BYTES_MAX, Note, NoteError, SIGNATURES_MAX, Signature};
pub use path::{TILE_WIDTH, TileKind, TilePath, partial_tiles};
pub use proof::{
    PROOF_HASHES_MAX, ProofWrong, TlogProof, TlogProofError, check_consistency, check_inclusion,
};

/// What a signature of a checkpoint says: it, or it at a time (seconds since 1970).
#[must_use]
pub fn cosigned_text(time_s: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

/// A decimal number as these formats write it: digits, and no zero before others.
fn decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let has_zero = text.len() > 1 && text.starts_with('0');
    if is_plain && !has_zero {
        text.parse().ok()
    } else {
        None
    }
}
