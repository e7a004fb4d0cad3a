//! The latest checkpoint of a log, in memory and on disk.

use crate::audit::layout::{CHECKPOINT_NAME, KEPT_NAME, kept_name};
use crate::files::{Files, create_dir, replace};
use crate::tlog::{Checkpoint, NOTE_BYTES_MAX, Note, NoteError, Signature};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Of checkpoints that others signed, one in so many seconds is kept for good, beside the last.
pub const COSIGNED_KEPT_SECONDS: u64 = 3_600;

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The note, with cosignatures if there are some.
    pub note: Note,
    /// What it says.
    pub checkpoint: Checkpoint,
}

/// What is known of the files.
struct Writing {
    /// When the latest checkpoint was signed, or found.
    signed: Instant,
    /// The size of a kept checkpoint that goes once another is cosigned.
    passing: Option<u64>,
    /// When a cosigned one was last kept for good.
    kept: Option<Instant>,
    /// Whether the log was let go: another process may have it.
    is_over: bool,
}

/// The latest checkpoint of a log, in memory and on disk.
pub struct Latest {
    dir: PathBuf,
    files: Arc<dyn Files>,
    /// Held while files are written.
    writing: Mutex<Writing>,
    sealed: watch::Sender<Option<Arc<Sealed>>>,
}

impl Latest {
    pub(super) fn new(dir: &Path, files: Arc<dyn Files>) -> Self {
        Self {
            dir: dir.to_owned(),
            files,
            writing: Mutex::new(Writing {
                signed: Instant::now(),
                passing: None,
                kept: None,
                is_over: false,
            }),
            sealed: watch::Sender::new(None),
        }
    }

    /// The latest checkpoint, and those that follow.
    pub fn watch(&self) -> watch::Receiver<Option<Arc<Sealed>>> {
        self.sealed.subscribe()
    }

    /// The latest checkpoint; `None` of a log that has none.
    pub fn get(&self) -> Option<Arc<Sealed>> {
        self.sealed.borrow().clone()
    }

    /// How long ago it was signed, or found.
    pub fn age(&self) -> Duration {
        self.writing().signed.elapsed()
    }

    pub(super) fn size(&self) -> Option<u64> {
        self.get().map(|sealed| sealed.checkpoint.size)
    }

    /// This one is on disk.
    pub(super) fn found(&self, sealed: Sealed) {
        self.sealed.send_replace(Some(Arc::new(sealed)));
    }

    pub(super) fn publish(&self, sealed: Sealed) -> io::Result<()> {
        let mut writing = self.writing();
        self.write(sealed)?;
        writing.signed = Instant::now();
        Ok(())
    }

    fn write(&self, sealed: Sealed) -> io::Result<()> {
        let path = self.dir.join(CHECKPOINT_NAME);
        let note = sealed.note.to_string();
        replace(self.files.as_ref(), &path, note.as_bytes())?;
        self.found(sealed);
        Ok(())
    }

    /// The log is let go.
    pub(super) fn end(&self) {
        self.writing().is_over = true;
    }

    /// Keeps the latest checkpoint for good.
    pub(super) fn keep(&self) -> io::Result<()> {
        let mut writing = self.writing();
        let Some(latest) = self.get() else {
            return Ok(());
        };
        let size = latest.checkpoint.size;
        writing.passing.take_if(|passing| *passing == size);
        match self.files.length(&self.kept_path(size))? {
            Some(_) => Ok(()),
            None => self.write_kept(size, &latest.note),
        }
    }

    /// Adds signatures of others to this checkpoint, in place of older ones by the same keys: to the
    /// latest, if it is that one still, and to a copy that is kept. Once the log is let go, nothing is
    /// written.
    ///
    /// # Errors
    /// If a file cannot be written, or there are too many signatures.
    pub fn cosign(&self, sealed: &Sealed, cosignatures: &[Signature]) -> io::Result<()> {
        let mut writing = self.writing();
        if writing.is_over {
            return Ok(());
        }
        let latest = self.get().filter(|it| it.checkpoint == sealed.checkpoint);
        let size = sealed.checkpoint.size;
        let kept = self.kept(size)?;
        let is_there = kept.is_some();
        let same = kept.filter(|kept| kept.text() == sealed.note.text());
        // Another one may have signed it meanwhile.
        let note = latest.as_ref().map(|latest| &latest.note).or(same.as_ref());
        let note = with(note.unwrap_or(&sealed.note), cosignatures);
        let cosigned = Sealed {
            note: note.map_err(io::Error::other)?,
            checkpoint: sealed.checkpoint.clone(),
        };
        self.write_kept(size, &cosigned.note)?;
        if latest.is_some() {
            self.write(cosigned)?;
        }
        let outdated = writing.passing.take_if(|passing| *passing != size);
        let is_due = |kept: Instant| kept.elapsed() >= Duration::from_secs(COSIGNED_KEPT_SECONDS);
        if writing.kept.is_none_or(is_due) {
            writing.kept = Some(Instant::now());
            writing.passing = None;
        } else if !is_there {
            writing.passing = Some(size);
        }
        match outdated.map(|size| self.files.remove(&self.kept_path(size))) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn kept(&self, size: u64) -> io::Result<Option<Note>> {
        let path = self.kept_path(size);
        match self.files.read(&path, NOTE_BYTES_MAX as u64) {
            Ok(note) => Note::parse(&note).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write_kept(&self, size: u64, note: &Note) -> io::Result<()> {
        create_dir(self.files.as_ref(), &self.dir.join(KEPT_NAME))?;
        let note = note.to_string();
        replace(self.files.as_ref(), &self.kept_path(size), note.as_bytes())
    }

    fn kept_path(&self, size: u64) -> PathBuf {
        self.dir.join(KEPT_NAME).join(kept_name(size))
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The note with these signatures in place of those by the same keys.
fn with(note: &Note, signatures: &[Signature]) -> Result<Note, NoteError> {
    let mut signed = Note::new(note.text())?;
    let is_replaced = |old: &Signature| {
        let by_same = |new: &Signature| (&new.name, new.key_id) == (&old.name, old.key_id);
        signatures.iter().any(by_same)
    };
    let others = note.signatures().iter().filter(|old| !is_replaced(old));
    for signature in others.chain(signatures) {
        signed.add(signature.clone())?;
    }
    Ok(signed)
}

#[cfg(test)]
mod tests;
