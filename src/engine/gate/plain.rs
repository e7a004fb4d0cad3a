//! Which values hold no set: OPA orders sets after objects, regorus before, so that what holds
//! sets must not be put into an order.

use regorus::unstable::{Expr, Ref};

use super::kinds::Kind;
use super::known::{Facts, Known};
use super::query::{Checker, Place};
use super::tables;
use crate::engine::ast::{DataPath, Reference, Scope, Target};

impl Facts<'_> {
    /// Whether `expr`, if it has a value, is text, a number, a boolean or null.
    fn is_scalar(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        let kind = self.kind(expr, scope, known);
        let is_integer = match expr {
            Expr::RefBrack { refr, .. } => self.gives_integers(refr),
            _ => false,
        };
        is_integer
            || matches!(expr, Expr::Null { .. })
            || matches!(
                kind,
                Some(Kind::Text | Kind::Integer | Kind::Number | Kind::Truth)
            )
    }

    /// Whether `expr`, if it has a value, is no set and holds none.
    pub(crate) fn is_plain(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        if self.is_scalar(expr, scope, known) {
            return true;
        }
        let all = |items: &[Ref<Expr>]| {
            let mut items = items.iter();
            items.all(|item| self.is_plain(item, scope, known))
        };
        match expr {
            Expr::Array { items, .. } => all(items),
            Expr::Object { fields, .. } => fields.iter().all(|(_, key, value)| {
                self.is_plain(key, scope, known) && self.is_plain(value, scope, known)
            }),
            Expr::ArrayCompr { term, query, .. } => {
                let scope = scope.with_query(query);
                let known = self.after(query, &scope, known);
                self.is_plain(term, &scope, &known)
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => {
                let scope = scope.with_query(query);
                let known = self.after(query, &scope, known);
                self.is_plain(key, &scope, &known) && self.is_plain(value, &scope, &known)
            }
            Expr::Call { fcn, params, .. } => match self.index.resolve_call(self.module, fcn) {
                Target::Rule(path) => self.plain_rule(&path),
                Target::Builtin(name) if makes_plain(&name) => true,
                Target::Builtin(name) => {
                    let elements = matches!(name.as_str(), "max" | "min" | "sort");
                    tables::builtin(&name).is_some_and(|builtin| builtin.gives != Some(Kind::Set))
                        && params.iter().all(|param| match elements {
                            true => self.has_plain_elements(param, scope, known),
                            false => self.is_plain(param, scope, known),
                        })
                }
                _ => false,
            },
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.plain_reference(expr, scope, known)
            }
            // Refused elsewhere.
            Expr::UnaryExpr { .. } => true,
            _ => false,
        }
    }

    fn plain_reference(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        let Some(reference) = Reference::of(expr) else {
            return match expr {
                Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => {
                    self.is_plain(refr, scope, known)
                }
                _ => false,
            };
        };
        match self.index.resolve(self.module, scope, expr) {
            Some(Target::Input | Target::Data(_)) => true,
            Some(Target::Local(_)) => known.is_plain(reference.head),
            Some(Target::Rule(path)) => self.plain_rule(&path),
            Some(Target::Virtual(..) | Target::Builtin(_) | Target::Unknown(_)) | None => false,
        }
    }

    fn plain_rule(&self, path: &DataPath) -> bool {
        if let Some(plain) = self.memory.plain.borrow().get(path) {
            return *plain;
        }
        self.memory.plain.borrow_mut().insert(path.clone(), false);
        let plain = self.definitions(path).all(|(facts, rule)| {
            let mut values = facts.values(rule).into_iter();
            values.all(|value| match value.expr {
                Some(expr) => facts.is_plain(expr, &value.scope, &value.known),
                None => value.kind == Some(Kind::Truth),
            })
        });
        self.memory.plain.borrow_mut().insert(path.clone(), plain);
        plain
    }

    /// Whether no element of `expr`, which may be a set, is a set or holds one.
    pub(crate) fn has_plain_elements(&self, expr: &Expr, scope: &Scope, known: &Known) -> bool {
        match expr {
            Expr::Set { items, .. } => {
                let mut items = items.iter();
                items.all(|item| self.is_plain(item, scope, known))
            }
            Expr::SetCompr { term, query, .. } => {
                let scope = scope.with_query(query);
                let known = self.after(query, &scope, known);
                self.is_plain(term, &scope, &known)
            }
            Expr::BinExpr { lhs, rhs, .. } => {
                self.has_plain_elements(lhs, scope, known)
                    && self.has_plain_elements(rhs, scope, known)
            }
            other => self.is_plain(other, scope, known),
        }
    }
}

/// Whether what a builtin gives is made of scalars, whatever its arguments.
fn makes_plain(name: &str) -> bool {
    matches!(
        name,
        "json.unmarshal" | "split" | "time.clock" | "time.date" | "to_number"
    )
}

impl Checker<'_> {
    /// The sides of `<`, `<=`, `>` and `>=`.
    pub(crate) fn ordered(&mut self, lhs: &Expr, rhs: &Expr, place: Place<'_>) {
        let facts = self.facts;
        let (scope, known) = (place.scope, place.known);
        let scalar = [lhs, rhs]
            .iter()
            .any(|side| facts.is_scalar(side, scope, known));
        for side in [lhs, rhs] {
            let message = if facts.is_set(side, scope, known) {
                "sets are ordered otherwise than OPA orders them".to_owned()
            } else if scalar || facts.is_plain(side, scope, known) {
                continue;
            } else {
                format!(
                    "`{}` may hold a set, and sets are ordered otherwise than OPA orders them",
                    side.span().text()
                )
            };
            self.issues.refuse(
                side.span(),
                "gate.set_order",
                message,
                "test what is compared, `is_number(x)`; of sets, compare counts, or whether \
                 `a - b == set()`",
            );
        }
    }
}
