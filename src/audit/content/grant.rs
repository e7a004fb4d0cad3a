//! Grants: a second person's word that somebody may read content, as a signed note.
//!
//! The text has five lines: `toolgate audit grant 1`, the reference (or the beginning of one and
//! `*`), who reads, until when (RFC 3339), why. Who signed it is the approver.

use super::Reference;
use crate::audit::sign::SigningKey;
use crate::model::time::Timestamp;
use crate::tlog::{KeyKind, Note, NoteError, VerifierKey};
use std::fmt;
use std::time::Duration;

/// Longest grant, in bytes.
pub const GRANT_BYTES_MAX: usize = 4096;
/// Longest time a grant may be used, from when it is used on: it is short-lived, in seconds.
pub const GRANT_SECONDS_MAX: u64 = 86_400;
/// Longest justification, in bytes.
pub const JUSTIFICATION_BYTES_MAX: usize = 512;
const FIRST_LINE: &str = "toolgate audit grant 1";

/// What an approver lets somebody do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The reference of the content, or the beginning of several and `*`.
    pub content: String,
    /// The configured name of the caller that may read it.
    pub reader: String,
    /// Until when.
    pub expires: Timestamp,
    /// Why, as the reader has to give it too.
    pub justification: String,
}

/// Why a grant lets nobody read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// Not one.
    #[error("it is no grant: make one with `toolgate audit grant`")]
    Form,
    /// Not signed by an approver.
    #[error("it is not signed by one of `audit.content.approvers`")]
    Unknown,
    /// Signed in an approver's name by somebody else.
    #[error("{0}")]
    Forged(NoteError),
    /// Who reads approved it.
    #[error("it is signed by who reads: a second person has to approve")]
    Own,
    /// Of other content.
    #[error("it is for other content")]
    OtherContent,
    /// For somebody else.
    #[error("it is for another reader")]
    OtherReader,
    /// For something else.
    #[error("it was given for another justification")]
    OtherJustification,
    /// Too late.
    #[error("it has expired")]
    Expired,
    /// It could be used for too long.
    #[error("it expires later than {GRANT_SECONDS_MAX} s from now")]
    TooLong,
    /// A line with a line break, or empty, or too long.
    #[error("`{0}` must be one line of text")]
    Line(&'static str),
}

/// What is asked for with a grant.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The content.
    pub content: &'a Reference,
    /// The configured name of the caller.
    pub reader: &'a str,
    /// Why.
    pub justification: &'a str,
    /// The time.
    pub now: Timestamp,
}

impl Grant {
    /// Signs it in the name of this approver.
    ///
    /// # Errors
    /// Texts that do not fit in a grant, or a name that cannot be one.
    pub fn sign(&self, key: &SigningKey, approver: &str) -> Result<String, GrantError> {
        let lines = [
            ("content", &self.content),
            ("reader", &self.reader),
            ("justification", &self.justification),
        ];
        for (name, line) in lines {
            if line.trim().is_empty() || line.chars().any(char::is_control) {
                return Err(GrantError::Line(name));
            }
        }
        if self.justification.len() > JUSTIFICATION_BYTES_MAX {
            return Err(GrantError::Line("justification"));
        }
        let verifier = key.verifier(approver).ok_or(GrantError::Line("approver"))?;
        let text = self.to_string();
        let mut note = Note::new(&text).map_err(|_| GrantError::Form)?;
        note.add(key.sign(&verifier, &text))
            .map_err(|_| GrantError::Form)?;
        Ok(note.to_string())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let mut next = || lines.next();
        if next()? != FIRST_LINE {
            return None;
        }
        let grant = Self {
            content: next()?.to_owned(),
            reader: next()?.to_owned(),
            expires: Timestamp::parse_rfc3339(next()?)?,
            justification: next()?.to_owned(),
        };
        // As it is written, and nothing more: what is read is what was signed.
        (grant.to_string() == text).then_some(grant)
    }

    fn covers(&self, content: &Reference) -> bool {
        let content = content.to_string();
        match self.content.strip_suffix('*') {
            Some(beginning) => content.starts_with(beginning),
            None => content == self.content,
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expires = self.expires.rfc3339();
        writeln!(f, "{FIRST_LINE}\n{}\n{}", self.content, self.reader)?;
        writeln!(f, "{expires}\n{}", self.justification)
    }
}

/// The name of the approver that lets this be read.
///
/// # Errors
/// As `GrantError` says.
pub fn approved_by(
    grant: &[u8],
    approvers: &[VerifierKey],
    asked: Asked<'_>,
) -> Result<String, GrantError> {
    if grant.len() > GRANT_BYTES_MAX {
        return Err(GrantError::Form);
    }
    let note = Note::parse(grant).map_err(|_| GrantError::Form)?;
    let approver = approver(&note, approvers)?;
    let grant = Grant::parse(note.text()).ok_or(GrantError::Form)?;
    let latest = asked.now.plus(Duration::from_secs(GRANT_SECONDS_MAX));
    let faults = [
        (approver == asked.reader, GrantError::Own),
        (!grant.covers(asked.content), GrantError::OtherContent),
        (grant.reader != asked.reader, GrantError::OtherReader),
        (
            grant.justification != asked.justification,
            GrantError::OtherJustification,
        ),
        (grant.expires <= asked.now, GrantError::Expired),
        (grant.expires > latest, GrantError::TooLong),
    ];
    match faults.into_iter().find(|(is_so, _)| *is_so) {
        Some((_, fault)) => Err(fault),
        None => Ok(approver.to_owned()),
    }
}

/// The approver that signed the note. A witness' cosignature is none.
fn approver<'a>(note: &Note, approvers: &'a [VerifierKey]) -> Result<&'a str, GrantError> {
    for key in approvers.iter().filter(|key| key.kind() == KeyKind::Log) {
        match note.check(key) {
            Ok(_) => return Ok(key.name()),
            Err(NoteError::NotSigned { .. }) => {}
            Err(other) => return Err(GrantError::Forged(other)),
        }
    }
    Err(GrantError::Unknown)
}
