//! Logs of calls on given days, made without a server.

use crate::util::repository;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;
use toolgate::model::json::{Json, Limits, Object, parse};
use toolgate::model::time::Timestamp;

/// As `write_as`, of origin `pdp/1`.
pub fn write(dir: &Path, days_ago: &[u64], calls: u64) {
    write_as("pdp/1", dir, days_ago, calls);
}

/// Writes a log of this origin with one segment for each of these days, counted back from now,
/// in which there are so many calls, each with its outcome.
pub fn write_as(origin: &str, dir: &Path, days_ago: &[u64], calls: u64) {
    std::fs::create_dir_all(dir).unwrap();
    let (decision, outcome) = (template("decision"), template("outcome"));
    let now = toolgate::telemetry::now().as_nanos();
    let (mut seq, mut prev) = (0_u64, "0".repeat(64));
    for days in days_ago {
        let name = format!("log-{seq:020}.jsonl");
        let mut file = BufWriter::new(File::create(dir.join(name)).unwrap());
        let start = Timestamp::from_nanos(now - i64::try_from(*days).unwrap() * 86_400_000_000_000);
        for call in 0..calls {
            let time = start.plus(Duration::from_micros(call)).rfc3339_micros();
            let id = seq;
            for (what, template) in [("d", &decision), ("o", &outcome)] {
                let mut record = template.clone();
                record.insert("origin", origin);
                record.insert("decision_id", format!("d-{id}"));
                record.insert("call_id", format!("c-{id}"));
                record.insert("event_id", format!("{what}-{id}"));
                record.insert("time", time.as_str());
                record.insert("seq", seq);
                record.insert("prev", prev.as_str());
                let line = Json::Object(record).canonical();
                prev = Sha256::digest(&line)
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                seq += 1;
                file.write_all(&line).unwrap();
                file.write_all(b"\n").unwrap();
            }
        }
        file.flush().unwrap();
    }
}

fn template(kind: &str) -> Object {
    let path = repository(&format!("tests/data/audit/{kind}.jsonl"));
    let text = std::fs::read_to_string(path).unwrap();
    let line = text.lines().next().unwrap().as_bytes();
    let Json::Object(record) = parse(line, Limits::REQUEST).unwrap() else {
        panic!("an object");
    };
    record
}
