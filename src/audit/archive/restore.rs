//! Brings back from the store what is not on the disk.

use super::names::Archived;
use super::run::lock;
use super::segments::{check, fetch, list};
use super::store::Objects;
use super::{ArchiveError, tree};
use crate::audit::layout::{PRUNED_BYTES_MAX, segment_name};
use crate::audit::verify::{FILE_BYTES_MAX, Head, PRUNED_NAME, Pruned};
use crate::files::{Files, create_dir, replace};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The file whose lock the writer has.
const WRITER_LOCK_NAME: &str = "lock";

/// What was brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The files, in order.
    pub files: Vec<String>,
    /// The last record that was brought back.
    pub head: Option<Head>,
}

/// Writes every archived segment of this log that is not on the disk into its directory, which
/// no writer has open. Each is checked line by line, and must fit what is before it; the last one
/// must fit what is on the disk. A directory without a log gets all that the store has: then also
/// the checkpoints over it, and tiles made of its lines, so that it checks as it did.
///
/// # Errors
/// As `ArchiveError` says. Run again, it goes on.
pub fn restore(
    dir: &Path,
    origin: &str,
    objects: &dyn Objects,
    files: &Arc<dyn Files>,
) -> Result<Restored, ArchiveError> {
    let restored = restore_segments(dir, origin, objects, files.as_ref())?;
    let records = restored.head.as_ref().map_or(0, |head| head.seq + 1);
    tree::restore(dir, origin, objects, records, files)?;
    Ok(restored)
}

fn restore_segments(
    dir: &Path,
    origin: &str,
    objects: &dyn Objects,
    files: &dyn Files,
) -> Result<Restored, ArchiveError> {
    let io = |source| ArchiveError::Io {
        dir: dir.display().to_string(),
        source,
    };
    create_dir(files, dir).map_err(io)?;
    let by = "stop the process that writes it first";
    let _lock = lock(dir, WRITER_LOCK_NAME, by, files)?;
    let names = files.names(dir).map_err(io)?;
    let note = read_note(dir, &names, files).map_err(io)?;
    let archived = list(objects, origin)?;
    let mut restored = Restored {
        files: Vec::new(),
        head: None,
    };
    let is_missing = |seq: u64| note.as_ref().is_none_or(|note| seq < note.first_seq);
    if archived.is_empty() {
        let origin = origin.to_owned();
        return Err(ArchiveError::NoArchive { origin });
    }
    for (seq, copies) in archived.iter().filter(|(seq, _)| is_missing(**seq)) {
        let next = restored.head.as_ref().map_or(0, |head| head.seq + 1);
        if *seq != next {
            return Err(ArchiveError::Missing { seq: next });
        }
        let name = segment_name(*seq);
        let is_here = names.contains(&name);
        let content = match is_here {
            true => files.read(&dir.join(&name), FILE_BYTES_MAX).map_err(io)?,
            false => fetched(objects, copies, origin)?,
        };
        let before = restored.head.as_ref().map(|head| (head, origin));
        let report = check(*seq, &content, before, &mut |_| ());
        let report = report.map_err(|fault| ArchiveError::Fault {
            dir: dir.display().to_string(),
            fault: Box::new(fault),
        })?;
        if !is_here {
            replace(files, &dir.join(&name), &content).map_err(io)?;
            restored.files.push(name);
        }
        restored.head = report.head;
    }
    if let Some(note) = note {
        if restored.head.as_ref() != Some(&note.head()) {
            let seq = restored.head.map_or(0, |head| head.seq + 1);
            return Err(ArchiveError::Missing { seq });
        }
        // Everything is here: from now on it counts.
        files.remove(&dir.join(PRUNED_NAME)).map_err(io)?;
        files.sync_dir(dir).map_err(io)?;
    }
    Ok(restored)
}

fn fetched(
    objects: &dyn Objects,
    copies: &[Archived],
    origin: &str,
) -> Result<Vec<u8>, ArchiveError> {
    let first = copies.first();
    let missing = || ArchiveError::NoArchive {
        origin: origin.to_owned(),
    };
    fetch(objects, &first.ok_or_else(missing)?.name(origin))
}

fn read_note(dir: &Path, names: &[String], files: &dyn Files) -> io::Result<Option<Pruned>> {
    if !names.iter().any(|name| name == PRUNED_NAME) {
        return Ok(None);
    }
    let bytes = files.read(&dir.join(PRUNED_NAME), PRUNED_BYTES_MAX as u64)?;
    let no_note = || io::Error::other(format!("`{PRUNED_NAME}` is no note of what was pruned"));
    Pruned::read(&bytes).map(Some).ok_or_else(no_note)
}
