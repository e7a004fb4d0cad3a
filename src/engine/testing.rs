//! The `test_` rules of `*_test.rego`, run by the interpreter as `opa test` runs them.

mod coverage;
#[cfg(test)]
mod tests;

pub use coverage::FileCoverage;

use super::ast::{self, ParsedModule, Reference, head_args, head_ref, position, rule_path};
use super::compile::{ENTRY_PACKAGE, Refused, data_value, error, load, modules, on_large_stack};
use super::gate;
use super::replica::last_line;
use super::view::DataView;
use crate::model::bundle::{Module, Sources};
use crate::model::finding::{Finding, Severity};
use coverage::Coverage;
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, LimitError, Value};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Longest that one test may take, in seconds: as long as `opa test` gives it.
pub const TEST_SECONDS_MAX: u64 = 5;
/// Steps of the interpreter between two looks at the clock.
const TIMER_CHECK_STEPS: NonZeroU32 = NonZeroU32::MIN.saturating_add(127);

/// Which tests are run, and what is wanted of them.
pub struct TestPlan<'a> {
    /// Whether a test of this name, such as `data.policies.a_test.test_b`, is run.
    pub wanted: &'a (dyn Fn(&str) -> bool + Sync),
    /// Whether to say which lines were evaluated.
    pub coverage: bool,
    /// Time that has passed since any one moment; only differences are used.
    pub clock: &'a (dyn Fn() -> Duration + Sync),
}

/// How the tests came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestReport {
    /// Each test, in the order of files and lines.
    pub results: Vec<TestResult>,
    /// Each live module of the bundles, where it was asked for; the library is not among them.
    pub coverage: Vec<FileCoverage>,
}

/// How one test came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestResult {
    /// The rule, such as `data.policies.a_test.test_b`.
    pub name: String,
    /// The file, as named in the bundle.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// The outcome.
    pub outcome: Outcome,
    /// How long it took.
    pub took: Duration,
    /// What it printed, one text a `print`.
    pub prints: Vec<String>,
}

/// The outcome of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The rule is true.
    Pass,
    /// The rule is undefined or not true.
    Fail,
    /// The rule raised an error, for this reason.
    Error(String),
    /// The rule's name starts with `todo_`.
    Skip,
}

/// Runs the tests of a set: rules named `test_…` in `*_test.rego`. A name starting with
/// `todo_test_` is skipped. A rule that is defined twice is an error, because a passing definition
/// would hide a failing one.
///
/// # Errors
/// Where a module cannot be parsed, or the gate refuses one.
pub fn run_tests(sources: &Sources, plan: &TestPlan<'_>) -> Result<TestReport, Refused> {
    on_large_stack(|| run(sources, plan)).unwrap_or_else(|| {
        let findings = vec![error("engine.panic", "the tests panicked")];
        Err(Refused { findings })
    })
}

fn run(sources: &Sources, plan: &TestPlan<'_>) -> Result<TestReport, Refused> {
    let refused = |finding| Refused {
        findings: vec![finding],
    };
    let tests = sources.tests.iter();
    let tests: Vec<&Module> = tests.filter(|test| test.path.ends_with(".rego")).collect();
    let live = modules(sources);
    let all: Vec<&Module> = live.iter().chain(&tests).copied().collect();
    let parsed = parse(&all, tests.len(), sources)?;
    let found = parsed.iter().skip(live.len()).flat_map(find);
    let found: Vec<Test> = found.collect();
    let mut engine =
        load(all.iter().copied(), &format!("package {ENTRY_PACKAGE}\n")).map_err(refused)?;
    let data = data_value(&sources.data).map_err(refused)?;
    let added = engine.add_data(data);
    added.map_err(|failure| refused(error("engine.data", failure.to_string())))?;
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: Duration::from_secs(TEST_SECONDS_MAX),
        check_interval: TIMER_CHECK_STEPS,
    });
    engine.set_gather_prints(true);
    engine.set_enable_coverage(plan.coverage);
    let mut runner = Runner {
        fresh: engine.clone(),
        engine,
        coverage: Coverage::default(),
        clock: plan.clock,
    };
    let wanted = merged(found)
        .into_iter()
        .filter(|test| (plan.wanted)(&test.name));
    let results = wanted.map(|test| runner.result(test)).collect();
    let coverage = match plan.coverage {
        true => {
            runner.note_coverage();
            let own = parsed.get(sources.library.len()..live.len());
            runner.coverage.of(own.unwrap_or_default())
        }
        false => Vec::new(),
    };
    Ok(TestReport { results, coverage })
}

/// The syntax trees of all modules, of which the last `tests` are test modules.
fn parse(all: &[&Module], tests: usize, sources: &Sources) -> Result<Vec<ParsedModule>, Refused> {
    let (mut parsed, mut findings) = (Vec::new(), Vec::new());
    for module in all {
        match ast::parse(module) {
            Ok(module) => parsed.push(module),
            Err(finding) => findings.push(finding),
        }
    }
    if findings.is_empty() {
        findings = gated(&parsed, all.len() - tests, sources);
    }
    match findings.is_empty() {
        true => Ok(parsed),
        false => Err(Refused { findings }),
    }
}

/// Why these modules must not be run: of the first `live`, everything that refuses a set; of test
/// modules, what would be answered otherwise than by OPA without anybody noticing. Where the
/// interpreter raises an error instead, the test says so itself, and a builtin that is not on the
/// list can do no more harm than to a test.
fn gated(parsed: &[ParsedModule], live: usize, sources: &Sources) -> Vec<Finding> {
    let data = DataView::new(&sources.data);
    let errors = |modules| {
        let found = gate::inspect(modules, &data).findings.into_iter();
        found.filter(|finding| finding.severity == Severity::Error)
    };
    let (policies, tests) = parsed.split_at_checked(live).unwrap_or((parsed, &[]));
    let in_test = |finding: &Finding| tests.iter().any(|test| test.path == finding.path);
    let harmless = |code: &str| code == "gate.builtin" || code.starts_with("gate.interpreter_");
    let silent = errors(parsed).filter(|finding| in_test(finding) && !harmless(finding.code));
    errors(policies).chain(silent).collect()
}

/// A test before it is run.
struct Test {
    name: String,
    path: String,
    line: u32,
    skip: bool,
    definitions: usize,
}

/// The tests of a module, one for each definition.
fn find(module: &ParsedModule) -> Vec<Test> {
    use regorus::unstable::Rule;
    let mut tests = Vec::new();
    for rule in &module.module.policy {
        let Rule::Spec { head, span, .. } = rule.as_ref() else {
            continue;
        };
        let name = Reference::of(head_ref(head)).map_or("", |reference| reference.head);
        let skip = name.starts_with("todo_test_");
        if !head_args(head).is_empty() || !(skip || name.starts_with("test_")) {
            continue;
        }
        tests.push(Test {
            name: rule_path(module, rule).to_string(),
            path: module.path.clone(),
            line: position(span).0,
            skip,
            definitions: 1,
        });
    }
    tests
}

/// One test for each name, in the order of the first definitions.
fn merged(found: Vec<Test>) -> Vec<Test> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut tests: Vec<Test> = Vec::new();
    for test in found {
        let place = *places.entry(test.name.clone()).or_insert(tests.len());
        match tests.get_mut(place) {
            Some(first) => first.definitions += 1,
            None => tests.push(test),
        }
    }
    tests
}

/// The interpreter that runs the tests, one after the other.
struct Runner<'a> {
    /// As it was before any test.
    fresh: Engine,
    engine: Engine,
    coverage: Coverage,
    clock: &'a (dyn Fn() -> Duration + Sync),
}

impl Runner<'_> {
    fn result(&mut self, test: Test) -> TestResult {
        let started = (self.clock)();
        let outcome = if test.skip {
            Outcome::Skip
        } else if test.definitions > 1 {
            let times = test.definitions;
            Outcome::Error(format!(
                "the test is defined {times} times: give each definition a name of its own"
            ))
        } else {
            self.evaluate(&test.name)
        };
        TestResult {
            name: test.name,
            path: test.path,
            line: test.line,
            outcome,
            took: (self.clock)().saturating_sub(started),
            prints: self.engine.take_prints().unwrap_or_default(),
        }
    }

    fn evaluate(&mut self, name: &str) -> Outcome {
        let engine = &mut self.engine;
        let done = catch_unwind(AssertUnwindSafe(|| engine.eval_rule(name.to_owned())));
        match done {
            Ok(Ok(Value::Bool(true))) => Outcome::Pass,
            Ok(Ok(_)) => Outcome::Fail,
            Ok(Err(error)) if error.downcast_ref::<LimitError>().is_some() => {
                Outcome::Error(format!("took longer than {TEST_SECONDS_MAX} s"))
            }
            Ok(Err(error)) => Outcome::Error(last_line(&error.to_string())),
            Err(_) => {
                self.note_coverage();
                self.engine = self.fresh.clone();
                Outcome::Error("the interpreter panicked".to_owned())
            }
        }
    }

    fn note_coverage(&mut self) {
        if let Ok(report) = self.engine.get_coverage_report() {
            self.coverage.add(report.files);
        }
    }
}
