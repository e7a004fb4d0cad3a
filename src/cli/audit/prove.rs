//! `toolgate audit prove`.

use crate::audit::prove::LogProofs;
use crate::cli::{CliError, Exit, Output};
use crate::files::OsFiles;
use crate::model::json::Json;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// Prove that a record is in a log.
#[derive(Debug, Args)]
pub struct Prove {
    /// The log's directory.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The record's seq.
    #[arg(long, value_name = "SEQ")]
    seq: u64,
    /// In the log of so many records, which must have been signed; default: the latest.
    #[arg(
        long,
        value_name = "RECORDS",
        default_value_t = 0,
        hide_default_value = true
    )]
    size: u64,
}

impl Prove {
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let proofs = LogProofs::new(&self.dir, Arc::new(OsFiles));
        let proof = proofs
            .inclusion(self.seq, self.size)
            .map_err(CliError::unusable)?;
        let text = proof.to_string();
        match output.is_json() {
            false => output.line(text.trim_end_matches('\n')),
            true => output.json(&Json::object([("proof", text)])),
        }
        Ok(Exit::Done)
    }
}
