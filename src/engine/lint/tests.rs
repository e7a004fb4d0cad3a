use serde::Deserialize;

use super::*;
use crate::engine::ast::{ParsedModule, parse};
use crate::model::bundle::Module;

mod proof;

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
    if let Ok(path) = std::env::var("LINT_DUMP") {
        let all: BTreeMap<String, Vec<String>> = cases()
            .iter()
            .enumerate()
            .map(|(at, case)| {
                let found = fail_open(&parsed(&case.sources()), Severity::Error);
                (
                    at.to_string(),
                    found.iter().map(ToString::to_string).collect(),
                )
            })
            .collect();
        std::fs::write(path, serde_json::to_string(&all).unwrap()).unwrap();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
