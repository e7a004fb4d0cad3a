//! The hashes of RFC 6962 section 2.1: SHA-256, leaves and inner nodes told apart by a first byte.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt;

/// Length of a hash, in bytes.
pub const HASH_BYTES: usize = 32;

/// A hash of a leaf or of a node. As text: base64.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// Reads 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads base64 with padding, and nothing but its one right form.
    #[must_use]
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_slice(&STANDARD.decode(text).ok()?)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `SHA-256(0x00 ‖ leaf)`.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut digest = Sha256::new_with_prefix([0]);
    digest.update(leaf);
    Hash(digest.finalize().into())
}

/// `SHA-256(0x01 ‖ left ‖ right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut digest = Sha256::new_with_prefix([1]);
    digest.update(left.0);
    digest.update(right.0);
    Hash(digest.finalize().into())
}

/// The root of a log without leaves: `SHA-256("")`.
#[must_use]
pub fn root_of_empty() -> Hash {
    Hash(Sha256::digest([]).into())
}
