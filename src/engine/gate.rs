//! The publish-time gate: what a policy set may say, so that both evaluators give OPA's answer,
//! never abort and never panic.
//!
//! It is an allow-list over the syntax tree: each kind of node and each builtin was compared with
//! OPA (`tests/differential`). What the register machine answers otherwise than OPA sends its
//! package, and every package that reads it, to the interpreter; what the interpreter answers
//! otherwise as well is refused.

mod calls;
mod expr;
mod graph;
mod heads;
mod imported;
mod issue;
mod kinds;
mod known;
mod loads;
mod negation;
mod paths;
mod pattern;
mod plain;
mod query;
mod reference;
mod size;
mod tables;
mod template;
#[cfg(test)]
mod tests;
mod v0;
mod variables;

use std::collections::{BTreeMap, BTreeSet};

use super::ast::{DataPath, Index, ParsedModule};
use super::view::DataView;
use crate::model::finding::Finding;
use crate::model::revision::EngineKind;
use graph::Edges;
use issue::{Bars, Issue, Issues};
use kinds::Memory;
use known::Facts;
use query::Checker;
use size::Sizes;

/// Greatest number of modules of a set.
pub(crate) const MAX_MODULES: usize = 1024;
/// Greatest number of rule definitions of a set. A program takes fewer, but a set is several.
pub(crate) const MAX_RULES: usize = 16_000;

/// What the gate says about a policy set.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// What was found, by place. Any of severity error refuses the set.
    pub(crate) findings: Vec<Finding>,
    /// What only the interpreter answers otherwise than OPA: refuses a package that the operator
    /// wants interpreted.
    not_interpreted: BTreeMap<String, Vec<Finding>>,
    /// Packages that must not run in the register machine.
    interpreted: BTreeSet<String>,
}

impl Gate {
    /// Which evaluator runs the package, such as `policies.contracts`, if the operator does not
    /// say.
    #[must_use]
    pub(crate) fn engine_for(&self, package: &str) -> EngineKind {
        if self.interpreted.contains(package) {
            EngineKind::Interpreter
        } else {
            EngineKind::Rvm
        }
    }

    /// Why the package, and what it reads, must not run in the interpreter; empty if it may.
    #[must_use]
    pub(crate) fn interpreter_refusals(&self, package: &str) -> &[Finding] {
        self.not_interpreted.get(package).map_or(&[], Vec::as_slice)
    }
}

/// Inspects a policy set over its data.
#[must_use]
pub(crate) fn inspect(modules: &[ParsedModule], data: &DataView<'_>) -> Gate {
    let mut found = Vec::new();
    if !within_limits(modules, &mut found) {
        return conclude(modules, found, &Edges::new());
    }
    let index = Index::new(modules);
    let memory = Memory::default();
    let mut sizes = Sizes::new();
    for module in modules {
        let facts = Facts {
            modules,
            index: &index,
            data,
            module,
            memory: &memory,
        };
        check_module(facts, &mut found);
        size::check(facts, &mut sizes, &mut found);
    }
    paths::check(modules, &index, data, &mut found);
    let edges = index.edges(modules);
    graph::check(modules, &index, &edges, &mut found);
    graph::check_split_packages(modules, &index, &edges, &mut found);
    conclude(modules, found, &edges)
}

fn within_limits(modules: &[ParsedModule], found: &mut Vec<Issue>) -> bool {
    let rules: usize = modules.iter().map(|m| m.module.policy.len()).sum();
    let (what, limit) = match (modules.len() > MAX_MODULES, rules > MAX_RULES) {
        (true, _) => ("modules", MAX_MODULES),
        (_, true) => ("rules", MAX_RULES),
        (false, false) => return true,
    };
    if let Some(module) = modules.last() {
        Issues { module, found }.refuse(
            &module.module.package.span,
            "gate.set_size",
            format!("the set has more than {limit} {what}"),
            "move tables of values into data.json",
        );
    }
    false
}

fn check_module(facts: Facts<'_>, found: &mut Vec<Issue>) {
    let module = facts.module;
    let mut issues = Issues { module, found };
    check_header(&mut issues);
    imported::check(&mut issues, facts.index);
    v0::check(&mut issues);
    let mut checker = Checker {
        facts,
        issues,
        in_function: false,
        parameters: BTreeSet::new(),
        not_imported: BTreeSet::new(),
    };
    for rule in &module.module.policy {
        checker.rule(rule);
    }
}

/// The package.
fn check_header(issues: &mut Issues<'_>) {
    let module = issues.module;
    let package = &module.module.package;
    if module.package.contains(['"', '[']) || module.package_path.0.iter().any(String::is_empty) {
        issues.refuse(
            &package.span,
            "gate.package_name",
            format!(
                "the package name `{}` has more than names and dots",
                module.package
            ),
            "use letters, digits and `_`",
        );
    }
    if let Some(target) = &module.module.target {
        issues.refuse(
            &package.span,
            "gate.target",
            format!("`__target__ := {target:?}` is no Rego"),
            "remove it",
        );
    }
}

/// From what was found where to what follows for each package.
fn conclude(modules: &[ParsedModule], found: Vec<Issue>, edges: &Edges) -> Gate {
    let reads = packages_read(modules, edges);
    let mut gate = Gate::default();
    let mut refused: BTreeSet<(String, u32, u32)> = BTreeSet::new();
    for package in modules.iter().map(|module| &module.package) {
        let not_interpreted: Vec<Finding> = barred(&found, &reads, Bars::Interpreter, package)
            .map(|issue| issue.finding.clone())
            .collect();
        if let Some(why) = barred(&found, &reads, Bars::Rvm, package).next() {
            gate.interpreted.insert(package.clone());
            for finding in &not_interpreted {
                let place = (finding.path.clone(), finding.line, finding.column);
                if refused.insert(place) {
                    gate.findings.push(neither(finding, &why.finding));
                }
            }
        }
        if !not_interpreted.is_empty() {
            gate.not_interpreted
                .insert(package.clone(), not_interpreted);
        }
    }
    let shown = found
        .into_iter()
        .filter(|issue| issue.bars != Bars::Interpreter);
    gate.findings.extend(shown.map(|issue| issue.finding));
    gate.findings.sort_by(|a, b| {
        (&a.path, a.line, a.column, a.code).cmp(&(&b.path, b.line, b.column, b.code))
    });
    gate.findings.dedup();
    gate
}

/// What bars an evaluator from a package: found in it or in what it reads.
fn barred<'a>(
    found: &'a [Issue],
    reads: &'a BTreeMap<String, BTreeSet<String>>,
    bars: Bars,
    package: &'a str,
) -> impl Iterator<Item = &'a Issue> {
    let read = reads.get(package);
    found.iter().filter(move |issue| {
        let place = &issue.finding.package;
        issue.bars == bars && (place == package || read.is_some_and(|read| read.contains(place)))
    })
}

/// What only the interpreter cannot run, in a package that the register machine cannot run.
fn neither(finding: &Finding, why: &Finding) -> Finding {
    let mut finding = finding.clone();
    finding.message = format!(
        "{}; the package must be interpreted because of {}:{}:{} [{}]",
        finding.message, why.path, why.line, why.column, why.code
    );
    finding
}

/// For each package, the packages that its rules read, directly or through others.
fn packages_read(modules: &[ParsedModule], edges: &Edges) -> BTreeMap<String, BTreeSet<String>> {
    let packages: BTreeMap<&DataPath, &str> = modules
        .iter()
        .map(|module| (&module.package_path, module.package.as_str()))
        .collect();
    let package_of = |rule: &DataPath| {
        let (_, package) = rule.0.split_last()?;
        packages.get(&DataPath(package.to_vec())).copied()
    };
    let mut reads: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (rule, read) in edges {
        let Some(package) = package_of(rule) else {
            continue;
        };
        let read = read.iter().filter_map(&package_of);
        reads
            .entry(package.to_owned())
            .or_default()
            .extend(read.map(str::to_owned));
    }
    close(&mut reads);
    reads
}

/// Adds what is read through others, until nothing is added.
fn close(reads: &mut BTreeMap<String, BTreeSet<String>>) {
    loop {
        let mut grew = false;
        let before = reads.clone();
        for read in reads.values_mut() {
            let through: Vec<String> = read
                .iter()
                .filter_map(|package| before.get(package))
                .flatten()
                .cloned()
                .collect();
            let size = read.len();
            read.extend(through);
            grew |= read.len() > size;
        }
        if !grew {
            return;
        }
    }
}
