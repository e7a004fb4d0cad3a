//! `toolgate shim`: enforcement in front of an MCP server.

use super::serve::runtime;
use super::{CliError, Exit, Output};
use crate::shim::event::Transport;
use crate::shim::{Clock, stdio};
use crate::telemetry;
use clap::{Args, Subcommand};
use common::Common;
use std::ffi::OsString;
use std::sync::Arc;

mod common;
mod http;
mod slots;
#[cfg(test)]
mod tests;

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
    Http(Box<http::Http>),
    Config(super::wrap::ShimConfig),
    Status(slots::Status),
    Trust(slots::Trust),
}

#[derive(Debug, Args)]
struct Stdio {
    #[command(flatten)]
    common: Common,
    /// The server's command.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl Shim {
    /// Runs until the client or the server ends.
    ///
    /// # Errors
    /// Unusable arguments, or a server or PDP that cannot be started.
    pub fn run(self, output: &Output) -> Result<Exit, CliError> {
        let stdio = match self.kind {
            Kind::Stdio(stdio) => stdio,
            Kind::Http(http) => return http.run(output),
            Kind::Config(config) => return config.run(output),
            Kind::Status(status) => return status.run(output),
            Kind::Trust(trust) => return trust.run(output),
        };
        telemetry::init(&stdio.common.log_level, telemetry::LogFormat::Text);
        let code = runtime()?.block_on(stdio.run())?;
        // The shim ends as the server did: a client that restarts servers looks at this.
        std::process::exit(i32::from(code));
    }
}

impl Stdio {
    async fn run(&self) -> Result<u8, CliError> {
        let (pdp, app) = self.common.pdp()?;
        let clock: Clock = Arc::new(telemetry::now);
        let (input, output) = (tokio::io::stdin(), tokio::io::stdout());
        let config = stdio::Config {
            session: self.common.session(),
            command: self.command.clone(),
            state_dir: self.common.state_dir(Transport::Stdio)?,
            report: self.common.report(Transport::Stdio),
        };
        let ended = stdio::run(config, pdp, clock, input, output).await;
        if let Some(app) = app {
            app.close();
        }
        ended.map_err(CliError::failure)
    }
}
