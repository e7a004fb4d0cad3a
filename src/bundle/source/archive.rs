//! OPA's archive format: a gzip-compressed tar. Whoever can write the archive is not trusted to
//! have made it with a well-meaning program.

#[cfg(test)]
mod tests;

use super::path::{normalize, printable};
use super::{Files, Limits, SourceError, read_bounded};
use flate2::bufread::GzDecoder;
use std::io::{self, Read};
use tar::{Archive, Entry, EntryType};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Tar pads everything to blocks of this many bytes.
const BLOCK_BYTES: usize = 512;
/// A tar archive ends with two blocks of zeros.
const END_BYTES: usize = 2 * BLOCK_BYTES;

/// Whether this looks like a gzip stream.
pub(super) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&GZIP_MAGIC)
}

/// The files of an OPA bundle archive.
///
/// # Errors
/// Anything that a careful reader should not accept: see [`SourceError`].
pub fn read_archive(bytes: &[u8]) -> Result<Files, SourceError> {
    read_archive_within(bytes, &Limits::DEFAULT)
}

/// The files of an OPA bundle archive, within limits of the caller's.
///
/// # Errors
/// As [`read_archive`].
pub fn read_archive_within(bytes: &[u8], limits: &Limits) -> Result<Files, SourceError> {
    let tar = unpack(bytes, limits)?;
    let mut archive = Archive::new(tar.as_slice());
    let (mut files, mut entries, mut end) = (Files::new(), 0, 0);
    for entry in archive.entries().map_err(SourceError::Tar)? {
        let mut entry = entry.map_err(tar_error)?;
        entries += 1;
        if entries > limits.files_max {
            let files_max = limits.files_max;
            return Err(SourceError::TooManyFiles { files_max });
        }
        end = end_of(&entry);
        add(&mut files, &mut entry, limits)?;
    }
    check_end(&tar, end)?;
    Ok(files)
}

/// The tar archive within, at most as long as a bundle may be: a few kilobytes can unpack to
/// gigabytes.
fn unpack(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, SourceError> {
    let mut gzip = GzDecoder::new(bytes);
    let bytes_max = limits.bundle_bytes_max;
    let tar = match read_bounded(&mut gzip, bytes_max) {
        Ok(Some(tar)) => tar,
        Ok(None) => return Err(SourceError::BundleTooLarge { bytes_max }),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(SourceError::Truncated);
        }
        Err(error) => return Err(SourceError::Gzip(error)),
    };
    if gzip.into_inner().is_empty() {
        Ok(tar)
    } else {
        Err(SourceError::TrailingBytes)
    }
}

fn add(
    files: &mut Files,
    entry: &mut Entry<'_, impl Read>,
    limits: &Limits,
) -> Result<(), SourceError> {
    let raw = entry.path_bytes().into_owned();
    match entry.header().entry_type() {
        EntryType::Regular => {}
        EntryType::Directory => return normalize(&raw, limits).map(|_| ()),
        // `git archive` starts with one: it describes, and is no file.
        EntryType::XGlobalHeader => return Ok(()),
        EntryType::Link | EntryType::Symlink => return Err(SourceError::Link(printable(&raw))),
        _ => return Err(SourceError::Special(printable(&raw))),
    }
    let path = normalize(&raw, limits)?;
    if path.is_empty() || raw.ends_with(b"/") {
        return Err(SourceError::Special(printable(&raw)));
    }
    let content = content(entry, &path, limits)?;
    if files.insert(path.clone(), content).is_some() {
        return Err(SourceError::Duplicate(path));
    }
    Ok(())
}

fn content(
    entry: &mut Entry<'_, impl Read>,
    path: &str,
    limits: &Limits,
) -> Result<Vec<u8>, SourceError> {
    let too_large = || SourceError::FileTooLarge {
        path: path.to_owned(),
        bytes_max: limits.file_bytes_max,
    };
    let size = usize::try_from(entry.size()).map_err(|_| too_large())?;
    if size > limits.file_bytes_max {
        return Err(too_large());
    }
    let bytes = read_bounded(entry, size)
        .map_err(tar_error)?
        .ok_or_else(too_large)?;
    if bytes.len() == size {
        Ok(bytes)
    } else {
        Err(SourceError::Truncated)
    }
}

fn tar_error(error: io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => SourceError::Truncated,
        _ => SourceError::Tar(error),
    }
}

/// Where the block after this entry starts.
fn end_of(entry: &Entry<'_, impl Read>) -> usize {
    let end = entry.raw_file_position().saturating_add(entry.size());
    usize::try_from(end)
        .unwrap_or(usize::MAX)
        .checked_next_multiple_of(BLOCK_BYTES)
        .unwrap_or(usize::MAX)
}

/// After the last entry come the end mark and padding, all zeros: an archive that was cut between
/// two entries has no end mark, and one that hides something has more than zeros.
fn check_end(tar: &[u8], end: usize) -> Result<(), SourceError> {
    let rest = tar.get(end..).unwrap_or_default();
    if rest.len() < END_BYTES {
        Err(SourceError::Truncated)
    } else if rest.iter().any(|byte| *byte != 0) {
        Err(SourceError::TrailingBytes)
    } else {
        Ok(())
    }
}
