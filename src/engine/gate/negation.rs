//! What stands behind `not`.

use regorus::unstable::{BoolOp, Expr};

use super::known::is_constant;
use super::query::{Checker, Place};
use crate::engine::ast::{Reference, Step};

impl Checker<'_> {
    /// OPA evaluates what stands within a negated expression before it negates: where it is
    /// undefined, so is the statement. regorus negates the whole.
    pub(crate) fn negated(&mut self, expr: &Expr, place: Place<'_>) {
        match expr {
            Expr::AssignExpr { span, .. } => self.issues.refuse(
                span,
                "gate.negated_assignment",
                "an assignment cannot be negated",
                "compare with `==`",
            ),
            Expr::BoolExpr {
                op: BoolOp::Eq,
                lhs,
                rhs,
                ..
            } => {
                for side in [lhs, rhs] {
                    if !is_simple(side) {
                        self.definite_operand(side, place);
                    }
                }
            }
            Expr::BoolExpr { lhs, rhs, .. }
            | Expr::BinExpr { lhs, rhs, .. }
            | Expr::ArithExpr { lhs, rhs, .. } => {
                self.definite_operand(lhs, place);
                self.definite_operand(rhs, place);
            }
            Expr::Membership {
                key,
                value,
                collection,
                ..
            } => {
                key.iter().for_each(|key| self.definite_operand(key, place));
                self.definite_operand(value, place);
                self.definite_operand(collection, place);
            }
            Expr::Call { params, .. } => params
                .iter()
                .for_each(|param| self.definite_operand(param, place)),
            Expr::Array { .. } | Expr::Set { .. } | Expr::Object { .. } => {
                self.definite_operand(expr, place);
            }
            constant if is_constant(constant) => self.issues.refuse(
                constant.span(),
                "gate.negated_constant",
                "OPA takes a negated constant as true, whatever it is",
                "remove the statement, or the `not`",
            ),
            _ => {}
        }
        self.indices_bound(expr, place);
        match expr {
            Expr::Membership { .. } => self.membership(expr, place),
            other => self.expression(other, place),
        }
    }

    pub(crate) fn definite_operand(&mut self, operand: &Expr, place: Place<'_>) {
        if self.facts.definite(operand, place.scope, place.known) {
            return;
        }
        let text = operand.span().text();
        self.issues.refuse(
            operand.span(),
            "gate.negated_operand",
            format!(
                "where `{text}` is undefined, OPA takes this statement as undefined, not as true"
            ),
            "give what is negated a name: a rule `ok if { … }` (or a function, where it needs \
             local variables), then `not ok`",
        );
    }

    /// The brackets of a negated reference read what has a value.
    fn indices_bound(&mut self, expr: &Expr, place: Place<'_>) {
        let mut at = expr;
        loop {
            match at {
                Expr::RefDot { refr, .. } => at = refr,
                Expr::RefBrack { refr, index, .. } => {
                    self.definite_operand(index, place);
                    at = refr;
                }
                _ => return,
            }
        }
    }
}

/// A variable, a reference or a constant: compared under `not` as OPA does.
pub(crate) fn is_simple(expr: &Expr) -> bool {
    Reference::of(expr).is_some_and(|reference| {
        reference
            .steps
            .iter()
            .all(|step| matches!(step, Step::Name(_)))
    }) || is_constant(expr)
}
