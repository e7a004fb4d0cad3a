//! Rules: their heads, their values, and what stands at one path.

use std::collections::BTreeSet;

use regorus::unstable::{BUILTINS, Expr, Literal, Query, Ref, Rule, RuleBody, RuleHead, Span};

use super::expr::has_iteration;
use super::issue::Bars;
use super::known::{Known, is_constant};
use super::loads::Loads;
use super::query::{Checker, Place};
use super::variables::iterators;
use crate::engine::ast::{Reference, Scope, head_args, head_ref, variables};

/// Greatest number of parameters: the register machine drops the others.
const MAX_PARAMETERS: usize = 8;

/// Builtins without a dot that OPA has and regorus has not, among them those behind operators.
const OPA_BUILTINS: &[&str] = &[
    "and",
    "assign",
    "cast_array",
    "cast_boolean",
    "cast_null",
    "cast_object",
    "cast_set",
    "cast_string",
    "div",
    "eq",
    "equal",
    "gt",
    "gte",
    "lt",
    "lte",
    "minus",
    "mul",
    "neq",
    "or",
    "plus",
    "print",
    "re_match",
    "rem",
    "set_diff",
    "trace",
    "walk",
];

impl Checker<'_> {
    /// Checks one definition of a rule.
    pub(crate) fn rule(&mut self, rule: &Rule) {
        match rule {
            Rule::Default {
                span,
                refr,
                args,
                value,
                ..
            } => self.default_rule(span, refr, args, value),
            Rule::Spec { head, bodies, .. } => {
                self.head_name(head);
                self.in_function = matches!(head, RuleHead::Func { .. });
                self.parameters.clear();
                for arg in head_args(head) {
                    variables(arg, &mut self.parameters);
                }
                self.parameters_of(head);
                self.bodies(head, bodies);
                self.in_function = false;
            }
        }
    }

    fn default_rule(&mut self, span: &Span, refr: &Expr, args: &[Ref<Expr>], value: &Expr) {
        if !args.is_empty() {
            self.issues.refuse(
                span,
                "gate.default_function",
                "the register machine ignores the default of a function",
                "end the function with `else := value`",
            );
        }
        if !matches!(refr, Expr::Var { .. }) {
            self.refuse_name(refr);
        }
        if !is_constant(value) {
            self.issues.refuse(
                value.span(),
                "gate.default_value",
                "the default of a rule is no constant",
                "write a constant",
            );
        }
        let (scope, known, bound) = (Scope::default(), Known::default(), BTreeSet::new());
        self.expression(value, place(&scope, &known, &bound));
    }

    fn refuse_name(&mut self, refr: &Expr) {
        let name = Reference::of(refr).map_or("", |reference| reference.head);
        self.issues.refuse(
            refr.span(),
            "gate.rule_head",
            format!("the name of this rule is more than `{name}`"),
            "name the rule `a_b` instead of `a.b`, and write `rule contains element`, \
             `rule := value` or `rule[key] := value`",
        );
    }

    fn head_name(&mut self, head: &RuleHead) {
        let refr = head_ref(head);
        match (head, refr.as_ref()) {
            (RuleHead::Set { span, key, .. }, _) if key.is_none() => self.issues.refuse(
                span,
                "gate.rule_head",
                "a rule without a value",
                "write `rule contains element` or `rule if { … }`",
            ),
            (_, Expr::Var { .. }) => {}
            (RuleHead::Compr { assign, .. }, Expr::RefBrack { refr, index, .. })
                if matches!(refr.as_ref(), Expr::Var { .. })
                    && assign.is_some()
                    && matches!(index.as_ref(), Expr::Var { .. }) =>
            {
                self.issues.add(
                    Bars::Rvm,
                    index.span(),
                    "gate.partial_object",
                    "the register machine sees no conflict between two values of one key",
                    "use a comprehension: `rule := {k: v | some k, v in …}`",
                );
            }
            _ => self.refuse_name(refr),
        }
        let name = refr.span().text();
        if BUILTINS.contains_key(name) || OPA_BUILTINS.contains(&name) {
            self.issues.refuse(
                refr.span(),
                "gate.shadowing",
                format!("a rule with the name of the builtin `{name}`"),
                "give the rule another name",
            );
        }
    }

    fn parameters_of(&mut self, head: &RuleHead) {
        let args = head_args(head);
        if args.len() > MAX_PARAMETERS {
            self.issues.refuse(
                head_ref(head).span(),
                "gate.parameters",
                format!("a function of more than {MAX_PARAMETERS} parameters"),
                "pass an object",
            );
        }
        let mut names = BTreeSet::new();
        for arg in args {
            self.parameter(arg, &mut names);
        }
    }

    fn parameter<'e>(&mut self, arg: &'e Expr, names: &mut BTreeSet<&'e str>) {
        match arg {
            Expr::Var { span, .. } => {
                self.no_document(span, span.text());
                if span.text() != "_" && !names.insert(span.text()) {
                    self.issues.refuse(
                        span,
                        "gate.parameters",
                        format!("two parameters with the name `{}`", span.text()),
                        "compare two parameters with `==` in the body",
                    );
                }
            }
            Expr::Array { items, .. } => items.iter().for_each(|item| self.parameter(item, names)),
            Expr::String { .. }
            | Expr::RawString { .. }
            | Expr::Number { .. }
            | Expr::Bool { .. }
            | Expr::Null { .. } => {}
            other => self.issues.refuse(
                other.span(),
                "gate.pattern",
                "a parameter is a variable, a constant, or an array of these",
                "take the whole value and read it in the body",
            ),
        }
    }

    fn bodies(&mut self, head: &RuleHead, bodies: &[RuleBody]) {
        let args = head_args(head);
        let scope = Scope::default().with_patterns(args.iter().map(AsRef::as_ref));
        let mut known = Known::default();
        args.iter().for_each(|arg| known.bind(arg));
        let bound = BTreeSet::new();
        let around = place(&scope, &known, &bound);
        for arg in args {
            self.pattern(arg, around);
        }
        let terms = head_terms(head);
        let Some((first, others)) = bodies.split_first() else {
            let no_body = Query {
                span: head_ref(head).span().clone(),
                stmts: Vec::new(),
                qidx: 0,
            };
            Loads::check(self.facts, &mut self.issues, &no_body, &terms, &scope);
            return self.terms(&terms, around, false);
        };
        self.body(first, &terms, around, !others.is_empty());
        for (at, body) in others.iter().enumerate() {
            if !body.is_else {
                self.issues.refuse(
                    &body.span,
                    "gate.chained_body",
                    "a second body behind the first",
                    "write a second rule",
                );
            }
            let terms: Vec<&Expr> = body.assign.iter().map(|a| a.value.as_ref()).collect();
            self.body(body, &terms, around, at + 1 < others.len());
        }
    }

    fn body(&mut self, body: &RuleBody, terms: &[&Expr], around: Place<'_>, has_else: bool) {
        Loads::check(
            self.facts,
            &mut self.issues,
            &body.query,
            terms,
            around.scope,
        );
        let after = self.query(&body.query, around, terms);
        if has_else && self.loops(&body.query, &after.scope) {
            self.issues.add(
                Bars::Rvm,
                &body.query.span,
                "gate.else_after_loop",
                "where no turn of the loop holds, the register machine does not go on to `else`",
                "move the loop into a rule of its own, and name that in the body",
            );
        }
        let inner = after.place(false);
        if has_else {
            self.before_else(terms, inner);
        }
        self.terms(terms, inner, iterates(&body.query));
    }

    /// The values of a body with an `else` behind it.
    fn before_else(&mut self, terms: &[&Expr], place: Place<'_>) {
        for term in terms {
            if !self.facts.definite(term, place.scope, place.known) {
                self.issues.refuse(
                    term.span(),
                    "gate.else_value",
                    format!(
                        "where `{}` is undefined, `else` is left out",
                        term.span().text()
                    ),
                    "name the value alone in the body, so that the body fails",
                );
            }
        }
    }

    /// Whether the register machine runs a query, in which `scope` is declared, as a loop.
    fn loops(&self, query: &Query, scope: &Scope) -> bool {
        let facts = self.facts;
        let is_rule = |name: &String| {
            let own = facts.module.package_path.join(name);
            facts.index.has_rules_below(&own) || facts.module.imports.contains_key(name)
        };
        query.stmts.iter().any(|stmt| match &stmt.literal {
            Literal::SomeVars { .. } | Literal::SomeIn { .. } | Literal::Every { .. } => true,
            Literal::NotExpr { .. } => false,
            Literal::Expr { expr, .. } => {
                let mut names = BTreeSet::new();
                iterators(expr, &mut names);
                names
                    .iter()
                    .any(|name| !scope.declares(name) && !is_rule(name))
            }
        })
    }

    /// The expressions of a head, where its body holds.
    fn terms(&mut self, terms: &[&Expr], place: Place<'_>, iterates: bool) {
        for term in terms {
            self.expression(term, place);
            let fragile = iterates
                && !matches!(term, Expr::Var { .. })
                && !self.facts.definite(term, place.scope, place.known)
                && reads_parts(term);
            if fragile {
                self.issues.add(
                    Bars::Interpreter,
                    term.span(),
                    "gate.interpreter_head",
                    "the interpreter drops other elements where this is undefined for one",
                    "assign it to a variable in the body, and name that in the head",
                );
            }
        }
    }
}

fn place<'a>(scope: &'a Scope, known: &'a Known, bound: &'a BTreeSet<String>) -> Place<'a> {
    Place {
        scope,
        known,
        bound,
        iterate: false,
        every: false,
    }
}

/// What a head computes: the element of a set, the value of a rule or function, a key.
pub(crate) fn head_terms(head: &RuleHead) -> Vec<&Expr> {
    match head {
        RuleHead::Set { key, .. } => key.iter().map(AsRef::as_ref).collect(),
        RuleHead::Func { assign, .. } => assign.iter().map(|a| a.value.as_ref()).collect(),
        RuleHead::Compr { refr, assign, .. } => {
            let key = match refr.as_ref() {
                Expr::RefBrack { index, .. } => Some(index.as_ref()),
                _ => None,
            };
            let value = assign.iter().map(|a| a.value.as_ref());
            value.chain(key).collect()
        }
    }
}

/// Whether a query may hold in more than one way.
pub(crate) fn iterates(query: &Query) -> bool {
    query.stmts.iter().any(|stmt| match &stmt.literal {
        Literal::SomeVars { .. } | Literal::SomeIn { .. } => true,
        Literal::Expr { expr, .. } => has_iteration(expr),
        Literal::NotExpr { .. } | Literal::Every { .. } => false,
    })
}

/// Whether an expression reads a part of something or calls something.
fn reads_parts(expr: &Expr) -> bool {
    match expr {
        Expr::RefDot { .. } | Expr::RefBrack { .. } | Expr::Call { .. } => true,
        Expr::Array { items, .. } | Expr::Set { items, .. } => {
            items.iter().any(|item| reads_parts(item))
        }
        Expr::Object { fields, .. } => fields.iter().any(|(_, _, value)| reads_parts(value)),
        Expr::BinExpr { lhs, rhs, .. }
        | Expr::BoolExpr { lhs, rhs, .. }
        | Expr::ArithExpr { lhs, rhs, .. } => reads_parts(lhs) || reads_parts(rhs),
        Expr::Membership {
            value, collection, ..
        } => reads_parts(value) || reads_parts(collection),
        _ => false,
    }
}
