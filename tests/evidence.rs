//! No decision without its record: a log that fails, and a process that is killed.

mod full;
mod room;

use crate::server::asking::{Decisions, call, codes, get};
use crate::server::process::Process;
use crate::server::{block_on, config, of_type, records, until, write_files};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use toolgate::audit::verify::verify;
use toolgate::wire::v1::{DecideResponse, Effect};

/// Blocks of 512 bytes to which a file of the log may grow.
const BLOCKS_MAX: u32 = 32;

fn directory(audit: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let policy = "package policies.crm\nallow contains \"crm.read\"\n";
    write_files(&dir.path().join("main"), [("p.rego", policy)]);
    let limits = "[limits]\nevaluation_milliseconds_max = 5000\n";
    let audit = format!("[audit]\ndir = \"audit\"\n{audit}{limits}");
    write_files(dir.path(), [("toolgate.toml", config(&audit).as_str())]);
    dir
}

/// Where `/metrics` is, once the process says it.
async fn http(dir: &Path) -> SocketAddr {
    until("the address of `/metrics`", async || {
        let log = std::fs::read_to_string(dir.join("stderr.log")).unwrap();
        let (_, rest) = log.split_once("metrics on http://")?;
        let (address, _) = rest.split_once("/metrics")?;
        address.parse().ok()
    })
    .await
}

async fn metrics(dir: &Path) -> String {
    get(http(dir).await, "/metrics").await.unwrap()
}

/// The decisions in a log, by their seq.
fn decisions(log: &Path) -> BTreeMap<u64, Value> {
    let records = of_type(&records(log), "decision");
    let by_seq = records
        .into_iter()
        .map(|record| (record["seq"].as_u64().unwrap(), record));
    by_seq.collect()
}

fn assert_recorded(log: &Path, acknowledged: &[DecideResponse]) {
    let recorded = decisions(log);
    for reply in acknowledged {
        let index = reply.audit.as_ref().unwrap().index.unwrap();
        let record = &recorded[&index];
        assert_eq!(record["decision_id"], reply.decision_id, "index {index}");
        assert_eq!(record["effect"], "allow");
    }
}

/// Asks until the log has failed, and a little longer; gives the answers.
async fn ask_until_the_log_fails(
    process: &Process,
    failed: impl Fn(&DecideResponse) -> bool,
) -> Vec<DecideResponse> {
    let mut client = Decisions::new(process.connect().await);
    let mut replies = Vec::new();
    let mut more = 20;
    while more > 0 {
        let reply = client.decide(call("crm/read")).await.unwrap().into_inner();
        more -= usize::from(failed(&reply));
        assert!(replies.len() < 1_000, "the log never failed");
        replies.push(reply);
    }
    replies
}

#[test]
fn a_log_that_fails_denies() {
    block_on(async {
        let dir = directory("mode = \"durable\"\n");
        let process = Process::start_with_small_files(dir.path(), BLOCKS_MAX).await;
        let denied = |reply: &DecideResponse| reply.effect() == Effect::Deny;
        let replies = ask_until_the_log_fails(&process, denied).await;
        let granted = replies.iter().take_while(|reply| !denied(reply)).count();
        assert!(granted > 5, "{granted} granted before the log failed");
        for reply in &replies[granted..] {
            assert_eq!(codes(reply), ["audit_unavailable"]);
            assert!(reply.reasons[0].retryable && reply.audit.is_none());
            assert!(reply.call_id.is_empty() && reply.obligations.is_empty());
        }
        assert!(
            metrics(dir.path())
                .await
                .contains("toolgate_audit_failures_total 20\n")
        );
        assert_recorded(&dir.path().join("audit"), &replies[..granted]);
        process.kill();

        // Opened again where files may grow, it takes records from where it stopped.
        let process = Process::start(dir.path()).await;
        let mut client = Decisions::new(process.connect().await);
        let reply = client.decide(call("crm/read")).await.unwrap().into_inner();
        assert_eq!(reply.effect(), Effect::Allow);
        process.terminate();
        assert!(process.ended().await.success());
        assert_recorded(&dir.path().join("audit"), &replies[..granted]);
        assert_recorded(&dir.path().join("audit"), &[reply]);
        assert_eq!(verify(&dir.path().join("audit")).unwrap().torn, None);
    });
}

#[test]
fn a_log_that_fails_lets_calls_pass_where_that_is_wanted() {
    block_on(async {
        let dir = directory("mode = \"durable\"\non_failure = \"allow_and_alert\"\n");
        let process = Process::start_with_small_files(dir.path(), BLOCKS_MAX).await;
        let unrecorded = |reply: &DecideResponse| reply.audit.is_none();
        let replies = ask_until_the_log_fails(&process, unrecorded).await;
        assert!(replies.iter().all(|reply| reply.effect() == Effect::Allow));
        assert!(
            metrics(dir.path())
                .await
                .contains("toolgate_audit_failures_total 20\n")
        );
        let log = std::fs::read_to_string(dir.path().join("stderr.log")).unwrap();
        let last = replies.last().unwrap();
        let alert = log
            .lines()
            .find(|line| line.contains(&last.decision_id))
            .unwrap();
        assert!(
            alert.contains("ERROR") && alert.contains("could not be recorded"),
            "{alert}"
        );
    });
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    block_on(async {
        let dir = directory("mode = \"durable\"\n");
        let mut acknowledged = Vec::new();
        for _ in 0..3 {
            acknowledged.extend(ask_and_kill(dir.path()).await);
            assert_recorded(&dir.path().join("audit"), &acknowledged);
            verify(&dir.path().join("audit")).unwrap();
        }
        assert!(acknowledged.len() > 100, "{}", acknowledged.len());
        let process = Process::start(dir.path()).await;
        process.terminate();
        assert!(process.ended().await.success());
        let report = verify(&dir.path().join("audit")).unwrap();
        assert_eq!(report.torn, None);
        assert_recorded(&dir.path().join("audit"), &acknowledged);
        println!(
            "{} acknowledged, {} records",
            acknowledged.len(),
            report.records
        );
    });
}

/// Asks over several connections, and kills the process in the midst of it.
async fn ask_and_kill(dir: &Path) -> Vec<DecideResponse> {
    let process = Process::start(dir).await;
    let replies = Arc::new(Mutex::new(Vec::new()));
    let count = Arc::new(AtomicUsize::new(0));
    let mut asking = Vec::new();
    for _ in 0..4 {
        let mut client = Decisions::new(process.connect().await);
        let (replies, count) = (Arc::clone(&replies), Arc::clone(&count));
        asking.push(tokio::spawn(async move {
            while let Ok(reply) = client.decide(call("crm/read")).await {
                replies.lock().unwrap().push(reply.into_inner());
                count.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    until("answers", async || {
        (count.load(Ordering::Relaxed) > 60).then_some(())
    })
    .await;
    process.kill();
    for one in asking {
        one.await.unwrap();
    }
    let replies = replies.lock().unwrap();
    replies.clone()
}
