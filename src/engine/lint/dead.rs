//! Rules and packages that decide nothing, though they look as if they did.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Rule, RuleHead};

use super::shape::{SETS, defined, is_policy, name};
use crate::engine::ast::{DataPath, Index, ParsedModule, rule_path};
use crate::engine::suggest::nearest;
use crate::model::finding::{Finding, Severity};

/// Where the policies stand.
const POLICIES: &str = "policies";
/// Where the library stands.
const LIBRARY: &str = "toolgate";

/// Finds what decides nothing. An error where it defines what would decide elsewhere: a `deny`
/// that nobody evaluates denies nobody.
pub(super) fn dead(modules: &[ParsedModule], index: &Index) -> Vec<Finding> {
    let edges = index.edges(modules);
    let used: BTreeSet<&DataPath> = edges.values().flatten().collect();
    // The rules that a decision may read: those of policies, and what they read in turn.
    let decided = reached(&edges, |path| {
        path.0.first().is_some_and(|first| first == POLICIES)
    });
    let mut packages: BTreeSet<&str> = BTreeSet::new();
    let mut findings = Vec::new();
    for module in modules {
        let is_first = packages.insert(&module.package);
        if is_policy(module) {
            findings.extend(place(modules, module, &used).filter(|_| is_first));
            let rules = module.module.policy.iter();
            findings.extend(rules.filter_map(|rule| misspelled(module, rule, &used)));
        } else if is_first {
            findings.extend(outside(modules, module, &decided));
        }
    }
    findings
}

/// The rules that `is_start` picks, and what they read in turn.
pub(super) fn reached(
    edges: &BTreeMap<DataPath, BTreeSet<DataPath>>,
    is_start: impl Fn(&DataPath) -> bool,
) -> BTreeSet<&DataPath> {
    let mut open: Vec<&DataPath> = edges.keys().filter(|path| is_start(path)).collect();
    let mut reached = BTreeSet::new();
    while let Some(path) = open.pop() {
        if reached.insert(path) {
            open.extend(edges.get(path).into_iter().flatten());
        }
    }
    reached
}

/// The rules of a package that have the name of a set and are partial sets.
fn sets<'m>(
    modules: &'m [ParsedModule],
    package: &'m str,
) -> impl Iterator<Item = (&'m ParsedModule, &'m Rule)> {
    let own = modules
        .iter()
        .filter(move |module| module.package == package);
    own.flat_map(|module| {
        module
            .module
            .policy
            .iter()
            .map(move |rule| (module, rule.as_ref()))
    })
    .filter(|(_, rule)| SETS.contains(&name(rule)) && is_partial_set(rule))
}

fn is_partial_set(rule: &Rule) -> bool {
    matches!(
        rule,
        Rule::Spec {
            head: RuleHead::Set { key: Some(_), .. },
            ..
        }
    )
}

/// A package below `policies` that is no policy.
fn place(
    modules: &[ParsedModule],
    module: &ParsedModule,
    used: &BTreeSet<&DataPath>,
) -> Option<Finding> {
    let found = |severity, code, message: String, hint: &str| {
        let span = &module.module.package.span;
        Some(module.finding(span, severity, code, message, hint))
    };
    let package = &module.package;
    if module.package_path.0.len() != 2 {
        let mut sets = sets(modules, package);
        let is_lost = sets.any(|(module, rule)| !used.contains(&rule_path(module, rule)));
        return found(
            severity(is_lost),
            "policy.level",
            format!("`{package}` is not exactly one level below `policies`: it decides nothing"),
            "name it `policies.<name>`, or move helpers out of `policies`",
        );
    }
    let same = modules.iter().filter(|other| other.package == *package);
    if defined(same).is_empty() {
        return found(
            Severity::Warning,
            "policy.empty",
            format!("`{package}` defines none of {}", SETS.join(", ")),
            "write `allow contains \"code\" if { … }`, or move helpers out of `policies`",
        );
    }
    None
}

/// A package that is neither below `policies` nor read by one that is.
fn outside(
    modules: &[ParsedModule],
    module: &ParsedModule,
    decided: &BTreeSet<&DataPath>,
) -> Option<Finding> {
    let (path, package) = (&module.package_path, &module.package);
    let is_library = path.0.first().is_some_and(|first| first == LIBRARY);
    let same = || modules.iter().filter(|other| other.package == *package);
    let is_empty = same().all(|module| module.module.policy.is_empty());
    if is_library || is_empty || decided.iter().any(|rule| rule.starts_with(path)) {
        return None;
    }
    let names: BTreeSet<&str> = sets(modules, package).map(|(_, rule)| name(rule)).collect();
    let last = path.0.last().map_or("", String::as_str);
    let message = match names.is_empty() {
        true => format!("nothing below `{POLICIES}` reads `{package}`: it decides nothing"),
        false => {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            let names = names.join(", ");
            format!("`{package}` is not below `{POLICIES}`: its {names} decides nothing")
        }
    };
    let hint = format!("name it `{POLICIES}.{last}`, or remove it");
    let span = &module.module.package.span;
    Some(module.finding(
        span,
        severity(!names.is_empty()),
        "policy.outside",
        message,
        hint,
    ))
}

fn severity(is_lost: bool) -> Severity {
    match is_lost {
        true => Severity::Error,
        false => Severity::Warning,
    }
}

/// A rule that nothing reads and whose name is nearly that of a set.
fn misspelled(module: &ParsedModule, rule: &Rule, used: &BTreeSet<&DataPath>) -> Option<Finding> {
    let name = name(rule);
    let meant = nearest(name, &SETS).filter(|meant| *meant != name)?;
    if used.contains(&rule_path(module, rule)) {
        return None;
    }
    Some(module.finding(
        rule.span(),
        Severity::Error,
        "policy.misspelled",
        format!("nothing uses `{name}`"),
        format!("write `{meant}` if that is meant"),
    ))
}
