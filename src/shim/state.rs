//! What a shim keeps between its starts: its name, a count of its starts, and its spool.
//!
//! Several shims may run over one directory (a client opened twice): each takes a slot of its own,
//! held by a lock that the operating system drops with the process.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Most shims that run over one directory at a time.
pub const SLOTS_MAX: usize = 64;
/// Longest name of a shim, in bytes.
const SHIM_ID_BYTES_MAX: usize = 128;

/// A shim's slot, locked for as long as this lives.
#[derive(Debug)]
pub struct State {
    /// The slot's name, the same at each start.
    pub shim_id: String,
    /// Which start this is, from 1.
    pub epoch: u64,
    dir: PathBuf,
    _lock: File,
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
    /// A file has been damaged.
    #[error("`{path}` is damaged; remove its directory to start under a new name")]
    Damaged {
        /// The file.
        path: String,
    },
}

impl StateError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
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
    pub fn open(dir: &Path) -> Result<Self, StateError> {
        for slot in 0..SLOTS_MAX {
            let slot = dir.join(slot.to_string());
            make_dir(&slot)?;
            if let Some(lock) = lock(&slot.join("lock"))? {
                return Self::start(slot, lock);
            }
        }
        let path = dir.display().to_string();
        Err(StateError::NoSlot { path })
    }

    fn start(dir: PathBuf, lock: File) -> Result<Self, StateError> {
        let shim_id = match read(&dir.join("id"))? {
            Some(id) if !id.is_empty() && id.len() <= SHIM_ID_BYTES_MAX => id,
            Some(_) => return Err(damaged(&dir.join("id"))),
            None => {
                let id = format!("stdio-{}", Uuid::now_v7());
                replace(&dir, "id", id.as_bytes())?;
                id
            }
        };
        let epochs = dir.join("epoch");
        let before = match read(&epochs)? {
            Some(text) => text.parse::<u64>().map_err(|_| damaged(&epochs))?,
            None => 0,
        };
        let epoch = before.checked_add(1).ok_or_else(|| damaged(&epochs))?;
        replace(&dir, "epoch", epoch.to_string().as_bytes())?;
        Ok(Self {
            shim_id,
            epoch,
            dir,
            _lock: lock,
        })
    }

    /// Where the spool is.
    #[must_use]
    pub fn spool_path(&self) -> PathBuf {
        self.dir.join("spool")
    }

    /// Keeps the latest checkpoint of the log: whoever holds one can tell a log that was cut short.
    ///
    /// # Errors
    /// The file system's.
    pub fn keep_checkpoint(&self, checkpoint: &str) -> Result<(), StateError> {
        replace(&self.dir, "checkpoint", checkpoint.as_bytes())
    }
}

fn damaged(path: &Path) -> StateError {
    let path = path.display().to_string();
    StateError::Damaged { path }
}

fn make_dir(path: &Path) -> Result<(), StateError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(path).map_err(StateError::io("make", path))
}

fn lock(path: &Path) -> Result<Option<File>, StateError> {
    let file = private().open(path).map_err(StateError::io("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(StateError::io("lock", path)(error)),
    }
}

/// Opens for writing, makes the file if it is not there, readable by its owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600);
    options
}

fn read(path: &Path) -> Result<Option<String>, StateError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::io("read", path)(error)),
    }
}

fn replace(dir: &Path, name: &str, text: &[u8]) -> Result<(), StateError> {
    let path = dir.join(name);
    write_whole(dir, name, text).map_err(StateError::io("write", &path))
}

/// Replaces a file durably: whoever reads it finds all of the old or all of the new.
///
/// # Errors
/// The file system's.
pub fn write_whole(dir: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    let new = dir.join(format!("{name}.new"));
    let mut file = private().open(&new)?;
    file.set_len(0)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, dir.join(name))?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests;
