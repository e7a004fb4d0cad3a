//! A trace of a set that decides: of those packages alone that are asked, and bounded.

use super::super::compile::{Refused, error, on_large_stack, refused};
use super::super::replica::last_line;
use super::super::set::{Input, Package, PolicySet, SetName};
use super::super::value;
use super::{Copied, ELEMENTS_BYTES_MAX, TracedRule, copied, evaluate_all};
use crate::model::bundle::Module;
use crate::model::json::Json;
use crate::model::revision::EngineKind;
use regorus::{Engine, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// What a set was compiled from.
pub(in crate::engine) struct Texts {
    /// Every module, the library's first.
    pub(in crate::engine) modules: Vec<Module>,
    /// By the packages' names under `policies`.
    pub(in crate::engine) packages: BTreeMap<String, Source>,
}

/// What a package is made of.
pub(in crate::engine) struct Source {
    /// Numbers of its modules and of those that they read.
    pub(in crate::engine) modules: BTreeSet<usize>,
    /// Why the interpreter must not run it; `None` if it may.
    pub(in crate::engine) barred: Option<String>,
}

/// What a trace may cost.
#[derive(Clone, Copy, Debug)]
pub struct TraceLimits {
    /// Longest that one rule, or one package as a whole, may take.
    pub rule_time_max: Duration,
    /// Most rules that are evaluated; the others are left out.
    pub rules_max: usize,
}

/// What the other evaluator says of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherEngine {
    /// The same sets.
    Agrees,
    /// Other sets, or an error.
    Differs,
    /// It cannot run the package, for this reason.
    Cannot(String),
}

/// Which rules held, and what the other evaluator says.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The rules of the packages' sets, by file and line.
    pub rules: Vec<TracedRule>,
    /// How many rules were left out.
    pub left_out: usize,
    /// What the other evaluator says of each package that was asked, by its name.
    pub other: BTreeMap<String, OtherEngine>,
}

/// Evaluates every rule of these packages' sets, and each package by the other evaluator.
///
/// # Errors
/// Where the modules cannot be loaded a second time.
pub fn trace_set(
    set: &PolicySet,
    packages: &[&Package],
    input: &Input,
    limits: TraceLimits,
) -> Result<Trace, Refused> {
    on_large_stack(|| run(set, packages, input, limits)).unwrap_or_else(|| {
        let finding = error("engine.panic", "tracing the rules panicked");
        Err(refused(finding))
    })
}

fn run(
    set: &PolicySet,
    packages: &[&Package],
    input: &Input,
    limits: TraceLimits,
) -> Result<Trace, Refused> {
    let texts = &set.texts;
    let sources = packages
        .iter()
        .filter_map(|it| texts.packages.get(&it.name));
    let needed: BTreeSet<usize> = sources.flat_map(|it| it.modules.iter().copied()).collect();
    let needed = needed
        .iter()
        .filter_map(|number| texts.modules.get(*number));
    let needed = needed.cloned().collect();
    let (mut engine, copies) = copied(needed, set.data.clone(), limits.rule_time_max)?;
    let is_asked = |copy: &Copied| packages.iter().any(|it| it.name == copy.rule.package);
    let mut copies: Vec<Copied> = copies.into_iter().filter(is_asked).collect();
    let left_out = copies.len().saturating_sub(limits.rules_max);
    copies.truncate(limits.rules_max);
    let other = packages.iter().map(|package| {
        let other = other(set, package, &mut engine, input);
        (package.name.clone(), other)
    });
    let other = other.collect();
    Ok(Trace {
        rules: evaluate_all(engine, copies, &input.0),
        left_out,
        other,
    })
}

fn other(set: &PolicySet, package: &Package, engine: &mut Engine, input: &Input) -> OtherEngine {
    if package.engine == EngineKind::Interpreter {
        return OtherEngine::Cannot("it was not compiled for the register machine".to_owned());
    }
    let source = set.texts.packages.get(&package.name);
    if let Some(barred) = source.and_then(|source| source.barred.clone()) {
        return OtherEngine::Cannot(barred);
    }
    let evaluated = set.evaluate(std::iter::once(package), input).pop();
    let expected = evaluated.and_then(|(_, result)| result.ok());
    engine.set_input(input.0.clone());
    let agrees = |set: &SetName| {
        let rule = format!("data.policies.{}.{}", package.name, set.as_str());
        let fresh = &mut engine.clone();
        let found = catch_unwind(AssertUnwindSafe(|| elements(fresh.eval_rule(rule))));
        let expected = expected.as_ref().map(|sets| sets.of(*set));
        found.ok().and_then(Result::ok).as_deref() == expected
    };
    match package.defines.iter().all(agrees) {
        true => OtherEngine::Agrees,
        false => OtherEngine::Differs,
    }
}

fn elements<E: ToString>(evaluated: Result<Value, E>) -> Result<Vec<Json>, String> {
    let value = evaluated.map_err(|failure| last_line(&failure.to_string()))?;
    let mut bytes_left = ELEMENTS_BYTES_MAX;
    match value::to_json(&value, &mut bytes_left) {
        Ok(Json::Array(elements)) => Ok(elements),
        Ok(_) => Err("no set".to_owned()),
        Err(problem) => Err(problem.to_string()),
    }
}
