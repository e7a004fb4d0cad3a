//! The HTTP shim between the Python SDK and the MCP project's own test server.

use super::{DEADLINE, Lines, Process, python, root, stdout_of, tool, toolgate};
use crate::server::process::Process as Pdp;
use crate::server::{block_on, config, of_type, records, tokens, until, write_files};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use toolgate::audit::verify::verify;

/// Whose results tell the time or the session, or who has no such tool, which the shim says itself.
const UNSTEADY: [&str; 4] = [
    "get-resource-reference",
    "no-such-tool",
    "toggle-simulated-logging",
    "toggle-subscriber-updates",
];

const ALL: &str = "package policies.everything\n\nallow contains \"everything.all\"\n";

const SOME: &str = r#"
package policies.everything

import data.toolgate.lib as tg

allow contains "everything.call" if not tg.is_tool("get-sum")

deny contains {"code": "everything.environment", "message": "the environment may hold secrets"} if tg.is_tool("get-env")

visible contains "everything.call" if not tg.is_tool("get-sum")

constrain contains {"type": "rewrite_arguments", "patch": [{"op": "replace", "path": "/count", "value": 1}]} if tg.is_tool("get-resource-links")

constrain contains {"type": "mask_fields", "fields": ["conditions"]} if tg.is_tool("get-structured-content")
"#;

/// The server `everything`, and where it listens.
struct Everything {
    _process: Process,
    url: String,
}

impl Everything {
    fn start() -> Self {
        // Free until now: the server says no other port than the one that it is given.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut child = Command::new(tool("node_modules/.bin/mcp-server-everything"))
            .arg("streamableHttp")
            .env("PORT", port.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let errors = Lines::of(child.stderr.take().unwrap());
        errors.find("the server", |line| line.contains("listening on port"));
        Self {
            _process: Process(child),
            url: format!("http://127.0.0.1:{port}/mcp"),
        }
    }
}

/// The SDK's own server in the modern era, and where it listens.
fn modern(answers: &str) -> (Process, String) {
    let mut child = python()
        .arg(root().join("tests/programs/mcp_modern.py"))
        .arg(answers)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = Lines::of(child.stdout.take().unwrap());
    let url = output.find("the server", |line| line.starts_with("http://"));
    (Process(child), url)
}

/// A shim in front of a server.
struct Shim {
    process: Process,
    url: String,
    output: Lines,
}

impl Shim {
    fn start(server: &str, dir: &Path, more: &[OsString]) -> Self {
        let mut child = Command::new(toolgate())
            .args([
                "shim",
                "http",
                "--server",
                "everything",
                "--listen",
                "127.0.0.1:0",
            ])
            .args(["--upstream", server, "--state"])
            .arg(dir.join("state"))
            // The machine may be slow, and that is not what is tested.
            .args(["--pdp-timeout-ms", "20000"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = Lines::of(child.stdout.take().unwrap());
        let line = output.find("the shim", |line| line.starts_with("listening on "));
        Self {
            process: Process(child),
            url: line.trim_start_matches("listening on ").to_owned(),
            output,
        }
    }

    /// With a policy of its own, in its own process.
    fn alone(server: &str, dir: &Path, policy: &str) -> Self {
        write_files(&dir.join("bundle"), [("p.rego", policy)]);
        let more = [
            "--principal".into(),
            "agent".into(),
            "--bundle".into(),
            dir.join("bundle").into(),
            "--audit".into(),
            dir.join("audit").into(),
        ];
        Self::start(server, dir, &more)
    }

    /// Asks it to end, and waits.
    fn end(mut self) {
        let pid = rustix::process::Pid::from_child(&self.process.0);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.output.end();
        assert!(self.process.0.wait().unwrap().success());
    }
}

/// What the Python SDK gets of a server's tools.
fn sdk(url: &str, server: &str, token: Option<&str>) -> Value {
    let mut command = python();
    command
        .arg(root().join("tests/programs/mcp_http.py"))
        .args([url, server]);
    command.args(token);
    serde_json::from_str(&stdout_of(&mut command)).unwrap()
}

#[test]
fn with_everything_allowed_a_client_gets_what_it_gets_without_the_proxy() {
    let dir = tempfile::tempdir().unwrap();
    let server = Everything::start();
    let shim = Shim::alone(&server.url, dir.path(), ALL);
    let (mut direct, mut through) = (
        sdk(&server.url, "everything", None),
        sdk(&shim.url, "everything", None),
    );
    shim.end();
    for got in [&mut direct, &mut through] {
        let results = got["results"].as_object_mut().unwrap();
        assert_eq!(results.len(), 14);
        for name in UNSTEADY {
            let result = results.remove(name).unwrap();
            let has_tool = name != "no-such-tool";
            assert_eq!(result["isError"] == json!(false), has_tool, "{result}");
        }
    }
    assert_eq!(direct["progress"], json!([[1.0, 2.0], [2.0, 2.0]]));
    assert_eq!(direct, through);

    let audit = dir.path().join("audit");
    verify(&audit).unwrap();
    let records = records(&audit);
    let outcomes = of_type(&records, "outcome");
    assert_eq!(outcomes.len(), 14);
    let shim = &of_type(&records, "shim_connected")[0]["shim"];
    let id = shim["id"].as_str().unwrap();
    assert!(id.starts_with("local/http-"), "{id}");
    let decisions = of_type(&records, "decision");
    let calls = decisions.iter().filter(|it| it["phase"] == "call");
    assert_eq!(calls.count(), 14);
}

#[test]
fn what_policy_denies_limits_masks_and_hides_a_client_gets_so() {
    let dir = tempfile::tempdir().unwrap();
    let server = Everything::start();
    let shim = Shim::alone(&server.url, dir.path(), SOME);
    let (direct, through) = (
        sdk(&server.url, "everything", None),
        sdk(&shim.url, "everything", None),
    );
    shim.end();
    let names = |got: &Value| -> Vec<String> {
        let tools = got["tools"].as_array().unwrap().iter();
        tools
            .map(|tool| tool["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut shown = names(&direct);
    shown.retain(|name| name != "get-sum");
    assert_eq!(names(&through), shown);
    let (direct, through) = (&direct["results"], &through["results"]);
    let unknown = json!({"error": -32602, "message": "Unknown tool: get-sum"});
    assert_eq!(through["get-sum"], unknown);
    let denied = &through["get-env"];
    assert_eq!(denied["isError"], true);
    let code = &denied["_meta"]["toolgate/decision"]["code"];
    assert_eq!(code, "everything.environment");
    let links = |got: &Value| {
        got["get-resource-links"]["content"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!((links(direct), links(through)), (4, 2));
    let weather = &through["get-structured-content"];
    let conditions = "Light rain / drizzle";
    assert!(
        direct["get-structured-content"]
            .to_string()
            .contains(conditions)
    );
    assert!(!weather.to_string().contains(conditions), "{weather}");
    assert_eq!(weather["structuredContent"]["temperature"], 36);
    assert_eq!(through["echo"], direct["echo"]);
    let records = records(&dir.path().join("audit"));
    let outcomes = of_type(&records, "outcome");
    let masked: Vec<_> = outcomes
        .iter()
        .filter(|it| it["response"]["masked"] == json!(["conditions"]))
        .collect();
    assert_eq!(masked.len(), 1, "{outcomes:?}");
}

const MODERN: &str = r#"
package policies.everything

import data.toolgate.lib as tg

allow contains "modern.call" if not tg.is_tool("secret")

constrain contains {"type": "mask_fields", "fields": ["email"]} if tg.is_tool("person")

constrain contains {"type": "rewrite_arguments", "patch": [{"op": "replace", "path": "/where", "value": "eu"}]} if tg.is_tool("region")
"#;

#[test]
fn a_modern_client_and_server_meet_through_the_proxy() {
    for answers in ["json", "events"] {
        let (_server, url) = modern(answers);
        let of = |policy: &str| {
            let dir = tempfile::tempdir().unwrap();
            let shim = Shim::alone(&url, dir.path(), policy);
            let got = sdk(&shim.url, "modern", None);
            shim.end();
            verify(&dir.path().join("audit")).unwrap();
            got
        };
        let mut direct = sdk(&url, "modern", None);
        assert_eq!(direct["revision"], "2026-07-28");
        let mut through = of(ALL);
        // The shim says itself that there is no such tool, and that lists are one caller's own.
        for got in [&mut direct, &mut through] {
            got["results"]
                .as_object_mut()
                .unwrap()
                .remove("no-such-tool")
                .unwrap();
        }
        assert_eq!(direct, through, "{answers}");
        let through = of(MODERN);
        assert_eq!(through["revision"], "2026-07-28");
        assert_eq!(through["tools"].as_array().unwrap().len(), 2);
        let results = &through["results"];
        let unknown = json!({"error": -32602, "message": "Unknown tool: secret"});
        assert_eq!(results["secret"], unknown);
        assert!(
            direct["results"]["person"]
                .to_string()
                .contains("ann@example.com")
        );
        assert!(
            !results["person"].to_string().contains("ann@example.com"),
            "{results}"
        );
        assert_eq!(results["person"]["structuredContent"]["name"], "Ann");
        // The server holds the header to the argument: both were rewritten.
        assert_eq!(results["region"]["content"][0]["text"], "in eu");
    }
}

/// Sends a request as it is; gives the answer's head and body.
fn raw(url: &str, head: &str, body: &str) -> String {
    let address = url.trim_start_matches("http://").trim_end_matches("/mcp");
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let length = body.len();
    let request =
        format!("{head} HTTP/1.0\r\nhost: {address}\r\ncontent-length: {length}\r\n\r\n{body}")
            .replacen(
                " HTTP/1.0\r\nhost",
                " HTTP/1.0\r\naccept: */*\r\ncontent-type: application/json\r\nhost",
                1,
            );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_bearer_token_says_who_calls_and_goes_no_further() {
    const JWT: &str = "[audit]\ndir = \"audit\"\n[limits]\nevaluation_milliseconds_max = 5000\n[jwt]\njwks_file = \"keys.json\"\nissuer = \"https://issuer.example\"\naudience = \"toolgate\"\nalgorithms = [\"ES256\"]\n";
    let dir = tempfile::tempdir().unwrap();
    let pdp_config = config(JWT);
    tokens::write_key_set(dir.path());
    write_files(
        dir.path(),
        [("toolgate.toml", pdp_config.as_str()), ("main/p.rego", ALL)],
    );
    let pdp = block_on(Pdp::start(dir.path()));
    let server = Everything::start();
    let socket = format!("unix:{}", dir.path().join("run.sock").display());
    let resource = [
        "--resource",
        "https://tools.example/mcp",
        "--authorization-server",
        "https://login.example",
    ];
    let mut more: Vec<OsString> = vec!["--pdp".into(), socket.into(), "--require-token".into()];
    more.extend(resource.map(OsString::from));
    let shim = Shim::start(&server.url, dir.path(), &more);

    let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let refused = raw(&shim.url, "POST /mcp", ping);
    assert!(refused.starts_with("HTTP/1.0 401"), "{refused}");
    let challenge = "www-authenticate: Bearer resource_metadata=\"https://tools.example/.well-known/oauth-protected-resource/mcp\"";
    assert!(refused.contains(challenge), "{refused}");
    let metadata = raw(&shim.url, "GET /.well-known/oauth-protected-resource", "");
    assert!(
        metadata.contains(r#""authorization_servers":["https://login.example"]"#),
        "{metadata}"
    );

    let token = tokens::token(&json!({"sub": "agent_a"}));
    let got = sdk(&shim.url, "everything", Some(&token));
    assert_eq!(got["results"]["get-sum"]["isError"], false);
    shim.end();
    let decided = block_on(until("outcomes", async || {
        let records = records(&dir.path().join("audit"));
        let done = of_type(&records, "outcome").len() == 14;
        done.then(|| of_type(&records, "decision"))
    }));
    let of_calls = decided
        .iter()
        .filter(|it| it["phase"] == "call" && it["dry_run"] != true);
    for decision in of_calls {
        assert_eq!(decision["principal"]["id"], "agent_a", "{decision}");
    }
    pdp.kill();
}
