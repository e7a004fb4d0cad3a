use super::*;
use crate::engine::{Options, PolicySet};
use crate::model::json::{Limits, Object, parse};

#[test]
fn says_which_rules_hold_and_where_the_others_end() {
    let module = Module {
        path: "p/p.rego".to_owned(),
        source: "package policies.p\n\nallow contains \"a\"\n\nallow contains \"b\" if {\n\tinput.n > 1\n\tinput.n > 10\n\tinput.n > 100\n}\n\ndeny contains code if {\n\tsome code in {\"c\", \"d\"}\n\tinput.n == 5\n}\n\nhelper contains \"x\"\n\nallow contains \"e\" if input.n == \"x\"\n".to_owned(), ..Module::default() };
    let other = Module {
        path: "h.rego".to_owned(),
        source: "package helpers\nallow contains \"never\"\n".to_owned(),
        ..Module::default()
    };
    let sources = Sources {
        modules: vec![other, module],
        data: Object::new(),
        ..Sources::default()
    };
    let input = parse(br#"{"n": 5}"#, Limits::REQUEST).unwrap();
    let traced = trace(&sources, &Input::new(&input).unwrap()).unwrap();
    let shown: Vec<String> = traced
        .iter()
        .map(|rule| {
            let elements = rule.elements.as_ref().unwrap();
            let elements: Vec<String> = elements.iter().map(ToString::to_string).collect();
            format!(
                "{} {} {}:{}-{} [{}]",
                rule.package,
                rule.set.as_str(),
                rule.path,
                rule.line,
                rule.evaluated_to,
                elements.join(" ")
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "p allow p/p.rego:3-3 [\"a\"]",
            "p allow p/p.rego:5-7 []",
            "p deny p/p.rego:11-13 [\"c\" \"d\"]",
            "p allow p/p.rego:18-18 []",
        ]
    );
}

fn set_of(modules: &[(&str, &str)]) -> PolicySet {
    let module = |(path, source): &(&str, &str)| Module {
        path: (*path).to_owned(),
        source: (*source).to_owned(),
        ..Module::default()
    };
    let sources = Sources {
        modules: modules.iter().map(module).collect(),
        ..Sources::default()
    };
    PolicySet::compile(&sources, &Options::default(), 1).unwrap()
}

const LIMITS: TraceLimits = TraceLimits {
    rule_time_max: Duration::from_secs(5),
    rules_max: 100,
};

fn traced(set: &PolicySet, packages: &[&str], limits: TraceLimits) -> Trace {
    let input = br#"{"mcp": {"name": "read"}, "arguments": {"n": 1}}"#;
    let input = Input::new(&parse(input, Limits::REQUEST).unwrap()).unwrap();
    let wanted = set.packages().iter();
    let wanted: Vec<_> = wanted
        .filter(|package| packages.contains(&package.name.as_str()))
        .collect();
    trace_set(set, &wanted, &input, limits).unwrap()
}

#[test]
fn a_set_in_force_is_traced_package_by_package() {
    let set = set_of(&[
        (
            "a.rego",
            "package policies.a\n\nimport data.shared.is_read\n\nallow contains \"a\" if is_read\n",
        ),
        ("b.rego", "package policies.b\n\nallow contains \"b\"\n"),
        (
            "c.rego",
            "package policies.c\n\nallow contains \"c\" if input.mcp.name == \"x\" with input.mcp as {\"name\": \"x\"}\n",
        ),
        (
            "shared.rego",
            "package shared\n\nis_read if input.mcp.name == \"read\"\n",
        ),
    ]);
    let trace = traced(&set, &["a", "c"], LIMITS);
    let held: Vec<_> = trace
        .rules
        .iter()
        .map(|rule| {
            (
                rule.path.as_str(),
                rule.line,
                rule.elements.clone().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(held, [("a.rego", 5, 1), ("c.rego", 3, 1)]);
    assert_eq!(trace.left_out, 0);
    assert_eq!(trace.other["a"], OtherEngine::Agrees);
    assert!(matches!(trace.other["c"], OtherEngine::Cannot(_)));
}

#[test]
fn rules_beyond_the_limit_are_counted() {
    let rules: Vec<String> = (0..5)
        .map(|number| format!("allow contains \"{number}\""))
        .collect();
    let source = format!("package policies.a\n\n{}\n", rules.join("\n\n"));
    let set = set_of(&[("a.rego", &source)]);
    let limits = TraceLimits {
        rules_max: 3,
        ..LIMITS
    };
    let trace = traced(&set, &["a"], limits);
    assert_eq!((trace.rules.len(), trace.left_out), (3, 2));
}
