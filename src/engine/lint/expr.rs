//! What is known of an expression's value.

use std::collections::BTreeSet;

use regorus::unstable::{ArithOp, BoolOp, Expr, Query};

use super::Lint;
use super::body::Env;
use super::facts::{Cause, Growth, Polarity, Ty, Value};
use super::report::{Form, text};
use super::rules::Usage;
use crate::engine::ast::{Reference, declared};

/// The names that the statements of a query declare.
pub(super) fn declared_in(query: &Query) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for stmt in &query.stmts {
        declared(stmt, &mut names);
    }
    names
}

impl<'a> Lint<'a> {
    /// The value of a condition: a statement, or what stands under `not`.
    pub(super) fn condition(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr,
        truth: Polarity,
    ) -> Value<'a> {
        let value = match expr {
            Expr::Call { fcn, params, .. } => {
                self.call(env, expr, fcn, params, truth, Usage::Condition)
            }
            _ if Reference::of(expr).is_some() => {
                let value = self.reference(env, expr, truth, Usage::Condition);
                self.settle(env, &value, truth);
                return value;
            }
            Expr::BoolExpr { op, lhs, rhs, .. } => {
                self.comparison(env, expr, op, (lhs, rhs), truth, truth)
            }
            Expr::Membership { .. } => self.membership(env, expr, truth, truth),
            _ => self.value(env, expr, truth),
        };
        self.settle(env, &value, Polarity::Both);
        value
    }

    /// The value of an expression; `truth` is the polarity of its being defined.
    pub(super) fn value(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr,
        truth: Polarity,
    ) -> Value<'a> {
        if !self.step() {
            return Value::new("?", text(expr), Ty::ANY);
        }
        let shown = text(expr);
        match expr {
            Expr::String { value, .. } | Expr::RawString { value, .. } => {
                let key = value
                    .as_string()
                    .map_or_else(|_| shown.clone(), |s| format!("{s:?}"));
                Value::literal(key, shown, Ty::STRING)
            }
            Expr::Number { .. } => Value::literal(shown.clone(), shown, Ty::NUMBER),
            Expr::Bool { .. } => Value::literal(shown.clone(), shown, Ty::BOOL),
            Expr::Null { .. } => Value::literal(shown.clone(), shown, Ty::NULL),
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.reference(env, expr, truth, Usage::Value)
            }
            Expr::Array { items, .. } => {
                let mut array = self.items(
                    env,
                    items.iter().map(AsRef::as_ref),
                    shown,
                    Ty::ARRAY,
                    truth,
                );
                array.len = Some(items.len());
                array
            }
            Expr::Set { items, .. } => {
                self.items(env, items.iter().map(AsRef::as_ref), shown, Ty::SET, truth)
            }
            Expr::Object { fields, .. } => {
                let parts: Vec<&'a Expr> = fields
                    .iter()
                    .flat_map(|(_, key, value)| [key.as_ref(), value.as_ref()])
                    .collect();
                self.items(env, parts, shown, Ty::OBJECT, truth)
            }
            Expr::ArrayCompr { .. } => self.comprehension(env, expr, Ty::ARRAY),
            Expr::SetCompr { .. } => self.comprehension(env, expr, Ty::SET),
            Expr::ObjectCompr { .. } => self.comprehension(env, expr, Ty::OBJECT),
            Expr::Call { fcn, params, .. } => {
                self.call(env, expr, fcn, params, truth, Usage::Value)
            }
            Expr::UnaryExpr { expr: inner, .. } => {
                let inner = self.value(env, inner, truth);
                operation(shown, Ty::NUMBER, Ty::NUMBER, &[&inner])
            }
            Expr::BinExpr { lhs, rhs, .. } => {
                let (lhs, rhs) = (self.value(env, lhs, truth), self.value(env, rhs, truth));
                let mut value = operation(shown, Ty::SET, Ty::SET, &[&lhs, &rhs]);
                value.elem = lhs.elem | rhs.elem;
                value
            }
            Expr::ArithExpr { op, lhs, rhs, .. } => {
                let (lhs, rhs) = (self.value(env, lhs, truth), self.value(env, rhs, truth));
                arithmetic(shown, op, &lhs, &rhs)
            }
            // What becomes of the value, true or false, is not followed.
            Expr::BoolExpr { op, lhs, rhs, .. } => {
                self.comparison(env, expr, op, (lhs, rhs), truth, Polarity::Both)
            }
            Expr::AssignExpr { lhs, rhs, .. } => {
                self.comparison(env, expr, &BoolOp::Eq, (lhs, rhs), truth, Polarity::Both)
            }
            Expr::Membership { .. } => self.membership(env, expr, truth, Polarity::Both),
        }
    }

    /// `x in collection`; `growth` is how the collection must grow for what the author wants.
    fn membership(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr,
        truth: Polarity,
        growth: Polarity,
    ) -> Value<'a> {
        let shown = text(expr);
        let mut membership = Value::new(shown.clone(), shown, Ty::BOOL);
        let Expr::Membership {
            key,
            value,
            collection,
            ..
        } = expr
        else {
            return membership;
        };
        for part in key.iter().chain([value]) {
            let part = self.value(env, part, truth);
            self.settle(env, &part, Polarity::Both);
            membership.needs.extend(part.needs);
        }
        let source = self.value(env, collection, truth);
        self.settle(env, &source, growth);
        if truth.needs_defined() && !source.fixed && !source.ty.within(Ty::COLLECTION) {
            self.warn_mistyped(env, expr, &source.text, Ty::ARRAY);
        }
        membership.needs.extend(source.needs);
        membership
    }

    fn items(
        &mut self,
        env: &mut Env<'a>,
        items: impl IntoIterator<Item = &'a Expr>,
        shown: String,
        ty: Ty,
        truth: Polarity,
    ) -> Value<'a> {
        let mut keys = Vec::new();
        let mut whole = Value::literal("", shown, ty);
        whole.elem = Ty::NONE;
        for item in items {
            let item = self.value(env, item, truth);
            whole.elem = whole.elem | item.ty;
            whole.fixed &= item.fixed;
            whole = whole.with_part(&item);
            keys.push(item.key);
        }
        whole.key = format!("[{}]", keys.join(","));
        whole
    }

    fn comprehension(&mut self, env: &Env<'a>, expr: &'a Expr, ty: Ty) -> Value<'a> {
        let shown = text(expr);
        let key = format!("{shown}@{}:{}", env.depth, expr.span().start);
        let mut value = Value::new(key, shown, ty);
        let was_silent = std::mem::replace(&mut self.silent, true);
        if let Some(term) = self.comprehension_body(env, expr, Polarity::Blocks) {
            value.elem = term.ty;
            value.fixed = term.fixed;
            value.varies = term.varies;
        }
        self.silent = was_silent;
        value
            .growth
            .push(Growth::Comprehension(expr, Box::new(env.clone())));
        value
    }

    /// Checks what a comprehension collects; returns its term.
    fn comprehension_body(
        &mut self,
        env: &Env<'a>,
        expr: &'a Expr,
        polarity: Polarity,
    ) -> Option<Value<'a>> {
        let (key, term, query) = match expr {
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                (None, term, query)
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => (Some(key), value, query),
            _ => return None,
        };
        let (mut inner, _) = self.body(env, query, polarity);
        for part in key.into_iter().chain([term]) {
            let value = self.value(&mut inner, part, polarity);
            self.settle(&inner, &value, Polarity::Both);
            self.require(&mut inner, Form::Head(part), &value, polarity);
        }
        Some(self.value(&mut inner, term, polarity))
    }

    /// Checks the sets behind a value, now that it is known how they are used.
    pub(super) fn settle(&mut self, env: &Env<'a>, value: &Value<'a>, polarity: Polarity) {
        for growth in value.growth.clone() {
            self.settle_one(env, growth, polarity);
        }
    }

    fn settle_one(&mut self, env: &Env<'a>, growth: Growth<'a>, polarity: Polarity) {
        match growth {
            Growth::Comprehension(expr, around) => {
                let mut inner = *around;
                inner.facts.extend(&env.facts);
                self.comprehension_body(&inner, expr, polarity);
            }
            Growth::Rule(path) => self.partial(env, &path, polarity),
            Growth::Against(inner) => self.settle_one(env, *inner, polarity.flip()),
            Growth::Unfollowed(inner) => self.settle_one(env, *inner, Polarity::Both),
        }
    }

    fn comparison(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr,
        op: &BoolOp,
        (lhs, rhs): (&'a Expr, &'a Expr),
        truth: Polarity,
        growth: Polarity,
    ) -> Value<'a> {
        let (left, right) = (self.value(env, lhs, truth), self.value(env, rhs, truth));
        self.settle(env, &left, growth_of(op, &left, &right, growth));
        self.settle(env, &right, growth_of(&mirrored(op), &right, &left, growth));
        let shown = text(expr);
        let mut value = Value::new(shown.clone(), shown, Ty::BOOL);
        value.needs.extend(left.needs.iter().cloned());
        value.needs.extend(right.needs.iter().cloned());
        if !matches!(op, BoolOp::Eq | BoolOp::Ne) {
            for side in [&left, &right] {
                if !side.fixed && !side.ty.is_one() {
                    self.warn_mistyped(env, expr, &side.text, Ty::NUMBER);
                }
            }
        }
        value
    }
}

/// How the sets behind one side of a comparison must grow for it to become true.
fn growth_of(op: &BoolOp, side: &Value<'_>, other: &Value<'_>, truth: Polarity) -> Polarity {
    if !side.counts {
        return Polarity::Both;
    }
    match op {
        BoolOp::Gt | BoolOp::Ge => truth,
        BoolOp::Lt | BoolOp::Le => truth.flip(),
        BoolOp::Ne if other.key == "0" => truth,
        BoolOp::Eq if other.key == "0" => truth.flip(),
        BoolOp::Eq | BoolOp::Ne => Polarity::Both,
    }
}

const fn mirrored(op: &BoolOp) -> BoolOp {
    match op {
        BoolOp::Lt => BoolOp::Gt,
        BoolOp::Le => BoolOp::Ge,
        BoolOp::Eq => BoolOp::Eq,
        BoolOp::Ge => BoolOp::Le,
        BoolOp::Gt => BoolOp::Lt,
        BoolOp::Ne => BoolOp::Ne,
    }
}

fn arithmetic<'a>(shown: String, op: &ArithOp, lhs: &Value<'a>, rhs: &Value<'a>) -> Value<'a> {
    let takes = if *op == ArithOp::Sub && (lhs.ty == Ty::SET || rhs.ty == Ty::SET) {
        Ty::SET
    } else {
        Ty::NUMBER
    };
    let mut value = operation(shown, takes, takes, &[lhs, rhs]);
    if *op == ArithOp::Sub {
        let against = Value::new("", "", Ty::NONE).with_part_by(rhs, Growth::Against);
        value.growth.clone_from(&lhs.growth);
        value.growth.extend(against.growth);
    }
    value.elem = lhs.elem;
    let by_zero = matches!(op, ArithOp::Div | ArithOp::Mod) && !rhs.is_constant();
    // A fraction has no remainder.
    let of_fraction = *op == ArithOp::Mod && !(lhs.fixed || lhs.counts);
    if by_zero || of_fraction {
        value.need(Cause::Fails);
    }
    value
}

/// An operator on operands of one type.
fn operation<'a>(shown: String, takes: Ty, returns: Ty, operands: &[&Value<'a>]) -> Value<'a> {
    let keys: Vec<&str> = operands
        .iter()
        .map(|operand| operand.key.as_str())
        .collect();
    let mut value = Value::new(format!("{shown}({})", keys.join(",")), shown, returns);
    value.fixed = operands.iter().all(|operand| operand.fixed);
    for operand in operands {
        value = value.with_part(operand);
        expect_type(&mut value, operand, takes);
    }
    value
}

pub(super) fn expect_type<'a>(value: &mut Value<'a>, operand: &Value<'a>, takes: Ty) {
    let wrong = if operand.fixed {
        operand.ty & takes == Ty::NONE
    } else {
        !operand.ty.within(takes)
    };
    if wrong {
        let mut typed = operand.clone();
        typed.needs.clear();
        typed.need(Cause::Type(takes));
        value.needs.append(&mut typed.needs);
    }
}
