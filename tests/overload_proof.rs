//! Ten times as much as a PDP can decide, from many callers of one tenant, who do not wait for one
//! another, while another tenant asks slowly.
//!
//! `TOOLGATE_OVERLOAD_SECONDS` makes it longer; `TOOLGATE_SOAK_JSON` names a file for the figures.

use crate::day::scene::{Place, Scene, TENANTS, config, files, replace, write_manifests};
use crate::day::{setting, write_figures};
use crate::overload::reason;
use crate::server::asking::{Decisions, call, codes};
use crate::server::process::Process;
use crate::server::{block_on, of_type, pki, records, tokens, until};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tonic::{Code, Status};
use toolgate::audit::verify::verify;
use toolgate::wire::v1::{DecideRequest, DecideResponse, Effect};

/// How long the flood lasts, unless something else is asked for.
const FLOOD_SECONDS: u64 = 3;
/// How much more is asked than can be decided.
const TIMES_CAPACITY: u32 = 10;
/// Decisions of the flooding tenant under way.
const IN_FLIGHT_MAX: usize = 1;
/// Questions by which capacity is measured.
const CAPACITY_QUESTIONS: usize = 100;
/// Connections of the flooding tenant.
const CONNECTIONS: usize = 32;
/// Questions that wait for an answer: beyond it the flood would fill this process's memory.
const UNANSWERED_MAX: usize = 2_000;
/// Questions of the quiet tenant before the flood.
const QUIET_QUESTIONS: usize = 300;
/// How often the quiet tenant asks, in milliseconds.
const QUIET_INTERVAL_MS: u64 = 5;
/// How often arrivals are made up for and memory is looked at, in milliseconds.
const TICK_MS: u64 = 5;
/// Memory of the PDP, in MiB, at no time more than this.
const RSS_MIB_MAX: u64 = 160;

/// How many numbers the slow policy compares with each other.
const NUMBERS: u32 = 150;

/// A policy that takes some milliseconds.
fn slow() -> String {
    let numbers: Vec<String> = (0..NUMBERS).map(|number| number.to_string()).collect();
    format!(
        r#"package policies.rules

numbers := [{}]

allow contains "slow" if {{
	count([1 | some a in numbers; some b in numbers; a == b; b == input.arguments.number]) == 0
}}
"#,
        numbers.join(", ")
    )
}

fn scene_files() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let disk = crate::day::changes::Disk::new(TENANTS[0]);
    for tenant in TENANTS {
        write_manifests(dir.path(), tenant);
        for (path, bytes) in files(tenant, disk.good()) {
            replace(dir.path(), &path, &bytes);
        }
    }
    replace(dir.path(), Path::new("acme/rules.rego"), slow().as_bytes());
    pki::write_server_files(dir.path());
    tokens::write_key_set(dir.path());
    let limits =
        "[limits]\nevaluation_instructions_max = 1000000000\nin_flight_decisions_max = 64\n";
    let share = format!("name = \"acme\"\nin_flight_decisions_max = {IN_FLIGHT_MAX}\n[[bundles]]");
    let toml = config("info")
        .replace("mode = \"durable\"", "mode = \"async\"")
        .replace("[limits]\n", limits)
        .replace("name = \"acme\"\n[[bundles]]", &share);
    replace(dir.path(), Path::new("toolgate.toml"), toml.as_bytes());
    dir
}

/// A question that takes some milliseconds each time: no two are the same.
fn slow_question(number: usize) -> DecideRequest {
    let params = format!(r#"{{"name":"read","arguments":{{"number":-{number}}}}}"#);
    DecideRequest {
        params_json: params.into_bytes(),
        ..call("crm/read")
    }
}

/// The resident memory of a process, in MiB.
fn rss_mib(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid())).unwrap();
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib / 1024
}

fn p99(mut latencies: Vec<Duration>) -> Duration {
    latencies.sort();
    latencies[latencies.len() * 99 / 100]
}

/// One question of the quiet tenant, which always gets a verdict.
async fn quiet_question(client: &mut Decisions) -> Duration {
    let asked = Instant::now();
    let reply = client.decide(call("crm/read")).await.unwrap().into_inner();
    assert_eq!(reply.effect(), Effect::Allow, "{reply:?}");
    asked.elapsed()
}

async fn decisions(place: Place, caller: &str) -> Decisions {
    Decisions::new(place.connect(caller).await.unwrap())
}

/// Asks every now and then, until it is over or has asked this often.
async fn quiet(place: Place, most: usize, over: watch::Receiver<bool>) -> Vec<Duration> {
    let mut client = decisions(place, "globex").await;
    let mut latencies = Vec::new();
    let mut pace = interval(Duration::from_millis(QUIET_INTERVAL_MS));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while latencies.len() < most && !*over.borrow() {
        pace.tick().await;
        latencies.push(quiet_question(&mut client).await);
    }
    latencies
}

/// Verdicts a second of as many callers as may ask at once.
async fn capacity(place: Place) -> u32 {
    let mut callers = JoinSet::new();
    let started = Instant::now();
    for _ in 0..IN_FLIGHT_MAX {
        let mut client = decisions(place, "acme").await;
        callers.spawn(async move {
            for number in 1..=CAPACITY_QUESTIONS {
                let question = slow_question(1_000_000_000 + number);
                let reply = client.decide(question).await.unwrap().into_inner();
                assert_eq!(reply.effect(), Effect::Allow, "{reply:?}");
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    let a_second = (CAPACITY_QUESTIONS * IN_FLIGHT_MAX) as f64 / started.elapsed().as_secs_f64();
    // More than a million a second would be a surprise.
    a_second.min(1e6) as u32
}

/// How a flood ended.
#[derive(Default)]
struct Flood {
    verdicts: usize,
    refused: usize,
    /// Arrivals that found too many questions unanswered.
    unsent: usize,
    rss_mib_max: u64,
}

impl Flood {
    /// Every answer is a verdict or says which limit was reached and when to come back.
    fn count(&mut self, answer: Result<tonic::Response<DecideResponse>, Status>) {
        let status = match answer {
            Ok(reply) => {
                assert!(codes(reply.get_ref()).contains(&"slow"), "{reply:?}");
                self.verdicts += 1;
                return;
            }
            Err(status) => status,
        };
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        let (reason, metadata) = reason(&status);
        assert_eq!(reason, "TENANT_SHARE_REACHED");
        assert_eq!(metadata["tenant"], "acme");
        assert_eq!(metadata["limit"], IN_FLIGHT_MAX.to_string());
        assert_eq!(metadata["setting"], "tenants[].in_flight_decisions_max");
        self.refused += 1;
    }
}

/// Asks at a fixed rate, whether there are answers or not.
async fn flood(scene: &Scene, rate: u32, lasts: Duration) -> Flood {
    let mut clients = Vec::new();
    for _ in 0..CONNECTIONS {
        clients.push(decisions(scene.place, "acme").await);
    }
    let (mut flood, mut asking) = (Flood::default(), JoinSet::new());
    let room = Arc::new(Semaphore::new(UNANSWERED_MAX));
    let process = scene.process.as_ref().unwrap();
    let mut tick = interval(Duration::from_millis(TICK_MS));
    let (started, mut arrived) = (Instant::now(), 0_usize);
    while started.elapsed() < lasts {
        tick.tick().await;
        let due = (started.elapsed().as_secs_f64() * f64::from(rate)) as usize;
        for number in arrived..due {
            let Ok(place) = Arc::clone(&room).try_acquire_owned() else {
                flood.unsent += 1;
                continue;
            };
            let mut client = clients[number % CONNECTIONS].clone();
            asking.spawn(async move {
                let answer = client.decide(slow_question(number + 1)).await;
                drop(place);
                answer
            });
        }
        arrived = due.max(arrived);
        while let Some(answer) = asking.try_join_next() {
            flood.count(answer.unwrap());
        }
        flood.rss_mib_max = flood.rss_mib_max.max(rss_mib(process));
    }
    while let Some(answer) = asking.join_next().await {
        flood.count(answer.unwrap());
    }
    flood
}

#[test]
fn ten_times_too_much_is_refused_in_so_many_words_and_leaves_no_trace() {
    let seconds = setting("TOOLGATE_OVERLOAD_SECONDS", FLOOD_SECONDS);
    block_on(async {
        let dir = scene_files();
        let mut scene = Scene::on(dir).await;
        let place = scene.place;
        let (over, not_over) = watch::channel(false);
        let before = p99(quiet(place, QUIET_QUESTIONS, not_over.clone()).await);
        let capacity = capacity(place).await;
        let rss_mib_before = rss_mib(scene.process.as_ref().unwrap());
        let asking = tokio::spawn(quiet(place, usize::MAX, not_over));
        let flood = flood(
            &scene,
            capacity * TIMES_CAPACITY,
            Duration::from_secs(seconds),
        )
        .await;

        let ended = Instant::now();
        let mut client = decisions(place, "acme").await;
        let reply = until("a verdict after the flood", async || {
            client.decide(slow_question(2_000_000_000)).await.ok()
        });
        assert_eq!(reply.await.get_ref().effect(), Effect::Allow);
        let recovered = ended.elapsed();
        over.send_replace(true);
        let latencies = asking.await.unwrap();
        let asked = latencies.len();
        let during = p99(latencies);

        assert!(flood.verdicts > 0 && flood.refused > flood.verdicts);
        let rss_mib_max = flood.rss_mib_max;
        assert!(rss_mib_max <= RSS_MIB_MAX, "{rss_mib_max} MiB");
        let process = scene.process.take().unwrap();
        process.terminate();
        assert!(process.ended().await.success());
        // What was refused is no decision; of what was decided nothing is missing.
        let decisions = [0, 1].map(|tenant| {
            verify(&scene.log(Some(tenant))).unwrap();
            of_type(&records(&scene.log(Some(tenant))), "decision").len()
        });
        let of_acme = CAPACITY_QUESTIONS * IN_FLIGHT_MAX;
        assert_eq!(decisions[0], of_acme + flood.verdicts + 1);
        assert_eq!(decisions[1], QUIET_QUESTIONS + asked);

        let milliseconds = |it: Duration| it.as_secs_f64() * 1e3;
        let ratio = during.as_secs_f64() / before.as_secs_f64();
        let offered = flood.verdicts + flood.refused + flood.unsent;
        println!(
            "a flood of {seconds} s: capacity {capacity}/s, offered {offered}, {} verdicts, \
             {} refused, {} not sent; memory {rss_mib_before} MiB before, at most {rss_mib_max}; \
             a verdict {:.1} ms after the end; the quiet tenant asked {asked}, \
             its p99 {:.1} ms before, {:.1} ms during, ratio {ratio:.2}",
            flood.verdicts,
            flood.refused,
            flood.unsent,
            milliseconds(recovered),
            milliseconds(before),
            milliseconds(during),
        );
        write_figures(&[
            ("overload_seconds", seconds as f64),
            ("overload_capacity_per_second", f64::from(capacity)),
            ("overload_offered", offered as f64),
            ("overload_verdicts", flood.verdicts as f64),
            ("overload_refused", flood.refused as f64),
            ("overload_not_sent", flood.unsent as f64),
            ("overload_rss_mib_before", rss_mib_before as f64),
            ("overload_rss_mib_max", rss_mib_max as f64),
            ("overload_recovery_ms", milliseconds(recovered)),
            ("quiet_questions", asked as f64),
            ("quiet_p99_ms_before", milliseconds(before)),
            ("quiet_p99_ms_during", milliseconds(during)),
            ("quiet_p99_ratio", ratio),
        ]);
    });
}
