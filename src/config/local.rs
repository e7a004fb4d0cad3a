//! The configuration of a PDP that somebody runs for themselves, without a file.

use super::callers::read_roles_from;
use super::read::of_nothing;
use super::{
    AuditConfig, BundleConfig, Config, Limits, Listen, LogConfig, PolicyConfig, UnixListen,
    is_short_name,
};
use crate::identity::{Caller, KnownBy, Pattern, Permission};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Who runs the PDP, and where it may leave things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// The uid of this process.
    pub uid: u32,
    /// A directory for sockets, of this user alone.
    pub runtime_dir: PathBuf,
    /// A directory for what outlives the process.
    pub state_dir: PathBuf,
}

/// Why a PDP cannot run without a configuration file here.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// The own uid is not known.
    #[error("cannot tell the uid of this process: {0}; give a configuration file")]
    Uid(std::io::Error),
    /// No place for the audit log.
    #[error("neither `XDG_STATE_HOME` nor `HOME` is an absolute path; give a configuration file")]
    NoState,
}

impl Local {
    /// Of this process: the uid, `$XDG_RUNTIME_DIR/toolgate` (else `toolgate-<uid>` among temporary
    /// files) and `$XDG_STATE_HOME/toolgate` (else `~/.local/state/toolgate`).
    ///
    /// # Errors
    /// The uid or the home directory cannot be told.
    pub fn of_process() -> Result<Self, LocalError> {
        let process = std::fs::metadata("/proc/self").map_err(LocalError::Uid)?;
        let directory = |name: &str| {
            let path = PathBuf::from(std::env::var_os(name)?);
            path.is_absolute().then_some(path)
        };
        let uid = process.uid();
        let among_temporary = || std::env::temp_dir().join(format!("toolgate-{uid}"));
        let state = directory("XDG_STATE_HOME")
            .or_else(|| Some(directory("HOME")?.join(".local/state")))
            .ok_or(LocalError::NoState)?;
        let runtime = directory("XDG_RUNTIME_DIR").map(|dir| dir.join("toolgate"));
        Ok(Self {
            uid,
            runtime_dir: runtime.unwrap_or_else(among_temporary),
            state_dir: state.join("toolgate"),
        })
    }
}

impl Config {
    /// `toolgate serve --bundle PATH…` without a file: a Unix socket for the own user alone, who
    /// may ask about every server, speak for everybody and administer — that user could change the bundles as
    /// well. TCP stays closed, for nobody could be known there.
    #[must_use]
    pub fn default_for(bundles: &[PathBuf], local: &Local) -> Self {
        let mut named: Vec<BundleConfig> = Vec::new();
        for path in bundles {
            let is_free = |name: &String| named.iter().all(|bundle| bundle.name != *name);
            let own = bundle_name(path).filter(is_free);
            let name = own.or_else(|| (1..).map(|n: u64| format!("bundle-{n}")).find(is_free));
            named.push(BundleConfig {
                name: name.unwrap_or_default(),
                path: path.clone(),
                servers: None,
                tenants: Vec::new(),
            });
        }
        let own_user = Caller {
            name: "local".to_owned(),
            known_by: KnownBy::Uid(local.uid),
            servers: vec![Pattern::any()],
            subjects: vec![Pattern::any()],
            context: vec![Pattern::any()],
            may: Permission::ALL.map(|(_, permission)| permission).to_vec(),
            assert_roles: true,
            tenants: Vec::new(),
        };
        let unix = UnixListen {
            path: local.runtime_dir.join("toolgate.sock"),
            mode: 0o600,
        };
        Self {
            listen: Listen {
                unix: Some(unix),
                ..Listen::default()
            },
            bundles: named,
            tenants: Vec::new(),
            policy: PolicyConfig::default(),
            limits: Limits::default(),
            audit: AuditConfig::in_dir(local.state_dir.join("audit")),
            callers: vec![own_user],
            jwt: None,
            roles_from: of_nothing("identity", read_roles_from),
            log: LogConfig::default(),
        }
    }
}

/// The file's name without `.tar.gz` or `.rego`, if that is a name.
fn bundle_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let suffixes = [".tar.gz", ".rego"];
    let stem = suffixes
        .into_iter()
        .find_map(|suffix| name.strip_suffix(suffix));
    let name = stem.unwrap_or(name);
    is_short_name(name).then(|| name.to_owned())
}
