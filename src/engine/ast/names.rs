//! Which names are local variables where.

use std::collections::BTreeSet;

use regorus::unstable::{AssignOp, Expr, Literal, LiteralStmt, Query};

/// The names declared by arguments, `some`, `:=` and `every` around an expression. They hide
/// rules, imports, `input` and `data` of the same name.
///
/// A variable that only unification binds (`x = 1`, `data.roles[x]`) is declared nowhere: it is a
/// name that resolves to nothing else.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    names: BTreeSet<String>,
}

impl Scope {
    /// Whether `name` is declared as a local variable here.
    #[must_use]
    pub(crate) fn declares(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// This scope with the variables of these patterns: a function's arguments.
    #[must_use]
    pub(crate) fn with_patterns<'a>(&self, patterns: impl IntoIterator<Item = &'a Expr>) -> Self {
        let mut scope = self.clone();
        for pattern in patterns {
            variables(pattern, &mut scope.names);
        }
        scope
    }

    /// This scope with `names`: the key and the value of `every`.
    #[must_use]
    pub(crate) fn with_names<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut scope = self.clone();
        scope.names.extend(names.into_iter().map(str::to_owned));
        scope
    }

    /// This scope with what the statements of `query` declare, not those of queries within it.
    #[must_use]
    pub(crate) fn with_query(&self, query: &Query) -> Self {
        let mut scope = self.clone();
        for stmt in &query.stmts {
            declared(stmt, &mut scope.names);
        }
        scope
    }
}

/// Whether every module has something else by this name, which the engine reads even where a
/// parameter or a variable of `every` is called so.
#[must_use]
pub(crate) fn is_document(name: &str) -> bool {
    matches!(name, "input" | "data")
}

/// Adds the names that one statement declares in its query.
pub(crate) fn declared(stmt: &LiteralStmt, names: &mut BTreeSet<String>) {
    match &stmt.literal {
        Literal::SomeVars { vars, .. } => {
            names.extend(vars.iter().map(|span| span.text().to_owned()));
        }
        Literal::SomeIn { key, value, .. } => {
            if let Some(key) = key {
                variables(key, names);
            }
            variables(value, names);
        }
        Literal::Expr { expr, .. } | Literal::NotExpr { expr, .. } => {
            if let Expr::AssignExpr {
                op: AssignOp::ColEq,
                lhs,
                ..
            } = expr.as_ref()
            {
                variables(lhs, names)
            }
        }
        Literal::Every { .. } => {}
    }
}

/// Adds the variables of a pattern: a name, or names within arrays and values of objects.
pub(crate) fn variables(pattern: &Expr, names: &mut BTreeSet<String>) {
    match pattern {
        Expr::Var { span, .. } if span.text() != "_" => {
            names.insert(span.text().to_owned());
        }
        Expr::Array { items, .. } => items.iter().for_each(|item| variables(item, names)),
        Expr::Object { fields, .. } => {
            fields
                .iter()
                .for_each(|(_, _, value)| variables(value, names));
        }
        // Anything else in a pattern is a value to compare with.
        _ => {}
    }
}
