//! One file a type in `tests/data/audit`: what the records of that type look like, byte for byte.
//! `tests/records.rs` holds them against the schemas. `TOOLGATE_BLESS=1` rewrites them.

use super::*;
use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn records_are_what_they_were() {
    let mut by_type: BTreeMap<_, String> = BTreeMap::new();
    for (record, seq) in all().iter().zip(0..) {
        let lines = by_type.entry(record.kind()).or_default();
        lines.push_str(&record.unlinked(TIME, "pdp/1").line(seq, PREV));
        lines.push('\n');
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/audit");
    for (kind, lines) in &by_type {
        let file = dir.join(format!("{kind}.jsonl"));
        if std::env::var_os("TOOLGATE_BLESS").is_some() {
            std::fs::write(&file, lines).unwrap();
        }
        let golden = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(
            *lines, golden,
            "{kind}: TOOLGATE_BLESS=1 rewrites it, then read the diff"
        );
    }
    let files = std::fs::read_dir(dir).unwrap().count();
    assert_eq!(files, by_type.len(), "a file for every type and no other");
}
