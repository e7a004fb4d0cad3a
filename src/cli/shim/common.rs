//! What every shim is told: who decides, who asks, and where events wait.

use crate::app::{App, AppError};
use crate::audit::log::OpenError;
use crate::cli::CliError;
use crate::cli::serve::worker_threads;
use crate::config::{Config, Local};
use crate::files::{Files, OsFiles, create_dir};
use crate::model::subject::{Asserted, Subject};
use crate::shim::event::Transport;
use crate::shim::failover::{Failover, REPLICAS_MAX};
use crate::shim::pdp::Pdp;
use crate::shim::remote::token_file::TokenFile;
use crate::shim::remote::{PDP_DEADLINE_MS, RemoteConfig, RemotePdp, Speaker};
use crate::shim::report::ReportConfig;
use crate::shim::session::SessionConfig;
use crate::shim::spool::{SPOOL_BYTES_MAX, SPOOLED_EVENTS_MAX, SpoolConfig, SyncPolicy};
use crate::tlog::VerifierKey;
use crate::wire::Tls;
use clap::{ArgGroup, Args};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a server has to answer a request, in seconds, where nothing else is asked for.
const CALL_TIMEOUT_SECONDS: u64 = 300;

/// Shims that decide and record by themselves beside each other over one `--audit`.
const LOGS_MAX: usize = 64;
/// The file in the directory of a log whose lock such a shim has.
const CLAIM_NAME: &str = "shim.lock";

/// A PDP in this process.
pub(super) struct Embedded {
    app: App,
    _lock: Box<dyn Send + Sync>,
}

impl Embedded {
    /// Writes what is to be written, and ends.
    pub(super) fn close(self) {
        self.app.close();
    }
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("judge").required(true).args(["pdp", "bundle"]).multiple(false))]
pub(super) struct Common {
    /// The server's name, as policies know it.
    #[arg(long, value_name = "NAME")]
    pub(super) server: String,
    /// The PDP: unix:/path, http://host:port or https://host:port; of several, separated by commas
    /// or repeated, one is used until it fails, then the next.
    #[arg(long, env = "TOOLGATE_PDP", value_name = "URL", value_delimiter = ',')]
    pub(super) pdp: Vec<String>,
    /// Decide in this process instead, by this bundle; needs `--audit`.
    #[arg(long, value_name = "PATH", requires = "audit")]
    pub(super) bundle: Vec<PathBuf>,
    /// With `--bundle`: the directory of the audit log.
    #[arg(long, value_name = "DIR", conflicts_with = "pdp")]
    pub(super) audit: Option<PathBuf>,
    /// Who calls: the principal that policies and the directory know. Without it and without
    /// `--token-file`, the PDP's own name for this shim.
    #[arg(long, value_name = "ID", conflicts_with = "token_file")]
    pub(super) principal: Option<String>,
    /// The human on whose behalf the agent acts.
    #[arg(long, value_name = "NAME", requires = "principal")]
    pub(super) user: Option<String>,
    /// The agent.
    #[arg(long, value_name = "NAME", requires = "principal")]
    pub(super) agent: Option<String>,
    /// A file with the bearer token of who calls, verified by the PDP.
    #[arg(long, value_name = "FILE")]
    pub(super) token_file: Option<PathBuf>,
    /// Context for policies, such as `purpose=billing`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(super) context: Vec<(String, String)>,
    /// PEM of the authorities that the PDP's certificate must come from.
    #[arg(long, value_name = "FILE", conflicts_with = "bundle")]
    pub(super) ca: Option<PathBuf>,
    /// PEM of this shim's certificate chain.
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "bundle")]
    pub(super) cert: Option<PathBuf>,
    /// PEM of this shim's key.
    #[arg(
        long,
        value_name = "FILE",
        requires = "cert",
        conflicts_with = "bundle"
    )]
    pub(super) key: Option<PathBuf>,
    /// Where unacknowledged events wait; one directory a running shim.
    #[arg(long, value_name = "DIR")]
    pub(super) state: Option<PathBuf>,
    /// The verifier key of the PDP's audit log, `<origin>+<key id>+<key>`; repeated for several logs
    /// or keys. Without it a log is held to its own past alone.
    #[arg(long, value_name = "VKEY", conflicts_with = "bundle")]
    pub(super) audit_key: Vec<VerifierKey>,
    /// How many events may wait before calls are denied.
    #[arg(long, value_name = "EVENTS", default_value_t = SPOOLED_EVENTS_MAX as u64,
          value_parser = clap::value_parser!(u64).range(64..=1_048_576))]
    pub(super) spool_events_max: u64,
    /// How much may wait before calls are denied, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = SPOOL_BYTES_MAX >> 20,
          value_parser = clap::value_parser!(u64).range(8..=1_024))]
    pub(super) spool_mib_max: u64,
    /// How long the PDP has to answer, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = PDP_DEADLINE_MS)]
    pub(super) pdp_timeout_ms: u64,
    /// How long the server has to answer a request, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = CALL_TIMEOUT_SECONDS)]
    pub(super) call_timeout_seconds: u64,
    /// Force each event to the disk before its result is shown.
    #[arg(long)]
    pub(super) sync_each_event: bool,
    /// The least of the log lines on standard error that are shown.
    #[arg(
        long,
        env = "TOOLGATE_LOG_LEVEL",
        default_value = "warn",
        value_name = "LEVEL"
    )]
    pub(super) log_level: String,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected KEY=VALUE, such as purpose=billing")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Common {
    /// The part of all transports.
    pub(super) fn session(&self) -> SessionConfig {
        SessionConfig {
            server: self.server.clone(),
            context: BTreeMap::from_iter(self.context.iter().cloned()),
            pdp_deadline: Duration::from_millis(self.pdp_timeout_ms),
            call_timeout: Duration::from_secs(self.call_timeout_seconds),
        }
    }

    /// Who decides; with it, what decides in this process and is to be closed at the end.
    pub(super) fn pdp(&self) -> Result<(Arc<dyn Pdp>, Option<Embedded>), CliError> {
        match self.pdp.split_first() {
            Some((first, others)) => Ok((self.remotes(first, others)?, None)),
            None => {
                let (pdp, app) = self.embedded()?;
                Ok((pdp, Some(app)))
            }
        }
    }

    pub(super) fn report(&self, transport: Transport) -> ReportConfig {
        let sync = match self.sync_each_event {
            true => SyncPolicy::EachEvent,
            false => SyncPolicy::Background,
        };
        let spool = SpoolConfig {
            sync,
            events_max: usize::try_from(self.spool_events_max).unwrap_or(usize::MAX),
            bytes_max: self.spool_mib_max << 20,
        };
        let keys = self.audit_key.clone();
        ReportConfig {
            transport,
            spool,
            keys,
        }
    }

    /// Two agents in front of one server have a state each: it is named by server and principal, and
    /// by the transport where that is another than the first one.
    pub(super) fn state_dir(&self, transport: Transport) -> Result<PathBuf, CliError> {
        if let Some(dir) = &self.state {
            return Ok(dir.clone());
        }
        let local = Local::of_process().map_err(CliError::unusable)?;
        let principal = self.principal.as_deref().unwrap_or("self");
        let after = match transport {
            Transport::Stdio => "",
            Transport::Http => "-http",
        };
        let name = format!("{}-{principal}{after}", self.server).replace(['/', '.'], "_");
        Ok(local.state_dir.join("shims").join(name))
    }

    fn speaker(&self) -> Result<Speaker, CliError> {
        if let Some(path) = &self.token_file {
            let file = TokenFile::open(path).map_err(CliError::unusable)?;
            return Ok(Speaker::Token(file));
        }
        Ok(Speaker::Subject(self.principal.clone().map_or(
            Subject::None,
            |id| {
                Subject::Asserted(Asserted {
                    id,
                    user: self.user.clone(),
                    agent: self.agent.clone(),
                    ..Asserted::default()
                })
            },
        )))
    }

    fn remotes(&self, first: &str, others: &[String]) -> Result<Arc<dyn Pdp>, CliError> {
        if others.len() >= REPLICAS_MAX {
            let problem = format!("`--pdp` names more than {REPLICAS_MAX} decision points");
            return Err(CliError::unusable(problem));
        }
        let first: Arc<dyn Pdp> = Arc::new(self.remote(first)?);
        if others.is_empty() {
            return Ok(first);
        }
        let others = others
            .iter()
            .map(|url| Ok(Arc::new(self.remote(url)?) as Arc<dyn Pdp>));
        let others: Result<_, CliError> = others.collect();
        Ok(Arc::new(Failover::new(first, others?)))
    }

    fn remote(&self, url: &str) -> Result<RemotePdp, CliError> {
        let identity = self.cert.as_ref().zip(self.key.as_ref());
        let identity = identity
            .map(|(cert, key)| Ok((read(cert)?, read(key)?)))
            .transpose()?;
        let config = RemoteConfig {
            url: url.to_owned(),
            speaker: self.speaker()?,
            tls: Tls {
                ca_pem: self.ca.as_deref().map(read).transpose()?,
                identity_pem: identity,
            },
        };
        RemotePdp::new(config).map_err(CliError::unusable)
    }

    fn embedded(&self) -> Result<(Arc<dyn Pdp>, Embedded), CliError> {
        let local = Local::of_process().map_err(CliError::unusable)?;
        let embedded = self.with_own_log(&Config::default_for(&self.bundle, &local))?;
        let app = &embedded.app;
        if let Some(refusal) = app.refused() {
            return Err(CliError::unusable(refusal.reason));
        }
        let subject = match self.speaker()? {
            Speaker::Subject(subject) => subject,
            Speaker::Token(file) => Subject::BearerToken(file.token()),
        };
        let pdp = app.embedded(local.uid, subject);
        Ok((Arc::new(pdp), embedded))
    }
}

impl Common {
    /// A client may start a server several times, and a log has one writer: where another shim
    /// writes the log of `--audit`, this one writes one beside it.
    fn with_own_log(&self, config: &Config) -> Result<Embedded, CliError> {
        let mut own = config.clone();
        for number in 1..=LOGS_MAX {
            if let Some(dir) = &self.audit {
                own.audit.dir.clone_from(dir);
            }
            if number > 1 {
                own.audit.dir.as_mut_os_string().push(format!("-{number}"));
                own.audit.origin = format!("{}-{number}", config.audit.origin);
            }
            let Some(lock) = claimed(&own.audit.dir).map_err(CliError::failure)? else {
                continue;
            };
            match App::build(&own, worker_threads()) {
                Err(AppError::Audit(OpenError::Locked { .. })) => {}
                built => {
                    let app = built.map_err(CliError::failure)?;
                    return Ok(Embedded { app, _lock: lock });
                }
            }
        }
        let dir = own.audit.dir.display();
        Err(CliError::failure(format!(
            "`{dir}` and the {LOGS_MAX} audit logs beside it are in use"
        )))
    }
}

/// The lock of a shim on the directory of a log, before anything is made in it; `None`: another one
/// has it.
fn claimed(dir: &Path) -> io::Result<Option<Box<dyn Send + Sync>>> {
    create_dir(&OsFiles, dir)?;
    match OsFiles.lock(&dir.join(CLAIM_NAME)) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        claimed => claimed.map(Some),
    }
}

/// The bytes of a file.
pub(super) fn read(path: impl AsRef<Path>) -> Result<Vec<u8>, CliError> {
    let path = path.as_ref();
    std::fs::read(path)
        .map_err(|error| CliError::unusable(format!("cannot read `{}`: {error}", path.display())))
}
