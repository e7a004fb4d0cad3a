//! Policies are swapped while decisions are made: every answer is of one set, whole.

use crate::server::asking::{Decisions, call, codes, decide};
use crate::server::{Server, block_on, config, until, write_files};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use toolgate::bundle::compile::compile;
use toolgate::bundle::load::read_and_verify;
use toolgate::bundle::source::Source;
use toolgate::bundle::swap::Compiled;
use toolgate::engine::{EvaluationLimits, Options, PolicySet};
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

/// Asks over one connection until it is told to stop, counting the answers; gives how many sets
/// answered.
async fn ask(mut client: Decisions, asked: Arc<Asked>) -> u64 {
    let (mut sets, mut last) = (0, 0);
    while !asked.stop.load(Ordering::Relaxed) {
        let reply = decide(&mut client, "crm/read").await;
        let policy = reply.policy.as_ref().unwrap();
        let version = policy.version;
        assert_eq!(
            codes(&reply),
            [format!("v{version}"), format!("other{version}")]
        );
        assert_eq!(policy.revision, format!("r{version}"));
        assert_eq!(reply.effect(), Effect::Allow);
        assert!(version >= last, "{version} after {last}");
        sets += u64::from(version > last);
        last = version;
        asked.answers.fetch_add(1, Ordering::Relaxed);
    }
    sets
}

#[derive(Default)]
struct Asked {
    stop: AtomicBool,
    answers: AtomicU64,
}

/// Compiles some versions, as the loader does.
fn compiled(versions: impl Iterator<Item = u64>) -> Vec<Compiled<PolicySet>> {
    let next = tempfile::tempdir().unwrap();
    let compiled = |version| {
        write_version(next.path(), version);
        let source = Source {
            name: "main".to_owned(),
            path: next.path().to_owned(),
            servers: None,
        };
        let verified = read_and_verify(&[source]).unwrap();
        compile(verified, &options(), version).unwrap()
    };
    versions.map(compiled).collect()
}

/// As many sets as there are swaps, in their order; compiled beforehand, so that swapping them is
/// quick.
fn sets() -> Vec<Compiled<PolicySet>> {
    let middle = SWAPS / 2;
    std::thread::scope(|scope| {
        let later = scope.spawn(|| compiled(middle + 2..=SWAPS + 1));
        let mut sets = compiled(2..=middle + 1);
        sets.extend(later.join().unwrap());
        sets
    })
}

#[test]
fn a_thousand_swaps_under_load() {
    let sets = sets();
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        write_version(&dir.path().join("main"), 1);
        let server = Server::start(dir, &config(AUDIT)).await;
        let asked = Arc::new(Asked::default());
        let mut asking = Vec::new();
        for _ in 0..4 {
            let client = Decisions::new(server.unix().await);
            asking.push(tokio::spawn(ask(client, Arc::clone(&asked))));
        }
        for set in sets {
            let before = asked.answers.load(Ordering::Relaxed);
            server
                .decider
                .tenants
                .process()
                .policies
                .publish(set, (server.decider.clock)());
            until("answers under the new set", async || {
                let answers = asked.answers.load(Ordering::Relaxed);
                (answers >= before + 2).then_some(())
            })
            .await;
        }
        asked.stop.store(true, Ordering::Relaxed);
        let mut seen = Vec::new();
        for one in asking {
            seen.push(one.await.unwrap());
        }
        assert!(seen.iter().all(|sets| *sets > SWAPS / 10), "{seen:?}");
        let mut client = Decisions::new(server.unix().await);
        let last = decide(&mut client, "crm/read").await;
        assert_eq!(last.policy.unwrap().version, SWAPS + 1);
        let answers = asked.answers.load(Ordering::Relaxed);
        println!("{SWAPS} swaps, {answers} answers, sets seen by each connection: {seen:?}");
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
        memo_answers_max: toolgate::engine::MEMO_ANSWERS_MAX,
        element: toolgate::decide::check_element,
    }
}

#[test]
fn an_edit_on_disk_is_soon_in_force() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let main = dir.path().join("main");
        write_version(&main, 1);
        let server = Server::start(dir, &config(AUDIT)).await;
        let asked = Arc::new(Asked::default());
        let client = Decisions::new(server.unix().await);
        let asking = tokio::spawn(ask(client, Arc::clone(&asked)));
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
        asked.stop.store(true, Ordering::Relaxed);
        assert!(asking.await.unwrap() > 1);
        println!("{SWAPS_ON_DISK} edits, slowest in force after {slowest:?}");
        server.stop().await;
    });
}

/// Writes in place or, every other time, moves a whole directory into place.
fn replace(main: &Path, version: u64) {
    if version.is_multiple_of(2) {
        return write_version(main, version);
    }
    let (next, old) = (main.with_extension("next"), main.with_extension("old"));
    write_version(&next, version);
    std::fs::rename(main, &old).unwrap();
    std::fs::rename(&next, main).unwrap();
    std::fs::remove_dir_all(&old).unwrap();
}
