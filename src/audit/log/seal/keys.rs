//! Which key signs which checkpoints.

use super::SealError;
use crate::audit::record::KeyRotated;
use crate::audit::sign::SigningKey;
use crate::audit::tree::Tree;
use crate::model::json::{Json, Limits, parse};
use crate::model::time::Timestamp;
use crate::tlog::{Hash, Note, NoteError, VerifierKey};
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
    /// What the rotations say, with the root before each.
    rotations: Vec<(u64, Hash, KeyRotated)>,
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
            rotations: Vec::new(),
        })
    }

    /// Takes note of a rotation, if the line is one and was not seen yet.
    pub fn see(&mut self, before: &Tree, line: &[u8]) {
        let seq = before.size();
        let is_new = self.replaced.last().is_none_or(|(last, _)| *last < seq);
        if let Some((rotated, previous, next)) = rotation(line).filter(|_| is_new) {
            self.replaced.push((seq, previous));
            self.next = Some(next);
            self.rotations.push((seq, before.root(), rotated));
        }
    }

    /// Whether both keys of each rotation that was seen signed that it is at this place of this
    /// log.
    pub fn check_rotations(&mut self, origin: &str) -> Result<(), SealError> {
        for (seq, root, rotated) in std::mem::take(&mut self.rotations) {
            let (previous, next) = (rotated.previous.parse(), rotated.next.parse());
            let (Ok(previous), Ok(next)) = (previous, next) else {
                return Err(SealError::Rotation { seq });
            };
            let note = Note::parse(rotated.note.as_bytes())?;
            let said = KeyRotated::statement(origin, (seq, &root), &previous, &next)?;
            if note.text() != said.text() {
                return Err(SealError::Rotation { seq });
            }
            note.check(&previous)?;
            note.check(&next)?;
        }
        Ok(())
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

    /// The record, the next one of this log, by which the key before hands over, if it is to.
    pub fn rotation(&self, origin: &str, log: &Tree) -> Result<Option<KeyRotated>, SealError> {
        let Some((key, previous)) = self.previous.as_ref().filter(|_| self.is_previous) else {
            return Ok(None);
        };
        let at = (log.size(), &log.root());
        let mut note = KeyRotated::statement(origin, at, previous, &self.verifier)?;
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

fn rotation(line: &[u8]) -> Option<(KeyRotated, VerifierKey, VerifierKey)> {
    if !line.ends_with(ROTATED) {
        return None;
    }
    let limits = Limits {
        bytes_max: LINE_BYTES_MAX,
        depth_max: 16,
        values_max: LINE_BYTES_MAX,
    };
    let record = parse(line, limits).ok()?;
    let text = |name| Some(record.get(name).and_then(Json::as_str)?.to_owned());
    let rotated = KeyRotated {
        previous: text("previous")?,
        next: text("next")?,
        note: text("note")?,
    };
    let (previous, next) = (rotated.previous.parse().ok()?, rotated.next.parse().ok()?);
    Some((rotated, previous, next))
}
