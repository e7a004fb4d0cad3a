//! Reading a bundle's files, strictly, from wherever the operator keeps them.

mod archive;
mod directory;
mod path;
#[cfg(test)]
mod tests;

pub use archive::{read_archive, read_archive_within};
pub use directory::fingerprint;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Largest bundle, in bytes: all its files together, and an archive before and after unpacking.
pub const BUNDLE_BYTES_MAX: usize = 256 << 20;
/// Largest file of a bundle, in bytes.
pub const FILE_BYTES_MAX: usize = 128 << 20;
/// Most files and directories in a bundle.
pub const FILES_MAX: usize = 10_000;
/// Most directories above a file within its bundle.
pub const DEPTH_MAX: usize = 32;
/// Longest path within a bundle, in bytes.
pub const PATH_BYTES_MAX: usize = 1024;
/// How often a directory that changes while it is read is read again.
pub const READ_TRIES_MAX: usize = 5;
/// Paths that start with this name what is not the bundle's own, such as the embedded library.
pub const RESERVED_PREFIX: &str = "toolgate:";

/// How large a bundle may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All files together, and an archive before and after unpacking, in bytes.
    pub bundle_bytes_max: usize,
    /// One file, in bytes.
    pub file_bytes_max: usize,
    /// Files and directories.
    pub files_max: usize,
    /// Directories above a file.
    pub depth_max: usize,
}

impl Limits {
    /// The limits in production.
    pub const DEFAULT: Self = Self {
        bundle_bytes_max: BUNDLE_BYTES_MAX,
        file_bytes_max: FILE_BYTES_MAX,
        files_max: FILES_MAX,
        depth_max: DEPTH_MAX,
    };
}

/// Where one bundle is kept, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The bundle's name: unique, of letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// A directory, a `.rego` file or a `.tar.gz`.
    pub path: PathBuf,
    /// Servers for which its packages may grant; `None`: every server.
    pub servers: Option<Vec<String>>,
}

/// A bundle as it was read: nothing about it is checked but paths and sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The bundle's name in the configuration.
    pub name: String,
    /// Servers for which its packages may grant; `None`: every server.
    pub servers: Option<Vec<String>>,
    /// Contents by path within the bundle, such as `contracts/policy.rego`.
    pub files: Files,
}

/// Contents by path within the bundle, with `/` between names.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Why a source could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Nothing is there.
    #[error("`{}` does not exist: check the bundle's path", .0.display())]
    Missing(PathBuf),
    /// The operating system said no.
    #[error("cannot read `{path}`: {error}")]
    Io {
        /// What was to be read.
        path: String,
        /// The operating system's answer.
        error: io::Error,
    },
    /// Of none of the kinds of bundles.
    #[error(
        "`{}` is no bundle: give a directory, a `.rego` file or a gzip-compressed tar archive (`tar czf` writes one)",
        .0.display()
    )]
    NotABundle(PathBuf),
    /// A path that leads out of the bundle.
    #[error("`{0}` leads out of the bundle: remove `..` from its path")]
    Escapes(String),
    /// A path that means different things on different systems.
    #[error("`{path}` has {what} in its path: rename the file")]
    BadPath {
        /// The path, made printable.
        path: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A link in an archive.
    #[error("`{0}` is a link: put the file itself into the archive")]
    Link(String),
    /// A link in a directory that leads elsewhere.
    #[error("`{0}` links to something outside the bundle: copy it into the bundle")]
    LinkOutside(String),
    /// A device, a pipe, a socket, a sparse file.
    #[error("`{0}` is neither a file nor a directory: leave it out of the bundle")]
    Special(String),
    /// One path twice in an archive.
    #[error("`{0}` is in the archive twice: build it again with each file once")]
    Duplicate(String),
    /// A file larger than the limit.
    #[error("`{path}` is larger than {bytes_max} bytes: split it or leave it out")]
    FileTooLarge {
        /// The file.
        path: String,
        /// The limit.
        bytes_max: usize,
    },
    /// More in all than the limit.
    #[error("the bundle is larger than {bytes_max} bytes: split it into several bundles")]
    BundleTooLarge {
        /// The limit.
        bytes_max: usize,
    },
    /// Too many files and directories.
    #[error("the bundle has more than {files_max} files and directories: split it")]
    TooManyFiles {
        /// The limit.
        files_max: usize,
    },
    /// Too many directories in one another.
    #[error("`{path}` lies deeper than {depth_max} directories: move it up, or remove a link loop")]
    TooDeep {
        /// The file or directory.
        path: String,
        /// The limit.
        depth_max: usize,
    },
    /// Not a gzip stream, or a broken one.
    #[error("the archive cannot be unpacked: {0}: build or copy it again")]
    Gzip(io::Error),
    /// Bytes after the end of the archive.
    #[error("the archive goes on after its end: build or copy it again")]
    TrailingBytes,
    /// The archive ends early.
    #[error("the archive is cut off: build or copy it again")]
    Truncated,
    /// The tar archive within is broken.
    #[error("the archive is no valid tar archive: {0}: build it again")]
    Tar(io::Error),
    /// The directory changed each time it was read.
    #[error(
        "`{}` kept changing while it was read ({READ_TRIES_MAX} times): write elsewhere and rename into place",
        .0.display()
    )]
    KeptChanging(PathBuf),
}

impl SourceError {
    fn io(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing(path.to_owned()),
            _ => Self::Io {
                path: path.display().to_string(),
                error,
            },
        }
    }
}

/// Reads one bundle.
///
/// # Errors
/// The first thing that is not as it should be; nothing of a broken bundle is used.
pub fn read(source: &Source) -> Result<Bundle, SourceError> {
    Ok(Bundle {
        name: source.name.clone(),
        servers: source.servers.clone(),
        files: read_files(&source.path, &Limits::DEFAULT)?,
    })
}

fn read_files(path: &Path, limits: &Limits) -> Result<Files, SourceError> {
    let meta = path.metadata().map_err(|e| SourceError::io(path, e))?;
    if meta.is_dir() {
        return directory::read(path, limits);
    }
    if !meta.is_file() {
        return Err(SourceError::NotABundle(path.to_owned()));
    }
    if path
        .extension()
        .is_some_and(|extension| extension == "rego")
    {
        return read_module(path, limits);
    }
    let bytes = read_file(path, limits.bundle_bytes_max, || {
        SourceError::BundleTooLarge {
            bytes_max: limits.bundle_bytes_max,
        }
    })?;
    if archive::is_gzip(&bytes) {
        read_archive_within(&bytes, limits)
    } else {
        Err(SourceError::NotABundle(path.to_owned()))
    }
}

/// A bundle of one module, named after its file.
fn read_module(path: &Path, limits: &Limits) -> Result<Files, SourceError> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let name = path::normalize(name, limits)?;
    let bytes = read_file(path, limits.file_bytes_max, || SourceError::FileTooLarge {
        path: name.clone(),
        bytes_max: limits.file_bytes_max,
    })?;
    Ok(Files::from([(name, bytes)]))
}

/// A file's content, never more than `bytes_max` of it whatever its size was said to be.
fn read_file(
    path: &Path,
    bytes_max: usize,
    too_large: impl FnOnce() -> SourceError,
) -> Result<Vec<u8>, SourceError> {
    let file = File::open(path).map_err(|e| SourceError::io(path, e))?;
    match read_bounded(file, bytes_max) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(too_large()),
        Err(error) => Err(SourceError::io(path, error)),
    }
}

/// All that `reader` has; `None` if that is more than `bytes_max`.
fn read_bounded(reader: impl Read, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let one_more = u64::try_from(bytes_max)
        .unwrap_or(u64::MAX)
        .saturating_add(1);
    reader.take(one_more).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= bytes_max).then_some(bytes))
}
