//! toolgate with programs of others: an MCP server from npm, the Python SDK, gRPC clients. The
//! programs come from `make tools`.

mod calling;
mod everything;
mod http;
mod readme;
mod secrets;
mod shim;
mod wrapped;

use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// How long anything may take: far longer than it ever takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A program that `make tools` installs.
pub fn tool(path: &str) -> PathBuf {
    let program = root().join("target/tools").join(path);
    assert!(
        program.exists(),
        "`{}` is missing: run `make tools`",
        program.display()
    );
    program
}

/// The Python that has `grpcio`, `grpcio-tools` and `mcp`.
fn python() -> Command {
    Command::new(tool("venv/bin/python"))
}

fn toolgate() -> &'static str {
    env!("CARGO_BIN_EXE_toolgate")
}

/// What a program wrote to standard output; it must have succeeded.
fn stdout_of(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The lines of a pipe, read by a thread so that waiting for one can end.
struct Lines(Receiver<String>);

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(pipe).lines().map_while(Result::ok);
            lines
                .take_while(|line| sender.send(line.clone()).is_ok())
                .count()
        });
        Self(receiver)
    }

    /// The first line that is wanted; others are skipped.
    fn find(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        loop {
            match self.0.recv_timeout(DEADLINE) {
                Ok(line) if wanted(&line) => return line,
                Ok(_) => {}
                Err(error) => panic!("{what} did not come: {error}"),
            }
        }
    }

    /// Waits for the end of the pipe.
    fn end(&self) {
        loop {
            match self.0.recv_timeout(DEADLINE) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => panic!("the program did not end"),
            }
        }
    }
}

/// A process that is gone with this value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Speaks JSON-RPC to a program, line by line.
struct Talk {
    process: Process,
    input: Option<ChildStdin>,
    output: Lines,
}

impl Talk {
    fn start(command: &[OsString]) -> Self {
        let (program, arguments) = command.split_first().unwrap();
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let output = Lines::of(child.stdout.take().unwrap());
        let process = Process(child);
        Self {
            process,
            input,
            output,
        }
    }

    /// Sends a message.
    fn say(&mut self, message: &str) {
        let mut input = self.input.as_ref().unwrap();
        input.write_all(format!("{message}\n").as_bytes()).unwrap();
    }

    /// Sends a message and, if it has an id, gives the line that answers it.
    fn ask(&mut self, message: &str) -> String {
        self.say(message);
        let id = serde_json::from_str::<Value>(message).unwrap()["id"].clone();
        if id.is_null() {
            return String::new();
        }
        let answers = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            line.get("method").is_none() && line["id"] == id
        };
        self.output.find(message, answers)
    }

    /// Hangs up and waits for the end.
    fn end(mut self) -> ExitStatus {
        drop(self.input.take());
        self.output.end();
        self.process.0.wait().unwrap()
    }
}

/// The command of a shim in front of the server `everything`, with policies of its own.
fn shim_in_front(server: &[OsString], directory: &Path) -> Vec<OsString> {
    let bundle = root().join("tests/data/programs/everything");
    let (audit, state) = (directory.join("audit"), directory.join("state"));
    let own: [&OsStr; 14] = [
        toolgate().as_ref(),
        "shim".as_ref(),
        "stdio".as_ref(),
        "--server".as_ref(),
        "everything".as_ref(),
        "--principal".as_ref(),
        "agent".as_ref(),
        "--bundle".as_ref(),
        bundle.as_ref(),
        "--audit".as_ref(),
        audit.as_ref(),
        "--state".as_ref(),
        state.as_ref(),
        "--".as_ref(),
    ];
    own.into_iter()
        .map(OsStr::to_owned)
        .chain(server.iter().cloned())
        .collect()
}
