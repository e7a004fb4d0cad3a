//! `toolgate audit archive` and `toolgate audit restore`.

use super::super::{CliError, Exit, Output};
use super::printable;
use crate::audit::archive::{
    ArchiveError, Done, Everywhere, Lock, Restored, Store, StoreError, Tiers, archive, restore,
};
use crate::audit::verify::{Segments, verify};
use crate::config::{ArchiveConfig, Config, Overrides};
use crate::files::{Files, OsFiles};
use crate::model::json::Json;
use crate::telemetry::now;
use clap::{ArgGroup, Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Put what is sealed into an object store.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["dir", "config"]).multiple(false))]
pub struct Archive {
    /// The log's directory.
    #[arg(value_name = "DIR", requires = "to")]
    dir: Option<PathBuf>,
    /// The configuration file of the server: its log and those of all tenants are archived as
    /// `[audit.archive]` says.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "hot_days", "warm_days", "cold_days", "object_lock"])]
    config: Option<PathBuf>,
    /// The store: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX` or
    /// `file:///DIRECTORY`.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// How many days records stay on the disk.
    #[arg(long, value_name = "DAYS", default_value_t = Tiers::DEFAULT.hot_days)]
    hot_days: u64,
    /// How old records are that are moved to `cold/`, in days.
    #[arg(long, value_name = "DAYS", default_value_t = Tiers::DEFAULT.warm_days)]
    warm_days: u64,
    /// Until which age objects are locked there, in days.
    #[arg(long, value_name = "DAYS", default_value_t = Tiers::DEFAULT.cold_days)]
    cold_days: u64,
    /// Whether objects are locked against removal for their time in a tier; S3 alone.
    #[arg(long, value_enum, default_value_t = LockKind::None)]
    object_lock: LockKind,
    /// Change nothing, and tell what would be done.
    #[arg(long)]
    dry_run: bool,
}

/// Bring back what is not on the disk.
#[derive(Debug, Args)]
pub struct Restore {
    /// The log's directory; made if it is not there.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The store that the log was archived to.
    #[arg(long, value_name = "URL")]
    from: String,
    /// Whose log; default: that of what is in the directory.
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LockKind {
    /// Not locked.
    None,
    /// Who has a special permission can still remove them.
    Governance,
    /// Nobody can.
    Compliance,
}

impl From<LockKind> for Lock {
    fn from(kind: LockKind) -> Self {
        match kind {
            LockKind::None => Self::None,
            LockKind::Governance => Self::Governance,
            LockKind::Compliance => Self::Compliance,
        }
    }
}

impl Archive {
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let (dirs, config) = self.what()?;
        let Some(url) = &config.url else {
            return Err(CliError::unusable(
                "`audit.archive.url` is missing: where to?",
            ));
        };
        if config.tiers.hot_days > config.tiers.warm_days
            || config.tiers.warm_days > config.tiers.cold_days
        {
            let order = "days must not become fewer from `hot` to `warm` to `cold`";
            return Err(CliError::unusable(order));
        }
        let store = open(url, config.object_lock)?;
        let mut all = Vec::new();
        for dir in dirs {
            let tiers = &config.tiers;
            match archive(&dir, &store, tiers, now(), self.dry_run, &OsFiles) {
                Ok(done) => all.extend(done.into_iter().map(|done| (dir.clone(), done))),
                Err(error) => return ended(output, &error),
            }
        }
        show(output, &all, self.dry_run);
        Ok(Exit::Done)
    }

    /// Which logs, and how.
    fn what(&self) -> Result<(Vec<PathBuf>, ArchiveConfig), CliError> {
        if let Some(path) = &self.config {
            let config = Config::load(path, &Overrides::of_process());
            let config = config.map_err(CliError::unusable)?;
            let tenants = config.tenants.iter();
            let tenants = tenants.map(|tenant| config.audit.of_tenant(tenant).dir);
            let mut dirs = vec![config.audit.dir.clone()];
            // One that was never begun has no log yet.
            dirs.extend(tenants.filter(|dir| dir.is_dir()));
            return Ok((dirs, config.audit.archive));
        }
        let tiers = Tiers {
            hot_days: self.hot_days,
            warm_days: self.warm_days,
            cold_days: self.cold_days,
        };
        let config = ArchiveConfig {
            url: self.to.clone(),
            tiers,
            object_lock: self.object_lock.into(),
        };
        Ok((self.dir.iter().cloned().collect(), config))
    }
}

impl Restore {
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let store = open(&self.from, Lock::None)?;
        let origin = match &self.origin {
            Some(origin) => origin.clone(),
            None => origin(&self.dir, "say whose with `--origin`")?,
        };
        let files: Arc<dyn Files> = Arc::new(OsFiles);
        match restore(&self.dir, &origin, &store, &files) {
            Ok(restored) => {
                show_restored(output, &restored);
                Ok(Exit::Done)
            }
            Err(error) => ended(output, &error),
        }
    }
}

fn open(url: &str, lock: Lock) -> Result<Store, CliError> {
    Store::open(url, lock).map_err(CliError::unusable)
}

/// Whose log is in this directory; `otherwise` says what to do where there is none.
fn origin(dir: &Path, otherwise: &str) -> Result<String, CliError> {
    let shown = dir.display();
    let found = verify(dir);
    let found = found.map_err(|fault| CliError::unusable(format!("`{shown}`: {fault}")))?;
    found
        .origin
        .ok_or_else(|| CliError::unusable(format!("no audit log in `{shown}`: {otherwise}")))
}

/// Checks a log of which a part is in a store.
pub(super) fn with_everywhere<T>(
    dir: &Path,
    url: &str,
    look: impl FnOnce(&dyn Segments) -> T,
) -> Result<T, CliError> {
    let store = open(url, Lock::None)?;
    let otherwise = "the archive goes with what is left on the disk; bring it back as a whole with \
                     `toolgate audit restore --origin`";
    let origin = origin(dir, otherwise)?;
    let everywhere = Everywhere::new(dir, &origin, &store, &OsFiles);
    let everywhere = everywhere.map_err(CliError::failure)?;
    Ok(look(&everywhere))
}

fn ended(output: &Output, error: &ArchiveError) -> Result<Exit, CliError> {
    match error {
        ArchiveError::Fault { .. }
        | ArchiveError::Differs { .. }
        | ArchiveError::Missing { .. } => {
            output.error(printable(&error.to_string()));
            Ok(Exit::No)
        }
        ArchiveError::NoLog { .. }
        | ArchiveError::Locked { .. }
        | ArchiveError::NoArchive { .. }
        | ArchiveError::Store(StoreError::Url { .. } | StoreError::NoLock { .. }) => {
            Err(CliError::unusable(error))
        }
        ArchiveError::Io { .. } | ArchiveError::Store(StoreError::Failed { .. }) => {
            Err(CliError::failure(printable(&error.to_string())))
        }
    }
}

fn show(output: &Output, all: &[(PathBuf, Done)], is_dry: bool) {
    if output.is_json() {
        let done = all.iter().map(|(dir, done)| {
            Json::object([
                ("log", Json::from(dir.display().to_string())),
                ("act", done.act.as_str().into()),
                ("name", done.name.as_str().into()),
                ("bytes", done.bytes.into()),
            ])
        });
        let done = Json::array(done);
        output.json(&Json::object([
            ("dry_run", Json::Bool(is_dry)),
            ("done", done),
        ]));
        return;
    }
    let row = |(dir, done): &(PathBuf, Done)| {
        vec![
            done.act.as_str().to_owned(),
            done.name.clone(),
            done.bytes.to_string(),
            dir.display().to_string(),
        ]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    let heading = match is_dry {
        true => "WOULD",
        false => "DONE",
    };
    output.table(&[heading, "WHAT", "BYTES", "LOG"], &rows);
    if rows.is_empty() {
        output.note("there is nothing to do");
    }
}

fn show_restored(output: &Output, restored: &Restored) {
    if output.is_json() {
        let head = restored.head.as_ref().map(ToString::to_string);
        output.json(&Json::object([
            (
                "files",
                Json::array(restored.files.iter().map(String::as_str)),
            ),
            ("head", head.map_or(Json::Null, Json::from)),
        ]));
        return;
    }
    let rows: Vec<_> = restored
        .files
        .iter()
        .map(|name| vec![name.clone()])
        .collect();
    output.table(&["RESTORED"], &rows);
    if rows.is_empty() {
        output.note("nothing was missing");
    }
}
