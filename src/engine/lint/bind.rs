//! Variables taking values.

use regorus::unstable::Expr;

use super::Lint;
use super::body::Env;
use super::facts::{Origin, Ty, Value};
use crate::engine::ast::Target;

impl<'a> Lint<'a> {
    /// Whether this is a pattern with a variable that has no value yet.
    pub(super) fn is_unbound(&self, env: &Env<'a>, expr: &Expr) -> bool {
        match expr {
            Expr::Var { span, .. } => {
                let is_local = matches!(
                    self.index.resolve(env.module, &env.scope, expr),
                    Some(Target::Local(_))
                );
                is_local && !env.locals.contains_key(span.text())
            }
            Expr::Array { items, .. } => items.iter().any(|item| self.is_unbound(env, item)),
            Expr::Object { fields, .. } => fields
                .iter()
                .any(|(_, _, value)| self.is_unbound(env, value)),
            _ => false,
        }
    }

    /// Binds an element of something: a name, or names within a pattern.
    pub(super) fn bind_pattern(
        &self,
        env: &mut Env<'a>,
        pattern: &'a Expr,
        ty: Ty,
        elem: Ty,
        origin: Origin,
    ) {
        match pattern {
            Expr::Var { span, .. } => {
                let mut fresh = env.fresh(span, ty, origin);
                fresh.elem = elem;
                env.bind(span, fresh);
            }
            Expr::Array { items, .. } => items
                .iter()
                .for_each(|item| self.bind_pattern(env, item, elem, Ty::ANY, origin)),
            Expr::Object { fields, .. } => fields
                .iter()
                .for_each(|(_, _, item)| self.bind_pattern(env, item, elem, Ty::ANY, origin)),
            _ => {}
        }
    }

    /// Binds a value to a pattern; false if the value may not have the pattern's shape.
    pub(super) fn bind_value(
        &self,
        env: &mut Env<'a>,
        pattern: &'a Expr,
        source: &Expr,
        value: &Value<'a>,
    ) -> bool {
        match pattern {
            Expr::Var { span, .. } => {
                env.bind(span, value.clone());
                true
            }
            Expr::Array { items, .. } => {
                self.bind_pattern(env, pattern, value.ty, value.elem, value.origin());
                let all_variables = items
                    .iter()
                    .all(|item| matches!(item.as_ref(), Expr::Var { .. }));
                all_variables && (value.fixed || value.len == Some(items.len()))
            }
            Expr::Object { .. } => {
                self.bind_pattern(env, pattern, value.ty, value.elem, value.origin());
                value.fixed && !matches!(source, Expr::Object { .. })
            }
            _ => value.fixed,
        }
    }
}
