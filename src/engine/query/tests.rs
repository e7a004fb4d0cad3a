use super::{QueryError, query};
use crate::engine::Options;
use crate::model::bundle::{Module, Sources};
use crate::model::json::{Json, Limits, parse};
use crate::model::revision::EngineChoice;

const MODULE: &str = "package a

import rego.v1

b := {\"x\": 1, \"list\": [7, 8]}

names contains \"z\"

names contains \"y\"

ranks := input.ranks

undefined if input.nope

big := 9007199254740993

loud(text) := upper(text)

title := loud(\"high\")
";

fn json(text: &str) -> Json {
    parse(text.as_bytes(), Limits::REQUEST).unwrap()
}

fn sources() -> Sources {
    let Json::Object(data) = json(r#"{"a": {"k": 1e400}, "plain": {"list": [1, {"m": 2}]}}"#)
    else {
        panic!("data is an object")
    };
    let module = |path: &str, source: &str| Module {
        path: path.to_owned(),
        source: source.to_owned(),
        ..Module::default()
    };
    Sources {
        modules: vec![
            module("a.rego", MODULE),
            module("e.rego", "package a.empty\n\nf(x) := x\n"),
        ],
        data,
        ..Sources::default()
    }
}

fn ask(text: &str, choice: EngineChoice) -> Result<Option<Json>, QueryError> {
    let input = json(r#"{"n": 4, "ranks": {"dev": 2}}"#);
    let options = Options {
        choice,
        ..Options::default()
    };
    query(&sources(), &options, Some(&input), text)
}

#[test]
fn both_engines_give_the_value_of_a_reference() {
    let cases = [
        ("data.a.b", Some(r#"{"list":[7,8],"x":1}"#)),
        ("data.a.b.list[1]", Some("8")),
        ("data.a[\"b\"].x", Some("1")),
        ("data.a.names", Some(r#"["y","z"]"#)),
        ("data.a.names.y", Some(r#""y""#)),
        ("data.a.ranks.dev", Some("2")),
        ("data.a.ranks.none", None),
        ("data.a.undefined", None),
        ("data.a.none", None),
        ("data.none.at.all", None),
        ("data.a.big", Some("9007199254740993")),
        ("data.a.title", Some(r#""HIGH""#)),
        ("data.a.empty", Some("{}")),
        ("data.plain.list[1].m", Some("2")),
        ("data.plain.list[2]", None),
        ("data.a.k", Some("1e400")),
    ];
    for (text, expected) in cases {
        for choice in [EngineChoice::Rvm, EngineChoice::Interpreter] {
            let found = ask(text, choice).unwrap();
            let found = found.map(|found| String::from_utf8(found.canonical()).unwrap());
            assert_eq!(found.as_deref(), expected, "{text} {choice:?}");
        }
    }
}

#[test]
fn a_package_gives_its_data_and_its_rules() {
    let expected = r#"{"b":{"list":[7,8],"x":1},"big":9007199254740993,"empty":{},"k":1e400,"names":["y","z"],"ranks":{"dev":2},"title":"HIGH"}"#;
    for choice in [EngineChoice::Auto, EngineChoice::Interpreter] {
        let found = ask("data.a", choice).unwrap().unwrap();
        assert_eq!(String::from_utf8(found.canonical()).unwrap(), expected);
        let all = ask("data", choice).unwrap().unwrap();
        assert_eq!(all.get("a").unwrap().canonical(), found.canonical());
    }
}

#[test]
fn what_is_no_reference_is_refused() {
    let reference = |text: &str| {
        format!("`{text}` is no reference: write one such as `data.policies.contracts.allow`")
    };
    let cases = [
        ("input.x", reference("input.x")),
        ("data.a[x]", reference("data.a[x]")),
        ("data.a.b == 1", reference("data.a.b == 1")),
        ("data.a.b\n\nr := 1", reference("data.a.b\n\nr := 1")),
        ("data.a.b if input.n", reference("data.a.b if input.n")),
        ("1 +", reference("1 +")),
        ("", reference("")),
        (
            "data.a.loud",
            "`data.a.loud` is a function: write a rule that calls it, and evaluate that".to_owned(),
        ),
    ];
    for (text, expected) in cases {
        let error = ask(text, EngineChoice::Auto).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_conflict_is_an_error_and_not_undefined() {
    let module = "package c\n\nimport rego.v1\n\nx := 1 if input.n\n\nx := 2 if input.n\n";
    let sources = Sources {
        modules: vec![Module {
            path: "c.rego".to_owned(),
            source: module.to_owned(),
            ..Module::default()
        }],
        ..Sources::default()
    };
    let options = Options {
        choice: EngineChoice::Interpreter,
        ..Options::default()
    };
    let error = query(&sources, &options, Some(&json(r#"{"n":1}"#)), "data.c.x").unwrap_err();
    assert!(
        matches!(&error, QueryError::Evaluation { path, .. } if path == "data.c.x"),
        "{error}"
    );
    assert_eq!(query(&sources, &options, None, "data.c.x").unwrap(), None);
    let rvm = Options {
        choice: EngineChoice::Rvm,
        ..options
    };
    let error = query(&sources, &rvm, None, "data.c.x")
        .unwrap_err()
        .to_string();
    let expected = "what is asked for needs the interpreter, but the engine is `rvm` [engine.rvm]";
    assert!(error.contains(expected), "{error}");
}
