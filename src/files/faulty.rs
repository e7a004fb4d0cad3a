//! A disk that forgets, fails and writes short, for tests. It is stricter than real ones: what was
//! not synced may be lost or torn anywhere, and what a failed sync left behind never reaches the
//! disk, although it can still be read.

use super::{Append, Files};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// What goes wrong. Operations that change something are counted from 0.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plan {
    /// This operation fails; an append then leaves some of its bytes.
    pub fail_at: Option<u64>,
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
    fn count(&mut self) -> io::Result<()> {
        if self.is_dead {
            return Err(io::Error::other("power failed"));
        }
        let operation = self.operations;
        self.operations += 1;
        if self.plan.crash_at == Some(operation) {
            self.crash();
            self.is_dead = true;
            return Err(io::Error::other("power failed"));
        }
        if self.plan.fail_at == Some(operation) {
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

struct Handle {
    disk: Disk,
    inode: usize,
    power: u64,
}

impl Handle {
    fn open(disk: &Disk, inode: usize, power: u64) -> Box<dyn Append> {
        let disk = disk.clone();
        Box::new(Self { disk, inode, power })
    }

    fn check(&self, state: &State) -> io::Result<()> {
        match self.power == state.power {
            true => Ok(()),
            false => Err(io::Error::other("power failed")),
        }
    }
}

impl Append for Handle {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        self.check(&state)?;
        let counted = state.count();
        self.check(&state)?;
        let mut taken = bytes.len();
        if state.plan.short_writes {
            taken = 1 + state.random(taken);
        }
        let bytes_max = state.plan.bytes_max.unwrap_or(usize::MAX);
        let free = bytes_max.saturating_sub(state.used());
        taken = taken.min(free);
        if counted.is_err() {
            taken = state.random(taken + 1);
        }
        let content = &mut state.inodes[self.inode].content;
        content.extend_from_slice(&bytes[..taken]);
        match (counted, free) {
            (Err(error), _) => Err(error),
            (Ok(()), 0) => Err(io::ErrorKind::StorageFull.into()),
            (Ok(()), _) => Ok(taken),
        }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut state = self.disk.state();
        self.check(&state)?;
        let counted = state.count();
        self.check(&state)?;
        let inode = &mut state.inodes[self.inode];
        if counted.is_err() {
            inode.dropped.push(inode.on_disk.len()..inode.content.len());
            return counted;
        }
        inode.on_disk = inode.content.clone();
        for range in inode.dropped.clone() {
            inode.on_disk[range].fill(0);
        }
        Ok(())
    }
}

struct Lock {
    disk: Disk,
    path: PathBuf,
    power: u64,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.power == self.power {
            state.locks.remove(&self.path);
        }
    }
}

impl Files for Disk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.count()?;
        state.dirs.insert(dir.to_owned());
        Ok(())
    }

    fn is_dir(&self, dir: &Path) -> bool {
        dir == Path::new("/") || self.state().dirs.contains(dir)
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let here = state.names.keys().chain(&state.dirs);
        let here = here.filter(|path| path.parent() == Some(dir));
        let names = here.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        Ok(names.collect())
    }

    fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        let state = self.state();
        Ok(state.inodes[state.inode(path)?].content.clone())
    }

    fn read_from(&self, path: &Path, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        let content = self.read(path, u64::MAX)?;
        let rest = content.get(offset as usize..).unwrap_or_default();
        Ok(rest[..rest.len().min(bytes_max)].to_vec())
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        match self.read(path, u64::MAX) {
            Ok(content) => Ok(Some(content.len() as u64)),
            Err(_) => Ok(None),
        }
    }

    fn make(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let mut state = self.state();
        state.count()?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.name(path, Some(inode));
        Ok(Handle::open(self, inode, state.power))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let state = self.state();
        Ok(Handle::open(self, state.inode(path)?, state.power))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.count()?;
        let inode = state.inode(from)?;
        // One change, so that a crash keeps all of it or nothing.
        apply(&mut state.names, from.to_owned(), None);
        state.name(to, Some(inode));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.inode(path)?;
        state.count()?;
        state.name(path, None);
        Ok(())
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.count()?;
        match state.names.keys().any(|path| path.parent() == Some(dir)) {
            true => Err(io::ErrorKind::DirectoryNotEmpty.into()),
            false if state.dirs.remove(dir) => Ok(()),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.count()?;
        state.pending.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn is_shared(&self, _: &Path) -> io::Result<bool> {
        Ok(false)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        let mut state = self.state();
        if !state.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let lock = Lock {
            disk: self.clone(),
            path: path.to_owned(),
            power: state.power,
        };
        drop(state);
        Ok(Box::new(lock))
    }
}
