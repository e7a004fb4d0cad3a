//! The only wiring: configuration → app → run → drain. Building binds nothing.

mod accept;
mod check;
mod content;
mod disk;
mod embedded;
mod evidence;
mod exchange;
#[cfg(test)]
mod faults;
mod jitter;
mod keys;
mod loads;
mod otlp;
mod rotate;
mod serve;
mod services;
mod tenants;
mod tls;
mod transport;
mod validity;
mod watching;
mod witness;

pub use check::{check, warnings};
pub use embedded::EmbeddedPdp;
pub use serve::{Bound, ServeError};
pub use tls::TlsError;

use crate::audit::hash::KeyError;
use crate::audit::index::Index;
use crate::audit::log::OpenError;
use crate::audit::sign::SigningKeyError;
use crate::bundle::source::Source;
use crate::bundle::swap::Refusal;
use crate::bundle::watch::Watch;
use crate::config::{AuditConfig, Config, FailOpen, Listen, TenantConfig, TransportLimits};
use crate::decide;
use crate::engine::{EvaluationLimits, Options};
use crate::files::{Files, OsFiles};
use crate::identity::{Identity, JwksError, JwtConfig, JwtVerifier, KeySource};
use crate::model::finding::Severity;
use crate::model::json;
use crate::model::secret;
use crate::model::time::Clock;
use crate::server::{Admission, Connections, Decider, DecisionLimits, LargeTurns, Metrics};
use crate::telemetry::now;
use keys::KeyFetcher;
use rotate::Watched;
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Why a process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] OpenError),
    /// The key that content is hashed under.
    #[error(transparent)]
    AuditKey(#[from] KeyError),
    /// The key of a log that has records already.
    #[error("audit key: `{}` is gone, but the log has records hashed with it: put it back, or start a new log", .0.display())]
    AuditKeyLost(PathBuf),
    /// The content store.
    #[error(transparent)]
    Content(#[from] crate::audit::content::OpenError),
    /// The key of content.
    #[error("`audit.content.key_env`: the variable `{0}` must have 64 hexadecimal digits")]
    ContentKeyVariable(String),
    /// Who may let others read content.
    #[error("`audit.content.approvers`: {0}")]
    Approver(String),
    /// The directory of the log.
    #[error("audit directory: {0}")]
    AuditDir(io::Error),
    /// The key that signs the log.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// The key of a log that is signed already.
    #[error("audit key: `{}` is gone, but the log is signed with it: put it back, or start a new log", .0.display())]
    SigningKeyLost(PathBuf),
    /// The keys that tokens are verified with.
    #[error("`jwt.jwks_file` `{}`: {error}", .path.display())]
    JwksFile {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        error: io::Error,
    },
    /// What these keys are.
    #[error("`jwt.jwks_file`: {0}")]
    Jwks(#[from] JwksError),
    /// A thread.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// Everything that decides, before it listens.
pub struct App {
    decider: Arc<Decider>,
    admission: Arc<Admission>,
    listen: Listen,
    limits: TransportLimits,
    connections: Arc<Connections>,
    /// The key set's file, if there is one.
    jwks: Option<(Watched, JwtConfig)>,
    /// What fetches the key set, if it is on a server.
    keys: Option<KeyFetcher>,
    /// What the process's log is, for those who watch the logs.
    audit: AuditConfig,
    /// Watch the bundles for as long as they live.
    watches: Vec<Watch>,
}

impl App {
    /// Opens the log, loads the policies and starts to watch them. Policies that are refused do
    /// not keep the app from starting: every decision is denied then, and `status` says why.
    ///
    /// # Errors
    /// What a process cannot start without.
    pub fn build(config: &Config, replicas: NonZeroUsize) -> Result<Self, AppError> {
        Self::build_with_clock(config, replicas, Arc::new(now))
    }

    /// As `build`, with another clock to decide by.
    ///
    /// # Errors
    /// What a process cannot start without.
    pub fn build_with_clock(
        config: &Config,
        replicas: NonZeroUsize,
        clock: Clock,
    ) -> Result<Self, AppError> {
        Self::build_on(config, replicas, clock, Arc::new(OsFiles))
    }

    /// As `build_with_clock`, with logs on this disk.
    fn build_on(
        config: &Config,
        replicas: NonZeroUsize,
        clock: Clock,
        files: Arc<dyn Files>,
    ) -> Result<Self, AppError> {
        // Else the first call would wait for it.
        secret::prepare();
        let metrics = Arc::new(Metrics::default());
        // Made before the file is read, so that no change is missed.
        let jwks = config.jwt.as_ref().and_then(watched);
        let tokens = config.jwt.as_ref().map(tokens).transpose()?;
        let identity = Identity::new(config.callers.clone(), config.roles_from.clone(), tokens);
        let identity = Arc::new(identity);
        let keys = config.jwt.as_ref().and_then(|jwt| match &jwt.keys {
            KeySource::File(_) => None,
            KeySource::Server(server) => Some(KeyFetcher::new(
                server.clone(),
                jwt.clone(),
                Arc::clone(&identity),
                Arc::clone(&metrics),
                Arc::clone(&clock),
            )),
        });
        // Each thread that decides has a copy of the policies.
        let large_at_once = LargeTurns::beside(replicas);
        let threads = replicas.saturating_add(large_at_once);
        let build = tenants::Build {
            config,
            identity: &identity,
            metrics: &metrics,
            files,
            threads,
            large_at_once,
        };
        let (tenants, watches) = build.all()?;
        let limits = decision_limits(config);
        let admission = Admission::new(
            config.limits.in_flight_decisions_max,
            config.limits.in_flight_rpcs_max,
            // A caller alone has half of it, and that has to be enough for any one request.
            (config.limits.request_bytes_in_flight_max)
                .max(2 * services::message_bytes_max(&limits)),
            &identity,
            &tenants,
            clock(),
        );
        let decider = Decider {
            tenants,
            identity,
            large: LargeTurns::new(large_at_once),
            metrics,
            clock,
            limits,
        };
        Ok(Self {
            decider: Arc::new(decider),
            admission,
            listen: config.listen.clone(),
            limits: config.limits.transport,
            connections: connections(&config.limits.transport),
            jwks,
            keys,
            audit: config.audit.clone(),
            watches,
        })
    }

    /// Decides in this process, with all that a server would do.
    #[must_use]
    pub fn decider(&self) -> Arc<Decider> {
        Arc::clone(&self.decider)
    }

    /// Why policies were refused, if any were.
    #[must_use]
    pub fn refused(&self) -> Option<Refusal> {
        let mut tenants = self.decider.tenants.listed().iter();
        tenants.find_map(|tenant| tenant.policies.status().refused)
    }

    /// Writes what waits and lets the log go.
    pub fn close(self) {
        drop(self.watches);
        self.admission.record_refused(&self.decider);
        for tenant in self.decider.tenants.logging() {
            let log = tenant.evidence.log();
            if let Err(error) = log.close() {
                let origin = log.origin();
                tracing::error!(%error, origin, "the audit log did not close cleanly");
            }
            if let Some(store) = tenant.evidence.store() {
                store.close();
            }
            tenant.index.iter().for_each(Index::close);
        }
    }
}

/// Where this configuration has a bundle.
#[must_use]
pub fn source(bundle: &crate::config::BundleConfig) -> Source {
    Source {
        name: bundle.name.clone(),
        path: bundle.path.clone(),
        servers: bundle.servers.clone(),
    }
}

/// The sets that this configuration has: one, or one of each tenant under its name.
#[must_use]
pub fn sets(config: &Config) -> Vec<(Option<String>, Vec<Source>)> {
    if config.tenants.is_empty() {
        return vec![(None, config.bundles.iter().map(source).collect())];
    }
    let set = |tenant: &TenantConfig| {
        let sources = tenants::bundles_of(config, tenant).map(source).collect();
        (Some(tenant.name.clone()), sources)
    };
    config.tenants.iter().map(set).collect()
}

/// How this configuration has policies compiled.
#[must_use]
pub fn options(config: &Config, replicas: NonZeroUsize) -> Options {
    let limits = &config.limits;
    Options {
        choice: config.policy.engine,
        fail_open: match config.policy.fail_open {
            FailOpen::Error => Severity::Error,
            FailOpen::Warn => Severity::Warning,
        },
        replicas,
        limits: EvaluationLimits {
            instructions_max: usize::try_from(limits.evaluation_instructions_max)
                .unwrap_or(usize::MAX),
            wall_time_max: Duration::from_millis(limits.evaluation_milliseconds_max),
            output_bytes_max: limits.evaluation_output_bytes_max,
        },
        memo_answers_max: config.policy.memo_answers_max,
        element: decide::check_element,
    }
}

/// Files that a process needs beside its connections.
const FILES_RESERVED: usize = 64;

/// As many connections as are configured, and as the system has files for.
fn connections(limits: &TransportLimits) -> Arc<Connections> {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let files = files.map_or(usize::MAX, |files| {
        usize::try_from(files).unwrap_or(usize::MAX)
    });
    let room = files.saturating_sub(FILES_RESERVED).max(1);
    if room < limits.connections_max {
        tracing::warn!(
            open_files_max = files,
            connections_max = room,
            "the system's limit of open files leaves room for fewer connections than are configured"
        );
    }
    Connections::new(
        limits.connections_max.min(room),
        limits.connections_per_peer_max,
    )
}

fn decision_limits(config: &Config) -> DecisionLimits {
    DecisionLimits {
        json: json::Limits {
            bytes_max: config.limits.request_bytes_max,
            depth_max: config.limits.json_depth_max,
            values_max: config.limits.json_values_max,
        },
        batch_max: config.limits.batch_calls_max,
        stream_window_max: config.limits.stream_window_decisions_max,
        verdict_valid: Duration::from_secs(config.limits.verdict_valid_seconds),
        cacheable: Duration::from_secs(config.limits.cacheable_seconds),
    }
}

/// The key set's file, if it is one.
fn watched(config: &JwtConfig) -> Option<(Watched, JwtConfig)> {
    match &config.keys {
        KeySource::File(path) => {
            let watched = Watched::new("jwks", vec![path.clone()]);
            Some((watched, config.clone()))
        }
        KeySource::Server(_) => None,
    }
}

/// Verifies with the keys of the file; those of a server are fetched later.
fn tokens(config: &JwtConfig) -> Result<JwtVerifier, AppError> {
    let path = match &config.keys {
        KeySource::File(path) => path,
        KeySource::Server(_) => return Ok(JwtVerifier::awaiting(config)),
    };
    let bytes = std::fs::read(path).map_err(|error| AppError::JwksFile {
        path: path.clone(),
        error,
    })?;
    Ok(JwtVerifier::from_jwks(&bytes, config)?)
}
