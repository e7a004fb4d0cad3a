//! Statements and queries.

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Span};

use super::issue::{Bars, Issues};
use super::known::{Facts, Known};
use super::negation::is_simple;
use super::variables::{binders, words};
use crate::engine::ast::{Scope, Target, declared, is_document};

/// Checks the queries of one module.
pub(crate) struct Checker<'a> {
    pub(crate) facts: Facts<'a>,
    pub(crate) issues: Issues<'a>,
    /// Within a function, where the interpreter takes a part of what is no object for an error.
    pub(crate) in_function: bool,
    /// The parameters of the function being checked.
    pub(crate) parameters: BTreeSet<String>,
    /// Names of packages that the module does not import: each is reported once.
    pub(crate) not_imported: BTreeSet<String>,
}

/// Where an expression stands.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) known: &'a Known,
    /// Variables that some statement around binds by unification or iteration.
    pub(crate) bound: &'a BTreeSet<String>,
    /// A reference here may iterate (`xs[_]`).
    pub(crate) iterate: bool,
    /// Within the body of an `every`.
    pub(crate) every: bool,
}

impl Place<'_> {
    /// The same place, where a reference may not iterate.
    pub(crate) fn still(self) -> Self {
        Self {
            iterate: false,
            ..self
        }
    }
}

/// What a query gives to what stands behind it: the head or the term.
pub(crate) struct After {
    pub(crate) scope: Scope,
    pub(crate) known: Known,
    pub(crate) bound: BTreeSet<String>,
}

impl After {
    pub(crate) fn place(&self, every: bool) -> Place<'_> {
        Place {
            scope: &self.scope,
            known: &self.known,
            bound: &self.bound,
            iterate: false,
            every,
        }
    }
}

impl Checker<'_> {
    /// Checks `query`, which stands at `around`; `head` is evaluated where it holds.
    pub(crate) fn query(&mut self, query: &Query, around: Place<'_>, head: &[&Expr]) -> After {
        let scope = around.scope.with_query(query);
        let known = self.facts.after(query, &scope, around.known);
        let mut bound = around.bound.clone();
        query
            .stmts
            .iter()
            .for_each(|stmt| binders(stmt, &mut bound));
        self.order(query, around.scope);
        self.shadowing(query, around.scope);
        let place = Place {
            scope: &scope,
            known: &known,
            bound: &bound,
            iterate: true,
            every: around.every,
        };
        for stmt in &query.stmts {
            self.statement(stmt, place);
        }
        self.unused_undefined(query, &scope, &known, head);
        After {
            scope,
            known,
            bound,
        }
    }

    /// A name that `some` or `:=` declares further down is refused by OPA, and is another variable
    /// for regorus.
    fn order(&mut self, query: &Query, around: &Scope) {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for stmt in &query.stmts {
            let mut names = BTreeSet::new();
            declared(stmt, &mut names);
            if let Some(name) = names
                .iter()
                .find(|name| seen.contains(name.as_str()) && !around.declares(name))
            {
                self.issues.refuse(
                    &stmt.span,
                    "gate.declared_later",
                    format!("`{name}` is used above, before it is declared here"),
                    "move the declaration up, or give this variable another name",
                );
            }
            words(stmt, &mut seen);
        }
    }

    /// A local variable with the name of a rule, an import, `input` or `data`.
    fn shadowing(&mut self, query: &Query, around: &Scope) {
        let facts = self.facts;
        for stmt in &query.stmts {
            let mut names = BTreeSet::new();
            declared(stmt, &mut names);
            for name in names {
                let own = facts.module.package_path.join(&name);
                let hides = is_document(&name)
                    || facts.module.imports.contains_key(&name)
                    || facts.index.has_rules_below(&own);
                if hides {
                    self.issues.refuse(
                        &stmt.span,
                        "gate.shadowing",
                        format!("the variable `{name}` hides a rule or an import of that name"),
                        "give the variable another name",
                    );
                } else if around.declares(&name) && declares_by_assignment(stmt) {
                    self.issues.refuse(
                        &stmt.span,
                        "gate.shadowing",
                        format!("the variable `{name}` hides a variable of that name"),
                        "give the inner variable another name",
                    );
                }
            }
        }
    }

    fn statement(&mut self, stmt: &LiteralStmt, place: Place<'_>) {
        self.with_modifiers(stmt, place.still());
        match &stmt.literal {
            Literal::SomeVars { .. } => {}
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                key.iter().for_each(|key| self.pattern(key, place));
                self.pattern(value, place);
                self.collection(collection, place);
            }
            Literal::Expr { expr, .. } => self.positive(expr, place),
            Literal::NotExpr { expr, .. } => self.negated(expr, place.still()),
            Literal::Every {
                span: _,
                key,
                value,
                domain,
                query,
            } => self.every(key.as_ref(), value, domain, query, place),
        }
    }

    fn positive(&mut self, expr: &Expr, place: Place<'_>) {
        match expr {
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                match op {
                    AssignOp::ColEq => self.pattern(lhs, place),
                    AssignOp::Eq => self.unified(lhs, place),
                }
                if matches!((op, rhs.as_ref()), (AssignOp::Eq, Expr::Array { .. })) {
                    self.unified(rhs, place);
                } else {
                    self.operand(rhs, place);
                }
            }
            Expr::Membership { .. } => self.membership(expr, place),
            other => self.expression(other, place),
        }
    }

    /// A side of `=`: a pattern or a value.
    fn unified(&mut self, expr: &Expr, place: Place<'_>) {
        match expr {
            Expr::Object { span, fields, .. } if !fields.is_empty() => self.issues.refuse(
                span,
                "gate.object_pattern",
                "an object as a pattern matches objects with more members than OPA does",
                "read the members: `x := object.a`; compare whole objects with `==`",
            ),
            Expr::Array { items, .. } => items.iter().for_each(|item| self.unified(item, place)),
            other => self.operand(other, place),
        }
    }

    /// A pattern of `:=`, `some … in` or an argument.
    pub(crate) fn pattern(&mut self, pattern: &Expr, place: Place<'_>) {
        match pattern {
            Expr::Var { .. } => {}
            Expr::Array { items, .. } => items.iter().for_each(|item| self.pattern(item, place)),
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => self.expression(pattern, place.still()),
            Expr::Object { span, .. } => self.issues.refuse(
                span,
                "gate.object_pattern",
                "an object as a pattern matches objects with more members than OPA does",
                "take the whole value and read its members: `x := object.a`",
            ),
            other => self.issues.refuse(
                other.span(),
                "gate.pattern",
                "a pattern is a variable, a constant, or an array of these",
                "take the whole value and compare it in a statement of its own",
            ),
        }
    }

    /// What `some … in` and `every` run over.
    fn collection(&mut self, collection: &Expr, place: Place<'_>) {
        if !self
            .facts
            .is_collection(collection, place.scope, place.known)
        {
            self.issues.add(
                Bars::Interpreter,
                collection.span(),
                "gate.interpreter_collection",
                "the interpreter raises an error where this is no array, set or object",
                "write `x := collection[_]`",
            );
        }
        self.expression(collection, place.still());
    }

    fn every(
        &mut self,
        key: Option<&Span>,
        value: &Span,
        domain: &Expr,
        body: &Query,
        place: Place<'_>,
    ) {
        self.expression(domain, place.still());
        let names = key.into_iter().chain([value]).map(Span::text);
        let scope = place.scope.with_names(names.clone());
        let mut known = place.known.clone();
        let plain = self
            .facts
            .has_plain_elements(domain, place.scope, place.known);
        for name in names {
            self.no_document(value, name);
            known.bind_name(name);
            if plain {
                known.bind_plain_name(name);
            }
        }
        let inner = Place {
            scope: &scope,
            known: &known,
            every: true,
            ..place
        };
        self.query(body, inner, &[]);
    }

    /// A parameter or a variable of `every` that is called as a document is.
    pub(crate) fn no_document(&mut self, span: &Span, name: &str) {
        if is_document(name) {
            self.issues.refuse(
                span,
                "gate.shadowing",
                format!("the variable `{name}` hides the document of that name"),
                "give the variable another name",
            );
        }
    }

    /// `x := input.a` holds for the register machine also where `input.a` is undefined; the
    /// statement is only safe where something behind it reads `x`.
    fn unused_undefined(&mut self, query: &Query, scope: &Scope, known: &Known, head: &[&Expr]) {
        let mut with_head = known.clone();
        head.iter()
            .for_each(|head| self.facts.read(head, &mut with_head));
        let with_head = self.facts.closed(query, scope, with_head);
        for stmt in &query.stmts {
            let Literal::Expr { expr, .. } = &stmt.literal else {
                continue;
            };
            let Expr::AssignExpr { lhs, rhs, .. } = expr.as_ref() else {
                continue;
            };
            for side in [lhs, rhs] {
                let Expr::Var { span, .. } = side.as_ref() else {
                    continue;
                };
                if span.text() != "_" && with_head.has(span.text()) {
                    continue;
                }
                if std::ptr::eq(side, rhs) && is_simple(lhs) {
                    continue;
                }
                self.issues.add(
                    Bars::Rvm,
                    &stmt.span,
                    "gate.undefined_assignment",
                    format!(
                        "the register machine goes on where `{}` is undefined, because no \
                         statement here reads `{}`",
                        rhs.span().text(),
                        span.text(),
                    ),
                    "compare the variable, or name it alone in a statement",
                );
            }
        }
    }

    fn with_modifiers(&mut self, stmt: &LiteralStmt, place: Place<'_>) {
        for with in &stmt.with_mods {
            self.issues.add(
                Bars::Rvm,
                &with.span,
                "gate.with",
                "the register machine has no `with`",
                "",
            );
            match self
                .facts
                .index
                .resolve(self.issues.module, place.scope, &with.refr)
            {
                Some(Target::Input | Target::Data(_)) => {}
                _ => self.issues.refuse(
                    &with.span,
                    "gate.with",
                    format!(
                        "`with {}` replaces a rule or function",
                        with.refr.span().text()
                    ),
                    "replace `input` or data alone",
                ),
            }
            self.expression(&with.r#as, place);
        }
    }
}

fn declares_by_assignment(stmt: &LiteralStmt) -> bool {
    matches!(
        stmt.literal,
        Literal::Expr { .. } | Literal::SomeVars { .. } | Literal::SomeIn { .. }
    )
}
