//! The way out for a log that does not check: what cannot be vouched for is moved aside, whole,
//! and the log goes on with a record that says so.
//!
//! In this order, so that whatever fails in between loses nothing and can be done again: the cut
//! bytes and what was signed beyond the cut are made durable in files of their own; the last file
//! that is kept is replaced, in one step, by what is kept of it with the record; the files after it
//! are removed; what was signed beyond the cut is removed, the latest checkpoint last: until then
//! the log is not opened, and has to be repaired again.

mod beyond;

use super::SealError;
use super::recover::{LOCK_NAME, Stored};
use crate::audit::layout::{first_seq, is_segment, segment_name};
use crate::audit::record::{LogRepaired, Record};
use crate::audit::verify::{Fault, Head, PRUNED_NAME, Report, Segments, Wrong, walk};
use crate::files::{Append, Files, append_all, replace};
use crate::model::hex::hex;
use crate::model::time::Timestamp;
use beyond::Beyond;
use sha2::{Digest, Sha256};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Digits of the digest in the name of what was cut.
const NAME_DIGEST_DIGITS: usize = 16;
/// Where cut bytes are collected until they are complete.
const UNFINISHED_NAME: &str = "cut.tmp";

/// Why a log is not repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// A writer has the log.
    #[error("audit log `{dir}` is in use: stop the process that writes it first")]
    Locked {
        /// The directory.
        dir: String,
    },
    /// Nothing is there.
    #[error("no audit log in `{dir}`: it has no file `log-<20 digits>.jsonl`")]
    NoLog {
        /// The directory.
        dir: String,
    },
    /// Nothing is wrong.
    #[error("audit log `{dir}` checks: there is nothing to repair")]
    Sound {
        /// The directory.
        dir: String,
    },
    /// The log is to be cut elsewhere than where it stops to check.
    #[error("audit log `{dir}` stops to check at seq {}, not at {given}: {fault}", .fault.seq())]
    Elsewhere {
        /// The directory.
        dir: String,
        /// Where it was to be cut.
        given: u64,
        /// What is wrong.
        fault: Unsound,
    },
    /// Not one record checks.
    #[error(
        "no record of audit log `{dir}` checks ({fault}): keep the directory as evidence, and \
         start with an empty one"
    )]
    NothingKept {
        /// The directory.
        dir: String,
        /// What is wrong.
        fault: Unsound,
    },
    /// What was signed cannot be used.
    #[error(
        "audit log `{dir}` cannot be held against what was signed of it, and is left as it is: \
         {source}"
    )]
    Signed {
        /// The directory.
        dir: String,
        /// Why.
        source: Box<SealError>,
    },
    /// The operating system refuses.
    #[error("audit log `{dir}` cannot be repaired: {source}")]
    Io {
        /// The directory.
        dir: String,
        /// Why.
        source: io::Error,
    },
}

/// Why a log is not vouched for from some record on.
#[derive(Debug)]
pub enum Unsound {
    /// The first line that does not check.
    Line(Box<Fault>),
    /// All lines check, and are not those that were signed.
    Signed {
        /// The first record that nothing signed vouches for.
        seq: u64,
        /// How they differ.
        why: Box<SealError>,
    },
}

impl Unsound {
    /// The seq of the first record that nothing vouches for; that of the next one if records are
    /// missing.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        match self {
            Self::Line(fault) => fault.seq,
            Self::Signed { seq, .. } => *seq,
        }
    }

    /// The file to cut, and the lines of it that are kept.
    fn place(&self, names: &[String]) -> (String, u64) {
        match self {
            Self::Line(fault) => (fault.file.clone(), fault.line.saturating_sub(1)),
            Self::Signed { seq, .. } => {
                let starts = names
                    .iter()
                    .filter_map(|name| Some((first_seq(name)?, name)));
                let file = starts.filter(|(start, _)| start <= seq).max();
                file.map_or_else(Default::default, |(start, name)| {
                    (name.clone(), seq - start)
                })
            }
        }
    }
}

impl fmt::Display for Unsound {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(fault) => fault.fmt(out),
            Self::Signed { why, .. } => why.fmt(out),
        }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// What the log says of it, under this seq.
    pub record: LogRepaired,
    /// The log's last record: the one about the repair.
    pub head: Head,
}

/// Cuts a log that does not check, or is not the one that was signed, at the first record that
/// nothing vouches for, which must be this one, and records what was cut at `time`. Checkpoints over
/// more than what is kept are moved aside, too.
///
/// # Errors
/// As `RepairError` says. After `Io` the log holds what it held, in part perhaps already in the
/// files of what was cut; opening it says whether there is still something to repair.
pub fn repair(
    dir: &Path,
    truncate_at: u64,
    time: Timestamp,
    files: &Arc<dyn Files>,
) -> Result<Repaired, RepairError> {
    let name = || dir.display().to_string();
    let io = |source| RepairError::Io {
        dir: name(),
        source,
    };
    let signed = |source| match source {
        SealError::Io(source) => io(source),
        source => RepairError::Signed {
            dir: name(),
            source: Box::new(source),
        },
    };
    if !files.is_dir(dir) {
        return Err(RepairError::NoLog { dir: name() });
    }
    let lock = files.lock(&dir.join(LOCK_NAME));
    let _lock = lock.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => RepairError::Locked { dir: name() },
        _ => io(error),
    })?;
    let stored = Stored {
        dir,
        files: files.as_ref(),
    };
    let fault = match walk(&stored, None, &mut |_| ()) {
        Ok(report) if report.files == 0 => return Err(RepairError::NoLog { dir: name() }),
        Ok(report) => {
            let found = beyond::unsound(dir, files, &report).map_err(signed)?;
            found.ok_or_else(|| RepairError::Sound { dir: name() })?
        }
        Err(Fault {
            what: Wrong::Unreadable(source),
            ..
        }) => return Err(io(source)),
        Err(fault) => Unsound::Line(Box::new(fault)),
    };
    if fault.seq() != truncate_at {
        return Err(RepairError::Elsewhere {
            dir: name(),
            given: truncate_at,
            fault,
        });
    }
    let cut = Cut::new(&stored, &fault).map_err(io)?;
    let kept = walk(&cut.kept(&stored), None, &mut |_| ()).ok();
    let kept = kept.filter(|kept| kept.next_seq() == truncate_at && kept.head.is_some());
    let Some((kept, (head, origin))) = kept.as_ref().and_then(|kept| Some((kept, place(kept)?)))
    else {
        return Err(RepairError::NothingKept { dir: name(), fault });
    };
    let beyond = Beyond::read(&stored, origin, truncate_at).map_err(signed)?;
    let repaired = cut.carry_out(&stored, &fault, &beyond, head, origin, time);
    let repaired = repaired.map_err(io)?;
    beyond.remove(&stored, kept.first_seq).map_err(io)?;
    Ok(repaired)
}

fn place(kept: &Report) -> Option<(&Head, &str)> {
    Some((kept.head.as_ref()?, kept.origin.as_deref()?))
}

/// Where the log is cut.
struct Cut {
    /// All files, in order.
    names: Vec<String>,
    /// How many of them are kept whole.
    whole: usize,
    /// What is kept of the next one.
    prefix: Vec<u8>,
}

impl Cut {
    fn new(stored: &Stored<'_>, fault: &Unsound) -> io::Result<Self> {
        let mut names = stored.names()?;
        names.retain(|name| is_segment(name));
        names.sort();
        let (file, lines) = fault.place(&names);
        let whole = names.iter().take_while(|name| **name < file).count();
        let mut prefix = stored.read(&file)?;
        let lines = usize::try_from(lines).unwrap_or(usize::MAX);
        let kept = prefix.split_inclusive(|byte| *byte == b'\n').take(lines);
        let bytes = kept.map(<[u8]>::len).sum();
        prefix.truncate(bytes);
        Ok(Self {
            names,
            whole,
            prefix,
        })
    }

    fn kept<'a>(&'a self, stored: &'a Stored<'a>) -> Kept<'a> {
        Kept { cut: self, stored }
    }

    /// The files from the cut on.
    fn cut_names(&self) -> &[String] {
        self.names.get(self.whole..).unwrap_or_default()
    }

    fn carry_out(
        &self,
        stored: &Stored<'_>,
        fault: &Unsound,
        beyond: &Beyond,
        head: &Head,
        origin: &str,
        time: Timestamp,
    ) -> io::Result<Repaired> {
        let seq = fault.seq();
        beyond.copy(stored)?;
        let mut record = self.move_aside(stored, seq)?;
        record.checkpoint = beyond.latest();
        record.fault = fault.to_string();
        let unlinked = Record::LogRepaired(record.clone()).unlinked(time, origin);
        let line = unlinked.line(seq, &head.hash);
        let hash = hex(&Sha256::digest(line.as_bytes()));
        let target = match self.cut_names().first() {
            Some(name) if !self.prefix.is_empty() => name.clone(),
            _ => segment_name(seq),
        };
        let content = [self.prefix.as_slice(), line.as_bytes(), b"\n"].concat();
        replace(stored.files, &stored.dir.join(&target), &content)?;
        for name in self.cut_names().iter().filter(|name| **name != target) {
            stored.files.remove(&stored.dir.join(name))?;
        }
        stored.files.sync_dir(stored.dir)?;
        let head = Head { seq, hash };
        Ok(Repaired { record, head })
    }

    /// Makes a durable copy of everything that is cut, in the order of the log.
    fn move_aside(&self, stored: &Stored<'_>, seq: u64) -> io::Result<LogRepaired> {
        let unfinished = stored.dir.join(UNFINISHED_NAME);
        match stored.files.remove(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut copy = CutBytes {
            file: stored.files.make(&unfinished)?,
            digest: Sha256::new(),
            bytes: 0,
            newlines: 0,
            is_ended: true,
        };
        let mut kept_bytes = self.prefix.len();
        for name in self.cut_names() {
            let content = stored.read(name)?;
            copy.add(content.get(kept_bytes..).unwrap_or_default())?;
            kept_bytes = 0;
        }
        copy.file.sync()?;
        let digest = hex(&copy.digest.finalize());
        let start = digest.get(..NAME_DIGEST_DIGITS).unwrap_or_default();
        let file = format!("cut-{seq:020}-{start}.bin");
        stored.files.rename(&unfinished, &stored.dir.join(&file))?;
        stored.files.sync_dir(stored.dir)?;
        let mut all = stored.names()?;
        all.retain(|name| name.starts_with("cut-") && !name.ends_with(".tmp"));
        all.sort();
        Ok(LogRepaired {
            first_seq: seq,
            lines: copy.newlines + u64::from(!copy.is_ended),
            bytes: copy.bytes,
            digest: format!("sha256:{digest}"),
            file,
            files: all,
            checkpoint: None,
            fault: String::new(),
        })
    }
}

struct CutBytes {
    file: Box<dyn Append>,
    digest: Sha256,
    bytes: u64,
    newlines: u64,
    /// Whether the last line has its end.
    is_ended: bool,
}

impl CutBytes {
    fn add(&mut self, content: &[u8]) -> io::Result<()> {
        append_all(self.file.as_mut(), content)?;
        self.digest.update(content);
        self.bytes += content.len() as u64;
        self.newlines += content.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.is_ended = content.last().map_or(self.is_ended, |last| *last == b'\n');
        Ok(())
    }
}

/// The log as it would be without what is cut.
struct Kept<'a> {
    cut: &'a Cut,
    stored: &'a Stored<'a>,
}

impl Segments for Kept<'_> {
    fn names(&self) -> io::Result<Vec<String>> {
        let with_prefix = usize::from(!self.cut.prefix.is_empty());
        let names = self.cut.names.iter().take(self.cut.whole + with_prefix);
        let mut names: Vec<_> = names.cloned().collect();
        let mut others = self.stored.names()?;
        others.retain(|name| name == PRUNED_NAME);
        names.append(&mut others);
        Ok(names)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        match self.cut.cut_names().first() {
            Some(first) if first == name => Ok(self.cut.prefix.clone()),
            _ => self.stored.read(name),
        }
    }
}
