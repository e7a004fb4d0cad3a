//! Signed notes of c2sp.org/signed-note: a text, a blank line, a line for each signature.

#[cfg(test)]
mod tests;

use super::cosigned_text;
use super::key::{KeyKind, VerifierKey, is_name};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// Longest note, in bytes.
pub const NOTE_BYTES_MAX: usize = 64 << 10;
/// Most signatures of a note.
pub const SIGNATURES_MAX: usize = 64;
/// What begins a line with a signature.
const SIGNATURE_START: &str = "— ";
/// Bytes of a time in a cosignature.
const TIME_BYTES: usize = 8;

/// A text and who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

/// One line under a note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The name of the key that signed.
    pub name: String,
    /// The key's id.
    pub key_id: u32,
    /// What the key's kind says: 64 bytes of Ed25519, before them 8 of a time in a cosignature.
    pub bytes: Vec<u8>,
}

/// Why a text is no note, or no note that is signed as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Longer than a note may be.
    #[error("the note is longer than {NOTE_BYTES_MAX} bytes")]
    TooLong,
    /// Not text, a blank line and signatures.
    #[error("not a signed note: {0}")]
    Form(&'static str),
    /// Nobody signed it whose key was given.
    #[error("the note is not signed with key `{key}`")]
    NotSigned {
        /// The key's name and id.
        key: String,
    },
    /// A signature in the name of a known key that is not by that key.
    #[error("the signature of `{key}` does not hold")]
    Forged {
        /// The key's name and id.
        key: String,
    },
}

impl Note {
    /// A note without signatures. The text is not empty, ends with a newline and has no other
    /// control characters.
    ///
    /// # Errors
    /// If it is not so.
    pub fn new(text: &str) -> Result<Self, NoteError> {
        if text.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        if !text.ends_with('\n') || text.contains(|c: char| c < ' ' && c != '\n') {
            return Err(NoteError::Form(
                "its text has no end, or control characters",
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            signatures: Vec::new(),
        })
    }

    /// Reads a note. Signatures are not checked.
    ///
    /// # Errors
    /// If the bytes are no note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong);
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Form("it is not UTF-8"))?;
        let no_signatures = NoteError::Form("it has no blank line before its signatures");
        let (text, lines) = note.rsplit_once("\n\n").ok_or(no_signatures)?;
        let mut note = Self::new(&format!("{text}\n"))?;
        let lines = lines
            .strip_suffix('\n')
            .ok_or(NoteError::Form("its last line has no end"))?;
        for line in lines.split('\n') {
            let signature = Signature::parse(line).ok_or(NoteError::Form(
                "a line after the blank one is no signature",
            ))?;
            note.add(signature)?;
        }
        Ok(note)
    }

    /// What is signed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Who signed it, as they say.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Adds a signature's line.
    ///
    /// # Errors
    /// If there are too many.
    pub fn add(&mut self, signature: Signature) -> Result<(), NoteError> {
        if self.signatures.len() >= SIGNATURES_MAX {
            return Err(NoteError::Form("it has too many signatures"));
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// Checks what this key signed. A time is given back where its kind has one, in seconds since
    /// 1970.
    ///
    /// # Errors
    /// If the key did not sign the note, or a signature in its name does not hold.
    pub fn check(&self, key: &VerifierKey) -> Result<Option<u64>, NoteError> {
        let id = key.id();
        let by_key =
            |signature: &&Signature| signature.key_id == id && signature.name == key.name();
        let mut time = None;
        let mut signatures = self.signatures.iter().filter(by_key).peekable();
        if signatures.peek().is_none() {
            let key = named(key);
            return Err(NoteError::NotSigned { key });
        }
        for signature in signatures {
            let holds = signature.time_if_holds(&self.text, key);
            time = holds.ok_or_else(|| NoteError::Forged { key: named(key) })?;
        }
        Ok(time)
    }
}

fn named(key: &VerifierKey) -> String {
    format!("{}+{:08x}", key.name(), key.id())
}

impl Signature {
    /// Reads `— <name> <base64>`.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (name, bytes) = line.strip_prefix(SIGNATURE_START)?.split_once(' ')?;
        let bytes = STANDARD.decode(bytes).ok()?;
        let (id, bytes) = bytes.split_first_chunk()?;
        let signature = Self {
            name: name.to_owned(),
            key_id: u32::from_be_bytes(*id),
            bytes: bytes.to_vec(),
        };
        (is_name(name) && !signature.bytes.is_empty()).then_some(signature)
    }

    fn time_if_holds(&self, text: &str, key: &VerifierKey) -> Option<Option<u64>> {
        let public = UnparsedPublicKey::new(&ED25519, key.public());
        let holds = |text: &str, bytes: &[u8]| public.verify(text.as_bytes(), bytes).ok();
        match key.kind() {
            KeyKind::Log => holds(text, &self.bytes).map(|()| None),
            KeyKind::Witness => {
                let (time, bytes) = self.bytes.split_first_chunk::<TIME_BYTES>()?;
                let time_s = u64::from_be_bytes(*time);
                holds(&cosigned_text(time_s, text), bytes)?;
                i64::try_from(time_s).ok()?;
                Some(Some(time_s))
            }
        }
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.key_id.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.bytes);
        write!(
            f,
            "{SIGNATURE_START}{} {}",
            self.name,
            STANDARD.encode(bytes)
        )
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        let mut lines = self.signatures.iter();
        lines.try_for_each(|signature| writeln!(f, "{signature}"))
    }
}
