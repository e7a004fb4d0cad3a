//! The whole check of a log: lines, chain, tree, tiles, checkpoints, signatures, and what the
//! records say of shims.

use super::line::Line;
use super::shims::Shims;
use super::signed::Checkpoints;
use super::tiles::Tiles;
use super::tree::Tree;
use super::walk::{Place, Sink, walk_into};
use super::{Fault, Head, Pairs, Report, Segments, ShimReport, Signed};
use crate::model::json::Object;
use crate::tlog::{Hash, VerifierKey, leaf_hash};

/// What is held elsewhere of a log, and who is trusted to have signed it.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// A head that an earlier check printed.
    pub head: Option<Head>,
    /// An older checkpoint: what it is called in faults, and its text.
    pub checkpoint: Option<(String, Vec<u8>)>,
    /// Keys of logs: of a log's own ones one must be given, those before and after it are joined
    /// to it by `key_rotated` records. Without any, signatures show nothing but that the log is
    /// not at odds with itself.
    pub keys: Vec<VerifierKey>,
    /// Keys of witnesses, each of which must have cosigned a checkpoint.
    pub witnesses: Vec<VerifierKey>,
}

/// Who looks on while a log is checked.
pub trait Watch {
    /// A record that checks has passed, of so many bytes with its newline.
    fn passed(&mut self, bytes: u64);

    /// A record that checks and of which people should know: a repair, a change of the key.
    fn notable(&mut self, record: &Object);
}

/// What a log holds that checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Of the lines.
    pub report: Report,
    /// Of the checkpoints.
    pub signed: Signed,
    /// The root over all records, those without a signature too.
    pub root: Hash,
    /// How many tiles were compared.
    pub tiles: u64,
    /// Of the numbers of shims' events.
    pub shims: ShimReport,
}

/// Checks a log from anywhere, streaming, and adds its decisions and outcomes to `pairs`.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(
    segments: &dyn Segments,
    expected: &Expected,
    pairs: &mut Pairs,
    watch: &mut dyn Watch,
) -> Result<Checked, Fault> {
    let checkpoints = Checkpoints::read(segments, expected.checkpoint.as_ref())?;
    let mut checking = Checking {
        tree: Tree::default(),
        tiles: Tiles::new(segments, checkpoints.latest_size())?,
        checkpoints,
        shims: Shims::default(),
        pairs,
        watch,
    };
    let report = walk_into(segments, expected.head.as_ref(), &mut checking)?;
    let records = report.next_seq();
    let signed = checking.checkpoints.end(
        report.origin.as_deref(),
        (report.first_seq, records),
        &expected.keys,
        &expected.witnesses,
    )?;
    checking.tiles.end(&checking.tree)?;
    Ok(Checked {
        signed,
        root: checking.tree.root(),
        tiles: checking.tiles.compared,
        shims: checking.shims.end(),
        report,
    })
}

struct Checking<'a> {
    tree: Tree,
    tiles: Tiles<'a>,
    checkpoints: Checkpoints,
    shims: Shims,
    pairs: &'a mut Pairs,
    watch: &'a mut dyn Watch,
}

impl Checking<'_> {
    fn compare(&mut self) -> Result<(), Fault> {
        let tree = &self.tree;
        self.checkpoints.compare(tree.size(), || tree.root())
    }
}

impl Sink for Checking<'_> {
    fn start(&mut self, first_seq: u64) -> Result<(), Fault> {
        self.compare()?;
        let checkpoints = &mut self.checkpoints;
        let mut compare = |tree: &Tree| checkpoints.compare(tree.size(), || tree.root());
        self.tiles.replay(&mut self.tree, first_seq, &mut compare)
    }

    fn line(&mut self, place: &Place, line: &Line<'_>) -> Result<(), Fault> {
        if line.kind == "key_rotated" {
            let rotated = self.checkpoints.rotate(line, &self.tree.root());
            rotated.map_err(|wrong| place.fault(line.seq, wrong))?;
        }
        self.tree.push(leaf_hash(line.bytes));
        self.tiles.line(&self.tree, line.bytes)?;
        self.compare()?;
        self.shims.see(line);
        self.pairs.see(line);
        self.watch.passed(line.bytes.len() as u64 + 1);
        if matches!(line.kind.as_ref(), "log_repaired" | "key_rotated") {
            self.watch.notable(&line.object());
        }
        Ok(())
    }
}
