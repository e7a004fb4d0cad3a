//! Calls of builtins and functions.

use regorus::Value;
use regorus::unstable::{BUILTINS, Expr, Ref, Rule, RuleHead, Span};

use super::pattern;
use super::query::{Checker, Place};
use super::tables::{self, Arguments};
use super::template;
use crate::engine::ast::{DataPath, Reference, Target, string};

impl Checker<'_> {
    /// A call: what it calls, with how many arguments, and what these are.
    pub(crate) fn call(&mut self, span: &Span, fcn: &Expr, params: &[Ref<Expr>], place: Place<'_>) {
        let facts = self.facts;
        let hidden = Reference::of(fcn).filter(|callee| place.scope.declares(callee.head));
        if let Some(callee) = hidden {
            self.issues.refuse(
                span,
                "gate.shadowing",
                format!("the variable `{}` hides what is called", callee.head),
                "give the variable another name",
            );
        }
        match facts.index.resolve_call(facts.module, fcn) {
            Target::Rule(path) => {
                self.function_call(span, &path, params.len());
                for at in facts.pattern_parameters(&path) {
                    if let Some(pattern) = params.get(at) {
                        self.regex(pattern);
                    }
                }
            }
            Target::Builtin(name) => self.builtin_call(span, &name, params),
            _ => self.unknown(span, fcn),
        }
        for param in params {
            self.operand(param, place);
        }
    }

    fn unknown(&mut self, span: &Span, fcn: &Expr) {
        let name = fcn.span().text();
        if let Some((message, hint)) = tables::known_to_be_refused(name) {
            return self.issues.refuse(span, "gate.builtin", message, hint);
        }
        if Reference::of(fcn).is_some_and(|callee| self.lacks_import(&callee)) {
            return;
        }
        self.issues.refuse(
            span,
            "gate.unknown_function",
            format!("`{name}` is neither a builtin nor a function of the policy set"),
            self.call_hint(name),
        );
    }

    fn function_call(&mut self, span: &Span, path: &DataPath, given: usize) {
        match self.parameters(path) {
            None => self.issues.refuse(
                span,
                "gate.not_a_function",
                format!("`{path}` is a rule, not a function"),
                "read it without parentheses",
            ),
            Some(wanted) => self.arity(span, &path.to_string(), wanted, given),
        }
    }

    fn arity(&mut self, span: &Span, name: &str, wanted: usize, given: usize) {
        if wanted != given {
            self.issues.refuse(
                span,
                "gate.arity",
                match wanted {
                    1 => format!("`{name}` takes one argument, not {given}"),
                    _ => format!("`{name}` takes {wanted} arguments, not {given}"),
                },
                "",
            );
        }
    }

    fn builtin_call(&mut self, span: &Span, name: &str, params: &[Ref<Expr>]) {
        let Some(builtin) = tables::builtin(name) else {
            let (message, hint) = tables::refused(name);
            return self.issues.refuse(span, "gate.builtin", message, hint);
        };
        self.arity(span, name, builtin.arity, params.len());
        let written = |at: usize| params.get(at).and_then(|param| string(param));
        match builtin.arguments {
            Arguments::Any => {}
            Arguments::NotEmpty(at) => {
                if written(at).is_none_or(str::is_empty) {
                    self.issues.refuse(
                        span,
                        "gate.argument",
                        format!(
                            "argument {} of `{name}` is no string written out, or empty",
                            at + 1
                        ),
                        "write the text that is looked for into the policy",
                    );
                }
            }
            Arguments::Pattern => {
                if let Some(pattern) = params.first() {
                    self.regex(pattern);
                }
            }
            Arguments::Format => self.format(span, written(0), params.get(1)),
        }
    }

    /// A pattern: written out, or put together from parameters whose callers write them out.
    fn regex(&mut self, pattern: &Ref<Expr>) {
        const SYNTAX: &str = "patterns use literals, `.`, [classes], groups, `|`, `?`, `*`, `+`, \
                              {n,m}, `^` and `$`";
        let Some(text) = string(pattern) else {
            let names = template::variables(pattern);
            let handed_in = |name: &&str| self.parameters.contains(*name);
            if names.is_none_or(|names| !names.iter().all(handed_in)) {
                self.issues.refuse(
                    pattern.span(),
                    "gate.regex",
                    "the pattern is no string written out",
                    "write the pattern into the policy; a function may take it as a parameter",
                );
            }
            return;
        };
        if let Err(why) = pattern::check_regex(text) {
            self.issues
                .refuse(pattern.span(), "gate.regex", why, SYNTAX);
        } else if !compiles(pattern, text) {
            self.issues.refuse(
                pattern.span(),
                "gate.regex",
                "the pattern is too large",
                "repeat less",
            );
        }
    }

    fn format(&mut self, span: &Span, format: Option<&str>, values: Option<&Ref<Expr>>) {
        let verbs = format.map(pattern::verbs);
        let listed = match values.map(AsRef::as_ref) {
            Some(Expr::Array { items, .. }) => Some(items.len()),
            _ => None,
        };
        let fits = match (verbs, listed) {
            (Some(Some(verbs)), Some(listed)) => verbs == listed,
            _ => false,
        };
        if !fits {
            self.issues.refuse(
                span,
                "gate.format",
                "`sprintf` needs a written format with %s, %d, %v or %% and as many values",
                "write `sprintf(\"%s is %d\", [a, b])`, or use concat",
            );
        }
    }

    /// The number of parameters, if the path is that of a function.
    pub(crate) fn parameters(&self, path: &DataPath) -> Option<usize> {
        self.facts.nodes(path).find_map(|rule| match rule {
            Rule::Spec {
                head: RuleHead::Func { args, .. },
                ..
            } => Some(args.len()),
            _ => None,
        })
    }

    /// Whether the path is that of a function.
    pub(crate) fn is_function(&self, path: &DataPath) -> bool {
        self.parameters(path).is_some()
    }
}

/// Whether regorus compiles the pattern: it bounds the size of the automaton.
fn compiles(pattern: &Ref<Expr>, text: &str) -> bool {
    let strict = true;
    BUILTINS.get("regex.is_valid").is_some_and(|builtin| {
        builtin.0(
            pattern.span(),
            std::slice::from_ref(pattern),
            &[Value::from(text)],
            strict,
        )
        .is_ok_and(|valid| valid == Value::from(true))
    })
}
