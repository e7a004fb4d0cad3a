//! The tiles of a log that came back without them.

use super::SealError;
use super::grown::Grown;
use super::tiles::{TileDir, TileWriter};
use crate::audit::log::follow::Follower;
use crate::files::Files;
use crate::tlog::Hash;
use std::path::Path;
use std::sync::Arc;

/// Makes the tiles over a log's first `size` records out of their lines, durably, and gives the
/// root over them. Nobody writes the log meanwhile.
///
/// # Errors
/// If lines are missing, or the operating system refuses.
pub fn rebuild_tiles(dir: &Path, files: &Arc<dyn Files>, size: u64) -> Result<Hash, SealError> {
    let mut lines = Follower::new(dir, Arc::clone(files), 0);
    let mut tiles = TileWriter::new(TileDir::new(dir, Arc::clone(files)));
    let mut grown = Grown::default();
    while grown.tree.size() < size {
        lines.read(size, &mut |line| grown.push(line))?;
        for tile in grown.full.drain(..) {
            tiles.full(&tile)?;
        }
    }
    tiles.edge(&grown.edge())?;
    Ok(grown.tree.root())
}
