//! Proofs of RFC 6962 section 2.1, checked as RFC 9162 section 2.1 says, and the text of
//! c2sp.org/tlog-proof.

#[cfg(test)]
mod tests;

use super::decimal;
use super::hash::{Hash, leaf_hash, node_hash};
use super::note::{NOTE_BYTES_MAX, Note, NoteError};
use std::fmt;
use std::str::FromStr;

/// Most hashes of a proof: one a level, and a log has at most 2^63 leaves.
pub const PROOF_HASHES_MAX: usize = 63;
/// First line of a proof's text.
const PROOF_START: &str = "c2sp.org/tlog-proof@v1";

/// The proof does not prove it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofWrong {
    /// Index and sizes do not go together.
    #[error("index and size of the proof do not go together")]
    Range,
    /// More or fewer hashes than it takes.
    #[error("the proof has not as many hashes as it takes")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Checks that a leaf is the one at `index` in the log of `size` leaves under `root`.
///
/// # Errors
/// If the proof does not prove it.
pub fn check_inclusion(
    leaf: &[u8],
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofWrong> {
    if index >= size {
        return Err(ProofWrong::Range);
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf_hash(leaf);
    for step in proof {
        if last == 0 {
            return Err(ProofWrong::Length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(step, &hash);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, step);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match (last, hash == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofWrong::Root),
        _ => Err(ProofWrong::Length),
    }
}

/// Checks that the log of `new_size` leaves under `new_root` begins with the one of `old_size`
/// leaves under `old_root`. Every log continues the empty one, and itself: both take no hashes.
///
/// # Errors
/// If the proof does not prove it.
pub fn check_consistency(
    (old_size, old_root): (u64, &Hash),
    (new_size, new_root): (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofWrong> {
    if old_size > new_size {
        return Err(ProofWrong::Range);
    }
    if old_size == 0 || old_size == new_size {
        let is_same = old_size == 0 || old_root == new_root;
        return match (proof.is_empty(), is_same) {
            (false, _) => Err(ProofWrong::Length),
            (true, false) => Err(ProofWrong::Root),
            (true, true) => Ok(()),
        };
    }
    let mut steps = proof.iter();
    let first = match old_size.is_power_of_two() {
        true => old_root,
        false => steps.next().ok_or(ProofWrong::Length)?,
    };
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    while node & 1 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut old, mut new) = (*first, *first);
    for step in steps {
        if last == 0 {
            return Err(ProofWrong::Length);
        }
        if node & 1 == 1 || node == last {
            old = node_hash(step, &old);
            new = node_hash(step, &new);
            while node & 1 == 0 && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            new = node_hash(&new, step);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    match (last, old == *old_root && new == *new_root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofWrong::Root),
        _ => Err(ProofWrong::Length),
    }
}

/// Everything that shows one leaf's place in a log, but for the leaf and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// The leaf's place, from 0.
    pub index: u64,
    /// From the leaf's sibling up to a child of the root.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: Note,
}

/// The text is no proof.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// It has another form.
    #[error("not a tlog-proof: {0}")]
    Form(&'static str),
    /// Its checkpoint is no note.
    #[error("not a tlog-proof: its checkpoint: {0}")]
    Note(NoteError),
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{PROOF_START}\nindex {}", self.index)?;
        let mut hashes = self.hashes.iter();
        hashes.try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for TlogProof {
    type Err = TlogProofError;

    fn from_str(text: &str) -> Result<Self, TlogProofError> {
        if text.len() > 2 * NOTE_BYTES_MAX {
            return Err(TlogProofError::Form("it is too long"));
        }
        let (head, checkpoint) = text
            .split_once("\n\n")
            .ok_or(TlogProofError::Form("it has no checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(PROOF_START) {
            return Err(TlogProofError::Form("it does not start as one"));
        }
        // What it is for, only who wrote it knows.
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| line.strip_prefix("index "));
        let index = index.and_then(decimal);
        let index = index.ok_or(TlogProofError::Form("it has no index"))?;
        let hashes: Option<Vec<_>> = lines.map(Hash::from_base64).collect();
        let hashes = hashes.ok_or(TlogProofError::Form("a line is no hash"))?;
        if hashes.len() > PROOF_HASHES_MAX {
            return Err(TlogProofError::Form("it has too many hashes"));
        }
        let checkpoint = Note::parse(checkpoint.as_bytes()).map_err(TlogProofError::Note)?;
        Ok(Self {
            index,
            hashes,
            checkpoint,
        })
    }
}
