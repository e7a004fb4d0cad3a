//! What a shim keeps between its starts: its name, a count of its streams, its spool, and the
//! checkpoints that it holds.
//!
//! Several shims may run over one directory (a client opened twice): each takes a slot of its own,
//! held by a lock that the operating system drops with the process.

use crate::files::{self, Files};
use crate::shim::event::Transport;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

/// Most shims that run over one directory at a time.
pub const SLOTS_MAX: usize = 64;
/// Longest name of a shim, in bytes.
const SHIM_ID_BYTES_MAX: usize = 128;
/// Longest small file, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 10;

/// A shim's slot, locked for as long as this lives.
pub struct State {
    /// The slot's name, the same at each start.
    pub shim_id: String,
    /// The number of this start's first stream, from 1.
    pub epoch: u64,
    /// Where the slot's files are.
    pub dir: PathBuf,
    /// The files.
    pub files: Arc<dyn Files>,
    _lock: Box<dyn Send + Sync>,
}

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The operating system said no.
    #[error("cannot {action} `{path}`: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// Every slot is in use.
    #[error(
        "all {SLOTS_MAX} slots in `{path}` are in use; give this shim a state directory of its own"
    )]
    NoSlot {
        /// The directory.
        path: String,
    },
    /// A slot is in use that must not be.
    #[error("`{path}` is in use; stop the shim that runs over it first")]
    InUse {
        /// The slot.
        path: String,
    },
    /// A file has been damaged.
    #[error("`{path}` is damaged; remove its directory to start under a new name")]
    Damaged {
        /// The file.
        path: String,
    },
    /// A held checkpoint cannot be used.
    #[error(transparent)]
    Held(#[from] crate::shim::held::HeldError),
}

impl StateError {
    /// The operating system said no to this.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}

impl State {
    /// Takes the first free slot below `dir`, which is made if it is not there, and counts the
    /// start, durably.
    ///
    /// # Errors
    /// The file system's, no free slot, or a damaged file.
    pub fn open(
        files: Arc<dyn Files>,
        dir: &Path,
        transport: Transport,
    ) -> Result<Self, StateError> {
        for slot in 0..SLOTS_MAX {
            let slot = dir.join(slot.to_string());
            let made = files::create_dir(files.as_ref(), &slot);
            made.map_err(StateError::io("make", &slot))?;
            if let Some(lock) = lock(files.as_ref(), &slot)? {
                return Self::start(files, slot, lock, transport);
            }
        }
        let path = dir.display().to_string();
        Err(StateError::NoSlot { path })
    }

    fn start(
        files: Arc<dyn Files>,
        dir: PathBuf,
        lock: Box<dyn Send + Sync>,
        transport: Transport,
    ) -> Result<Self, StateError> {
        let shim_id = match read(files.as_ref(), &dir.join("id"))? {
            Some(id) if !id.is_empty() && id.len() <= SHIM_ID_BYTES_MAX => id,
            Some(_) => return Err(damaged(&dir.join("id"))),
            None => {
                let id = format!("{}-{}", transport.as_str(), Uuid::now_v7());
                replace(files.as_ref(), &dir.join("id"), id.as_bytes())?;
                id
            }
        };
        let mut state = Self {
            shim_id,
            epoch: 0,
            dir,
            files,
            _lock: lock,
        };
        state.epoch = state.next_epoch()?;
        Ok(state)
    }

    /// A number that no stream had before, counted durably.
    ///
    /// # Errors
    /// The file system's, or a damaged file.
    pub fn next_epoch(&self) -> Result<u64, StateError> {
        let path = self.dir.join("epoch");
        let before = match read(self.files.as_ref(), &path)? {
            Some(text) => text.parse::<u64>().map_err(|_| damaged(&path))?,
            None => 0,
        };
        let epoch = before.checked_add(1).ok_or_else(|| damaged(&path))?;
        replace(self.files.as_ref(), &path, epoch.to_string().as_bytes())?;
        Ok(epoch)
    }

    /// Where the spool is.
    #[must_use]
    pub fn spool_path(&self) -> PathBuf {
        self.dir.join("spool")
    }

    /// Where it is kept which events went to which log.
    #[must_use]
    pub fn streams_path(&self) -> PathBuf {
        self.dir.join("streams")
    }
}

/// A slot that no shim runs over, for an operator to look at or to change.
pub struct Slot {
    /// Where its files are.
    pub dir: PathBuf,
    _lock: Box<dyn Send + Sync>,
}

/// The slots below a state directory; `None` in place of one that a shim runs over.
///
/// # Errors
/// The file system's.
pub fn slots(files: &dyn Files, dir: &Path) -> Result<Vec<(PathBuf, Option<Slot>)>, StateError> {
    let mut slots = Vec::new();
    for slot in 0..SLOTS_MAX {
        let dir = dir.join(slot.to_string());
        if !files.is_dir(&dir) {
            continue;
        }
        let free = lock(files, &dir)?.map(|lock| Slot {
            dir: dir.clone(),
            _lock: lock,
        });
        slots.push((dir, free));
    }
    Ok(slots)
}

/// The small file `name` of a slot, without its end; `None` if there is none.
///
/// # Errors
/// The file system's.
pub fn small_file(
    files: &dyn Files,
    slot: &Path,
    name: &str,
) -> Result<Option<String>, StateError> {
    read(files, &slot.join(name))
}

/// A file that cannot be read as what it should be.
#[must_use]
pub fn damaged(path: &Path) -> StateError {
    let path = path.display().to_string();
    StateError::Damaged { path }
}

fn lock(files: &dyn Files, slot: &Path) -> Result<Option<Box<dyn Send + Sync>>, StateError> {
    let path = slot.join("lock");
    match files.lock(&path) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        lock => lock.map(Some).map_err(StateError::io("lock", &path)),
    }
}

fn read(files: &dyn Files, path: &Path) -> Result<Option<String>, StateError> {
    match files.read(path, FILE_BYTES_MAX) {
        Ok(text) => match String::from_utf8(text) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(_) => Err(damaged(path)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::io("read", path)(error)),
    }
}

fn replace(files: &dyn Files, path: &Path, text: &[u8]) -> Result<(), StateError> {
    files::replace(files, path, text).map_err(StateError::io("write", path))
}

#[cfg(test)]
mod tests;
