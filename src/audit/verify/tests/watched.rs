//! What is told to who looks on while a log is checked.

use super::stored::{Stored, chained, made};
use super::*;
use crate::model::json::Object;

#[derive(Debug, Default, PartialEq)]
struct Told {
    records: u64,
    bytes: u64,
    notable: Vec<String>,
}

impl Watch for Told {
    fn passed(&mut self, bytes: u64) {
        self.records += 1;
        self.bytes += bytes;
    }

    fn notable(&mut self, record: &Object) {
        let kind = record.get("type").and_then(Json::as_str);
        self.notable.push(kind.unwrap().to_owned());
    }
}

fn told(log: &Stored) -> Told {
    let mut told = Told::default();
    let checked = check(log, &Expected::default(), &mut Pairs::default(), &mut told);
    assert_eq!(checked.unwrap().report.records, told.records);
    told
}

fn bytes(log: &Stored) -> u64 {
    let logs = log
        .files
        .iter()
        .filter(|(name, _)| name.starts_with("log-"));
    logs.map(|(_, content)| content.len() as u64).sum()
}

#[test]
fn every_byte_of_the_lines_is_passed_and_changes_of_the_key_and_repairs_are_told() {
    let lines = log().0.lines();
    let repaired = lines.iter().filter_map(|(_, line)| match json(line) {
        Json::Object(record) if line.contains("\"type\":\"log_repaired\"") => Some(record),
        _ => None,
    });
    let repaired = chained(repaired);
    for (log, kind) in [(&made().log, "key_rotated"), (&repaired, "log_repaired")] {
        let told = told(log);
        assert_eq!(told.bytes, bytes(log), "{kind}");
        assert_eq!(told.notable, [kind]);
    }
}
