//! Which key signs which checkpoints.

use super::SealError;
use crate::audit::record::KeyRotated;
use crate::audit::sign::SigningKey;
use crate::model::json::{Json, Limits, parse};
use crate::model::time::Timestamp;
use crate::tlog::{Note, NoteError, VerifierKey};
use std::sync::Arc;

/// How the line of a rotation ends: no field of it comes after `type`.
const ROTATED: &[u8] = br#","type":"key_rotated"}"#;
/// Longest line that is looked at, in bytes.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Who signs a log's checkpoints.
#[derive(Clone)]
pub struct Signing {
    /// The key that signs.
    pub key: Arc<SigningKey>,
    /// The key that signed before, where it is still to hand over.
    pub previous: Option<Arc<SigningKey>>,
    /// When the log is opened, which is when one hands over to the other.
    pub time: Timestamp,
}

/// The keys of one log.
pub struct Keys {
    key: Arc<SigningKey>,
    verifier: VerifierKey,
    previous: Option<(Arc<SigningKey>, VerifierKey)>,
    /// Whether the key before signs still.
    is_previous: bool,
    /// Each key that a rotation of the log replaced, and the seq of its record.
    replaced: Vec<(u64, VerifierKey)>,
    /// The key that the last rotation names.
    next: Option<VerifierKey>,
}

impl Keys {
    /// `None`: the origin cannot name a key.
    pub fn new(signing: &Signing, origin: &str) -> Option<Self> {
        let verifier = signing.key.verifier(origin)?;
        let previous = signing.previous.as_ref().and_then(|key| {
            let verifier = key.verifier(origin)?;
            Some((Arc::clone(key), verifier))
        });
        Some(Self {
            key: Arc::clone(&signing.key),
            verifier,
            previous,
            is_previous: false,
            replaced: Vec::new(),
            next: None,
        })
    }

    /// Takes note of a rotation, if the line is one and was not seen yet.
    pub fn see(&mut self, seq: u64, line: &[u8]) {
        let is_new = self.replaced.last().is_none_or(|(last, _)| *last < seq);
        if let Some((previous, next)) = rotation(line).filter(|_| is_new) {
            self.replaced.push((seq, previous));
            self.next = Some(next);
        }
    }

    /// Checks the signature of the log's latest checkpoint. Where the key before signed it, that
    /// one signs until it has handed over.
    pub fn check(&mut self, note: &Note, size: u64) -> Result<(), SealError> {
        if let Some((_, key)) = self.replaced.iter().find(|(seq, _)| size <= *seq) {
            note.check(key)?;
            return self.check_next();
        }
        match (note.check(&self.verifier), &self.previous) {
            (Ok(_), _) => Ok(()),
            (Err(NoteError::NotSigned { .. }), Some((_, previous))) => {
                note.check(previous)?;
                self.is_previous = true;
                Ok(())
            }
            (Err(NoteError::NotSigned { .. }), None) => Err(self.other_key(signers(note))),
            (Err(error), _) => Err(error.into()),
        }
    }

    /// Where nothing was signed since the last rotation, the key that signs must be the one that
    /// the rotation names.
    fn check_next(&self) -> Result<(), SealError> {
        match self.replaced.last() {
            Some((_, next)) if self.next.as_ref() != Some(&self.verifier) => {
                let next = self.next.as_ref().unwrap_or(next);
                Err(self.other_key(next.to_string()))
            }
            _ => Ok(()),
        }
    }

    fn other_key(&self, found: String) -> SealError {
        let key = self.verifier.to_string();
        SealError::OtherKey { key, found }
    }

    /// The record, of this seq, by which the key before hands over, if it is to.
    pub fn rotation(&self, origin: &str, seq: u64) -> Result<Option<KeyRotated>, SealError> {
        let Some((key, previous)) = self.previous.as_ref().filter(|_| self.is_previous) else {
            return Ok(None);
        };
        let mut note = KeyRotated::statement(origin, seq, previous, &self.verifier)?;
        note.add(key.sign(previous, note.text()))?;
        note.add(self.key.sign(&self.verifier, note.text()))?;
        Ok(Some(KeyRotated {
            previous: previous.to_string(),
            next: self.verifier.to_string(),
            note: note.to_string(),
        }))
    }

    /// From now on the new key signs.
    pub fn hand_over(&mut self) {
        self.is_previous = false;
    }

    /// Signs a note's text.
    pub fn sign(&self, text: &str) -> Result<Note, NoteError> {
        let (key, verifier) = match &self.previous {
            Some((key, verifier)) if self.is_previous => (key, verifier),
            _ => (&self.key, &self.verifier),
        };
        let mut note = Note::new(text)?;
        note.add(key.sign(verifier, text))?;
        Ok(note)
    }

    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }
}

fn signers(note: &Note) -> String {
    let signers = note.signatures().iter();
    let names = signers.map(|signature| format!("{}+{:08x}", signature.name, signature.key_id));
    names.collect::<Vec<_>>().join(", ")
}

fn rotation(line: &[u8]) -> Option<(VerifierKey, VerifierKey)> {
    if !line.ends_with(ROTATED) {
        return None;
    }
    let limits = Limits {
        bytes_max: LINE_BYTES_MAX,
        depth_max: 16,
        values_max: LINE_BYTES_MAX,
    };
    let record = parse(line, limits).ok()?;
    let text = |name| record.get(name).and_then(Json::as_str);
    Some((text("previous")?.parse().ok()?, text("next")?.parse().ok()?))
}
