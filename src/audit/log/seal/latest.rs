//! The latest checkpoint of a log, in memory and on disk.

use super::CHECKPOINT_NAME;
use crate::files::{Files, replace};
use crate::tlog::{Checkpoint, Note};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The note, with cosignatures if there are some.
    pub note: Note,
    /// What it says.
    pub checkpoint: Checkpoint,
}

/// The latest checkpoint of a log, in memory and on disk.
pub struct Latest {
    dir: PathBuf,
    files: Arc<dyn Files>,
    writing: Mutex<()>,
    sealed: watch::Sender<Option<Arc<Sealed>>>,
}

impl Latest {
    pub(super) fn new(dir: &Path, files: Arc<dyn Files>) -> Self {
        Self {
            dir: dir.to_owned(),
            files,
            writing: Mutex::default(),
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

    pub(super) fn size(&self) -> Option<u64> {
        self.get().map(|sealed| sealed.checkpoint.size)
    }

    /// This is what lies on disk.
    pub(super) fn set(&self, sealed: Sealed) {
        self.sealed.send_replace(Some(Arc::new(sealed)));
    }

    pub(super) fn publish(&self, sealed: Sealed) -> io::Result<()> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.dir.join(CHECKPOINT_NAME);
        replace(
            self.files.as_ref(),
            &path,
            sealed.note.to_string().as_bytes(),
        )?;
        self.set(sealed);
        Ok(())
    }
}
