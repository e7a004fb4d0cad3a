//! The shim as a process of its own, in front of a PDP in another.

use super::{Talk, toolgate};
use crate::server::process::Process;
use crate::server::{block_on, config, of_type, records, until, write_files};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::Path;
use tempfile::TempDir;

/// A message far longer than any that passes.
const LARGE_MESSAGE_BYTES: u64 = 256 << 20;
/// Most memory that the shim may ever have used, in KiB: much less than such a message.
const PEAK_RSS_KIB_MAX: u64 = 128 << 10;

const INITIALIZE: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
const PING: &str = r#"{"jsonrpc":"2.0","id":4,"method":"ping"}"#;
const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

/// A server in `sh`. `slow` leaves the file `$1` and never answers, `large` answers with `$2` bytes.
const SERVER: &str = r#"
while read -r line; do
    case $line in
    *'"initialize"'*) echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}' ;;
    *'"tools/list"'*) echo '{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"slow"},{"name":"large"}]}}' ;;
    *'"slow"'*) : >"$1" ;;
    *'"large"'*)
        printf '{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"'
        head -c "$2" /dev/zero | tr '\0' a
        echo '"}]}}'
        ;;
    *'"ping"'*) echo '{"jsonrpc":"2.0","id":4,"result":{}}' ;;
    esac
done
"#;

fn call(tool: &str) -> String {
    let params = json!({"name": tool, "arguments": {}});
    json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params}).to_string()
}

/// Puts a policy in force that allows everything, for this reason.
fn write_policy(dir: &Path, code: &str) {
    let policy = format!("package policies.crm\nallow contains \"{code}\"\n");
    write_files(&dir.join("main"), [("p.rego", policy.as_str())]);
}

/// A directory with a configuration and a policy, and the PDP that runs in it.
fn pdp() -> (TempDir, Process) {
    let dir = tempfile::tempdir().unwrap();
    write_policy(dir.path(), "crm.first");
    let config = config("[audit]\ndir = \"audit\"\n[limits]\nevaluation_milliseconds_max = 5000\n");
    write_files(dir.path(), [("toolgate.toml", config.as_str())]);
    let process = block_on(Process::start(dir.path()));
    (dir, process)
}

/// A shim in front of the server above, with a client that has listed its tools.
fn shim(dir: &Path) -> Talk {
    let pdp = format!("unix:{}", dir.join("run.sock").display());
    let own = ["shim", "stdio", "--server", "crm", "--principal", "agent_x"];
    let mut command: Vec<OsString> = vec![toolgate().into()];
    command.extend(own.map(OsString::from));
    // The machine may be slow, and that is not what is tested.
    let patience = ["--pdp-timeout-ms", "20000"];
    command.extend(patience.map(OsString::from));
    command.extend(["--pdp".into(), pdp.into()]);
    command.extend(["--state".into(), dir.join("state").into()]);
    command.extend(["--", "sh", "-c", SERVER, "sh"].map(OsString::from));
    command.extend([
        dir.join("called").into(),
        LARGE_MESSAGE_BYTES.to_string().into(),
    ]);
    let mut shim = Talk::start(&command);
    shim.ask(INITIALIZE);
    shim.ask(INITIALIZED);
    assert!(
        shim.ask(LIST)
            .contains(r#"{"name":"slow"},{"name":"large"}"#)
    );
    shim
}

/// The records of one type, once there are so many.
fn recorded(dir: &Path, kind: &str, count: usize) -> Vec<Value> {
    block_on(until(kind, async || {
        let found = of_type(&records(&dir.join("audit")), kind);
        (found.len() >= count).then_some(found)
    }))
}

#[test]
fn a_call_in_flight_when_the_shim_is_killed_has_an_outcome_at_the_next_start() {
    let (dir, pdp) = pdp();
    let mut killed = shim(dir.path());
    killed.say(&call("slow"));
    let called = dir.path().join("called");
    block_on(until("the call", async || called.exists().then_some(())));
    killed.process.0.kill().unwrap();
    killed.process.0.wait().unwrap();
    recorded(dir.path(), "shim_connected", 1);
    assert!(of_type(&records(&dir.path().join("audit")), "outcome").is_empty());

    assert!(shim(dir.path()).end().success());
    let starts = recorded(dir.path(), "shim_connected", 2);
    let outcomes = recorded(dir.path(), "outcome", 1);
    let decisions = of_type(&records(&dir.path().join("audit")), "decision");
    let granted = decisions.iter().find(|it| it["phase"] == "call").unwrap();
    let [outcome] = outcomes.as_slice() else {
        panic!("{outcomes:?}");
    };
    assert_eq!(granted["effect"], "allow");
    assert_eq!(outcome["decision_id"], granted["decision_id"]);
    assert_eq!(outcome["decision_known"], true);
    assert_eq!(outcome["status"], "protocol_error");
    // By the same shim, at its second start.
    let shims: Vec<_> = starts
        .iter()
        .chain(&outcomes)
        .map(|it| &it["shim"])
        .collect();
    assert!(
        shims.iter().all(|it| it["id"] == shims[0]["id"]),
        "{shims:?}"
    );
    let epochs: Vec<_> = shims.iter().map(|it| it["epoch"].as_u64()).collect();
    assert_eq!(epochs, [Some(1), Some(2), Some(2)]);
    pdp.kill();
}

#[test]
fn a_large_message_is_withheld_in_little_memory() {
    let (dir, pdp) = pdp();
    let mut shim = shim(dir.path());
    let answer: Value = serde_json::from_str(&shim.ask(&call("large"))).unwrap();
    let details = &answer["result"]["_meta"]["toolgate/decision"];
    assert_eq!(details["code"], "result_withheld", "{answer}");
    // What follows it passes.
    assert_eq!(shim.ask(PING), r#"{"jsonrpc":"2.0","id":4,"result":{}}"#);
    let peak_kib = peak_rss_kib(shim.process.0.id());
    assert!(peak_kib < PEAK_RSS_KIB_MAX, "{peak_kib} KiB");
    assert!(shim.end().success());
    assert_eq!(recorded(dir.path(), "outcome", 1)[0]["status"], "withheld");
    pdp.kill();
}

/// The most memory that a process has used so far, in KiB.
fn peak_rss_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.unwrap().trim().strip_suffix(" kB").unwrap();
    kib.parse().unwrap()
}

#[test]
fn the_client_hears_of_an_edited_policy_and_of_one_that_a_new_pdp_has() {
    let (dir, pdp) = pdp();
    let shim = shim(dir.path());
    let told = |what: &str| shim.output.find(what, |line| line == CHANGED);
    write_policy(dir.path(), "crm.second");
    told("word of the edited policy");
    pdp.kill();
    write_policy(dir.path(), "crm.third");
    let pdp = block_on(Process::start(dir.path()));
    told("word of the new process' policy");
    assert!(shim.end().success());
    pdp.kill();
}
