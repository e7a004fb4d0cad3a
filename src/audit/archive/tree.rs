//! The tree's files: full tiles of hashes and checkpoints go to the store and stay on the disk for
//! good; bundles of entries are the lines again, and go with them.

use super::names::tree_prefix;
use super::store::Objects;
use super::{Act, ArchiveError, Done};
use crate::audit::layout::{
    CHECKPOINT_NAME, KEPT_NAME, TILE_BYTES_MAX, TILES_NAME, kept_name, kept_size,
};
use crate::audit::log::rebuild_tiles;
use crate::files::{Files, below, create_dir, replace};
use crate::tlog::{Checkpoint, Note, TILE_WIDTH, TileKind, TilePath};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

fn full_tile(name: &str) -> Option<TilePath> {
    name.parse().ok().filter(TilePath::is_full)
}

/// Puts into the store what is not there yet, and the latest checkpoint anew.
pub fn upload(
    files: &dyn Files,
    dir: &Path,
    objects: &dyn Objects,
    origin: &str,
    is_dry: bool,
) -> Result<Vec<Done>, ArchiveError> {
    let io = |source| ArchiveError::Io {
        dir: dir.display().to_string(),
        source,
    };
    let mut names = below(files, dir, TILES_NAME).map_err(io)?;
    names.retain(|name| {
        full_tile(name).is_some_and(|tile| matches!(tile.kind, TileKind::Hashes { .. }))
    });
    names.extend(below(files, dir, KEPT_NAME).map_err(io)?);
    names.retain(|name| !name.ends_with(".tmp"));
    let prefix = tree_prefix(origin);
    let listed = objects.list(&prefix)?;
    let stored: BTreeSet<&str> = listed
        .iter()
        .filter_map(|name| name.strip_prefix(&prefix)?.strip_prefix('/'))
        .collect();
    names.retain(|name| !stored.contains(name.as_str()));
    if files
        .names(dir)
        .map_err(io)?
        .iter()
        .any(|name| name == CHECKPOINT_NAME)
    {
        names.push(CHECKPOINT_NAME.to_owned());
    }
    let mut done = Vec::new();
    for name in names {
        let content = files.read(&dir.join(&name), TILE_BYTES_MAX).map_err(io)?;
        let object = format!("{prefix}/{name}");
        if !is_dry {
            objects.put(&object, &content, None)?;
            if objects.get(&object)? != content {
                let what = "it was read back otherwise than it was put".to_owned();
                return Err(ArchiveError::Differs { name: object, what });
            }
        }
        done.push(Done {
            act: Act::Upload,
            name: object,
            bytes: content.len() as u64,
        });
    }
    Ok(done)
}

/// Puts tree and checkpoints beside the first `records` lines of a log that has none on the disk:
/// tiles made of the lines, and the checkpoints over no more than them. One that its lines do not
/// have the root of is an error; who signed it is for the verifier to say.
pub fn restore(
    dir: &Path,
    origin: &str,
    objects: &dyn Objects,
    records: u64,
    files: &Arc<dyn Files>,
) -> Result<(), ArchiveError> {
    let io = |source| ArchiveError::Io {
        dir: dir.display().to_string(),
        source,
    };
    let latest = dir.join(CHECKPOINT_NAME);
    if files.length(&latest).map_err(io)?.is_some() {
        return Ok(());
    }
    let prefix = format!("{}/{KEPT_NAME}", tree_prefix(origin));
    let listed = objects.list(&prefix)?;
    let sizes = listed
        .iter()
        .filter_map(|name| kept_size(name.strip_prefix(&prefix)?.strip_prefix('/')?));
    let sizes: BTreeSet<u64> = sizes.filter(|size| *size <= records).collect();
    let Some(last) = sizes.last() else {
        return Ok(());
    };
    let root = rebuild_tiles(dir, files, *last).map_err(|error| io(io::Error::other(error)))?;
    let kept_dir = dir.join(KEPT_NAME);
    create_dir(files.as_ref(), &kept_dir).map_err(io)?;
    let mut note = Vec::new();
    for size in &sizes {
        note = objects.get(&format!("{prefix}/{}", kept_name(*size)))?;
        replace(files.as_ref(), &kept_dir.join(kept_name(*size)), &note).map_err(io)?;
    }
    let signed = Note::parse(&note).ok();
    let signed = signed.and_then(|note| note.text().parse::<Checkpoint>().ok());
    if signed.is_some_and(|signed| (signed.size, signed.root) == (*last, root)) {
        return replace(files.as_ref(), &latest, &note).map_err(io);
    }
    Err(ArchiveError::Differs {
        name: format!("{prefix}/{}", kept_name(*last)),
        what: "it is no checkpoint over the lines that were archived".to_owned(),
    })
}

/// Whether a log that is signed at all has kept a checkpoint of exactly this size: without it
/// nobody could show what was before.
pub fn has_checkpoint(files: &dyn Files, dir: &Path, size: u64) -> bool {
    let is_there = |path: &Path| files.length(path).is_ok_and(|length| length.is_some());
    let kept = dir.join(KEPT_NAME).join(kept_name(size));
    is_there(&kept) || !is_there(&dir.join(CHECKPOINT_NAME))
}

/// The full bundles whose entries are all before this seq.
pub fn bundles_before(files: &dyn Files, dir: &Path, seq: u64) -> io::Result<Vec<String>> {
    let mut names = below(files, dir, &format!("{TILES_NAME}/entries"))?;
    names.retain(|name| {
        full_tile(name).is_some_and(|tile| {
            let end = tile
                .index
                .checked_add(1)
                .and_then(|n| n.checked_mul(TILE_WIDTH));
            tile.kind == TileKind::Entries && end.is_some_and(|end| end <= seq)
        })
    });
    Ok(names)
}
