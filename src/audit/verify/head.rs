//! The head of a log: what an auditor keeps elsewhere.

use std::fmt;
use std::str::FromStr;

/// One record by its place and hash. As text: `<seq>:<hash>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The record's seq.
    pub seq: u64,
    /// SHA-256 of its line, without the newline, in lower-case hexadecimal.
    pub hash: String,
}

/// The text is no head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no head: expected `<seq>:<64 hexadecimal digits>`, as `audit verify` prints it"
)]
pub struct HeadError {
    text: String,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, self.hash)
    }
}

impl FromStr for Head {
    type Err = HeadError;

    fn from_str(text: &str) -> Result<Self, HeadError> {
        let parts = text.split_once(':');
        let head = parts.and_then(|(seq, hash)| {
            Some(Self {
                seq: seq.parse().ok()?,
                hash: is_hash(hash).then(|| hash.to_owned())?,
            })
        });
        head.ok_or_else(|| HeadError {
            text: text.to_owned(),
        })
    }
}

/// Whether this is a SHA-256 in lower-case hexadecimal.
pub fn is_hash(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}
