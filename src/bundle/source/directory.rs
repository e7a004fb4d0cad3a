//! Reading a directory that somebody may be writing to.

#[cfg(test)]
mod tests;

use super::path::{normalize, printable};
use super::{Files, Limits, READ_TRIES_MAX, SourceError, read_file};
use sha2::{Digest, Sha256};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The files of a directory as they were at one moment: if anything changed while they were read,
/// they are read again.
///
/// # Errors
/// As [`super::read`].
pub(super) fn read(root: &Path, limits: &Limits) -> Result<Files, SourceError> {
    read_while(root, limits, || {})
}

/// As [`read`]; `meanwhile` runs each time after the files were read.
fn read_while(
    root: &Path,
    limits: &Limits,
    mut meanwhile: impl FnMut(),
) -> Result<Files, SourceError> {
    let mut last = SourceError::KeptChanging(root.to_owned());
    for _ in 0..READ_TRIES_MAX {
        last = match read_once(root, limits, &mut meanwhile) {
            Ok(Some(files)) => return Ok(files),
            Ok(None) => SourceError::KeptChanging(root.to_owned()),
            // Gone between listing and reading, or a link that leads nowhere just now.
            Err(missing @ SourceError::Missing(_)) => missing,
            Err(error) => return Err(error),
        };
    }
    Err(last)
}

/// The files; `None` if something changed meanwhile.
fn read_once(
    root: &Path,
    limits: &Limits,
    meanwhile: &mut impl FnMut(),
) -> Result<Option<Files>, SourceError> {
    let before = list(root, limits)?;
    let files = read_listed(&before, limits)?;
    meanwhile();
    Ok((list(root, limits)? == before).then_some(files))
}

/// A cheap summary of names, sizes, times and inodes of what is at `path`: a change of content
/// changes it, without reading any content. `None` if nothing can be read there.
#[must_use]
pub fn fingerprint(path: &Path) -> Option<[u8; 32]> {
    let meta = path.metadata().ok()?;
    let mut hash = Sha256::new();
    Stamp::of(&meta).feed(&mut hash);
    if meta.is_dir() {
        for file in list(path, &Limits::DEFAULT).ok()? {
            hash.update(file.path.len().to_be_bytes());
            hash.update(&file.path);
            file.stamp.feed(&mut hash);
        }
    }
    Some(hash.finalize().into())
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    numbers: [u64; 3],
    times: [i64; 4],
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self {
            numbers: [meta.dev(), meta.ino(), meta.size()],
            times: [
                meta.mtime(),
                meta.mtime_nsec(),
                meta.ctime(),
                meta.ctime_nsec(),
            ],
        }
    }

    fn feed(self, hash: &mut Sha256) {
        self.numbers
            .iter()
            .for_each(|n| hash.update(n.to_be_bytes()));
        self.times.iter().for_each(|n| hash.update(n.to_be_bytes()));
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Listed {
    path: String,
    on_disk: PathBuf,
    stamp: Stamp,
}

fn read_listed(listed: &[Listed], limits: &Limits) -> Result<Files, SourceError> {
    let mut files = Files::new();
    let mut left = limits.bundle_bytes_max;
    for file in listed {
        let content = read_file(&file.on_disk, limits.file_bytes_max, || {
            SourceError::FileTooLarge {
                path: file.path.clone(),
                bytes_max: limits.file_bytes_max,
            }
        })?;
        left = left
            .checked_sub(content.len())
            .ok_or(SourceError::BundleTooLarge {
                bytes_max: limits.bundle_bytes_max,
            })?;
        files.insert(file.path.clone(), content);
    }
    Ok(files)
}

fn list(root: &Path, limits: &Limits) -> Result<Vec<Listed>, SourceError> {
    let real_root = root.canonicalize().map_err(|e| SourceError::io(root, e))?;
    let mut walk = Walk {
        root: &real_root,
        limits,
        entries: 0,
        found: Vec::new(),
    };
    walk.directory(&real_root, "")?;
    walk.found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(walk.found)
}

struct Walk<'a> {
    root: &'a Path,
    limits: &'a Limits,
    entries: usize,
    found: Vec<Listed>,
}

impl Walk<'_> {
    fn directory(&mut self, on_disk: &Path, path: &str) -> Result<(), SourceError> {
        let io = |error| SourceError::io(on_disk, error);
        for entry in fs::read_dir(on_disk).map_err(io)? {
            let entry = entry.map_err(io)?;
            let name = entry.file_name();
            if is_hidden(name.as_encoded_bytes(), path.is_empty()) {
                continue;
            }
            self.entries += 1;
            if self.entries > self.limits.files_max {
                let files_max = self.limits.files_max;
                return Err(SourceError::TooManyFiles { files_max });
            }
            let slash = if path.is_empty() { "" } else { "/" };
            let parent = [path, slash].concat();
            let raw = [parent.as_bytes(), name.as_encoded_bytes()].concat();
            let is_link = entry.file_type().map_err(io)?.is_symlink();
            self.entry(entry.path(), is_link, &normalize(&raw, self.limits)?)?;
        }
        Ok(())
    }

    /// `on_disk` is real but for its last name, which may be a link.
    fn entry(&mut self, on_disk: PathBuf, is_link: bool, path: &str) -> Result<(), SourceError> {
        let io = |error| SourceError::io(&on_disk, error);
        let real = match is_link {
            true => on_disk.canonicalize().map_err(io)?,
            false => on_disk.clone(),
        };
        if !real.starts_with(self.root) {
            return Err(SourceError::LinkOutside(printable(path.as_bytes())));
        }
        let meta = real.metadata().map_err(io)?;
        if meta.is_dir() {
            return self.directory(&real, path);
        }
        if !meta.is_file() {
            return Err(SourceError::Special(printable(path.as_bytes())));
        }
        self.found.push(Listed {
            path: path.to_owned(),
            stamp: Stamp::of(&meta),
            on_disk: real,
        });
        Ok(())
    }
}

/// Names with a leading dot are not the bundle's (`.git`, editors' files, and `..data` of a
/// Kubernetes volume, whose files are reached by the links beside it), but two at the root are.
fn is_hidden(name: &[u8], at_root: bool) -> bool {
    let known: [&[u8]; 2] = [b".manifest", b".signatures.json"];
    name.starts_with(b".") && !(at_root && known.contains(&name))
}
