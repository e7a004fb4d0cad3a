//! The bundled policies over the inputs of their own tests and over random ones.

mod random;

use random::random;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;
use toolgate::bundle::compile::compile;
use toolgate::bundle::load::read_and_verify;
use toolgate::bundle::source::Source;
use toolgate::engine::{
    EvaluationError, EvaluationLimits, Input, Options, Package, PolicySet, Sets,
};
use toolgate::model::finding::Severity;
use toolgate::model::json::{Json, Limits, parse};
use toolgate::model::revision::{EngineChoice, EngineKind};

/// Random inputs that both engines evaluate.
const RANDOM_INPUTS: usize = 1_000;
/// Random inputs of which each field is removed.
const RANDOM_DENIALS: usize = 150;

static RVM: LazyLock<PolicySet> = LazyLock::new(|| set(EngineChoice::Rvm));
static INTERPRETER: LazyLock<PolicySet> = LazyLock::new(|| set(EngineChoice::Interpreter));

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bundles/demo")
}

fn set(choice: EngineChoice) -> PolicySet {
    let source = Source {
        name: "demo".to_owned(),
        path: demo(),
        servers: None,
    };
    let options = Options {
        choice,
        fail_open: Severity::Error,
        replicas: NonZeroUsize::MIN,
        limits: EvaluationLimits {
            wall_time_max: Duration::from_secs(5),
            ..EvaluationLimits::default()
        },
        memo_answers_max: toolgate::engine::MEMO_ANSWERS_MAX,
        element: toolgate::decide::check_element,
    };
    let verified = read_and_verify(&[source]).unwrap();
    compile(verified, &options, 1).unwrap().into_set()
}

/// What one package that is for the server returned.
#[derive(Debug, PartialEq)]
struct Answer {
    package: String,
    shadow: bool,
    outcome: Result<Sets, EvaluationError>,
}

fn answers(set: &PolicySet, server: &str, input: &Value) -> Vec<Answer> {
    let json = parse(input.to_string().as_bytes(), Limits::REQUEST).unwrap();
    let input = Input::new(&json).unwrap();
    let packages = set.packages().iter();
    let evaluated = set.evaluate(
        packages.filter(|package| package.applies_to(server)),
        &input,
    );
    let answer = |(package, outcome): (&Package, _)| Answer {
        package: package.name.clone(),
        shadow: package.shadow,
        outcome,
    };
    evaluated.into_iter().map(answer).collect()
}

/// Whether the enforced packages, taken together, let it pass.
fn grants(set: &PolicySet, server: &str, input: &Value) -> bool {
    let answers = answers(set, server, input);
    let enforced = answers.iter().filter(|answer| !answer.shadow);
    let sets: Result<Vec<_>, _> = enforced.map(|answer| answer.outcome.as_ref()).collect();
    let Ok(sets) = sets else { return false };
    let is_denied = sets.iter().any(|sets| !sets.deny.is_empty());
    !is_denied && sets.iter().any(|sets| !sets.allow.is_empty())
}

/// The codes of the denials, also of packages in shadow.
fn denials(set: &PolicySet, server: &str, input: &Value) -> BTreeSet<String> {
    let answers = answers(set, server, input).into_iter();
    let denials = answers.flat_map(|answer| answer.outcome.unwrap().deny);
    let code = |denial: Json| denial.get("code").unwrap().as_str().unwrap().to_owned();
    denials.map(code).collect()
}

fn merge(base: &mut Value, over: &Value) {
    let Value::Object(over) = over else {
        *base = over.clone();
        return;
    };
    if !base.is_object() {
        *base = json!({});
    }
    let base = base.as_object_mut().unwrap();
    for (name, value) in over {
        match value {
            Value::Null => drop(base.remove(name)),
            value => merge(base.entry(name.clone()).or_insert(Value::Null), value),
        }
    }
}

/// The inputs of `*_test.yaml`.
fn table() -> Vec<Value> {
    let mut inputs = Vec::new();
    for package in std::fs::read_dir(demo()).unwrap() {
        let package = package.unwrap().path();
        let name = package.file_name().unwrap().to_str().unwrap().to_owned();
        let Ok(text) = std::fs::read_to_string(package.join(format!("{name}_test.yaml"))) else {
            continue;
        };
        let table: Value = serde_saphyr::from_str(&text).unwrap();
        for case in table["cases"].as_array().unwrap() {
            let mut input = table["base"].clone();
            merge(&mut input, &case["input"]);
            inputs.push(input);
        }
    }
    assert!(inputs.len() > 30, "{}", inputs.len());
    inputs
}

/// Every way to a member, however deep.
fn members(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(object) => object
            .iter()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| (index.to_string(), item))
            .collect(),
        _ => Vec::new(),
    };
    let deeper = children.into_iter().flat_map(|(name, child)| {
        let name = name.replace('~', "~0").replace('/', "~1");
        let below = members(child)
            .into_iter()
            .map(|path| format!("/{name}{path}"));
        std::iter::once(format!("/{name}")).chain(below.collect::<Vec<_>>())
    });
    deeper.collect()
}

fn without(input: &Value, path: &str) -> Value {
    let mut input = input.clone();
    let (parent, name) = path.rsplit_once('/').unwrap();
    let name = name.replace("~1", "/").replace("~0", "~");
    match input.pointer_mut(parent).unwrap() {
        Value::Object(object) => drop(object.remove(&name).unwrap()),
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        scalar => panic!("{scalar} has no members"),
    }
    input
}

fn assert_denied_without_any_field(server: &str, input: &Value) {
    for path in members(input) {
        let changed = without(input, &path);
        assert!(
            !grants(&RVM, server, &changed),
            "without `{path}`: {changed}"
        );
    }
}

#[test]
fn the_register_machine_runs_every_bundled_policy() {
    let engines = RVM.packages().iter().map(|package| package.engine);
    assert!(engines.clone().all(|engine| engine == EngineKind::Rvm));
    let engines = INTERPRETER.packages().iter().map(|package| package.engine);
    assert!(
        engines
            .clone()
            .all(|engine| engine == EngineKind::Interpreter)
    );
    assert!(engines.count() >= 5);
}

#[test]
fn a_denial_stays_one_without_any_field() {
    let mut codes = BTreeSet::new();
    let mut denied = 0;
    for input in table() {
        let server = input["mcp"]["server"].as_str().unwrap().to_owned();
        if grants(&RVM, &server, &input) {
            continue;
        }
        denied += 1;
        codes.extend(denials(&RVM, &server, &input));
        assert_denied_without_any_field(&server, &input);
    }
    assert!(denied > 10, "{denied}");
    // Every code that a bundled policy denies with is among them.
    let written = read_codes();
    assert!(written.is_subset(&codes), "{written:?} {codes:?}");
}

/// The codes in the text of the bundled policies' denials.
fn read_codes() -> BTreeSet<String> {
    let mut codes = BTreeSet::new();
    for package in std::fs::read_dir(demo()).unwrap() {
        let package = package.unwrap().path();
        let name = package.file_name().unwrap().to_str().unwrap().to_owned();
        let Ok(text) = std::fs::read_to_string(package.join(format!("{name}.rego"))) else {
            continue;
        };
        let denials = text
            .lines()
            .filter_map(|line| line.strip_prefix("deny contains {\"code\": \""));
        codes.extend(denials.map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
    assert!(codes.len() >= 8, "{codes:?}");
    codes
}

#[test]
fn both_engines_say_the_same() {
    let (mut granted, mut denied, mut errors) = (0, 0, 0);
    for (server, input) in random(RANDOM_INPUTS) {
        let one = answers(&RVM, &server, &input);
        assert_eq!(one, answers(&INTERPRETER, &server, &input), "{input}");
        errors += one.iter().filter(|answer| answer.outcome.is_err()).count();
        if grants(&RVM, &server, &input) {
            granted += 1;
        } else {
            denied += 1;
        }
    }
    println!("{granted} granted, {denied} denied");
    assert!(
        granted > 100 && denied > 100,
        "{granted} granted, {denied} denied"
    );
    assert_eq!(errors, 0);
}

#[test]
fn a_random_denial_stays_one_without_any_field() {
    let random = random(RANDOM_INPUTS).into_iter();
    let denied = random.filter(|(server, input)| !grants(&RVM, server, input));
    for (server, input) in denied.take(RANDOM_DENIALS) {
        assert_denied_without_any_field(&server, &input);
    }
}
