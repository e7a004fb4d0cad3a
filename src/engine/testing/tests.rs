use super::{Outcome, TestPlan, TestReport, run_tests};
use crate::model::bundle::{Module, Sources};
use std::time::Duration;

const LIVE: &str = "package a

import rego.v1

low := min({input.x, input.y})

sign := \"minus\" if {
	low < 0
} else := \"plus\" if {
	low > 0
}

conflict := 1 if input.both

conflict := 2 if input.both
";

const TESTS: &str = "package a_test

import rego.v1

import data.a

test_low if a.low == 1 with input as {\"x\": 1, \"y\": 2}

test_wrong if a.low == 4 with input as {\"x\": 1, \"y\": 2}

test_not_true := 3

test_set contains \"x\"

test_conflict if a.conflict == 1 with input as {\"both\": true}

todo_test_later if false

test_plus if a.sign == \"plus\" with input as {\"x\": 1, \"y\": 2}

test_prints if print(\"hello\", a.low) with input as {\"x\": 1, \"y\": 2}

test_twice if 1 == 1

test_twice if 1 == 2

test_with_arguments(x) if x

helper if false
";

fn module(path: &str, source: &str) -> Module {
    Module {
        path: path.to_owned(),
        source: source.to_owned(),
        ..Module::default()
    }
}

fn run(tests: &str, wanted: &str) -> TestReport {
    let sources = Sources {
        modules: vec![
            module("a.rego", LIVE),
            module("b.rego", "package b\n\nx := 1 if {\n\tinput.y\n}\n"),
        ],
        tests: vec![module("a_test.rego", tests), module("a_test.yaml", "{")],
        ..Sources::default()
    };
    let plan = TestPlan {
        wanted: &|name| name.contains(wanted),
        coverage: true,
        clock: &|| Duration::ZERO,
    };
    run_tests(&sources, &plan).unwrap()
}

#[test]
fn tests_pass_fail_err_and_are_skipped() {
    let report = run(TESTS, "");
    let shown: Vec<String> = report
        .results
        .iter()
        .map(|test| {
            format!(
                "{}:{} {} {:?}",
                test.path, test.line, test.name, test.outcome
            )
        })
        .collect();
    let expected = [
        "a_test.rego:7 data.a_test.test_low Pass",
        "a_test.rego:9 data.a_test.test_wrong Fail",
        "a_test.rego:11 data.a_test.test_not_true Fail",
        "a_test.rego:13 data.a_test.test_set Fail",
        "a_test.rego:15 data.a_test.test_conflict Error(\"rule conflicts with rule at a.rego:13:1\")",
        "a_test.rego:17 data.a_test.todo_test_later Skip",
        "a_test.rego:19 data.a_test.test_plus Pass",
        "a_test.rego:21 data.a_test.test_prints Pass",
        "a_test.rego:23 data.a_test.test_twice Error(\"the test is defined 2 times: give each definition a name of its own\")",
    ];
    assert_eq!(shown, expected);
    let printed = report.results.iter().find(|test| !test.prints.is_empty());
    assert!(printed.unwrap().prints[0].contains("hello"), "{printed:?}");
}

#[test]
fn only_what_is_wanted_is_run() {
    let report = run(TESTS, "test_wrong");
    assert_eq!(report.results.len(), 1);
    assert_eq!(report.results[0].outcome, Outcome::Fail);
    assert_eq!(run("package a_test\n", "").results, []);
}

#[test]
fn coverage_names_the_lines_that_no_test_reached() {
    // The interpreter evaluates a package as a whole, so that all of `a` counts but what stood
    // below a condition that does not hold.
    let report = run(TESTS, "test_low");
    let shown: Vec<String> = report
        .coverage
        .iter()
        .map(|file| format!("{} {:?} {:?}", file.path, file.covered, file.not_covered))
        .collect();
    assert_eq!(
        shown,
        ["a.rego {5, 8, 10, 13, 15} {7}", "b.rego {} {3, 4}",]
    );
}

#[test]
fn a_test_that_is_no_rego_refuses_the_run() {
    let sources = Sources {
        tests: vec![module("a_test.rego", "package a_test\n\ntest_a if {")],
        ..Sources::default()
    };
    let plan = TestPlan {
        wanted: &|_| true,
        coverage: false,
        clock: &|| Duration::ZERO,
    };
    let refused = run_tests(&sources, &plan).unwrap_err();
    assert_eq!(refused.findings[0].path, "a_test.rego");
    assert_eq!(refused.findings[0].code, "gate.syntax");
}
