//! Verifier keys, `<name>+<key id in hexadecimal>+<base64 of kind and key>`, of c2sp.org/signed-note.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Length of an Ed25519 public key, in bytes.
const PUBLIC_BYTES: usize = 32;

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// The note's text, by the log: Ed25519, type 0x01.
    Log,
    /// The note's text and a time, by a witness: Ed25519 cosignature, type 0x04.
    Witness,
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Log => 0x01,
            Self::Witness => 0x04,
        }
    }
}

/// Who may sign, and the public key to check it with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    public: [u8; PUBLIC_BYTES],
}

/// The text is no verifier key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no verifier key: {why}")]
pub struct KeyParseError {
    text: String,
    why: &'static str,
}

impl VerifierKey {
    /// A key of this name, which is not empty and has no white space and no `+`.
    #[must_use]
    pub fn new(name: &str, kind: KeyKind, public: [u8; PUBLIC_BYTES]) -> Option<Self> {
        is_name(name).then(|| Self {
            name: name.to_owned(),
            kind,
            public,
        })
    }

    /// Whose key this is; for a log, its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The Ed25519 public key.
    #[must_use]
    pub const fn public(&self) -> &[u8; PUBLIC_BYTES] {
        &self.public
    }

    /// The key's id, which stands in signatures before their bytes.
    #[must_use]
    pub fn id(&self) -> u32 {
        key_id(&self.name, self.kind.byte(), &self.public)
    }
}

/// The first four bytes of `SHA-256(name ‖ "\n" ‖ kind ‖ public key)`, as a big-endian number.
#[must_use]
pub fn key_id(name: &str, kind: u8, public: &[u8]) -> u32 {
    let mut digest = Sha256::new();
    digest.update(name.as_bytes());
    digest.update([b'\n', kind]);
    digest.update(public);
    let id = digest.finalize();
    id.iter()
        .take(4)
        .fold(0, |id, byte| id << 8 | u32::from(*byte))
}

/// Whether this may name a key.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.kind.byte()];
        key.extend_from_slice(&self.public);
        write!(
            f,
            "{}+{:08x}+{}",
            self.name,
            self.id(),
            STANDARD.encode(key)
        )
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyParseError;

    fn from_str(text: &str) -> Result<Self, KeyParseError> {
        parse(text).map_err(|why| KeyParseError {
            text: text.chars().take(256).collect(),
            why,
        })
    }
}

fn parse(text: &str) -> Result<VerifierKey, &'static str> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err("expected `<name>+<key id>+<key>`");
    };
    let key = STANDARD.decode(key).map_err(|_| "its key is not base64")?;
    let (kind, public) = match key.split_first() {
        Some((0x01, public)) => (KeyKind::Log, public),
        Some((0x04, public)) => (KeyKind::Witness, public),
        _ => return Err("its key is neither Ed25519 nor an Ed25519 cosignature's"),
    };
    let public = public.try_into().map_err(|_| "its key has not 32 bytes")?;
    let key = VerifierKey::new(name, kind, public).ok_or("its name is empty or has spaces")?;
    if format!("{:08x}", key.id()) != id {
        return Err("its key id is not that of name and key");
    }
    Ok(key)
}
