//! Policies are swapped while decisions are made: every answer is of one set, whole.

use crate::server::asking::{Decisions, call, codes, decide};
use crate::server::{Server, block_on, config, until, write_files};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use toolgate::bundle::compile::compile;
use toolgate::bundle::load::read_and_verify;
use toolgate::bundle::source::Source;
use toolgate::engine::{EvaluationLimits, Options};
use toolgate::model::finding::Severity;
use toolgate::model::revision::EngineChoice;
use toolgate::wire::v1::Effect;

const SWAPS: u64 = 1_000;
const SWAPS_ON_DISK: u64 = 20;
const AUDIT: &str = "[limits]\nevaluation_milliseconds_max = 5000\n[audit]\ndir = \"audit\"\n";

/// A policy that says which version it is; a helper in another file, so that a mixture would show.
fn write_version(dir: &Path, version: u64) {
    let manifest = format!(r#"{{"revision": "r{version}"}}"#);
    let policy = "package policies.crm\nallow contains data.version.code\n";
    let data = format!(r#"{{"version": {{"code": "v{version}"}}}}"#);
    let other = format!("package policies.other\nallow contains \"other{version}\"\n");
    let files = [
        (".manifest", manifest.as_str()),
        ("crm.rego", policy),
        ("data.json", &data),
        ("other.rego", &other),
    ];
    write_files(dir, files);
}

/// Asks over one connection until it is told to stop; gives the number of answers.
async fn ask(mut client: Decisions, stop: Arc<AtomicBool>) -> u64 {
    let (mut answers, mut last) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let reply = decide(&mut client, "crm/read").await;
        let policy = reply.policy.as_ref().unwrap();
        let (code, other) = (
            format!("v{}", policy.version),
            format!("other{}", policy.version),
        );
        assert_eq!(codes(&reply), [code.as_str(), other.as_str()]);
        assert_eq!(policy.revision, format!("r{}", policy.version));
        assert_eq!(reply.effect(), Effect::Allow);
        assert!(policy.version >= last, "{} after {last}", policy.version);
        last = policy.version;
        answers += 1;
    }
    answers
}

#[test]
fn a_thousand_swaps_under_load() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        write_version(&dir.path().join("main"), 1);
        let server = Server::start(dir, &config(AUDIT)).await;
        let stop = Arc::new(AtomicBool::new(false));
        let mut asking = Vec::new();
        for _ in 0..4 {
            let client = Decisions::new(server.unix().await);
            asking.push(tokio::spawn(ask(client, Arc::clone(&stop))));
        }
        let policies = Arc::clone(&server.decider.policies);
        let clock = server.decider.clock;
        let swaps = move || {
            let next = tempfile::tempdir().unwrap();
            for version in 2..=SWAPS + 1 {
                write_version(next.path(), version);
                let source = Source {
                    name: "main".to_owned(),
                    path: next.path().to_owned(),
                    servers: None,
                };
                let verified = read_and_verify(&[source]).unwrap();
                assert_eq!(policies.next_version(), version);
                policies.publish(compile(verified, &options(), version).unwrap(), clock());
            }
        };
        tokio::task::spawn_blocking(swaps).await.unwrap();
        stop.store(true, Ordering::Relaxed);
        let mut answers = Vec::new();
        for one in asking {
            answers.push(one.await.unwrap());
        }
        assert!(answers.iter().all(|count| *count > 100), "{answers:?}");
        let mut client = Decisions::new(server.unix().await);
        let last = decide(&mut client, "crm/read").await;
        assert_eq!(last.policy.unwrap().version, SWAPS + 1);
        println!("{SWAPS} swaps, answers by connection: {answers:?}");
        server.stop().await;
    });
}

fn options() -> Options {
    Options {
        choice: EngineChoice::Auto,
        fail_open: Severity::Error,
        replicas: NonZeroUsize::new(2).unwrap(),
        limits: EvaluationLimits {
            wall_time_max: Duration::from_secs(5),
            ..EvaluationLimits::default()
        },
    }
}

#[test]
fn an_edit_on_disk_is_soon_in_force() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let main = dir.path().join("main");
        write_version(&main, 1);
        let server = Server::start(dir, &config(AUDIT)).await;
        let stop = Arc::new(AtomicBool::new(false));
        let client = Decisions::new(server.unix().await);
        let asking = tokio::spawn(ask(client, Arc::clone(&stop)));
        let mut client = Decisions::new(server.unix().await);
        let mut slowest = Duration::ZERO;
        for version in 2..=SWAPS_ON_DISK + 1 {
            replace(&main, version);
            let written = Instant::now();
            until("the edit in force", async || {
                let reply = client.decide(call("crm/read")).await.unwrap().into_inner();
                (reply.policy?.revision == format!("r{version}")).then_some(())
            })
            .await;
            slowest = slowest.max(written.elapsed());
        }
        stop.store(true, Ordering::Relaxed);
        assert!(asking.await.unwrap() > 0);
        println!("{SWAPS_ON_DISK} edits, slowest in force after {slowest:?}");
        server.stop().await;
    });
}

/// Writes in place or, every other time, moves a whole directory into place.
fn replace(main: &Path, version: u64) {
    if version % 2 == 0 {
        return write_version(main, version);
    }
    let (next, old) = (main.with_extension("next"), main.with_extension("old"));
    write_version(&next, version);
    std::fs::rename(main, &old).unwrap();
    std::fs::rename(&next, main).unwrap();
    std::fs::remove_dir_all(&old).unwrap();
}
