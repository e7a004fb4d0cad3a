//! Where tiles are, by c2sp.org/tlog-tiles: `tile/<level>/<index>[.p/<width>]`.

#[cfg(test)]
mod tests;

use super::decimal;
use std::fmt;
use std::str::FromStr;

/// Hashes of a full tile, or entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;
/// Highest level of a tile.
const LEVEL_MAX: u8 = 63;
/// Numbers of each part of a path.
const PATH_BASE: u64 = 1000;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes: of leaves at level 0, of full tiles of the level below above it.
    Hashes {
        /// The level, at most 63.
        level: u8,
    },
    /// The leaves themselves.
    Entries,
}

/// One tile. As text: its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TilePath {
    /// What it holds.
    pub kind: TileKind,
    /// Its number within the level.
    pub index: u64,
    /// How many hashes or entries it has, 1 to 256.
    pub width: u64,
}

impl TilePath {
    /// A full tile.
    #[must_use]
    pub const fn full(kind: TileKind, index: u64) -> Self {
        Self {
            kind,
            index,
            width: TILE_WIDTH,
        }
    }

    /// Whether it has all it can have.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }
}

/// The tiles at the right edge of a log of this size that are not full, level by level, the
/// entries first. A width of 0 has none.
#[must_use]
pub fn partial_tiles(size: u64) -> Vec<TilePath> {
    let mut tiles = Vec::new();
    let mut put = |kind, count: u64| {
        let width = count % TILE_WIDTH;
        let index = count / TILE_WIDTH;
        if width > 0 {
            tiles.push(TilePath { kind, index, width });
        }
    };
    put(TileKind::Entries, size);
    let (mut level, mut count) = (0, size);
    while count > 0 {
        put(TileKind::Hashes { level }, count);
        level += 1;
        count /= TILE_WIDTH;
    }
    tiles
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes { level } => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut parts = vec![self.index % PATH_BASE];
        let mut rest = self.index / PATH_BASE;
        while rest > 0 {
            parts.push(rest % PATH_BASE);
            rest /= PATH_BASE;
        }
        for (place, part) in parts.iter().enumerate().rev() {
            match place {
                0 => write!(f, "{part:03}")?,
                _ => write!(f, "x{part:03}/")?,
            }
        }
        match self.is_full() {
            true => Ok(()),
            false => write!(f, ".p/{}", self.width),
        }
    }
}

/// The text is no path of a tile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no path of a tile")]
pub struct TilePathError(String);

impl FromStr for TilePath {
    type Err = TilePathError;

    fn from_str(text: &str) -> Result<Self, TilePathError> {
        // What has another form than the one it is written in is another path.
        let tile = parse(text).filter(|tile| tile.to_string() == text);
        tile.ok_or_else(|| TilePathError(text.chars().take(256).collect()))
    }
}

fn parse(text: &str) -> Option<TilePath> {
    let (level, index) = text.strip_prefix("tile/")?.split_once('/')?;
    let kind = match level {
        "entries" => TileKind::Entries,
        _ => TileKind::Hashes {
            level: u8::try_from(decimal(level)?)
                .ok()
                .filter(|level| *level <= LEVEL_MAX)?,
        },
    };
    let (index, width) = match index.split_once(".p/") {
        Some((index, width)) => (
            index,
            decimal(width).filter(|w| (1..TILE_WIDTH).contains(w))?,
        ),
        None => (index, TILE_WIDTH),
    };
    let index = index.split('/').try_fold(0_u64, |number, part| {
        let digits = part.strip_prefix('x').unwrap_or(part);
        let part: u64 = digits.parse().ok().filter(|part| *part < PATH_BASE)?;
        number.checked_mul(PATH_BASE)?.checked_add(part)
    })?;
    Some(TilePath { kind, index, width })
}
