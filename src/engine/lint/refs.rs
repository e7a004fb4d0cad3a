//! References: what is there, what may be missing, and what a step below it reads.

use regorus::unstable::Expr;

use super::Lint;
use super::body::Env;
use super::facts::{Cause, Growth, Origin, Place, Polarity, Ty, Value};
use super::input::guaranteed;
use super::report::text;
use super::rules::{Call, Usage};
use crate::engine::ast::{DataPath, Imported, Reference, Step, Target, is_identifier, string};

impl<'a> Lint<'a> {
    pub(super) fn reference(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr,
        truth: Polarity,
        usage: Usage,
    ) -> Value<'a> {
        let Some(reference) = Reference::of(expr) else {
            return self.below_expression(env, expr, truth, usage);
        };
        let target = self.index.resolve(env.module, &env.scope, expr);
        let base = self.base(env, reference.head);
        let (mut value, taken) = match target {
            Some(Target::Input) => (input(env, &reference), 0),
            Some(Target::Rule(path)) => {
                let taken = path.0.len().saturating_sub(base.0.len());
                let is_whole = taken == reference.steps.len();
                let value = self.rule(
                    env,
                    Call {
                        path,
                        args: None,
                        span: expr.span(),
                        shown: reference_text(&reference, taken),
                        usage: if is_whole { usage } else { Usage::Value },
                        truth,
                    },
                );
                (value, taken)
            }
            Some(Target::Data(_)) => {
                let mut data = Value::literal(base.to_string(), reference.head, Ty::JSON);
                data.elem = Ty::JSON;
                data.fixed = !env.overridden;
                (data, 0)
            }
            Some(Target::Virtual(path, rules)) => {
                let mut value = Value::new(text(expr), text(expr), Ty::ANY);
                value.key = format!("{path}/{}", value.key);
                value.growth = rules.into_iter().map(Growth::Rule).collect();
                value.need(Cause::Absent);
                (value, reference.steps.len())
            }
            // Rego does not let `input` and `data` be hidden.
            Some(Target::Local(name)) if name == "input" || name == "data" => {
                let mut value = Value::new(text(expr), text(expr), Ty::ANY);
                value.need(Cause::Absent);
                (value, reference.steps.len())
            }
            Some(Target::Local(name)) => match env.locals.get(&name) {
                Some(local) => {
                    let mut local = local.clone();
                    local.text = name;
                    (local, 0)
                }
                None => (
                    env.fresh(reference.head_span, Ty::ANY, Origin::default()),
                    0,
                ),
            },
            Some(Target::Builtin(_) | Target::Unknown(_)) | None => (
                Value::new(text(expr), text(expr), Ty::ANY),
                reference.steps.len(),
            ),
        };
        value.ty = value.ty & env.facts.ty(&value.key);
        let steps: Vec<Step<'a>> = reference.steps.into_iter().skip(taken).collect();
        let last = steps.len();
        for (at, step) in (1..).zip(steps) {
            let usage = if at == last { usage } else { Usage::Value };
            value = self.step_into(env, value, step, truth, usage);
        }
        value
    }

    /// `f(x).y`, `[1, 2][i]`.
    fn below_expression(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr,
        truth: Polarity,
        usage: Usage,
    ) -> Value<'a> {
        let (base, step) = match expr {
            Expr::RefDot { refr, field, .. } => (refr, Step::Name(field.0.text())),
            Expr::RefBrack { refr, index, .. } => {
                (refr, string(index).map_or(Step::Index(index), Step::Name))
            }
            _ => return self.value(env, expr, truth),
        };
        let value = self.value(env, base, truth);
        self.step_into(env, value, step, truth, usage)
    }

    /// The path below `data` that a name stands for.
    fn base(&self, env: &Env<'a>, head: &str) -> DataPath {
        match env.module.imports.get(head) {
            _ if head == "data" => DataPath::default(),
            Some(Imported::Data(path)) => path.clone(),
            _ => env.module.package_path.join(head),
        }
    }

    fn step_into(
        &mut self,
        env: &mut Env<'a>,
        from: Value<'a>,
        step: Step<'a>,
        truth: Polarity,
        usage: Usage,
    ) -> Value<'a> {
        match step {
            Step::Name(name) => named_step(env, &from, name),
            Step::Index(index) if self.is_unbound(env, index) || is_wildcard(index) => {
                self.iteration(env, &from, index, truth)
            }
            Step::Index(index) => self.indexed_step(env, &from, index, truth, usage),
        }
    }

    /// `collection[i]` with a new `i`: goes through the collection.
    fn iteration(
        &mut self,
        env: &mut Env<'a>,
        from: &Value<'a>,
        index: &'a Expr,
        truth: Polarity,
    ) -> Value<'a> {
        self.settle(env, from, truth);
        if truth.needs_defined() && !from.fixed && !from.ty.within(Ty::COLLECTION) {
            self.warn_mistyped(env, index, &from.text, Ty::ARRAY);
        }
        let key_ty = if from.ty == Ty::ARRAY {
            Ty::NUMBER
        } else {
            Ty::ANY
        };
        let fresh = env.fresh(index.span(), key_ty, from.origin());
        let key = format!("{}[{}]", from.key, fresh.key);
        let shown = format!("{}[{}]", from.text, index.span().text());
        self.bind_pattern(env, index, key_ty, Ty::ANY, from.origin());
        let mut value = Value::new(key, shown, from.elem);
        value.fixed = from.fixed;
        value.varies = from.varies;
        value.needs.clone_from(&from.needs);
        value
    }

    fn indexed_step(
        &mut self,
        env: &mut Env<'a>,
        from: &Value<'a>,
        index: &'a Expr,
        truth: Polarity,
        usage: Usage,
    ) -> Value<'a> {
        self.settle(env, from, truth);
        let at = self.index_value(env, index, truth);
        let mut value = Value::new(
            format!("{}[{}]", from.key, at.key),
            format!("{}[{}]", from.text, text(index)),
            from.elem,
        );
        value.fixed = from.fixed;
        value.ty = value.ty & env.facts.ty(&value.key);
        let within = at
            .key
            .parse::<usize>()
            .ok()
            .zip(from.len)
            .is_some_and(|(at, len)| at < len);
        let is_membership = from.ty == Ty::SET && usage == Usage::Condition;
        if within || is_membership || (from.fixed && at.is_constant()) {
            value.needs.clone_from(&from.needs);
        } else {
            value.needs = inherited(from);
            value.need(Cause::Absent);
        }
        value.needs.extend(at.needs);
        value
    }

    fn index_value(&mut self, env: &mut Env<'a>, index: &'a Expr, truth: Polarity) -> Value<'a> {
        match index {
            Expr::Number { span, .. } => Value::literal(span.text(), span.text(), Ty::NUMBER),
            _ => self.value(env, index, truth),
        }
    }
}

fn is_wildcard(index: &Expr) -> bool {
    matches!(index, Expr::Var { span, .. } if span.text() == "_")
}

/// The part of `input` that the name stands for: `input` itself or an import.
fn input<'a>(env: &Env<'a>, reference: &Reference<'a>) -> Value<'a> {
    let mut value = Value::new("input", "input", Ty::OBJECT);
    value.elem = Ty::JSON;
    value.place = Place::Input;
    if env.overridden {
        value.ty = Ty::ANY;
    }
    if let Some(Imported::Input(names)) = env.module.imports.get(reference.head) {
        for name in names {
            value = named_step(env, &value, name);
        }
        value.text = reference.head.to_owned();
        for need in &mut value.needs {
            need.text.clone_from(&value.text);
        }
    }
    value
}

/// The needs of what a step is taken from, but for that it is there: the step needs that itself.
fn inherited(from: &Value<'_>) -> Vec<super::facts::Need> {
    from.needs
        .iter()
        .filter(|need| need.cause != Cause::Absent || need.key != from.key)
        .cloned()
        .collect()
}

fn named_step<'a>(env: &Env<'a>, from: &Value<'a>, name: &str) -> Value<'a> {
    let below = step_text(name);
    let key = format!("{}{below}", from.key);
    let mut value = Value::new(key, format!("{}{below}", from.text), from.elem);
    value.fixed = from.fixed;
    value.place = from.place;
    if from.place == Place::Input || from.elem == Ty::JSON {
        value.elem = Ty::JSON;
    }
    value.growth.clone_from(&from.growth);
    let part = guaranteed(&value.key).filter(|_| from.place == Place::Input && !env.overridden);
    match part {
        Some(part) => {
            value.ty = part.ty;
            value.elem = part.elem;
            value.fixed = part.trusted;
            value.varies = part.trusted;
            if part.optional {
                value.need(Cause::Absent);
            }
        }
        None if from.fixed && from.place == Place::Other => value.needs.clone_from(&from.needs),
        None => {
            value.needs = inherited(from);
            value.need(Cause::Absent);
        }
    }
    value.ty = value.ty & env.facts.ty(&value.key);
    value
}

fn step_text(name: &str) -> String {
    if is_identifier(name) {
        format!(".{name}")
    } else {
        format!("[{name:?}]")
    }
}

/// The reference as written, up to so many steps.
fn reference_text(reference: &Reference<'_>, taken: usize) -> String {
    let mut shown = reference.head.to_owned();
    for step in reference.steps.iter().take(taken) {
        match step {
            Step::Name(name) => shown.push_str(&step_text(name)),
            Step::Index(index) => shown.push_str(&format!("[{}]", text(index))),
        }
    }
    shown
}
