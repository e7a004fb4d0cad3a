//! One TOML file, environment variables and flags make one [`Config`]. Reading it opens no socket
//! and no file but its own; every mistake in it is reported at once, with its line and column.
//! Reference: `docs/configuration.md`.

mod archive;
mod callers;
mod content;
mod keys;
mod limits;
mod listen;
mod local;
mod otlp;
mod overrides;
mod policy;
mod problem;
mod read;
mod record;
mod tenants;
#[cfg(test)]
mod tests;
mod values;
mod witnesses;
mod words;

pub use archive::ArchiveConfig;
pub use content::{ContentConfig, ContentKey};
pub use limits::{Limits, TransportLimits};
pub use listen::{Listen, TcpListen, TlsFiles, UnixListen};
pub use local::{Local, LocalError};
pub use otlp::OtlpConfig;
pub use overrides::Overrides;
pub use policy::{BundleConfig, FailOpen, PolicyConfig};
pub use problem::{ConfigError, Place, Problem};
pub use record::{AuditConfig, AuditMode, LogConfig, LogFormat, LogLevel, OnFailure};
pub use record::{SigningConfig, SigningKeyPlace};
pub use tenants::TenantConfig;
pub use witnesses::{WITNESSES_MAX, WitnessConfig};

use crate::identity::{Caller, JwtConfig};
use crate::model::principal::RolesFrom;
use read::{Reader, Section};
use std::io::Read;
use std::path::Path;
use tenants::Tenants;
use toml::de::DeTable;

/// Largest configuration file, in bytes.
const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Longest name of a bundle, caller or tenant, in bytes.
const SHORT_NAME_BYTES_MAX: usize = 64;

/// Everything that an operator may decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the PDP may be asked.
    pub listen: Listen,
    /// Bundles of policies; at least one, names are unique.
    pub bundles: Vec<BundleConfig>,
    /// Those that are kept apart; none: one set of policies and one log for all.
    pub tenants: Vec<TenantConfig>,
    /// How policies are compiled.
    pub policy: PolicyConfig,
    /// Limits.
    pub limits: Limits,
    /// The audit log.
    pub audit: AuditConfig,
    /// Who may ask, in the order in which entries are matched.
    pub callers: Vec<Caller>,
    /// Which tokens are believed; `None`: none.
    pub jwt: Option<JwtConfig>,
    /// Where roles and attributes come from: the first of these that knows the subject.
    pub roles_from: Vec<RolesFrom>,
    /// The program's own log.
    pub log: LogConfig,
}

impl Config {
    /// Reads a file; paths in it are relative to its directory.
    ///
    /// # Errors
    /// The file cannot be read, or everything that is wrong in it.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let not_text = |error| std::io::Error::new(std::io::ErrorKind::InvalidData, error);
        let text = read_bounded(path, CONFIG_BYTES_MAX)
            .and_then(|bytes| String::from_utf8(bytes).map_err(not_text));
        let text = match text {
            Ok(text) => text,
            Err(error) => return Err(ConfigError::Unreadable { file, error }),
        };
        let base = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, base, overrides)
            .map_err(|problems| ConfigError::Invalid { file, problems })
    }

    /// Reads a text; paths in it are relative to `base`.
    ///
    /// # Errors
    /// Everything that is wrong in it, in the order of the text: at least one problem.
    pub fn parse(text: &str, base: &Path, overrides: &Overrides) -> Result<Self, Vec<Problem>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let reader = Reader::new(text, overrides);
        for error in &errors {
            let place = reader.place(&error.span().unwrap_or_default());
            let message = error.message();
            let hint = match message.contains("leading zero") {
                true => "; octal numbers such as permission bits are written `0o660`",
                false => "",
            };
            reader.problem(&place, format!("not TOML: {message}{hint}"));
        }
        // What is left of a broken text is not what its author meant: nothing more is said of it.
        let config = match errors.is_empty() {
            true => Self::read(&reader, table.get_ref(), base),
            false => None,
        };
        let problems = reader.into_problems();
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(problems),
        }
    }

    fn read<'a>(reader: &'a Reader<'a>, table: &'a DeTable<'a>, base: &Path) -> Option<Self> {
        let root = reader.root(table);
        let listen = Listen::read(reader, root.section("listen"), base);
        let tenants = Tenants::read(root.sections("tenants"), base);
        let bundles = entries(&root, "bundles").into_iter();
        let bundles: Vec<_> = bundles
            .filter_map(|section| BundleConfig::read(section, base, &tenants))
            .collect();
        let policy = PolicyConfig::read(root.section("policy"));
        let limits = Limits::read(root.section("limits"));
        let audit = AuditConfig::read(root.section("audit"), base);
        let jwt = callers::read_jwt(root.section("jwt"), base);
        let callers = callers::read_callers(entries(&root, "callers"), jwt.as_ref(), &tenants);
        let roles_from = callers::read_roles_from(root.section("identity"));
        let log = LogConfig::read(root.section("log"));
        root.end();
        repeated(
            reader,
            &bundles,
            |bundle| &bundle.name,
            |name| format!("an earlier entry of `bundles` has the name `{name}`"),
        );
        // What spans sections means something only once each of them is sound.
        if reader.is_sound() {
            callers::check_callers(reader, &callers, &listen, &roles_from, jwt.as_ref());
            tenants.check(reader, &bundles, &callers, audit.as_ref());
        }
        Some(Self {
            listen,
            bundles: bundles.into_iter().map(|(bundle, _)| bundle).collect(),
            tenants: tenants.into_configs(&limits),
            policy,
            limits,
            audit: audit?,
            callers: callers.into_iter().map(|(caller, _)| caller).collect(),
            jwt,
            roles_from,
            log,
        })
    }
}

/// Reads a file that may have so many bytes.
///
/// # Errors
/// It cannot be read, or is larger.
pub fn read_bounded(path: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let message = format!("it is larger than {bytes_max} bytes");
        return Err(std::io::Error::new(
            std::io::ErrorKind::FileTooLarge,
            message,
        ));
    }
    Ok(bytes)
}

/// The entries of `[[key]]`, of which there must be one at least.
fn entries<'a>(root: &Section<'a>, key: &'static str) -> Vec<Section<'a>> {
    let entries = root.sections(key);
    if entries.is_empty() {
        let message = format!("there is no `[[{key}]]`: without one every call is denied");
        root.problem(root.place(), message);
    }
    entries
}

/// A name that is short and plain enough for paths, patterns and records.
fn is_short_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._:-".contains(&b);
    (1..=SHORT_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

/// Says which entries repeat an earlier one's name.
fn repeated<T>(
    reader: &Reader<'_>,
    entries: &[(T, Place)],
    name_of: impl Fn(&T) -> &str,
    message: impl Fn(&str) -> String,
) {
    for (index, (entry, place)) in entries.iter().enumerate() {
        let mut earlier = entries.iter().take(index);
        if earlier.any(|(earlier, _)| name_of(earlier) == name_of(entry)) {
            reader.problem(place, message(name_of(entry)));
        }
    }
}
