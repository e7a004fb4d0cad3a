//! Which packages may answer the same question otherwise a moment later: those that can read the
//! time, the PDP's facts or the session's labels. What cannot be told counts as read.

#[cfg(test)]
mod tests;

use super::ast::{
    DataPath, Imported, Index, ParsedModule, Reference, Scope, Step, Target, Visitor, string,
    walk_rule,
};
use regorus::unstable::{Expr, Ref};
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
                    pardoned: None,
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
    /// The `input` of a call that takes a member out of it; compared, never followed.
    pardoned: Option<*const Expr>,
}

impl Visitor for Reads<'_> {
    fn expr(&mut self, expr: &Expr, scope: &Scope) {
        if let Expr::Call { fcn, params, .. } = expr {
            self.pardoned = self.taken_from(fcn, params);
            return;
        }
        let is_input = self.index.resolve(self.module, scope, expr) == Some(Target::Input);
        if !is_input || self.pardoned == Some(std::ptr::from_ref(expr)) {
            return;
        }
        let steady = Reference::of(expr).is_some_and(|reference| self.is_steady(&reference));
        self.volatile |= !steady;
    }
}

impl Reads<'_> {
    /// What `object.get(input, ["arguments", …], …)` takes it from, where what it takes stays.
    fn taken_from(&self, fcn: &Expr, params: &[Ref<Expr>]) -> Option<*const Expr> {
        let is_get =
            self.index.resolve_call(self.module, fcn) == Target::Builtin("object.get".to_owned());
        let [from, path, _] = params else {
            return None;
        };
        let whole = Reference::of(from).is_some_and(|it| it.head == "input" && it.steps.is_empty());
        let stays = self
            .first_name(path)
            .is_some_and(|name| STEADY.contains(&name));
        (is_get && whole && stays).then(|| std::ptr::from_ref(from.as_ref()))
    }

    /// The first name of a path that is written out, at least in its beginning.
    fn first_name<'e>(&self, path: &'e Expr) -> Option<&'e str> {
        match path {
            Expr::Array { items, .. } => string(items.first()?),
            Expr::Call { fcn, params, .. } => {
                let concat = Target::Builtin("array.concat".to_owned());
                let is_concat = self.index.resolve_call(self.module, fcn) == concat;
                params
                    .first()
                    .filter(|_| is_concat)
                    .and_then(|first| self.first_name(first))
            }
            _ => None,
        }
    }

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
