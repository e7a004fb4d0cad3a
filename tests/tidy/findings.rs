//! That `docs/findings.md` has every code of a finding, and no other.

use super::check;
use super::source::{SOURCES, root};
use std::collections::BTreeSet;
use std::fs;

const FINDINGS: &str = "docs/findings.md";
/// What codes begin with. `data` and `input` also begin paths: of these, constants alone are codes.
const FAMILIES: [&str; 5] = ["engine", "gate", "import", "package", "policy"];
const FAMILIES_OF_CONSTANTS: [&str; 2] = ["data", "input"];
/// Codes without a family.
const WORDS: [&str; 3] = ["fail_open", "fail_open_type", "metadata"];

/// The codes in the first cells of tables, with their lines.
fn described(text: &str) -> Vec<(&str, usize)> {
    let lines = (1..).zip(text.lines());
    lines
        .filter_map(|(line, text)| Some((text.strip_prefix("| `")?.split_once("` |")?.0, line)))
        .collect()
}

/// The literals of a line of Rust that are codes of findings.
fn codes(line: &str) -> impl Iterator<Item = &str> {
    let trimmed = line.trim_start();
    let is_constant = trimmed.contains("const ") && trimmed.contains(": &str = ");
    let literals = trimmed.split('"').skip(1).step_by(2);
    literals.filter(move |literal| {
        let Some((family, name)) = literal.split_once('.') else {
            return WORDS.contains(literal) && is_constant;
        };
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        let is_family =
            FAMILIES.contains(&family) || is_constant && FAMILIES_OF_CONSTANTS.contains(&family);
        is_family && is_name && !name.is_empty() && !name.ends_with('_')
    })
}

#[test]
fn every_finding_has_its_row() {
    let text = fs::read_to_string(root().join(FINDINGS)).unwrap();
    let described = described(&text);
    let engine = SOURCES.iter().filter(|source| {
        let first = source.module.first();
        !source.is_test && first.is_some_and(|first| first == "engine")
    });
    let engine: Vec<String> = engine
        .map(|source| fs::read_to_string(root().join(&source.path)).unwrap())
        .collect();
    let given: BTreeSet<&str> = engine
        .iter()
        .flat_map(|it| it.lines())
        .flat_map(codes)
        .collect();
    assert!(given.len() > 60, "only {} codes are found", given.len());
    let mut findings = Vec::new();
    for code in &given {
        match described.iter().filter(|(it, _)| it == code).count() {
            1 => {}
            0 => findings.push(format!(
                "{FINDINGS}:1: no row `{code}`: say what it means and what to do"
            )),
            _ => findings.push(format!("{FINDINGS}:1: `{code}` has several rows: keep one")),
        }
    }
    for (code, line) in described.iter().filter(|(code, _)| !given.contains(code)) {
        findings.push(format!(
            "{FINDINGS}:{line}: nothing finds `{code}`: take it out"
        ));
    }
    check(findings);
}

#[test]
fn codes_are_read_as_they_are_written() {
    for (line, expected) in [
        ("    \"gate.recursion\",", vec!["gate.recursion"]),
        (
            "const UNKNOWN: &str = \"data.unknown\";",
            vec!["data.unknown"],
        ),
        (
            "pub(super) const FAIL_OPEN: &str = \"fail_open\";",
            vec!["fail_open"],
        ),
        ("    \"data.directory\" => {}", vec![]),
        ("code.starts_with(\"gate.interpreter_\")", vec![]),
        (
            "\"policy.form\", \"import.a_b\"",
            vec!["policy.form", "import.a_b"],
        ),
    ] {
        assert_eq!(codes(line).collect::<Vec<_>>(), expected, "{line}");
    }
    let table = "| code | meaning |\n|---|---|\n| `a.b` | x `y` |\n";
    assert_eq!(described(table), [("a.b", 3)]);
}
