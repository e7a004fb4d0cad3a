//! A walk over every expression and statement of a module.
//!
//! The matches name every variant: a node that a later regorus adds is a compile error here, not
//! a node that nobody judged.

use regorus::unstable::{
    BinOp, Expr, Literal, LiteralStmt, Query, Ref, Rule, RuleAssign, RuleBody, RuleHead,
};

use super::names::Scope;
use super::refs::{Reference, Step};

/// What is called for the nodes of a walk, parents first.
///
/// A reference such as `input.a[i].b` is one expression; then follow the expressions in its
/// brackets. The name that a call calls is part of the call.
pub(crate) trait Visitor {
    /// A rule, before its parts.
    fn rule(&mut self, _rule: &Rule) {}
    /// A query, before its statements; `scope` has what it declares.
    fn query(&mut self, _query: &Query, _scope: &Scope) {}
    /// A statement, before its expressions.
    fn literal(&mut self, _stmt: &LiteralStmt, _scope: &Scope) {}
    /// An expression, before its parts.
    fn expr(&mut self, _expr: &Expr, _scope: &Scope) {}
}

/// Walks a rule: the expressions of its head in the scope of each body.
pub(crate) fn walk_rule(visitor: &mut impl Visitor, rule: &Rule) {
    visitor.rule(rule);
    let scope = Scope::default();
    match rule {
        Rule::Default {
            span: _,
            refr,
            args,
            op: _,
            value,
        } => {
            walk_head_ref(visitor, refr, &scope);
            let scope = scope.with_patterns(args.iter().map(AsRef::as_ref));
            walk_all(visitor, args, &scope);
            walk_expr(visitor, value, &scope);
        }
        Rule::Spec {
            span: _,
            head,
            bodies,
        } => {
            let scope = scope.with_patterns(head_args(head).iter().map(AsRef::as_ref));
            match bodies.split_first() {
                None => walk_head(visitor, head, &scope),
                Some((first, others)) => {
                    walk_head(visitor, head, &scope.with_query(&first.query));
                    walk_query(visitor, &first.query, &scope);
                    others
                        .iter()
                        .for_each(|body| walk_other_body(visitor, body, &scope));
                }
            }
        }
    }
}

/// A function's arguments; empty for other rules.
pub(crate) fn head_args(head: &RuleHead) -> &[Ref<Expr>] {
    match head {
        RuleHead::Func { args, .. } => args,
        RuleHead::Compr { .. } | RuleHead::Set { .. } => &[],
    }
}

fn walk_other_body(visitor: &mut impl Visitor, body: &RuleBody, scope: &Scope) {
    let RuleBody {
        span: _,
        assign,
        is_else: _,
        query,
    } = body;
    walk_assign(visitor, assign.as_ref(), &scope.with_query(query));
    walk_query(visitor, query, scope);
}

fn walk_assign(visitor: &mut impl Visitor, assign: Option<&RuleAssign>, scope: &Scope) {
    if let Some(RuleAssign {
        span: _,
        op: _,
        value,
    }) = assign
    {
        walk_expr(visitor, value, scope);
    }
}

fn walk_head(visitor: &mut impl Visitor, head: &RuleHead, scope: &Scope) {
    match head {
        RuleHead::Compr {
            span: _,
            refr,
            assign,
        } => {
            walk_head_ref(visitor, refr, scope);
            walk_assign(visitor, assign.as_ref(), scope);
        }
        RuleHead::Set { span: _, refr, key } => {
            walk_head_ref(visitor, refr, scope);
            key.iter().for_each(|key| walk_expr(visitor, key, scope));
        }
        RuleHead::Func {
            span: _,
            refr,
            args,
            assign,
        } => {
            walk_head_ref(visitor, refr, scope);
            walk_all(visitor, args, scope);
            walk_assign(visitor, assign.as_ref(), scope);
        }
    }
}

/// The name of a rule is no expression; what stands in its brackets is.
fn walk_head_ref(visitor: &mut impl Visitor, refr: &Expr, scope: &Scope) {
    let Some(reference) = Reference::of(refr) else {
        return;
    };
    for step in reference.steps {
        if let Step::Index(index) = step {
            walk_expr(visitor, index, scope);
        }
    }
}

/// Walks a query; `scope` is the scope around it.
pub(crate) fn walk_query(visitor: &mut impl Visitor, query: &Query, scope: &Scope) {
    let scope = scope.with_query(query);
    visitor.query(query, &scope);
    for stmt in &query.stmts {
        walk_stmt(visitor, stmt, &scope);
    }
}

fn walk_stmt(visitor: &mut impl Visitor, stmt: &LiteralStmt, scope: &Scope) {
    visitor.literal(stmt, scope);
    match &stmt.literal {
        Literal::SomeVars { span: _, vars: _ } => {}
        Literal::SomeIn {
            span: _,
            key,
            value,
            collection,
        } => {
            key.iter().for_each(|key| walk_expr(visitor, key, scope));
            walk_expr(visitor, value, scope);
            walk_expr(visitor, collection, scope);
        }
        Literal::Expr { span: _, expr } | Literal::NotExpr { span: _, expr } => {
            walk_expr(visitor, expr, scope);
        }
        Literal::Every {
            span: _,
            key,
            value,
            domain,
            query,
        } => {
            walk_expr(visitor, domain, scope);
            let names = key.iter().chain([value]).map(|span| span.text());
            walk_query(visitor, query, &scope.with_names(names));
        }
    }
    for with in &stmt.with_mods {
        walk_expr(visitor, &with.refr, scope);
        walk_expr(visitor, &with.r#as, scope);
    }
}

fn walk_all(visitor: &mut impl Visitor, exprs: &[Ref<Expr>], scope: &Scope) {
    exprs
        .iter()
        .for_each(|expr| walk_expr(visitor, expr, scope));
}

/// Walks an expression and its parts.
pub(crate) fn walk_expr(visitor: &mut impl Visitor, expr: &Expr, scope: &Scope) {
    visitor.expr(expr, scope);
    match expr {
        Expr::String { .. }
        | Expr::RawString { .. }
        | Expr::Number { .. }
        | Expr::Bool { .. }
        | Expr::Null { .. }
        | Expr::Var { .. } => {}
        Expr::Array { items, .. } | Expr::Set { items, .. } => walk_all(visitor, items, scope),
        Expr::Object { fields, .. } => {
            for (_, key, value) in fields {
                walk_expr(visitor, key, scope);
                walk_expr(visitor, value, scope);
            }
        }
        Expr::ArrayCompr { term, query, .. } | Expr::SetCompr { term, query, .. } => {
            walk_expr(visitor, term, &scope.with_query(query));
            walk_query(visitor, query, scope);
        }
        Expr::ObjectCompr {
            key, value, query, ..
        } => {
            let inner = scope.with_query(query);
            walk_expr(visitor, key, &inner);
            walk_expr(visitor, value, &inner);
            walk_query(visitor, query, scope);
        }
        Expr::Call { params, .. } => walk_all(visitor, params, scope),
        Expr::UnaryExpr { expr, .. } => walk_expr(visitor, expr, scope),
        Expr::RefDot { .. } | Expr::RefBrack { .. } => walk_reference(visitor, expr, scope),
        Expr::BinExpr {
            op: BinOp::Union | BinOp::Intersection,
            lhs,
            rhs,
            ..
        }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. }
        | Expr::AssignExpr { lhs, rhs, .. } => {
            walk_expr(visitor, lhs, scope);
            walk_expr(visitor, rhs, scope);
        }
        Expr::Membership {
            key,
            value,
            collection,
            ..
        } => {
            key.iter().for_each(|key| walk_expr(visitor, key, scope));
            walk_expr(visitor, value, scope);
            walk_expr(visitor, collection, scope);
        }
    }
}

/// The brackets of a reference, and what it starts from if that is no variable.
fn walk_reference(visitor: &mut impl Visitor, expr: &Expr, scope: &Scope) {
    let mut at = expr;
    loop {
        match at {
            Expr::RefDot { refr, .. } => at = refr,
            Expr::RefBrack { refr, index, .. } => {
                walk_expr(visitor, index, scope);
                at = refr;
            }
            Expr::Var { .. } => return,
            _ => return walk_expr(visitor, at, scope),
        }
    }
}
