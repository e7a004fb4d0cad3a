use std::path::Path;

use serde::Deserialize;

use super::*;
use crate::engine::ast::{ParsedModule, parse};
use crate::model::bundle::Module;

mod data;
mod members;
mod proof;
mod random;
mod shape;
mod written;

/// One case of `tests/data/lint/fail_open.yaml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    rego: String,
    #[serde(default)]
    other: Option<String>,
    #[serde(default)]
    input: Option<serde_json::Value>,
    #[serde(default)]
    accepts: Vec<String>,
    #[serde(default)]
    compares: Vec<String>,
    #[serde(default)]
    findings: Vec<String>,
}

impl Case {
    fn sources(&self) -> Vec<Module> {
        let own = format!("package policies.p\n{}", self.rego);
        [Some(own), self.other.clone()]
            .into_iter()
            .flatten()
            .zip(["m0.rego", "m1.rego"])
            .map(|(source, path)| Module {
                path: path.to_owned(),
                source,
                ..Module::default()
            })
            .collect()
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("../../../tests/data/lint/fail_open.yaml");
    serde_saphyr::from_str(text).unwrap()
}

fn parsed(sources: &[Module]) -> Vec<ParsedModule> {
    sources
        .iter()
        .map(|module| parse(module).unwrap_or_else(|finding| panic!("{finding}")))
        .collect()
}

#[test]
fn finds_what_fails_open_and_nothing_else() {
    let mut wrong = Vec::new();
    for case in cases() {
        let found: Vec<String> = fail_open(&parsed(&case.sources()), Severity::Error)
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected: Vec<&str> = case
            .findings
            .iter()
            .map(|finding| finding.trim_end())
            .collect();
        if found != expected {
            wrong.push(format!("{}: found\n{}", case.name, found.join("\n")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_library_and_the_demo_do_not_fail_open() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    for folder in ["rego", "bundles/demo"] {
        read_policies(&root.join(folder), &mut sources);
    }
    assert!(sources.len() > 15, "{} modules", sources.len());
    let found: Vec<String> = fail_open(&parsed(&sources), Severity::Error)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn read_policies(folder: &Path, sources: &mut Vec<Module>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            read_policies(&path, sources);
        } else if name.ends_with(".rego") && !name.ends_with("_test.rego") {
            let source = std::fs::read_to_string(&path).unwrap();
            sources.push(Module {
                path: name,
                source,
                ..Module::default()
            });
        }
    }
}
