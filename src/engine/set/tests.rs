use crate::engine::{
    EvaluationError, EvaluationLimits, Input, Options, PolicySet, Refused, SetName, Sets,
};
use crate::model::bundle::{Module, Sources};
use crate::model::json::{Json, Limits, parse};
use crate::model::revision::{EngineChoice, EngineKind};

fn json(text: &str) -> Json {
    parse(text.as_bytes(), Limits::REQUEST).unwrap()
}

fn sources(modules: &[(&str, &str)], data: &str) -> Sources {
    let module = |(path, source): &(&str, &str)| Module {
        path: (*path).to_owned(),
        source: (*source).to_owned(),
        ..Module::default()
    };
    let Json::Object(data) = json(data) else {
        panic!("data is an object")
    };
    Sources {
        modules: modules.iter().map(module).collect(),
        data,
        ..Sources::default()
    }
}

fn compile(sources: &Sources, choice: EngineChoice) -> Result<PolicySet, Refused> {
    PolicySet::compile(
        sources,
        &Options {
            choice,
            ..Options::default()
        },
        1,
    )
}

fn evaluate(set: &PolicySet, input: &str) -> Vec<Result<Sets, EvaluationError>> {
    let input = Input::new(&json(input)).unwrap();
    set.evaluate(set.packages().iter(), &input)
        .into_iter()
        .map(|(_, sets)| sets)
        .collect()
}

const ROLES: &str = "package policies.roles

allow contains {\"code\": \"roles.known\", \"rank\": rank} if {
	role := input.roles[_]
	rank := data.ranks[role]
}

deny contains \"roles.banned\" if {
	input.roles
	\"banned\" in input.roles
}
";

#[test]
fn both_engines_give_the_sets_that_a_package_defines() {
    let sources = sources(
        &[("roles.rego", ROLES)],
        r#"{"ranks": {"dev": 9007199254740993}}"#,
    );
    for (choice, engine) in [
        (EngineChoice::Rvm, EngineKind::Rvm),
        (EngineChoice::Interpreter, EngineKind::Interpreter),
    ] {
        let set = compile(&sources, choice).unwrap();
        let package = &set.packages()[0];
        assert_eq!(package.name, "roles");
        assert_eq!(package.engine, engine);
        assert_eq!(package.defines, [SetName::Allow, SetName::Deny]);
        let found = evaluate(&set, r#"{"roles": ["dev", "banned"]}"#);
        let expected = Sets {
            allow: vec![json(r#"{"code":"roles.known","rank":9007199254740993}"#)],
            deny: vec![json(r#""roles.banned""#)],
            ..Sets::default()
        };
        assert_eq!(found, [Ok(expected)]);
        assert_eq!(evaluate(&set, "{}"), [Ok(Sets::default())]);
    }
}

#[test]
fn more_packages_than_a_program_takes() {
    let modules: Vec<(String, String)> = (0..300)
        .flat_map(|n| {
            let policy = format!(
                "package policies.p{n:03}\n\nallow contains data.shared.s{n}.value if input.on\n"
            );
            let shared = format!("package shared.s{n}\n\nvalue := \"p{n}\"\n");
            [
                (format!("p{n:03}.rego"), policy),
                (format!("s{n:03}.rego"), shared),
            ]
        })
        .collect();
    let modules: Vec<_> = modules
        .iter()
        .map(|(p, s)| (p.as_str(), s.as_str()))
        .collect();
    let set = compile(&sources(&modules, "{}"), EngineChoice::Rvm).unwrap();
    let found = evaluate(&set, r#"{"on": true}"#);
    assert_eq!(found.len(), 300);
    for (number, sets) in found.into_iter().enumerate() {
        assert_eq!(sets.unwrap().allow, [Json::from(format!("p{number}"))]);
    }
}

#[test]
fn an_evaluation_is_bounded_and_the_next_one_is_sound() {
    let source = "package policies.slow

allow contains \"slow\" if {
	a := input.l[_]
	b := input.l[_]
	c := input.l[_]
	a < b
	b < c
	c < a
}

allow contains \"fast\" if count(input.l) == 1
";
    let many: Vec<String> = (0..400).map(|n| n.to_string()).collect();
    let heavy = format!("{{\"l\": [{}]}}", many.join(","));
    for choice in [EngineChoice::Rvm, EngineChoice::Interpreter] {
        let set = compile(&sources(&[("slow.rego", source)], "{}"), choice).unwrap();
        let heavy = evaluate(&set, &heavy);
        assert!(
            matches!(heavy[..], [Err(EvaluationError::Limit(_))]),
            "{heavy:?}"
        );
        let light = evaluate(&set, r#"{"l": [1]}"#);
        assert_eq!(light[0].as_ref().unwrap().allow, [Json::from("fast")]);
    }
}

#[test]
fn a_result_is_bounded_and_json() {
    let source = "package policies.big

allow contains {\"code\": \"x\", \"again\": [input.s | some _ in input.l]} if input.s

deny contains {1: \"a key that is no string\"} if input.bad
";
    let set = compile(&sources(&[("big.rego", source)], "{}"), EngineChoice::Auto).unwrap();
    let text = "x".repeat(2000);
    let items = vec!["1"; 200].join(",");
    let found = evaluate(&set, &format!("{{\"s\": \"{text}\", \"l\": [{items}]}}"));
    assert_eq!(found, [Err(EvaluationError::OutputTooLarge)]);
    let found = evaluate(&set, r#"{"bad": true}"#);
    let message = "an object has a key that is no string".to_owned();
    assert_eq!(found, [Err(EvaluationError::NotJson(message))]);
}

#[test]
fn refuses_what_cannot_be_compiled() {
    let cases = [
        (
            vec![("a.rego", "package policies.a\n\nallow contains 1 if {\n")],
            "{}",
            "a.rego:",
        ),
        (
            vec![("t.rego", "package toolgate.lib\n\nx := 1\n")],
            "{}",
            "t.rego:1:1: the package `toolgate.lib` is toolgate's own [package.reserved]",
        ),
    ];
    for (modules, data, expected) in cases {
        let refused = compile(&sources(&modules, data), EngineChoice::Auto).unwrap_err();
        assert!(refused.to_string().starts_with(expected), "{refused}");
    }
}

#[test]
fn no_builtin_uses_all_memory() {
    let replace = "package policies.big

path_ok if startswith(replace(input.template, \"$\", input.value), \"/srv/\")

allow contains \"ok\" if path_ok
";
    let grow = "package policies.big

a := array.concat(input.l, input.l)

b := array.concat(a, a)

c := array.concat(b, b)

allow contains \"ok\" if count(c) > 1
";
    let input = format!(
        "{{\"template\": \"{}\", \"value\": \"{}\", \"l\": [{}]}}",
        "$".repeat(20_000),
        "v".repeat(20_000),
        vec!["1"; 50_000].join(",")
    );
    for source in [replace, grow] {
        for choice in [EngineChoice::Rvm, EngineChoice::Interpreter] {
            let options = Options {
                choice,
                limits: EvaluationLimits {
                    wall_time_max: std::time::Duration::from_secs(60),
                    ..EvaluationLimits::default()
                },
                ..Options::default()
            };
            let sources = sources(&[("big.rego", source)], "{}");
            let set = PolicySet::compile(&sources, &options, 1).unwrap();
            let found = evaluate(&set, &input);
            let limit = "size of what a builtin gives back".to_owned();
            assert_eq!(found, [Err(EvaluationError::Limit(limit))]);
        }
    }
}

#[test]
fn what_does_not_compile_is_told_with_its_package() {
    let comparisons: Vec<String> = (0..300)
        .map(|number| format!("\tinput.arguments.a{number} == {number}"))
        .collect();
    let long = format!(
        "# A comment.\npackage policies.long\n\nallow contains \"x\" if {{\n{}\n}}\n",
        comparisons.join("\n")
    );
    let sources = sources(
        &[
            (
                "good.rego",
                "package policies.good\n\nallow contains \"x\"\n",
            ),
            ("long.rego", &long),
        ],
        "{}",
    );
    let refused = compile(&sources, EngineChoice::Auto).unwrap_err();
    let [finding] = refused.findings.as_slice() else {
        panic!("{refused}");
    };
    assert_eq!(finding.code, "engine.compile");
    assert_eq!((finding.path.as_str(), finding.line), ("long.rego", 2));
    assert_eq!(finding.package, "policies.long");
}

#[test]
fn packages_of_more_rules_than_a_program_takes_are_several_programs() {
    let modules: Vec<(String, String)> = (0..25)
        .map(|package| {
            let rules: Vec<String> = (0..200)
                .map(|rule| format!("allow contains \"{rule}\" if input.n == {rule}\n"))
                .collect();
            let text = format!("package policies.p{package}\n\n{}", rules.join("\n"));
            (format!("p{package}.rego"), text)
        })
        .collect();
    let modules: Vec<(&str, &str)> = modules
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let set = compile(&sources(&modules, "{}"), EngineChoice::Auto).unwrap();
    let found = evaluate(&set, r#"{"n": 7}"#);
    let expected = Sets {
        allow: vec![json("\"7\"")],
        ..Sets::default()
    };
    assert_eq!(found, vec![Ok(expected); 25]);
}
