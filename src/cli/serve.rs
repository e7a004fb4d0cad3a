//! `toolgate serve`.

use super::{CliError, Exit, Output};
use crate::app::{App, Bound};
use crate::config::{Config, Local, LogFormat, LogLevel, Overrides};
use crate::engine::STACK_BYTES;
use crate::telemetry;
use clap::{ArgGroup, Args};
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Serve decisions over gRPC.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["config", "bundle"]).multiple(false))]
pub struct Serve {
    /// The configuration file (TOML); see docs/configuration.md.
    #[arg(long, env = "TOOLGATE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// A bundle: a directory, a `.rego` file or an OPA `.tar.gz`. Without `--config` only: serves
    /// on a Unix socket that this user alone can use.
    #[arg(long, value_name = "PATH")]
    bundle: Vec<PathBuf>,
    /// With `--bundle`: where the Unix socket is.
    #[arg(long, value_name = "PATH", requires = "bundle")]
    socket: Option<PathBuf>,
    /// With `--bundle`: the directory of the audit log.
    #[arg(long, value_name = "DIR", requires = "bundle")]
    audit: Option<PathBuf>,
    /// Check the configuration, and end.
    #[arg(long)]
    check_config: bool,
}

impl Serve {
    /// Serves until SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    /// Unusable configuration, or what keeps the process from serving.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let config = self.config()?;
        if self.check_config {
            output.line("the configuration is valid");
            return Ok(Exit::Done);
        }
        start_logging(&config);
        let runtime = runtime()?;
        runtime.block_on(async {
            // Before anything listens, so that whoever sees a socket may already end the process.
            let stopped = shutdown().map_err(CliError::failure)?;
            let app = App::build(&config, worker_threads()).map_err(CliError::failure)?;
            let bound = app.bind().await.map_err(CliError::failure)?;
            announce(&bound);
            bound.run(stopped).await.map_err(CliError::failure)
        })?;
        Ok(Exit::Done)
    }

    fn config(&self) -> Result<Config, CliError> {
        if let Some(path) = &self.config {
            return Config::load(path, &Overrides::of_process()).map_err(CliError::unusable);
        }
        let local = Local::of_process().map_err(CliError::unusable)?;
        let mut config = Config::default_for(&self.bundle, &local);
        if let (Some(path), Some(unix)) = (&self.socket, &mut config.listen.unix) {
            unix.path.clone_from(path);
        }
        if let Some(dir) = &self.audit {
            config.audit.dir.clone_from(dir);
        }
        Ok(config)
    }
}

/// Starts logging as configured.
pub(super) fn start_logging(config: &Config) {
    let level = match config.log.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
        LogLevel::Trace => "trace",
    };
    let format = match config.log.format {
        LogFormat::Text => telemetry::LogFormat::Text,
        LogFormat::Json => telemetry::LogFormat::Json,
    };
    telemetry::init(level, format);
}

/// As many threads that decide as there are processors.
pub(super) fn worker_threads() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The runtime: policies recurse, so its threads have large stacks.
pub(super) fn runtime() -> Result<Runtime, CliError> {
    Builder::new_multi_thread()
        .worker_threads(worker_threads().get())
        .thread_stack_size(STACK_BYTES)
        .enable_all()
        .build()
        .map_err(CliError::failure)
}

fn announce(bound: &Bound) {
    if let Some(path) = bound.unix_path() {
        tracing::info!("listening on unix:{}", path.display());
    }
    if let Some(address) = bound.tcp_address() {
        tracing::info!("listening on {address}");
    }
    if let Some(address) = bound.http_address() {
        tracing::info!("metrics on http://{address}/metrics");
    }
}

/// Resolves at the first SIGTERM or SIGINT after the call.
fn shutdown() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("draining");
    })
}
