//! `[audit]` and `[log]`: what is written down. The log of events is evidence; `[log]` is not.

use super::archive::ArchiveConfig;
use super::content::ContentConfig;
use super::otlp::{self, OtlpConfig};
use super::read::{Section, of_nothing};
use super::tenants::TenantConfig;
use super::witnesses::{self, WitnessConfig};
use super::words::Worded;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest origin, in bytes.
pub(super) const ORIGIN_BYTES_MAX: usize = 128;

/// The audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditConfig {
    /// The directory of this log, of this process alone.
    pub dir: PathBuf,
    /// The name of this log: `<prefix>/<replica id>` where there are several replicas.
    pub origin: String,
    /// Whether a reply waits for its record.
    pub mode: AuditMode,
    /// What happens to decisions that cannot be recorded.
    pub on_failure: OnFailure,
    /// The key that hashes of arguments and results are made with; `None`: a key of this log's own,
    /// made with it.
    pub key_file: Option<PathBuf>,
    /// What is kept of content; `None`: nothing.
    pub content: Option<ContentConfig>,
    /// Where what is old goes.
    pub archive: ArchiveConfig,
    /// Records of one sync.
    pub batch_records_max: usize,
    /// How long a record that nobody waits for waits for others, in milliseconds.
    pub batch_ms_max: u64,
    /// With less room on its file system the process is not ready, in bytes; 0: whatever the room.
    pub disk_free_bytes_min: u64,
    /// Who else signs its checkpoints.
    pub witnesses: Vec<WitnessConfig>,
    /// How often they are shown the latest one.
    pub witness_interval: Duration,
    /// Who is sent a copy of each record; `None`: nobody.
    pub otlp: Option<OtlpConfig>,
    /// Who signs the log.
    pub signing: SigningConfig,
    /// Whether there is an index beside the log, for `Query`.
    pub index: bool,
}

/// Whether a reply waits until its record is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuditMode {
    /// It does not; a crash can lose a batch.
    #[default]
    Async,
    /// It does.
    Durable,
}

/// What happens when the log cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Every call is denied.
    #[default]
    Deny,
    /// Calls pass as decided, and an alert is raised.
    AllowAndAlert,
}

impl Worded for AuditMode {
    const WORDS: &'static [(&'static str, Self)] =
        &[("async", Self::Async), ("durable", Self::Durable)];
}

impl Worded for OnFailure {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("deny", Self::Deny),
        ("allow_and_alert", Self::AllowAndAlert),
    ];
}
/// Below the log's directory: the tenants' directories, apart from all that the log itself has.
const TENANTS_DIR: &str = "tenants";

impl AuditConfig {
    /// The log of one tenant: as this one, in a directory, under an origin and with a key of its
    /// own.
    #[must_use]
    pub fn of_tenant(&self, tenant: &TenantConfig) -> Self {
        Self {
            dir: self.dir.join(TENANTS_DIR).join(&tenant.name),
            origin: self.origin_of(&tenant.name),
            key_file: tenant.audit_key_file.clone(),
            ..self.clone()
        }
    }

    pub(super) fn origin_of(&self, tenant: &str) -> String {
        format!("{}/{tenant}", self.origin)
    }

    pub(super) fn read(section: Section<'_>, base: &Path) -> Option<Self> {
        let dir = section.text("dir");
        if !section.has("dir") {
            let message = "`audit.dir` is missing: decisions need a log";
            section.problem(section.place(), message);
        }
        let dir_or_none = dir.as_ref().map(|dir| base.join(&dir.value));
        let read = Self::at(dir_or_none.unwrap_or_default(), &section, base);
        section.end();
        dir.map(|_| read)
    }

    /// As nothing but the directory says.
    pub(super) fn in_dir(dir: PathBuf) -> Self {
        of_nothing("audit", |section| Self::at(dir, &section, Path::new("")))
    }

    fn at(dir: PathBuf, section: &Section<'_>, base: &Path) -> Self {
        let origin = origin(section);
        let mode = section.choice("mode");
        let on_failure = section.choice("on_failure");
        let key_file = section.text("key_file");
        let content = ContentConfig::read(section.section("content"), base);
        let index = section.flag("index");
        let batch_records_max = section.count("batch_records_max");
        let batch_ms_max = section.count("batch_ms_max");
        let disk_free_mib_min = section.count("disk_free_mib_min");
        let witness_seconds = section.count("witness_seconds");
        let witnesses = witnesses::read_all(section, base);
        let otlp = otlp::read(section.section("otlp"), base);
        let signing = SigningConfig::read(section.section("signing"), base);
        let archive = ArchiveConfig::read(section.section("archive"));
        Self {
            dir,
            origin,
            mode,
            on_failure,
            key_file: key_file.map(|file| base.join(file.value)),
            content,
            archive,
            index,
            batch_records_max: usize::try_from(batch_records_max).unwrap_or(usize::MAX),
            batch_ms_max,
            disk_free_bytes_min: disk_free_mib_min.saturating_mul(1 << 20),
            witnesses,
            otlp,
            witness_interval: Duration::from_secs(witness_seconds),
            signing,
        }
    }
}

/// Who signs the audit log, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningConfig {
    /// Where the key is; `None`: a key of this log's own, made with it.
    pub key: Option<SigningKeyPlace>,
    /// The key that hands over to that one.
    pub previous_key_file: Option<PathBuf>,
    /// A checkpoint follows so many records.
    pub checkpoint_records_max: u64,
    /// A checkpoint follows the first record that none covers within so many milliseconds.
    pub checkpoint_ms_max: u64,
}

/// Where a signing key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SigningKeyPlace {
    /// In a file.
    File(PathBuf),
    /// In the environment variable of this name.
    Variable(String),
}

impl SigningConfig {
    fn read(section: Section<'_>, base: &Path) -> Self {
        let file = section.text("key_file");
        let variable = section.text("key_env");
        let previous = section.text("previous_key_file");
        let checkpoint_records_max = section.count("checkpoint_records_max");
        let checkpoint_ms_max = section.count("checkpoint_ms_max");
        if let (Some(_), Some(variable)) = (&file, &variable) {
            let message = "one of `audit.signing.key_file` and `audit.signing.key_env`, not both";
            section.problem(&variable.place, message);
        }
        if let (None, None, Some(previous)) = (&file, &variable, &previous) {
            let message = "`audit.signing.previous_key_file` hands over to a key that \
                           `audit.signing.key_file` or `audit.signing.key_env` must name";
            section.problem(&previous.place, message);
        }
        section.end();
        let variable = variable.map(|variable| SigningKeyPlace::Variable(variable.value));
        let file = file.map(|file| SigningKeyPlace::File(base.join(file.value)));
        Self {
            key: file.or(variable),
            previous_key_file: previous.map(|file| base.join(file.value)),
            checkpoint_records_max,
            checkpoint_ms_max,
        }
    }
}

/// Who wrote the audit log.
fn origin(section: &Section<'_>) -> String {
    let Some(origin) = section.text_or_default("origin") else {
        return String::new();
    };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._/-".contains(&b);
    if origin.value.len() > ORIGIN_BYTES_MAX || !origin.value.bytes().all(allowed) {
        let message = format!(
            "`audit.origin` must be 1 to {ORIGIN_BYTES_MAX} letters, digits, `.`, `_`, `/` or `-`, not `{}`",
            origin.value
        );
        section.problem(&origin.place, message);
    }
    origin.value
}

/// The program's own log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// What is worth a line.
    pub level: LogLevel,
    /// The form of a line.
    pub format: LogFormat,
    /// Lines of one kind that are kept in 10 s; 0: every line.
    pub sample_lines_max: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        of_nothing("log", Self::read)
    }
}

/// What is worth a line: this and everything graver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What somebody should look at.
    Warn,
    /// What happened.
    #[default]
    Info,
    /// How it happened.
    Debug,
    /// Every step.
    Trace,
}

/// The form of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For a reader.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogLevel {
    /// The name, as `tracing` knows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Worded for LogLevel {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}

impl Worded for LogFormat {
    const WORDS: &'static [(&'static str, Self)] = &[("text", Self::Text), ("json", Self::Json)];
}

impl LogConfig {
    pub(super) fn read(section: Section<'_>) -> Self {
        let level = section.choice("level");
        let format = section.choice("format");
        let sample_lines_max = section.count("sample_lines_max");
        section.end();
        Self {
            level,
            format,
            sample_lines_max,
        }
    }
}
