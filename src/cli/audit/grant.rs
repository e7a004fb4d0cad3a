//! `toolgate audit grant`: an approver's word that somebody may read content.

use super::super::{CliError, Exit, Output};
use crate::audit::content::grant::{GRANT_SECONDS_MAX, Grant as Granted};
use crate::audit::sign::SigningKey;
use crate::files::OsFiles;
use crate::model::json::Json;
use crate::telemetry::now;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// How long a grant may be used, in seconds, where nothing else is asked for.
const GRANT_SECONDS: u64 = 3600;

/// Let somebody read content.
#[derive(Debug, Args)]
pub struct Grant {
    /// The approver's private key: Ed25519, PKCS#8 in PEM.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The approver's name, as in `audit.content.approvers`.
    #[arg(long, value_name = "NAME")]
    approver: String,
    /// What may be read: `ref` of a record, or the beginning of several and `*`.
    #[arg(long = "ref", value_name = "REF", required_unless_present = "show_key")]
    reference: Option<String>,
    /// Who may read it: the name of the caller's entry in the PDP's configuration.
    #[arg(long, value_name = "NAME", required_unless_present = "show_key")]
    reader: Option<String>,
    /// Why: recorded; the reader gives the same.
    #[arg(long, value_name = "TEXT", required_unless_present = "show_key")]
    justification: Option<String>,
    /// For how long, from now.
    #[arg(long, value_name = "SECONDS", default_value_t = GRANT_SECONDS,
        value_parser = clap::value_parser!(u64).range(1..=GRANT_SECONDS_MAX))]
    seconds: u64,
    /// Print the verifier key for `audit.content.approvers` instead.
    #[arg(long)]
    show_key: bool,
}

impl Grant {
    /// Prints the grant.
    ///
    /// # Errors
    /// A key that cannot be used, or texts that do not fit.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let key = SigningKey::read(&self.key, &OsFiles).map_err(CliError::unusable)?;
        if self.show_key {
            let verifier = key.verifier(&self.approver);
            let verifier = verifier
                .ok_or_else(|| CliError::unusable("`--approver` has spaces or `+`, or is empty"))?;
            return Ok(show(output, "verifier_key", &verifier.to_string()));
        }
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let grant = Granted {
            content: text(&self.reference),
            reader: text(&self.reader),
            expires: now().plus(Duration::from_secs(self.seconds)),
            justification: text(&self.justification),
        };
        let note = grant.sign(&key, &self.approver);
        let note = note.map_err(CliError::unusable)?;
        Ok(show(output, "grant", &STANDARD.encode(note)))
    }
}

fn show(output: &Output, name: &str, value: &str) -> Exit {
    match output.is_json() {
        true => output.json(&Json::object([(name, value)])),
        false => output.line(value),
    }
    Exit::Done
}
