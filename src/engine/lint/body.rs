//! Statements: which must be defined, which accept that something is absent, and what holds after.

use std::collections::BTreeMap;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query, Ref, Span};

use super::Lint;
use super::facts::{Cause, Facts, Need, Origin, Polarity, Ty, Value, local_mark};
use super::report::Form;
use super::select::selector_needs;
use crate::engine::ast::{ParsedModule, Reference, Scope, Target};

/// The call of a library helper in an author's module: findings within the helper are shown there.
#[derive(Clone)]
pub(super) struct Lift<'a> {
    pub(super) module: &'a ParsedModule,
    pub(super) span: Span,
}

/// What is known where a statement stands.
#[derive(Clone)]
pub(super) struct Env<'a> {
    pub(super) module: &'a ParsedModule,
    pub(super) scope: Scope,
    pub(super) locals: BTreeMap<String, Value<'a>>,
    pub(super) facts: Facts,
    /// Under a `with`: nothing is known of `input` and `data`.
    pub(super) overridden: bool,
    /// How many rules deep.
    pub(super) depth: usize,
    pub(super) lift: Option<Lift<'a>>,
}

impl<'a> Env<'a> {
    pub(super) fn new(module: &'a ParsedModule, facts: Facts) -> Self {
        Self {
            module,
            scope: Scope::default(),
            locals: BTreeMap::new(),
            facts,
            overridden: false,
            depth: 0,
            lift: None,
        }
    }

    /// A variable of this frame that takes a value.
    pub(super) fn bind(&mut self, span: &Span, value: Value<'a>) {
        let name = span.text();
        if name != "_" {
            self.locals.insert(name.to_owned(), value.bound());
        }
    }

    /// A variable of this frame of which nothing is known but its type.
    pub(super) fn fresh(&self, span: &Span, ty: Ty, origin: Origin) -> Value<'a> {
        let key = format!("{}{}{}", span.text(), local_mark(self.depth), span.start);
        Value {
            fixed: origin.fixed,
            varies: origin.varies,
            ..Value::new(key, span.text(), ty)
        }
    }

    pub(super) fn meets(&self, value: &Value<'a>) -> bool {
        value.needs.iter().all(|need| self.facts.meets(need))
    }
}

impl<'a> Lint<'a> {
    /// Checks a query; returns what holds after it, and whether it holds whatever the input.
    pub(super) fn body(
        &mut self,
        env: &Env<'a>,
        query: &'a Query,
        polarity: Polarity,
    ) -> (Env<'a>, bool) {
        let mut start = env.clone();
        start.scope = env.scope.with_query(query);
        // Hidden names are no longer those around.
        for name in super::expr::declared_in(query) {
            start.locals.remove(&name);
        }
        if polarity == Polarity::Blocks {
            // All statements hold together where the helper does, also those further down.
            let was_silent = std::mem::replace(&mut self.silent, true);
            let (after, _) = self.statements(start.clone(), query, polarity);
            self.silent = was_silent;
            start.facts = after.facts;
        }
        self.statements(start, query, polarity)
    }

    fn statements(
        &mut self,
        mut env: Env<'a>,
        query: &'a Query,
        polarity: Polarity,
    ) -> (Env<'a>, bool) {
        let mut holds = true;
        for stmt in &query.stmts {
            holds &= self.statement(&mut env, stmt, polarity);
        }
        (env, holds)
    }

    fn statement(&mut self, env: &mut Env<'a>, stmt: &'a LiteralStmt, polarity: Polarity) -> bool {
        if !self.step() {
            return false;
        }
        if stmt.with_mods.is_empty() {
            return self.literal(env, &stmt.literal, polarity);
        }
        for with in &stmt.with_mods {
            let value = self.value(env, &with.r#as, polarity);
            self.require(env, Form::Statement(&with.r#as), &value, polarity);
        }
        let mut inner = env.clone();
        inner.overridden = true;
        inner.facts = Facts::default();
        self.literal(&mut inner, &stmt.literal, polarity);
        env.locals = inner.locals;
        false
    }

    fn literal(&mut self, env: &mut Env<'a>, literal: &'a Literal, polarity: Polarity) -> bool {
        match literal {
            Literal::SomeVars { .. } => true,
            Literal::SomeIn {
                key,
                value,
                collection,
                ..
            } => {
                let source = self.collection(env, collection, polarity, polarity);
                if let Some(key) = key {
                    let ty = if source.ty == Ty::ARRAY {
                        Ty::NUMBER
                    } else {
                        Ty::ANY
                    };
                    let origin = Origin {
                        fixed: source.fixed || ty == Ty::NUMBER,
                        ..source.origin()
                    };
                    self.bind_pattern(env, key, ty, Ty::ANY, origin);
                }
                self.bind_pattern(env, value, source.elem, Ty::ANY, source.origin());
                false
            }
            Literal::Expr { expr, .. } => self.positive(env, expr, polarity),
            Literal::NotExpr { expr, .. } => {
                let value = self.condition(env, expr, polarity.flip());
                if polarity.guards_not() {
                    let unmet = self.unmet(env, &value, self.is_named(env, expr));
                    self.report(env, Form::Not(expr), &unmet);
                }
                false
            }
            Literal::Every {
                key,
                value,
                domain,
                query,
                ..
            } => {
                let source = self.collection(env, domain, polarity, polarity.flip());
                let mut inner = env.clone();
                let names = key.iter().chain([value]).map(Span::text);
                inner.scope = inner.scope.with_names(names);
                if let Some(key) = key {
                    let fresh = inner.fresh(key, Ty::ANY, source.origin());
                    inner.bind(key, fresh);
                }
                let fresh = inner.fresh(value, source.elem, source.origin());
                inner.bind(value, fresh);
                self.body(&inner, query, polarity);
                false
            }
        }
    }

    /// What `some … in` and `every` go through.
    fn collection(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr,
        polarity: Polarity,
        growth: Polarity,
    ) -> Value<'a> {
        let value = self.value(env, expr, polarity);
        let is_written = matches!(
            expr,
            Expr::Array { .. } | Expr::Set { .. } | Expr::Object { .. }
        );
        // Sets within what is written out are used further down.
        let growth = if is_written { Polarity::Both } else { growth };
        self.settle(env, &value, growth);
        self.require(env, Form::Collection(expr), &value, polarity);
        if polarity.needs_defined() && !value.fixed && !value.ty.within(Ty::COLLECTION) {
            self.warn_mistyped(env, expr, &value.text, Ty::ARRAY);
        }
        value
    }

    /// A statement that must hold.
    fn positive(&mut self, env: &mut Env<'a>, expr: &'a Expr, polarity: Polarity) -> bool {
        match expr {
            Expr::AssignExpr { op, lhs, rhs, .. } => {
                self.assignment(env, expr, op, lhs, rhs, polarity)
            }
            Expr::Call { fcn, params, .. } => match self.guard(env, fcn) {
                Some(ty) => self.type_guard(env, expr, params, ty, polarity),
                None if self.is_function(env, fcn) => self.naming(env, expr, polarity),
                None => self.must_hold(env, expr, polarity),
            },
            _ if Reference::of(expr).is_some() => self.naming(env, expr, polarity),
            _ => self.must_hold(env, expr, polarity),
        }
    }

    fn must_hold(&mut self, env: &mut Env<'a>, expr: &'a Expr, polarity: Polarity) -> bool {
        let mut value = self.condition(env, expr, polarity);
        if self.selects(env, expr) {
            env.facts.assume(&selector_needs(&mut value));
        }
        self.require(env, Form::Statement(expr), &value, polarity);
        if let Some(implied) = &value.implied {
            env.facts.extend(implied);
        }
        value.holds
    }

    /// A reference or helper alone: the author accepts that the rule does not apply where it is
    /// absent; not that a builtin behind it fails.
    fn naming(&mut self, env: &mut Env<'a>, expr: &'a Expr, polarity: Polarity) -> bool {
        let value = self.condition(env, expr, polarity);
        if polarity.needs_defined() {
            let unmet = self.unmet(env, &value, true);
            self.report(env, Form::Statement(expr), &unmet);
        }
        env.facts.assume(&value.needs);
        if let Some(implied) = &value.implied {
            env.facts.extend(implied);
        }
        value.holds
    }

    /// The type of `is_string` and its like.
    fn guard(&self, env: &Env<'a>, fcn: &Expr) -> Option<Ty> {
        match self.index.resolve_call(env.module, fcn) {
            Target::Builtin(name) => Ty::of_guard(&name),
            _ => None,
        }
    }

    fn is_function(&self, env: &Env<'a>, fcn: &Expr) -> bool {
        matches!(self.index.resolve_call(env.module, fcn), Target::Rule(_))
    }

    /// `is_string(x)` alone: the author accepts that the rule does not apply to other types.
    fn type_guard(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr,
        params: &'a [Ref<Expr>],
        ty: Ty,
        polarity: Polarity,
    ) -> bool {
        let [param] = params else {
            return self.must_hold(env, expr, polarity);
        };
        let value = self.value(env, param, polarity);
        let holds = value.ty.within(ty) && env.meets(&value);
        if polarity.needs_defined() && !holds {
            let mut unmet = self.unmet(env, &value, true);
            if env.lift.is_some() && !value.fixed && !value.ty.within(ty) {
                unmet.push(Need {
                    key: value.key.clone(),
                    cause: Cause::Type(ty),
                    text: value.text.clone(),
                    behind: false,
                });
            }
            self.report(env, Form::Statement(expr), &unmet);
        }
        env.facts.assume(&value.needs);
        env.facts.assume_type(&value.key, ty);
        if let Some(name) = Reference::of(param).filter(|r| r.steps.is_empty())
            && let Some(local) = env.locals.get_mut(name.head)
        {
            local.ty = local.ty & ty;
        }
        holds
    }

    fn assignment(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr,
        op: &AssignOp,
        lhs: &'a Expr,
        rhs: &'a Expr,
        polarity: Polarity,
    ) -> bool {
        let declares = *op == AssignOp::ColEq;
        let (pattern, source) = if declares || self.is_unbound(env, lhs) {
            (lhs, rhs)
        } else if self.is_unbound(env, rhs) {
            (rhs, lhs)
        } else {
            return self.unification(env, expr, lhs, rhs, polarity);
        };
        let value = self.value(env, source, polarity);
        if !matches!(pattern, Expr::Var { .. }) {
            self.settle(env, &value, Polarity::Both);
        }
        self.require(env, Form::Assigned(source), &value, polarity);
        if !self.bind_value(env, pattern, source, &value) && polarity.needs_defined() {
            let mut shape = value.clone();
            shape.needs.clear();
            shape.need(Cause::Type(Ty::ARRAY));
            self.report(env, Form::Statement(expr), &shape.needs);
        }
        matches!(pattern, Expr::Var { .. }) && env.meets(&value)
    }

    /// `a = b` where both have a value: a comparison.
    fn unification(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr,
        lhs: &'a Expr,
        rhs: &'a Expr,
        polarity: Polarity,
    ) -> bool {
        for side in [lhs, rhs] {
            let value = self.value(env, side, polarity);
            self.settle(env, &value, Polarity::Both);
            self.require(env, Form::Statement(expr), &value, polarity);
        }
        false
    }

    /// Reports what is not met where that is a danger, then takes it for granted: it holds where
    /// the next statement is reached.
    pub(super) fn require(
        &mut self,
        env: &mut Env<'a>,
        form: Form<'_>,
        value: &Value<'a>,
        polarity: Polarity,
    ) {
        if polarity.needs_defined() {
            self.require_defined(env, form, value);
        }
        env.facts.assume(&value.needs);
    }

    fn require_defined(&mut self, env: &Env<'a>, form: Form<'_>, value: &Value<'a>) {
        let unmet = self.unmet(env, value, false);
        self.report(env, form, &unmet);
    }

    /// What is not known to hold. Where the value is `named` alone, its absence is accepted; but
    /// nothing is in a library helper: its author does not know what the deny is about.
    fn unmet(&self, env: &Env<'a>, value: &Value<'a>, named: bool) -> Vec<Need> {
        let named = named && env.lift.is_none();
        let accepted = |need: &Need| named && need.cause == Cause::Absent && !need.behind;
        value
            .needs
            .iter()
            .filter(|need| !accepted(need) && !env.facts.meets(need))
            .cloned()
            .collect()
    }

    /// Whether this is a reference or helper alone.
    fn is_named(&self, env: &Env<'a>, expr: &Expr) -> bool {
        match expr {
            Expr::Call { fcn, .. } => self.is_function(env, fcn),
            _ => Reference::of(expr).is_some(),
        }
    }
}
