//! `toolgate shim http`: a proxy before a server that speaks Streamable HTTP.

use super::common::{Common, read};
use crate::cli::serve::runtime;
use crate::cli::{CliError, Exit, Output};
use crate::model::subject::Token;
use crate::shim::Clock;
use crate::shim::event::Transport;
use crate::shim::http::speaker::Resource;
use crate::shim::http::{self, UpstreamToken};
use crate::shim::remote::token_file::TokenFile;
use crate::telemetry;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use url::Url;

/// Stand between clients and an MCP server that speaks Streamable HTTP.
#[derive(Debug, Args)]
pub(super) struct Http {
    #[command(flatten)]
    common: Common,
    /// Where clients connect: a loopback address.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8931")]
    listen: SocketAddr,
    /// The server: http://… or https://…. Clients use its path at `--listen`.
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// A file with the bearer token that the shim shows the server.
    #[arg(long, value_name = "FILE", conflicts_with = "upstream_token_env")]
    upstream_token_file: Option<PathBuf>,
    /// The environment variable that has that token.
    #[arg(long, value_name = "VARIABLE")]
    upstream_token_env: Option<String>,
    /// PEM of the authorities that the server's certificate must come from; the system's without it.
    #[arg(long, value_name = "FILE")]
    upstream_ca: Option<PathBuf>,
    /// Each request has to bring a bearer token, which says who calls and which the PDP verifies.
    #[arg(long, conflicts_with_all = ["bundle", "principal", "token_file"])]
    require_token: bool,
    /// The proxy's address as clients know it: the resource that their tokens are for.
    #[arg(long, value_name = "URL", requires_all = ["require_token", "authorization_server"])]
    resource: Option<Url>,
    /// Who gives tokens for it; may be repeated.
    #[arg(long, value_name = "URL", requires = "resource")]
    authorization_server: Vec<String>,
    /// Another value of `Host` that names this proxy; may be repeated.
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    /// A value of `Origin` whose pages may use this proxy; may be repeated.
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,
}

impl Http {
    /// Runs until it is asked to end.
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        telemetry::init(&self.common.log_level, telemetry::LogFormat::Text);
        runtime()?.block_on(self.serve(output))?;
        Ok(Exit::Done)
    }

    async fn serve(&self, output: &Output) -> Result<(), CliError> {
        let config = self.config()?;
        let (pdp, app) = self.common.pdp()?;
        let clock: Clock = Arc::new(telemetry::now);
        let listening = |address, path: &str| {
            output.line(format!("listening on http://{address}{path}"));
        };
        let ended = http::run(config, pdp, clock, listening).await;
        if let Some(app) = app {
            app.close();
        }
        ended.map_err(CliError::failure)
    }

    fn config(&self) -> Result<http::Config, CliError> {
        let proves_itself = self.common.cert.is_some()
            || self.common.pdp.iter().all(|url| url.starts_with("unix:"));
        if self.require_token && !proves_itself {
            return Err(CliError::unusable(
                "with `--require-token` the shim itself is known to the PDP by `--cert` and `--key`, or by a Unix socket",
            ));
        }
        let resource = self.resource.clone().map(|url| Resource {
            url,
            authorization_servers: self.authorization_server.clone(),
        });
        Ok(http::Config {
            session: self.common.session(),
            listen: self.listen,
            hosts: self.allow_host.clone(),
            origins: self.allow_origin.clone(),
            upstream: self.upstream.clone(),
            upstream_ca_pem: self.upstream_ca.as_deref().map(read).transpose()?,
            upstream_token: self.upstream_token()?,
            bearers: self.require_token.then_some(resource),
            state_dir: self.common.state_dir(Transport::Http)?,
            report: self.common.report(Transport::Http),
        })
    }

    fn upstream_token(&self) -> Result<Option<UpstreamToken>, CliError> {
        if let Some(path) = &self.upstream_token_file {
            let file = TokenFile::open(path).map_err(CliError::unusable)?;
            return Ok(Some(UpstreamToken::File(file)));
        }
        let Some(variable) = &self.upstream_token_env else {
            return Ok(None);
        };
        let text = std::env::var(variable).unwrap_or_default();
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem = format!("the variable `{variable}` has no bearer token in it");
            return Err(CliError::unusable(problem));
        }
        Ok(Some(UpstreamToken::Fixed(Token::new(text))))
    }
}
