use crate::util::{Workplace, ended};
use std::process::Command;

const POLICY: &str = "package a

names contains \"z\"

names contains \"y\"

person := {\"name\": \"ann\", \"roles\": [\"dev\", \"ops\"], \"big\": 9007199254740993}

listed if \"dev\" in input.roles

undefined if input.nope

loud(text) := upper(text)

title := loud(input.title)
";

const INPUT: &str = r#"{"roles": ["dev"], "title": "high"}"#;

fn place() -> Workplace {
    Workplace::with(&[
        ("b/a.rego", POLICY),
        (
            "b/data.json",
            r#"{"plain": {"list": [1, 2.5, {"m": null}]}}"#,
        ),
        ("input.json", INPUT),
        ("more.yaml", "more: {b: 1, a: [x]}\n"),
    ])
}

#[test]
fn opa_prints_the_same() {
    let place = place();
    let references = [
        "data.a",
        "data.a.names",
        "data.a.person",
        "data.a.person.roles[1]",
        "data.a[\"title\"]",
        "data.a.listed",
        "data.a.undefined",
        "data.a.nothing",
        "data.plain",
        "data.plain.list[2].m",
        "data.none",
    ];
    for reference in references {
        let mut opa = Command::new(crate::programs::tool("bin/opa"));
        opa.args([
            "eval",
            "--format",
            "json",
            "-d",
            "b",
            "-i",
            "input.json",
            reference,
        ]);
        let expected = ended(&mut opa, &place.path(""), "");
        for engine in ["auto", "interpreter"] {
            let arguments = [
                "eval",
                "--bundle",
                "b",
                "--input",
                "input.json",
                "--engine",
                engine,
                reference,
            ];
            let found = place.run(&arguments).expect(0);
            assert_eq!(found.json(), expected.json(), "{reference} {engine}");
        }
    }
}

#[test]
fn the_shape_is_that_of_opa() {
    let place = place();
    let found = place
        .run(&["eval", "--bundle", "b", "data.a.names"])
        .expect(0);
    assert_eq!(
        found.out,
        "{\"result\":[{\"expressions\":[{\"value\":[\"y\",\"z\"],\"text\":\"data.a.names\",\"location\":{\"row\":1,\"col\":1}}]}]}\n"
    );
    let undefined = place
        .run(&["eval", "--bundle", "b", "data.a.undefined"])
        .expect(0);
    assert_eq!(undefined.out, "{}\n");
    let piped = place.run_with(
        &["eval", "--bundle", "b", "--input", "-", "data.a.title"],
        INPUT,
    );
    assert_eq!(
        piped.expect(0).json()["result"][0]["expressions"][0]["value"],
        "HIGH"
    );
    let more = place.run(&["eval", "--bundle", "b", "--data", "more.yaml", "data.more"]);
    assert!(more.expect(0).out.contains(r#""value":{"a":["x"],"b":1}"#));
}

#[test]
fn what_cannot_be_evaluated_is_named() {
    let place = place();
    place.write("random.rego", "package r\n\nx := rand.intn(\"x\", 3)\n");
    place.write("clash.json", r#"{"plain": 1}"#);
    place.write("twice.json", r#"{"a": 1, "a": 2}"#);
    let eval = |bundle: &'static str, rest: &[&'static str]| {
        let mut arguments = vec!["eval", "--bundle", bundle];
        arguments.extend(rest);
        place.run(&arguments).expect(2).err
    };
    assert_eq!(
        eval("b", &["input.x"]),
        "error: `input.x` is no reference: write one such as `data.policies.contracts.allow`\n"
    );
    assert_eq!(
        eval("b", &["data.a.loud"]),
        "error: `data.a.loud` is a function: write a rule that calls it, and evaluate that\n"
    );
    assert_eq!(
        eval("b", &["--data", "clash.json", "data.a"]),
        "error: `clash.json`: `data.plain` is already set by another file: keep one of them\n"
    );
    assert_eq!(
        eval("b", &["--input", "none.json", "data.a"]),
        "error: cannot read `none.json`: No such file or directory (os error 2)\n"
    );
    assert!(
        eval("b", &["--input", "twice.json", "data.a"])
            .starts_with("error: `twice.json`: no valid JSON: ")
    );
    let refused = eval("random.rego", &["data.r.x"]);
    assert!(
        refused.starts_with("error: the policies are refused\nrandom.rego:3:6: "),
        "{refused}"
    );
}

#[test]
fn an_error_of_a_rule_is_a_failure_at_run_time() {
    let place = Workplace::with(&[(
        "c.rego",
        "package c\n\nx := 1 if input.n\n\nx := 2 if input.n\n",
    )]);
    let arguments = ["eval", "--bundle", "c.rego", "--input", "-", "data.c.x"];
    let failed = place.run_with(&arguments, r#"{"n": 1}"#).expect(1);
    assert!(failed.err.starts_with("error: `data.c.x`: "), "{failed:?}");
    assert_eq!(failed.out, "");
    let undefined = place.run_with(&arguments, "{}").expect(0);
    assert_eq!(undefined.out, "{}\n");
}
