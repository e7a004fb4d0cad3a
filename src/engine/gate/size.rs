//! How large the values of rules may become by what the policy alone says.
//!
//! `a1 := [a0, a0]`, `a2 := [a1, a1]` and so on share one value in memory, but to compare, hash or
//! write the last of 30 such rules is to visit 2^30 values, which nothing interrupts.

use std::collections::{BTreeMap, BTreeSet};

use regorus::unstable::{Expr, Literal, Query, Rule, RuleHead};

use super::heads::head_terms;
use super::issue::{Issue, Issues};
use super::kinds::Kind;
use super::known::Facts;
use super::tables;
use crate::engine::ast::{DataPath, Scope, Target, head_args, variables};

/// Most values that a rule's value may be made of, where each value of the input and the data counts
/// as one.
pub(crate) const MAX_VALUE_NODES: u64 = 1 << 16;

/// The sizes of rules; one being worked out counts as one value, which ends recursion.
pub(crate) type Sizes = BTreeMap<DataPath, u64>;

/// Refuses the rules of the module whose values may become too large.
pub(crate) fn check(facts: Facts<'_>, sizes: &mut Sizes, found: &mut Vec<Issue>) {
    let module = facts.module;
    for rule in &module.module.policy {
        if (Sizer { facts, sizes }).rule(rule) > MAX_VALUE_NODES {
            Issues { module, found }.refuse(
                rule.span(),
                "gate.value_size",
                format!(
                    "the value of this rule may be made of more than {MAX_VALUE_NODES} values: it \
                     takes others several times, and they others"
                ),
                "take each value once, or keep it in data",
            );
        }
    }
}

struct Sizer<'a, 's> {
    facts: Facts<'a>,
    sizes: &'s mut Sizes,
}

/// The sizes of variables; others count as one value.
type Variables = BTreeMap<String, u64>;

impl Sizer<'_, '_> {
    /// The size of a definition's largest value, its arguments being of one value.
    fn rule(&mut self, rule: &Rule) -> u64 {
        let (head, bodies) = match rule {
            Rule::Default { value, .. } => {
                return self.expr(value, &Scope::default(), &Variables::new());
            }
            Rule::Spec { head, bodies, .. } => (head, bodies),
        };
        let args = head_args(head);
        let scope = Scope::default().with_patterns(args.iter().map(AsRef::as_ref));
        let own = head_terms(head);
        let mut largest = 1;
        if bodies.is_empty() {
            largest = self.sum(own.iter().copied(), &scope, &Variables::new());
        }
        for (number, body) in bodies.iter().enumerate() {
            let scope = scope.with_query(&body.query);
            let variables = self.variables(&body.query, &scope, Variables::new());
            let assigned = body.assign.iter().map(|assign| assign.value.as_ref());
            let size = match number {
                0 => self.sum(own.iter().copied().chain(assigned), &scope, &variables),
                _ => self.sum(assigned, &scope, &variables),
            };
            largest = largest.max(size);
        }
        let partial = matches!(head, RuleHead::Set { .. });
        largest.saturating_add(u64::from(partial))
    }

    fn path(&mut self, path: &DataPath) -> u64 {
        if let Some(size) = self.sizes.get(path) {
            return *size;
        }
        self.sizes.insert(path.clone(), 1);
        let facts = self.facts;
        // Each definition of a partial rule adds to its value.
        let size = facts.definitions(path).fold(0_u64, |size, (facts, rule)| {
            let sizes = &mut *self.sizes;
            size.saturating_add(Sizer { facts, sizes }.rule(rule))
        });
        // Said once, where it gets too large, not of all that take it.
        let counted = if size > MAX_VALUE_NODES { 1 } else { size };
        self.sizes.insert(path.clone(), counted);
        counted
    }

    /// The sizes of the variables that a query binds, whatever the order of its statements.
    fn variables(&mut self, query: &Query, scope: &Scope, around: Variables) -> Variables {
        let mut known = around;
        for _ in 0..=query.stmts.len() {
            let before = known.clone();
            for stmt in &query.stmts {
                match &stmt.literal {
                    Literal::SomeIn {
                        value, collection, ..
                    } => self.bind(value, collection, scope, &mut known),
                    Literal::Expr { expr, .. } => {
                        if let Expr::AssignExpr { lhs, rhs, .. } = expr.as_ref() {
                            self.bind(lhs, rhs, scope, &mut known);
                            self.bind(rhs, lhs, scope, &mut known);
                        }
                    }
                    _ => {}
                }
            }
            if known == before {
                break;
            }
        }
        known
    }

    fn bind(&mut self, pattern: &Expr, value: &Expr, scope: &Scope, known: &mut Variables) {
        if !matches!(pattern, Expr::Var { .. } | Expr::Array { .. }) {
            return;
        }
        let size = self.expr(value, scope, known);
        let mut names = BTreeSet::new();
        variables(pattern, &mut names);
        for name in names {
            let known = known.entry(name).or_insert(1);
            *known = size.max(*known);
        }
    }

    fn sum<'e>(
        &mut self,
        exprs: impl Iterator<Item = &'e Expr>,
        scope: &Scope,
        known: &Variables,
    ) -> u64 {
        exprs.fold(1, |sum: u64, expr| {
            sum.saturating_add(self.expr(expr, scope, known))
        })
    }

    fn expr(&mut self, expr: &Expr, scope: &Scope, known: &Variables) -> u64 {
        match expr {
            Expr::Array { items, .. } | Expr::Set { items, .. } => {
                self.sum(items.iter().map(AsRef::as_ref), scope, known)
            }
            Expr::Object { fields, .. } => {
                let parts = fields.iter().flat_map(|(_, key, value)| [key, value]);
                self.sum(parts.map(AsRef::as_ref), scope, known)
            }
            Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
                let scope = scope.with_query(query);
                let known = self.variables(query, &scope, known.clone());
                self.expr(term, &scope, &known).saturating_add(1)
            }
            Expr::ObjectCompr {
                key, value, query, ..
            } => {
                let scope = scope.with_query(query);
                let known = self.variables(query, &scope, known.clone());
                self.sum([key.as_ref(), value.as_ref()].into_iter(), &scope, &known)
            }
            // The digits of a product are those of both factors.
            Expr::BinExpr { lhs, rhs, .. } | Expr::ArithExpr { lhs, rhs, .. } => {
                self.sum([lhs.as_ref(), rhs.as_ref()].into_iter(), scope, known)
            }
            Expr::Call { fcn, params, .. } => {
                let given = self.sum(params.iter().map(AsRef::as_ref), scope, known);
                match self.facts.index.resolve_call(self.facts.module, fcn) {
                    Target::Rule(path) => self.path(&path).saturating_mul(given.max(1)),
                    Target::Builtin(name) if gives_little(&name) => 1,
                    _ => given,
                }
            }
            Expr::Var { .. } | Expr::RefDot { .. } | Expr::RefBrack { .. } => {
                self.reference(expr, scope, known)
            }
            _ => 1,
        }
    }

    fn reference(&mut self, expr: &Expr, scope: &Scope, known: &Variables) -> u64 {
        match self.facts.index.resolve(self.facts.module, scope, expr) {
            Some(Target::Local(name)) => known.get(&name).copied().unwrap_or(1),
            Some(Target::Rule(path)) => self.path(&path),
            _ => match expr {
                Expr::RefDot { refr, .. } | Expr::RefBrack { refr, .. } => {
                    self.expr(refr, scope, known)
                }
                _ => 1,
            },
        }
    }
}

/// Whether a builtin gives a text, a boolean or a number that is no longer than its arguments.
fn gives_little(name: &str) -> bool {
    tables::builtin(name).is_some_and(|builtin| {
        matches!(
            builtin.gives,
            Some(Kind::Text | Kind::Truth | Kind::Integer)
        )
    })
}
