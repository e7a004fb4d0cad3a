//! The operating system's files, and how often a file of the log was synced.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use toolgate::files::{Append, Files, OsFiles};

/// Counts syncs of files of lines; tiles and checkpoints have their own.
#[derive(Clone, Default)]
pub struct Counting {
    pub syncs: Arc<AtomicU64>,
}

struct Counted(Box<dyn Append>, Option<Arc<AtomicU64>>);

impl Append for Counted {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        if let Some(syncs) = &self.1 {
            syncs.fetch_add(1, Ordering::Relaxed);
        }
        self.0.sync()
    }
}

impl Counting {
    fn counted(&self, path: &Path, file: Box<dyn Append>) -> Box<dyn Append> {
        let is_lines = path.extension().is_some_and(|end| end == "jsonl");
        Box::new(Counted(file, is_lines.then(|| Arc::clone(&self.syncs))))
    }
}

impl Files for Counting {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        OsFiles.make_dir(dir)
    }

    fn is_dir(&self, dir: &Path) -> bool {
        OsFiles.is_dir(dir)
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        OsFiles.names(dir)
    }

    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        OsFiles.read(path, bytes_max)
    }

    fn read_from(&self, path: &Path, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        OsFiles.read_from(path, offset, bytes_max)
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        OsFiles.length(path)
    }

    fn make(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        Ok(self.counted(path, OsFiles.make(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        Ok(self.counted(path, OsFiles.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        OsFiles.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        OsFiles.remove(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        OsFiles.remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        OsFiles.sync_dir(dir)
    }

    fn is_shared(&self, path: &Path) -> io::Result<bool> {
        OsFiles.is_shared(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        OsFiles.lock(path)
    }
}
