//! Statements that select what a rule is about by the name of the tool, resource or prompt.

use regorus::unstable::{BoolOp, Expr};

use super::Lint;
use super::body::Env;
use super::facts::{Cause, Need, Polarity, Value};
use super::input::SELECTOR;
use crate::engine::ast::Target;

impl<'a> Lint<'a> {
    /// Whether a statement says which name it must be: `==`, `in` or a match of the name itself.
    /// It accepts that the rule is not about messages without a name.
    pub(super) fn selects(&mut self, env: &Env<'a>, expr: &'a Expr) -> bool {
        match expr {
            Expr::BoolExpr {
                op: BoolOp::Eq,
                lhs,
                rhs,
                ..
            } => self.is_selector(env, lhs) || self.is_selector(env, rhs),
            Expr::Membership {
                key: None, value, ..
            } => self.is_selector(env, value),
            Expr::Call { fcn, params, .. } => {
                let Target::Builtin(name) = self.index.resolve_call(env.module, fcn) else {
                    return false;
                };
                let matched = match name.as_str() {
                    "startswith" | "endswith" | "contains" => params.first(),
                    "regex.match" => params.get(1),
                    "glob.match" => params.get(2),
                    _ => None,
                };
                matched.is_some_and(|param| self.is_selector(env, param))
            }
            _ => false,
        }
    }

    fn is_selector(&mut self, env: &Env<'a>, expr: &'a Expr) -> bool {
        crate::engine::ast::Reference::of(expr).is_some()
            && self.value(&mut env.clone(), expr, Polarity::Blocks).key == SELECTOR
    }
}

/// Takes from a value what it needs of the name.
pub(super) fn selector_needs(value: &mut Value<'_>) -> Vec<Need> {
    let is_name = |need: &mut Need| need.key == SELECTOR && need.cause == Cause::Absent;
    value.needs.extract_if(.., is_name).collect()
}
