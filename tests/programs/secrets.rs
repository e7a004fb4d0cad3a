//! Secrets of several kinds go through a PDP and a shim, each a process of its own, and into every
//! text that callers give; then no file that either left behind, no line that either wrote and no
//! metric has one of them.

mod content;

use super::{Talk, toolgate};
use crate::server::asking::{Decisions, call as question, codes, get};
use crate::server::process::Process;
use crate::server::{block_on, config, of_type, records, until, write_files};
use content::{erased, kept, reading};
use serde_json::json;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use tonic::{Code, Request};
use toolgate::audit::verify::verify;
use toolgate::wire::v1::policy_service_client::PolicyServiceClient;
use toolgate::wire::v1::{DecideRequest, Effect, Phase, RollbackRequest};

const INITIALIZE: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;

/// A server in `sh` that answers every call with the text `$1`.
const SERVER: &str = r#"
while read -r line; do
    case $line in
    *'"initialize"'*) echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}}' ;;
    *'"tools/list"'*) echo '{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"read"}]}}' ;;
    *'"tools/call"'*) printf '{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"%s"}]}}\n' "$1" ;;
    esac
done
"#;

/// Made up; put together here, so that no scanner of this repository finds one whole.
struct Planted {
    github: String,
    slack: String,
    aws: String,
    jwt: String,
    generic: String,
    password: String,
}

impl Planted {
    fn new() -> Self {
        Self {
            github: ["ghp", "_wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"].concat(),
            slack: [
                "xoxb",
                "-263594206564-2343594206574-FGqddMF8t08v8N7Oq4i57vs1",
            ]
            .concat(),
            aws: ["AKIA", "Z7QVKX3YTNUMC2LB"].concat(),
            jwt: [
                "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9",
                ".eyJzdWIiOiI0MjQyIiwibmFtZSI6IkFubiJ9",
                ".q9Xw3fTz7LkVbN2mRcYp8sHd5gJt1uAeWo6iZxKv0Qy",
            ]
            .concat(),
            generic: "9fK2xLq7Vb4Tz8Nm3Wp6Yc1R".to_owned(),
            password: "correct-horse-battery".to_owned(),
        }
    }

    fn all(&self) -> [&str; 6] {
        [
            &self.github,
            &self.slack,
            &self.aws,
            &self.jwt,
            &self.generic,
            &self.password,
        ]
    }
}

const MORE: &str = r#"
context = ["*"]
may = ["decide", "publish", "administer", "audit.content"]
[audit]
dir = "audit"
[audit.content]
enabled = true
approvers = ["APPROVER"]
[limits]
evaluation_milliseconds_max = 5000
[log]
level = "trace"
"#;

/// Runs the program in a directory; what it prints.
fn run(dir: &Path, arguments: &[&str]) -> String {
    let ran = Command::new(toolgate())
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}

fn write(dir: &Path, planted: &Planted) {
    let policy = format!(
        "package policies.crm\nallow contains \"crm.read\" if input.mcp.name != \"refused\"\n\
         deny contains {{\"code\": \"crm.refused\", \"message\": \"ask with {}\"}} if \
         input.mcp.name == \"refused\"\n",
        planted.aws,
    );
    write_files(&dir.join("main"), [("p.rego", policy.as_str())]);
    let approver = run(
        dir,
        &[
            "audit",
            "grant",
            "--key",
            "legal.pem",
            "--approver",
            "legal",
            "--show-key",
        ],
    );
    let config = config(&MORE.replace("APPROVER", &approver));
    write_files(dir, [("toolgate.toml", config.as_str())]);
}

/// A key as `openssl genpkey` makes it.
fn write_key(dir: &Path) {
    let (_, pem) = toolgate::audit::sign::SigningKey::generate().unwrap();
    let path = dir.join("legal.pem");
    std::fs::write(&path, pem.as_bytes()).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&path, private).unwrap();
}

/// Talks through a shim: secrets in arguments, in the answer, and as the name of a tool.
fn through_shim(dir: &Path, planted: &Planted) {
    let pdp = format!("unix:{}", dir.join("run.sock").display());
    let script = format!(
        "exec \"$0\" shim stdio --server crm --principal agent_x --pdp-timeout-ms 20000 \
         --log-level trace --context purpose=$2 --pdp {pdp} --state state -- sh -c \"$1\" sh \"$3\" \
         2>shim.log"
    );
    let answer = format!("the key is {} today", planted.slack);
    let command = [
        "sh",
        "-c",
        &format!("cd {} && {script}", dir.display()),
        toolgate(),
        SERVER,
    ];
    let mut command: Vec<OsString> = command.map(OsString::from).into();
    command.extend([planted.github.clone().into(), answer.into()]);
    let mut shim = Talk::start(&command);
    shim.ask(INITIALIZE);
    shim.say(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    shim.ask(LIST);
    let arguments = json!({
        "note": format!("api_key=\"{}\"", planted.generic),
        "password": planted.password,
        "deep": [{"text": format!("see {}", planted.github)}],
    });
    for (tool, is_answered) in [("read", true), (planted.github.as_str(), false)] {
        let params = json!({"name": tool, "arguments": arguments});
        let asked = json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params});
        let answer = shim.ask(&asked.to_string());
        // The client gets what it is due: only what is written down is without secrets.
        assert_eq!(answer.contains(&planted.slack), is_answered, "{answer}");
    }
    assert!(shim.end().success());
}

/// Asks the PDP itself, with secrets in every text that a caller may give.
async fn asked(process: &Process, planted: &Planted) {
    let mut decisions = Decisions::new(process.connect().await);
    let whole = DecideRequest {
        client_session: planted.github.clone(),
        correlation_id: planted.slack.clone(),
        traceparent: planted.aws.clone(),
        ..question("crm/read")
    };
    let named = |tool: &str| question(&format!("crm/{tool}"));
    for request in [
        whole,
        named(&planted.jwt),
        named(&format!("api_key={}", planted.generic)),
    ] {
        decisions.decide(request).await.unwrap();
    }
    let refused = decisions
        .decide(named("refused"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (refused.effect(), codes(&refused)),
        (Effect::Deny, vec!["crm.refused"])
    );
    let malformed = DecideRequest {
        params_json: format!("{{\"{}\": ", planted.github).into_bytes(),
        ..named("read")
    };
    decisions.decide(malformed).await.unwrap();
    let of_nothing = DecideRequest {
        phase: Phase::Result.into(),
        call_id: planted.slack.clone(),
        result_json: format!("{{\"token\": \"{}\"}}", planted.generic).into_bytes(),
        ..named("read")
    };
    decisions.decide(of_nothing).await.unwrap();
    let mut with_token = Request::new(named("read"));
    let bearer = format!("Bearer {}", planted.jwt).parse().unwrap();
    with_token.metadata_mut().insert("authorization", bearer);
    drop(decisions.decide(with_token).await);

    let mut policies = PolicyServiceClient::new(process.connect().await);
    let rollback = RollbackRequest {
        digest: planted.github.clone(),
        reason: format!("because of {}", planted.aws),
        hold_seconds: 60,
    };
    let refused = policies.rollback(rollback).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert!(
        refused.message().contains("[secret: github-pat]"),
        "{refused}"
    );
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .collect()
}

fn assert_without(planted: &Planted, what: &str, bytes: &[u8]) {
    for secret in planted.all() {
        let found = bytes
            .windows(secret.len())
            .any(|it| it == secret.as_bytes());
        assert!(!found, "{secret} in {what}");
    }
}

#[test]
fn secrets_reach_nothing_that_stays() {
    let planted = Planted::new();
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path();
    write_key(dir);
    write(dir, &planted);
    let process = block_on(Process::start(dir));
    through_shim(dir, &planted);
    let metrics = block_on(async {
        asked(&process, &planted).await;
        until("the outcome", async || {
            let outcomes = of_type(&records(&dir.join("audit")), "outcome");
            (!outcomes.is_empty()).then_some(())
        })
        .await;
        let log = std::fs::read_to_string(dir.join("stderr.log")).unwrap();
        let (_, rest) = log.split_once("metrics on http://").unwrap();
        let (address, _) = rest.split_once("/metrics").unwrap();
        get(address.parse().unwrap(), "/metrics").await.unwrap()
    });
    assert!(metrics.contains("toolgate_content_kept_total"), "{metrics}");
    block_on(reading(&process, dir, &planted));
    process.terminate();
    assert!(block_on(process.ended()).success());
    let reference = kept(dir);
    erased(dir, &reference);

    verify(&dir.join("audit")).unwrap();
    assert_without(&planted, "metrics", metrics.as_bytes());
    let own = [dir.join("main"), dir.join("toolgate.toml")];
    let mut seen = Vec::new();
    for path in files(dir)
        .iter()
        .filter(|path| !own.iter().any(|own| path.starts_with(own)))
    {
        let name = path.strip_prefix(dir).unwrap().display().to_string();
        assert_without(&planted, &name, &std::fs::read(path).unwrap());
        seen.push(name);
    }
    for expected in [
        "audit/log-",
        "audit/content/default/",
        "state/",
        "stderr.log",
        "shim.log",
    ] {
        assert!(
            seen.iter().any(|name| name.starts_with(expected)),
            "{expected}: {seen:?}"
        );
    }
    // They were there, and each was seen.
    let log = serde_json::to_string(&records(&dir.join("audit"))).unwrap();
    for detector in ["github-pat", "slack-bot-token", "jwt", "aws-access-token"] {
        assert!(log.contains(&format!("[secret: {detector}]")), "{detector}");
    }
    let decisions = of_type(&records(&dir.join("audit")), "decision");
    let called = decisions
        .iter()
        .find(|it| it["phase"] == "call" && it["tool_name"] == "read");
    assert_eq!(called.unwrap()["arguments"]["secret_present"], true);
    assert_eq!(called.unwrap()["purpose"], "[secret: github-pat]");
}
