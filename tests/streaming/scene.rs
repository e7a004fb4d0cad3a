//! PDPs, shims and what both leave on disk.

use crate::server::process::Process;
use crate::server::{config, of_type, records, until, write_files};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use toolgate::shim::spool::format;

/// A server in `sh`: notes each call's id in `$1`; `slow` waits until there is `$1.go`.
const SERVER: &str = r#"
while read -r line; do
    id=${line#*\"id\":}
    id=${id%%,*}
    case $line in
    *'"initialize"'*) echo '{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}' ;;
    *'"tools/list"'*) echo '{"jsonrpc":"2.0","id":'"$id"',"result":{"tools":[{"name":"read"},{"name":"slow"}]}}' ;;
    *'"tools/call"'*)
        echo "$id" >>"$1"
        case $line in *'"slow"'*) until [ -e "$1.go" ]; do sleep 0.01; done ;; esac
        echo '{"jsonrpc":"2.0","id":'"$id"',"result":{"content":[{"type":"text","text":"{}"}]}}'
        ;;
    esac
done
"#;
const INITIALIZE: &str =
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// A PDP's directory, and the PDP while it runs.
pub struct Pdp {
    pub dir: TempDir,
    process: Option<Process>,
}

impl Pdp {
    pub async fn start(origin: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let policy = "package policies.crm\nallow contains \"crm.all\"\n";
        write_files(&dir.path().join("main"), [("p.rego", policy)]);
        // What is asked of shims here is not what a killed PDP may lose in mode `async`.
        let audit =
            format!("[audit]\ndir = \"audit\"\norigin = \"{origin}\"\nmode = \"durable\"\n");
        let limits = "[limits]\nevaluation_milliseconds_max = 5000\n";
        let signing = "[audit.signing]\ncheckpoint_ms_max = 10\n";
        let text = config(&format!("{audit}{signing}{limits}"));
        write_files(dir.path(), [("toolgate.toml", text.as_str())]);
        let mut pdp = Self { dir, process: None };
        pdp.restart().await;
        pdp
    }

    pub async fn restart(&mut self) {
        self.process = Some(Process::start(self.dir.path()).await);
    }

    /// Without warning.
    pub fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    pub async fn stop(&mut self) {
        let process = self.process.take().unwrap();
        process.terminate();
        assert!(process.ended().await.success());
    }

    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("run.sock")
    }

    pub fn log(&self) -> PathBuf {
        self.dir.path().join("audit")
    }

    pub fn records(&self) -> Vec<Value> {
        records(&self.log())
    }
}

/// Where a shim keeps its state, and its server notes what it was asked.
pub struct Place(TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The ids of the calls that reached the server.
    pub fn called(&self) -> BTreeSet<u64> {
        let text = std::fs::read_to_string(self.path("called")).unwrap_or_default();
        text.lines().map(|id| id.parse().unwrap()).collect()
    }

    /// Waits until every event of the shim is acknowledged.
    pub async fn drained(&self) {
        let spool = self.path("state/0/spool");
        until("an empty spool", async || {
            let contents = format::read(&std::fs::read(&spool).ok()?);
            assert_eq!((contents.damaged_lines, contents.lost()), (0, 0));
            let is_empty = contents.events.is_empty() && contents.forwarded.is_empty();
            is_empty.then_some(())
        })
        .await;
    }

    /// Starts a shim that knows these PDPs, and shakes hands with the server behind it.
    pub async fn shim(&self, pdps: &[&Path], timeout_ms: u64) -> Client {
        self.shim_with(pdps, timeout_ms, &[]).await
    }

    /// The same with more options.
    pub async fn shim_with(&self, pdps: &[&Path], timeout_ms: u64, more: &[&str]) -> Client {
        let mut command = Command::new(env!("CARGO_BIN_EXE_toolgate"));
        command.args(["shim", "stdio", "--server", "crm", "--principal", "agent_x"]);
        for pdp in pdps {
            command.args(["--pdp", &format!("unix:{}", pdp.display())]);
        }
        command.args(["--pdp-timeout-ms", &timeout_ms.to_string()]);
        command.args(more);
        command.arg("--state").arg(self.path("state"));
        command.args(["--", "sh", "-c", SERVER, "sh"]);
        command.arg(self.path("called"));
        let errors = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("stderr.log"));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors.unwrap());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut client = Client {
            child,
            input,
            output,
        };
        client.say(INITIALIZE).await;
        client.answer(0).await;
        client.say(INITIALIZED).await;
        client
    }
}

/// A client's end of a shim.
pub struct Client {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Client {
    pub async fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.input.write_all(line.as_bytes()).await.unwrap();
    }

    pub async fn send_call(&mut self, id: u64, tool: &str) {
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","arguments":{{}}}}}}"#
        );
        self.say(&line).await;
    }

    /// The answer under this id; whatever else comes is passed over.
    pub async fn answer(&mut self, id: u64) -> Value {
        let found = async {
            loop {
                let line = self.output.next_line().await.unwrap();
                let line: Value = serde_json::from_str(&line.expect("the end")).unwrap();
                if line["id"] == json!(id) && line.get("method").is_none() {
                    return line;
                }
            }
        };
        let at_most = std::time::Duration::from_secs(60);
        tokio::time::timeout(at_most, found)
            .await
            .expect("no answer")
    }

    /// Whether the call was let through.
    pub async fn call(&mut self, id: u64) -> bool {
        self.denied(id).await.is_none()
    }

    /// The reason of the call's denial; none where it was let through.
    pub async fn denied(&mut self, id: u64) -> Option<String> {
        self.send_call(id, "read").await;
        let answer = self.answer(id).await;
        let result = &answer["result"];
        let code = &result["_meta"]["toolgate/decision"]["code"];
        result
            .get("isError")
            .map(|_| code.as_str().unwrap().to_owned())
    }

    /// Without warning.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Hangs up; the shim hands over what it can.
    pub async fn end(mut self) {
        drop(self.input);
        assert!(self.child.wait().await.unwrap().success());
    }
}

/// Checks the logs: nothing twice in one, no gap, and every call that reached the server has its
/// decision and its outcome, in whichever log.
pub fn check(logs: &[Vec<Value>], called: &BTreeSet<u64>) {
    for log in logs {
        let mut seen = BTreeSet::new();
        let ids = log.iter().filter_map(|record| record["event_id"].as_str());
        let twice: Vec<_> = ids.filter(|id| !seen.insert(*id)).collect();
        assert_eq!(twice, [""; 0], "recorded twice in one log");
        assert_eq!(of_type(log, "gap"), [Value::Null; 0]);
    }
    let missing = without_outcome(logs, called);
    assert!(missing.is_empty(), "calls without an outcome: {missing:?}");
}

/// Which of these calls have no outcome whose decision is in one of the logs. A decision has one
/// outcome at most, once the second event of one id is dropped.
pub fn without_outcome(logs: &[Vec<Value>], calls: &BTreeSet<u64>) -> Vec<u64> {
    let outcomes = logs.iter().flat_map(|log| of_type(log, "outcome"));
    let mut events: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for outcome in outcomes {
        let of_decision = events.entry(outcome["decision_id"].to_string());
        let id = outcome["event_id"].to_string();
        of_decision.or_default().insert(id);
    }
    let twice: Vec<_> = events.iter().filter(|(_, ids)| ids.len() > 1).collect();
    assert!(twice.is_empty(), "decisions with two outcomes: {twice:?}");
    let decisions = logs.iter().flat_map(|log| of_type(log, "decision"));
    let decided = decisions.filter(|it| it["phase"] == "call" && it["effect"] == "allow");
    let ended = decided.filter(|it| events.contains_key(&it["decision_id"].to_string()));
    let ended = ended.map(|decision| {
        let correlation = decision["correlation_id"].as_str().unwrap();
        let (_, id) = correlation.rsplit_once(':').unwrap();
        id.parse().unwrap()
    });
    let ended: BTreeSet<u64> = ended.collect();
    calls.difference(&ended).copied().collect()
}

/// Numbers that look random and are the same each time.
pub struct Random(pub u64);

impl Random {
    /// Splitmix64, below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}
