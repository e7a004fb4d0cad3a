//! Logs made line by line, without waiting for a disk.

use crate::audit::hash::sha256_hex;
use crate::audit::record::Record;
use crate::audit::record::samples::{self, TIME};
use crate::model::time::Timestamp;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// So many seconds after the first record.
pub fn later(seconds: u64) -> Timestamp {
    TIME.plus(Duration::from_secs(seconds))
}

/// The two records of a granted call.
pub struct Call {
    pub decision: Record,
    pub outcome: Record,
}

pub fn call(name: &str) -> Call {
    let mut decision = samples::decision();
    decision.decision_id = format!("d-{name}");
    decision.call_id = format!("c-{name}");
    decision.event_id = None;
    let mut outcome = samples::outcome();
    outcome.decision_id = decision.decision_id.clone();
    outcome.call_id = decision.call_id.clone();
    outcome.event_id = Some(format!("e-{name}"));
    Call {
        decision: Record::Decision(Box::new(decision)),
        outcome: Record::Outcome(Box::new(outcome)),
    }
}

pub struct LogWriter {
    pub dir: PathBuf,
    origin: String,
    seq: u64,
    prev: String,
    file: PathBuf,
}

impl LogWriter {
    pub fn new(dir: &Path, origin: &str) -> Self {
        fs::create_dir_all(dir).unwrap();
        Self {
            dir: dir.to_owned(),
            origin: origin.to_owned(),
            seq: 0,
            prev: "0".repeat(64),
            file: dir.join(format!("log-{:020}.jsonl", 0)),
        }
    }

    /// Appends a record of so many seconds after the first.
    pub fn write(&mut self, second: u64, record: &Record) {
        let unlinked = record.unlinked(later(second), &self.origin);
        let line = unlinked.line(self.seq, &self.prev);
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).open(&self.file).unwrap();
        writeln!(file, "{line}").unwrap();
        self.seq += 1;
        self.prev = sha256_hex(line.as_bytes());
    }

    /// What follows goes into another file.
    pub fn segment(&mut self) {
        self.file = self.dir.join(format!("log-{:020}.jsonl", self.seq));
    }

    pub fn file(&self) -> PathBuf {
        self.file.clone()
    }

    pub fn next_seq(&self) -> u64 {
        self.seq
    }

    pub fn prev(&self) -> &str {
        &self.prev
    }
}
