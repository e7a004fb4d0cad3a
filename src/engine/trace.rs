//! Which rules of the policies hold for one input, as the interpreter sees it.
//!
//! Each rule of a set is copied under a name of its own and evaluated alone: the set says what came
//! out, the copy says of which rule.

#[cfg(test)]
mod tests;
mod within;

pub use within::{OtherEngine, Trace, TraceLimits, trace_set};
pub(super) use within::{Source, Texts};

use super::ast::{self, ParsedModule, Reference, head_ref, position};
use super::compile::{
    ENTRY_PACKAGE, Refused, data_value, error, load, modules, on_large_stack, refused,
};
use super::replica::last_line;
use super::set::{Input, SetName};
use super::value;
use crate::model::bundle::{Module, Sources};
use crate::model::json::Json;
use regorus::unstable::{Rule, RuleHead};
use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// Longest that one rule may take where nobody else waits, in seconds.
const RULE_SECONDS_MAX: u64 = 5;
/// Largest set of elements of one rule that is shown, in bytes.
const ELEMENTS_BYTES_MAX: usize = 64 << 10;
/// Steps of the interpreter between two looks at the clock.
const TIMER_CHECK_STEPS: NonZeroU32 = NonZeroU32::MIN.saturating_add(127);
/// What the copies are called.
const COPY: &str = "toolgate_held_";

/// One rule of a policy's set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedRule {
    /// The policy, such as `contracts`.
    pub package: String,
    /// The set that the rule adds to.
    pub set: SetName,
    /// The file, as named in the bundle.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// What the rule added; none where it does not hold.
    pub elements: Result<Vec<Json>, String>,
    /// The last line of the rule that was evaluated; where it does not hold, what stands there
    /// was not true, or nothing after it was.
    pub evaluated_to: u32,
}

/// Evaluates every rule of every policy's sets, also of policies that are for other servers.
///
/// # Errors
/// Where the modules cannot be parsed or loaded.
pub fn trace(sources: &Sources, input: &Input) -> Result<Vec<TracedRule>, Refused> {
    on_large_stack(|| run(sources, &input.0)).unwrap_or_else(|| {
        let findings = vec![error("engine.panic", "tracing the rules panicked")];
        Err(Refused { findings })
    })
}

/// A copy of a rule, in the text of its module.
pub(super) struct Copied {
    pub(super) rule: TracedRule,
    /// `data.policies.contracts.toolgate_held_3`.
    pub(super) reference: String,
    /// The line of the module's text on which the copy begins.
    line: u32,
    lines: u32,
}

fn run(sources: &Sources, input: &Value) -> Result<Vec<TracedRule>, Refused> {
    let texts = modules(sources).into_iter().cloned().collect();
    let data = data_value(&sources.data).map_err(refused)?;
    let (engine, copies) = copied(texts, data, Duration::from_secs(RULE_SECONDS_MAX))?;
    Ok(evaluate_all(engine, copies, input))
}

/// An interpreter of these modules, with a copy of each rule of a set.
fn copied(
    mut texts: Vec<Module>,
    data: Value,
    rule_time_max: Duration,
) -> Result<(Engine, Vec<Copied>), Refused> {
    let mut copies = Vec::new();
    for text in &mut texts {
        let parsed = ast::parse(text).map_err(refused)?;
        copy_rules(text, &parsed, &mut copies);
    }
    let entry = format!("package {ENTRY_PACKAGE}\n");
    let mut engine = load(texts.iter(), &entry).map_err(refused)?;
    let added = engine.add_data(data);
    added.map_err(|failure| refused(error("engine.data", failure.to_string())))?;
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: rule_time_max,
        check_interval: TIMER_CHECK_STEPS,
    });
    Ok((engine, copies))
}

fn evaluate_all(mut engine: Engine, copies: Vec<Copied>, input: &Value) -> Vec<TracedRule> {
    engine.set_enable_coverage(true);
    engine.set_input(input.clone());
    let fresh = engine.clone();
    let mut traced = Vec::new();
    for copy in copies {
        let done = catch_unwind(AssertUnwindSafe(|| evaluate(&mut engine, copy)));
        match done {
            Ok(rule) => traced.push(rule),
            // Its verdict is in the decision; the trace goes on without it.
            Err(_) => engine = fresh.clone(),
        }
    }
    traced
}

/// Adds a copy of each rule of a set to the text of its module.
pub(super) fn copy_rules(text: &mut Module, parsed: &ParsedModule, copies: &mut Vec<Copied>) {
    let [_, package] = parsed.package_path.0.as_slice() else {
        return;
    };
    if !parsed.package.starts_with("policies.") {
        return;
    }
    let original = text.source.clone();
    let rules = parsed.module.policy.iter();
    let starts: Vec<u32> = rules.map(|rule| rule.span().start).collect();
    for rule in &parsed.module.policy {
        let Some((set, body)) = of_set(rule, &starts, &original) else {
            continue;
        };
        let name = format!("{COPY}{}", copies.len());
        let before = text.source.matches('\n').count();
        let lines = body.matches('\n').count();
        copies.push(Copied {
            rule: TracedRule {
                package: package.clone(),
                set,
                path: parsed.path.clone(),
                line: position(rule.span()).0,
                elements: Ok(Vec::new()),
                evaluated_to: 0,
            },
            reference: format!("data.{}.{name}", parsed.package),
            line: u32::try_from(before + 2).unwrap_or(u32::MAX),
            lines: u32::try_from(lines).unwrap_or(u32::MAX),
        });
        text.source.push_str(&format!("\n{name}{body}"));
    }
}

/// The set that a rule adds to, and its text behind the set's name: up to the next rule, because
/// spans of regorus end before quotes and brackets.
fn of_set<'t>(rule: &Rule, starts: &[u32], text: &'t str) -> Option<(SetName, &'t str)> {
    let Rule::Spec { head, span, .. } = rule else {
        return None;
    };
    let RuleHead::Set { key: Some(_), .. } = head else {
        return None;
    };
    let name = Reference::of(head_ref(head))?.head;
    let set = SetName::ALL.into_iter().find(|set| set.as_str() == name)?;
    let later = starts.iter().filter(|start| **start > span.start);
    let end = later
        .min()
        .map_or(Ok(text.len()), |end| usize::try_from(*end));
    let written = text.get(usize::try_from(span.start).ok()?..end.ok()?)?;
    Some((set, written.strip_prefix(name)?))
}

fn evaluate(engine: &mut Engine, copy: Copied) -> TracedRule {
    let elements = match engine.eval_rule(copy.reference.clone()) {
        Ok(value) => {
            let mut bytes_left = ELEMENTS_BYTES_MAX;
            match value::to_json(&value, &mut bytes_left) {
                Ok(Json::Array(elements)) => Ok(elements),
                Ok(_) => Ok(Vec::new()),
                Err(problem) => Err(problem.to_string()),
            }
        }
        Err(failure) => Err(last_line(&failure.to_string())),
    };
    let last = copy.line.saturating_add(copy.lines);
    let report = engine.get_coverage_report().ok();
    let files = report.into_iter().flat_map(|report| report.files);
    let own = files.filter(|file| file.path == copy.rule.path);
    let covered = own.flat_map(|file| file.covered);
    let reached = covered
        .filter(|line| (copy.line..=last).contains(line))
        .max();
    let below = reached.map_or(0, |line| line.saturating_sub(copy.line));
    TracedRule {
        evaluated_to: copy.rule.line.saturating_add(below),
        elements,
        ..copy.rule
    }
}
