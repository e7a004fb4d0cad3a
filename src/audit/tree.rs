//! The Merkle tree over a log's lines, of RFC 6962, kept as C2SP tiles: only the tiles at the right
//! edge are in memory, those that are full never change again.

pub mod prove;
#[cfg(test)]
mod tests;

use crate::tlog::{HASH_BYTES, Hash, TILE_WIDTH, TileKind, TilePath, node_hash, root_of_empty};

/// A tile and its content.
pub type Tile = (TilePath, Vec<u8>);

/// A tree that grows.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    size: u64,
    /// The hashes of the tile at the right edge, level by level: fewer than [`TILE_WIDTH`] each.
    edge: Vec<Vec<Hash>>,
}

impl Tree {
    /// How many leaves it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf. Tiles that are full now are put to the others.
    pub fn push(&mut self, leaf: Hash, full: &mut Vec<Tile>) {
        self.size += 1;
        let mut hash = leaf;
        for level in 0_u8.. {
            if self.edge.len() <= usize::from(level) {
                self.edge.push(Vec::new());
            }
            let Some(tile) = self.edge.get_mut(usize::from(level)) else {
                return;
            };
            tile.push(hash);
            if (tile.len() as u64) < TILE_WIDTH {
                return;
            }
            let hashes = std::mem::take(tile);
            let leaves_each = u32::from(level + 1) * TILE_WIDTH.ilog2();
            let index = (self.size >> leaves_each) - 1;
            full.push((
                TilePath::full(TileKind::Hashes { level }, index),
                bytes(&hashes),
            ));
            hash = root_of(hashes);
        }
    }

    /// The root over all leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut right: Option<Hash> = None;
        for tile in &self.edge {
            let hashes: Vec<_> = tile.iter().copied().chain(right).collect();
            right = match hashes.is_empty() {
                true => None,
                false => Some(root_of(hashes)),
            };
        }
        right.unwrap_or_else(root_of_empty)
    }

    /// The tiles at the right edge, which are not full.
    #[must_use]
    pub fn edge(&self) -> Vec<Tile> {
        let levels = (0_u8..).zip(&self.edge);
        let partial = levels.filter(|(_, hashes)| !hashes.is_empty());
        let tile = |(level, hashes): (u8, &Vec<Hash>)| {
            let leaves_each = u32::from(level + 1) * TILE_WIDTH.ilog2();
            let path = TilePath {
                kind: TileKind::Hashes { level },
                index: self.size.checked_shr(leaves_each).unwrap_or(0),
                width: hashes.len() as u64,
            };
            (path, bytes(hashes))
        };
        partial.map(tile).collect()
    }
}

/// The root over these hashes of subtrees of one size, the last of which may be smaller: pairs are
/// hashed, level by level, and one that is left over moves up as it is.
#[must_use]
pub fn root_of(mut hashes: Vec<Hash>) -> Hash {
    while hashes.len() > 1 {
        let pairs = hashes.chunks(2);
        hashes = pairs
            .map(|pair| match pair {
                [left, right] => node_hash(left, right),
                one => one.first().copied().unwrap_or_default(),
            })
            .collect();
    }
    hashes.first().copied().unwrap_or_else(root_of_empty)
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes
        .iter()
        .flat_map(|hash: &Hash| -> [u8; HASH_BYTES] { hash.0 })
        .collect()
}
