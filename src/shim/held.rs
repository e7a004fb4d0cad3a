//! The last checkpoint of each log, held on disk: whoever holds one can tell a log that was cut
//! short or rewritten. A log whose checkpoint does not continue the held one is refused from then
//! on, also after a restart, until an operator says which checkpoint to trust; one whose checkpoint
//! is not signed as it should be, for as long as it is not.
//!
//! The first checkpoint of a log is taken as it is. With the log's key given, every one has to be
//! signed with it; without, only the log's own past binds it.

use crate::files::{self, Files};
use crate::model::json::{Json, Limits, parse};
use crate::shim::spool::format::{sealed, unsealed};
use crate::tlog::{Checkpoint, Hash, Note, NoteError, VerifierKey, check_consistency};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most logs whose checkpoints are held.
pub const ORIGINS_MAX: usize = 64;
/// At most this often a log is asked to prove that it continues the held checkpoint, in
/// milliseconds.
pub const PROOF_EVERY_MS: u64 = 1_000;
/// Longest file, in bytes: a note as JSON.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// How such a file's name begins; what follows is the hash of the log's name.
const FILE_START: &str = "held-";

/// What is held of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The log.
    pub origin: String,
    /// The signed note.
    pub note: String,
    /// What it says.
    pub checkpoint: Checkpoint,
    /// Why the log is refused; `None`: it is not.
    pub refused: Option<String>,
}

/// What to do about a checkpoint that came with an acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing new.
    Known,
    /// It is the log's first: hold it.
    First,
    /// Ask the log for the proof that its later size continues the held one.
    Prove {
        /// The held size.
        from: u64,
        /// The later size.
        to: u64,
    },
}

/// Why an acknowledgement is not taken.
#[derive(Debug, thiserror::Error)]
pub enum HeldError {
    /// It came without the checkpoint that it has to come with. It may come yet.
    #[error("the log `{origin}` gave no checkpoint, although one is held or its key is given")]
    Missing {
        /// The log.
        origin: String,
    },
    /// The log is not the one that it was.
    #[error("the log `{origin}` is refused: {why}")]
    Refused {
        /// The log.
        origin: String,
        /// What does not go together.
        why: String,
    },
    /// The checkpoint is no checkpoint of this log, or not signed with a key that is given for it:
    /// an impostor, or a mistake in the shim's options. The log is refused for as long as it is so.
    #[error("the log `{origin}` is refused: {why}")]
    Unsigned {
        /// The log.
        origin: String,
        /// What does not go together.
        why: String,
    },
    /// A file could not be written.
    #[error("the checkpoint of `{origin}` cannot be kept: {source}")]
    Io {
        /// The log.
        origin: String,
        /// Why not.
        source: io::Error,
    },
    /// A file is damaged.
    #[error("`{path}` is damaged; `toolgate shim trust` puts a checkpoint in its place")]
    Damaged {
        /// The file.
        path: String,
    },
    /// Too many logs.
    #[error("checkpoints of {ORIGINS_MAX} logs are held already, and `{origin}` is another")]
    TooMany {
        /// The one that is too many.
        origin: String,
    },
}

/// The checkpoints that one shim holds.
pub struct Checkpoints {
    files: Arc<dyn Files>,
    dir: PathBuf,
    keys: Vec<VerifierKey>,
    held: BTreeMap<String, Held>,
    /// The last checkpoint of a log on which an acknowledgement was taken before the log proved
    /// it: the next proof goes by it.
    unproven: BTreeMap<String, (Checkpoint, String)>,
}

impl Checkpoints {
    /// Reads what is held in a directory. `keys` are those of the logs' signatures, by the logs'
    /// names; several of one name where a log changed its key.
    ///
    /// # Errors
    /// The file system's, or a damaged file.
    pub fn open(
        files: Arc<dyn Files>,
        dir: &Path,
        keys: Vec<VerifierKey>,
    ) -> Result<Self, HeldError> {
        let io = |source| HeldError::Io {
            origin: "*".to_owned(),
            source,
        };
        let mut held = BTreeMap::new();
        for name in files.names(dir).map_err(io)? {
            if !name.starts_with(FILE_START) || name.ends_with(".tmp") {
                continue;
            }
            let path = dir.join(name);
            let text = files.read(&path, FILE_BYTES_MAX).map_err(io)?;
            let one = read(&text).ok_or_else(|| HeldError::Damaged {
                path: path.display().to_string(),
            })?;
            held.insert(one.origin.clone(), one);
        }
        Ok(Self {
            files,
            dir: dir.to_owned(),
            keys,
            held,
            unproven: BTreeMap::new(),
        })
    }

    /// What is held of each log.
    pub fn all(&self) -> impl Iterator<Item = &Held> {
        self.held.values()
    }

    /// Why this log is refused; `None` if it is not.
    #[must_use]
    pub fn refused(&self, origin: &str) -> Option<&str> {
        self.held.get(origin)?.refused.as_deref()
    }

    /// Looks at the checkpoint that came with an acknowledgement of this log; empty: none did.
    ///
    /// # Errors
    /// The acknowledgement may not be taken.
    pub fn look(&self, origin: &str, note: &str) -> Result<Look, HeldError> {
        if let Some(why) = self.refused(origin) {
            return Err(refuse(origin, why));
        }
        let held = self.held.get(origin);
        if note.is_empty() {
            let is_due = held.is_some() || self.keys_of(origin).next().is_some();
            return match is_due {
                true => Err(HeldError::Missing {
                    origin: origin.to_owned(),
                }),
                false => Ok(Look::Known),
            };
        }
        let unproven = self.unproven.get(origin).map(|(checkpoint, _)| checkpoint);
        if unproven.is_none() && held.is_some_and(|held| held.note == note) {
            return Ok(Look::Known);
        }
        let new = self.checked(origin, note)?;
        if let Some(last) = unproven {
            continues(last, &new).map_err(|why| refuse(origin, &why))?;
        }
        let Some(held) = held else {
            return Ok(Look::First);
        };
        continues(&held.checkpoint, &new).map_err(|why| refuse(origin, &why))?;
        let (from, to) = (held.checkpoint.size, new.size);
        match to == from {
            true => Ok(Look::Known),
            false => Ok(Look::Prove { from, to }),
        }
    }

    /// Takes an acknowledgement on a checkpoint that was looked at and not proven: whatever the log
    /// shows next has to continue it, too.
    ///
    /// # Errors
    /// It is no checkpoint of this log.
    pub fn take_unproven(&mut self, origin: &str, note: &str) -> Result<(), HeldError> {
        let new = self.checked(origin, note)?;
        let unproven = (new, note.to_owned());
        self.unproven.insert(origin.to_owned(), unproven);
        Ok(())
    }

    /// The size and the note of a checkpoint that was taken unproven, and is over fewer records
    /// than these.
    #[must_use]
    pub fn unproven(&self, origin: &str, size: u64) -> Option<(u64, String)> {
        let (checkpoint, note) = self.unproven.get(origin)?;
        (checkpoint.size < size).then(|| (checkpoint.size, note.clone()))
    }

    /// Holds a checkpoint if the hashes prove that it continues the held one, or if it is the
    /// log's first.
    ///
    /// # Errors
    /// It does not, or it could not be kept.
    pub fn hold(&mut self, origin: &str, note: &str, proof: &[Hash]) -> Result<(), HeldError> {
        let new = self.checked(origin, note)?;
        match self.held.get(origin) {
            None if self.held.len() >= ORIGINS_MAX => {
                let origin = origin.to_owned();
                return Err(HeldError::TooMany { origin });
            }
            None => {}
            Some(held) => {
                let old = (held.checkpoint.size, &held.checkpoint.root);
                let proven = check_consistency(old, (new.size, &new.root), proof);
                proven.map_err(|wrong| {
                    let sizes = format!("{} to {} records", old.0, new.size);
                    refuse(origin, &format!("it does not continue, {sizes}: {wrong}"))
                })?;
            }
        }
        self.keep(Held {
            origin: origin.to_owned(),
            note: note.to_owned(),
            checkpoint: new,
            refused: None,
        })
    }

    /// Holds this checkpoint whatever was held before, and refuses its log no more.
    ///
    /// # Errors
    /// It is none of this log's, or could not be kept.
    pub fn trust(&mut self, origin: &str, note: &str) -> Result<(), HeldError> {
        let checkpoint = self.checked(origin, note)?;
        self.unproven.remove(origin);
        self.keep(Held {
            origin: origin.to_owned(),
            note: note.to_owned(),
            checkpoint,
            refused: None,
        })
    }

    /// Refuses a log from now on, with what is held of it.
    ///
    /// # Errors
    /// That could not be kept; until a restart the log is refused even so.
    pub fn refuse(&mut self, origin: &str, why: &str) -> Result<(), HeldError> {
        let mut held = self.held.get(origin).cloned().unwrap_or_else(|| Held {
            origin: origin.to_owned(),
            note: String::new(),
            checkpoint: nothing(origin),
            refused: None,
        });
        held.refused = Some(why.to_owned());
        self.held.insert(origin.to_owned(), held.clone());
        self.keep(held)
    }

    fn keys_of<'a>(&'a self, origin: &'a str) -> impl Iterator<Item = &'a VerifierKey> {
        self.keys.iter().filter(move |key| key.name() == origin)
    }

    /// The checkpoint of a note, if it is this log's and signed as it has to be.
    fn checked(&self, origin: &str, note: &str) -> Result<Checkpoint, HeldError> {
        let checked = self.read_checked(origin, note);
        checked.map_err(|why| HeldError::Unsigned {
            origin: origin.to_owned(),
            why,
        })
    }

    fn read_checked(&self, origin: &str, note: &str) -> Result<Checkpoint, String> {
        let parsed = Note::parse(note.as_bytes()).map_err(|error| error.to_string())?;
        let checkpoint: Checkpoint = parsed
            .text()
            .parse()
            .map_err(|error| format!("its checkpoint: {error}"))?;
        if checkpoint.origin != origin {
            return Err(format!("its checkpoint is of `{}`", checkpoint.origin));
        }
        if self.keys.is_empty() {
            return Ok(checkpoint);
        }
        let mut why = format!("no key for `{origin}` is given");
        for key in self.keys_of(origin) {
            match parsed.check(key) {
                Ok(_) => return Ok(checkpoint),
                Err(error @ NoteError::Forged { .. }) => return Err(error.to_string()),
                Err(error) => why = error.to_string(),
            }
        }
        Err(why)
    }

    fn keep(&mut self, held: Held) -> Result<(), HeldError> {
        let path = self.dir.join(file_name(&held.origin));
        let mut json = crate::model::json::Object::new();
        json.insert("origin", held.origin.as_str());
        json.insert("note", held.note.as_str());
        if let Some(why) = &held.refused {
            json.insert("refused", why.as_str());
        }
        let text = sealed(&Json::from(json).to_bytes());
        let kept = files::replace(self.files.as_ref(), &path, &text);
        kept.map_err(|source| HeldError::Io {
            origin: held.origin.clone(),
            source,
        })?;
        let unproven = self.unproven.get(&held.origin);
        if unproven.is_some_and(|(unproven, _)| unproven.size <= held.checkpoint.size) {
            self.unproven.remove(&held.origin);
        }
        self.held.insert(held.origin.clone(), held);
        Ok(())
    }
}

/// Whether a checkpoint can be of a log that had the other one before, as far as it tells by itself.
fn continues(old: &Checkpoint, new: &Checkpoint) -> Result<(), String> {
    let (from, to) = (old.size, new.size);
    if to < from {
        return Err(format!("it has {to} records and had {from}"));
    }
    match to == from && old.root != new.root {
        true => Err(format!("its first {to} records are not those that it had")),
        false => Ok(()),
    }
}

fn refuse(origin: &str, why: &str) -> HeldError {
    HeldError::Refused {
        origin: origin.to_owned(),
        why: why.to_owned(),
    }
}

/// A log of which nothing is held: every log continues it.
fn nothing(origin: &str) -> Checkpoint {
    Checkpoint {
        origin: origin.to_owned(),
        size: 0,
        root: crate::tlog::root_of_empty(),
        extensions: Vec::new(),
    }
}

fn file_name(origin: &str) -> String {
    let digest = Sha256::digest(origin.as_bytes());
    let hash: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{FILE_START}{hash}")
}

fn read(text: &[u8]) -> Option<Held> {
    let text = unsealed(text.strip_suffix(b"\n")?)?;
    let json = parse(text, Limits::REQUEST).ok()?;
    let part = |name| Some(json.get(name)?.as_str()?.to_owned());
    let origin = part("origin")?;
    let note = part("note")?;
    let checkpoint = match note.as_str() {
        "" => nothing(&origin),
        note => Note::parse(note.as_bytes()).ok()?.text().parse().ok()?,
    };
    Some(Held {
        origin,
        note,
        checkpoint,
        refused: part("refused"),
    })
}

#[cfg(test)]
mod tests;
