//! The log by itself; `benches/audit` starts these, each as a process of its own.
//!
//! - `audit_log closed DIR CALLERS SECONDS`: so many callers append, each again once its record is
//!   durable. Prints events, syncs of the log's file and p50 in microseconds.
//! - `audit_log append DIR RECORDS`: appends, waiting for nothing but the end. Prints bytes and the
//!   processor time of it in seconds, of all threads: text, hash, tree, tiles and signatures too, but
//!   neither opening the log nor making the values that are appended.
//! - `audit_log write DIR RECORDS`: hashes and writes the same bytes, syncing as often.
//! - `audit_log generate DIR RECORDS`: a log of many callers, tools and outcomes.

mod counting;

use counting::Counting;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use toolgate::audit::hash::{Hashed, Hasher};
use toolgate::audit::log::{Log, Options, Signing};
use toolgate::audit::record::{DecisionRecord, OutcomeRecord, OutcomeStatus, Record};
use toolgate::audit::sign::SigningKey;
use toolgate::model::call::{Mcp, Phase, Request};
use toolgate::model::json::{Json, Object};
use toolgate::model::principal::Principal;
use toolgate::model::reason::Code;
use toolgate::model::time::Timestamp;
use toolgate::model::verdict::Verdict;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const ORIGIN: &str = "bench/1";
const START_NANOS: i64 = 1_795_190_400_123_456_000;
/// Records that the bare write has for one sync: as many as the log has in a batch.
const BATCH: u64 = 512;
/// Records between two looks at whether the queue has room.
const POSTED: u64 = 4_096;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["closed", dir, callers, seconds] => closed(dir, callers.parse()?, seconds.parse()?),
        ["append", dir, records] => append(dir, records.parse()?),
        ["write", dir, records] => write(dir, records.parse()?),
        ["generate", dir, records] => fill(dir, records.parse()?).map(drop),
        // `cargo bench` starts every bench; this one needs its other end.
        _ => {
            println!("audit_log: run benches/audit");
            Ok(())
        }
    }
}

fn open(dir: &str, files: Counting) -> Result<Log> {
    let signing = Signing {
        key: Arc::new(SigningKey::generate()?.0),
        previous: None,
        time: Timestamp::from_nanos(START_NANOS),
    };
    let options = Options {
        signing: Some(signing),
        ..Options::new(ORIGIN)
    };
    Ok(Log::open(Path::new(dir), options, Arc::new(files))?.0)
}

/// A decision, or the outcome of the one before.
fn record(number: u64, hash: &Hashed) -> Record {
    let call = number / 2;
    let decision_id = format!("0199a7b4-7d4e-7c3a-9b1e-{call:012x}");
    if number % 2 == 1 {
        return Record::Outcome(Box::new(OutcomeRecord {
            decision_id,
            decision_known: true,
            tenant: None,
            decision_origin: None,
            call_id: String::new(),
            status: OutcomeStatus::Ok,
            response: Some(hash.clone()),
            judged: true,
            fields_returned: Vec::new(),
            masked: Vec::new(),
            filtered: None,
            secret_present: None,
            secret_valid: None,
            dlp_result: None,
            labels: Vec::new(),
            latency_ms: call % 900,
            shim: None,
            event_id: None,
            event_time: None,
        }));
    }
    let request = Request {
        phase: Phase::Call,
        tenant: "default".to_owned(),
        principal: Principal {
            id: format!("agent_{:03}", call % 500),
            user: Some(format!("u:{}", call % 3_000)),
            ..Principal::default()
        },
        mcp: Mcp {
            server: format!("server{}", call % 20),
            method: "tools/call".to_owned(),
            name: format!("tool_{}", call % 200),
            protocol: "2025-11-25".to_owned(),
        },
        definition_digest: None,
        untrusted_annotations: Object::new(),
        params: Object::from_iter([("arguments", Json::object([("n", call)]))]),
        result: None,
        session_id: format!("session-{}", call / 50),
        context: Object::from_iter([("correlation_id", format!("corr-{call}"))]),
    };
    let mut decision = DecisionRecord::new(&request, &Verdict::from(Code::NoMatchingAllow), None);
    decision.decision_id = decision_id;
    decision.arguments = Some(hash.clone());
    Record::Decision(Box::new(decision))
}

fn hashed() -> Hashed {
    let time = Timestamp::from_nanos(START_NANOS);
    let content = Json::object([("contract", "c-1"), ("note", "the renewal clause")]);
    Hasher::new([7; 32]).hash("default", time, &content)
}

fn at(number: u64) -> Timestamp {
    let micros = i64::try_from(number).unwrap_or(0) * 40;
    Timestamp::from_nanos(START_NANOS + micros * 1_000)
}

/// The bytes of all lines, and the processor time of appending them in seconds.
fn fill(dir: &str, records: u64) -> Result<(u64, f64)> {
    let log = open(dir, Counting::default())?;
    let hash = hashed();
    let (before, mut making) = (cpu_seconds()?, 0.0);
    for first in (0..records).step_by(POSTED as usize) {
        let began = own_cpu_seconds()?;
        let numbers = first..records.min(first + POSTED);
        let made: Vec<_> = numbers
            .map(|number| (at(number), record(number, &hash)))
            .collect();
        making += own_cpu_seconds()? - began;
        for (time, record) in &made {
            log.post(*time, record)?;
        }
        log.flush()?.wait()?;
    }
    log.close()?;
    let cpu_seconds = cpu_seconds()? - before - making;
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("log-") {
            bytes += entry.metadata()?.len();
        }
    }
    Ok((bytes, cpu_seconds))
}

fn append(dir: &str, records: u64) -> Result<()> {
    let (bytes, cpu_seconds) = fill(dir, records)?;
    print(&serde_json::json!({ "bytes": bytes, "cpu_seconds": cpu_seconds }))
}

fn write(dir: &str, records: u64) -> Result<()> {
    use sha2::{Digest, Sha256};
    let sample = Path::new(dir).join("sample");
    fill(&sample.to_string_lossy(), 1)?;
    let line = std::fs::read_to_string(sample.join("log-00000000000000000000.jsonl"))?;
    let mut file = std::fs::File::create(Path::new(dir).join("bytes"))?;
    let mut batch = Vec::new();
    let before = cpu_seconds()?;
    for number in 0..records {
        std::hint::black_box(Sha256::digest(line.as_bytes()));
        batch.extend_from_slice(line.as_bytes());
        if number % BATCH == BATCH - 1 {
            file.write_all(&batch)?;
            file.sync_data()?;
            batch.clear();
        }
    }
    let (bytes, cpu_seconds) = (records * line.len() as u64, cpu_seconds()? - before);
    print(&serde_json::json!({ "bytes": bytes, "cpu_seconds": cpu_seconds }))
}

fn closed(dir: &str, callers: u64, seconds: f64) -> Result<()> {
    let files = Counting::default();
    let log = Arc::new(open(dir, files.clone())?);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut nanos = runtime.block_on(async {
        let mut running = tokio::task::JoinSet::new();
        for number in 0..callers {
            let sample = record(number * 2, &hashed());
            running.spawn(caller(Arc::clone(&log), sample, end));
        }
        running.join_all().await
    });
    let mut nanos: Vec<u128> = nanos.drain(..).flatten().collect();
    nanos.sort_unstable();
    let p50_us = nanos.get(nanos.len() / 2).copied().unwrap_or(0) as f64 / 1000.0;
    let syncs = files.syncs.load(Ordering::Relaxed);
    print(&serde_json::json!({ "events": nanos.len(), "syncs": syncs, "p50_us": p50_us }))
}

/// Appends again and again, each record once the one before is durable: the time of each.
async fn caller(log: Arc<Log>, sample: Record, end: Instant) -> Vec<u128> {
    let mut nanos = Vec::new();
    while Instant::now() < end {
        let before = Instant::now();
        let Ok(pending) = log.append(at(0), &sample) else {
            break;
        };
        if pending.await.is_err() {
            break;
        }
        nanos.push(before.elapsed().as_nanos());
    }
    nanos
}

/// Of this thread alone.
fn own_cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos: u64 = stat.split_whitespace().next().unwrap_or("0").parse()?;
    Ok(nanos as f64 / 1e9)
}

/// Of this process, all threads.
fn cpu_seconds() -> Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / 100.0)
}

fn print(line: &serde_json::Value) -> Result<()> {
    println!("{line}");
    Ok(())
}
