//! `toolgate policy`: what a PDP decides by, and how an administrator changes it.

mod show;

use super::decide::remote::{Remote, TlsArgs};
use super::{CliError, Exit, Output};
use crate::wire::{TENANT_METADATA, v1};
use clap::{Args, Subcommand};
use tonic::Request;
use tonic::metadata::{Ascii, MetadataValue};

/// Show and steer the policies of a PDP.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Show what is active, what is held, and what was refused.
    Status(Status),
    /// Have the sources read again now.
    ///
    /// Exit codes: 0 what they say is active, or waits for the end of a rollback; 3 it was refused.
    Reload(Reload),
    /// Make a set that is held active, for a time.
    ///
    /// Until then changes of the sources wait. `policy status` lists the sets that are held.
    Rollback(Rollback),
}

/// Show what is active.
#[derive(Debug, Args)]
pub struct Status {
    #[command(flatten)]
    pdp: PdpArgs,
}

/// Have the sources read again.
#[derive(Debug, Args)]
pub struct Reload {
    #[command(flatten)]
    pdp: PdpArgs,
}

/// Make an earlier set active.
#[derive(Debug, Args)]
pub struct Rollback {
    #[command(flatten)]
    pdp: PdpArgs,
    /// The digest of the set, `sha256:…`.
    #[arg(value_name = "DIGEST")]
    digest: String,
    /// Why: it is recorded, and shown in the status.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// For how long, 1 to 604800 (a week); then the newest good set is active again.
    #[arg(long, value_name = "SECONDS")]
    hold_seconds: u32,
}

/// The PDP that is asked.
#[derive(Debug, Args)]
struct PdpArgs {
    /// The PDP: `unix:/path`, `http://host:port` or `https://host:port`.
    #[arg(long, value_name = "URL")]
    pdp: String,
    /// The tenant; needed of a caller that belongs to several.
    #[arg(long, value_name = "NAME")]
    tenant: Option<MetadataValue<Ascii>>,
    #[command(flatten)]
    tls: TlsArgs,
}

impl Policy {
    /// Asks, and prints the state after it.
    ///
    /// # Errors
    /// A PDP that does not answer, or does not do it.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let status = match self {
            Self::Status(status) => status.ask()?,
            Self::Reload(reload) => reload.ask()?,
            Self::Rollback(rollback) => rollback.ask()?,
        };
        match output.is_json() {
            true => output.json(&show::json(&status)),
            false => show::text(output, &status),
        }
        let is_no = matches!(self, Self::Reload(_)) && status.refused.is_some();
        Ok(if is_no { Exit::No } else { Exit::Done })
    }
}

impl PdpArgs {
    fn connect(&self) -> Result<Remote, CliError> {
        Remote::new(&self.pdp, &self.tls, None)
    }

    /// A request about the tenant that is named.
    fn request<T>(&self, remote: &Remote, message: T) -> Request<T> {
        let mut request = remote.request(message);
        if let Some(tenant) = &self.tenant {
            let metadata = request.metadata_mut();
            metadata.insert(TENANT_METADATA, tenant.clone());
        }
        request
    }
}

impl Status {
    fn ask(&self) -> Result<v1::GetStatusResponse, CliError> {
        let remote = self.pdp.connect()?;
        let mut policies = remote.policies();
        let asked = policies.get_status(self.pdp.request(&remote, v1::GetStatusRequest {}));
        Ok(remote.wait(asked)?.into_inner())
    }
}

impl Reload {
    fn ask(&self) -> Result<v1::GetStatusResponse, CliError> {
        let remote = self.pdp.connect()?;
        let mut policies = remote.policies();
        let reload = self.pdp.request(&remote, v1::ReloadRequest {});
        let reloaded = remote.wait(policies.reload(reload))?;
        Ok(reloaded.into_inner().status.unwrap_or_default())
    }
}

impl Rollback {
    fn ask(&self) -> Result<v1::GetStatusResponse, CliError> {
        let remote = self.pdp.connect()?;
        let mut policies = remote.policies();
        let rollback = v1::RollbackRequest {
            digest: self.digest.clone(),
            reason: self.reason.clone(),
            hold_seconds: self.hold_seconds,
        };
        let rollback = self.pdp.request(&remote, rollback);
        let rolled_back = remote.wait(policies.rollback(rollback))?;
        Ok(rolled_back.into_inner().status.unwrap_or_default())
    }
}
