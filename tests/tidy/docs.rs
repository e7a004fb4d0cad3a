//! That documents lead somewhere, and say of reasons what the code says.

use super::check;
use super::source::{files, root};
use std::collections::BTreeSet;
use std::fs;
use toolgate::model::reason::Code;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// The lines of a document outside its code blocks, counted from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        in_code ^= is_fence;
        !in_code && !is_fence
    })
}

/// The targets of `[text](target)` in a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let starts = line.split("](").skip(1);
    starts.filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
}

/// A heading as the part of a link after `#`.
fn anchor(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn links_between_documents_resolve() {
    let mut findings = Vec::new();
    for path in files("", "md") {
        let text = read(&path);
        for (line, text) in prose(&text) {
            for target in targets(text) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
                let folder = root().join(&path);
                let folder = folder.parent().unwrap();
                let found = if file.is_empty() {
                    root().join(&path)
                } else {
                    folder.join(file)
                };
                if !found.exists() {
                    findings.push(format!(
                        "{path}:{line}: `{file}` does not exist: fix the link"
                    ));
                } else if !fragment.is_empty() && !has_heading(&found, fragment) {
                    findings.push(format!(
                        "{path}:{line}: no heading `#{fragment}` there: fix the link"
                    ));
                }
            }
        }
    }
    check(findings);
}

fn has_heading(document: &std::path::Path, fragment: &str) -> bool {
    let text = fs::read_to_string(document).unwrap_or_default();
    prose(&text).any(|(_, line)| line.starts_with('#') && anchor(line) == fragment)
}

const REASONS: &str = "docs/reasons.md";

#[test]
fn every_reason_has_its_section() {
    let text = read(REASONS);
    let described: BTreeSet<_> = prose(&text)
        .filter_map(|(line, text)| {
            let code = text.strip_prefix('#')?.trim_start_matches('#').trim();
            Some((code.strip_prefix('`')?.strip_suffix('`')?, line))
        })
        .collect();
    let codes: BTreeSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let missing = codes
        .iter()
        .filter(|code| !described.iter().any(|(it, _)| it == *code));
    let missing = missing
        .map(|code| format!("{REASONS}:1: no section `{code}`: say what it means and what to do"));
    let others = described.iter().filter(|(code, _)| !codes.contains(code));
    let others = others.map(|(code, line)| {
        format!("{REASONS}:{line}: `{code}` is no code of `model::reason`: take it out")
    });
    check(missing.chain(others).collect());
}

#[test]
fn a_link_is_read_as_it_is_shown() {
    let line = "see [a](docs/a.md#one-two), [b](b.md) and `c`";
    assert_eq!(
        targets(line).collect::<Vec<_>>(),
        ["docs/a.md#one-two", "b.md"]
    );
    assert_eq!(anchor("## One, `two` three_x"), "one-two-three_x");
    let text = "a\n```\n[x](y)\n```\nb";
    assert_eq!(
        prose(text).map(|(line, _)| line).collect::<Vec<_>>(),
        [1, 5]
    );
}
