//! `toolgate shim`: enforcement in front of an MCP server.

use super::serve::{runtime, worker_threads};
use super::{CliError, Exit, Output};
use crate::app::App;
use crate::config::{Config, Local};
use crate::model::subject::{Asserted, Subject};
use crate::shim::failover::{Failover, REPLICAS_MAX};
use crate::shim::pdp::Pdp;
use crate::shim::remote::token_file::TokenFile;
use crate::shim::remote::{PDP_DEADLINE_MS, RemoteConfig, RemotePdp, Speaker};
use crate::shim::report::ReportConfig;
use crate::shim::session::SessionConfig;
use crate::shim::spool::{SPOOL_BYTES_MAX, SPOOLED_EVENTS_MAX, SpoolConfig, SyncPolicy};
use crate::shim::{Clock, stdio};
use crate::telemetry;
use crate::tlog::VerifierKey;
use crate::wire::Tls;
use clap::{ArgGroup, Args, Subcommand};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

mod slots;
#[cfg(test)]
mod tests;

/// How long a server has to answer a request, in seconds, where nothing else is asked for.
const CALL_TIMEOUT_SECONDS: u64 = 300;

/// Enforce decisions in front of an MCP server.
#[derive(Debug, Args)]
pub struct Shim {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Start an MCP server and stand between it and the client on standard input and output.
    Stdio(Box<Stdio>),
    Status(slots::Status),
    Trust(slots::Trust),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("judge").required(true).args(["pdp", "bundle"]).multiple(false))]
struct Stdio {
    /// The server's name, as policies know it.
    #[arg(long, value_name = "NAME")]
    server: String,
    /// The PDP: unix:/path, http://host:port or https://host:port; of several, separated by commas
    /// or repeated, one is used until it fails, then the next.
    #[arg(long, env = "TOOLGATE_PDP", value_name = "URL", value_delimiter = ',')]
    pdp: Vec<String>,
    /// Decide in this process instead, by this bundle; needs `--audit`.
    #[arg(long, value_name = "PATH", requires = "audit")]
    bundle: Vec<PathBuf>,
    /// With `--bundle`: the directory of the audit log.
    #[arg(long, value_name = "DIR", conflicts_with = "pdp")]
    audit: Option<PathBuf>,
    /// Who calls: the principal that policies and the directory know. Without it and without
    /// `--token-file`, the PDP's own name for this shim.
    #[arg(long, value_name = "ID", conflicts_with = "token_file")]
    principal: Option<String>,
    /// The human on whose behalf the agent acts.
    #[arg(long, value_name = "NAME", requires = "principal")]
    user: Option<String>,
    /// The agent.
    #[arg(long, value_name = "NAME", requires = "principal")]
    agent: Option<String>,
    /// A file with the bearer token of who calls, verified by the PDP.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Context for policies, such as `purpose=billing`; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    context: Vec<(String, String)>,
    /// PEM of the authorities that the PDP's certificate must come from.
    #[arg(long, value_name = "FILE", conflicts_with = "bundle")]
    ca: Option<PathBuf>,
    /// PEM of this shim's certificate chain.
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "bundle")]
    cert: Option<PathBuf>,
    /// PEM of this shim's key.
    #[arg(
        long,
        value_name = "FILE",
        requires = "cert",
        conflicts_with = "bundle"
    )]
    key: Option<PathBuf>,
    /// Where unacknowledged events wait; one directory a running shim.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// The verifier key of the PDP's audit log, `<origin>+<key id>+<key>`; repeated for several logs
    /// or keys. Without it a log is held to its own past alone.
    #[arg(long, value_name = "VKEY", conflicts_with = "bundle")]
    audit_key: Vec<VerifierKey>,
    /// How many events may wait before calls are denied.
    #[arg(long, value_name = "EVENTS", default_value_t = SPOOLED_EVENTS_MAX as u64,
          value_parser = clap::value_parser!(u64).range(64..=1_048_576))]
    spool_events_max: u64,
    /// How much may wait before calls are denied, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = SPOOL_BYTES_MAX >> 20,
          value_parser = clap::value_parser!(u64).range(8..=1_024))]
    spool_mib_max: u64,
    /// How long the PDP has to answer, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = PDP_DEADLINE_MS)]
    pdp_timeout_ms: u64,
    /// How long the server has to answer a request, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = CALL_TIMEOUT_SECONDS)]
    call_timeout_seconds: u64,
    /// Force each event to the disk before its result is shown.
    #[arg(long)]
    sync_each_event: bool,
    /// The least of the log lines on standard error that are shown.
    #[arg(
        long,
        env = "TOOLGATE_LOG_LEVEL",
        default_value = "warn",
        value_name = "LEVEL"
    )]
    log_level: String,
    /// The server's command.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text
        .split_once('=')
        .ok_or("expected KEY=VALUE, such as purpose=billing")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Shim {
    /// Runs until the client or the server ends.
    ///
    /// # Errors
    /// Unusable arguments, or a server or PDP that cannot be started.
    pub fn run(self, output: &Output) -> Result<Exit, CliError> {
        let stdio = match self.kind {
            Kind::Stdio(stdio) => stdio,
            Kind::Status(status) => return status.run(output),
            Kind::Trust(trust) => return trust.run(output),
        };
        telemetry::init(&stdio.log_level, telemetry::LogFormat::Text);
        let code = runtime()?.block_on(stdio.run())?;
        // The shim ends as the server did: a client that restarts servers looks at this.
        std::process::exit(i32::from(code));
    }
}

impl Stdio {
    async fn run(&self) -> Result<u8, CliError> {
        let (pdp, app): (Arc<dyn Pdp>, Option<App>) = match self.pdp.split_first() {
            Some((first, others)) => (self.remotes(first, others)?, None),
            None => {
                let (pdp, app) = self.embedded()?;
                (pdp, Some(app))
            }
        };
        let clock: Clock = Arc::new(telemetry::now);
        let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
        let ended = stdio::run(self.config()?, pdp, clock, input, output).await;
        if let Some(app) = app {
            app.close();
        }
        ended.map_err(CliError::failure)
    }

    fn config(&self) -> Result<stdio::Config, CliError> {
        Ok(stdio::Config {
            session: SessionConfig {
                server: self.server.clone(),
                context: BTreeMap::from_iter(self.context.iter().cloned()),
                pdp_deadline: Duration::from_millis(self.pdp_timeout_ms),
                call_timeout: Duration::from_secs(self.call_timeout_seconds),
            },
            command: self.command.clone(),
            state_dir: self.state_dir()?,
            report: self.report(),
        })
    }

    fn report(&self) -> ReportConfig {
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
        ReportConfig { spool, keys }
    }

    /// Two agents in front of one server have a state each: it is named by server and principal.
    fn state_dir(&self) -> Result<PathBuf, CliError> {
        if let Some(dir) = &self.state {
            return Ok(dir.clone());
        }
        let local = Local::of_process().map_err(CliError::unusable)?;
        let principal = self.principal.as_deref().unwrap_or("self");
        let name = format!("{}-{principal}", self.server).replace(['/', '.'], "_");
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

    fn embedded(&self) -> Result<(Arc<dyn Pdp>, App), CliError> {
        let local = Local::of_process().map_err(CliError::unusable)?;
        let mut config = Config::default_for(&self.bundle, &local);
        if let Some(dir) = &self.audit {
            config.audit.dir.clone_from(dir);
        }
        let app = App::build(&config, worker_threads()).map_err(CliError::failure)?;
        if let Some(refusal) = app.refused() {
            return Err(CliError::unusable(refusal.reason));
        }
        let subject = match self.speaker()? {
            Speaker::Subject(subject) => subject,
            Speaker::Token(file) => Subject::BearerToken(file.token()),
        };
        let pdp = app.embedded(local.uid, subject);
        Ok((Arc::new(pdp), app))
    }
}

fn read(path: impl AsRef<std::path::Path>) -> Result<Vec<u8>, CliError> {
    let path = path.as_ref();
    std::fs::read(path)
        .map_err(|error| CliError::unusable(format!("cannot read `{}`: {error}", path.display())))
}
