//! Which packages may answer the same question otherwise a moment later: those that can read the
//! time, the PDP's facts or the session's labels. What cannot be told counts as read.

#[cfg(test)]
mod tests;

use super::ast::{
    DataPath, Imported, Index, ParsedModule, Reference, Scope, Step, Target, Visitor, walk_rule,
};
use regorus::unstable::Expr;
use std::collections::{BTreeMap, BTreeSet};

/// Members of `input` that are the same for the same question under the same policy set.
const STEADY: [&str; 9] = [
    "version",
    "phase",
    "tenant",
    "principal",
    "mcp",
    "tool",
    "arguments",
    "context",
    "result",
];

/// What the rules of all modules read.
pub(super) struct Volatility {
    /// The rules that each rule reads.
    edges: BTreeMap<DataPath, BTreeSet<DataPath>>,
    /// The rules that read what changes.
    volatile: BTreeSet<DataPath>,
}

impl Volatility {
    pub(super) fn new(modules: &[ParsedModule]) -> Self {
        let index = Index::new(modules);
        let is_volatile = |path: &DataPath| {
            let definitions = index.definitions(path).iter();
            let mut nodes = definitions.filter_map(|definition| definition.node(modules));
            nodes.any(|(module, rule)| {
                let mut reads = Reads {
                    index: &index,
                    module,
                    volatile: false,
                };
                walk_rule(&mut reads, rule);
                reads.volatile
            })
        };
        let rules = index.rules().map(|(path, _)| path);
        let volatile = rules.filter(|path| is_volatile(path)).cloned().collect();
        Self {
            edges: index.edges(modules),
            volatile,
        }
    }

    /// Whether a rule of this package, or one that it needs, can read what changes.
    pub(super) fn of_package(&self, package: &DataPath) -> bool {
        let own = self.edges.keys().filter(|path| path.starts_with(package));
        let mut open: Vec<&DataPath> = own.collect();
        let mut seen = BTreeSet::new();
        while let Some(path) = open.pop() {
            if self.volatile.contains(path) {
                return true;
            }
            if seen.insert(path) {
                open.extend(self.edges.get(path).into_iter().flatten());
            }
        }
        false
    }
}

/// A walk over one rule.
struct Reads<'a> {
    index: &'a Index,
    module: &'a ParsedModule,
    volatile: bool,
}

impl Visitor for Reads<'_> {
    fn expr(&mut self, expr: &Expr, scope: &Scope) {
        if self.index.resolve(self.module, scope, expr) != Some(Target::Input) {
            return;
        }
        let steady = Reference::of(expr).is_some_and(|reference| self.is_steady(&reference));
        self.volatile |= !steady;
    }
}

impl Reads<'_> {
    /// Whether this reference to `input`, or to an import of a part of it, reads only what stays.
    fn is_steady(&self, reference: &Reference<'_>) -> bool {
        let imported = match self.module.imports.get(reference.head) {
            Some(Imported::Input(names)) => names.as_slice(),
            _ => &[],
        };
        let imported = imported.iter().map(|name| Some(name.as_str()));
        let steps = reference.steps.iter().map(|step| match step {
            Step::Name(name) => Some(*name),
            Step::Index(_) => None,
        });
        let mut path = imported.chain(steps);
        match path.next().flatten() {
            Some("session") => path.next().flatten() == Some("id"),
            Some(member) => STEADY.contains(&member),
            None => false,
        }
    }
}
