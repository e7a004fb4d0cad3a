//! `docs/configuration.md` is written from the table of keys, and the table is what is read.

use super::*;
use crate::config::keys::{KEYS, Key, Kind, all};
use crate::config::words::Words;
use std::collections::BTreeSet;
use std::fmt::Write;

const PAGE: &str = include_str!("../../../docs/configuration.md");
/// The comments' column.
const COLUMN: usize = 38;

/// The parts of the page before, within and after the example.
fn parts() -> (&'static str, &'static str, &'static str) {
    let (before, rest) = PAGE.split_once("```toml\n").unwrap();
    let (example, after) = rest.split_once("```").unwrap();
    (before, example, after)
}

/// The example of the reference.
pub(super) fn example() -> &'static str {
    parts().1
}

fn quoted(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| format!("\"{word}\"")).collect()
}

/// The value, and what is said of it before its note.
fn value(key: &Key) -> (String, Vec<String>) {
    let said = |text: &str| vec![text.to_owned()];
    let (default, said) = match key.kind {
        Kind::Section | Kind::Many | Kind::Again | Kind::Optional => (String::new(), Vec::new()),
        Kind::Required => (String::new(), said("required")),
        Kind::Text(default) => (format!("\"{default}\""), said("default")),
        Kind::Flag(default) => (default.to_string(), said("default")),
        Kind::Count(default, from, to) => (
            default.to_string(),
            said(&format!("default; {from} to {to}")),
        ),
        Kind::Within(from, to) => (String::new(), said(&format!("{from} to {to}"))),
        Kind::Mode(default, _) => (format!("0o{default:o}"), said("default")),
        Kind::Choice(words) => {
            let Words { all, default } = words();
            let others: Vec<_> = all
                .iter()
                .copied()
                .filter(|word| !default.contains(word))
                .collect();
            let others = quoted(&others).join(", ");
            (
                quoted(&default).join(", "),
                vec!["default".to_owned(), format!("or {others}")],
            )
        }
        Kind::Choices(words) => {
            let Words { all, default } = words();
            let is_whole = all.len() == default.len();
            let of = format!("of {}", quoted(&all).join(", "));
            match default.is_empty() {
                true => (String::new(), vec!["required".to_owned(), of]),
                false if is_whole => (list(&default), said("default")),
                false => (list(&default), vec!["default".to_owned(), of]),
            }
        }
    };
    match key.example.is_empty() {
        true => (default, said),
        false => (key.example.to_owned(), said),
    }
}

fn list(words: &[&str]) -> String {
    format!("[{}]", quoted(words).join(", "))
}

fn line(key: &Key) -> String {
    let (value, mut said) = value(key);
    if !key.note.is_empty() {
        said.push(key.note.to_owned());
    }
    let (_, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
    let text = match key.kind {
        Kind::Section => format!("[{}]", key.path),
        Kind::Many => format!("[[{}]]", key.path),
        Kind::Again if key.example.is_empty() => format!("[[{}]]", key.path),
        _ => format!("{name} = {value}"),
    };
    let text = match key.is_comment {
        true => format!("# {text}"),
        false => text,
    };
    match said.is_empty() {
        true => text,
        false => format!("{:COLUMN$}# {}", text + " ", said.join("; ")),
    }
}

fn written() -> String {
    let mut text = String::new();
    for key in KEYS {
        let line = line(key);
        if line.trim_start_matches("# ").starts_with('[') && !text.is_empty() {
            text.push('\n');
        }
        writeln!(text, "{line}").unwrap();
    }
    text
}

#[test]
fn the_reference_is_written_from_the_table_of_keys() {
    let written = written();
    let (before, example, after) = parts();
    if std::env::var_os("TOOLGATE_BLESS").is_some() {
        let page = format!("{before}```toml\n{written}```{after}");
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
        return std::fs::write(path, page).unwrap();
    }
    assert_eq!(example, written, "run `make golden`");
}

#[test]
fn whole_files_of_the_page_are_valid() {
    let blocks = PAGE.split("```toml\n").skip(1);
    let blocks = blocks.map(|rest| rest.split_once("```").unwrap().0);
    let files: Vec<_> = blocks.filter(|text| text.contains("[audit]")).collect();
    assert!(files.len() > 1);
    for file in files {
        parse(file).unwrap();
    }
}

#[test]
fn the_reference_is_valid_and_what_it_calls_a_default_is_one() {
    let config = parse(example()).unwrap();
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.policy, PolicyConfig::default());
    assert_eq!(config.log, LogConfig::default());
    let small = parse(SMALL).unwrap();
    assert_eq!(config.roles_from, small.roles_from);
    assert_eq!(
        config.listen.unix.unwrap().mode,
        small.listen.unix.unwrap().mode
    );
    assert_eq!(
        (config.audit.mode, config.audit.origin),
        (small.audit.mode, small.audit.origin)
    );
    let names = config.callers.iter().map(|caller| caller.name.as_str());
    let names: Vec<&str> = names.collect();
    assert_eq!(names, ["shim-crm", "shim-docs", "developer", "agents"]);
    let claims = config.jwt.unwrap().claims;
    assert_eq!(claims.id, crate::identity::ClaimPaths::default().id);
    assert_eq!(claims.attributes.len(), 1);
}

/// A key that nobody reads would be taken and mean nothing: each is given a date, which none may be,
/// and that has to be noticed.
#[test]
fn every_key_of_the_table_is_read() {
    for key in all().filter(|key| !matches!(key.kind, Kind::Section | Kind::Many)) {
        let (section, name) = key.path.rsplit_once('.').unwrap();
        let header = match section.strip_suffix("[]") {
            Some(section) => format!("[[{section}]]"),
            None => format!("[{section}]"),
        };
        let text = format!("{header}\n{name} = 1979-05-27\n");
        let said = problems(parse(&text));
        let path = key.path;
        let noticed = said.lines().any(|line| {
            line.starts_with(&format!("2:{}: `{path}` ", name.len() + 4))
                && line.ends_with("a date")
        });
        assert!(noticed, "{path}: {said}");
    }
}

#[test]
fn the_table_has_each_key_once_below_its_section() {
    let mut seen = BTreeSet::new();
    for key in all() {
        assert!(seen.insert(key.path), "{} stands twice", key.path);
        if let Some((section, _)) = key.path.rsplit_once('.') {
            let section = section.strip_suffix("[]").unwrap_or(section);
            assert!(seen.contains(section), "{} has no section", key.path);
        }
        if let Kind::Count(default, from, to) = key.kind {
            assert!((from..=to).contains(&default), "{}", key.path);
        }
    }
    assert!(seen.len() > 80, "{}", seen.len());
    let variables: BTreeSet<String> = keys::variables().collect();
    assert_eq!(
        variables.len(),
        keys::variables().count(),
        "two keys share a variable"
    );
}
