//! `toolgate serve`.

use super::{CliError, Exit, Output};
use crate::app::{self, App, Bound};
use crate::config::{Config, Local, LogFormat, Overrides};
use crate::engine::STACK_BYTES;
use crate::telemetry;
use clap::{ArgGroup, Args};
use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Serve decisions over gRPC.
// Of two that exclude each other neither can require a third: `requires` has no effect on them.
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
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    socket: Option<PathBuf>,
    /// With `--bundle`: the directory of the audit log.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    audit: Option<PathBuf>,
    /// Check the configuration and every file that it names (certificates, keys, bundles), and end.
    #[arg(long)]
    check_config: bool,
    /// Listen on TCP beyond loopback without TLS, where others can read and change what passes.
    #[arg(long, conflicts_with = "bundle")]
    insecure: bool,
}

impl Serve {
    /// Serves until SIGTERM or SIGINT, then drains.
    ///
    /// # Errors
    /// Unusable configuration, or what keeps the process from serving.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let config = self.config()?;
        if self.check_config {
            let problems = app::check(&config);
            if !problems.is_empty() {
                return Err(CliError::unusable(problems.join("\n")));
            }
            for warning in app::warnings(&config) {
                output.note(format!("warning: {warning}"));
            }
            output.line("the configuration is valid");
            return Ok(Exit::Done);
        }
        start_logging(&config);
        let runtime = runtime()?;
        runtime.block_on(async {
            // Before anything listens, so that whoever sees a socket may already end the process.
            let (stopped, at_once) = shutdown().map_err(CliError::failure)?;
            let app = App::build(&config, worker_threads()).map_err(CliError::failure)?;
            let bound = app.bind().await.map_err(CliError::failure)?;
            self.follow_hangups(config).map_err(CliError::failure)?;
            tokio::spawn(say_left_out());
            announce(&bound);
            bound
                .run_until(stopped, at_once)
                .await
                .map_err(CliError::failure)
        })?;
        telemetry::say_all_left_out();
        Ok(Exit::Done)
    }

    /// Reads `[log]` anew at each SIGHUP. Everything else is as it was at the start.
    fn follow_hangups(&self, started: Config) -> io::Result<()> {
        let mut hangups = signal(SignalKind::hangup())?;
        let (path, overrides) = (self.config.clone(), self.overrides());
        tokio::spawn(async move {
            while hangups.recv().await.is_some() {
                let Some(path) = &path else { continue };
                match Config::load(path, &overrides) {
                    Ok(config) => {
                        let (level, lines_max) =
                            (config.log.level.as_str(), config.log.sample_lines_max);
                        telemetry::set_level(level);
                        telemetry::set_lines_max(lines_max);
                        tracing::info!(level, sample_lines_max = lines_max, "log level set anew");
                        if needs_restart(&started, &config) {
                            tracing::warn!("other keys have changed: they need a restart");
                        }
                    }
                    Err(error) => tracing::error!(%error, "the log level stays"),
                }
            }
        });
        Ok(())
    }

    /// The environment, and the flags that win over it.
    fn overrides(&self) -> Overrides {
        let mut overrides = Overrides::of_process();
        if self.insecure {
            overrides.set("listen.insecure", "true", "--insecure");
        }
        overrides
    }

    fn config(&self) -> Result<Config, CliError> {
        if let Some(path) = &self.config {
            return Config::load(path, &self.overrides()).map_err(CliError::unusable);
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

/// Whether anything has changed that a signal does not put in force.
fn needs_restart(started: &Config, read: &Config) -> bool {
    let mut read = read.clone();
    read.log.level = started.log.level;
    read.log.sample_lines_max = started.log.sample_lines_max;
    read != *started
}

/// Starts logging as configured.
pub(super) fn start_logging(config: &Config) {
    let format = match config.log.format {
        LogFormat::Text => telemetry::LogFormat::Text,
        LogFormat::Json => telemetry::LogFormat::Json,
    };
    telemetry::init(config.log.level.as_str(), format);
    telemetry::set_lines_max(config.log.sample_lines_max);
}

/// Says from time to time which lines of the log were too many.
async fn say_left_out() {
    let mut again = tokio::time::interval(telemetry::SAMPLING_INTERVAL);
    loop {
        again.tick().await;
        telemetry::say_left_out();
    }
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

/// The first resolves at the first SIGTERM or SIGINT after the call, the second at the second.
fn shutdown() -> io::Result<(impl Future<Output = ()>, impl Future<Output = ()>)> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (first, asked) = oneshot::channel();
    let (second, asked_again) = oneshot::channel();
    tokio::spawn(async move {
        for signal in [first, second] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            // Whoever waited may be done already.
            let _done = signal.send(());
        }
    });
    let draining = async move {
        let _signalled = asked.await;
        tracing::info!("draining");
    };
    let at_once = async move { drop(asked_again.await) };
    Ok((draining, at_once))
}
