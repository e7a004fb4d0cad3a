//! What is said to a witness of the log, and what it says: `add-checkpoint` of c2sp.org/tlog-witness.
//! A witness holds a log to its own past and signs what it saw, so that who knows its key need not
//! have held an older checkpoint.

#[cfg(test)]
mod tests;

use crate::tlog::{Hash, Note, NoteError, Signature, VerifierKey};
use std::fmt::Write as _;

/// Largest answer of a witness, in bytes: signature lines, or a size.
pub const ANSWER_BYTES_MAX: usize = 16 << 10;
/// What the request is added to the submission prefix of a witness.
pub const ADD_CHECKPOINT: &str = "/add-checkpoint";

/// What a witness answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It signed.
    Cosigned(Vec<Signature>),
    /// It has last signed the log of this size: the proof is to begin there.
    Since(u64),
}

/// Why a witness's answer is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessError {
    /// It does not know the log.
    #[error("it does not know this log: have its operator add the origin and the log's key")]
    UnknownLog,
    /// It knows another key of the log.
    #[error("it does not accept the log's signature: have its operator add the key that signs now")]
    OtherKey,
    /// The proof does not hold for what it saw.
    #[error("it has seen another log of this origin, which this one does not continue")]
    Forked,
    /// It saw more of the log than there is.
    #[error("it has signed {since} records of this log, which has {size}: records are missing")]
    Ahead {
        /// The size that it signed.
        since: u64,
        /// The log's.
        size: u64,
    },
    /// Something else.
    #[error("it answered {0}")]
    Status(u16),
    /// Its answer is not what it should be.
    #[error("its answer is {0}")]
    Malformed(&'static str),
    /// Its signature is not one.
    #[error("its answer has no signature of its own: {0}")]
    NotSigned(#[from] NoteError),
}

impl WitnessError {
    /// Whether the witness says that the log is not what it was.
    #[must_use]
    pub const fn is_of_the_log(&self) -> bool {
        matches!(self, Self::Forked | Self::Ahead { .. })
    }
}

/// The request's body: that the log of this checkpoint continues the one of `old` records.
#[must_use]
pub fn add_checkpoint(old: u64, proof: &[Hash], checkpoint: &Note) -> String {
    let mut body = format!("old {old}\n");
    for hash in proof {
        // Writing to a text does not fail.
        let _ = writeln!(body, "{hash}");
    }
    body.push('\n');
    body.push_str(&checkpoint.to_string());
    body
}

/// Reads the answer to a checkpoint of `size` records. Signatures of other keys than the witness's
/// are left out, and its own are checked.
///
/// # Errors
/// As `WitnessError` says.
pub fn read_answer(
    (status, body): (u16, &[u8]),
    (checkpoint, size): (&Note, u64),
    key: &VerifierKey,
) -> Result<Answer, WitnessError> {
    match status {
        200 => cosignatures(body, checkpoint, key).map(Answer::Cosigned),
        403 => Err(WitnessError::OtherKey),
        404 => Err(WitnessError::UnknownLog),
        409 => match since(body).ok_or(WitnessError::Malformed("no size of a log"))? {
            since if since > size => Err(WitnessError::Ahead { since, size }),
            since => Ok(Answer::Since(since)),
        },
        422 => Err(WitnessError::Forked),
        other => Err(WitnessError::Status(other)),
    }
}

fn cosignatures(
    body: &[u8],
    checkpoint: &Note,
    key: &VerifierKey,
) -> Result<Vec<Signature>, WitnessError> {
    let no_lines = WitnessError::Malformed("not lines of signatures");
    let text = std::str::from_utf8(body).map_err(|_| no_lines.clone())?;
    let lines = text.strip_suffix('\n').ok_or(no_lines.clone())?;
    let mut signed = Note::new(checkpoint.text())?;
    for line in lines.split('\n') {
        let signature = Signature::parse(line).ok_or(no_lines.clone())?;
        if signature.name == key.name() && signature.key_id == key.id() {
            signed.add(signature)?;
        }
    }
    match signed.check(key)? {
        Some(1..) => Ok(signed.signatures().to_vec()),
        _ => Err(WitnessError::Malformed("a signature without a time")),
    }
}

/// The size in a body of one line.
fn since(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?.strip_suffix('\n')?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let size = text.parse::<u64>().ok().filter(|_| is_plain)?;
    (size.to_string() == text).then_some(size)
}
