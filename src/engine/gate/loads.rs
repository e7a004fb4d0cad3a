//! Where the register machine loads `input` and `data`.
//!
//! Its compiler loads each once a body, where it is first read, and takes the register from then
//! on. Where that is within a comprehension or an `every` that does not run, because its collection
//! is empty, everything behind it reads undefined: a deny would not fire.

use std::collections::BTreeMap;

use regorus::unstable::{Expr, Literal, LiteralStmt, Query, Ref, Span};

use super::issue::{Bars, Issues};
use super::known::Facts;
use crate::engine::ast::{Reference, Scope, Step, Target};

/// What is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Document {
    Input,
    Data,
}

/// A walk over one body in the order in which it is compiled.
pub(crate) struct Loads<'a, 'i, 'm> {
    facts: Facts<'a>,
    issues: &'i mut Issues<'m>,
    /// The parts around the place: within each, what comes first always runs.
    open: Vec<usize>,
    /// How many parts there were.
    parts: usize,
    /// The parts in which each document was loaded.
    loaded: BTreeMap<Document, Vec<usize>>,
}

impl<'a, 'i, 'm> Loads<'a, 'i, 'm> {
    /// Checks a body and the expressions of its head; `scope` is around the body.
    pub(crate) fn check(
        facts: Facts<'a>,
        issues: &'i mut Issues<'m>,
        query: &Query,
        head: &[&Expr],
        scope: &Scope,
    ) {
        let mut loads = Self {
            facts,
            issues,
            open: Vec::new(),
            parts: 0,
            loaded: BTreeMap::new(),
        };
        let scope = scope.with_query(query);
        query
            .stmts
            .iter()
            .for_each(|stmt| loads.statement(stmt, &scope));
        head.iter().for_each(|head| loads.whole(head, &scope));
    }

    /// Runs `work` as a part that may not run.
    fn part(&mut self, work: impl FnOnce(&mut Self)) {
        self.parts += 1;
        self.open.push(self.parts);
        work(self);
        self.open.pop();
    }

    fn statement(&mut self, stmt: &LiteralStmt, scope: &Scope) {
        match &stmt.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                self.whole(collection, scope);
                key.iter().for_each(|key| self.whole(key, scope));
                self.whole(value, scope);
            }
            Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => self.whole(expr, scope),
            Literal::Every {
                key,
                value,
                domain,
                query,
                ..
            } => {
                self.whole(domain, scope);
                let names = key.iter().chain([value]).map(|span| span.text());
                let scope = scope.with_names(names).with_query(query);
                self.part(|loads| {
                    let stmts = query.stmts.iter();
                    stmts.for_each(|stmt| loads.statement(stmt, &scope));
                });
            }
        }
    }

    /// An expression: its comprehensions are computed before the rest of it.
    fn whole(&mut self, expr: &Expr, scope: &Scope) {
        self.comprehensions(expr, scope);
        self.reads(expr, scope);
    }

    fn comprehensions(&mut self, expr: &Expr, scope: &Scope) {
        match expr {
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                self.comprehension(query, &[term], scope);
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => self.comprehension(query, &[key, value], scope),
            other => parts_of(other)
                .into_iter()
                .for_each(|part| self.comprehensions(part, scope)),
        }
    }

    /// The first statement of a comprehension always begins to run.
    fn comprehension(&mut self, query: &Query, terms: &[&Ref<Expr>], scope: &Scope) {
        let scope = scope.with_query(query);
        let Some((first, others)) = query.stmts.split_first() else {
            return;
        };
        self.statement(first, &scope);
        self.part(|loads| {
            others.iter().for_each(|stmt| loads.statement(stmt, &scope));
            terms.iter().for_each(|term| loads.whole(term, &scope));
        });
    }

    /// The documents that an expression reads outside of its comprehensions.
    fn reads(&mut self, expr: &Expr, scope: &Scope) {
        if Reference::of(expr).is_some() {
            match self.facts.index.resolve(self.facts.module, scope, expr) {
                Some(Target::Input) => self.read(Document::Input, expr.span()),
                Some(Target::Data(_)) => self.read(Document::Data, expr.span()),
                _ => {}
            }
        }
        match expr {
            Expr::ArrayCompr { .. } | Expr::SetCompr { .. } | Expr::ObjectCompr { .. } => {}
            other => parts_of(other)
                .into_iter()
                .for_each(|part| self.reads(part, scope)),
        }
    }

    fn read(&mut self, document: Document, span: &Span) {
        let open = &self.open;
        let loaded = self.loaded.entry(document).or_insert_with(|| open.clone());
        if open.starts_with(loaded) {
            return;
        }
        let (name, hint) = match document {
            Document::Input => ("input", "write `input` as a statement of its own before it"),
            Document::Data => (
                "data",
                "assign the document to a variable in a statement before it",
            ),
        };
        self.issues.add(
            Bars::Rvm,
            span,
            "gate.late_load",
            format!(
                "the register machine finds `{name}` undefined here where what reads it first, a \
                 comprehension or `every` above, does not run"
            ),
            hint,
        );
    }
}

/// The expressions that an expression is made of, without what comprehensions hold.
fn parts_of(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::Var { .. }
        | Expr::ArrayCompr { .. }
        | Expr::SetCompr { .. }
        | Expr::ObjectCompr { .. } => Vec::new(),
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().map(AsRef::as_ref).collect()
        }
        Expr::Object { fields, .. } => fields
            .iter()
            .flat_map(|(_, key, value)| [key.as_ref(), value.as_ref()])
            .collect(),
        Expr::Call { params, .. } => params.iter().map(AsRef::as_ref).collect(),
        Expr::UnaryExpr { expr, .. } => vec![expr],
        Expr::RefDot { .. } | Expr::RefBrack { .. } => reference_parts(expr),
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => vec![lhs, rhs],
        Expr::Membership {
            key,
            value,
            collection,
            ..
        } => {
            let key = key.iter().map(AsRef::as_ref);
            key.chain([value.as_ref(), collection.as_ref()]).collect()
        }
    }
}

/// What stands in the brackets of a reference, and what it starts from if that is no variable.
fn reference_parts(expr: &Expr) -> Vec<&Expr> {
    if let Some(reference) = Reference::of(expr) {
        let indices = reference.steps.into_iter();
        return indices
            .filter_map(|step| match step {
                Step::Index(index) => Some(index),
                Step::Name(_) => None,
            })
            .collect();
    }
    match expr {
        Expr::RefDot { refr, .. } => vec![refr],
        Expr::RefBrack { refr, index, .. } => vec![refr, index],
        _ => Vec::new(),
    }
}
