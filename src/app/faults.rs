//! Whatever of a log's disk fails, a PDP with its sockets answers as it is set to, tells that it is
//! not ready, loses nothing that it acknowledged, and goes on after a restart.
//!
//! Each operation on the disk fails in turn, in a first start and in one on a log that is there,
//! with every setting; so does a disk that takes so many bytes and no more.

mod scene;

use crate::audit::log::AppendError;
use crate::audit::record::{Heartbeat, Record};
use crate::engine::STACK_BYTES;
use crate::files::faulty::{Disk, Operation, Plan};
use crate::telemetry::now;
use crate::wire::v1::{DecideResponse, Effect};
use scene::{Pdp, Scene, Setting, verified};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

const SETTINGS: [Setting; 4] = [
    setting(true, false),
    setting(true, true),
    setting(false, false),
    setting(false, true),
];
/// Calls of a case, half of them before a month's end.
const CALLS: usize = 6;

const fn setting(is_durable: bool, allows_unrecorded: bool) -> Setting {
    Setting {
        is_durable,
        allows_unrecorded,
    }
}

/// What a failure does to a PDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Harm {
    /// It does not start.
    DoesNotStart,
    /// Its log takes no more records.
    LogFails,
    /// It ends without having signed or written all: the next start does.
    EndsEarly,
    /// None: the log is not concerned.
    Nothing,
}

/// What has to be seen, of which operation on which files.
const SEEN: [(Operation, &str, Harm); 27] = [
    (Operation::MakeDir, "directory", Harm::DoesNotStart),
    (Operation::SyncDir, "directory", Harm::DoesNotStart),
    (Operation::Lock, "lock", Harm::DoesNotStart),
    (Operation::Make, "signing.key", Harm::DoesNotStart),
    (Operation::Sync, "signing.key", Harm::DoesNotStart),
    (Operation::Rename, "signing.key", Harm::DoesNotStart),
    (Operation::Rename, "hash.key", Harm::DoesNotStart),
    (Operation::Rename, "content.key", Harm::DoesNotStart),
    (Operation::MakeDir, "content", Harm::DoesNotStart),
    (Operation::Read, "log", Harm::DoesNotStart),
    (Operation::Open, "log", Harm::DoesNotStart),
    (Operation::Rename, "log", Harm::DoesNotStart),
    (Operation::Read, "checkpoint", Harm::DoesNotStart),
    (Operation::Make, "log", Harm::LogFails),
    (Operation::SyncDir, "directory", Harm::LogFails),
    (Operation::Append, "log", Harm::LogFails),
    (Operation::Sync, "log", Harm::LogFails),
    (Operation::Read, "log", Harm::LogFails),
    (Operation::MakeDir, "tile", Harm::LogFails),
    (Operation::Sync, "tile", Harm::LogFails),
    (Operation::Rename, "tile", Harm::LogFails),
    (Operation::Append, "checkpoint", Harm::LogFails),
    (Operation::Sync, "checkpoint", Harm::LogFails),
    (Operation::Rename, "checkpoint", Harm::LogFails),
    (Operation::Make, "content", Harm::Nothing),
    (Operation::Sync, "content", Harm::Nothing),
    (Operation::Rename, "content", Harm::Nothing),
];

/// What of a log's directory a path is.
fn part(path: &Path) -> String {
    let Ok(path) = path.strip_prefix("/audit") else {
        return "above".to_owned();
    };
    let first = path
        .iter()
        .next()
        .map(|it| it.to_string_lossy().into_owned());
    let first = first.unwrap_or_else(|| "directory".to_owned());
    match first.strip_suffix(".tmp").unwrap_or(&first) {
        log if log.starts_with("log-") => "log".to_owned(),
        other => other.to_owned(),
    }
}

/// What one case left behind.
#[derive(Default)]
struct Answers {
    /// The id of each decision that was said to be durable, by its place.
    durable: BTreeMap<u64, String>,
    /// Those whose answers did not wait.
    posted: BTreeSet<String>,
    unrecorded: usize,
}

impl Answers {
    /// Holds an answer against what the setting promises.
    fn take(&mut self, reply: DecideResponse, setting: Setting, tool: &str, what: &str) {
        let waits = setting.is_durable || tool == "sure";
        let denied = reply.effect() == Effect::Deny;
        let Some(position) = &reply.audit else {
            self.unrecorded += 1;
            assert_eq!(denied, !setting.allows_unrecorded, "{what}");
            let codes: Vec<_> = reply.reasons.iter().map(|it| it.code.as_str()).collect();
            if denied {
                assert_eq!(codes, ["audit_unavailable"], "{what}");
                assert!(reply.reasons[0].retryable, "{what}");
                assert!(reply.call_id.is_empty() && reply.obligations.is_empty());
            }
            return;
        };
        assert!(!denied && !reply.call_id.is_empty(), "{what}: {reply:?}");
        assert_eq!(position.index.is_some(), waits, "{what}");
        match position.index {
            Some(index) => drop(self.durable.insert(index, reply.decision_id)),
            None => drop(self.posted.insert(reply.decision_id)),
        }
    }
}

/// Asks, half of the time about what has to be recorded durably in any mode.
async fn ask(scene: &Scene, pdp: &mut Pdp, what: &str) -> Answers {
    let mut answers = Answers::default();
    for number in 0..CALLS {
        if number == CALLS / 2 {
            scene.next_month();
        }
        let tool = ["read", "sure"][number % 2];
        let reply = pdp.ask(tool).await;
        answers.take(reply, scene.setting, tool, what);
    }
    answers
}

/// What is said of a PDP goes with what became of its log, which is given back.
async fn told(pdp: &Pdp, unrecorded: usize, what: &str) -> Option<String> {
    let log = pdp.decider.tenants.process().evidence.log();
    let failure = || log.failure().map(|failure| failure.to_string());
    // What is signed last may fail while it is asked.
    let (ready, failure) = loop {
        let before = failure();
        let ready = pdp.get("/readyz").await;
        if before == failure() {
            break (ready, before);
        }
    };
    let (code, text) = match &failure {
        None => ("200", "policy "),
        Some(failure) => ("503", failure.as_str()),
    };
    let status = format!("HTTP/1.1 {code} ");
    assert!(ready.starts_with(&status), "{what}: {ready}");
    assert!(ready.contains(text), "{what}: {ready}");
    let metrics = pdp.get("/metrics").await;
    let counted = format!("toolgate_audit_failures_total {unrecorded}\n");
    assert!(metrics.contains(&counted), "{what}: {counted}");
    failure
}

/// What became of a PDP whose disk fails.
struct Life {
    answers: Answers,
    harm: Harm,
    /// Its last checkpoint.
    held: Vec<u8>,
    /// Operations on the disk until it was started.
    to_start: u64,
}

/// A PDP from its start to its end, while something of its disk fails.
async fn live(scene: &Scene, disk: &Disk, what: &str) -> Life {
    let Ok(mut pdp) = scene.start(disk).await else {
        return Life {
            answers: Answers::default(),
            harm: Harm::DoesNotStart,
            held: Vec::new(),
            to_start: disk.operations(),
        };
    };
    let to_start = disk.operations();
    let answers = ask(scene, &mut pdp, what).await;
    pdp.settled().await;
    let failure = told(&pdp, answers.unrecorded, what).await;
    assert!(failure.is_some() || answers.unrecorded == 0, "{what}");
    let (held, _) = pdp.checkpoint();
    let tenant = Arc::clone(pdp.decider.tenants.process());
    // So that there is something left to sign at the end. A log that has failed takes it no more.
    let beat = Record::Heartbeat(Heartbeat::default());
    drop(tenant.evidence.log().post(now(), &beat));
    pdp.stop().await;
    let harm = match (failure, tenant.evidence.log().failure()) {
        (Some(_), _) => Harm::LogFails,
        (None, Some(AppendError::Failed { .. })) => Harm::EndsEarly,
        (None, _) => Harm::Nothing,
    };
    Life {
        answers,
        harm,
        held,
        to_start,
    }
}

/// The next PDP goes on, and has everything that the one before acknowledged.
async fn go_on(scene: &Scene, disk: &Disk, mut before: Life, power_fails: bool, what: &str) {
    let started = scene.start(disk).await;
    let mut pdp = started.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(told(&pdp, 0, what).await, None, "{what}");
    let reply = pdp.ask("sure").await;
    before.answers.take(reply, scene.setting, "sure", what);
    assert_eq!(told(&pdp, 0, what).await, None, "{what}");
    let (_, key) = pdp.checkpoint();
    pdp.stop().await;
    let decisions = verified(disk, (before.held, key), what);
    for (seq, id) in &before.answers.durable {
        assert_eq!(decisions.get(seq), Some(id), "{what}: {seq}");
    }
    let ids: BTreeSet<_> = decisions.values().collect();
    assert_eq!(
        ids.len(),
        decisions.len(),
        "{what}: a decision is there twice"
    );
    if before.harm == Harm::Nothing && !power_fails {
        let mut posted = before.answers.posted.iter();
        assert!(posted.all(|id| ids.contains(id)), "{what}");
    }
}

/// Runs a PDP while this goes wrong, then one while nothing does. What failed, if something did, and
/// what that did.
async fn run(scene: &Scene, disk: &Disk, plan: Plan) -> (Option<String>, Harm) {
    let power_fails = plan.seed.is_multiple_of(2);
    let what = format!("{:?}, {plan:?}", scene.setting);
    disk.set(plan);
    let life = live(scene, disk, &what).await;
    let harm = life.harm;
    let failed = disk.failed();
    let seed = plan.seed;
    disk.set(Plan {
        seed,
        ..Plan::default()
    });
    if power_fails {
        disk.crash();
    }
    go_on(scene, disk, life, power_fails, &what).await;
    let failed = failed.map(|(operation, path)| format!("{operation:?} {}", part(&path)));
    (failed, harm)
}

/// Each operation fails in turn. Starts, which are the same whatever the setting, and what is read
/// fail with the first one.
async fn one_after_the_other(setting: Setting, is_first: bool) -> Vec<(String, Harm)> {
    let scene = Scene::new(setting);
    let mut bases = vec![(Disk::new(), false)];
    if is_first {
        let written = Disk::new();
        run(&scene, &written, Plan::default()).await;
        bases.push((written, true));
    }
    let mut seen = Vec::new();
    for (base, counts_reads) in bases {
        let mut plan = Plan {
            counts_reads,
            ..Plan::default()
        };
        let healthy = base.copy();
        healthy.set(plan);
        let to_start = live(&scene, &healthy, "healthy").await.to_start;
        for number in if is_first { 0 } else { to_start }..healthy.operations() {
            plan.fail_at = Some(number);
            plan.seed = number;
            let (failed, harm) = run(&scene, &base.copy(), plan).await;
            // Threads take turns as they like: it may have been one operation less.
            seen.extend(failed.map(|failed| (failed, harm)));
        }
    }
    seen
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    let builder = builder.thread_stack_size(STACK_BYTES).enable_all();
    builder.build().unwrap()
}

#[test]
fn whatever_of_its_disk_fails_a_pdp_answers_as_it_is_set_to() {
    let seen = runtime().block_on(async {
        let each = SETTINGS.into_iter().enumerate();
        let all = each.map(|(number, setting)| one_after_the_other(setting, number == 0));
        all.collect::<JoinSet<_>>().join_all().await.concat()
    });
    println!("{} operations failed in turn", seen.len());
    let seen: BTreeSet<_> = seen.into_iter().collect();
    assert!(seen.iter().any(|(_, harm)| *harm == Harm::EndsEarly));
    for (operation, part, harm) in SEEN {
        let row = (format!("{operation:?} {part}"), harm);
        assert!(seen.contains(&row), "never seen: {row:?} of {seen:#?}");
    }
    for (failed, harm) in seen {
        let of_content = failed.ends_with(" content");
        let is_right = match harm {
            Harm::DoesNotStart => true,
            Harm::LogFails | Harm::EndsEarly => !of_content,
            Harm::Nothing => of_content,
        };
        assert!(is_right, "{failed}: {harm:?}");
    }
}

/// A disk that takes so many bytes more and no more.
#[test]
fn a_disk_that_is_full_at_any_byte_makes_a_pdp_answer_as_it_is_set_to() {
    const STEP_BYTES: usize = 1_500;
    runtime().block_on(async {
        let each = SETTINGS.into_iter().map(async |setting| {
            let scene = Scene::new(setting);
            let base = Disk::new();
            run(&scene, &base, Plan::default()).await;
            let (mut harms, mut room) = (BTreeSet::new(), base.used());
            while !harms.contains(&Harm::Nothing) {
                let plan = Plan {
                    bytes_max: Some(room),
                    seed: room as u64,
                    ..Plan::default()
                };
                harms.insert(run(&scene, &base.copy(), plan).await.1);
                room += STEP_BYTES;
            }
            let expected = [Harm::DoesNotStart, Harm::LogFails, Harm::Nothing];
            assert!(
                expected.iter().all(|harm| harms.contains(harm)),
                "{harms:?}"
            );
        });
        for one in each {
            one.await;
        }
    });
}
