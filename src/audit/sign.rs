//! The key that signs a log's checkpoints: Ed25519, as PKCS#8 in PEM.

#[cfg(test)]
mod tests;

use crate::files::{self, Files};
use crate::tlog::{KeyKind, Signature, VerifierKey};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

/// Longest key file, in bytes.
const PEM_BYTES_MAX: u64 = 4096;
const PEM_BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const PEM_END: &str = "-----END PRIVATE KEY-----";
/// Characters of a line of PEM, RFC 7468 section 2.
const PEM_LINE_CHARS: usize = 64;

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum SigningKeyError {
    /// The file cannot be read or made.
    #[error("signing key `{path}`: {source}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Others than the owner may use the file.
    #[error("signing key `{path}` is open to the group or others: run `chmod 600` on it")]
    Shared {
        /// The file.
        path: String,
    },
    /// Not a key.
    #[error(
        "signing key {place} is no Ed25519 key in PKCS#8 PEM: make one with `toolgate audit \
         keygen` or `openssl genpkey -algorithm ed25519`"
    )]
    Malformed {
        /// `` `<file>` `` or the variable's name.
        place: String,
    },
    /// The system has no random bytes.
    #[error("a signing key cannot be made")]
    Random,
}

/// Signs in the name of any log of this process.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

impl SigningKey {
    /// A new key, and its PEM.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub fn generate() -> Result<(Self, Zeroizing<String>), SigningKeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| SigningKeyError::Random)?;
        let der = pair.to_pkcs8v1().map_err(|_| SigningKeyError::Random)?;
        let pem = pem(der.as_ref());
        let key = Self::of(pair).ok_or(SigningKeyError::Random)?;
        Ok((key, pem))
    }

    /// The key in a PEM text; `place` says in errors where that came from.
    ///
    /// # Errors
    /// If the text is no key.
    pub fn from_pem(pem: &str, place: &str) -> Result<Self, SigningKeyError> {
        let pair = der(pem).and_then(|der| Ed25519KeyPair::from_pkcs8(&der).ok());
        pair.and_then(Self::of)
            .ok_or_else(|| SigningKeyError::Malformed {
                place: place.to_owned(),
            })
    }

    /// The key in a file.
    ///
    /// # Errors
    /// As `SigningKeyError` says.
    pub fn read(path: &Path, files: &dyn Files) -> Result<Self, SigningKeyError> {
        let io = |source| io_error(path, source);
        let bytes = Zeroizing::new(files.read(path, PEM_BYTES_MAX).map_err(io)?);
        let name = || path.display().to_string();
        if files.is_shared(path).map_err(io)? {
            return Err(SigningKeyError::Shared { path: name() });
        }
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        Self::from_pem(text, &format!("`{}`", name()))
    }

    /// The key in a file, which is made if it is not there.
    ///
    /// # Errors
    /// As `SigningKeyError` says. A key that is there and cannot be used is never replaced.
    pub fn open(path: &Path, files: &dyn Files) -> Result<Self, SigningKeyError> {
        match Self::read(path, files) {
            Err(SigningKeyError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                let (key, pem) = Self::generate()?;
                files::replace(files, path, pem.as_bytes())
                    .map_err(|source| io_error(path, source))?;
                Ok(key)
            }
            other => other,
        }
    }

    /// What checks this key's signatures of the log of this origin; `None` if the origin cannot
    /// name a key.
    #[must_use]
    pub fn verifier(&self, origin: &str) -> Option<VerifierKey> {
        VerifierKey::new(origin, KeyKind::Log, self.public)
    }

    /// Signs a note's text in the name of a key that is this one.
    #[must_use]
    pub fn sign(&self, verifier: &VerifierKey, text: &str) -> Signature {
        Signature {
            name: verifier.name().to_owned(),
            key_id: verifier.id(),
            bytes: self.pair.sign(text.as_bytes()).as_ref().to_vec(),
        }
    }

    fn of(pair: Ed25519KeyPair) -> Option<Self> {
        let public = pair.public_key().as_ref().try_into().ok()?;
        Some(Self { pair, public })
    }
}

fn io_error(path: &Path, source: io::Error) -> SigningKeyError {
    let path = path.display().to_string();
    SigningKeyError::Io { path, source }
}

fn pem(der: &[u8]) -> Zeroizing<String> {
    let text = Zeroizing::new(STANDARD.encode(der));
    let mut pem = Zeroizing::new(format!("{PEM_BEGIN}\n"));
    for line in text.as_bytes().chunks(PEM_LINE_CHARS) {
        pem.extend(line.iter().map(|byte| char::from(*byte)));
        pem.push('\n');
    }
    pem.push_str(PEM_END);
    pem.push('\n');
    pem
}

fn der(pem: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = pem.trim().strip_prefix(PEM_BEGIN)?.strip_suffix(PEM_END)?;
    let text: Zeroizing<String> = Zeroizing::new(text.split_whitespace().collect());
    STANDARD.decode(text.as_bytes()).ok().map(Zeroizing::new)
}
