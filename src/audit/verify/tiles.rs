//! The tiles beside a log, compared with what its lines make of them: each that exists is right,
//! and those that the latest checkpoint needs exist.

use super::source::{Segments, read_small};
use super::tree::Tree;
use super::{Fault, PRUNED_NAME, Wrong};
use crate::audit::layout::TILES_NAME;
use crate::tlog::{
    ENTRY_BYTES_MAX, HASH_BYTES, Hash, TILE_WIDTH, TileKind, TilePath, partial_tiles, push_entry,
};
use std::cmp::Ordering;

/// Bytes of a full tile of hashes.
const TILE_BYTES: usize = HASH_BYTES * TILE_WIDTH as usize;
/// Directories below a level, at most: more than any index has.
const DEPTH_MAX: usize = 8;

/// The tiles of a log.
pub(super) struct Tiles<'a> {
    segments: &'a dyn Segments,
    /// The size of the latest checkpoint.
    needed: u64,
    /// Bundles that end before this seq may be missing.
    bundles_from: u64,
    bundle: Bundle,
    /// How many were compared.
    pub(super) compared: u64,
}

/// The last bundle of entries, as the lines make it.
#[derive(Default)]
struct Bundle {
    /// How many entries at its start are of lines that are not here.
    absent: usize,
    bytes: Vec<u8>,
    /// Where each entry that is here ends.
    ends: Vec<usize>,
}

impl<'a> Tiles<'a> {
    pub(super) fn new(segments: &'a dyn Segments, needed: u64) -> Result<Self, Fault> {
        let bundles_from = segments.bundles_from();
        Ok(Self {
            segments,
            needed,
            bundles_from: bundles_from.map_err(Fault::unreadable(PRUNED_NAME))?,
            bundle: Bundle::default(),
            compared: 0,
        })
    }

    /// Builds the tree over leaves whose lines are not here, from their hashes; `each` sees it
    /// grow.
    pub(super) fn replay(
        &mut self,
        tree: &mut Tree,
        size: u64,
        each: &mut dyn FnMut(&Tree) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if size > 0 && self.needed == 0 {
            let pruned = PRUNED_NAME.to_owned();
            return Err(Fault::in_file(pruned, size, Wrong::PrunedUnsigned));
        }
        while tree.size() < size {
            let index = tree.size() / TILE_WIDTH;
            let width = (size - tree.size()).min(TILE_WIDTH);
            for hash in self.leaves(index, width)? {
                tree.push(hash);
                each(tree)?;
            }
            self.full(tree, false)?;
        }
        self.bundle.absent = usize::try_from(size % TILE_WIDTH).unwrap_or_default();
        Ok(())
    }

    /// The first hashes of a tile of leaves: of the full one, or of the least partial one that has
    /// them.
    fn leaves(&self, index: u64, width: u64) -> Result<Vec<Hash>, Fault> {
        let kind = TileKind::Hashes { level: 0 };
        let full = TilePath::full(kind, index);
        let mut found = self.read(&full, TILE_BYTES)?;
        if found.is_none() {
            let widths = self.widths(&full)?;
            let width = widths.into_iter().filter(|other| *other >= width).min();
            if let Some(width) = width {
                found = self.read(&TilePath { width, ..full }, TILE_BYTES)?;
            }
        }
        let chunks = found
            .iter()
            .flat_map(|bytes| bytes.chunks_exact(HASH_BYTES));
        let hashes: Vec<_> = chunks.filter_map(Hash::from_slice).collect();
        let wanted = usize::try_from(width).unwrap_or(usize::MAX);
        let size = self.needed;
        match hashes.get(..wanted) {
            Some(hashes) => Ok(hashes.to_vec()),
            None => Err(fault(&full, 0, Wrong::TileMissing { size })),
        }
    }

    /// A line was put into the tree.
    pub(super) fn line(&mut self, tree: &Tree, line: &[u8]) -> Result<(), Fault> {
        // A line is shorter than an entry may be.
        let _fits = push_entry(&mut self.bundle.bytes, line);
        self.bundle.ends.push(self.bundle.bytes.len());
        self.full(tree, true)
    }

    /// Compares the tiles that have just become full.
    fn full(&mut self, tree: &Tree, has_lines: bool) -> Result<(), Fault> {
        if !tree.size().is_multiple_of(TILE_WIDTH) || tree.size() == 0 {
            return Ok(());
        }
        if has_lines {
            self.entries(tree.size() / TILE_WIDTH - 1)?;
            self.bundle = Bundle {
                bytes: std::mem::take(&mut self.bundle.bytes),
                ..Bundle::default()
            };
            self.bundle.bytes.clear();
        }
        let mut count = tree.size();
        for (level, hashes) in tree.tiles().iter().enumerate() {
            if !count.is_multiple_of(TILE_WIDTH) {
                break;
            }
            count /= TILE_WIDTH;
            self.hashes(level, count - 1, hashes)?;
        }
        Ok(())
    }

    /// Compares what is not full at the end of the log, and looks for what should not be there or
    /// should.
    pub(super) fn end(&mut self, tree: &Tree) -> Result<(), Fault> {
        let size = tree.size();
        self.beyond(TILES_NAME, size, 0)?;
        let mut count = size;
        for (level, hashes) in tree.tiles().iter().enumerate() {
            if !count.is_multiple_of(TILE_WIDTH) {
                self.hashes(level, count / TILE_WIDTH, hashes)?;
            }
            count /= TILE_WIDTH;
        }
        if !self.bundle.ends.is_empty() {
            self.entries(size / TILE_WIDTH)?;
        }
        for tile in partial_tiles(self.needed) {
            let is_of_absent =
                tile.kind == TileKind::Entries && self.bundle.absent as u64 >= tile.width;
            let full = TilePath::full(tile.kind, tile.index);
            if !is_of_absent && !self.exists(&tile)? && !self.exists(&full)? {
                let size = self.needed;
                return Err(fault(&tile, 0, Wrong::TileMissing { size }));
            }
        }
        Ok(())
    }

    fn hashes(&mut self, level: usize, index: u64, hashes: &[Hash]) -> Result<(), Fault> {
        let level = u8::try_from(level).unwrap_or(u8::MAX);
        let full = TilePath::full(TileKind::Hashes { level }, index);
        let expected: Vec<u8> = hashes.iter().flat_map(|hash| hash.0).collect();
        for tile in self.existing(&full, hashes.len() as u64)? {
            let width = usize::try_from(tile.width).unwrap_or_default() * HASH_BYTES;
            let expected = expected.get(..width).unwrap_or_default();
            let found = self.read(&tile, expected.len())?.unwrap_or_default();
            self.compared += 1;
            if let Some(at) = first_difference(&found, expected) {
                return Err(fault(&tile, (at / HASH_BYTES) as u64, Wrong::Tile));
            }
        }
        Ok(())
    }

    fn entries(&mut self, index: u64) -> Result<(), Fault> {
        let full = TilePath::full(TileKind::Entries, index);
        let absent = self.bundle.absent;
        let here = self.bundle.ends.len();
        for tile in self.existing(&full, (absent + here) as u64)? {
            let width = usize::try_from(tile.width).unwrap_or_default();
            let Some(last) = width.checked_sub(absent + 1) else {
                continue;
            };
            let ends = self.bundle.ends.get(..=last).unwrap_or_default();
            let expected = ends.last().and_then(|end| self.bundle.bytes.get(..*end));
            let expected = expected.unwrap_or_default();
            let before = absent * (ENTRY_BYTES_MAX + 2);
            let found = self
                .read(&tile, expected.len() + before)?
                .unwrap_or_default();
            let found = without(&found, absent);
            self.compared += 1;
            if let Some(at) = first_difference(found, expected) {
                let entry = absent + ends.partition_point(|end| *end <= at);
                return Err(fault(
                    &tile,
                    (entry as u64).min(tile.width - 1),
                    Wrong::Tile,
                ));
            }
        }
        Ok(())
    }

    /// The tiles of one index that exist and have no more than so much. The full one has to exist
    /// if the latest checkpoint is over it; not that of entries of which lines are not here.
    fn existing(&self, full: &TilePath, width_max: u64) -> Result<Vec<TilePath>, Fault> {
        let of_width = |width| TilePath { width, ..*full };
        let widths = self.widths(full)?.into_iter();
        let mut tiles: Vec<_> = widths
            .filter(|width| *width <= width_max)
            .map(of_width)
            .collect();
        if width_max < TILE_WIDTH {
            return Ok(tiles);
        }
        if self.exists(full)? {
            tiles.push(*full);
            return Ok(tiles);
        }
        let past = past(full);
        let is_archived = past.is_some_and(|past| past <= self.bundles_from);
        let may_be_gone = is_archived || self.bundle.absent > 0;
        let size = self.needed;
        let is_needed = past.is_some_and(|past| past <= size);
        match is_needed && !(full.kind == TileKind::Entries && may_be_gone) {
            true => Err(fault(full, 0, Wrong::TileMissing { size })),
            false => Ok(tiles),
        }
    }

    fn exists(&self, tile: &TilePath) -> Result<bool, Fault> {
        Ok(self.read(tile, 0)?.is_some())
    }

    fn read(&self, tile: &TilePath, bytes_max: usize) -> Result<Option<Vec<u8>>, Fault> {
        let name = tile.to_string();
        read_small(self.segments, &name, bytes_max).map_err(Fault::unreadable(&name))
    }

    /// The widths of partial tiles, in order.
    fn widths(&self, full: &TilePath) -> Result<Vec<u64>, Fault> {
        let dir = format!("{full}.p");
        let names = self.segments.list(&dir).map_err(Fault::unreadable(&dir))?;
        let tiles = names
            .iter()
            .filter_map(|name| format!("{dir}/{name}").parse().ok());
        let mut widths: Vec<_> = tiles.map(|tile: TilePath| tile.width).collect();
        widths.sort_unstable();
        Ok(widths)
    }

    /// Looks through a directory for tiles over more leaves than there are.
    fn beyond(&self, dir: &str, size: u64, depth: usize) -> Result<(), Fault> {
        let mut names = self.segments.list(dir).map_err(Fault::unreadable(dir))?;
        names.sort_unstable();
        for name in names {
            let path = format!("{dir}/{name}");
            let is_dir = depth == 0 || name.starts_with('x') || name.ends_with(".p");
            match path.parse::<TilePath>() {
                Ok(tile) if past(&tile).is_none_or(|past| past > size) => {
                    return Err(fault(&tile, 0, Wrong::TileBeyond));
                }
                Err(_) if is_dir && depth < DEPTH_MAX => self.beyond(&path, size, depth + 1)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// How many leaves the log has at least that has this tile; `None` is more than there can be.
fn past(tile: &TilePath) -> Option<u64> {
    let count = tile
        .index
        .checked_mul(TILE_WIDTH)?
        .checked_add(tile.width)?;
    count.checked_mul(per_place(tile)?)
}

/// How many leaves one place of a tile is over.
fn per_place(tile: &TilePath) -> Option<u64> {
    match tile.kind {
        TileKind::Entries => Some(1),
        TileKind::Hashes { level } => TILE_WIDTH.checked_pow(level.into()),
    }
}

/// A fault at one place of a tile.
fn fault(tile: &TilePath, place: u64, what: Wrong) -> Fault {
    let place = tile.index.saturating_mul(TILE_WIDTH).saturating_add(place);
    let seq = place.saturating_mul(per_place(tile).unwrap_or(u64::MAX));
    Fault::in_file(tile.to_string(), seq, what)
}

/// A bundle without its first entries.
fn without(bundle: &[u8], entries: usize) -> &[u8] {
    let mut rest = bundle;
    for _ in 0..entries {
        let length = rest.split_first_chunk::<2>();
        let after =
            length.and_then(|(length, rest)| rest.get(usize::from(u16::from_be_bytes(*length))..));
        rest = after.unwrap_or_default();
    }
    rest
}

/// Where two texts differ first.
fn first_difference(a: &[u8], b: &[u8]) -> Option<usize> {
    if a == b {
        return None;
    }
    let at = a
        .iter()
        .zip(b)
        .take_while(|(a, b)| a.cmp(b) == Ordering::Equal);
    Some(at.count())
}
