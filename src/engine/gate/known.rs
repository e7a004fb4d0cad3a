//! What is known to have a value at some place of a query.
//!
//! Rego statements that read what is undefined are undefined; regorus' evaluators do not always
//! see it. So the gate works out, from the syntax alone, which expressions surely have a value
//! once the statements around them hold.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{AssignOp, BoolOp, Expr, Literal, Query};

use super::kinds::{Kind, Memory};
use crate::engine::ast::{Index, ParsedModule, Reference, Scope, Step, Target, variables};
use crate::engine::view::DataView;

/// Names and references that have a value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    names: BTreeSet<String>,
    /// References as written, such as `input.arguments.region`.
    references: BTreeSet<String>,
    /// What is known of the kind of variables and references, as written.
    kinds: BTreeMap<String, Kind>,
    /// Variables whose values are no sets and hold none.
    plain: BTreeSet<String>,
}

/// What the facts are worked out from.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) modules: &'a [ParsedModule],
    pub(crate) index: &'a Index,
    pub(crate) data: &'a DataView<'a>,
    pub(crate) module: &'a ParsedModule,
    /// What was worked out about rules before.
    pub(crate) memory: &'a Memory,
}

impl Known {
    /// Adds the variables of a pattern that matched.
    pub(crate) fn bind(&mut self, pattern: &Expr) {
        variables(pattern, &mut self.names);
    }

    pub(crate) fn bind_name(&mut self, name: &str) {
        self.names.insert(name.to_owned());
    }

    /// Whether the reference was read by a statement that held.
    pub(crate) fn has_reference(&self, text: &str) -> bool {
        self.references.contains(text)
    }

    /// The kind of the variable or reference, as written.
    pub(crate) fn kind(&self, text: &str) -> Option<Kind> {
        self.kinds.get(text).copied()
    }

    fn size(&self) -> usize {
        self.names.len() + self.references.len() + self.kinds.len() + self.plain.len()
    }

    /// Adds the variables of a pattern that takes values which hold no set.
    pub(crate) fn bind_plain(&mut self, pattern: &Expr) {
        variables(pattern, &mut self.plain);
    }

    pub(crate) fn bind_plain_name(&mut self, name: &str) {
        self.plain.insert(name.to_owned());
    }

    /// Whether the variable's value is no set and holds none.
    pub(crate) fn is_plain(&self, name: &str) -> bool {
        self.plain.contains(name)
    }

    /// Whether the local variable surely has a value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

impl<'a> Facts<'a> {
    /// What is known once all statements of `query` hold, given what was known around it.
    pub(crate) fn after(&self, query: &Query, scope: &Scope, around: &Known) -> Known {
        self.closed(query, scope, around.clone())
    }

    /// What follows from `known` by the statements of `query`.
    pub(crate) fn closed(&self, query: &Query, scope: &Scope, mut known: Known) -> Known {
        // Statements are a conjunction, whatever their order: until nothing new is known.
        for _ in 0..=query.stmts.len() {
            let before = known.size();
            // What holds under `with` holds for another input.
            for stmt in query.stmts.iter().filter(|stmt| stmt.with_mods.is_empty()) {
                self.holds(&stmt.literal, scope, &mut known);
            }
            if before == known.size() {
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
                if self.has_plain_elements(collection, scope, known) {
                    key.iter().for_each(|key| known.bind_plain(key));
                    known.bind_plain(value);
                }
                self.read(collection, known);
            }
            Literal::Every { domain, .. } => self.read(domain, known),
            Literal::Expr { expr, .. } => match expr.as_ref() {
                Expr::AssignExpr { op, lhs, rhs, .. } => {
                    self.assigned(lhs, rhs, scope, known);
                    if *op == AssignOp::Eq {
                        self.assigned(rhs, lhs, scope, known);
                    }
                }
                other => {
                    self.read(other, known);
                    self.tested(other, known);
                }
            },
        }
    }

    fn assigned(&self, pattern: &Expr, value: &Expr, scope: &Scope, known: &mut Known) {
        if matches!(pattern, Expr::Var { .. } | Expr::Array { .. })
            && self.is_plain(value, scope, known)
        {
            known.bind_plain(pattern);
        }
        match pattern {
            Expr::Var { span, .. } => {
                let name = span.text();
                if self.definite(value, scope, known) || each_element(value) {
                    known.bind_name(name);
                }
                // A variable with a value got it from operands that have one.
                if each_element(value) || (name != "_" && known.has(name)) {
                    self.read(value, known);
                }
                if let Some(kind) = self.kind(value, scope, known) {
                    known.kinds.insert(name.to_owned(), kind);
                }
            }
            Expr::Array { items, .. } => {
                // Two unknown sides say nothing about one another.
                if matches!(value, Expr::Var { .. }) && !self.definite(value, scope, known) {
                    return;
                }
                known.bind(pattern);
                self.read(value, known);
                if self.gives_integers(value) {
                    let names = items.iter().filter_map(|item| text_of(item));
                    known
                        .kinds
                        .extend(names.map(|name| (name.to_owned(), Kind::Integer)));
                }
            }
            _ => {}
        }
    }

    /// What a test says about a kind: `is_set(x)`, `x == round(x)`.
    fn tested(&self, expr: &Expr, known: &mut Known) {
        let found = match expr {
            Expr::Call { fcn, params, .. } => match (self.builtin_name(fcn), params.first()) {
                (Some(name), Some(of)) => tested_kind(&name).zip(text_of(of)),
                _ => None,
            },
            Expr::BoolExpr {
                op: BoolOp::Eq,
                lhs,
                rhs,
                ..
            } => self
                .rounded(lhs, rhs)
                .or_else(|| self.rounded(rhs, lhs))
                .map(|text| (Kind::Integer, text)),
            _ => None,
        };
        if let Some((kind, text)) = found {
            known.kinds.insert(text.to_owned(), kind);
        }
    }

    /// `x`, if one side is `round(x)` and the other `x`.
    fn rounded<'e>(&self, side: &'e Expr, other: &'e Expr) -> Option<&'e str> {
        let Expr::Call { fcn, params, .. } = side else {
            return None;
        };
        let name = self.builtin_name(fcn)?;
        let rounds = matches!(name.as_str(), "round" | "floor" | "ceil");
        let text = text_of(other)?;
        (rounds && params.first().and_then(|of| text_of(of)) == Some(text)).then_some(text)
    }

    fn builtin_name(&self, fcn: &Expr) -> Option<String> {
        match self.index.resolve_call(self.module, fcn) {
            Target::Builtin(name) => Some(name),
            _ => None,
        }
    }

    /// Calls that give arrays of integers.
    pub(crate) fn gives_integers(&self, value: &Expr) -> bool {
        let Expr::Call { fcn, .. } = value else {
            return false;
        };
        self.builtin_name(fcn)
            .is_some_and(|name| matches!(name.as_str(), "time.clock" | "time.date"))
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

/// A variable or a reference of names, as written.
pub(crate) fn text_of(expr: &Expr) -> Option<&str> {
    let reference = Reference::of(expr)?;
    (reference.is_static() && reference.head != "_").then(|| expr.span().text())
}

fn tested_kind(name: &str) -> Option<Kind> {
    match name {
        "is_string" => Some(Kind::Text),
        "is_number" => Some(Kind::Number),
        "is_array" => Some(Kind::Array),
        "is_set" => Some(Kind::Set),
        "is_object" => Some(Kind::Object),
        _ => None,
    }
}
