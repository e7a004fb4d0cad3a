//! Which rules read which: no cycles, no long chains.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Rule, RuleHead};

use super::issue::{Bars, Issue, Issues};
use crate::engine::ast::{DataPath, Index, ParsedModule};

/// Longest chain of rules and functions that read one another: each is a frame of the native
/// stack in both evaluators.
pub(crate) const MAX_CALL_DEPTH_RULES: usize = 64;

/// For each rule, what it reads.
pub(crate) type Edges = BTreeMap<DataPath, BTreeSet<DataPath>>;

/// Checks for recursion and for chains that are too long.
pub(crate) fn check(
    modules: &[ParsedModule],
    index: &Index,
    edges: &Edges,
    found: &mut Vec<Issue>,
) {
    let mut depths: BTreeMap<&DataPath, Depth> = BTreeMap::new();
    for start in edges.keys() {
        walk(start, edges, &mut depths);
    }
    for (path, depth) in depths {
        let (code, message, hint) = match depth {
            Depth::Levels(levels) if levels == MAX_CALL_DEPTH_RULES + 1 => (
                "gate.call_depth",
                format!("`{path}` reads rules more than {MAX_CALL_DEPTH_RULES} levels deep"),
                "join rules of the chain",
            ),
            Depth::Cycle => (
                "gate.recursion",
                format!("`{path}` reads itself, directly or through other rules"),
                "a rule cannot depend on itself; keep hierarchies in data, with graph.reachable",
            ),
            Depth::Levels(_) | Depth::Open => continue,
        };
        let node = index.definitions(path).first();
        if let Some((module, rule)) = node.and_then(|node| node.node(modules)) {
            Issues { module, found }.refuse(rule.span(), code, message, hint);
        }
    }
}

/// Where a package stands in several modules, the interpreter finds a partial set that reads its
/// own package empty, if another package reads it: it depends on the order of the modules.
pub(crate) fn check_split_packages(
    modules: &[ParsedModule],
    index: &Index,
    edges: &Edges,
    found: &mut Vec<Issue>,
) {
    let package = |path: &DataPath| {
        let node = index.definitions(path).first()?.node(modules)?;
        Some(node.0.package_path.clone())
    };
    let is_split = |of: &DataPath| modules.iter().filter(|m| m.package_path == *of).count() > 1;
    let read_elsewhere: BTreeSet<&DataPath> = edges
        .iter()
        .flat_map(|(reader, reads)| reads.iter().map(move |read| (reader, read)))
        .filter(|(reader, read)| package(reader) != package(read))
        .map(|(_, read)| read)
        .collect();
    for path in read_elsewhere {
        let Some(own) = package(path).filter(|own| is_split(own)) else {
            continue;
        };
        let reads = edges.get(path).into_iter().flatten();
        if !reads
            .into_iter()
            .any(|read| package(read).as_ref() == Some(&own))
        {
            continue;
        }
        for (module, rule) in index
            .definitions(path)
            .iter()
            .filter_map(|def| def.node(modules))
        {
            if is_partial(rule) {
                Issues { module, found }.add(
                    Bars::Interpreter,
                    rule.span(),
                    "gate.interpreter_split_package",
                    format!("read from another package, the interpreter may find `{path}` empty"),
                    "put the package into one module",
                );
            }
        }
    }
}

fn is_partial(rule: &Rule) -> bool {
    match rule {
        Rule::Spec {
            head: RuleHead::Set { .. },
            ..
        } => true,
        Rule::Spec {
            head: RuleHead::Compr { refr, .. },
            ..
        } => {
            matches!(refr.as_ref(), Expr::RefBrack { .. })
        }
        Rule::Spec { .. } | Rule::Default { .. } => false,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Being worked out: met again, it is a cycle.
    Open,
    Cycle,
    Levels(usize),
}

/// Depth first, without recursion: a chain may be as long as there are rules.
fn walk<'a>(start: &'a DataPath, edges: &'a Edges, depths: &mut BTreeMap<&'a DataPath, Depth>) {
    let mut stack = vec![start];
    while let Some(&at) = stack.last() {
        let reads = edges.get(at).into_iter().flatten();
        match depths.get(at) {
            None => {
                depths.insert(at, Depth::Open);
                for next in reads {
                    match depths.get(next) {
                        None => stack.push(next),
                        Some(Depth::Open) => {
                            depths.insert(next, Depth::Cycle);
                        }
                        Some(Depth::Cycle | Depth::Levels(_)) => {}
                    }
                }
            }
            Some(Depth::Open) => {
                let below = reads.filter_map(|next| match depths.get(next) {
                    Some(Depth::Levels(levels)) => Some(*levels),
                    _ => None,
                });
                let levels = below.max().unwrap_or(0) + 1;
                depths.insert(at, Depth::Levels(levels));
                stack.pop();
            }
            Some(Depth::Cycle | Depth::Levels(_)) => {
                stack.pop();
            }
        }
    }
}
