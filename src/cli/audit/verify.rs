//! `toolgate audit verify`.

use super::archive;
use super::progress::Progress;
use super::repairs::Repairs;
use super::report::{Told, show, show_proof};
use super::{CliError, Exit, Output};
use crate::audit::layout::CHECKPOINT_NAME;
use crate::audit::verify::{
    Checked, Directory, Expected, Fault, Head, Pairs, Segments, Watch, Wrong, check, check_proof,
};
use crate::model::json::Object;
use crate::tlog::{KeyKind, NOTE_BYTES_MAX, VerifierKey};
use clap::Args;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest file with a proof, a checkpoint, a key or one record, in bytes.
const FILE_BYTES_MAX: u64 = 2 * NOTE_BYTES_MAX as u64;

/// For how long a log that is signed again and again meanwhile is checked anew.
const PATIENCE_MS: u64 = 3_000;

/// Check logs.
#[derive(Debug, Args)]
pub struct Verify {
    /// The logs' directories.
    #[arg(value_name = "DIR", required_unless_present = "proof")]
    dirs: Vec<PathBuf>,
    /// A head that an earlier check printed; with one DIR.
    #[arg(long, value_name = "SEQ:HASH")]
    head: Option<Head>,
    /// An older checkpoint of the log, held elsewhere; with one DIR.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The object store that has what was pruned, as it was given to `audit archive`: the whole
    /// log is checked, from its first record on; with one DIR.
    #[arg(long, value_name = "URL")]
    archive: Option<String>,
    /// A log's verifier key, or a file that has it; may be given more than once.
    #[arg(long, value_name = "VKEY")]
    key: Vec<String>,
    /// A witness' verifier key, or a file that has it: it must have cosigned; may be given more
    /// than once.
    #[arg(long, value_name = "VKEY")]
    witness: Vec<String>,
    /// Tell on standard error how far it is, also where that is no terminal.
    #[arg(long)]
    progress: bool,
    /// Check this proof, and no log.
    #[arg(long, value_name = "FILE", requires = "record", requires = "key", conflicts_with_all = ["dirs", "head", "checkpoint", "witness", "archive"])]
    proof: Option<PathBuf>,
    /// The record that the proof is for: its line.
    #[arg(long, value_name = "FILE", requires = "proof")]
    record: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        if let (Some(proof), Some(record)) = (&self.proof, &self.record) {
            return self.prove(output, proof, record);
        }
        let is_of_one = self.head.is_some() || self.checkpoint.is_some() || self.archive.is_some();
        if self.dirs.len() > 1 && is_of_one {
            return Err(CliError::unusable(
                "`--head`, `--checkpoint` and `--archive` are of one log: give one DIR with them",
            ));
        }
        let expected = self.expected()?;
        let mut pairs = Pairs::default();
        let mut watching = Watching {
            progress: Progress::new(output, self.progress, &self.dirs),
            repairs: Repairs::default(),
        };
        let mut told = Vec::new();
        for dir in &self.dirs {
            watching.repairs = Repairs::default();
            let result = self.check(dir, &expected, &mut pairs, &mut watching)?;
            let warnings = watching.repairs.warnings(dir, self.head.as_ref());
            told.push(match result {
                Ok(checked)
                    if checked.report.last_file.is_none() && checked.report.head.is_none() =>
                {
                    watching.progress.end();
                    return Err(no_log(dir));
                }
                Err(fault) => match unreadable(dir, &fault) {
                    Some(error) => {
                        watching.progress.end();
                        return Err(error);
                    }
                    None => Told::new(dir, Err(fault), warnings),
                },
                Ok(checked) => Told::new(dir, Ok(checked), warnings),
            });
        }
        watching.progress.end();
        show(output, &told, &expected, pairs.so_far());
        Ok(match told.iter().all(Told::is_good) {
            true => Exit::Done,
            false => Exit::Failure,
        })
    }

    /// A log that is being written is signed again meanwhile, and tiles that were not full go: what
    /// is wrong then may be wrong no more.
    fn check(
        &self,
        dir: &Path,
        expected: &Expected,
        pairs: &mut Pairs,
        watching: &mut Watching<'_>,
    ) -> Result<Result<Checked, Fault>, CliError> {
        let latest = || std::fs::read(dir.join(CHECKPOINT_NAME)).ok();
        let before = pairs.clone();
        let end = Instant::now() + Duration::from_millis(PATIENCE_MS);
        loop {
            let signed = latest();
            let result = self.check_once(dir, expected, pairs, watching)?;
            if result.is_ok() || latest() == signed || Instant::now() >= end {
                return Ok(result);
            }
            *pairs = before.clone();
            watching.repairs = Repairs::default();
        }
    }

    fn check_once(
        &self,
        dir: &Path,
        expected: &Expected,
        pairs: &mut Pairs,
        watching: &mut Watching<'_>,
    ) -> Result<Result<Checked, Fault>, CliError> {
        let mut check = |log: &dyn Segments| check(log, expected, pairs, watching);
        match &self.archive {
            Some(url) => archive::with_everywhere(dir, url, check),
            None => Ok(check(&Directory(dir))),
        }
    }

    fn expected(&self) -> Result<Expected, CliError> {
        let checkpoint = match &self.checkpoint {
            Some(path) => Some((path.display().to_string(), read(path)?)),
            None => None,
        };
        Ok(Expected {
            head: self.head.clone(),
            checkpoint,
            keys: keys(&self.key, KeyKind::Log)?,
            witnesses: keys(&self.witness, KeyKind::Witness)?,
        })
    }

    fn prove(&self, output: &Output, proof: &Path, record: &Path) -> Result<Exit, CliError> {
        let keys = keys(&self.key, KeyKind::Log)?;
        let (proof, line) = (read(proof)?, read(record)?);
        let proof = String::from_utf8_lossy(&proof);
        let line = line.strip_suffix(b"\n").unwrap_or(&line);
        let mut results: Vec<_> = keys
            .iter()
            .map(|key| check_proof(&proof, line, key))
            .collect();
        let found = results.iter().position(Result::is_ok).unwrap_or_default();
        let result = results.swap_remove(found);
        show_proof(output, &result);
        Ok(match result {
            Ok(_) => Exit::Done,
            Err(_) => Exit::Failure,
        })
    }
}

struct Watching<'a> {
    progress: Progress<'a>,
    repairs: Repairs,
}

impl Watch for Watching<'_> {
    fn passed(&mut self, bytes: u64) {
        self.progress.passed(bytes);
    }

    fn notable(&mut self, record: &Object) {
        self.repairs.see(record);
    }
}

fn no_log(dir: &Path) -> CliError {
    CliError::unusable(format!(
        "no audit log in `{}`: it has no file `log-<20 digits>.jsonl`",
        dir.display()
    ))
}

fn unreadable(dir: &Path, fault: &Fault) -> Option<CliError> {
    let Wrong::Unreadable(error) = &fault.what else {
        return None;
    };
    let path = match fault.file.is_empty() {
        true => dir.to_owned(),
        false => dir.join(&fault.file),
    };
    let path = path.display();
    Some(CliError::unusable(format!("cannot read `{path}`: {error}")))
}

/// Keys as they stand, or in files.
fn keys(texts: &[String], kind: KeyKind) -> Result<Vec<VerifierKey>, CliError> {
    let key = |text: &String| {
        let key: VerifierKey = match text.parse() {
            Ok(key) => key,
            Err(_) if Path::new(text).is_file() => {
                let content = read(Path::new(text))?;
                let content = String::from_utf8_lossy(&content);
                content.trim().parse().map_err(CliError::unusable)?
            }
            Err(_) if !text.contains('+') => {
                let reason = format!("`{text}` is neither a verifier key nor a file that has one");
                return Err(CliError::unusable(reason));
            }
            Err(error) => return Err(CliError::unusable(error)),
        };
        let said = match kind {
            KeyKind::Log => "a witness' key, and not a log's",
            KeyKind::Witness => "a log's key, and not a witness'",
        };
        match key.kind() == kind {
            true => Ok(key),
            false => Err(CliError::unusable(format!("`{key}` is {said}"))),
        }
    };
    texts.iter().map(key).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let unusable =
        |error: String| CliError::unusable(format!("cannot read `{}`: {error}", path.display()));
    let file = File::open(path).map_err(|error| unusable(error.to_string()))?;
    let mut content = Vec::new();
    let mut file = file.take(FILE_BYTES_MAX + 1);
    let read = file.read_to_end(&mut content);
    read.map_err(|error| unusable(error.to_string()))?;
    match content.len() as u64 > FILE_BYTES_MAX {
        true => Err(unusable(format!("it has more than {FILE_BYTES_MAX} bytes"))),
        false => Ok(content),
    }
}
