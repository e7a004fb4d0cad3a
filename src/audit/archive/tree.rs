//! The tree's files: full tiles of hashes and checkpoints go to the store and stay on the disk for
//! good; bundles of entries are the lines again, and go with them.

use super::names::tree_prefix;
use super::store::Objects;
use super::{Act, ArchiveError, Done};
use crate::audit::layout::{CHECKPOINT_NAME, KEPT_NAME, TILE_BYTES_MAX, TILES_NAME, kept_name};
use crate::files::{Files, below};
use crate::tlog::{TILE_WIDTH, TileKind, TilePath};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

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
