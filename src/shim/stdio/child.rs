//! The wrapped server as a child process: started in a process group of its own, ended in steps.

use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long a server may take to end by itself, and again after being asked to, in milliseconds.
/// Clients give a shim 2 s before each of their own steps: the server must be gone before the last,
/// which ends the shim alone.
pub const GRACE_MS: u64 = 1_500;
/// Environment variables that start with this are the shim's own and may be secrets.
const OWN_VARIABLES: &str = "TOOLGATE_";
/// Exit codes of processes that a signal ended start here, as in shells.
const SIGNALLED: i32 = 128;

/// Why the server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// There is no command.
    #[error("no command after `--`; give the MCP server's, such as `-- npx -y some-server`")]
    NoCommand,
    /// The command does not start.
    #[error("cannot start `{program}`: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// The process has no pipe. This does not happen.
    #[error("the server was started without pipes")]
    NoPipe,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    child: Child,
    group: Option<Pid>,
}

impl Server {
    /// Starts a server. Its standard error is this process's; its environment is too, but for
    /// variables that start with `TOOLGATE_`.
    ///
    /// # Errors
    /// There is no command, or it does not start.
    pub fn start(command: &[OsString]) -> Result<(Self, ChildStdin, ChildStdout), ChildError> {
        let (program, arguments) = command.split_first().ok_or(ChildError::NoCommand)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .process_group(0)
            .kill_on_drop(true);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_own(name)) {
            command.env_remove(name);
        }
        let spawned = command.spawn().map_err(|source| ChildError::Spawn {
            program: program.to_string_lossy().into_owned(),
            source,
        });
        let mut child = spawned?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let stdin = stdin.ok_or(ChildError::NoPipe)?;
        let stdout = stdout.ok_or(ChildError::NoPipe)?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let group = id.and_then(Pid::from_raw);
        Ok((Self { child, group }, stdin, stdout))
    }

    /// Waits for the end; gives the exit code.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn wait(&mut self) -> io::Result<u8> {
        Ok(exit_code(self.child.wait().await?))
    }

    /// Ends the server, whose input has been closed: waits, then asks (SIGTERM), waits again, then
    /// kills its whole process group. Gives the exit code.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn end(&mut self, grace: Duration) -> io::Result<u8> {
        match tokio::time::timeout(grace, self.wait()).await {
            Ok(ended) => ended,
            Err(_) => self.end_now(grace).await,
        }
    }

    /// Asks the server to end, waits, then kills its whole process group. Gives the exit code.
    ///
    /// # Errors
    /// The operating system's.
    pub async fn end_now(&mut self, grace: Duration) -> io::Result<u8> {
        self.signal(Signal::TERM);
        if let Ok(ended) = tokio::time::timeout(grace, self.wait()).await {
            return ended;
        }
        self.signal(Signal::KILL);
        self.wait().await
    }

    /// Sends a signal to the server and to what it started.
    pub fn signal(&self, signal: Signal) {
        if let Some(group) = self.group
            && let Err(error) = kill_process_group(group, signal)
        {
            tracing::debug!(%error, ?signal, "signalling the server");
        }
    }
}

/// Whether a variable is the shim's own: a token in it must not reach the server.
fn is_own(name: &OsStr) -> bool {
    name.as_encoded_bytes()
        .starts_with(OWN_VARIABLES.as_bytes())
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => SIGNALLED.saturating_add(signal),
        (None, None) => 1,
    };
    u8::try_from(code).unwrap_or(1)
}

#[cfg(test)]
mod tests;
