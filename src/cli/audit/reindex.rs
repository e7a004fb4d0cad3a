//! `toolgate audit reindex`.

use super::super::{CliError, Exit, Output};
use super::source::directory;
use crate::audit::index::rebuild;
use crate::files::{Files, OsFiles};
use crate::model::json::Json;
use clap::Args;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

/// So many records are taken in between two lines about progress.
const PROGRESS_RECORDS: u64 = 100_000;

/// Make a log's index anew.
#[derive(Debug, Args)]
pub struct Reindex {
    /// The log's directory.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Tell on standard error how far it is, also where that is no terminal.
    #[arg(long)]
    progress: bool,
}

impl Reindex {
    /// Makes it.
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let dir = directory(&self.dir)?;
        // Who writes the log writes its index.
        let locked = OsFiles.lock(&dir.join("lock"));
        let _lock = locked.map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => CliError::unusable(format!(
                "the log `{}` is in use by a PDP, which keeps its index itself: remove \
                 `index.sqlite` there and it makes another one, or stop the PDP",
                dir.display()
            )),
            _ => CliError::failure(error),
        })?;
        let tells = self.progress || io::stderr().is_terminal();
        let mut told = 0;
        let rebuilt = rebuild(&dir, &mut |records| {
            if tells && records / PROGRESS_RECORDS > told {
                told = records / PROGRESS_RECORDS;
                output.note(format!("{records} records taken in"));
            }
        });
        let rebuilt = rebuilt.map_err(CliError::failure)?;
        match output.is_json() {
            true => output.json(&Json::object([("records", rebuilt.records)])),
            false => output.line(format!("{} records are in the index", rebuilt.records)),
        }
        Ok(Exit::Done)
    }
}
