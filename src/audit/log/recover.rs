//! Opening a log: take the lock, check every line, drop a torn last one, make the rest durable.

use super::granted::{GrantedCall, LastGranted};
use super::{ORIGIN_BYTES_MAX, Options, SealError};
use crate::audit::layout::{CHECKPOINT_NAME, KEPT_NAME};
use crate::audit::stream::Tracker;
use crate::audit::verify::{FILE_BYTES_MAX, Fault, Head, Report, Segments, walk};
use crate::files::{Append, Files, create_dir, replace};
use crate::model::time::{Day, Timestamp};
use std::io;
use std::path::Path;

/// The file whose lock the one writer has.
pub(super) const LOCK_NAME: &str = "lock";

/// Why a log cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The origin cannot be used.
    #[error(
        "audit origin `{origin}` must be 1 to {ORIGIN_BYTES_MAX} printable ASCII characters \
         without spaces and `+`"
    )]
    Origin {
        /// The origin.
        origin: String,
    },
    /// Another writer has the log.
    #[error("audit log `{dir}` is in use by another process: each replica needs its own")]
    Locked {
        /// The directory.
        dir: String,
    },
    /// The log belongs to somebody else.
    #[error("audit log `{dir}` belongs to origin `{found}`, not to `{origin}`")]
    OtherOrigin {
        /// The directory.
        dir: String,
        /// Whose log it is.
        found: String,
        /// Who wants it.
        origin: String,
    },
    /// The log does not check.
    #[error(
        "audit log `{dir}` does not check: {fault}; see `toolgate audit verify`; to go on, start \
         with an empty directory, or move aside what does not check with `toolgate audit repair \
         --truncate-at {}`", .fault.seq
    )]
    Fault {
        /// The directory.
        dir: String,
        /// The first record that is wrong.
        fault: Box<Fault>,
    },
    /// The log is not the one that was signed, or cannot be signed.
    #[error("audit log `{dir}` is not opened: {source}{}", way_out(.source))]
    Sealed {
        /// The directory.
        dir: String,
        /// Why.
        source: Box<SealError>,
    },
    /// The operating system refuses.
    #[error("audit log `{dir}` cannot be opened: {source}")]
    Io {
        /// The directory.
        dir: String,
        /// Why.
        source: io::Error,
    },
    /// No thread for the writer.
    #[error("audit writer cannot be started: {0}")]
    Thread(io::Error),
}

impl OpenError {
    pub(super) fn sealed(dir: &Path) -> impl FnOnce(SealError) -> Self {
        let dir = dir.display().to_string();
        move |source| Self::Sealed {
            dir,
            source: Box::new(source),
        }
    }
}

fn way_out(error: &SealError) -> String {
    match error.first_unsound() {
        Some(seq) => format!(
            "; keep a copy as evidence; to go on, start with an empty directory, or move aside \
             what nobody vouches for with `toolgate audit repair --truncate-at {seq}`"
        ),
        None => match error {
            SealError::Checkpoint { name, .. } if name == CHECKPOINT_NAME => format!(
                "; keep a copy as evidence; to go on, put the newest file of `{KEPT_NAME}/` in its \
                 place, or nothing if there is none"
            ),
            SealError::Checkpoint { .. } => {
                format!("; keep a copy as evidence; to go on, move it out of `{KEPT_NAME}/`")
            }
            _ => String::new(),
        },
    }
}

/// What was there.
#[derive(Debug)]
pub struct Recovered {
    /// What the log held when it was opened, `torn` included.
    pub report: Report,
    /// Which events of shims it held.
    pub tracker: Tracker,
    /// The calls that it says were granted last, oldest first.
    pub granted: Vec<GrantedCall>,
    /// How many of its last records no checkpoint covered, where the log is signed: who could
    /// write the directory meanwhile could have made them.
    pub unsigned: u64,
}

/// Where the writer goes on.
pub struct Tail {
    pub head: Option<Head>,
    /// The last file and its length in bytes; `None` if there is no file yet.
    pub file: Option<(Box<dyn Append>, u64)>,
    /// The day of the last record.
    pub day: Day,
    pub lock: Box<dyn Send + Sync>,
}

pub(super) struct Stored<'a> {
    pub(super) dir: &'a Path,
    pub(super) files: &'a dyn Files,
}

impl Segments for Stored<'_> {
    fn names(&self) -> io::Result<Vec<String>> {
        self.files.names(self.dir)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.files.read(&self.dir.join(name), FILE_BYTES_MAX)
    }
}

pub fn recover(
    dir: &Path,
    options: &Options,
    files: &dyn Files,
) -> Result<(Recovered, Tail), OpenError> {
    check_origin(&options.origin)?;
    let name = || dir.display().to_string();
    let io = |source| OpenError::Io {
        dir: name(),
        source,
    };
    create_dir(files, dir).map_err(io)?;
    let lock = files
        .lock(&dir.join(LOCK_NAME))
        .map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => OpenError::Locked { dir: name() },
            _ => io(error),
        })?;
    let mut tracker = Tracker::default();
    let stored = Stored { dir, files };
    let mut granted = LastGranted::default();
    let report = walk(&stored, None, &mut |record| {
        tracker.replay(record);
        granted.see(record);
    });
    let report = report.map_err(|fault| OpenError::Fault {
        dir: name(),
        fault: Box::new(fault),
    })?;
    if let Some(found) = report
        .origin
        .as_ref()
        .filter(|found| **found != options.origin)
    {
        return Err(OpenError::OtherOrigin {
            dir: name(),
            found: found.clone(),
            origin: options.origin.clone(),
        });
    }
    let file = reopen(&stored, &report).map_err(io)?;
    let head = report.head.clone();
    let last_time = report.last_time.as_deref();
    let last_time = last_time.and_then(Timestamp::parse_rfc3339);
    let day = last_time.map(Timestamp::day).unwrap_or_default();
    let tail = Tail {
        head,
        file,
        day,
        lock,
    };
    let recovered = Recovered {
        report,
        tracker,
        granted: granted.into_calls(),
        unsigned: 0,
    };
    Ok((recovered, tail))
}

/// Opens the last file without its torn line. The file is written anew: what a writer before left
/// after a failed sync may be in memory and not on disk, where no later sync would put it.
fn reopen(stored: &Stored<'_>, report: &Report) -> io::Result<Option<(Box<dyn Append>, u64)>> {
    let Some(name) = &report.last_file else {
        return Ok(None);
    };
    let path = stored.dir.join(name);
    let mut content = stored.read(name)?;
    if let Some(torn) = &report.torn {
        content.truncate(usize::try_from(torn.offset_bytes).unwrap_or(usize::MAX));
    }
    replace(stored.files, &path, &content)?;
    Ok(Some((stored.files.open(&path)?, content.len() as u64)))
}

fn check_origin(origin: &str) -> Result<(), OpenError> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'+';
    if (1..=ORIGIN_BYTES_MAX).contains(&origin.len()) && origin.bytes().all(is_plain) {
        return Ok(());
    }
    let origin = origin.to_owned();
    Err(OpenError::Origin { origin })
}
