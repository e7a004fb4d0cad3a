//! What is known to have a value at some place of a query.
//!
//! Rego statements that read what is undefined are undefined; regorus' evaluators do not always
//! see it. So the gate works out, from the syntax alone, which expressions surely have a value
//! once the statements around them hold.

use std::collections::BTreeSet;

use regorus::unstable::{ArithOp, Expr, Literal, Query, Ref, Rule, RuleHead};

use super::tables;
use crate::engine::ast::{
    DataPath, Imported, Index, ParsedModule, Reference, Scope, Step, Target, variables,
};
use crate::model::json::{Json, Object};

/// Names and references that have a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    names: BTreeSet<String>,
    /// References as written, such as `input.arguments.region`.
    references: BTreeSet<String>,
    /// Local variables that are sets.
    sets: BTreeSet<String>,
    /// Local variables that are integers.
    integers: BTreeSet<String>,
}

/// What the facts are worked out from.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) modules: &'a [ParsedModule],
    pub(crate) index: &'a Index,
    pub(crate) data: &'a Object,
    pub(crate) module: &'a ParsedModule,
}

impl Known {
    /// Adds the variables of a pattern that matched.
    pub(crate) fn bind(&mut self, pattern: &Expr) {
        variables(pattern, &mut self.names);
    }

    pub(crate) fn bind_name(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    /// Whether the local variable surely has a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

impl<'a> Facts<'a> {
    /// What is known once all statements of `query` hold, given what was known around it.
    pub(crate) fn after(&self, query: &Query, scope: &Scope, around: &Known) -> Known {
        let mut known = around.clone();
        // Statements are a conjunction, whatever their order: until nothing new is known.
        for _ in 0..=query.stmts.len() {
            let before = known.names.len() + known.references.len();
            // What holds under `with` holds for another input.
            for stmt in query.stmts.iter().filter(|stmt| stmt.with_mods.is_empty()) {
                self.holds(&stmt.literal, scope, &mut known);
            }
            if before == known.names.len() + known.references.len() {
                break;
            }
        }
        known
    }

    fn holds(&self, literal: &Literal, scope: &Scope, known: &mut Known) {
        match literal {
            Literal::SomeVars { .. } | Literal::NotExpr { .. } => {}
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                key.iter().for_each(|key| known.bind(key));
                known.bind(value);
                self.read(collection, known);
            }
            Literal::Every { domain, .. } => self.read(domain, known),
            Literal::Expr { expr, .. } => match expr.as_ref() {
                Expr::AssignExpr { lhs, rhs, .. } => {
                    self.assigned(lhs, rhs, scope, known);
                    self.assigned(rhs, lhs, scope, known);
                }
                other => self.read(other, known),
            },
        }
    }

    fn assigned(&self, pattern: &Expr, value: &Expr, scope: &Scope, known: &mut Known) {
        match pattern {
            Expr::Var { span, .. } => {
                let name = span.text();
                if self.definite(value, scope, known) || each_element(value) {
                    known.bind_name(name);
                }
                if scope.declares(name) && self.is_set(value, scope, known) {
                    known.sets.insert(name.to_owned());
                }
                if scope.declares(name) && self.is_integer(value, scope, known) {
                    known.integers.insert(name.to_owned());
                }
            }
            Expr::Array { .. } => {
                known.bind(pattern);
                self.read(value, known);
            }
            _ => {}
        }
    }

    /// What must have a value for `expr`, read in a positive statement, to hold.
    pub(crate) fn read(&self, expr: &Expr, known: &mut Known) {
        match expr {
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.read_reference(expr, known);
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().for_each(|item| self.read(item, known));
            }
            Expr::Object { fields, .. } => {
                fields
                    .iter()
                    .for_each(|(_, _, value)| self.read(value, known));
            }
            Expr::Call { params, .. } => params.iter().for_each(|param| self.read(param, known)),
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::BoolExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. } => {
                self.read(lhs, known);
                self.read(rhs, known);
            }
            Expr::Membership {
                key,
                value,
                collection,
                ..
            } => {
                key.iter().for_each(|key| self.read(key, known));
                self.read(value, known);
                self.read(collection, known);
            }
            Expr::UnaryExpr { .. }
            | Expr::AssignExpr { .. }
            | Expr::ArrayCompr { .. }
            | Expr::SetCompr { .. }
            | Expr::ObjectCompr { .. }
            | Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
        }
    }

    fn read_reference(&self, expr: &Expr, known: &mut Known) {
        let Some(reference) = Reference::of(expr) else {
            return;
        };
        known.bind_name(reference.head);
        if reference.is_static() {
            known.references.insert(expr.span().text().to_owned());
        }
        for step in &reference.steps {
            if let Step::Index(index) = step {
                self.read(index, known);
            }
        }
    }

    /// Whether `expr` surely has a value.
    pub(crate) fn definite(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        let all = |items: &[Ref<Expr>]| items.iter().all(|item| self.definite(item, scope, known));
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. }
            | Expr::ArrayCompr { .. }
            | Expr::SetCompr { .. }
            | Expr::ObjectCompr { .. } => true,
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.definite_reference(expr, scope, known)
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => all(items),
            Expr::Object { fields, .. } => fields.iter().all(|(_, key, value)| {
                self.definite(key, scope, known) && self.definite(value, scope, known)
            }),
            Expr::Call { fcn, params, .. } => all(params) && self.total(fcn, params, scope, known),
            Expr::BoolExpr { lhs, rhs, .. } | Expr::BinExpr { lhs, rhs, .. } => {
                self.definite(lhs, scope, known) && self.definite(rhs, scope, known)
            }
            Expr::ArithExpr { op, lhs, rhs, .. } => {
                matches!(op, ArithOp::Add | ArithOp::Sub | ArithOp::Mul)
                    && self.definite(lhs, scope, known)
                    && self.definite(rhs, scope, known)
            }
            Expr::Membership {
                key,
                value,
                collection,
                ..
            } => {
                key.iter().all(|key| self.definite(key, scope, known))
                    && self.definite(value, scope, known)
                    && self.definite(collection, scope, known)
            }
            Expr::UnaryExpr { .. } | Expr::AssignExpr { .. } => false,
        }
    }

    fn definite_reference(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        let Some(reference) = Reference::of(expr) else {
            return false;
        };
        match self.index.resolve(self.module, scope, expr) {
            Some(Target::Local(name)) => {
                (reference.steps.is_empty() && known.has(&name))
                    || known.references.contains(expr.span().text())
            }
            Some(Target::Rule(path)) => {
                (self.names_rule(&reference, &path) && self.always_defined(&path))
                    || known.references.contains(expr.span().text())
            }
            Some(Target::Data(path)) => {
                (reference.is_static() && member(self.data, &path.0).is_some())
                    || known.references.contains(expr.span().text())
            }
            Some(Target::Input) => {
                expr.span().text() == "input" || known.references.contains(expr.span().text())
            }
            Some(Target::Virtual(..) | Target::Builtin(_) | Target::Unknown(_)) | None => false,
        }
    }

    /// Whether the reference names the rule itself, not a part of its value.
    pub(crate) fn names_rule(&self, reference: &Reference<'_>, path: &DataPath) -> bool {
        let head_components = match (reference.head, self.module.imports.get(reference.head)) {
            ("data", _) => 0,
            (_, Some(Imported::Data(base))) => base.0.len(),
            _ => self.module.package_path.0.len() + 1,
        };
        head_components + reference.steps.len() == path.0.len()
    }

    /// Whether the rule has a value whatever the input: a partial rule, or one with a default, or
    /// a constant.
    pub(crate) fn always_defined(&self, path: &DataPath) -> bool {
        self.nodes(path).any(|rule| match rule {
            Rule::Default { args, .. } => args.is_empty(),
            Rule::Spec { head, bodies, .. } => match head {
                RuleHead::Set { .. } => true,
                RuleHead::Func { .. } => false,
                RuleHead::Compr { refr, assign, .. } => {
                    matches!(refr.as_ref(), Expr::RefBrack { .. })
                        || (bodies.is_empty()
                            && assign.as_ref().is_some_and(|a| is_constant(&a.value)))
                }
            },
        })
    }

    /// The definitions of a rule.
    pub(crate) fn nodes(&self, path: &DataPath) -> impl Iterator<Item = &'a Rule> {
        let modules = self.modules;
        self.index
            .definitions(path)
            .iter()
            .filter_map(move |definition| definition.node(modules))
            .map(|(_, rule)| rule.as_ref())
    }

    /// Whether every value of the rule is a set.
    fn gives_set(&self, path: &DataPath) -> bool {
        let mut nodes = self.nodes(path).peekable();
        nodes.peek().is_some()
            && nodes.all(|rule| match rule {
                Rule::Default { .. } => false,
                Rule::Spec { head, bodies, .. } => match head {
                    RuleHead::Set { .. } => true,
                    RuleHead::Func { .. } => false,
                    RuleHead::Compr { assign, .. } => {
                        let value = assign.as_ref().map(|assign| assign.value.as_ref());
                        bodies.is_empty()
                            && matches!(value, Some(Expr::Set { .. } | Expr::SetCompr { .. }))
                    }
                },
            })
    }

    /// Whether `expr` names a document of the data that is an array or an object.
    fn is_data_collection(&self, expr: &Expr, scope: &Scope) -> bool {
        let is_static = Reference::of(expr).is_some_and(|reference| reference.is_static());
        match self.index.resolve(self.module, scope, expr) {
            Some(Target::Data(path)) if is_static => matches!(
                member(self.data, &path.0),
                Some(Json::Array(_) | Json::Object(_))
            ),
            _ => false,
        }
    }

    /// Whether a call has a value if its arguments have one.
    fn total(&self, fcn: &Expr, params: &[Ref<Expr>], scope: &Scope, known: &Known) -> bool {
        let Target::Builtin(name) = self.index.resolve_call(self.module, fcn) else {
            return false;
        };
        let first = params.first();
        match name.as_str() {
            "count" => first.is_some_and(|first| self.is_collection(first, scope, known)),
            "object.get" => first.is_some_and(|first| {
                matches!(
                    first.as_ref(),
                    Expr::Object { .. } | Expr::ObjectCompr { .. }
                )
            }),
            name => tables::builtin(name).is_some_and(|builtin| builtin.total),
        }
    }

    /// Whether `expr`, if it has a value, is an array, a set or an object.
    pub(crate) fn is_collection(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        match expr {
            Expr::Array { .. }
            | Expr::Object { .. }
            | Expr::ArrayCompr { .. }
            | Expr::ObjectCompr { .. } => true,
            Expr::Var { .. } | Expr::RefDot { .. } if self.is_data_collection(expr, scope) => true,
            _ => self.is_set(expr, scope, known),
        }
    }

    /// Whether `expr`, if it has a value, is a set.
    pub(crate) fn is_set(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        match expr {
            Expr::Set { .. } | Expr::SetCompr { .. } => true,
            Expr::BinExpr { lhs, rhs, .. }
            | Expr::ArithExpr {
                op: ArithOp::Sub,
                lhs,
                rhs,
                ..
            } => self.is_set(lhs, scope, known) && self.is_set(rhs, scope, known),
            Expr::Var { .. } | Expr::RefDot { .. } => {
                let Some(reference) = Reference::of(expr) else {
                    return false;
                };
                match self.index.resolve(self.module, scope, expr) {
                    Some(Target::Rule(path)) => {
                        self.names_rule(&reference, &path) && self.gives_set(&path)
                    }
                    Some(Target::Local(name)) => {
                        reference.steps.is_empty() && known.sets.contains(&name)
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Whether `expr`, if it has a value, is an integer.
    ///
    /// Fractions are computed otherwise than OPA does: regorus takes doubles, OPA longer ones.
    pub(crate) fn is_integer(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        match expr {
            Expr::Number { span, .. } => !span.text().contains(['.', 'e', 'E']),
            Expr::ArithExpr {
                op: ArithOp::Add | ArithOp::Sub | ArithOp::Mul | ArithOp::Mod,
                lhs,
                rhs,
                ..
            } => self.is_integer(lhs, scope, known) && self.is_integer(rhs, scope, known),
            Expr::Call { fcn, .. } => match self.index.resolve_call(self.module, fcn) {
                Target::Builtin(name) => INTEGER_BUILTINS.contains(&name.as_str()),
                _ => false,
            },
            Expr::Var { span, .. } => {
                scope.declares(span.text()) && known.integers.contains(span.text())
            }
            Expr::RefDot { .. } => {
                expr.span().text() == "input.time.ns" && !scope.declares("input")
            }
            _ => false,
        }
    }
}

/// Whether a reference runs over all elements (`xs[_]`): what it gives has a value.
fn each_element(expr: &Expr) -> bool {
    match expr {
        Expr::RefBrack { index, .. } => {
            matches!(index.as_ref(), Expr::Var { span, .. } if span.text() == "_")
        }
        _ => false,
    }
}

/// Builtins that give integers.
const INTEGER_BUILTINS: &[&str] = &[
    "count",
    "indexof",
    "strings.count",
    "time.parse_duration_ns",
    "time.parse_rfc3339_ns",
];

/// Whether `expr` is written out: no variable, reference or call.
pub(crate) fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. } => true,
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().all(|item| is_constant(item))
        }
        Expr::Object { fields, .. } => fields
            .iter()
            .all(|(_, key, value)| is_constant(key) && is_constant(value)),
        _ => false,
    }
}

fn member<'a>(data: &'a Object, path: &[String]) -> Option<&'a Json> {
    let (first, rest) = path.split_first()?;
    match (data.get(first)?, rest) {
        (value, []) => Some(value),
        (Json::Object(inner), rest) => member(inner, rest),
        _ => None,
    }
}
