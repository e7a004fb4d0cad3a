//! The disk as the product sees it.

use super::{Disk, Inode, Operation, State, apply};
use crate::files::{Append, Files};
use std::io;
use std::path::{Path, PathBuf};

struct Handle {
    disk: Disk,
    path: PathBuf,
    inode: usize,
    power: u64,
}

impl Handle {
    fn open(disk: &Disk, path: &Path, inode: usize, power: u64) -> Box<dyn Append> {
        Box::new(Self {
            disk: disk.clone(),
            path: path.to_owned(),
            inode,
            power,
        })
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
        let counted = state.count(Operation::Append, &self.path);
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
        let counted = state.count(Operation::Sync, &self.path);
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
        state.count(Operation::MakeDir, dir)?;
        state.dirs.insert(dir.to_owned());
        Ok(())
    }

    fn is_dir(&self, dir: &Path) -> bool {
        dir == Path::new("/") || self.state().dirs.contains(dir)
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state();
        state.count(Operation::Read, dir)?;
        let here = state.names.keys().chain(&state.dirs);
        let here = here.filter(|path| path.parent() == Some(dir));
        let names = here.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        Ok(names.collect())
    }

    fn read(&self, path: &Path, _: u64) -> io::Result<Vec<u8>> {
        let mut state = self.state();
        state.count(Operation::Read, path)?;
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
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn make(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let mut state = self.state();
        state.count(Operation::Make, path)?;
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.inodes.len();
        state.inodes.push(Inode::default());
        state.name(path, Some(inode));
        Ok(Handle::open(self, path, inode, state.power))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let mut state = self.state();
        let inode = state.inode(path)?;
        state.count(Operation::Open, path)?;
        Ok(Handle::open(self, path, inode, state.power))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.count(Operation::Rename, to)?;
        let inode = state.inode(from)?;
        // One change, so that a crash keeps all of it or nothing.
        apply(&mut state.names, from.to_owned(), None);
        state.name(to, Some(inode));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.inode(path)?;
        state.count(Operation::Remove, path)?;
        state.name(path, None);
        Ok(())
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.count(Operation::RemoveDir, dir)?;
        match state.names.keys().any(|path| path.parent() == Some(dir)) {
            true => Err(io::ErrorKind::DirectoryNotEmpty.into()),
            false if state.dirs.remove(dir) => Ok(()),
            false => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.count(Operation::SyncDir, dir)?;
        state.pending.clear();
        state.durable_names = state.names.clone();
        Ok(())
    }

    fn is_shared(&self, _: &Path) -> io::Result<bool> {
        Ok(false)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        let mut state = self.state();
        state.count(Operation::Lock, path)?;
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
