//! What a log's lines grow into: a tree, tiles, bundles of entries.

use super::{Held, SealError, TileDir};
use crate::audit::log::follow::{Follower, Stop};
use crate::audit::tree::prove::Prover;
use crate::audit::tree::{Tile, Tree};
use crate::files::Files;
use crate::tlog::{TILE_WIDTH, TileKind, TilePath, leaf_hash, push_entry};
use std::path::Path;
use std::sync::Arc;

/// Bundles whose room is kept for the next ones.
const SPARE_BUNDLES_MAX: usize = 4;

/// The tree so far, and the bundle of entries at its right edge.
#[derive(Default)]
pub struct Grown {
    pub tree: Tree,
    bundle: Vec<u8>,
    /// Tiles that are full, until they are written.
    pub full: Vec<Tile>,
    spare: Vec<Vec<u8>>,
}

impl Grown {
    /// At the beginning of a log whose records before were pruned, out of the tiles of a log of
    /// `signed` records: all hashes are there, and the bundle that the first record is in.
    pub fn resume(size: u64, tiles: &TileDir, signed: u64) -> Result<Self, SealError> {
        let tree = Prover::new(tiles, signed.max(size)).tree_at(size);
        let tree = tree.map_err(|error| SealError::Pruned {
            size,
            why: error.to_string(),
        })?;
        let bundle = tiles.bundle_start(size, signed)?;
        Ok(Self {
            tree,
            bundle,
            ..Self::default()
        })
    }

    pub fn push(&mut self, line: &[u8]) {
        self.tree.push(leaf_hash(line), &mut self.full);
        // A line is at most 60 KiB.
        let _fits = push_entry(&mut self.bundle, line);
        let size = self.tree.size();
        if size.is_multiple_of(TILE_WIDTH) {
            let path = TilePath::full(TileKind::Entries, size / TILE_WIDTH - 1);
            let next = self.spare.pop().unwrap_or_default();
            self.full
                .push((path, std::mem::replace(&mut self.bundle, next)));
        }
    }

    /// Takes back the room of a bundle that is written: the system has to clear what is new.
    pub fn reuse(&mut self, (path, mut content): Tile) {
        if path.kind == TileKind::Entries && self.spare.len() < SPARE_BUNDLES_MAX {
            content.clear();
            self.spare.push(content);
        }
    }

    /// The tiles at the right edge, the entries first.
    pub fn edge(&self) -> Vec<Tile> {
        let size = self.tree.size();
        let path = TilePath {
            kind: TileKind::Entries,
            index: size / TILE_WIDTH,
            width: size % TILE_WIDTH,
        };
        let entries = (path.width > 0).then(|| (path, self.bundle.clone()));
        entries.into_iter().chain(self.tree.edge()).collect()
    }
}

/// The tree of the whole log, which from the records of this tree on is the one that was signed.
/// Each line is shown with the tree of those before it. Changes nothing.
///
/// # Errors
/// If it is not, or cannot be read.
pub fn survey(
    dir: &Path,
    files: &Arc<dyn Files>,
    mut tree: Tree,
    records: u64,
    held: &Held,
    see: &mut dyn FnMut(&Tree, &[u8]),
) -> Result<Tree, SealError> {
    let mut lines = Follower::new(dir, Arc::clone(files), tree.size());
    let mut full = Vec::new();
    let mut grow = |tree: &mut Tree, end| loop {
        let stop = lines.read(end, &mut |line| {
            see(tree, line);
            tree.push(leaf_hash(line), &mut full);
            full.clear();
        });
        match stop {
            Ok(Stop::FileEnded) => {}
            other => return other.map(drop),
        }
    };
    let mut sound = tree.size();
    for (size, root) in held.roots.range(sound..=records) {
        grow(&mut tree, *size)?;
        if tree.root() != *root {
            let size = *size;
            return Err(SealError::Rewritten { size, sound });
        }
        sound = *size;
    }
    let size = held.size();
    if size > records {
        return Err(SealError::Truncated { records, size });
    }
    grow(&mut tree, records)?;
    Ok(tree)
}
