//! Who gets in, with what, and what the record says of it: every row of `tests/data/identity`
//! against one process, over its sockets. `docs/identity.md` shows what comes of it.
//!
//! A file has two documents, as the golden cases of decisions: what is given, and what comes of it.
//! `TOOLGATE_BLESS=1` writes the second one and the page anew.

mod asking;
mod callers;
mod certificates;
mod page;
mod rpcs;
mod tokens;

use crate::decide::yaml;
use crate::server::process::Process;
use crate::server::{block_on, pki, records, until, write_files};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const POLICY: &str = "package policies.crm\nallow contains \"crm.read\"\n";

/// The process, and where it is asked.
pub struct Pdp {
    dir: TempDir,
    process: Process,
    tcp: SocketAddr,
}

impl Pdp {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let directory = r#"{"directory": {"principals": {"agent_off": {"disabled": true},
            "agent_known": {"roles": ["analyst"]}, "agent_broken": {"roles": "admin"},
            "u:gone": {"disabled": true}}}}"#;
        let config = include_str!("data/identity/toolgate.toml");
        let config = config.replace("@uid@", &crate::server::uid().to_string());
        write_files(
            dir.path(),
            [
                ("main/p.rego", POLICY),
                ("main/data.json", directory),
                ("toolgate.toml", &config),
                ("keys.json", &tokens::key_set()),
            ],
        );
        pki::write_server_files(dir.path());
        let process = Process::start(dir.path()).await;
        let tcp = until("the TCP address", async || {
            let said = std::fs::read_to_string(dir.path().join("stderr.log")).unwrap();
            let (_, rest) = said.split_once("listening on 127.0.0.1:")?;
            let port = rest.split_once('\n')?.0.trim();
            Some(SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())))
        })
        .await;
        Self { dir, process, tcp }
    }

    /// Ends it, and gives each decision's record by its id.
    async fn end(self) -> HashMap<String, Value> {
        self.process.terminate();
        assert!(self.process.ended().await.success());
        let audit = self.dir.path().join("audit");
        toolgate::audit::verify::verify(&audit).unwrap();
        let by_id = |record: Value| Some((record["decision_id"].as_str()?.to_owned(), record));
        records(&audit).into_iter().filter_map(by_id).collect()
    }
}

fn path(group: &str) -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/identity");
    data.join(format!("{group}.yaml"))
}

fn read(group: &str) -> (String, String) {
    let text = std::fs::read_to_string(path(group)).unwrap();
    let (given, expected) = text.split_once("\n---\n").unwrap_or((&text, "[]"));
    (given.trim_end().to_owned(), expected.to_owned())
}

/// What a file gives.
fn given<T: DeserializeOwned>(group: &str) -> Vec<T> {
    serde_saphyr::from_str(&read(group).0).unwrap()
}

/// Holds what came of a file against what it says, row by row.
fn check(group: &str, outcome: &Value) {
    let (given, expected) = read(group);
    if is_blessed() {
        let text = format!("{given}\n---\n{}", yaml::write(outcome));
        return std::fs::write(path(group), text).unwrap();
    }
    let expected: Value = serde_saphyr::from_str(&expected).unwrap();
    let (expected, outcome) = (expected.as_array().unwrap(), outcome.as_array().unwrap());
    for (expected, outcome) in expected.iter().zip(outcome) {
        assert_eq!(outcome, expected, "{group}");
    }
    assert_eq!(outcome.len(), expected.len(), "{group}");
}

fn is_blessed() -> bool {
    std::env::var_os("TOOLGATE_BLESS").is_some()
}

#[test]
fn who_gets_in_and_what_is_recorded() {
    block_on(async {
        let pdp = Pdp::start().await;
        let tokens = tokens::ask_each(&pdp).await;
        let certificates = certificates::ask_each(&pdp).await;
        let callers = callers::ask_each(&pdp).await;
        let rpcs = rpcs::ask(&pdp).await;
        let records = pdp.end().await;
        let tokens = tokens::outcome(tokens, &records);
        let certificates = asking::outcome(certificates, &records);
        let callers = asking::outcome(callers, &records);
        let rpcs = rpcs::outcome(rpcs, &records);
        for (group, outcome) in [
            ("tokens", &tokens),
            ("certificates", &certificates),
            ("callers", &callers),
            ("rpcs", &rpcs),
        ] {
            check(group, outcome);
        }
        page::check(&page::write(&tokens, &certificates, &callers, &rpcs));
    });
}
