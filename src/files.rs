//! All care for opening, appending, syncing, renaming and directories, in one place.
//!
//! Rules kept here: a file's bytes are durable once `sync` returned without an error; its name is
//! durable once its directory was synced; a sync that failed says nothing about what is on disk,
//! and repeating it proves nothing (the kernel may have dropped the dirty pages), so nobody
//! repeats one.

#[cfg(test)]
pub(crate) mod faulty;
#[cfg(test)]
mod tests;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Readable by the owner alone: the log names people, the key file protects hashes.
const MODE_PRIVATE: u32 = 0o600;
/// As `MODE_PRIVATE`, of a directory.
const MODE_PRIVATE_DIR: u32 = 0o700;
/// The permission bits that let the group or others in.
const MODE_SHARED_BITS: u32 = 0o077;
/// Directories in one another: a path of a tile has fewer.
const DEPTH_MAX: usize = 12;
/// What a file is called until it is complete.
const UNFINISHED_SUFFIX: &str = "tmp";

/// The file operations that a log or a spool needs, as the operating system has them: nothing here is
/// durable by itself but what `sync` and `sync_dir` say. Tests put a faulty disk beneath.
pub trait Files: Send + Sync + 'static {
    /// Makes one directory.
    ///
    /// # Errors
    /// `AlreadyExists` if there is one; else as the operating system says.
    fn make_dir(&self, dir: &Path) -> io::Result<()>;

    /// Whether there is a directory of this name.
    fn is_dir(&self, dir: &Path) -> bool;

    /// The names in a directory, in no order.
    ///
    /// # Errors
    /// As the operating system says.
    fn names(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// A whole file.
    ///
    /// # Errors
    /// As the operating system says; a file over `bytes_max` is `FileTooLarge`.
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>>;

    /// Some bytes of a file from an offset on: fewer than `bytes_max` only at its end.
    ///
    /// # Errors
    /// As the operating system says.
    fn read_from(&self, path: &Path, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>>;

    /// The length of a file, in bytes; `None` where there is none.
    ///
    /// # Errors
    /// As the operating system says.
    fn length(&self, path: &Path) -> io::Result<Option<u64>>;

    /// Makes a new, empty file for its owner alone, and opens it to append.
    ///
    /// # Errors
    /// `AlreadyExists` if there is one; else as the operating system says.
    fn make(&self, path: &Path) -> io::Result<Box<dyn Append>>;

    /// Opens a file that exists, to append.
    ///
    /// # Errors
    /// As the operating system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Append>>;

    /// Gives a file another name, in place of what has that name.
    ///
    /// # Errors
    /// As the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound` if there is none; else as the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory that is empty.
    ///
    /// # Errors
    /// As the operating system says.
    fn remove_dir(&self, dir: &Path) -> io::Result<()>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// As the operating system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Whether the group or others may read, write or run the file.
    ///
    /// # Errors
    /// As the operating system says.
    fn is_shared(&self, path: &Path) -> io::Result<bool>;

    /// Takes the lock that a file stands for, until the value is dropped or the process ends.
    ///
    /// # Errors
    /// `WouldBlock` if somebody has it; else as the operating system says.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>>;
}

/// A file open for appending.
pub trait Append: Send {
    /// Appends some of the bytes, and says how many: fewer than all are no error.
    ///
    /// # Errors
    /// As the operating system says; nobody knows then how many bytes were written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// As the operating system says. What is on disk is then unknown for good.
    fn sync(&mut self) -> io::Result<()>;
}

/// Makes a directory and its parents, durably. One that is there is left as it is.
///
/// # Errors
/// As the operating system says.
pub fn create_dir(files: &dyn Files, dir: &Path) -> io::Result<()> {
    if files.is_dir(dir) {
        return Ok(());
    }
    if let Some(parent) = named_parent(dir) {
        create_dir(files, parent)?;
    }
    match files.make_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => sync_parent(files, dir),
    }
}

/// Makes a new, empty file whose name is durable, and opens it to append.
///
/// # Errors
/// `AlreadyExists` if there is one; else as the operating system says.
pub fn create(files: &dyn Files, path: &Path) -> io::Result<Box<dyn Append>> {
    let file = files.make(path)?;
    sync_parent(files, path)?;
    Ok(file)
}

/// Puts a file with this content in place, durably: afterwards either the old content is there or
/// the new one, whatever happens in between.
///
/// # Errors
/// As the operating system says.
pub fn replace(files: &dyn Files, path: &Path, content: &[u8]) -> io::Result<()> {
    put(files, path, content)?;
    sync_parent(files, path)
}

/// As `replace`, but for the name, which is durable once the directory is synced: for many files
/// of one directory.
///
/// # Errors
/// As the operating system says.
pub fn put(files: &dyn Files, path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_added_extension(UNFINISHED_SUFFIX);
    match files.remove(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = files.make(&unfinished)?;
    append_all(file.as_mut(), content)?;
    file.sync()?;
    files.rename(&unfinished, path)
}

/// The files below a directory `name` of `dir`, by their names from there, in order; none where
/// there is no such directory. What is deeper than any tile is passed over.
///
/// # Errors
/// As the operating system says.
pub fn below(files: &dyn Files, dir: &Path, name: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    below_at(files, dir, name, DEPTH_MAX, &mut found)?;
    found.sort();
    Ok(found)
}

fn below_at(
    files: &dyn Files,
    dir: &Path,
    name: &str,
    depth: usize,
    found: &mut Vec<String>,
) -> io::Result<()> {
    let here = dir.join(name);
    if depth == 0 || !files.is_dir(&here) {
        return Ok(());
    }
    for entry in files.names(&here)? {
        let entry = format!("{name}/{entry}");
        match files.is_dir(&dir.join(&entry)) {
            true => below_at(files, dir, &entry, depth - 1, found)?,
            false => found.push(entry),
        }
    }
    Ok(())
}

/// Appends all the bytes.
///
/// # Errors
/// As `Append::append`; a file that takes no more bytes is `WriteZero`.
pub fn append_all(file: &mut dyn Append, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = match file.append(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

fn named_parent(path: &Path) -> Option<&Path> {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
}

fn sync_parent(files: &dyn Files, path: &Path) -> io::Result<()> {
    files.sync_dir(named_parent(path).unwrap_or(Path::new(".")))
}

/// The operating system's files.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsFiles;

impl Files for OsFiles {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(MODE_PRIVATE_DIR).create(dir)
    }

    fn is_dir(&self, dir: &Path) -> bool {
        dir.is_dir()
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.file_name()));
        names
            .map(|name| Ok(name?.to_string_lossy().into_owned()))
            .collect()
    }

    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let mut file = File::open(path)?.take(bytes_max.saturating_add(1));
        let bytes = file.read_to_end(&mut content)?;
        if bytes as u64 > bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(content)
    }

    fn read_from(&self, path: &Path, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        let rest = file.metadata()?.len().saturating_sub(offset);
        let rest = usize::try_from(rest).unwrap_or(usize::MAX);
        let mut content = Vec::with_capacity(rest.min(bytes_max));
        file.seek(SeekFrom::Start(offset))?;
        file.take(bytes_max as u64).read_to_end(&mut content)?;
        Ok(content)
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn make(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let mut options = OpenOptions::new();
        options.append(true).create_new(true).mode(MODE_PRIVATE);
        Ok(Box::new(OsAppend(options.open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let file = OpenOptions::new().append(true).open(path)?;
        Ok(Box::new(OsAppend(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        fs::remove_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn is_shared(&self, path: &Path) -> io::Result<bool> {
        Ok(fs::metadata(path)?.permissions().mode() & MODE_SHARED_BITS != 0)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        let file = options.mode(MODE_PRIVATE).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

struct OsAppend(File);

impl Append for OsAppend {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        // Data and length: what reading needs. Times may be lost.
        self.0.sync_data()
    }
}
