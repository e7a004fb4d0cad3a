//! A log's tiles on disk: `tile/…` beside its lines.

use super::SealError;
use crate::audit::layout::TILE_BYTES_MAX;
use crate::audit::tree::Tile;
use crate::audit::tree::prove::Tiles;
use crate::files::{Files, create_dir, put};
use crate::tlog::{TILE_WIDTH, TileKind, TilePath, entries, push_entry};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where tiles are.
#[derive(Clone)]
pub struct TileDir {
    dir: PathBuf,
    files: Arc<dyn Files>,
}

impl TileDir {
    /// Of the log in this directory.
    #[must_use]
    pub fn new(dir: &Path, files: Arc<dyn Files>) -> Self {
        Self {
            dir: dir.to_owned(),
            files,
        }
    }

    /// The entries before `size` in the bundle that the next one belongs to, as its beginning: of a
    /// log that was signed over `signed` records.
    pub(super) fn bundle_start(&self, size: u64, signed: u64) -> Result<Vec<u8>, SealError> {
        let (index, count) = (size / TILE_WIDTH, size % TILE_WIDTH);
        if count == 0 {
            return Ok(Vec::new());
        }
        let width = signed.saturating_sub(index * TILE_WIDTH).min(TILE_WIDTH);
        let kind = TileKind::Entries;
        let path = TilePath { kind, index, width };
        let pruned = |why: String| SealError::Pruned { size, why };
        let bundle = self.read(path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => self.read(TilePath::full(kind, index)),
            _ => Err(error),
        });
        let bundle = bundle.map_err(|error| pruned(format!("tile `{path}`: {error}")))?;
        let entries = entries(&bundle).map_err(|error| pruned(error.to_string()))?;
        let mut start = Vec::new();
        for entry in entries
            .iter()
            .take(usize::try_from(count).unwrap_or(usize::MAX))
        {
            let _fits = push_entry(&mut start, entry);
        }
        Ok(start)
    }

    fn path(&self, tile: TilePath) -> PathBuf {
        self.dir.join(tile.to_string())
    }
}

impl Tiles for TileDir {
    fn read(&self, path: TilePath) -> io::Result<Vec<u8>> {
        self.files.read(&self.path(path), TILE_BYTES_MAX)
    }
}

/// Writes tiles. Their names are durable after `sync`.
pub struct TileWriter {
    tiles: TileDir,
    /// Directories with names that are not durable yet.
    unsynced: BTreeSet<PathBuf>,
    /// The tiles that this writer put and that are not full.
    partial: Vec<TilePath>,
}

impl TileWriter {
    pub fn new(tiles: TileDir) -> Self {
        Self {
            tiles,
            unsynced: BTreeSet::new(),
            partial: Vec::new(),
        }
    }

    /// Puts a tile that is full, unless it is there.
    pub fn full(&mut self, tile: &Tile) -> io::Result<()> {
        match self.tiles.read(tile.0) {
            Ok(content) if content == tile.1 => Ok(()),
            _ => self.write(tile),
        }
    }

    /// Puts the tiles at the right edge, and makes all that was put durable. What `partial` gives
    /// back can go once the checkpoint over these is durable.
    pub fn edge(&mut self, edge: &[Tile]) -> io::Result<Vec<TilePath>> {
        for tile in edge {
            // Its name says over which leaves it is: one that is there is the same.
            if !self.partial.contains(&tile.0) {
                self.write(tile)?;
            }
        }
        for dir in std::mem::take(&mut self.unsynced) {
            self.tiles.files.sync_dir(&dir)?;
        }
        let partial: Vec<_> = edge.iter().map(|(path, _)| *path).collect();
        let before = std::mem::replace(&mut self.partial, partial);
        let outdated = before
            .into_iter()
            .filter(|path| !self.partial.contains(path));
        Ok(outdated.collect())
    }

    /// Removes partial tiles. That they are gone need not be durable: they are right, and nobody
    /// needs them.
    pub fn remove(&self, outdated: &[TilePath]) -> io::Result<()> {
        for tile in outdated {
            let path = self.tiles.path(*tile);
            match self.tiles.files.remove(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let others = self.partial.iter();
            let is_last = !others
                .clone()
                .any(|other| (other.kind, other.index) == (tile.kind, tile.index));
            if let Some(dir) = path.parent().filter(|_| is_last) {
                // Others of an older run may be in it.
                let _ = self.tiles.files.remove_dir(dir);
            }
        }
        Ok(())
    }

    fn write(&mut self, (tile, content): &Tile) -> io::Result<()> {
        let path = self.tiles.path(*tile);
        if let Some(dir) = path.parent() {
            create_dir(self.tiles.files.as_ref(), dir)?;
            self.unsynced.insert(dir.to_owned());
        }
        put(self.tiles.files.as_ref(), &path, content)
    }
}
