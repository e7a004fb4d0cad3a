//! A small MCP client that speaks to a shim as an agent's client program would.

use super::workspace::Workspace;
use crate::cli::CliError;
use crate::model::json::{Json, Limits, Object, parse};
use std::ffi::OsString;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How long an answer may take, and a shim to end, in milliseconds.
const ANSWER_MS_MAX: u64 = 10_000;
/// How long the PDP has to answer a shim, in milliseconds: far more than it needs, since the demo
/// also runs on machines that are busy.
const PDP_MS_MAX: u64 = 5_000;
/// The protocol revision that is asked for.
pub const PROTOCOL: &str = "2025-11-25";

/// An agent's connection to the server, through a shim of its own.
pub struct Agent {
    /// The principal.
    pub principal: &'static str,
    shim: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    last_id: u64,
}

impl Agent {
    /// Starts the shim in front of the demo's server, and shakes hands.
    pub async fn connect(workspace: &Workspace, principal: &'static str) -> Result<Self, CliError> {
        let program = std::env::current_exe().map_err(CliError::failure)?;
        let mut shim = Command::new(&program)
            .args(shim_arguments(workspace, principal, &program))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(CliError::failure)?;
        let no_pipe = || CliError::failure("the shim was started without pipes");
        let input = shim.stdin.take().ok_or_else(no_pipe)?;
        let output = shim.stdout.take().ok_or_else(no_pipe)?;
        let mut agent = Self {
            principal,
            shim,
            input,
            output: BufReader::new(output).lines(),
            last_id: 0,
        };
        agent.initialize().await?;
        Ok(agent)
    }

    async fn initialize(&mut self) -> Result<(), CliError> {
        let client = [("name", "toolgate-demo"), ("version", "1")];
        let params = Json::object([
            ("protocolVersion", Json::from(PROTOCOL)),
            ("capabilities", Object::new().into()),
            ("clientInfo", Json::object(client)),
        ]);
        let answer = self.request("initialize", params).await?;
        let agreed = answer
            .get("result")
            .and_then(|it| it.get("protocolVersion"));
        if agreed.and_then(Json::as_str) != Some(PROTOCOL) {
            let text = format!("`initialize` was answered {answer}");
            return Err(CliError::failure(text));
        }
        let note = [("jsonrpc", "2.0"), ("method", "notifications/initialized")];
        self.send(&Json::object(note)).await
    }

    /// Sends a request and waits for its answer: the whole message.
    pub async fn request(&mut self, method: &str, params: Json) -> Result<Json, CliError> {
        self.last_id += 1;
        let id = self.last_id;
        let request = Json::object([
            ("jsonrpc", Json::from("2.0")),
            ("id", id.into()),
            ("method", method.into()),
            ("params", params),
        ]);
        self.send(&request).await?;
        let at_most = Duration::from_millis(ANSWER_MS_MAX);
        let answer = tokio::time::timeout(at_most, self.answer(id)).await;
        answer.unwrap_or_else(|_| {
            let text = format!("`{method}` was not answered within {ANSWER_MS_MAX} ms");
            Err(CliError::failure(text))
        })
    }

    async fn send(&mut self, message: &Json) -> Result<(), CliError> {
        let mut line = message.to_bytes();
        line.push(b'\n');
        self.input
            .write_all(&line)
            .await
            .map_err(CliError::failure)?;
        self.input.flush().await.map_err(CliError::failure)
    }

    async fn answer(&mut self, id: u64) -> Result<Json, CliError> {
        loop {
            let line = self.output.next_line().await.map_err(CliError::failure)?;
            let line = line.ok_or_else(|| CliError::failure("the shim has ended"))?;
            let message = parse(line.as_bytes(), Limits::REQUEST).map_err(CliError::failure)?;
            // Notifications have no id.
            if message.get("id").and_then(Json::as_u64) == Some(id) {
                return Ok(message);
            }
        }
    }

    /// Hangs up and waits until the shim has handed over what it knows.
    pub async fn hang_up(self) -> Result<(), CliError> {
        let Self {
            mut shim,
            input,
            output,
            ..
        } = self;
        drop(input);
        let at_most = Duration::from_millis(ANSWER_MS_MAX);
        let ended = tokio::time::timeout(at_most, shim.wait()).await;
        drop(output);
        match ended {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(CliError::failure(format!("a shim ended with {status}"))),
            Ok(Err(error)) => Err(CliError::failure(error)),
            Err(_) => Err(CliError::failure("a shim did not end")),
        }
    }
}

/// `shim stdio … -- toolgate demo-server`, as one would write it into a client's configuration.
pub fn shim_arguments(
    workspace: &Workspace,
    principal: &str,
    program: &std::path::Path,
) -> Vec<OsString> {
    let pdp = format!("unix:{}", workspace.socket().display());
    let timeout = PDP_MS_MAX.to_string();
    let state = workspace.shim_state(principal);
    let mut arguments: Vec<OsString> = ["shim", "stdio", "--server", "demo", "--pdp"]
        .map(OsString::from)
        .to_vec();
    arguments.push(pdp.into());
    arguments.extend(["--pdp-timeout-ms", &timeout, "--principal", principal].map(OsString::from));
    arguments.extend(["--state".into(), state.into_os_string(), "--".into()]);
    arguments.extend([program.as_os_str().to_owned(), "demo-server".into()]);
    arguments
}
