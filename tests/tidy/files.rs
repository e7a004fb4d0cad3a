//! How long a file may be.

use super::check;
use super::source::{files, root};
use std::fs;

/// Longest Rust file, in lines.
const LINES_MAX: usize = 400;
/// Files that are longer, and why. The list only shrinks.
const LONGER: &[(&str, &str)] = &[];

#[test]
fn files_are_short() {
    let mut findings = Vec::new();
    let all = ["src", "tests", "benches", "build", "fuzz/fuzz_targets"];
    let all = all.iter().flat_map(|directory| files(directory, "rs"));
    let all: Vec<_> = all.chain(["build.rs".to_owned()]).collect();
    for path in &all {
        let lines = fs::read_to_string(root().join(path))
            .unwrap()
            .lines()
            .count();
        let listed = LONGER.iter().any(|(listed, _)| listed == path);
        if lines > LINES_MAX && !listed {
            findings.push(format!(
                "{path}:{LINES_MAX}: {lines} lines, over {LINES_MAX}: split it by what it is about"
            ));
        }
        if lines <= LINES_MAX && listed {
            findings.push(format!(
                "{path}: has become short: take it off the list in tests/tidy/files.rs"
            ));
        }
    }
    for (listed, reason) in LONGER {
        if !all.iter().any(|path| path == listed) || reason.is_empty() {
            findings.push(format!(
                "tests/tidy/files.rs: `{listed}` does not exist or has no reason: take it off"
            ));
        }
    }
    check(findings);
}
