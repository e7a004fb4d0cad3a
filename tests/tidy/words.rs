//! What must not stand in the code: notes to self, tests that do not run, waits by the clock.

use super::check;
use super::source::{OTHERS, SOURCES, Source, files, root};
use std::fs;

/// Calls that wait for time to pass, each with its reason: `(file, reason)`.
const SLEEPS: &[(&str, &str)] = &[(
    "tests/streaming/proxy.rs",
    "being late is what it does: nothing waits for it",
)];

#[test]
fn nothing_is_left_for_later() {
    let marks = ["TO", "FIX"].iter().zip(["DO", "ME"]);
    let marks: Vec<_> = marks.map(|(a, b)| format!("{a}{b}")).collect();
    let mut findings = Vec::new();
    for directory in [
        "src", "tests", "benches", "build", "fuzz", "rego", "proto", "bundles",
    ] {
        for extension in ["rs", "rego", "proto", "sh", "py"] {
            for path in files(directory, extension) {
                let text = fs::read_to_string(root().join(&path)).unwrap();
                for (line, text) in (1..).zip(text.lines()) {
                    let marked = |mark: &&String| {
                        let mut words = text.split(|c: char| !c.is_alphanumeric());
                        words.any(|word| word == **mark)
                    };
                    if let Some(mark) = marks.iter().find(marked) {
                        findings.push(format!("{path}:{line}: `{mark}`: do it, or open an issue"));
                    }
                }
            }
        }
    }
    check(findings);
}

#[test]
fn no_unfinished_code_and_no_test_that_does_not_run() {
    let forbidden: [(&[&str], &str); 5] = [
        (&["todo", "!"], "write it"),
        (&["unimplemented", "!"], "write it"),
        (&["dbg", "!"], "take it out"),
        (
            &["#", "[", "ignore"],
            "make the test run always, or delete it",
        ),
        (
            &["#", "[", "allow"],
            "use `#[expect(lint, reason = \"…\")]`",
        ),
    ];
    let mut findings = Vec::new();
    for source in all() {
        for (words, advice) in forbidden {
            for line in source.lines_with(words) {
                let (at, word) = (source.at(line), words.concat());
                findings.push(format!("{at}: `{word}`: {advice}"));
            }
        }
    }
    check(findings);
}

#[test]
fn nothing_waits_by_sleeping() {
    let mut findings = Vec::new();
    for source in all().filter(|source| !source.path.starts_with("benches/")) {
        let mut lines = source.lines_with(&["thread", "::", "sleep"]);
        if source.is_test {
            lines.extend(source.lines_with(&["time", "::", "sleep"]));
        }
        let is_listed = SLEEPS.iter().any(|(listed, _)| *listed == source.path);
        if is_listed && lines.is_empty() {
            findings.push(format!(
                "{}: sleeps no more: take it off the list in tests/tidy/words.rs",
                source.path
            ));
        }
        if !is_listed {
            findings.extend(lines.into_iter().map(|line| {
                let at = source.at(line);
                format!("{at}: a sleep: wait for what has to happen, with a time-out")
            }));
        }
    }
    check(findings);
}

fn all() -> impl Iterator<Item = &'static Source> {
    SOURCES.iter().chain(OTHERS.iter())
}
