//! What single rules cost: the instructions that the register machine takes for one of them, with
//! everything that it reads.
//!
//! The machine does not tell which rule its instructions are of. So each rule is copied under a name
//! of its own, as for a trace, and evaluated alone. What several rules read counts for each of them,
//! while a decision evaluates it once: the sum is more than the package takes.

#[cfg(test)]
mod tests;

use super::ast::{self, DataPath};
use super::compile::{Refused, compile_entries, data_value, error, load, modules, on_large_stack};
use super::compile::{or_panicked, refused};
use super::parts::{ModuleNeeds, PROGRAM_ENTRIES_MAX};
use super::replica::{Entry, EvaluationLimits, Replica};
use super::set::{Input, Package, SetName};
use super::trace::{Copied, copy_rules};
use crate::model::bundle::{Module, Sources};
use crate::model::finding::Finding;
use crate::model::revision::EngineKind;
use regorus::{Engine, Value};

/// One rule of a policy's set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCost {
    /// The policy, such as `contracts`.
    pub package: String,
    /// The set that the rule adds to.
    pub set: SetName,
    /// The file, as named in the bundle.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// Instructions of the register machine; `None` where it gives no answer.
    pub instructions: Option<usize>,
}

/// What the rules of these packages cost for one input, the most expensive first. Packages that the
/// interpreter runs are left out: it has no instructions.
///
/// # Errors
/// Where the modules cannot be parsed or compiled.
pub fn rule_costs(
    sources: &Sources,
    packages: &[&Package],
    limits: EvaluationLimits,
    input: &Input,
) -> Result<Vec<RuleCost>, Refused> {
    or_panicked(on_large_stack(|| {
        let mut costs = measure(sources, packages, limits, &input.0).map_err(refused)?;
        costs.sort_by_key(|cost| std::cmp::Reverse(cost.instructions));
        Ok(costs)
    }))
}

fn measure(
    sources: &Sources,
    packages: &[&Package],
    limits: EvaluationLimits,
    input: &Value,
) -> Result<Vec<RuleCost>, Finding> {
    let mut texts: Vec<Module> = modules(sources).into_iter().cloned().collect();
    let mut copies = Vec::new();
    let parsed = texts
        .iter()
        .map(ast::parse)
        .collect::<Result<Vec<_>, _>>()?;
    for (text, parsed) in texts.iter_mut().zip(&parsed) {
        copy_rules(text, parsed, &mut copies);
    }
    let needs = ModuleNeeds::new(&parsed);
    let data = data_value(&sources.data)?;
    let mut costs = Vec::new();
    let run = |package: &&&Package| package.engine == EngineKind::Rvm;
    for package in packages.iter().filter(run) {
        let needed = needs.of_package(&DataPath(vec!["policies".into(), package.name.clone()]));
        let own = copies
            .iter()
            .filter(|copy| copy.rule.package == package.name);
        let own: Vec<&Copied> = own.collect();
        for some in own.chunks(PROGRAM_ENTRIES_MAX) {
            let needed = needed.iter().filter_map(|number| texts.get(*number));
            let mut replica = replica(needed, some, &data, limits)?;
            costs.extend(some.iter().enumerate().map(|(index, copy)| RuleCost {
                package: copy.rule.package.clone(),
                set: copy.rule.set,
                path: copy.rule.path.clone(),
                line: copy.rule.line,
                instructions: replica.instructions(&Entry::Rvm { program: 0, index }, input),
            }));
        }
    }
    Ok(costs)
}

/// A machine that is entered at these copies.
fn replica<'a>(
    modules: impl Iterator<Item = &'a Module>,
    copies: &[&Copied],
    data: &Value,
    limits: EvaluationLimits,
) -> Result<Replica, Finding> {
    let entries: Vec<String> = copies.iter().map(|copy| copy.reference.clone()).collect();
    let mut engine = load(modules, "package toolgate_entry\n")?;
    let program = compile_entries(&mut engine, &entries)?;
    Replica::new(vec![program], data.clone(), Engine::new(), limits)
        .map_err(|failure| error("engine.data", failure.to_string()))
}
