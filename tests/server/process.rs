//! `toolgate serve` as a process of its own.

use super::{connect_unix, until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use tokio::net::UnixStream;
use tonic::transport::Channel;

/// A running process; killed when dropped.
pub struct Process {
    child: Child,
    socket: std::path::PathBuf,
}

impl Process {
    /// Starts it in `dir` with the configuration `toolgate.toml`, which names `run.sock`.
    pub async fn start(dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_toolgate"));
        command.args(["serve", "--config", "toolgate.toml"]);
        Self::spawn(command, dir).await
    }

    /// The same, with no file allowed to grow beyond so many blocks of 512 bytes: writing more
    /// fails.
    pub async fn start_with_small_files(dir: &Path, blocks: u32) -> Self {
        let mut command = Command::new("sh");
        // Else the signal ends the process before the write can fail.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_toolgate")]);
        command.args(["serve", "--config", "toolgate.toml"]);
        Self::spawn(command, dir).await
    }

    /// The same, with a command that becomes it.
    pub async fn spawn(mut command: Command, dir: &Path) -> Self {
        let errors = File::create(dir.join("stderr.log")).unwrap();
        let socket = dir.join("run.sock");
        let variables = std::env::vars().map(|(name, _)| name);
        for name in variables.filter(|name| name.starts_with("TOOLGATE_")) {
            command.env_remove(name);
        }
        let mut child = command.current_dir(dir).stderr(errors).spawn().unwrap();
        until("a socket to connect to", async || {
            let ended = child.try_wait().unwrap();
            let said = || std::fs::read_to_string(dir.join("stderr.log")).unwrap();
            assert_eq!(ended, None, "{}", said());
            UnixStream::connect(&socket).await.ok()
        })
        .await;
        Self { child, socket }
    }

    pub async fn connect(&self) -> Channel {
        connect_unix(&self.socket).await
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends SIGHUP.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> ExitStatus {
        until("the end of the process", async || {
            self.child.try_wait().unwrap()
        })
        .await
    }

    /// Sends SIGKILL and waits for its end.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // An error means that it has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
