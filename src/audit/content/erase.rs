//! Erasing a tenant's month: its keys are destroyed, and with them everything under them.

use super::CONTENT_DIR;
use super::keys::KEYS_FILE;
use super::object::{dir_name, is_month, month_dir};
use crate::files::{self, Files};
use std::io;
use std::path::Path;

/// Says, in a month's directory, that its content was erased.
pub(super) const ERASED_FILE: &str = "erased";

/// Why nothing was erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Not a month.
    #[error("`{0}` is no month: write it as `2026-11`")]
    Month(String),
    /// Nothing of it is there.
    #[error("there is no content of tenant `{tenant}` in `{month}`")]
    Nothing {
        /// The tenant.
        tenant: String,
        /// The month.
        month: String,
    },
    /// The disk. What was destroyed stays so; erasing again goes on with the rest.
    #[error("content of `{month}` is not erased in full, erase it again: {source}")]
    Io {
        /// The month.
        month: String,
        /// Why.
        source: io::Error,
    },
}

/// What was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erased {
    /// How many objects.
    pub objects: u64,
}

/// Destroys the keys of a tenant's month in the store of this log, and its objects. Nobody may
/// write the log meanwhile. Done again, it finishes what was begun.
///
/// # Errors
/// As `EraseError` says.
pub fn erase(
    log_dir: &Path,
    tenant: &str,
    month: &str,
    files: &dyn Files,
) -> Result<Erased, EraseError> {
    if !is_month(month) {
        return Err(EraseError::Month(month.chars().take(32).collect()));
    }
    let dir = month_dir(&log_dir.join(CONTENT_DIR), &dir_name(tenant), month);
    if !files.is_dir(&dir) {
        return Err(EraseError::Nothing {
            tenant: tenant.chars().take(128).collect(),
            month: month.to_owned(),
        });
    }
    let objects = destroy(&dir, files).map_err(|source| EraseError::Io {
        month: month.to_owned(),
        source,
    })?;
    Ok(Erased { objects })
}

fn destroy(dir: &Path, files: &dyn Files) -> io::Result<u64> {
    // First, so that whoever finds the keys gone finds out why.
    let erased = dir.join(ERASED_FILE);
    if files.length(&erased)?.is_none() {
        files::replace(files, &erased, b"erased\n")?;
    }
    let keys = dir.join(KEYS_FILE);
    remove(&keys, files)?;
    remove(&keys.with_added_extension("tmp"), files)?;
    files.sync_dir(dir)?;
    let mut objects = 0;
    for spread in files.names(dir)? {
        let spread = dir.join(spread);
        if !files.is_dir(&spread) {
            continue;
        }
        for name in files.names(&spread)? {
            files.remove(&spread.join(name))?;
            objects += 1;
        }
        files.sync_dir(&spread)?;
    }
    Ok(objects)
}

fn remove(path: &Path, files: &dyn Files) -> io::Result<()> {
    match files.remove(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
