//! The same policies, written in Rego v0: what they answer does not change, neither here nor by OPA,
//! which reads the versions off the bundle's manifest.

use std::collections::BTreeSet;
use std::process::Command;

use super::{Policy, compare, compile, here, inputs, needs, opa, policies};
use toolgate::model::bundle::RegoVersion;
use toolgate::model::revision::EngineChoice;

/// Inputs that are compared; what depends on the input is compared in v1 with more.
const INPUTS: usize = 200;

/// Rego v1 of the corpus, in v0: no `if`, partial sets in brackets, `=` in heads.
fn as_v0(source: &str) -> String {
    // A body that is one `every`, whose own braces open and close on other lines.
    let mut is_open = false;
    let lines = source.lines().map(|line| match line {
        _ if line.starts_with("package ") => {
            format!("{line}\n\nimport future.keywords.every\nimport future.keywords.in")
        }
        "}" if std::mem::take(&mut is_open) => "} }".to_owned(),
        _ if line.starts_with(['\t', '#', '}', ' ']) => line.to_owned(),
        _ => {
            is_open = line.ends_with('{') && !line.ends_with("if {");
            head(line)
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn head(line: &str) -> String {
    let (head, body) = match line.split_once(" if ") {
        Some((head, "{")) => (head, " {".to_owned()),
        Some((head, body)) if body.ends_with('{') => (head, format!(" {{ {body}")),
        Some((head, body)) => (head, format!(" {{ {body} }}")),
        None if line.contains(" contains ") => (line, " { true }".to_owned()),
        None => (line, String::new()),
    };
    let head = match head.split_once(" contains ") {
        Some((set, element)) => format!("{set}[{element}]"),
        None => head.replacen(" := ", " = ", 1),
    };
    format!("{head}{body}")
}

/// Every policy of the corpus, in v0 where `is_old` says so.
fn rewritten(is_old: impl Fn(usize) -> bool) -> Vec<Policy> {
    let numbered = policies().into_iter().enumerate();
    let rewritten = numbered.map(|(number, mut policy)| {
        if is_old(number) && policy.module.rego == RegoVersion::V1 {
            policy.module.source = as_v0(&policy.module.source);
            policy.module.rego = RegoVersion::V0;
        }
        policy
    });
    rewritten.collect()
}

fn answered_as_by_opa(policies: &[Policy]) {
    let inputs: Vec<String> = inputs().into_iter().take(INPUTS).collect();
    let expected = opa(policies, &inputs);
    let rvm = compile(policies, |policy| policy.rvm, EngineChoice::Rvm).unwrap();
    compare("rvm", &expected, &here(&rvm, &inputs, None), &inputs);
    for policy in policies.iter().filter(|policy| policy.interpreter) {
        let set = compile(policies, |p| needs(policy, p), EngineChoice::Interpreter);
        let few = inputs.get(..INPUTS / 8).unwrap();
        let found = here(&set.unwrap(), few, Some(&policy.name));
        compare("int", &expected, &found, few);
    }
}

#[test]
fn policies_in_v0_are_answered_as_opa_does() {
    answered_as_by_opa(&rewritten(|_| true));
}

#[test]
fn a_set_of_both_versions_is_answered_as_opa_does() {
    let mixed = rewritten(|number| number % 2 == 0);
    let versions = mixed.iter().map(|policy| policy.module.rego);
    let versions: BTreeSet<bool> = versions.map(|rego| rego == RegoVersion::V0).collect();
    assert_eq!(versions.len(), 2);
    answered_as_by_opa(&mixed);
}

/// A case of `data/gate/v0.yaml`; its findings are the gate's tests'.
#[derive(serde::Deserialize)]
struct Case {
    name: String,
    policy: String,
    runs: String,
}

#[test]
fn what_opa_does_not_take_is_refused() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/gate/v0.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let cases: Vec<Case> = serde_saphyr::from_str(&text).unwrap();
    let work = tempfile::tempdir().unwrap();
    let module = work.path().join("policy.rego");
    let mut taken = 0;
    for case in &cases {
        std::fs::write(&module, &case.policy).unwrap();
        let mut opa = Command::new("opa");
        let opa = opa.args(["check", "--v0-compatible"]).arg(&module);
        let is_taken = opa.output().unwrap().status.success();
        taken += usize::from(is_taken);
        assert!(is_taken || case.runs == "refused", "{}", case.name);
    }
    assert!((1..cases.len()).contains(&taken), "{taken}");
}
