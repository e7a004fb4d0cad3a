//! The tree over a log's leaves, by RFC 6962 section 2.1, built as leaves come: what is remembered
//! is its right edge.

use crate::tlog::{Hash, TILE_WIDTH, node_hash, root_of_empty};

/// Levels of the tree from one level of tiles to the next.
const TILE_HEIGHT: usize = 8;

/// The right edge of a tree.
#[derive(Default)]
pub(super) struct Tree {
    size: u64,
    /// Roots of the full subtrees, largest first.
    stack: Vec<Hash>,
    /// Hashes of the last tile of each level, which may have just become full.
    tiles: Vec<Vec<Hash>>,
}

impl Tree {
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// The hashes that the last tile of each level has, from level 0.
    pub(super) fn tiles(&self) -> &[Vec<Hash>] {
        &self.tiles
    }

    pub(super) fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        self.put(0, node);
        let mut height = 0;
        while self.size >> height & 1 == 1
            && let Some(left) = self.stack.pop()
        {
            node = node_hash(&left, &node);
            height += 1;
            if height % TILE_HEIGHT == 0 {
                self.put(height / TILE_HEIGHT, node);
            }
        }
        self.stack.push(node);
        self.size += 1;
    }

    fn put(&mut self, level: usize, hash: Hash) {
        if self.tiles.len() <= level {
            self.tiles.resize_with(level + 1, Vec::new);
        }
        if let Some(tile) = self.tiles.get_mut(level) {
            if tile.len() as u64 == TILE_WIDTH {
                tile.clear();
            }
            tile.push(hash);
        }
    }

    pub(super) fn root(&self) -> Hash {
        let mut subtrees = self.stack.iter().rev();
        let Some(last) = subtrees.next() else {
            return root_of_empty();
        };
        subtrees.fold(*last, |right, left| node_hash(left, &right))
    }
}
