//! Patterns that a function puts together from its parameters, such as
//! `concat("", ["^(?:", pattern, ")$"])`: checked where the function is called.

use std::collections::BTreeSet;

use regorus::unstable::{Expr, Rule};

use super::known::Facts;
use super::pattern;
use super::tables::{self, Arguments};
use crate::engine::ast::{DataPath, Scope, Target, Visitor, callee, head_args, string, walk_rule};

/// Deepest chain of functions that hand a pattern on.
const MAX_HANDED_ON_LEVELS: usize = 8;

/// A part of a pattern.
enum Piece<'e> {
    Text(&'e str),
    Name(&'e str),
}

fn piece(expr: &Expr) -> Option<Piece<'_>> {
    match expr {
        Expr::Var { span, .. } => Some(Piece::Name(span.text())),
        other => string(other).map(Piece::Text),
    }
}

/// The pieces of a pattern: one text, one variable, or texts and variables put together.
fn pieces(expr: &Expr) -> Option<Vec<Piece<'_>>> {
    match expr {
        Expr::Call { fcn, params, .. } if callee(fcn).as_deref() == Some("concat") => {
            let [delimiter, parts] = params.as_slice() else {
                return None;
            };
            let (Some(""), Expr::Array { items, .. }) = (string(delimiter), parts.as_ref()) else {
                return None;
            };
            items.iter().map(|item| piece(item)).collect()
        }
        other => Some(vec![piece(other)?]),
    }
}

/// The variables of a pattern, if its texts are well formed around them: alone, or each within a
/// group of its own, `(?:` … `)`.
pub(crate) fn variables(expr: &Expr) -> Option<Vec<&str>> {
    let pieces = pieces(expr)?;
    if let [Piece::Name(name)] = pieces.as_slice() {
        return Some(vec![name]);
    }
    let mut names = Vec::new();
    let mut joined = String::new();
    let mut after_name = false;
    for piece in pieces {
        match piece {
            Piece::Text(text) if after_name && !text.starts_with(')') => return None,
            Piece::Text(text) => {
                joined.push_str(text);
                after_name = false;
            }
            Piece::Name(_) if after_name || !joined.ends_with("(?:") => return None,
            Piece::Name(name) => {
                names.push(name);
                joined.push('x');
                after_name = true;
            }
        }
    }
    (!after_name && pattern::check_regex(&joined).is_ok()).then_some(names)
}

impl Facts<'_> {
    /// The parameters of a function that become patterns, in it or in what it calls.
    pub(crate) fn pattern_parameters(&self, path: &DataPath) -> BTreeSet<usize> {
        self.handed_on(path, MAX_HANDED_ON_LEVELS)
    }

    fn handed_on(&self, path: &DataPath, levels: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        for (facts, rule) in self.definitions(path) {
            let Rule::Spec { head, .. } = rule else {
                continue;
            };
            let mut patterns = Patterns {
                facts,
                levels,
                names: BTreeSet::new(),
            };
            walk_rule(&mut patterns, rule);
            let args = head_args(head).iter().enumerate();
            found.extend(args.filter_map(|(at, arg)| match arg.as_ref() {
                Expr::Var { span, .. } => patterns.names.contains(span.text()).then_some(at),
                _ => None,
            }));
        }
        found
    }
}

/// Collects the variables that are used in patterns.
struct Patterns<'a> {
    facts: Facts<'a>,
    levels: usize,
    names: BTreeSet<String>,
}

impl Visitor for Patterns<'_> {
    fn expr(&mut self, expr: &Expr, _scope: &Scope) {
        let Expr::Call { fcn, params, .. } = expr else {
            return;
        };
        let at = match self.facts.index.resolve_call(self.facts.module, fcn) {
            Target::Builtin(name) => tables::builtin(&name)
                .filter(|builtin| builtin.arguments == Arguments::Pattern)
                .map(|_| BTreeSet::from([0]))
                .unwrap_or_default(),
            Target::Rule(path) => match self.levels.checked_sub(1) {
                Some(levels) => self.facts.handed_on(&path, levels),
                None => BTreeSet::new(),
            },
            _ => BTreeSet::new(),
        };
        for param in at.into_iter().filter_map(|at| params.get(at)) {
            let names = variables(param).unwrap_or_default();
            self.names.extend(names.into_iter().map(str::to_owned));
        }
    }
}
