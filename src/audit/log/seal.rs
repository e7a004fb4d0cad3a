//! Seals a log: what its lines are is put into a tree, kept as tiles, and signed.
//!
//! The lines are the truth. A thread of its own follows those that are durable, so a checkpoint
//! never covers a line that a crash could take back, and no record waits for a signature. On
//! opening, the tree is made of the lines again: tiles that are missing or other are written anew,
//! and a log that is not the one that was signed is not opened.

mod error;
mod grown;
mod held;
mod keys;
mod latest;
mod rebuild;
#[cfg(test)]
mod tests;
mod tiles;

pub use error::SealError;
use grown::Grown;
pub use grown::survey;
pub use held::Held;
pub use keys::Signing;
pub use latest::{COSIGNED_KEPT_SECONDS, Latest, Sealed};
pub use rebuild::rebuild_tiles;
pub use tiles::TileDir;

use super::follow::{Follower, Stop};
use crate::audit::record::KeyRotated;
use crate::audit::verify::Head;
use crate::files::Files;
use crate::model::time::Timestamp;
use crate::tlog::{Checkpoint, NoteError, TILE_WIDTH, VerifierKey};
use keys::Keys;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tiles::TileWriter;
use tokio::sync::{Notify, watch};

/// A checkpoint follows so many leaves.
pub const CHECKPOINT_LEAVES_MAX: u64 = 1_000;
/// A checkpoint follows the first leaf that none covers within so many milliseconds.
pub const CHECKPOINT_MS_MAX: u64 = 1_000;
/// Most checkpoints in that time, however many leaves there are.
pub const CHECKPOINTS_PER_MS_MAX: u64 = 10;

/// Leaves whose tiles are in memory at once.
const STEP_LEAVES_MAX: u64 = 4 * TILE_WIDTH;

/// What makes tiles and checkpoints out of lines.
pub struct Sealer {
    origin: String,
    lines: Follower,
    grown: Grown,
    keys: Keys,
    tiles: TileWriter,
    latest: Arc<Latest>,
    found_unsigned: u64,
}

impl Sealer {
    /// Makes the tree of the log's records, holds it against what was signed, and brings tiles and
    /// checkpoint up to date. Where another key signed, that one hands over with the record that
    /// is given back, which must be the next one of the log.
    ///
    /// # Errors
    /// If the log is not the one that was signed, and nothing is changed then; or if the operating
    /// system refuses.
    pub fn open(
        dir: &Path,
        files: &Arc<dyn Files>,
        origin: &str,
        records: Range<u64>,
        signing: &Signing,
    ) -> Result<(Self, Option<(Timestamp, KeyRotated)>), SealError> {
        let mut keys =
            Keys::new(signing, origin).ok_or(NoteError::Form("its origin names no key"))?;
        let held = Held::read(dir, origin, files.as_ref())?;
        let tiles = TileDir::new(dir, Arc::clone(files));
        held.covers_pruned(records.start)?;
        let start = Grown::resume(records.start, &tiles, held.size())?;
        let tree = start.tree.clone();
        let tree = survey(dir, files, tree, records.end, &held, &mut |tree, line| {
            keys.see(tree, line);
        })?;
        keys.check_rotations(origin)?;
        if let Some((note, checkpoint)) = &held.latest {
            keys.check(note, checkpoint.size)?;
        }
        let rotation = keys.rotation(origin, &tree)?;
        let mut sealer = Self {
            origin: origin.to_owned(),
            lines: Follower::new(dir, Arc::clone(files), records.start),
            grown: start,
            keys,
            tiles: TileWriter::new(tiles),
            latest: Arc::new(Latest::new(dir, Arc::clone(files))),
            found_unsigned: records.end.saturating_sub(held.size()),
        };
        sealer.bring_up_to_date(records.end, held, rotation.is_some())?;
        sealer.keys.hand_over();
        Ok((sealer, rotation.map(|rotated| (signing.time, rotated))))
    }

    /// The latest checkpoint.
    pub fn latest(&self) -> Arc<Latest> {
        Arc::clone(&self.latest)
    }

    /// How many of its last records no checkpoint covered when it was opened.
    pub const fn found_unsigned(&self) -> u64 {
        self.found_unsigned
    }

    /// Whose signature the checkpoints carry.
    pub fn verifier(&self) -> &VerifierKey {
        self.keys.verifier()
    }

    fn bring_up_to_date(
        &mut self,
        records: u64,
        held: Held,
        hands_over: bool,
    ) -> Result<(), SealError> {
        let signed = held.size();
        if let Some((note, checkpoint)) = held.latest {
            let latest = Sealed { note, checkpoint };
            self.latest.found(latest);
        }
        self.grow(records, signed)?;
        let is_signed = self.latest.size() == Some(records);
        if is_signed && !hands_over {
            let outdated = self.tiles.edge(&self.grown.edge())?;
            return Ok(self.tiles.remove(&outdated)?);
        }
        match records {
            0 => Ok(()),
            _ => self.seal(hands_over),
        }
    }

    /// Takes in all lines before seq `end`. At the end of a file a checkpoint is made and kept,
    /// unless one that was signed before goes further.
    fn grow(&mut self, end: u64, signed: u64) -> Result<(), SealError> {
        loop {
            let (grown, keys) = (&mut self.grown, &mut self.keys);
            let step = end.min(grown.tree.size().saturating_add(STEP_LEAVES_MAX));
            let stop = self.lines.read(step, &mut |line| {
                keys.see(&grown.tree, line);
                grown.push(line);
            })?;
            for tile in std::mem::take(&mut self.grown.full) {
                self.tiles.full(&tile)?;
                self.grown.reuse(tile);
            }
            let size = self.grown.tree.size();
            match stop {
                Stop::Reached if step == end => return Ok(()),
                Stop::Reached => {}
                Stop::FileEnded if size > signed => self.seal(true)?,
                Stop::FileEnded if self.latest.size() == Some(size) => self.latest.keep()?,
                Stop::FileEnded => {}
            }
        }
    }

    /// Makes everything so far durable as tiles, and signs it.
    fn seal(&mut self, is_kept: bool) -> Result<(), SealError> {
        let outdated = self.tiles.edge(&self.grown.edge())?;
        let checkpoint = Checkpoint {
            origin: self.origin.clone(),
            size: self.grown.tree.size(),
            root: self.grown.tree.root(),
            extensions: Vec::new(),
        };
        let note = self.keys.sign(&checkpoint.to_string())?;
        self.latest.publish(Sealed { note, checkpoint })?;
        if is_kept {
            self.latest.keep()?;
        }
        Ok(self.tiles.remove(&outdated)?)
    }

    /// Follows the log until its writer is gone, and seals what it left.
    ///
    /// # Errors
    /// If lines cannot be read, or tiles or checkpoint not written: nothing more must be
    /// acknowledged then, for it would not be signed.
    pub async fn run(
        mut self,
        mut head: watch::Receiver<Option<Head>>,
        ended: &Notify,
        every: Cadence,
    ) -> Result<(), SealError> {
        loop {
            let size = self.grown.tree.size();
            let is_open = wait(&mut head, ended, size, every).await;
            let durable = size_of(&head);
            if durable > size {
                let end = match is_open {
                    true => every.end(size, durable),
                    false => durable,
                };
                self.grow(end, size)?;
                self.seal(false)?;
            }
            if !is_open && size_of(&head) == self.grown.tree.size() {
                return Ok(());
            }
        }
    }
}

impl Drop for Sealer {
    fn drop(&mut self) {
        self.latest.end();
    }
}

/// How often a checkpoint is made.
#[derive(Clone, Copy, Debug)]
pub struct Cadence {
    /// As [`CHECKPOINT_LEAVES_MAX`].
    pub leaves_max: u64,
    /// As [`CHECKPOINT_MS_MAX`]. No more than [`CHECKPOINTS_PER_MS_MAX`] are made in it.
    pub ms_max: u64,
}

impl Cadence {
    /// The shortest time from the first leaf to the checkpoint that covers it: a busy log's
    /// checkpoints cover more leaves each, since each costs files and syncs of its own.
    const fn gap(self) -> Duration {
        Duration::from_millis(self.ms_max / CHECKPOINTS_PER_MS_MAX)
    }

    /// How far a checkpoint after this one reaches. Of a busy log it ends with a tile that is full:
    /// no file has to be made for the leaves behind it, and to be removed again a moment later.
    const fn end(self, size: u64, durable: u64) -> u64 {
        let full = durable - durable % TILE_WIDTH;
        match durable - size >= self.leaves_max && full > size {
            true => full,
            false => durable,
        }
    }
}

/// Waits until there is enough to seal. False: the writer is gone.
async fn wait(
    head: &mut watch::Receiver<Option<Head>>,
    ended: &Notify,
    size: u64,
    every: Cadence,
) -> bool {
    let records = |head: &Option<Head>| head.as_ref().map_or(0, |head| head.seq + 1);
    if head.wait_for(|head| records(head) > size).await.is_err() {
        return false;
    }
    // Not woken by each batch.
    let _over = tokio::time::timeout(every.gap(), ended.notified()).await;
    let enough = head.wait_for(|head| records(head) >= size.saturating_add(every.leaves_max));
    let rest = Duration::from_millis(every.ms_max).saturating_sub(every.gap());
    match tokio::time::timeout(rest, enough).await {
        Ok(enough) => enough.is_ok(),
        Err(_) => true,
    }
}

fn size_of(head: &watch::Receiver<Option<Head>>) -> u64 {
    head.borrow().as_ref().map_or(0, |head| head.seq + 1)
}
