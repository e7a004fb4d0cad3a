use super::*;
use crate::engine::value::{to_json, to_value};
use crate::model::json::{Limits, parse};

fn call(name: &str, arguments: &str) -> String {
    // As inputs are read: regorus' own JSON makes doubles of long integers.
    let json = parse(arguments.as_bytes(), Limits::REQUEST).unwrap();
    let arguments = to_value(&json).unwrap();
    let arguments: Vec<Value> = arguments.as_array().unwrap().iter().cloned().collect();
    let replacement = REPLACEMENTS.iter().find(|r| r.name == name).unwrap();
    match (replacement.call)(&arguments) {
        Value::Undefined => "undefined".to_owned(),
        value => to_json(&value, &mut 4096).unwrap().to_string(),
    }
}

/// What an evaluation is given up for.
fn given_up(name: &str, arguments: &str) -> &'static str {
    let call = || drop(call(name, arguments));
    let payload = std::panic::catch_unwind(call).expect_err(arguments);
    payload.downcast_ref::<GivenUp>().unwrap().0
}

#[test]
fn what_is_not_answered_as_opa_does_gives_the_evaluation_up() {
    let zoned = "times in zones, from 2000 to 2099";
    let decimal = "decimal numbers that to_number takes";
    let digits = "digits of a number that to_number takes";
    let strict = "strict JSON that json.unmarshal takes";
    for (name, arguments, limit) in [
        (
            "time.clock",
            r#"[[946684799999999999, "Europe/Berlin"]]"#,
            zoned,
        ),
        (
            "time.date",
            r#"[[4102444800000000000, "Europe/Berlin"]]"#,
            zoned,
        ),
        ("time.weekday", r#"[[-1, "WET"]]"#, zoned),
        ("to_number", r#"["0x1p4"]"#, decimal),
        ("to_number", r#"["1_000"]"#, decimal),
        ("to_number", r#"["0.30000000000000004"]"#, digits),
        ("to_number", r#"["1e-400"]"#, digits),
        ("json.unmarshal", r#"["{\"a\": 1, \"a\": 2}"]"#, strict),
        ("json.unmarshal", r#"["\"\\ud83d\""]"#, strict),
        ("json.unmarshal", r#"["0.30000000000000004"]"#, strict),
        (
            "round",
            "[1e40]",
            "whole numbers that are rounded, of 126 bits",
        ),
    ] {
        assert_eq!(given_up(name, arguments), limit, "{name}({arguments})");
    }
}

/// A value that holds one value twice, and that one the next twice, and so on.
fn doubled(levels: usize, double: fn(Value) -> Value) -> Value {
    (0..levels).fold(Value::from(1_i64), |value, _| double(value))
}

#[test]
fn values_that_hold_one_another_many_times_give_the_evaluation_up() {
    let list = doubled(40, |value| Value::from(vec![value.clone(), value]));
    let twice = Value::from(vec![
        list.clone(),
        doubled(40, |v| Value::from(vec![v.clone(), v])),
    ]);
    for (name, arguments) in [
        ("sort", vec![twice.clone()]),
        ("max", vec![twice]),
        ("sprintf", vec![Value::from("%v"), Value::from(vec![list])]),
    ] {
        let replacement = REPLACEMENTS.iter().find(|r| r.name == name).unwrap();
        let outcome = std::panic::catch_unwind(|| (replacement.call)(&arguments));
        assert!(outcome.unwrap_err().is::<GivenUp>(), "{name}");
    }
}

/// What `opa eval` 1.22 answers.
#[test]
fn builtins_answer_as_opa_does() {
    for (name, arguments, expected) in [
        ("count", r#"["😀x"]"#, "2"),
        ("count", r#"[{"a": 1}]"#, "1"),
        ("count", "[1]", "undefined"),
        ("indexof", r#"["aé😀b", "b"]"#, "3"),
        ("indexof", r#"["abc", ""]"#, "undefined"),
        ("indexof", r#"["abc", "x"]"#, "-1"),
        ("strings.count", r#"["aaa", "aa"]"#, "1"),
        ("substring", r#"["aé😀b", 1, 2]"#, "\"é😀\""),
        ("substring", r#"["abc", 1, -1]"#, "\"bc\""),
        ("substring", r#"["abc", -1, 1]"#, "undefined"),
        ("substring", r#"["abc", 0.5, 1]"#, "undefined"),
        ("lower", r#"["ÀİΑΣ"]"#, "\"àiασ\""),
        ("upper", r#"["ßŉᾳa"]"#, "\"ßŉᾼA\""),
        ("base64.is_valid", "[1]", "false"),
        ("net.cidr_is_valid", r#"["10.0.0.0/8"]"#, "true"),
        ("net.cidr_is_valid", "[null]", "false"),
        (
            "sprintf",
            r#"["%s %d %v%%", ["a", 3, {"k": [1, "x", null]}]]"#,
            r#""a 3 {\"k\": [1, \"x\", null]}%""#,
        ),
        (
            "sprintf",
            r#"["%s %d %v", [1, "a", 1.5]]"#,
            r#""%!s(int64=1) %!d(string=a) 1.5""#,
        ),
        (
            "sprintf",
            r#"["%s %d", [1.5, 1.5]]"#,
            r#""%!s(float64=1.5) %!d(float64=1.5)""#,
        ),
        (
            "sprintf",
            r#"["%v %v", [1.5e21, 1.5e-7]]"#,
            r#""1500000000000000000000 1.5e-07""#,
        ),
        ("sprintf", r#"["%s", []]"#, "undefined"),
        (
            "time.clock",
            r#"[[1795190400000000000, "America/New_York"]]"#,
            "[11,0,0]",
        ),
        ("time.clock", "[1795190400000000000]", "[16,0,0]"),
        (
            "time.clock",
            r#"[[1795190400000000000, "Local"]]"#,
            "undefined",
        ),
        (
            "time.weekday",
            r#"[[1795190400000000000, "Local"]]"#,
            "undefined",
        ),
        (
            "time.date",
            r#"[[1795190400000000000, "Local"]]"#,
            "undefined",
        ),
        (
            "net.cidr_contains",
            r#"["10.0.0.0/8", "::ffff:10.1.2.3"]"#,
            "true",
        ),
        (
            "net.cidr_contains",
            r#"["10.0.0.0/8", "::ffff:10.0.0.0/104"]"#,
            "true",
        ),
        (
            "net.cidr_contains",
            r#"["::/0", "::ffff:10.1.2.3"]"#,
            "false",
        ),
        (
            "net.cidr_contains",
            r#"["::ffff:0:0/96", "10.1.1.1"]"#,
            "true",
        ),
        (
            "net.cidr_contains",
            r#"["10.0.0.0/8", "10.0.0.0/7"]"#,
            "false",
        ),
        (
            "net.cidr_contains",
            r#"["0.0.0.0/0", "255.255.255.255"]"#,
            "true",
        ),
        (
            "net.cidr_contains",
            r#"["2001:db8::/32", "2001:db8::/48"]"#,
            "true",
        ),
        (
            "net.cidr_contains",
            r#"["10.0.0.0/33", "10.0.0.1"]"#,
            "undefined",
        ),
        (
            "net.cidr_contains",
            r#"["10.0.0.0/+8", "10.0.0.1"]"#,
            "undefined",
        ),
        ("replace", r#"["aXbX", "X", "--"]"#, "\"a--b--\""),
        ("replace", r#"[1, "X", "--"]"#, "undefined"),
        ("concat", r#"[",", ["a", "b"]]"#, "\"a,b\""),
        ("concat", r#"[",", ["a", 1]]"#, "undefined"),
        ("array.concat", "[[1], [2, 3]]", "[1,2,3]"),
        ("split", r#"["aé😀", ""]"#, r#"["a","é","😀"]"#),
        ("split", r#"["a.b.", "."]"#, r#"["a","b",""]"#),
        ("split", r#"["", ""]"#, "[]"),
        (
            "base64.decode",
            r#"["gICA"]"#,
            "\"\u{fffd}\u{fffd}\u{fffd}\"",
        ),
        ("round", "[18446744073709551615]", "18446744073709551616"),
        ("ceil", "[-0.5]", "1"),
        ("floor", "[-0.5]", "0"),
        ("to_number", r#"["0x1"]"#, "undefined"),
        ("to_number", r#"["1e400"]"#, "undefined"),
        (
            "json.unmarshal",
            r#"["[1.0, 9007199254740993]"]"#,
            "[1,9007199254740993]",
        ),
    ] {
        assert_eq!(call(name, arguments), expected, "{name}({arguments})");
    }
}
