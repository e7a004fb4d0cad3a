//! `toolgate audit erase`: the content of a tenant's month, for good.

use super::super::{CliError, Exit, Output};
use crate::audit::content::{EraseError, erase};
use crate::audit::log::{Log, OpenError, Options};
use crate::audit::record::{ContentErased, Record};
use crate::audit::verify::verify;
use crate::files::OsFiles;
use crate::model::json::Json;
use crate::telemetry::now;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// Erase the content of a tenant's month.
#[derive(Debug, Args)]
pub struct Erase {
    /// The log's directory.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The tenant, as in the records.
    #[arg(long, value_name = "NAME")]
    tenant: String,
    /// The month in UTC, such as 2026-11.
    #[arg(long, value_name = "MONTH")]
    month: String,
    /// Who erases it: recorded.
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why: recorded.
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Erase {
    /// Erases, and records it.
    ///
    /// # Errors
    /// A log that is in use or does not check, or a disk that fails.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let report = verify(&self.dir).map_err(CliError::unusable)?;
        let origin = report.origin.ok_or_else(|| {
            let dir = self.dir.display();
            CliError::unusable(format!("no audit log in `{dir}`: it has no record"))
        })?;
        // Whoever has the log open has the keys in memory: nobody may, until this is done.
        let opened = Log::open(&self.dir, Options::new(&origin), Arc::new(OsFiles));
        let (log, _) = opened.map_err(|error: OpenError| CliError::unusable(error))?;
        let erased = match erase(&self.dir, &self.tenant, &self.month, &OsFiles) {
            Ok(erased) => erased,
            Err(error @ EraseError::Io { .. }) => return Err(CliError::failure(error)),
            Err(error) => return Err(CliError::unusable(error)),
        };
        let record = Record::ContentErased(ContentErased {
            tenant: self.tenant.clone(),
            month: self.month.clone(),
            by: self.by.clone(),
            reason: self.reason.clone(),
            objects: erased.objects,
        });
        let recorded = log
            .append(now(), &record)
            .and_then(|pending| pending.wait());
        let head = recorded.map_err(|error| {
            CliError::failure(format!("erased, but not recorded: {error}; erase it again"))
        })?;
        log.close().map_err(CliError::failure)?;
        let head = head.to_string();
        if output.is_json() {
            output.json(&Json::object([
                ("tenant", Json::from(self.tenant.as_str())),
                ("month", self.month.as_str().into()),
                ("objects", erased.objects.into()),
                ("head", head.into()),
            ]));
        } else {
            let rows = [
                ("tenant", self.tenant.clone()),
                ("month", self.month.clone()),
                ("objects", erased.objects.to_string()),
                ("head", head),
            ];
            let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
            output.table(&["ERASED", ""], &rows);
        }
        Ok(Exit::Done)
    }
}
