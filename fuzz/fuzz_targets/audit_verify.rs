//! A log that checks has a record for each line and sees every one; with its head held, neither
//! cutting it nor changing a bit of it goes unseen. The input is the log's one file; with a first
//! byte of `+` its lines are chained here first, so that mutations get past the hashes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use std::io;
use toolgate::audit::verify::{Head, Report, Segments, walk};
use toolgate::model::json::{Json, Limits, parse};

const NAME: &str = "log-00000000000000000000.jsonl";

fuzz_target!(|data: &[u8]| {
    let log = match data.split_first() {
        Some((b'+', rest)) => chained(rest),
        _ => data.to_vec(),
    };
    let mut seen = 0;
    let report = walk(&OneFile(&log), None, &mut |_| seen += 1);
    let Ok(report) = report else {
        return;
    };
    let lines = log.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!((report.records, seen), (lines as u64, lines));
    let Some(head) = &report.head else {
        assert_eq!(lines, 0);
        return;
    };
    held(&log, head).expect("the log with its own head");
    let whole = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let Some(last) = log[..whole - 1].iter().rposition(|byte| *byte == b'\n') else {
        assert!(held(b"", head).is_err(), "an empty log passes for this one");
        return;
    };
    assert!(held(&log[..=last], head).is_err(), "a cut is not seen");
    let mut changed = log.clone();
    changed[data.len() % whole] ^= 1;
    assert!(held(&changed, head).is_err(), "a changed bit is not seen");
});

fn held(log: &[u8], head: &Head) -> Result<Report, String> {
    walk(&OneFile(log), Some(head), &mut |_| ()).map_err(|fault| fault.to_string())
}

struct OneFile<'a>(&'a [u8]);

impl Segments for OneFile<'_> {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(vec![NAME.to_owned()])
    }

    fn read(&self, _name: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }
}

/// Each line that is a JSON object, in canonical form and with the `seq` and `prev` of its place.
fn chained(lines: &[u8]) -> Vec<u8> {
    let mut log = Vec::new();
    let (mut seq, mut prev) = (0_u64, "0".repeat(64));
    for line in lines.split(|byte| *byte == b'\n') {
        let Ok(Json::Object(mut record)) = parse(line, Limits::REQUEST) else {
            continue;
        };
        record.insert("seq", seq);
        record.insert("prev", prev.as_str());
        let line = Json::Object(record).canonical();
        prev = Sha256::digest(&line).iter().map(|byte| format!("{byte:02x}")).collect();
        seq += 1;
        log.extend_from_slice(&line);
        log.push(b'\n');
    }
    log
}
