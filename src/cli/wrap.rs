//! `toolgate wrap`: puts the shim before the MCP servers that a client's configuration starts, and
//! takes it away again. Everything else in the file keeps its bytes, comments among it.

mod clients;
mod comments;
mod entry;
mod servers;
mod starter;
#[cfg(test)]
mod tests;

pub use clients::Client;

use super::output::Colour;
use super::{Cli, CliError, Exit, Output};
use crate::config::Local;
use crate::files::{OsFiles, replace};
use crate::model::json::{Json, Limits, Object};
use clap::{Args, Parser};
use entry::{Server, State};
use servers::Planned;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Largest configuration, in bytes.
const CONFIG_BYTES_MAX: usize = 64 << 20;
const LIMITS: Limits = Limits {
    bytes_max: CONFIG_BYTES_MAX,
    depth_max: 64,
    values_max: usize::MAX,
};
/// What a copy of the file before is called: its name, this, and a number from the second on.
const BACKUP_SUFFIX: &str = ".before-toolgate";
/// Copies that are kept.
const BACKUPS_MAX: usize = 1_000;

/// Put the shim before the MCP servers of a client's configuration (`mcpServers`, `servers`,
/// `context_servers`): from the client's next start on, their calls are decided and recorded.
///
/// The file before is kept beside it. Servers that are wrapped already are brought to these options.
#[derive(Debug, Args)]
pub struct Wrap {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    by: Deciding,
    /// Start these servers again as before, without the shim.
    #[arg(long)]
    unwrap: bool,
    /// Show what the file would be, and change nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Which configuration.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// The client's configuration, JSON with or without comments.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The configuration of this client, where it usually is.
    #[arg(long, value_name = "NAME")]
    client: Option<Client>,
}

/// How the wrapped servers are decided.
#[derive(Debug, Args)]
pub struct Deciding {
    /// The PDP that decides, as `toolgate shim stdio` takes it. Without it and without `--bundle`,
    /// each shim decides by `toolgate/policy.rego` below `$XDG_CONFIG_HOME` or `~/.config`, which is
    /// made with a policy that allows and records everything.
    #[arg(long, value_name = "URL", conflicts_with = "bundle")]
    pdp: Vec<String>,
    /// Decide in each shim's own process instead, by this bundle.
    #[arg(long, value_name = "PATH")]
    bundle: Vec<PathBuf>,
    /// Without `--pdp`: where each server's audit log goes, in a directory of the server's name.
    /// Default: `toolgate/audit-of` below `$XDG_STATE_HOME` or `~/.local/state`.
    #[arg(long, value_name = "DIR", conflicts_with = "pdp")]
    audit: Option<PathBuf>,
    /// These servers alone; may be repeated.
    #[arg(long, value_name = "SERVER")]
    only: Vec<String>,
    /// More options of `toolgate shim stdio`, such as `--principal me`. Paths in them must be
    /// absolute: clients start servers anywhere.
    #[arg(last = true, value_name = "SHIM OPTIONS")]
    shim: Vec<String>,
}

impl Wrap {
    /// Wraps, or unwraps.
    ///
    /// # Errors
    /// A configuration that cannot be used or written, or options that the shim would refuse.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let path = self.which.path()?;
        let text = read(&path)?;
        let planned = match self.unwrap {
            true => servers::unwrapped(&text, &self.by.only),
            false => {
                let shim = self.by.shim(!self.dry_run)?;
                servers::wrapped(&text, &self.by.only, &|server| shim.arguments(server))
            }
        };
        let planned = planned.map_err(|problem| unusable(&path, &problem))?;
        for name in &self.by.only {
            if planned.servers.iter().all(|server| server.name != *name) {
                let problem = format!("it has no server `{name}`");
                return Err(unusable(&path, &problem));
            }
        }
        if self.dry_run {
            return shown(output, &path, &planned);
        }
        let backup = match planned.text == text {
            true => None,
            false => Some(write(&path, &text, &planned.text)?),
        };
        tell(output, &path, backup.as_deref(), &planned);
        Ok(exit(&planned))
    }
}

/// Print a client's configuration with the shim before its servers; changes nothing.
#[derive(Debug, Args)]
pub struct ShimConfig {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    by: Deciding,
}

impl ShimConfig {
    /// Prints it.
    ///
    /// # Errors
    /// As `wrap`.
    pub fn run(self, output: &Output) -> Result<Exit, CliError> {
        let wrap = Wrap {
            which: self.which,
            by: self.by,
            unwrap: false,
            dry_run: true,
        };
        wrap.run(output)
    }
}

impl Which {
    fn path(&self) -> Result<PathBuf, CliError> {
        match (&self.file, self.client) {
            (Some(file), _) => Ok(file.clone()),
            (None, Some(client)) => client.config(),
            (None, None) => Err(CliError::unusable("name a file or a client")),
        }
    }
}

/// What every wrapped server's shim is started with.
struct ShimOptions {
    program: String,
    decided: Vec<String>,
    /// Where logs go, where shims write them.
    audit: Option<PathBuf>,
    more: Vec<String>,
}

impl Deciding {
    fn shim(&self, may_make: bool) -> Result<ShimOptions, CliError> {
        let program = std::env::current_exe().map_err(CliError::failure)?;
        let mut decided = Vec::new();
        let mut audit = None;
        if self.pdp.is_empty() {
            for bundle in self.bundles(may_make)? {
                decided.extend(["--bundle".to_owned(), text(&bundle)?]);
            }
            audit = Some(self.audit()?);
        }
        for pdp in &self.pdp {
            decided.extend(["--pdp".to_owned(), pdp.clone()]);
        }
        let options = ShimOptions {
            program: text(&program)?,
            decided,
            audit,
            more: self.shim.clone(),
        };
        options.check()?;
        Ok(options)
    }

    fn bundles(&self, may_make: bool) -> Result<Vec<PathBuf>, CliError> {
        if self.bundle.is_empty() {
            return Ok(vec![starter::policy(may_make)?]);
        }
        let absolute = self
            .bundle
            .iter()
            .map(|path| fs::canonicalize(path).map_err(|error| unusable(path, &error.to_string())));
        absolute.collect()
    }

    fn audit(&self) -> Result<PathBuf, CliError> {
        match &self.audit {
            Some(dir) => std::path::absolute(dir).map_err(CliError::unusable),
            None => {
                let local = Local::of_process().map_err(CliError::unusable)?;
                Ok(local.state_dir.join("audit-of"))
            }
        }
    }
}

impl ShimOptions {
    fn arguments(&self, server: &str) -> Vec<String> {
        let mut arguments = vec![self.program.clone()];
        arguments.extend(["shim", "stdio", "--server", server].map(str::to_owned));
        arguments.extend(self.decided.iter().cloned());
        if let Some(dir) = &self.audit {
            // A name is one directory, whatever is in it.
            let name = server.replace(['/', '.'], "_");
            let dir = dir.join(name).to_string_lossy().into_owned();
            arguments.extend(["--audit".to_owned(), dir]);
        }
        arguments.extend(self.more.iter().cloned());
        arguments
    }

    /// The shim would take these options.
    fn check(&self) -> Result<(), CliError> {
        let mut arguments = self.arguments("server");
        arguments.extend(["--", "command"].map(str::to_owned));
        match Cli::try_parse_from(arguments) {
            Ok(_) => Ok(()),
            Err(error) => Err(CliError::unusable(format!(
                "the shim would not start with these options: {error}"
            ))),
        }
    }
}

fn text(path: &Path) -> Result<String, CliError> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| unusable(path, "its name is not UTF-8, as a configuration has to be"))
}

fn unusable(path: &Path, problem: &str) -> CliError {
    CliError::unusable(format!("`{}`: {problem}", path.display()))
}

fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    let text = fs::read(path).map_err(|error| unusable(path, &error.to_string()))?;
    match text.len() > CONFIG_BYTES_MAX {
        true => Err(unusable(
            path,
            &format!("it is larger than {CONFIG_BYTES_MAX} bytes"),
        )),
        false => Ok(text),
    }
}

/// Keeps a copy of the file, and puts the new one in its place, or in the place of what it is a link
/// to. Gives the copy's name.
fn write(path: &Path, before: &[u8], after: &[u8]) -> Result<PathBuf, CliError> {
    let failed = |error: io::Error| CliError::failure(format!("`{}`: {error}", path.display()));
    let path = fs::canonicalize(path).map_err(failed)?;
    let permissions = fs::metadata(&path).map_err(failed)?.permissions();
    let put = |to: &Path, content: &[u8]| {
        replace(&OsFiles, to, content)?;
        fs::set_permissions(to, permissions.clone())
    };
    let backup = free_name(&path).map_err(failed)?;
    put(&backup, before).map_err(failed)?;
    put(&path, after).map_err(failed)?;
    Ok(backup)
}

fn free_name(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    for number in 1..=BACKUPS_MAX {
        let number = match number {
            1 => String::new(),
            number => format!("-{number}"),
        };
        let backup = path.with_file_name(format!("{name}{BACKUP_SUFFIX}{number}"));
        if !backup.try_exists()? {
            return Ok(backup);
        }
    }
    Err(io::Error::other("too many copies are beside it already"))
}

fn shown(output: &Output, path: &Path, planned: &Planned) -> Result<Exit, CliError> {
    let text = std::str::from_utf8(&planned.text).map_err(CliError::failure)?;
    if output.is_json() {
        let mut told = told(path, planned);
        told.insert("text", text);
        output.json(&Json::Object(told));
        return Ok(exit(planned));
    }
    output.line(text.trim_end());
    for server in planned.servers.iter().filter(|it| it.state.is_open()) {
        output.note(format!("`{}` {}", server.name, server.state.told()));
    }
    Ok(exit(planned))
}

fn exit(planned: &Planned) -> Exit {
    match planned.servers.iter().any(|server| server.state.is_open()) {
        true => Exit::No,
        false => Exit::Done,
    }
}

fn told(path: &Path, planned: &Planned) -> Object {
    let servers = planned.servers.iter().map(Server::to_json);
    let mut told = Object::new();
    told.insert("file", path.display().to_string());
    told.insert("servers", Json::array(servers));
    told
}

fn tell(output: &Output, path: &Path, backup: Option<&Path>, planned: &Planned) {
    if output.is_json() {
        let backup = backup.map(|path| path.display().to_string());
        let mut told = told(path, planned);
        told.insert("backup", backup.map_or(Json::Null, Json::from));
        return output.json(&Json::Object(told));
    }
    for server in &planned.servers {
        let colour = match server.state.is_open() {
            true => Colour::Yellow,
            false => Colour::Green,
        };
        let told = output.paint(colour, server.state.told());
        output.line(format!("{} {told}", server.name));
    }
    let Some(backup) = backup else {
        return output.line(format!("`{}` is as it was", path.display()));
    };
    output.line(format!(
        "`{}` is changed, and as it was in `{}`: restart the client",
        path.display(),
        backup.display()
    ));
    if planned.servers.iter().any(|it| it.state == State::Wrapped) {
        output.note("take the shim away again with `toolgate wrap --unwrap`");
    }
}
