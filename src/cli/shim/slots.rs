//! `toolgate shim status` and `toolgate shim trust`: what a shim keeps, for operators.

use super::super::{CliError, Exit, Output};
use crate::files::{Files, OsFiles};
use crate::model::json::{Json, Object};
use crate::shim::held::{Checkpoints, Held};
use crate::shim::spool::format;
use crate::shim::state::{Slot, StateError, slots, small_file};
use crate::tlog::{NOTE_BYTES_MAX, VerifierKey};
use clap::Args;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Longest spool that is looked at, in bytes.
const SPOOL_BYTES_MAX: u64 = 4 << 30;

/// What a state directory holds: events that wait, checkpoints of logs, and logs that are refused.
#[derive(Debug, Args)]
pub(super) struct Status {
    /// The shim's state directory.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
}

/// Hold a checkpoint of a log whatever was held before, and refuse the log no more. Only after you
/// have found out why it was refused: with this, nobody can tell any more what it was.
#[derive(Debug, Args)]
pub(super) struct Trust {
    /// The shim's state directory; no shim may run over it.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// The log's name.
    #[arg(long, value_name = "ORIGIN")]
    origin: String,
    /// A file with the checkpoint, a signed note.
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// The verifier key that the checkpoint has to be signed with.
    #[arg(long, value_name = "VKEY")]
    audit_key: Vec<VerifierKey>,
}

fn unusable(error: impl Into<StateError>) -> CliError {
    CliError::unusable(error.into())
}

impl Status {
    /// Exit code 3 where a log is refused or events are lost.
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let found = slots(&OsFiles, &self.state).map_err(unusable)?;
        if found.is_empty() {
            let text = format!("no shim has kept anything in `{}`", self.state.display());
            return Err(CliError::unusable(text));
        }
        let mut is_well = true;
        let mut shown = Vec::new();
        for (dir, free) in &found {
            let slot = Seen::of(dir, free.as_ref())?;
            is_well &= slot.is_well();
            if !output.is_json() {
                slot.print(output);
            }
            shown.push(slot.to_json());
        }
        if output.is_json() {
            output.json(&Json::array(shown));
        }
        Ok(if is_well { Exit::Done } else { Exit::No })
    }
}

/// One slot.
struct Seen {
    path: String,
    shim_id: String,
    is_running: bool,
    waiting: u64,
    lost: u64,
    held: Vec<Held>,
}

impl Seen {
    fn of(dir: &Path, free: Option<&Slot>) -> Result<Self, CliError> {
        let path = dir.join("spool");
        let spool = match OsFiles.read(&path, SPOOL_BYTES_MAX) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|error| unusable(StateError::io("read", &path)(error)))?,
        };
        let contents = format::read(&spool);
        let held = Checkpoints::open(Arc::new(OsFiles), dir, Vec::new()).map_err(unusable)?;
        Ok(Self {
            path: dir.display().to_string(),
            shim_id: small_file(&OsFiles, dir, "id")
                .map_err(unusable)?
                .unwrap_or_default(),
            is_running: free.is_none(),
            waiting: contents.events.len() as u64,
            lost: contents.lost(),
            held: held.all().cloned().collect(),
        })
    }

    fn is_well(&self) -> bool {
        self.lost == 0 && self.held.iter().all(|held| held.refused.is_none())
    }

    fn print(&self, output: &Output) {
        let running = if self.is_running { ", running" } else { "" };
        let (path, waiting, lost) = (&self.path, self.waiting, self.lost);
        output.line(format!(
            "{} in `{path}`{running}: {waiting} events wait, {lost} are lost",
            self.shim_id
        ));
        for held in &self.held {
            let (origin, size) = (&held.origin, held.checkpoint.size);
            output.line(match &held.refused {
                None => format!("  log `{origin}`: held at {size} records"),
                Some(why) => format!("  log `{origin}`: REFUSED, held at {size} records: {why}"),
            });
        }
    }

    fn to_json(&self) -> Json {
        let held = self.held.iter().map(|held| {
            let mut out = Object::new();
            out.insert("origin", held.origin.as_str());
            out.insert("size", held.checkpoint.size);
            out.insert("checkpoint", held.note.as_str());
            if let Some(why) = &held.refused {
                out.insert("refused", why.as_str());
            }
            Json::from(out)
        });
        let mut out = Object::new();
        out.insert("path", self.path.as_str());
        out.insert("shim_id", self.shim_id.as_str());
        out.insert("running", self.is_running);
        out.insert("waiting", self.waiting);
        out.insert("lost", self.lost);
        out.insert("logs", Json::array(held));
        out.into()
    }
}

impl Trust {
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let note = OsFiles.read(&self.checkpoint, NOTE_BYTES_MAX as u64);
        let path = self.checkpoint.as_path();
        let note = note.map_err(|error| unusable(StateError::io("read", path)(error)))?;
        let note = String::from_utf8(note)
            .map_err(|_| CliError::unusable(format!("`{}` is not UTF-8", path.display())))?;
        let mut free = Vec::new();
        for (dir, slot) in slots(&OsFiles, &self.state).map_err(unusable)? {
            let path = dir.display().to_string();
            free.push(slot.ok_or_else(|| unusable(StateError::InUse { path }))?);
        }
        if free.is_empty() {
            let text = format!("no shim has kept anything in `{}`", self.state.display());
            return Err(CliError::unusable(text));
        }
        for slot in &free {
            let keys = self.audit_key.clone();
            let held = Checkpoints::open(Arc::new(OsFiles), &slot.dir, keys);
            let mut held = held.map_err(unusable)?;
            held.trust(&self.origin, &note).map_err(unusable)?;
        }
        let slots = free.len();
        output.line(format!(
            "`{}` is held to this checkpoint in {slots} slots, and refused no more",
            self.origin
        ));
        Ok(Exit::Done)
    }
}
