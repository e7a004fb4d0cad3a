//! A disk that forgets, fails and writes short, for tests. It is stricter than real ones: what was
//! not synced may be lost or torn anywhere, and what a failed sync left behind never reaches the
//! disk, although it can still be read.

mod layer;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// What can be asked of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Append,
    Lock,
    Make,
    MakeDir,
    Open,
    Read,
    Remove,
    RemoveDir,
    Rename,
    Sync,
    SyncDir,
}

/// What goes wrong. Operations are counted from 0, and those that only read only if `counts_reads`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// This operation fails; an append then leaves some of its bytes.
    pub fail_at: Option<u64>,
    /// Operations that only read are counted and fail, too.
    pub counts_reads: bool,
    /// At this operation the power fails.
    pub crash_at: Option<u64>,
    /// Appends take only some of the bytes.
    pub short_writes: bool,
    /// The disk holds no more bytes than this.
    pub bytes_max: Option<usize>,
    /// Decides what a crash keeps.
    pub seed: u64,
}

/// The disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    plan: Plan,
    random: u64,
    operations: u64,
    /// What the plan made fail.
    failed: Option<(Operation, PathBuf)>,
    /// Counts crashes: what was opened before one is dead.
    power: u64,
    /// After a crash of the plan nothing works until another plan is set: whoever runs on is of a
    /// process that is gone.
    is_dead: bool,
    inodes: Vec<Inode>,
    dirs: BTreeSet<PathBuf>,
    names: BTreeMap<PathBuf, usize>,
    /// Changes of names that are not durable, in order.
    pending: Vec<(PathBuf, Option<usize>)>,
    durable_names: BTreeMap<PathBuf, usize>,
    locks: BTreeSet<PathBuf>,
}

#[derive(Default)]
struct Inode {
    content: Vec<u8>,
    on_disk: Vec<u8>,
    /// Parts that a failed sync dropped from what is to be written.
    dropped: Vec<Range<usize>>,
}

impl Disk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on this goes wrong, counted from now.
    pub fn set(&self, plan: Plan) {
        let mut state = self.state();
        state.random = plan.seed;
        state.plan = plan;
        state.is_dead = false;
        state.operations = 0;
        state.failed = None;
    }

    /// What the plan made fail since it was set.
    pub fn failed(&self) -> Option<(Operation, PathBuf)> {
        self.state().failed.clone()
    }

    /// Operations since the plan was set.
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Another disk with what this one holds, all of it durable.
    pub fn copy(&self) -> Self {
        let state = self.state();
        let of = |inode: &usize| state.inodes[*inode].content.clone();
        let copy = Self::new();
        let mut other = copy.state();
        for (number, (path, inode)) in state.names.iter().enumerate() {
            let content = of(inode);
            let on_disk = content.clone();
            let dropped = Vec::new();
            other.inodes.push(Inode {
                content,
                on_disk,
                dropped,
            });
            other.names.insert(path.clone(), number);
        }
        other.durable_names = other.names.clone();
        other.dirs = state.dirs.clone();
        drop(other);
        copy
    }

    /// Every file, with its content.
    pub fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let state = self.state();
        let files = state.names.iter();
        files
            .map(|(path, inode)| (path.clone(), state.inodes[*inode].content.clone()))
            .collect()
    }

    /// Bytes that all files take.
    pub fn used(&self) -> usize {
        self.state().used()
    }

    /// The power fails now.
    pub fn crash(&self) {
        self.state().crash();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    /// Splitmix64, below `end`.
    fn random(&mut self, end: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as usize % end.max(1)
    }

    /// Counts an operation; an error if it is to fail.
    fn count(&mut self, operation: Operation, path: &Path) -> io::Result<()> {
        if operation == Operation::Read && !self.plan.counts_reads {
            return Ok(());
        }
        if self.is_dead {
            return Err(io::Error::other("power failed"));
        }
        let number = self.operations;
        self.operations += 1;
        if self.plan.crash_at == Some(number) {
            self.crash();
            self.is_dead = true;
            return Err(io::Error::other("power failed"));
        }
        if self.plan.fail_at == Some(number) {
            self.failed = Some((operation, path.to_owned()));
            return Err(io::Error::other("injected failure"));
        }
        Ok(())
    }

    fn crash(&mut self) {
        self.power += 1;
        self.locks.clear();
        for inode in 0..self.inodes.len() {
            let (synced, length) = {
                let inode = &self.inodes[inode];
                (inode.on_disk.len(), inode.content.len())
            };
            let kept = synced + self.random(length - synced + 1);
            let zeros = self.random(2) * self.random(64);
            self.inodes[inode].settle(kept);
            let content = &mut self.inodes[inode].content;
            content.resize(length.min(kept + zeros), 0);
            self.inodes[inode].on_disk = self.inodes[inode].content.clone();
        }
        let kept = self.random(self.pending.len() + 1);
        for (path, inode) in self.pending.drain(..).take(kept).collect::<Vec<_>>() {
            apply(&mut self.durable_names, path, inode);
        }
        self.names = self.durable_names.clone();
    }

    fn name(&mut self, path: &Path, inode: Option<usize>) {
        apply(&mut self.names, path.to_owned(), inode);
        self.pending.push((path.to_owned(), inode));
    }

    fn inode(&self, path: &Path) -> io::Result<usize> {
        let inode = self.names.get(path).copied();
        inode.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn used(&self) -> usize {
        let used: BTreeSet<_> = self.names.values().collect();
        used.into_iter()
            .map(|inode| self.inodes[*inode].content.len())
            .sum()
    }
}

impl Inode {
    /// What the disk has of the first `length` bytes.
    fn settle(&mut self, length: usize) {
        self.content.truncate(length);
        for range in self.dropped.drain(..) {
            for at in range.filter(|at| *at < length) {
                self.content[at] = 0;
            }
        }
    }
}

fn apply(names: &mut BTreeMap<PathBuf, usize>, path: PathBuf, inode: Option<usize>) {
    match inode {
        Some(inode) => names.insert(path, inode),
        None => names.remove(&path),
    };
}
