//! The variables of statements: which are bound, and which stand where.

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt};

use crate::engine::ast::{Reference, Step, variables};

/// The names that a statement binds without declaring them: variables in brackets, and either side
/// of `=`.
pub(crate) fn binders(stmt: &LiteralStmt, bound: &mut BTreeSet<String>) {
    let Literal::Expr { expr, .. } = &stmt.literal else {
        return;
    };
    if let Expr::AssignExpr {
        op: AssignOp::Eq,
        lhs,
        rhs,
        ..
    } = expr.as_ref()
    {
        variables(lhs, bound);
        variables(rhs, bound);
    }
    iterators(expr, bound);
}

/// The variables in the brackets of references that may iterate.
pub(crate) fn iterators(expr: &Expr, bound: &mut BTreeSet<String>) {
    match expr {
        Expr::AssignExpr { lhs, rhs, .. } | Expr::BoolExpr { lhs, rhs, .. } => {
            iterators(lhs, bound);
            iterators(rhs, bound);
        }
        Expr::Call { params, .. } => params.iter().for_each(|param| iterators(param, bound)),
        Expr::Membership { value, .. } => iterators(value, bound),
        Expr::RefDot { .. } | Expr::RefBrack { .. } => {
            let steps = Reference::of(expr).map(|reference| reference.steps);
            for step in steps.into_iter().flatten() {
                if let Step::Index(Expr::Var { span, .. }) = step {
                    bound.insert(span.text().to_owned());
                }
            }
        }
        _ => {}
    }
}

/// The variables that stand in a statement, not in its nested queries.
pub(crate) fn words<'a>(stmt: &'a LiteralStmt, seen: &mut BTreeSet<&'a str>) {
    match &stmt.literal {
        Literal::SomeVars { vars, .. } => seen.extend(vars.iter().map(|var| var.text())),
        Literal::SomeIn {
            key,
            value,
            collection,
            ..
        } => {
            key.iter().for_each(|key| names(key, seen));
            names(value, seen);
            names(collection, seen);
        }
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => names(expr, seen),
        Literal::Every { domain, .. } => names(domain, seen),
    }
}

fn names<'a>(expr: &'a Expr, seen: &mut BTreeSet<&'a str>) {
    match expr {
        Expr::Var { span, .. } => {
            seen.insert(span.text());
        }
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().for_each(|item| names(item, seen));
        }
        Expr::Object { fields, .. } => fields.iter().for_each(|(_, key, value)| {
            names(key, seen);
            names(value, seen);
        }),
        Expr::Call { params, .. } => params.iter().for_each(|param| names(param, seen)),
        Expr::UnaryExpr { expr, .. } => names(expr, seen),
        Expr::RefDot { refr, .. } => names(refr, seen),
        Expr::RefBrack { refr, index, .. } => {
            names(refr, seen);
            names(index, seen);
        }
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => {
            names(lhs, seen);
            names(rhs, seen);
        }
        Expr::Membership {
            key,
            value,
            collection,
            ..
        } => {
            key.iter().for_each(|key| names(key, seen));
            names(value, seen);
            names(collection, seen);
        }
        Expr::ArrayCompr { .. }
        | Expr::SetCompr { .. }
        | Expr::ObjectCompr { .. }
        | Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. } => {}
    }
}
