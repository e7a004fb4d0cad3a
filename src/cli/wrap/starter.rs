//! The policy for who has none yet: everything is allowed, and recorded.

use crate::cli::CliError;
use crate::files::{OsFiles, create_dir, replace};
use std::path::PathBuf;

/// What it is.
pub const POLICY: &str = include_str!("starter.rego");

/// The file with the policy of this user, which is made if it is not there; one that is there stays
/// as it is.
///
/// # Errors
/// There is no home directory, or the file cannot be written.
pub fn policy(may_make: bool) -> Result<PathBuf, CliError> {
    let directory = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let config = directory("XDG_CONFIG_HOME").or_else(|| Some(directory("HOME")?.join(".config")));
    let Some(config) = config else {
        let problem = "neither `XDG_CONFIG_HOME` nor `HOME` is an absolute path: give `--bundle`";
        return Err(CliError::unusable(problem));
    };
    let dir = config.join("toolgate");
    let path = dir.join("policy.rego");
    if may_make && !path.exists() {
        let made = create_dir(&OsFiles, &dir);
        let made = made.and_then(|()| replace(&OsFiles, &path, POLICY.as_bytes()));
        made.map_err(|error| CliError::failure(format!("`{}`: {error}", path.display())))?;
    }
    Ok(path)
}
