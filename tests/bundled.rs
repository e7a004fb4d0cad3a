//! The bundled policies over the inputs of their own tests and over random ones.

use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;
use toolgate::bundle::compile::compile;
use toolgate::bundle::load::read_and_verify;
use toolgate::bundle::source::Source;
use toolgate::engine::{EvaluationLimits, Input, Options, PolicySet};
use toolgate::model::finding::Severity;
use toolgate::model::json::{Limits, parse};
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
    };
    let verified = read_and_verify(&[source]).unwrap();
    compile(verified, &options, 1).unwrap().into_set()
}

/// What every package that is for this server returns, enforced or not.
fn evaluated(
    set: &PolicySet,
    server: &str,
    input: &Value,
) -> Vec<(String, bool, String, bool, bool)> {
    let json = parse(input.to_string().as_bytes(), Limits::REQUEST).unwrap();
    let input = Input::new(&json).unwrap();
    let packages = set
        .packages()
        .iter()
        .filter(|package| package.applies_to(server));
    let evaluated = set
        .evaluate(packages, &input)
        .into_iter()
        .map(|(package, outcome)| {
            let (allows, denies) = match &outcome {
                Ok(sets) => (!sets.allow.is_empty(), !sets.deny.is_empty()),
                Err(_) => (false, true),
            };
            (
                package.name.clone(),
                package.shadow,
                format!("{outcome:?}"),
                allows,
                denies,
            )
        });
    evaluated.collect()
}

/// Whether the enforced packages, taken together, let it pass; each package's denial counts.
fn grants(set: &PolicySet, server: &str, input: &Value) -> bool {
    let evaluated = evaluated(set, server, input);
    let enforced: Vec<_> = evaluated.iter().filter(|(_, shadow, ..)| !shadow).collect();
    let denied = enforced.iter().any(|(.., denies)| *denies);
    !denied && enforced.iter().any(|(_, _, _, allows, _)| *allows)
}

/// The codes of the denials.
fn denials(set: &PolicySet, server: &str, input: &Value) -> BTreeSet<String> {
    let json = parse(input.to_string().as_bytes(), Limits::REQUEST).unwrap();
    let input = Input::new(&json).unwrap();
    let packages = set
        .packages()
        .iter()
        .filter(|package| package.applies_to(server));
    let sets = set.evaluate(packages, &input).into_iter();
    let denials = sets.flat_map(|(_, outcome)| outcome.unwrap().deny);
    denials
        .map(|denial| denial.get("code").unwrap().as_str().unwrap().to_owned())
        .collect()
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

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..3000).prop_map(Value::from),
        select(
            &[
                "eu",
                "us",
                "invoice",
                "payment_card",
                "called back",
                "",
                "analyst"
            ][..]
        )
        .prop_map(Value::from),
        select(
            &[
                "ann@example.com",
                "a@evil.example",
                "ES91 2100 0418 4502 0005 1332"
            ][..]
        )
        .prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        (490_usize..510).prop_map(|length| Value::from("x".repeat(length))),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        5 => scalar(),
        1 => vec(scalar(), 0..3).prop_map(Value::from),
        1 => hash_map("[a-c]", scalar(), 0..3).prop_map(|map| Value::Object(map.into_iter().collect())),
    ]
}

fn arguments() -> impl Strategy<Value = Value> {
    let names = select(
        &[
            "note",
            "region",
            "record_type",
            "to",
            "body",
            "id",
            "subject",
        ][..],
    );
    let members = hash_map(names.prop_map(str::to_owned), value(), 0..6);
    members.prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
}

fn principal() -> impl Strategy<Value = Value> {
    let roles = [
        "internal",
        "customer_facing",
        "analyst",
        "finance",
        "crm_admin",
        "nobody",
    ];
    let roles = proptest::sample::subsequence(roles.to_vec(), 0..=3);
    let zone = select(&["Europe/London", "America/New_York", "Nowhere/Atlantis"][..]);
    let clearance = select(&["public", "internal", "sensitive", "restricted", "top"][..]);
    let region = select(&["eu", "us", ""][..]);
    (roles, zone, clearance, region).prop_map(|(roles, zone, clearance, region)| {
        json!({
            "id": "agent_a",
            "roles": roles,
            "attributes": {"tz": zone, "clearance": clearance, "region": region},
            "delegation": [],
            "authenticated_by": "shim",
        })
    })
}

/// Inputs as the decision point makes them, and some from which a part was taken.
fn input() -> impl Strategy<Value = (String, Value)> {
    let tools = [
        ("crm", "read_customer_record"),
        ("crm", "search_customers"),
        ("crm", "delete_customer_record"),
        ("crm", "update_customer_note"),
        ("billing", "update_billing_record"),
        ("demo", "read_contract"),
        ("demo", "sign_contract"),
        ("demo", "send_email"),
        ("demo", "log_event"),
        ("demo", "unknown"),
    ];
    let phases = ["call", "call", "call", "result", "list", "notification"];
    let hours =
        (0_i64..7 * 24).prop_map(|hour| 1_795_168_800_000_000_000 + hour * 3_600_000_000_000);
    let purpose = select(&[None, Some("billing"), Some("analytics")][..]);
    let parts = (
        select(tools.to_vec()),
        select(phases.to_vec()),
        hours,
        purpose,
    );
    let removed = proptest::option::weighted(0.3, any::<Index>());
    (parts, principal(), arguments(), removed).prop_map(|(parts, principal, arguments, removed)| {
        let ((server, name), phase, ns, purpose) = parts;
        let method = if phase == "list" {
            "tools/list"
        } else {
            "tools/call"
        };
        let mut input = json!({
            "version": 1,
            "phase": phase,
            "time": {"ns": ns, "rfc3339": "2026-11-20T10:00:00Z"},
            "tenant": "default",
            "principal": principal,
            "mcp": {"server": server, "method": method, "name": name},
            "tool": {"untrusted_annotations": {}},
            "arguments": arguments,
            "facts": {},
            "session": {"id": "s", "labels": []},
            "context": purpose.map_or(json!({}), |purpose| json!({"purpose": purpose})),
        });
        if let Some(index) = removed {
            let paths = members(&input);
            input = without(&input, &paths[index.index(paths.len())]);
        }
        (server.to_owned(), input)
    })
}

fn random(count: usize) -> Vec<(String, Value)> {
    let mut runner = TestRunner::deterministic();
    let strategy = input();
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect()
}

#[test]
fn both_engines_say_the_same() {
    let (mut granted, mut denied, mut errors) = (0, 0, 0);
    for (server, input) in random(RANDOM_INPUTS) {
        let (one, other) = (
            evaluated(&RVM, &server, &input),
            evaluated(&INTERPRETER, &server, &input),
        );
        assert_eq!(one, other, "{input}");
        errors += one
            .iter()
            .filter(|(_, _, outcome, ..)| outcome.starts_with("Err"))
            .count();
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
