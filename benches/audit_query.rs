//! What finding one record of many costs through the index, against a bare look-up of a primary key
//! in a database of its own, and how much memory it takes. Prints JSON, and writes it to the file
//! that `TOOLGATE_BENCH_JSON` names. `TOOLGATE_BENCH_RECORDS` is how many records, 1,000,000 unless
//! told.

use rusqlite::{Connection, OptionalExtension, params};
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use toolgate::audit::index::{Filter, Order, Reader, rebuild};
use toolgate::audit::log::{Log, Options};
use toolgate::audit::record::{DecisionRecord, Record};
use toolgate::files::OsFiles;
use toolgate::model::call::{Mcp, Phase, Request};
use toolgate::model::json::Object;
use toolgate::model::principal::Principal;
use toolgate::model::reason::Code;
use toolgate::model::revision::Revision;
use toolgate::model::time::Timestamp;
use toolgate::model::verdict::Verdict;

type Outcome<T> = Result<T, Box<dyn Error>>;

const TIME_NANOS: i64 = 1_795_190_400_000_000_000;
/// Look-ups that are measured of each kind.
const LOOK_UPS: u64 = 20_000;
/// Records that are appended before one is waited for.
const BURST: u64 = 4_096;

fn main() -> Outcome<()> {
    let records = std::env::var("TOOLGATE_BENCH_RECORDS").ok();
    let records = records.map_or(Ok(1_000_000), |records| records.parse())?;
    let dir = tempfile::tempdir_in("target")?;
    let written = timed(|| write_log(dir.path(), records))?;
    let indexed = timed(|| Ok(rebuild(dir.path(), &mut |_| ())?))?;
    let bare = bare_database(dir.path(), records)?;
    let mut bare = measure(records, |id| {
        let found = "SELECT line FROM records WHERE id = ?";
        let found = bare.query_row(found, [id], |row| row.get::<_, Vec<u8>>(0));
        Ok(found.optional()?.map_or(0, |line| line.len()))
    })?;
    let mut reader = Reader::open(dir.path())?;
    let before_kib = memory_kib("VmRSS")?;
    let mut query = measure(records, |id| {
        let filter = Filter {
            decision_id: id.to_owned(),
            ..Filter::default()
        };
        let page = reader.page(&filter, Order::NewestFirst, None, 100)?;
        Ok(page.records.first().map_or(0, |(_, line)| line.len()))
    })?;
    let filter = Filter {
        user: "u:7".to_owned(),
        reason: "no_matching_allow".to_owned(),
        ..Filter::default()
    };
    let started = Instant::now();
    let page = reader.page(&filter, Order::NewestFirst, None, 1_000)?;
    let by_user = started.elapsed();
    let (bare, query) = (percentiles(&mut bare), percentiles(&mut query));
    let told = format!(
        "{{\"records\": {records}, \"log_mib\": {}, \"index_mib\": {}, \"write_s\": {:.1}, \
         \"index_s\": {:.1}, \"sqlite_p50_us\": {:.1}, \"sqlite_p99_us\": {:.1}, \
         \"query_p50_us\": {:.1}, \"query_p99_us\": {:.1}, \"query_p99_vs_sqlite\": {:.2}, \
         \"page_of_{}_by_user_ms\": {:.1}, \"query_rss_mib\": {}, \"query_grew_mib\": {}}}\n",
        size_mib(dir.path(), ".jsonl")?,
        size_mib(dir.path(), "index.sqlite")?,
        written.as_secs_f64(),
        indexed.as_secs_f64(),
        micros(bare.0),
        micros(bare.1),
        micros(query.0),
        micros(query.1),
        query.1.as_secs_f64() / bare.1.as_secs_f64(),
        page.records.len(),
        by_user.as_secs_f64() * 1e3,
        memory_kib("VmRSS")? / 1_024,
        memory_kib("VmRSS")?.saturating_sub(before_kib) / 1_024,
    );
    print!("{told}");
    if let Some(path) = std::env::var_os("TOOLGATE_BENCH_JSON") {
        fs::write(path, told)?;
    }
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<Duration> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed())
}

/// A UUID that looks random from the middle on, and is the same for the same number.
fn decision_id(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "0199a7b4-{:04x}-7{:03x}-9b1e-{:012x}",
        number >> 16 & 0xffff,
        number >> 4 & 0xfff,
        mixed & 0xffff_ffff_ffff
    )
}

fn record(number: u64) -> Record {
    let request = Request {
        phase: Phase::Call,
        tenant: "acme".to_owned(),
        principal: Principal {
            id: format!("agent_{}", number % 50),
            user: Some(format!("u:{}", number % 1_000)),
            ..Principal::default()
        },
        mcp: Mcp {
            server: format!("server-{}", number % 8),
            method: "tools/call".to_owned(),
            name: format!("tool-{}", number % 64),
            protocol: "2025-11-25".to_owned(),
        },
        definition_digest: Some(format!("sha256:{:064}", 1)),
        untrusted_annotations: Object::new(),
        params: Object::new(),
        result: None,
        session_id: decision_id(number / 20),
        context: Object::from_iter([("correlation_id", format!("corr-{}", number / 3))]),
    };
    let revision = Revision {
        version: 1,
        revision: "2026-11-21".to_owned(),
        digest: format!("sha256:{:064}", 7),
    };
    let verdict = Verdict::from(Code::NoMatchingAllow);
    let mut decision = DecisionRecord::new(&request, &verdict, Some(&revision));
    decision.decision_id = decision_id(number);
    Record::Decision(Box::new(decision))
}

fn write_log(dir: &Path, records: u64) -> Outcome<()> {
    let (log, _) = Log::open(dir, Options::new("bench/1"), Arc::new(OsFiles))?;
    for number in 0..records {
        let nanos = TIME_NANOS + i64::try_from(number)? * 1_000_000;
        let time = Timestamp::from_nanos(nanos);
        match number % BURST {
            0 => drop(log.append(time, &record(number))?.wait()?),
            _ => log.post(time, &record(number))?,
        }
    }
    log.close()?;
    Ok(())
}

/// The same lines under their ids, and nothing else.
fn bare_database(dir: &Path, records: u64) -> Outcome<Connection> {
    let mut database = Connection::open(dir.join("bare.sqlite"))?;
    database.pragma_update(None, "journal_mode", "off")?;
    database.execute("CREATE TABLE records (id TEXT PRIMARY KEY, line BLOB)", [])?;
    let transaction = database.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO records VALUES (?, ?)")?;
        for number in 0..records {
            let line = vec![b'x'; 1_024];
            insert.execute(params![decision_id(number), line])?;
        }
    }
    transaction.commit()?;
    Ok(database)
}

/// How long each look-up of some record took.
fn measure(
    records: u64,
    mut look_up: impl FnMut(&str) -> Outcome<usize>,
) -> Outcome<Vec<Duration>> {
    let mut times = Vec::new();
    for turn in 0..LOOK_UPS {
        let id = decision_id(turn.wrapping_mul(0x2545_f491_4f6c_dd1d) % records);
        let started = Instant::now();
        let bytes = black_box(look_up(&id)?);
        times.push(started.elapsed());
        if bytes == 0 {
            return Err(format!("`{id}` is not found").into());
        }
    }
    Ok(times)
}

/// The median and the 99th percentile.
fn percentiles(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort();
    let at = |part: usize| times.get(times.len() * part / 100).copied();
    (at(50).unwrap_or_default(), at(99).unwrap_or_default())
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn memory_kib(what: &str) -> Outcome<u64> {
    let mut status = String::new();
    fs::File::open("/proc/self/status")?.read_to_string(&mut status)?;
    let line = status.lines().find(|line| line.starts_with(what));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(kib.ok_or("no such line")?.parse()?)
}

fn size_mib(dir: &Path, ending: &str) -> Outcome<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(ending) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes >> 20)
}
