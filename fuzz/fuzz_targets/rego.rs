//! Whatever a module says, it is either refused with findings or compiled, and neither takes the
//! process down. What is compiled gives the same on both engines wherever both give something.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::time::Duration;
use toolgate::engine::{EvaluationError, EvaluationLimits, Input, Options, PolicySet, Sets, findings};
use toolgate::model::bundle::{Module, Sources};
use toolgate::model::finding::Severity;
use toolgate::model::json::{Json, Limits, parse};
use toolgate::model::revision::EngineChoice;

/// Longest module, in bytes: parsing and linting have no bound of their own.
const MODULE_BYTES_MAX: usize = 8 << 10;
const INPUT: &[u8] = br#"{"phase":"call","principal":{"id":"u:1","roles":["analyst"]},"mcp":{"server":"crm","name":"read"},"arguments":{"amount":12,"note":"text","list":[1,2,3]}}"#;

fuzz_target!(
    // libFuzzer's hook aborts at each panic, also where the engine's are caught. What is not
    // caught still ends the run.
    init: std::panic::set_hook(Box::new(|_| {})),
    |data: &[u8]| {
        let Some(text) = std::str::from_utf8(data).ok().filter(|text| text.len() <= MODULE_BYTES_MAX)
        else {
            return;
        };
        judge(text);
    }
);

fn judge(text: &str) {
    let sources = Sources {
        modules: vec![Module {
            path: "p.rego".to_owned(),
            source: text.to_owned(), ..Module::default() }],
        ..Sources::default()
    };
    let found = findings(&sources, &options(EngineChoice::Auto));
    let is_refused = found.iter().any(|finding| finding.severity == Severity::Error);
    let panicked = found.iter().any(|finding| finding.code == "engine.panic");
    check(!panicked, "checking panicked", text);
    if is_refused {
        return;
    }
    let (Some(fast), Some(slow)) = (
        evaluated(&sources, EngineChoice::Auto),
        evaluated(&sources, EngineChoice::Interpreter),
    ) else {
        return;
    };
    for (fast, slow) in fast.iter().zip(&slow) {
        if let (Ok(fast), Ok(slow)) = (fast, slow) {
            check(fast == slow, &format!("{fast:?} is not {slow:?}"), text);
        }
    }
}

type Outcome = Result<Sets, EvaluationError>;

fn evaluated(sources: &Sources, choice: EngineChoice) -> Option<Vec<Outcome>> {
    let set = PolicySet::compile(sources, &options(choice), 1).ok()?;
    let input = parse(INPUT, Limits::REQUEST).expect("JSON");
    let input = Input::new(&input).expect("exact numbers");
    let outcomes = set.evaluate(set.packages().iter(), &input);
    Some(outcomes.into_iter().map(|(_, outcome)| sorted(outcome)).collect())
}

/// Sets have no order of their own.
fn sorted(outcome: Outcome) -> Outcome {
    outcome.map(|mut sets| {
        let all = [
            &mut sets.allow,
            &mut sets.deny,
            &mut sets.constrain,
            &mut sets.approve,
            &mut sets.visible,
        ];
        for set in all {
            set.sort_by_key(Json::canonical);
        }
        sets
    })
}

fn options(choice: EngineChoice) -> Options {
    Options {
        choice,
        fail_open: Severity::Warning,
        limits: EvaluationLimits {
            wall_time_max: Duration::from_millis(500),
            ..EvaluationLimits::default()
        },
        ..Options::default()
    }
}

/// Ends the process as a failed assertion would, whose message the hook above keeps back.
fn check(holds: bool, property: &str, text: &str) {
    if !holds {
        eprintln!("{property}\n{text}");
        std::process::abort();
    }
}
