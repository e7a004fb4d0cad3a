//! `toolgate audit keygen`.

use crate::audit::sign::SigningKey;
use crate::cli::{CliError, Exit, Output};
use crate::files::{OsFiles, replace};
use crate::model::json::Json;
use clap::Args;
use std::path::PathBuf;

/// Make a key that signs audit logs.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("key").required(true))]
pub struct Keygen {
    /// The file to make: the private key, for `audit.signing.key_file`. One that is there is left
    /// as it is.
    #[arg(long, value_name = "FILE", group = "key")]
    out: Option<PathBuf>,
    /// Make no key: show the public one of this file.
    #[arg(long, value_name = "FILE", group = "key")]
    show: Option<PathBuf>,
    /// The log's origin, `audit.origin`: the name of the key in checkpoints. With tenants each has
    /// its own, `<audit.origin>/<tenant>`.
    #[arg(long, default_value = "toolgate")]
    origin: String,
}

impl Keygen {
    pub(super) fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let key = match (&self.out, &self.show) {
            (Some(out), _) => {
                if out.exists() {
                    let out = out.display();
                    let refused = format!("`{out}` is there already: name another file");
                    return Err(CliError::unusable(refused));
                }
                let (key, pem) = SigningKey::generate().map_err(CliError::failure)?;
                replace(&OsFiles, out, pem.as_bytes()).map_err(|error| {
                    CliError::failure(format!("cannot write `{}`: {error}", out.display()))
                })?;
                key
            }
            (None, Some(file)) => SigningKey::read(file, &OsFiles).map_err(CliError::unusable)?,
            (None, None) => return Err(CliError::unusable("give `--out` or `--show`")),
        };
        let verifier = key.verifier(&self.origin).ok_or_else(|| {
            let origin = &self.origin;
            CliError::unusable(format!(
                "`{origin}` cannot name a key: it is empty, or has spaces or `+`"
            ))
        })?;
        let verifier = verifier.to_string();
        match output.is_json() {
            false => output.line(&verifier),
            true => output.json(&Json::object([("key", verifier)])),
        }
        Ok(Exit::Done)
    }
}
