//! What the gate lets through is answered as OPA answers it: every policy below
//! `data/differential`, over random inputs, in both evaluators and in the `opa` program.
//!
//! A policy's first line says which evaluators the gate lets it run in, and whether it is Rego v0. An error of OPA, such as a
//! conflict of two rules, has to be an error here.

mod canonical;
mod corners;
mod inputs;
mod random;
mod v0;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use canonical::elements;
pub use inputs::Random;
use inputs::{INPUTS, inputs};
use toolgate::engine::{EvaluationLimits, Input, Options, PolicySet};
use toolgate::model::bundle::{Module, RegoVersion, Sources};
use toolgate::model::finding::Severity;
use toolgate::model::json::{Json, Limits, Object, parse};
use toolgate::model::revision::{EngineChoice, EngineKind};

/// Fewest policies that the comparison is worth something with.
const POLICIES_MIN: usize = 30;
/// What `opa` may print for all inputs of one policy.
const OUTPUT: Limits = Limits {
    bytes_max: 1 << 30,
    depth_max: 64,
    values_max: usize::MAX,
};
/// Debug builds are slow; what is compared is the answer.
const LIMITS: EvaluationLimits = EvaluationLimits {
    instructions_max: 10_000_000,
    wall_time_max: std::time::Duration::from_secs(60),
    output_bytes_max: 16 << 20,
};

/// One policy.
struct Policy {
    name: String,
    module: Module,
    rvm: bool,
    interpreter: bool,
    /// Other policies that it reads.
    reads: Vec<String>,
    /// OPA raises errors for some inputs, so that it is asked about this policy alone.
    conflicts: bool,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/differential")
}

fn policies() -> Vec<Policy> {
    let mut policies: Vec<Policy> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "rego")
        })
        .map(|path| policy(&path))
        .collect();
    policies.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(policies.len() >= POLICIES_MIN, "{}", policies.len());
    policies
}

fn policy(path: &Path) -> Policy {
    let source = std::fs::read_to_string(path).unwrap();
    let header = source.lines().next().unwrap();
    let words = header.strip_prefix("# engines: ").expect(header);
    let has = |word: &str| words.split(' ').any(|found| found == word);
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    Policy {
        rvm: has("rvm"),
        interpreter: has("interpreter"),
        conflicts: has("conflicts"),
        reads: words
            .split(' ')
            .filter_map(|word| word.strip_prefix("reads:"))
            .map(str::to_owned)
            .collect(),
        module: Module {
            path: format!("{name}.rego"),
            rego: match has("v0") {
                true => RegoVersion::V0,
                false => RegoVersion::V1,
            },
            source,
        },
        name,
    }
}

fn data() -> Object {
    let text = std::fs::read(directory().join("data.json")).unwrap();
    match parse(&text, Limits::REQUEST).unwrap() {
        Json::Object(data) => data,
        other => panic!("{other:?}"),
    }
}

/// Compiles `names` and what they import.
fn compile(
    policies: &[Policy],
    wanted: impl Fn(&Policy) -> bool,
    choice: EngineChoice,
) -> Result<PolicySet, String> {
    let sources = Sources {
        modules: policies
            .iter()
            .filter(|policy| wanted(policy))
            .map(|policy| policy.module.clone())
            .collect(),
        data: data(),
        ..Sources::default()
    };
    let options = Options {
        choice,
        fail_open: Severity::Warning,
        limits: LIMITS,
        ..Options::default()
    };
    PolicySet::compile(&sources, &options, 1).map_err(|refused| refused.to_string())
}

/// What each policy answers to one input: a set's elements, or an error.
type Answers = BTreeMap<String, Result<String, String>>;

/// What `opa` answers to each input.
fn opa(policies: &[Policy], inputs: &[String]) -> Vec<Answers> {
    let work = tempfile::tempdir().unwrap();
    write_inputs(work.path(), inputs);
    let together = policies.iter().filter(|policy| !policy.conflicts);
    let together: Vec<&Policy> = together.collect();
    let found = exec(work.path(), &together, "policies");
    let mut answers = answers_of(together, found, inputs);
    for policy in policies.iter().filter(|policy| policy.conflicts) {
        let decision = format!("policies/{}/allow", policy.name);
        for (number, result) in exec(work.path(), &[policy], &decision) {
            let answer = result.map(|allow| elements(&allow));
            answers[number].insert(policy.name.clone(), answer);
        }
    }
    answers
}

/// What `opa` found about each of these policies, of which none conflicts.
fn answers_of<'a>(
    policies: impl IntoIterator<Item = &'a Policy, IntoIter: Clone>,
    found: Vec<(usize, Result<Json, String>)>,
    inputs: &[String],
) -> Vec<Answers> {
    let policies = policies.into_iter();
    let mut answers: Vec<Answers> = vec![Answers::new(); inputs.len()];
    for (number, result) in found {
        let result = result.unwrap_or_else(|error| panic!("{}: {error}", inputs[number]));
        for policy in policies.clone() {
            let package = member(&result, &policy.name);
            let allow = package.and_then(|package| member(package, "allow"));
            let allow = allow.unwrap_or_else(|| panic!("opa has no {}", policy.name));
            answers[number].insert(policy.name.clone(), Ok(elements(allow)));
        }
    }
    answers
}

/// One file for each input, below `work`.
fn write_inputs(work: &Path, inputs: &[String]) {
    let folder = work.join("inputs");
    std::fs::create_dir_all(&folder).unwrap();
    for (number, input) in inputs.iter().enumerate() {
        std::fs::write(folder.join(format!("{number:05}.json")), input).unwrap();
    }
}

/// Runs `opa exec` over all inputs.
fn exec(work: &Path, policies: &[&Policy], decision: &str) -> Vec<(usize, Result<Json, String>)> {
    let bundle = tempfile::tempdir().unwrap();
    std::fs::copy(
        directory().join("data.json"),
        bundle.path().join("data.json"),
    )
    .unwrap();
    let mut versions = Vec::new();
    for policy in policies {
        let module = &policy.module;
        std::fs::write(bundle.path().join(&module.path), &module.source).unwrap();
        if module.rego == RegoVersion::V0 {
            versions.push(format!("\"/{}\": 0", module.path));
        }
    }
    let versions = versions.join(", ");
    let manifest = format!("{{\"revision\": \"1\", \"file_rego_versions\": {{{versions}}}}}");
    std::fs::write(bundle.path().join(".manifest"), manifest).unwrap();
    let output = Command::new("opa")
        .arg("exec")
        .arg("--bundle")
        .arg(bundle.path())
        .args(["--decision", decision])
        .arg(work.join("inputs"))
        .output()
        .expect("the `opa` program is needed: install it with `make tools`");
    let text = String::from_utf8_lossy(&output.stderr);
    let found = parse(&output.stdout, OUTPUT).unwrap_or_else(|error| panic!("{error}: {text}"));
    let Some(Json::Array(results)) = member(&found, "result") else {
        panic!("{text}");
    };
    results.iter().map(answer).collect()
}

fn answer(found: &Json) -> (usize, Result<Json, String>) {
    let Some(Json::String(path)) = member(found, "path") else {
        panic!("{found:?}");
    };
    let stem = Path::new(path).file_stem().unwrap().to_str().unwrap();
    let number = stem.parse().unwrap();
    match (member(found, "result"), member(found, "error")) {
        (Some(result), None) => (number, Ok(result.clone())),
        (_, Some(error)) => (number, Err(format!("{error:?}"))),
        (None, None) => panic!("{found:?}"),
    }
}

fn member<'a>(json: &'a Json, name: &str) -> Option<&'a Json> {
    match json {
        Json::Object(members) => members.get(name),
        _ => None,
    }
}

/// What `set`, or `only` one of its policies, answers to each input.
fn here(set: &PolicySet, inputs: &[String], only: Option<&str>) -> Vec<Answers> {
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    inputs
        .iter()
        .map(|input| {
            let json = parse(input.as_bytes(), Limits::REQUEST).unwrap();
            let input = Input::new(&json).unwrap();
            let results = set.evaluate(set.packages().iter().filter(|p| wanted(&p.name)), &input);
            let answers = results.into_iter().map(|(package, result)| {
                let answer = match result {
                    Ok(sets) => Ok(elements(&Json::Array(sets.allow))),
                    Err(error) => Err(error.to_string()),
                };
                (package.name.clone(), answer)
            });
            answers.collect()
        })
        .collect()
}

/// The elements that only the first has.
fn only(answer: &Result<String, String>, other: &Result<String, String>) -> String {
    let other = other.as_deref().unwrap_or_default();
    match answer {
        Ok(elements) => elements
            .lines()
            .filter(|element| !other.lines().any(|line| line == *element))
            .collect::<Vec<_>>()
            .join(" "),
        Err(error) => format!("error: {error}"),
    }
}

/// Where the answers differ.
fn differences(
    engine: &str,
    expected: &[Answers],
    found: &[Answers],
    inputs: &[String],
) -> Vec<String> {
    let mut differences = Vec::new();
    for ((expected, found), input) in expected.iter().zip(found).zip(inputs) {
        for (policy, found) in found {
            let expected = &expected[policy];
            let same = match (expected, found) {
                (Ok(expected), Ok(found)) => expected == found,
                (Err(_), Err(_)) => true,
                _ => false,
            };
            if !same {
                differences.push(format!(
                    "{policy}\n  input {input}\n  opa    {}\n  {engine} {}",
                    only(expected, found),
                    only(found, expected)
                ));
            }
        }
    }
    differences
}

/// Compares, and shows the first differences.
fn compare(engine: &str, expected: &[Answers], found: &[Answers], inputs: &[String]) {
    let differences = differences(engine, expected, found, inputs);
    let shown: Vec<&str> = differences.iter().take(12).map(String::as_str).collect();
    assert!(
        differences.is_empty(),
        "{} differences; the first:\n{}",
        differences.len(),
        shown.join("\n")
    );
}

#[test]
fn both_evaluators_answer_as_opa_does() {
    let policies = policies();
    let inputs = inputs();
    assert!(inputs.len() >= INPUTS);
    let expected = opa(&policies, &inputs);
    let rvm = compile(&policies, |policy| policy.rvm, EngineChoice::Rvm).unwrap();
    compare("rvm", &expected, &here(&rvm, &inputs, None), &inputs);
    // The interpreter's time for an evaluation grows with the modules that it holds.
    let interpreted: Vec<&Policy> = policies
        .iter()
        .filter(|policy| policy.interpreter)
        .collect();
    let (first, second) = interpreted.split_at(interpreted.len() / 2);
    std::thread::scope(|scope| {
        for half in [first, second] {
            let (policies, expected, inputs) = (&policies, &expected, &inputs);
            scope.spawn(move || {
                for policy in half {
                    let set = compile(policies, |p| needs(policy, p), EngineChoice::Interpreter);
                    let found = here(&set.unwrap(), inputs, Some(&policy.name));
                    compare("int", expected, &found, inputs);
                }
            });
        }
    });
}

fn needs(policy: &Policy, other: &Policy) -> bool {
    other.name == policy.name || policy.reads.contains(&other.name)
}

#[test]
fn each_policy_runs_where_its_first_line_says() {
    let policies = policies();
    let set = compile(&policies, |_| true, EngineChoice::Auto).unwrap();
    for (policy, package) in policies.iter().zip(set.packages()) {
        assert_eq!(policy.name, package.name);
        let expected = if policy.rvm {
            EngineKind::Rvm
        } else {
            EngineKind::Interpreter
        };
        assert_eq!(package.engine, expected, "{}", policy.name);
    }
    for policy in policies.iter().filter(|policy| !policy.interpreter) {
        let alone = |other: &Policy| other.name == policy.name;
        let refused = compile(&policies, alone, EngineChoice::Interpreter);
        assert!(refused.is_err_and(|why| why.contains("[gate.interpreter_")));
    }
    for policy in policies.iter().filter(|policy| !policy.rvm) {
        let alone = |other: &Policy| other.name == policy.name;
        let refused = compile(&policies, alone, EngineChoice::Rvm);
        assert!(refused.is_err_and(|why| why.contains("[engine.rvm]")));
    }
}
