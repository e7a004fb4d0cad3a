//! Rules and functions: what a use of one is worth, and the check of what stands in them.

use std::collections::BTreeSet;
use std::rc::Rc;

use regorus::unstable::{Expr, Ref, Rule, RuleBody, RuleHead, Span};

use super::Lint;
use super::body::{Env, Lift};
use super::definition::{
    Branch, Definition, Gives, Node, definition, is_variable, literal_type, only_one_gives,
    partial_type, polarities, set_definition,
};
use super::facts::{Cause, Growth, Polarity, Ty, Value};
use super::report::Form;
use crate::engine::ast::{DataPath, ParsedModule, Scope};

/// What a rule is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// Whether it holds.
    Condition,
    /// Its value.
    Value,
}

/// A use of a rule or function.
pub(super) struct Call<'a, 'c> {
    pub(super) path: DataPath,
    /// `None`: not a call.
    pub(super) args: Option<Vec<Value<'a>>>,
    pub(super) span: &'c Span,
    /// The use as written.
    pub(super) shown: String,
    pub(super) usage: Usage,
    pub(super) truth: Polarity,
}

impl<'a> Lint<'a> {
    fn nodes(&self, path: &DataPath) -> Vec<Node<'a>> {
        let modules = self.modules;
        self.index
            .definitions(path)
            .iter()
            .filter_map(|definition| definition.node(modules))
            .collect()
    }

    /// What is known of a rule's value where it is used; checks what stands in it.
    pub(super) fn rule(&mut self, env: &Env<'a>, call: Call<'a, '_>) -> Value<'a> {
        let mut key = call.path.to_string();
        if let Some(args) = &call.args {
            let args: Vec<&str> = args.iter().map(|arg| arg.key.as_str()).collect();
            key = format!("{key}({})", args.join(","));
        }
        let nodes = self.nodes(&call.path);
        if let Some(ty) = partial_type(&nodes) {
            let mut value = Value::new(key, call.shown, ty);
            value.growth.push(Growth::Rule(call.path));
            return value;
        }
        if self.stack.contains(&call.path) || !self.within_depth(env) {
            return Value::new(key, call.shown, Ty::ANY);
        }
        let lift = self.lift(env, &nodes, call.span);
        let memo = format!(
            "{key}|{:?}|{:?}|{:?}|{}|{}|{}|{}",
            call.usage,
            call.truth,
            call.args
                .iter()
                .flatten()
                .map(Value::signature)
                .collect::<Vec<_>>(),
            env.facts.signature(),
            env.overridden,
            self.silent,
            lift.as_ref().map_or(0, |lift| lift.span.start),
        );
        if let Some(value) = self.memo.get(&memo) {
            return value.clone();
        }
        self.stack.push(call.path.clone());
        let mut value = self.evaluate(env, &call, &nodes, lift, key);
        self.stack.pop();
        value.text.clone_from(&call.shown);
        self.memo.insert(memo, value.clone());
        value
    }

    fn evaluate(
        &mut self,
        env: &Env<'a>,
        call: &Call<'a, '_>,
        nodes: &[Node<'a>],
        lift: Option<Lift<'a>>,
        key: String,
    ) -> Value<'a> {
        let default = nodes.iter().find_map(|(_, rule)| match rule.as_ref() {
            Rule::Default { args, value, .. } => Some((value, args.is_empty())),
            _ => None,
        });
        // A function has none where its arguments are undefined.
        let is_always_there = default.is_some_and(|(_, without_arguments)| without_arguments);
        let default = default.map(|(value, _)| value);
        let definitions: Vec<Definition<'a>> = nodes.iter().filter_map(definition).collect();
        let frame = |definition: &Definition<'a>| {
            let args = call.args.as_deref().unwrap_or_default();
            frame(env, definition, args, lift.clone())
        };
        if let ([definition], None) = (definitions.as_slice(), default)
            && let [branch] = definition.branches.as_slice()
            && let (None, Some(expr)) = (branch.body, branch.value)
            && definition.args.iter().all(|arg| is_variable(arg))
        {
            let (mut inner, _) = frame(definition);
            return self.alias(&mut inner, expr, call);
        }
        let mut whole = Value::literal(key, call.shown.clone(), Ty::NONE);
        whole.elem = Ty::NONE;
        let mut total = is_always_there;
        if let Some(default) = default {
            whole.ty = Value::literal("", "", literal_type(default)).ty;
        }
        for definition in &definitions {
            let (inner, matches) = frame(definition);
            let polarities = polarities(definition, default, call);
            for (branch, polarity) in definition.branches.iter().zip(polarities) {
                let (part, holds) = self.branch(&inner, branch, polarity);
                total |= holds && matches;
                whole.holds |= holds && matches && branch.gives() == Gives::True;
                whole.ty = whole.ty | part.ty;
                whole.elem = whole.elem | part.elem;
                whole.fixed &= part.fixed;
                whole.varies |= part.varies;
                whole.growth.extend(part.growth);
                let is_only = definitions.len() == 1 && branch.gives() == Gives::True;
                if is_only && only_one_gives(definition, default) {
                    whole.implied = part.implied;
                }
            }
        }
        let from_data = !env.overridden
            && call.args.iter().flatten().all(Value::is_constant)
            && !self.reads_input(&call.path);
        whole.fixed |= from_data;
        if !total && !from_data {
            whole.need(Cause::Absent);
        }
        whole
    }

    /// A rule without conditions is a name for an expression.
    fn alias(
        &mut self,
        inner: &mut Env<'a>,
        expr: &'a Ref<Expr>,
        call: &Call<'a, '_>,
    ) -> Value<'a> {
        let mut value = match call.usage {
            Usage::Condition => self.condition(inner, expr, call.truth),
            Usage::Value => self.value(inner, expr, call.truth),
        };
        // A condition with a name is still a condition.
        let is_condition = value.ty == Ty::BOOL && !value.fixed;
        for need in &mut value.needs {
            if is_condition {
                need.behind = true;
            } else if need.cause == Cause::Absent {
                need.text.clone_from(&call.shown);
            }
        }
        value
    }

    /// Checks one branch; returns its value, and whether it gives one whatever the input.
    fn branch(
        &mut self,
        inner: &Env<'a>,
        branch: &Branch<'a>,
        polarity: Polarity,
    ) -> (Value<'a>, bool) {
        let (mut after, mut holds) = match branch.body {
            Some(body) => self.body(inner, &body.query, polarity),
            None => (inner.clone(), true),
        };
        let mut value = match branch.value {
            None => Value::literal("true", "true", Ty::BOOL),
            Some(expr) => {
                let value = self.value(&mut after, expr, polarity);
                holds &= after.meets(&value);
                self.require(&mut after, Form::Head(expr), &value, polarity);
                value
            }
        };
        after.facts.forget_locals(inner.depth);
        value.implied = Some(Rc::new(after.facts));
        (value, holds)
    }

    /// Checks the elements of a partial set or object.
    pub(super) fn partial(&mut self, env: &Env<'a>, path: &DataPath, polarity: Polarity) {
        if self.stack.contains(path) || !self.within_depth(env) {
            return;
        }
        let memo = format!(
            "{path}|{polarity:?}|{}|{}|{}",
            env.facts.signature(),
            env.overridden,
            self.silent
        );
        if !self.partials.insert(memo) {
            return;
        }
        self.stack.push(path.clone());
        let nodes = self.nodes(path);
        let lift = env.lift.clone();
        for node in &nodes {
            if let Some(definition) = definition(node) {
                let (inner, _) = frame(env, &definition, &[], lift.clone());
                self.element(&inner, node.1, polarity);
            } else if let Some(definition) = set_definition(node) {
                let (inner, _) = frame(env, &definition, &[], lift.clone());
                self.element(&inner, node.1, polarity);
            }
        }
        self.stack.pop();
    }

    /// Checks one definition of a set: its query, then the element it gives.
    pub(super) fn element(&mut self, inner: &Env<'a>, rule: &'a Rule, polarity: Polarity) {
        let Rule::Spec { head, bodies, .. } = rule else {
            return;
        };
        let parts: Vec<&'a Ref<Expr>> = match head {
            RuleHead::Set { key, .. } => key.iter().collect(),
            RuleHead::Compr { refr, assign, .. } => {
                let index = match refr.as_ref() {
                    Expr::RefBrack { index, .. } => Some(index),
                    _ => None,
                };
                index
                    .into_iter()
                    .chain(assign.iter().map(|assign| &assign.value))
                    .collect()
            }
            RuleHead::Func { .. } => Vec::new(),
        };
        let queries: Vec<Option<&'a RuleBody>> = if bodies.is_empty() {
            vec![None]
        } else {
            bodies.iter().map(Some).collect()
        };
        for body in queries {
            let (mut after, _) = match body {
                Some(body) => self.body(inner, &body.query, polarity),
                None => (inner.clone(), true),
            };
            for part in &parts {
                let value = self.value(&mut after, part, polarity);
                self.settle(&after, &value, polarity);
                self.require(&mut after, Form::Head(part), &value, polarity);
            }
        }
    }

    fn lift(&self, env: &Env<'a>, nodes: &[Node<'a>], span: &Span) -> Option<Lift<'a>> {
        let is_library = |module: &ParsedModule| {
            module
                .package_path
                .0
                .first()
                .is_some_and(|package| package == "toolgate")
        };
        let (module, _) = nodes.first()?;
        match (&env.lift, is_library(module)) {
            (_, false) => None,
            (Some(lift), true) => Some(lift.clone()),
            (None, true) => Some(Lift {
                module: env.module,
                span: span.clone(),
            }),
        }
    }

    /// Whether a rule depends on the input.
    fn reads_input(&mut self, path: &DataPath) -> bool {
        if let Some(reads) = self.input_readers.get(path) {
            return *reads;
        }
        let mut seen = BTreeSet::from([path.clone()]);
        let mut open = vec![path.clone()];
        let mut reads = false;
        while let Some(path) = open.pop() {
            for (module, rule) in self.nodes(&path) {
                reads |= super::names_input(&self.index, module, rule);
                for next in self.index.reads(module, rule) {
                    if seen.insert(next.clone()) {
                        open.push(next);
                    }
                }
            }
        }
        self.input_readers.insert(path.clone(), reads);
        reads
    }
}

/// The environment of a definition's queries, and whether its arguments match whatever they are.
fn frame<'a>(
    env: &Env<'a>,
    definition: &Definition<'a>,
    args: &[Value<'a>],
    lift: Option<Lift<'a>>,
) -> (Env<'a>, bool) {
    let mut inner = Env {
        module: definition.module,
        scope: Scope::default().with_patterns(definition.args.iter().map(AsRef::as_ref)),
        locals: Default::default(),
        facts: env.facts.clone(),
        overridden: env.overridden,
        depth: env.depth + 1,
        lift,
    };
    let mut matches = true;
    for (pattern, value) in definition.args.iter().zip(args) {
        match pattern.as_ref() {
            Expr::Var { span, .. } => inner.bind(span, value.clone()),
            _ => matches = false,
        }
    }
    (inner, matches)
}
