//! What of the input each package can read, and so, what its answer depends on. What cannot be told
//! counts as read.

#[cfg(test)]
mod tests;

use super::ast::{
    DataPath, Imported, Index, ParsedModule, Reference, Scope, Step, Target, Visitor, string,
    walk_rule,
};
use crate::model::call::InputPart;
use regorus::unstable::{Expr, Ref};
use std::collections::{BTreeMap, BTreeSet};

/// What a rule reads of the input.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Read {
    /// A part that is small and says who asks for what.
    Part(InputPart),
    /// What is the same for the same question, but seldom for another: arguments, results, sessions.
    Own,
    /// What may change: the time, the PDP's facts, the session's labels; or what cannot be told.
    Changing,
}

impl Read {
    /// What `input.<member>`, or `input.<member>.<name>`, is; `None`: a constant.
    fn of(member: Option<&str>, name: Option<&str>) -> Option<Self> {
        let part = member.and_then(|member| InputPart::of(member, name));
        match (part, member, name) {
            (Some(part), _, _) => Some(Self::Part(part)),
            (_, Some("version"), _) => None,
            (_, Some("arguments" | "result"), _) | (_, Some("session"), Some("id")) => {
                Some(Self::Own)
            }
            _ => Some(Self::Changing),
        }
    }
}

/// What a package can read of the input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PackageReads(BTreeSet<Read>);

impl PackageReads {
    /// Whether the same question may have another answer a moment later.
    pub(super) fn is_volatile(&self) -> bool {
        self.0.contains(&Read::Changing)
    }

    /// The parts that the answer depends on; `None` where it depends on more.
    pub(super) fn parts(&self) -> Option<Vec<InputPart>> {
        let part = |read: &Read| match read {
            Read::Part(part) => Some(part.clone()),
            Read::Own | Read::Changing => None,
        };
        self.0.iter().map(part).collect()
    }
}

/// What the rules of all modules read.
pub(super) struct InputReads {
    /// The rules that each rule reads.
    edges: BTreeMap<DataPath, BTreeSet<DataPath>>,
    /// What of the input they read.
    reads: BTreeMap<DataPath, BTreeSet<Read>>,
}

impl InputReads {
    pub(super) fn new(modules: &[ParsedModule]) -> Self {
        let index = Index::new(modules);
        let reads_of = |path: &DataPath| {
            let definitions = index.definitions(path).iter();
            let nodes = definitions.filter_map(|definition| definition.node(modules));
            let mut reads = BTreeSet::new();
            for (module, rule) in nodes {
                let mut walk = Walk {
                    index: &index,
                    module,
                    reads: &mut reads,
                    pardoned: None,
                };
                walk_rule(&mut walk, rule);
            }
            reads
        };
        let rules = index.rules().map(|(path, _)| path);
        let reads = rules.map(|path| (path.clone(), reads_of(path))).collect();
        Self {
            edges: index.edges(modules),
            reads,
        }
    }

    /// What the rules of this package, and those that they need, can read.
    pub(super) fn of_package(&self, package: &DataPath) -> PackageReads {
        let own = self.edges.keys().filter(|path| path.starts_with(package));
        let mut open: Vec<&DataPath> = own.collect();
        let (mut seen, mut reads) = (BTreeSet::new(), BTreeSet::new());
        while let Some(path) = open.pop() {
            if seen.insert(path) {
                reads.extend(self.reads.get(path).into_iter().flatten().cloned());
                open.extend(self.edges.get(path).into_iter().flatten());
            }
        }
        PackageReads(reads)
    }
}

/// A walk over one rule.
struct Walk<'a> {
    index: &'a Index,
    module: &'a ParsedModule,
    reads: &'a mut BTreeSet<Read>,
    /// The `input` of a call that takes a member out of it; compared, never followed.
    pardoned: Option<*const Expr>,
}

impl Visitor for Walk<'_> {
    fn expr(&mut self, expr: &Expr, scope: &Scope) {
        if let Expr::Call { fcn, params, .. } = expr {
            let taken = self.taken_from(fcn, params);
            self.pardoned = taken.as_ref().map(|(from, _)| *from);
            self.reads.extend(taken.and_then(|(_, read)| read));
            return;
        }
        let is_input = self.index.resolve(self.module, scope, expr) == Some(Target::Input);
        if !is_input || self.pardoned == Some(std::ptr::from_ref(expr)) {
            return;
        }
        let read = match Reference::of(expr) {
            Some(reference) => self.read_by(&reference),
            None => Some(Read::Changing),
        };
        self.reads.extend(read);
    }
}

impl Walk<'_> {
    /// What `object.get(input, ["arguments", …], …)` takes it from, and what it takes, where that
    /// is written out.
    fn taken_from(&self, fcn: &Expr, params: &[Ref<Expr>]) -> Option<(*const Expr, Option<Read>)> {
        let is_get =
            self.index.resolve_call(self.module, fcn) == Target::Builtin("object.get".to_owned());
        let [from, path, _] = params else {
            return None;
        };
        let whole = Reference::of(from).is_some_and(|it| it.head == "input" && it.steps.is_empty());
        let name = self.first_name(path).filter(|_| is_get && whole)?;
        Some((
            std::ptr::from_ref(from.as_ref()),
            Read::of(Some(name), None),
        ))
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

    /// What this reference to `input`, or to an import of a part of it, reads.
    fn read_by(&self, reference: &Reference<'_>) -> Option<Read> {
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
        let member = path.next().flatten();
        Read::of(member, path.next().flatten())
    }
}
