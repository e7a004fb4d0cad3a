use super::GOOD;
use crate::util::{Workplace, repository};
use serde_json::json;

const REGO: &str = "package policies.good_test

import data.policies.good

_read := {\"mcp\": {\"name\": \"read\"}, \"principal\": {\"roles\": [\"internal\"]}}

test_read if good.allow == {\"read\"} with input as _read

test_wrong if good.allow == {\"write\"} with input as _read

todo_test_later if false
";

const TABLE: &str = "base:
  version: 1
  phase: call
  time: {rfc3339: \"2026-11-20T10:00:00Z\"}
  principal: {id: a, roles: [internal]}
  mcp: {server: demo, method: tools/call, name: read}
  arguments: {region: eu}
cases:
  - name: read
    verdict: {effect: constrain, reasons: [read], obligations: [mask_fields], visible: true}
  - name: elsewhere
    input: {arguments: {region: us}}
    verdict: {effect: allow}
";

#[test]
fn tests_that_fail_are_shown_and_counted() {
    let place = Workplace::with(&[
        ("b/good.rego", GOOD),
        ("b/good_test.rego", REGO),
        ("b/good_test.yaml", TABLE),
    ]);
    let plain = place.run(&["test", "b"]).expect(3);
    let lines: Vec<String> = plain.out.lines().map(without_time).collect();
    assert_eq!(
        lines,
        [
            "PASS\tdata.policies.good_test.test_read",
            "FAIL\tdata.policies.good_test.test_wrong",
            "  at good_test.rego:9",
            "  the rule is not true",
            "SKIPPED\tdata.policies.good_test.todo_test_later",
            "PASS\tgood_test.yaml: read",
            "FAIL\tgood_test.yaml: elsewhere",
            "  at good_test.yaml",
            "  effect: expected \"allow\", is \"deny\"",
            "5 tests: PASS 2, FAIL 2, SKIPPED 1",
        ]
    );
    let json = place
        .run(&["test", "b", "--output", "json", "--coverage"])
        .expect(3)
        .json();
    assert_eq!(
        json["counts"],
        json!({"pass": 2, "fail": 2, "error": 0, "engines_differ": 0, "skip": 1})
    );
    assert_eq!(
        json["tests"][1]["name"],
        "data.policies.good_test.test_wrong"
    );
    assert_eq!(json["tests"][1]["outcome"], "fail");
    assert_eq!(
        json["tests"][4]["details"],
        json!(["effect: expected \"allow\", is \"deny\""])
    );
    let file = &json["coverage"]["files"][0];
    assert_eq!(
        (&file["file"], &file["percent"]),
        (&json!("good.rego"), &json!(100.0))
    );
}

/// A line without its third column: how long the test took.
fn without_time(line: &str) -> String {
    line.split('\t').take(2).collect::<Vec<_>>().join("\t")
}

#[test]
fn only_tests_with_the_name_are_run() {
    let place = Workplace::with(&[
        ("b/good.rego", GOOD),
        ("b/good_test.rego", REGO),
        ("b/good_test.yaml", TABLE),
    ]);
    let read = place.run(&["test", "b", "--run", "read"]).expect(0);
    assert!(read.out.ends_with("2 tests: PASS 2\n"), "{read:?}");
}

#[test]
fn a_bundle_without_tests_and_one_that_cannot_be_used() {
    let place = Workplace::with(&[
        ("good.rego", GOOD),
        ("b/good.rego", GOOD),
        ("b/good_test.yaml", "cases: [{name: a}]"),
        ("c/good.rego", GOOD),
        ("c/good_test.rego", "package c_test\n\ntest_a if {\n"),
    ]);
    let none = place.run(&["test", "good.rego"]).expect(2);
    assert!(none.err.starts_with("error: no tests found: "), "{none:?}");
    let table = place.run(&["test", "b"]).expect(2);
    assert_eq!(
        table.err,
        "error: `good_test.yaml`: case `a`: input: `version` is missing\n"
    );
    let syntax = place.run(&["test", "c"]).expect(2);
    assert!(
        syntax
            .err
            .starts_with("error: the policies are refused\ngood_test.rego:"),
        "{syntax:?}"
    );
}

#[test]
fn the_demo_bundle_passes_with_full_coverage() {
    let place = Workplace::new();
    let bundle = repository("bundles/demo");
    let json = place
        .run(&["test", &bundle, "--coverage", "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(
        json["counts"]["pass"],
        json["tests"].as_array().unwrap().len()
    );
    assert!(json["tests"].as_array().unwrap().len() > 100);
    assert_eq!(json["coverage"]["percent"], 100.0);
}

#[test]
fn the_library_passes_its_own_tests_with_full_coverage() {
    let place = Workplace::new();
    let arguments = ["test", "--library", "--coverage", "--output", "json"];
    let json = place.run(&arguments).expect(0).json();
    assert!(json["tests"].as_array().unwrap().len() > 40);
    assert_eq!(json["coverage"]["percent"], 100.0);
    place.run(&["test", "--library", "b"]).expect(64);
}

#[test]
fn tests_are_reported_as_junit() {
    let place = Workplace::with(&[
        ("b/good.rego", GOOD),
        ("b/good_test.rego", REGO),
        ("b/good_test.yaml", TABLE),
    ]);
    let report = place.run(&["test", "b", "--output", "junit"]).expect(3);
    let timeless: Vec<String> = report
        .out
        .lines()
        .map(|line| match line.split_once(" time=\"") {
            Some((before, after)) => {
                format!("{before}{}", after.split_once('"').unwrap().1)
            }
            None => line.to_owned(),
        })
        .collect();
    assert_eq!(
        timeless,
        [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
            "<testsuites name=\"toolgate\" tests=\"5\" failures=\"2\" errors=\"0\" skipped=\"1\">",
            "  <testsuite name=\"good_test.rego\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\">",
            "    <testcase name=\"data.policies.good_test.test_read\" classname=\"good_test.rego\"/>",
            "    <testcase name=\"data.policies.good_test.test_wrong\" classname=\"good_test.rego\">",
            "      <failure type=\"fail\" message=\"the rule is not true\">good_test.rego:9",
            "the rule is not true</failure>",
            "    </testcase>",
            "    <testcase name=\"data.policies.good_test.todo_test_later\" classname=\"good_test.rego\">",
            "      <skipped/>",
            "    </testcase>",
            "  </testsuite>",
            "  <testsuite name=\"good_test.yaml\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\">",
            "    <testcase name=\"good_test.yaml: read\" classname=\"good_test.yaml\"/>",
            "    <testcase name=\"good_test.yaml: elsewhere\" classname=\"good_test.yaml\">",
            "      <failure type=\"fail\" message=\"effect: expected &quot;allow&quot;, is &quot;deny&quot;\">good_test.yaml",
            "effect: expected &quot;allow&quot;, is &quot;deny&quot;</failure>",
            "    </testcase>",
            "  </testsuite>",
            "</testsuites>",
        ]
    );
}

#[test]
fn a_name_that_no_test_has_is_an_error() {
    let place = Workplace::with(&[("b/good.rego", GOOD), ("b/good_test.rego", REGO)]);
    let none = place.run(&["test", "b", "--run", "test_raed"]).expect(2);
    assert_eq!(
        none.err,
        "error: no test has `test_raed` in its name: `toolgate test` without `--run` lists all\n"
    );
}
