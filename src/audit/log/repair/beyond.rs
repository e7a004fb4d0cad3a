//! What was signed of a log beyond the place where it is cut: checkpoints are evidence, and are
//! moved aside; tiles are derived, and go.

use super::{NAME_DIGEST_DIGITS, Unsound};
use crate::audit::layout::{CHECKPOINT_NAME, KEPT_NAME, TILE_BYTES_MAX, TILES_NAME, kept_name};
use crate::audit::log::recover::Stored;
use crate::audit::log::seal::{Held, SealError, TileDir, survey};
use crate::audit::tree::Tree;
use crate::audit::tree::prove::Prover;
use crate::audit::verify::Report;
use crate::files::{Files, below, create_dir, put, replace};
use crate::model::hex::hex;
use crate::tlog::{
    Checkpoint, HASH_BYTES, NOTE_BYTES_MAX, TILE_WIDTH, TileKind, TilePath, entries, push_entry,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// From where on the lines of this log, which check, are not those that were signed; `None` if they
/// are, or nothing was signed.
pub fn unsound(
    dir: &Path,
    files: &Arc<dyn Files>,
    report: &Report,
) -> Result<Option<Unsound>, SealError> {
    let Some(origin) = &report.origin else {
        return Ok(None);
    };
    let held = Held::read(dir, origin, files.as_ref())?;
    let tiles = TileDir::new(dir, Arc::clone(files));
    let start = start(&tiles, &held, report.first_seq)?;
    let Err(why) = survey(dir, files, start, report.next_seq(), &held, &mut |_, _| ()) else {
        return Ok(None);
    };
    match why.first_unsound() {
        // If what was pruned is not what was signed, no cut helps.
        Some(seq) if seq > report.first_seq || !held.roots.contains_key(&seq) => {
            let why = Box::new(why);
            Ok(Some(Unsound::Signed { seq, why }))
        }
        _ => Err(why),
    }
}

/// The tree of what was pruned. A repair that did not end may have left tiles of a log that was
/// longer or shorter than the longest checkpoint says.
fn start(tiles: &TileDir, held: &Held, first_seq: u64) -> Result<Tree, SealError> {
    if first_seq == 0 {
        return Ok(Tree::default());
    }
    let sizes = held.roots.range(first_seq..).rev();
    let mut tried = sizes.map(|(size, _)| Prover::new(tiles, *size).tree_at(first_seq));
    let found = tried.find_map(Result::ok);
    found.ok_or_else(|| SealError::Pruned {
        size: first_seq,
        why: "no checkpoint and tiles make its tree".to_owned(),
    })
}

/// A checkpoint over more than what is kept.
struct Note {
    path: PathBuf,
    size: u64,
    content: Vec<u8>,
    /// Its name once it is moved aside. It does not tell where the log was cut, so that a repair
    /// that is done again uses the same.
    aside: String,
}

/// What was signed beyond a cut.
pub struct Beyond {
    /// In order of their sizes, the latest checkpoint last.
    notes: Vec<Note>,
    /// The longest checkpoint over no more than what is kept.
    sound: Option<(u64, Vec<u8>)>,
}

impl Beyond {
    /// Of a cut at this seq. Changes nothing.
    pub fn read(stored: &Stored<'_>, origin: &str, seq: u64) -> Result<Self, SealError> {
        let held = Held::read(stored.dir, origin, stored.files)?;
        let read = |path: &Path| {
            let bytes_max = NOTE_BYTES_MAX as u64;
            match stored.files.read(&stored.dir.join(path), bytes_max) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                other => other.map(Some),
            }
        };
        let mut beyond = Self {
            notes: Vec::new(),
            sound: None,
        };
        for size in held.roots.keys().copied() {
            let path = Path::new(KEPT_NAME).join(kept_name(size));
            match read(&path)? {
                Some(content) if size > seq => beyond.notes.push(Note::new(path, size, content)),
                Some(content) => beyond.sound = Some((size, content)),
                None => {}
            }
        }
        if let Some((_, Checkpoint { size, .. })) = held.latest {
            let path = PathBuf::from(CHECKPOINT_NAME);
            let content = read(&path)?.unwrap_or_default();
            match size > seq {
                true => beyond.notes.push(Note::new(path, size, content)),
                false => beyond.sound = Some((size, content)),
            }
        }
        Ok(beyond)
    }

    /// The file that the longest checkpoint is moved to.
    pub fn latest(&self) -> Option<String> {
        let longest = self.notes.iter().max_by_key(|note| note.size);
        Some(longest?.aside.clone())
    }

    /// Makes durable copies of the checkpoints.
    pub fn copy(&self, stored: &Stored<'_>) -> io::Result<()> {
        for note in &self.notes {
            put(stored.files, &stored.dir.join(&note.aside), &note.content)?;
        }
        stored.files.sync_dir(stored.dir)
    }

    /// Removes checkpoints, once they are copied, and tiles. The latest checkpoint is put back to
    /// the one before, so that it is known still which key signed. Of tiles with hashes of what was
    /// pruned below `first_seq` the beginning stays: nothing else has them.
    pub fn remove(&self, stored: &Stored<'_>, first_seq: u64) -> io::Result<()> {
        let kept: Vec<_> = self.notes.iter().filter(|note| !note.is_latest()).collect();
        for note in &kept {
            stored.files.remove(&stored.dir.join(&note.path))?;
        }
        if !kept.is_empty() {
            stored.files.sync_dir(&stored.dir.join(KEPT_NAME))?;
        }
        let (shared, own) = self.tiles(stored, first_seq)?;
        for tile in &shared {
            self.shorten(stored, *tile)?;
        }
        remove_tiles(stored, &own)?;
        if self.notes.iter().any(Note::is_latest) {
            self.put_latest_back(stored)?;
        }
        remove_tiles(stored, &shared)
    }

    fn put_latest_back(&self, stored: &Stored<'_>) -> io::Result<()> {
        let path = stored.dir.join(CHECKPOINT_NAME);
        match &self.sound {
            Some((_, content)) => replace(stored.files, &path, content),
            None => {
                stored.files.remove(&path)?;
                stored.files.sync_dir(stored.dir)
            }
        }
    }

    /// The tiles that reach beyond what is known to have been signed: those that begin with what
    /// was pruned, and the others. A repair that did not end may have left some that are of no
    /// checkpoint any more.
    fn tiles(
        &self,
        stored: &Stored<'_>,
        first_seq: u64,
    ) -> io::Result<(Vec<TilePath>, Vec<TilePath>)> {
        let names = below(stored.files, stored.dir, TILES_NAME)?;
        let tiles = names
            .iter()
            .filter_map(|name| name.parse::<TilePath>().ok());
        let sound = self.sound_size().max(first_seq);
        let beyond = tiles.filter(|tile| leaves(*tile).1 > sound);
        Ok(beyond.partition(|tile| leaves(*tile).0 < first_seq))
    }

    fn sound_size(&self) -> u64 {
        self.sound.as_ref().map_or(0, |(size, _)| *size)
    }

    /// Writes the tile as it was at the size of the checkpoint that is put back.
    fn shorten(&self, stored: &Stored<'_>, tile: TilePath) -> io::Result<()> {
        let width = self.sound_size().saturating_sub(leaves(tile).0) / leaves_each(tile);
        if width == 0 || width >= tile.width {
            return Ok(());
        }
        let path = stored.dir.join(tile.to_string());
        let content = stored.files.read(&path, TILE_BYTES_MAX)?;
        let short = TilePath { width, ..tile };
        let width = usize::try_from(width).unwrap_or(usize::MAX);
        let content = match tile.kind {
            TileKind::Entries => first_entries(&content, width)?,
            TileKind::Hashes { .. } => {
                let bytes = width.saturating_mul(HASH_BYTES);
                content.get(..bytes).unwrap_or(&content).to_vec()
            }
        };
        let path = stored.dir.join(short.to_string());
        if let Some(dir) = path.parent() {
            create_dir(stored.files, dir)?;
        }
        replace(stored.files, &path, &content)
    }
}

fn remove_tiles(stored: &Stored<'_>, tiles: &[TilePath]) -> io::Result<()> {
    let paths = tiles.iter().map(|tile| stored.dir.join(tile.to_string()));
    let mut unsynced = BTreeSet::new();
    for path in paths {
        stored.files.remove(&path)?;
        unsynced.extend(path.parent().map(Path::to_owned));
    }
    unsynced
        .iter()
        .try_for_each(|dir| stored.files.sync_dir(dir))
}

impl Note {
    fn new(path: PathBuf, size: u64, content: Vec<u8>) -> Self {
        let digest = hex(&Sha256::digest(&content));
        let start = digest.get(..NAME_DIGEST_DIGITS).unwrap_or_default();
        let aside = format!("cut-checkpoint-{}-{start}", kept_name(size));
        Self {
            path,
            size,
            content,
            aside,
        }
    }

    fn is_latest(&self) -> bool {
        self.path == Path::new(CHECKPOINT_NAME)
    }
}

fn first_entries(bundle: &[u8], count: usize) -> io::Result<Vec<u8>> {
    let all = entries(bundle);
    let all = all.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
    let mut first = Vec::new();
    for entry in all.iter().take(count) {
        let _fits = push_entry(&mut first, entry);
    }
    Ok(first)
}

/// The first leaf below a tile, and the one after the last.
fn leaves(tile: TilePath) -> (u64, u64) {
    let each = leaves_each(tile);
    let start = tile.index.saturating_mul(TILE_WIDTH).saturating_mul(each);
    (start, start.saturating_add(tile.width.saturating_mul(each)))
}

/// The leaves below one hash of a tile.
fn leaves_each(tile: TilePath) -> u64 {
    match tile.kind {
        TileKind::Entries => 1,
        TileKind::Hashes { level } => TILE_WIDTH.saturating_pow(u32::from(level)),
    }
}
