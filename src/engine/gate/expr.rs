//! Expressions.

use regorus::unstable::{ArithOp, BoolOp, Expr, Literal, Query, Span};

use super::issue::Bars;
use super::query::{Checker, Place};
use crate::engine::ast::string;

/// Digits of a fraction that a double keeps.
const MAX_FRACTION_DIGITS: usize = 15;

impl Checker<'_> {
    /// A side of a comparison or of `:=`: a reference may iterate there, directly or as the
    /// argument of a call.
    pub(crate) fn operand(&mut self, expr: &Expr, place: Place<'_>) {
        match expr {
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.expression(expr, place);
            }
            _ => self.expression(expr, place.still()),
        }
    }

    /// Any expression.
    pub(crate) fn expression(&mut self, expr: &Expr, place: Place<'_>) {
        let still = place.still();
        match expr {
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
            Expr::Number { span, .. } => self.number(span),
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.reference(expr, place);
            }
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                items.iter().for_each(|item| self.expression(item, still));
            }
            Expr::Object { fields, .. } => {
                self.object_keys(fields.iter().map(|(_, key, _)| key.as_ref()));
                for (_, key, value) in fields {
                    self.expression(key, still);
                    self.expression(value, still);
                }
            }
            Expr::ArrayCompr { term, query, .. } => {
                self.comprehension(query, &[term], still, true);
            }
            Expr::SetCompr { term, query, .. } => {
                self.comprehension(query, &[term], still, false);
            }
            Expr::ObjectCompr {
                span,
                key,
                value,
                query,
                ..
            } => {
                self.comprehension_key(span, key, query);
                self.comprehension(query, &[key, value], still, true);
            }
            Expr::Call {
                span, fcn, params, ..
            } => self.call(span, fcn, params, place),
            Expr::UnaryExpr { span, .. } => self.issues.refuse(
                span,
                "gate.unary_minus",
                "a minus before an expression is read otherwise than OPA reads it",
                "write `0 - x`",
            ),
            Expr::BinExpr { lhs, rhs, .. } => self.set_operation(lhs, rhs, still),
            Expr::ArithExpr { op, lhs, rhs, .. } => self.arithmetic(op, lhs, rhs, still),
            Expr::BoolExpr { op, lhs, rhs, .. } => {
                if !matches!(op, BoolOp::Eq | BoolOp::Ne) {
                    self.ordered(lhs, rhs, place);
                }
                self.not_mixed(lhs);
                self.not_mixed(rhs);
                self.compared(lhs, place);
                self.compared(rhs, place);
            }
            Expr::AssignExpr { span, .. } => self.issues.refuse(
                span,
                "gate.nested_assignment",
                "an assignment is a statement of its own",
                "assign first, then use the variable",
            ),
            Expr::Membership {
                value, collection, ..
            } => {
                self.membership_value(value, still);
                self.membership_value(collection, still);
                self.membership(expr, still);
            }
        }
    }

    /// `x in xs` as a value is false where `xs` is undefined, where OPA's is undefined.
    fn membership_value(&mut self, operand: &Expr, place: Place<'_>) {
        if !self.facts.definite(operand, place.scope, place.known) {
            self.issues.refuse(
                operand.span(),
                "gate.membership_value",
                format!(
                    "where `{}` is undefined, `in` as a value is false here, and undefined for OPA",
                    operand.span().text()
                ),
                "write it as a statement, or in a rule of its own",
            );
        }
    }

    /// `x in xs`.
    pub(crate) fn membership(&mut self, expr: &Expr, place: Place<'_>) {
        let Expr::Membership {
            span,
            key,
            value,
            collection,
            ..
        } = expr
        else {
            return;
        };
        let still = place.still();
        if let Some(key) = key {
            self.issues.add(
                Bars::Rvm,
                span,
                "gate.key_membership",
                "the register machine answers `key, value in collection` wrongly",
                "compare the member: `collection[key] == value`",
            );
            self.expression(key, still);
        }
        self.not_mixed(value);
        self.not_mixed(collection);
        self.operand(value, place);
        self.expression(collection, still);
    }

    /// A side of a comparison: also the arguments of a call may iterate.
    fn compared(&mut self, expr: &Expr, place: Place<'_>) {
        match expr {
            Expr::Call { .. } => self.expression(expr, place),
            _ => self.operand(expr, place),
        }
    }

    /// OPA and regorus bind `==`, `<` and `in` differently where they are mixed.
    fn not_mixed(&mut self, operand: &Expr) {
        if matches!(operand, Expr::BoolExpr { .. } | Expr::Membership { .. }) {
            self.issues.refuse(
                operand.span(),
                "gate.mixed_operators",
                "a comparison within a comparison",
                "assign the inner one to a variable first",
            );
        }
    }

    fn number(&mut self, span: &Span) {
        let text = span.text();
        let digits = text.chars().filter(char::is_ascii_digit).count();
        let fraction = text.contains('.') && !text.contains(['e', 'E']);
        let exact = text.parse::<i64>().is_ok() || (fraction && digits <= MAX_FRACTION_DIGITS);
        if !exact {
            self.issues.refuse(
                span,
                "gate.number",
                format!("the number `{text}` is not exact: it has an exponent or too many digits"),
                "write a whole number of 64 bits, or a fraction of up to 15 digits",
            );
        } else if fraction && text.ends_with('0') {
            self.issues.refuse(
                span,
                "gate.number",
                format!(
                    "the number `{text}` ends in zeros, which OPA keeps, and toolgate does not"
                ),
                "leave them out: write `1` for `1.0`",
            );
        }
    }

    fn object_keys<'e>(&mut self, keys: impl Iterator<Item = &'e Expr>) {
        let keys: Vec<&Expr> = keys.collect();
        // One key cannot repeat.
        if keys.len() == 1 {
            return;
        }
        let mut seen = Vec::new();
        for key in keys {
            match string(key) {
                Some(text) if seen.contains(&text) => self.issues.refuse(
                    key.span(),
                    "gate.object_key",
                    format!("the key `{text}` stands twice in this object"),
                    "remove one",
                ),
                Some(text) => seen.push(text),
                None => self.issues.refuse(
                    key.span(),
                    "gate.object_key",
                    "a key that is no string written out, in an object of several",
                    "use a comprehension: `{k: v | some k, v in …}`",
                ),
            }
        }
    }

    fn comprehension(
        &mut self,
        query: &Query,
        terms: &[&Expr],
        place: Place<'_>,
        keeps_undefined: bool,
    ) {
        let after = self.query(query, place, &[]);
        let inner = after.place(place.every);
        for term in terms {
            self.expression(term, inner);
            if keeps_undefined && !self.facts.definite(term, inner.scope, inner.known) {
                self.issues.add(
                    Bars::Rvm,
                    term.span(),
                    "gate.undefined_element",
                    format!(
                        "the register machine keeps an element where `{}` is undefined",
                        term.span().text()
                    ),
                    "assign it to a variable and compare that, such as `x != null`",
                );
            }
        }
    }

    /// Two elements with one key are an error for OPA; the register machine keeps the last. Keys
    /// cannot repeat where they are the keys of the one collection that the query runs over.
    fn comprehension_key(&mut self, span: &Span, key: &Expr, query: &Query) {
        let mut generators = query
            .stmts
            .iter()
            .filter(|stmt| !is_condition(&stmt.literal));
        let unique = match (generators.next(), generators.next()) {
            (Some(only), None) => match &only.literal {
                Literal::SomeIn { key: Some(k), .. } => same_variable(k, key),
                _ => false,
            },
            _ => false,
        };
        if !unique {
            self.issues.add(
                Bars::Rvm,
                span,
                "gate.object_conflict",
                "the register machine keeps the last of two elements with one key, where OPA \
                 raises an error",
                "take the keys of one collection: `{k: f(v) | some k, v in collection}`",
            );
        }
    }

    fn set_operation(&mut self, lhs: &Expr, rhs: &Expr, place: Place<'_>) {
        for side in [lhs, rhs] {
            if !self.facts.is_set(side, place.scope, place.known) {
                self.issues.refuse(
                    side.span(),
                    "gate.set_operand",
                    format!("`{}` may be no set", side.span().text()),
                    "take a set: `{x | some x in …}`",
                );
            }
            self.expression(side, place);
        }
    }

    fn arithmetic(&mut self, op: &ArithOp, lhs: &Expr, rhs: &Expr, place: Place<'_>) {
        let is_set = |side| self.facts.is_set(side, place.scope, place.known);
        if matches!(op, ArithOp::Sub) && (is_set(lhs) || is_set(rhs)) {
            return self.set_operation(lhs, rhs, place);
        }
        if matches!(op, ArithOp::Div) {
            self.issues.refuse(
                lhs.span(),
                "gate.division",
                "quotients are rounded otherwise than OPA rounds them",
                "multiply the other side: `a > b * 100` for `a / 100 > b`",
            );
        }
        for side in [lhs, rhs] {
            let computed = matches!(side, Expr::ArithExpr { .. });
            if !computed && !self.facts.is_integer(side, place.scope, place.known) {
                self.issues.refuse(
                    side.span(),
                    "gate.arithmetic",
                    format!(
                        "`{}` may be no integer, and regorus computes fractions and errors \
                         otherwise than OPA",
                        side.span().text()
                    ),
                    "compute with written integers, count(), indexof() or times in nanoseconds; \
                     compare instead: `a > 100` for `a - 100 > 0`",
                );
            }
            self.expression(side, place);
        }
    }
}

/// Whether a statement only filters: it binds nothing new by running over a collection.
fn is_condition(literal: &Literal) -> bool {
    match literal {
        Literal::SomeVars { .. } | Literal::SomeIn { .. } => false,
        Literal::NotExpr { .. } | Literal::Every { .. } => true,
        Literal::Expr { expr, .. } => !has_iteration(expr),
    }
}

/// Whether some reference in a statement has a variable or `_` in brackets.
pub(crate) fn has_iteration(expr: &Expr) -> bool {
    match expr {
        Expr::RefDot { refr, .. } => has_iteration(refr),
        Expr::RefBrack { refr, index, .. } => {
            matches!(index.as_ref(), Expr::Var { .. })
                || has_iteration(index)
                || has_iteration(refr)
        }
        Expr::AssignExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::BinExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. } => has_iteration(lhs) || has_iteration(rhs),
        Expr::Call { params, .. } => params.iter().any(|param| has_iteration(param)),
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().any(|item| has_iteration(item))
        }
        Expr::Object { fields, .. } => fields
            .iter()
            .any(|(_, key, value)| has_iteration(key) || has_iteration(value)),
        Expr::Membership {
            value, collection, ..
        } => has_iteration(value) || has_iteration(collection),
        Expr::UnaryExpr { expr, .. } => has_iteration(expr),
        Expr::ArrayCompr { .. }
        | Expr::SetCompr { .. }
        | Expr::ObjectCompr { .. }
        | Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::Var { .. } => false,
    }
}

fn same_variable(a: &Expr, b: &Expr) -> bool {
    match (a, b) {
        (Expr::Var { span: a, .. }, Expr::Var { span: b, .. }) => {
            a.text() == b.text() && a.text() != "_"
        }
        _ => false,
    }
}
