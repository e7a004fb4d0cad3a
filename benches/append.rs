//! What recording costs: on the caller's side (hash, record, text), per record through the log with
//! a real sync, and checking the log afterwards.

use criterion::{Criterion, Throughput};
use std::hint::black_box;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use toolgate::audit::hash::Hasher;
use toolgate::audit::log::{Log, Options};
use toolgate::audit::record::{DecisionRecord, Record};
use toolgate::audit::verify::verify;
use toolgate::files::OsFiles;
use toolgate::model::call::{Mcp, Phase, Request};
use toolgate::model::json::{Json, Object};
use toolgate::model::principal::Principal;
use toolgate::model::reason::Code;
use toolgate::model::secret;
use toolgate::model::time::Timestamp;
use toolgate::model::verdict::Verdict;

const TIME: Timestamp = Timestamp::from_nanos(1_795_190_400_123_456_000);
/// Records that share one wait: a busy server's batch.
const BATCH: u64 = 256;

/// Words in which keywords of detectors stand, and no secret.
const PROSE: &str = "What are the risks of the survey that they sent? The keys are with Ann.";

fn arguments() -> Json {
    Json::object([
        ("contract", "c-1"),
        ("note", "please read the renewal clause"),
    ])
}

fn record(hasher: &Hasher) -> Record {
    let arguments = arguments();
    let request = Request {
        phase: Phase::Call,
        tenant: "acme".to_owned(),
        principal: Principal {
            id: "agent_analytics".to_owned(),
            ..Principal::default()
        },
        mcp: Mcp {
            server: "contracts".to_owned(),
            method: "tools/call".to_owned(),
            name: "read_contract".to_owned(),
            protocol: "2025-11-25".to_owned(),
        },
        definition_digest: Some(format!("sha256:{:064}", 1)),
        untrusted_annotations: Object::new(),
        params: Object::from_iter([("arguments", arguments.clone())]),
        result: None,
        session_id: "0199a7b4-7d4e-7c3a-9b1e-1f2d3c4b5a69".to_owned(),
        context: Object::from_iter([("correlation_id", "corr-1")]),
    };
    let mut decision = DecisionRecord::new(&request, &Verdict::from(Code::NoMatchingAllow), None);
    decision.decision_id = "0199a7b4-7d4e-7c3a-9b1e-1f2d3c4b5a70".to_owned();
    decision.arguments = Some(hasher.hash("acme", TIME, &arguments));
    Record::Decision(Box::new(decision))
}

fn append(log: &Log, record: &Record, records: u64) -> io::Result<()> {
    let mut last = None;
    for _ in 0..records {
        last = Some(log.append(TIME, record).map_err(io::Error::other)?);
    }
    match last {
        Some(pending) => pending.wait().map(drop).map_err(io::Error::other),
        None => Ok(()),
    }
}

fn bench_log(criterion: &mut Criterion, dir: &Path, record: &Record) -> io::Result<()> {
    let opened = Log::open(dir, Options::new("bench/1"), Arc::new(OsFiles));
    let (log, _) = opened.map_err(io::Error::other)?;
    let mut group = criterion.benchmark_group("audit");
    for records in [1, BATCH] {
        group.throughput(Throughput::Elements(records));
        group.bench_function(format!("append_{records}_and_wait"), |bencher| {
            bencher.iter(|| black_box(append(&log, record, records)));
        });
    }
    log.close().map_err(io::Error::other)?;
    let report = verify(dir).map_err(io::Error::other)?;
    group.throughput(Throughput::Elements(report.records));
    group.bench_function("verify", |bencher| bencher.iter(|| black_box(verify(dir))));
    group.finish();
    Ok(())
}

fn main() -> io::Result<()> {
    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(2))
        .sample_size(20)
        .configure_from_args();
    let hasher = Hasher::new([7; 32]);
    let sample = record(&hasher);
    criterion.bench_function("audit/hash_arguments", |bencher| {
        let arguments = arguments();
        bencher.iter(|| black_box(hasher.hash("acme", TIME, &arguments)));
    });
    criterion.bench_function("audit/hash_prose", |bencher| {
        let arguments = Json::object([("query", PROSE), ("region", "eu-west-1")]);
        bencher.iter(|| black_box(hasher.hash("acme", TIME, &arguments)));
    });
    criterion.bench_function("audit/secret_in_arguments", |bencher| {
        let (arguments, prose) = (arguments(), Json::object([("query", PROSE)]));
        let canonical = [&arguments, &prose].map(Json::canonical);
        bencher.iter(|| {
            let [of_arguments, of_prose] = &canonical;
            black_box(secret::is_present_in(&arguments, of_arguments));
            black_box(secret::is_present_in(&prose, of_prose))
        });
    });
    criterion.bench_function("audit/record_text", |bencher| {
        bencher.iter(|| black_box(sample.unlinked(TIME, "bench/1")));
    });
    let dir = tempfile::tempdir()?;
    bench_log(&mut criterion, dir.path(), &sample)?;
    criterion.final_summary();
    Ok(())
}
