//! Variables, references and what stands in their brackets.

use regorus::unstable::Expr;

use super::issue::Bars;
use super::query::{Checker, Place};
use crate::engine::ast::{Reference, Step, Target};

impl Checker<'_> {
    pub(crate) fn reference(&mut self, expr: &Expr, place: Place<'_>) {
        let Some(reference) = Reference::of(expr) else {
            return self.part_of_value(expr, place);
        };
        self.target(expr, &reference, place);
        if self.in_function && !reference.steps.is_empty() {
            self.argument_part(expr, &reference, place);
        }
        for step in &reference.steps {
            if let Step::Index(index) = step {
                self.index(index, place);
            }
        }
    }

    fn target(&mut self, expr: &Expr, reference: &Reference<'_>, place: Place<'_>) {
        let facts = self.facts;
        match facts.index.resolve(facts.module, place.scope, expr) {
            Some(Target::Virtual(path, _)) => self.issues.refuse(
                expr.span(),
                "gate.package_as_value",
                format!("`{}` reads all rules below `{path}`", expr.span().text()),
                "name the rules: `data.policies.contracts.deny`",
            ),
            Some(Target::Rule(path)) => {
                if self.is_function(&path) {
                    self.issues.refuse(
                        expr.span(),
                        "gate.function_as_value",
                        format!("`{path}` is a function"),
                        "call it",
                    );
                }
            }
            Some(Target::Local(name)) => self.local(&name, reference, place),
            Some(Target::Data(path)) if path.0.is_empty() => self.issues.refuse(
                expr.span(),
                "gate.package_as_value",
                "`data` as a whole",
                "name the document: `data.roles`",
            ),
            Some(Target::Input | Target::Data(_) | Target::Builtin(_) | Target::Unknown(_))
            | None => {}
        }
    }

    fn local(&mut self, name: &str, reference: &Reference<'_>, place: Place<'_>) {
        let bound = place.scope.declares(name) || place.bound.contains(name);
        if name != "_" && !bound && self.lacks_import(reference) {
            return;
        }
        if name == "_" || !bound {
            self.issues.refuse(
                reference.head_span,
                "gate.unsafe_variable",
                format!("`{name}` is bound nowhere"),
                "declare it with `some`, `:=` or as an argument; or is it a rule of another name?",
            );
        }
    }

    /// Within a function the interpreter raises an error for a part of what is no object.
    fn argument_part(&mut self, expr: &Expr, reference: &Reference<'_>, place: Place<'_>) {
        if place.scope.declares(reference.head) {
            self.issues.add(
                Bars::Interpreter,
                expr.span(),
                "gate.interpreter_argument",
                "the interpreter raises an error where the variable is no object",
                "pass the part as an argument of the function",
            );
        }
    }

    /// What stands in brackets.
    fn index(&mut self, index: &Expr, place: Place<'_>) {
        let facts = self.facts;
        let variable = match index {
            Expr::Var { span, .. } => Some(span.text()),
            _ => None,
        };
        let iterates = variable.is_some_and(|name| {
            name == "_"
                || (!place.scope.declares(name)
                    && matches!(
                        facts.index.resolve(facts.module, place.scope, index),
                        Some(Target::Local(_))
                    ))
        });
        if iterates && !place.iterate {
            self.issues.refuse(
                index.span(),
                "gate.iteration",
                "an iteration within an expression",
                "iterate in a statement of its own: `some x in …`, then use `x`",
            );
        }
        if place.every && variable != Some("_") && !super::known::is_constant(index) {
            self.issues.refuse(
                index.span(),
                "gate.every_index",
                "`[…]` with a variable within `every` is read wrongly",
                "call a function: `every x in xs { ok(x) }`",
            );
        }
        if !iterates {
            self.expression(index, place.still());
        }
    }

    /// `f(x).y`, `[1, 2][i]`.
    fn part_of_value(&mut self, expr: &Expr, place: Place<'_>) {
        match expr {
            Expr::RefDot { refr, .. } => self.part_of_value(refr, place),
            Expr::RefBrack { refr, index, .. } => {
                self.index(index, place.still());
                self.part_of_value(refr, place);
            }
            other => self.expression(other, place.still()),
        }
    }
}
