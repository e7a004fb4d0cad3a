//! Proofs of RFC 6962 section 2.1 out of tiles.

use super::{Tree, root_of};
use crate::tlog::{HASH_BYTES, Hash, TILE_WIDTH, TileKind, TilePath, node_hash, root_of_empty};
use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

/// Levels of the tree within a tile.
const TILE_HEIGHT: u32 = TILE_WIDTH.ilog2();

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// There is no such leaf, or no such log.
    #[error("there is no leaf {wanted} in a log of {size}")]
    Range {
        /// The leaf, or the older size.
        wanted: u64,
        /// The size.
        size: u64,
    },
    /// A tile cannot be read, or has not what it should have.
    #[error("tile `{path}`: {source}")]
    Tile {
        /// The tile.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// Where tiles are read.
pub trait Tiles {
    /// The content of a tile.
    ///
    /// # Errors
    /// `NotFound` where there is none; else as the operating system says.
    fn read(&self, path: TilePath) -> io::Result<Vec<u8>>;
}

/// The tree of a log of `size` leaves, as its tiles tell.
pub struct Prover<'a> {
    tiles: &'a dyn Tiles,
    /// The size of which the tiles at the right edge are.
    size: u64,
    read: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl<'a> Prover<'a> {
    /// With the tiles of a log that had so many leaves when the last of them were written.
    #[must_use]
    pub fn new(tiles: &'a dyn Tiles, size: u64) -> Self {
        Self {
            tiles,
            size,
            read: BTreeMap::new(),
        }
    }

    /// The hashes from leaf `index`'s sibling up to a child of the root of the log's first `size`
    /// leaves.
    ///
    /// # Errors
    /// If there is no such leaf, or a tile cannot be read.
    pub fn inclusion(&mut self, index: u64, size: u64) -> Result<Vec<Hash>, ProveError> {
        self.check(size, self.size)?;
        if index >= size {
            let wanted = index;
            return Err(ProveError::Range { wanted, size });
        }
        let mut proof = Vec::new();
        let (mut start, mut end) = (0, size);
        while end - start > 1 {
            let middle = start + split(end - start);
            let sibling = match index < middle {
                true => middle..std::mem::replace(&mut end, middle),
                false => std::mem::replace(&mut start, middle)..middle,
            };
            proof.push(self.root(sibling)?);
        }
        proof.reverse();
        Ok(proof)
    }

    /// The hashes that show that the log's first `new_size` leaves begin with its first
    /// `old_size`.
    ///
    /// # Errors
    /// If the sizes do not go together, or a tile cannot be read.
    pub fn consistency(&mut self, old_size: u64, new_size: u64) -> Result<Vec<Hash>, ProveError> {
        self.check(new_size, self.size)?;
        self.check(old_size, new_size)?;
        let mut proof = Vec::new();
        if old_size == 0 || old_size == new_size {
            return Ok(proof);
        }
        let (mut start, mut end) = (0, new_size);
        while old_size < end {
            let middle = start + split(end - start);
            let other = match old_size <= middle {
                true => middle..std::mem::replace(&mut end, middle),
                false => std::mem::replace(&mut start, middle)..middle,
            };
            proof.push(self.root(other)?);
        }
        // The older root itself is known to who checks.
        if start > 0 {
            proof.push(self.root(start..end)?);
        }
        proof.reverse();
        Ok(proof)
    }

    /// The root over the log's first `size` leaves.
    ///
    /// # Errors
    /// If a tile cannot be read.
    pub fn root_at(&mut self, size: u64) -> Result<Hash, ProveError> {
        self.check(size, self.size)?;
        match size {
            0 => Ok(root_of_empty()),
            _ => self.root(0..size),
        }
    }

    /// The tree of the log's first `size` leaves, to grow on from.
    ///
    /// # Errors
    /// If a tile cannot be read.
    pub fn tree_at(&mut self, size: u64) -> Result<Tree, ProveError> {
        self.check(size, self.size)?;
        let mut tree = Tree {
            size,
            edge: Vec::new(),
        };
        let mut count = size;
        for level in 0_u8.. {
            if count == 0 {
                break;
            }
            let width = usize::try_from(count % TILE_WIDTH).unwrap_or(usize::MAX);
            let hashes = match width {
                0 => Vec::new(),
                _ => {
                    let (path, hashes) = self.tile(level, count / TILE_WIDTH)?;
                    hashes.get(..width).ok_or_else(|| too_short(path))?.to_vec()
                }
            };
            tree.edge.push(hashes);
            count /= TILE_WIDTH;
        }
        Ok(tree)
    }

    fn check(&self, wanted: u64, size: u64) -> Result<(), ProveError> {
        match wanted <= size {
            true => Ok(()),
            false => Err(ProveError::Range { wanted, size }),
        }
    }

    /// The root over these leaves, as they stand in the tree: at least one, and a whole subtree or
    /// the right end of one.
    fn root(&mut self, leaves: Range<u64>) -> Result<Hash, ProveError> {
        let count = leaves.end - leaves.start;
        if count.is_power_of_two() {
            return self.subtree(leaves.start, count.ilog2());
        }
        let middle = leaves.start + split(count);
        let left = self.subtree(leaves.start, split(count).ilog2())?;
        let right = self.root(middle..leaves.end)?;
        Ok(node_hash(&left, &right))
    }

    /// The root over `2^height` leaves from `start`, a multiple of that.
    fn subtree(&mut self, start: u64, height: u32) -> Result<Hash, ProveError> {
        let level = u8::try_from(height / TILE_HEIGHT).unwrap_or(u8::MAX);
        let count = 1_u64 << (height % TILE_HEIGHT);
        let first = start >> (u32::from(level) * TILE_HEIGHT);
        let place = usize::try_from(first % TILE_WIDTH).unwrap_or(usize::MAX);
        let end = place.saturating_add(usize::try_from(count).unwrap_or(usize::MAX));
        let (path, hashes) = self.tile(level, first / TILE_WIDTH)?;
        let hashes = hashes.get(place..end).ok_or_else(|| too_short(path))?;
        Ok(root_of(hashes.to_vec()))
    }

    fn tile(&mut self, level: u8, index: u64) -> Result<(TilePath, &[Hash]), ProveError> {
        let shift = u32::from(level) * TILE_HEIGHT;
        let known = self.size.checked_shr(shift).unwrap_or(0);
        let path = TilePath {
            kind: TileKind::Hashes { level },
            index,
            width: known.saturating_sub(index * TILE_WIDTH).min(TILE_WIDTH),
        };
        let hashes = match self.read.entry((level, index)) {
            std::collections::btree_map::Entry::Occupied(read) => read.into_mut(),
            std::collections::btree_map::Entry::Vacant(unread) => {
                unread.insert(read(self.tiles, path)?)
            }
        };
        Ok((path, hashes))
    }
}

fn too_short(path: TilePath) -> ProveError {
    ProveError::Tile {
        path: path.to_string(),
        source: io::ErrorKind::UnexpectedEof.into(),
    }
}

/// The largest power of two that is less than `leaves`, which are at least two.
const fn split(leaves: u64) -> u64 {
    1 << (leaves - 1).ilog2()
}

/// A tile's hashes. One that is not full any more has become a full one.
fn read(tiles: &dyn Tiles, path: TilePath) -> Result<Vec<Hash>, ProveError> {
    let full = TilePath::full(path.kind, path.index);
    let content = match tiles.read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => tiles.read(full),
        other => other,
    };
    let content = content.map_err(|source| ProveError::Tile {
        path: path.to_string(),
        source,
    })?;
    let hashes = content.chunks(HASH_BYTES).map(Hash::from_slice);
    hashes
        .collect::<Option<_>>()
        .ok_or_else(|| ProveError::Tile {
            path: path.to_string(),
            source: io::ErrorKind::InvalidData.into(),
        })
}
