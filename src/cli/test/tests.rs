use super::expect::Expected;
use super::report::Status;
use super::table::{Sets, read};
use crate::bundle::source::Bundle;
use crate::bundle::verify::verify;
use crate::bundle::yaml;
use crate::model::json::{Json, Limits, parse};

const BASE: &str = "base:
  version: 1
  phase: call
  time: {rfc3339: \"2026-11-20T10:00:00Z\"}
  principal: {id: a, roles: [internal]}
  mcp: {server: demo, method: tools/call, name: read}
  arguments: {id: 1, note: x}
cases:
";

fn case(text: &str) -> String {
    format!("{BASE}  - {text}\n")
}

#[test]
fn a_table_that_cannot_be_used_says_why() {
    let cases = [
        ("[]".to_owned(), "the table must be an object, is array"),
        (
            "case: []".to_owned(),
            "the table has no member `case`: it has `base`, `cases`",
        ),
        ("base: {}".to_owned(), "`cases` must be an array of cases"),
        (
            "cases: [1]".to_owned(),
            "case number 1: the case must be an object, is number",
        ),
        (
            "a: 1\na: 2".to_owned(),
            "no valid YAML: line 2, column 1: this key occurs twice in its mapping",
        ),
        (
            case("{verdict: {effect: allow}}"),
            "case number 1: `name` must be a string",
        ),
        (case("{name: n}"), "case `n`: `verdict` is missing"),
        (
            case("{name: n, verdict: {}}"),
            "case `n`: `verdict` is empty: say at least its `effect`",
        ),
        (
            case("{name: n, verdict: {effect: grant}}"),
            "case `n`: `verdict.effect` must be one of `allow`, `deny`, `constrain`, `require_approval`",
        ),
        (
            case("{name: n, verdict: {efect: allow}}"),
            "case `n`: `verdict` has no member `efect`: it has `effect`, `visible`, `reasons`, `obligations`, `approvals`, `policies`, `shadow`, `params`, `result`",
        ),
        (
            case("{name: n, verdict: {reasons: a}}"),
            "case `n`: `verdict.reasons` must be an array of words or objects",
        ),
        (
            case("{name: n, verdict: {policies: [{a: 1}]}}"),
            "case `n`: `verdict.policies` must be an array of words or objects",
        ),
        (
            case("{name: n, verdict: {visible: 1}}"),
            "case `n`: `verdict.visible` must be true or false",
        ),
        (
            case("{name: n, inputs: {}, verdict: {effect: allow}}"),
            "case `n`: the case has no member `inputs`: it has `name`, `input`, `verdict`",
        ),
        (
            case("{name: n, input: {principal: {rols: []}}, verdict: {effect: allow}}"),
            "case `n`: input: `principal.rols` is no member of the policy input: did you mean `principal.roles`?",
        ),
        (
            case("{name: n, input: {time: null}, verdict: {effect: allow}}"),
            "case `n`: input: `time` is missing: a test must not depend on the clock",
        ),
        (
            format!(
                "{}  - {{name: n, verdict: {{effect: allow}}}}\n",
                case("{name: n, verdict: {effect: deny}}")
            ),
            "two cases are named `t.yaml: n`",
        ),
    ];
    for (text, expected) in cases {
        let error = read("t.yaml", &text).unwrap_err().to_string();
        assert_eq!(error, format!("`t.yaml`: {expected}"), "{text}");
    }
}

fn json(text: &str) -> Json {
    parse(text.as_bytes(), Limits::REQUEST).unwrap()
}

#[test]
fn only_listed_members_are_compared_and_lists_without_order() {
    let actual = json(
        r#"{"effect":"constrain","visible":true,"reasons":[{"code":"b","policy":"x"},{"code":"a","policy":"y"}],"obligations":[{"type":"mask_fields","fields":["m","n"]},{"type":"limit_rows","rows":3}],"approvals":[],"policies":["x","y"],"shadow":[{"policy":"s","effect":"deny","codes":["q","r"]}]}"#,
    );
    let cases = [
        ("effect: constrain", 0),
        ("effect: allow", 1),
        ("{effect: allow, visible: false}", 2),
        ("reasons: [a, b]", 0),
        ("reasons: [a]", 1),
        ("reasons: [a, b, b]", 1),
        ("reasons: [{code: a, policy: y}, b]", 0),
        ("reasons: [{code: a, policy: x}, b]", 1),
        (
            "obligations: [limit_rows, {type: mask_fields, fields: [n, m]}]",
            0,
        ),
        (
            "obligations: [limit_rows, {type: mask_fields, fields: [n]}]",
            1,
        ),
        (
            "obligations: [limit_rows, {type: mask_fields, names: [n]}]",
            1,
        ),
        ("obligations: [{type: limit_rows, rows: 3}, mask_fields]", 0),
        ("obligations: []", 1),
        ("approvals: []", 0),
        ("policies: [y, x]", 0),
        ("shadow: [s]", 0),
        ("shadow: [{policy: s, effect: deny, codes: [r, q]}]", 0),
        ("shadow: [{policy: s, effect: allow}]", 1),
        ("params: {a: 1}", 1),
    ];
    for (text, differences) in cases {
        let expected = Expected::read(&yaml::parse(text).unwrap()).unwrap();
        let found = expected.differences(&actual);
        assert_eq!(found.len(), differences, "{text}: {found:?}");
    }
}

fn sets(policy: &str) -> Sets {
    let bundle = Bundle {
        name: "a".to_owned(),
        servers: None,
        files: [("a.rego".to_owned(), policy.as_bytes().to_vec())].into(),
    };
    Sets::compile(&verify(vec![bundle]).unwrap()).unwrap()
}

#[test]
fn evaluators_that_differ_are_a_failure_of_their_own() {
    let granting = sets("package policies.a\n\nallow contains \"x\"\n");
    let denying = sets("package policies.a\n\nallow contains \"x\" if input.nope\n");
    let sets = Sets {
        live: granting.live,
        interpreted: denying.interpreted,
    };
    let text = case("{name: n, verdict: {effect: allow}}");
    let row = read("t.yaml", &text)
        .unwrap()
        .pop()
        .map(|case| sets.run(case))
        .unwrap();
    assert_eq!(row.status, Status::Differ);
    assert!(
        row.details[0].starts_with("rvm:         {\"effect\":\"allow\""),
        "{:?}",
        row.details
    );
    assert!(
        row.details[1].starts_with("interpreter: {\"effect\":\"deny\""),
        "{:?}",
        row.details
    );
}

#[test]
fn an_input_is_merged_over_the_base() {
    let policy = "package policies.a

import rego.v1

allow contains \"x\" if input.arguments == {\"id\": 2}

allow contains \"y\" if input.arguments == {\"id\": 1, \"note\": \"x\"}
";
    let sets = sets(policy);
    let text = [
        "{name: base, verdict: {effect: allow, reasons: [y]}}",
        "{name: merged, input: {arguments: {id: 2, note: null}}, verdict: {effect: allow, reasons: [x]}}",
        "{name: wrong, verdict: {effect: deny}}",
    ];
    let text = format!(
        "{BASE}{}",
        text.map(|case| format!("  - {case}\n")).concat()
    );
    let rows = read("t.yaml", &text)
        .unwrap()
        .into_iter()
        .map(|case| sets.run(case));
    let shown: Vec<_> = rows
        .map(|row| format!("{} {:?} {:?}", row.name, row.status, row.details))
        .collect();
    assert_eq!(
        shown,
        [
            "t.yaml: base Pass []",
            "t.yaml: merged Pass []",
            r#"t.yaml: wrong Fail ["effect: expected \"deny\", is \"allow\""]"#,
        ]
    );
}
