//! Calls of builtins and of functions.

use regorus::unstable::{Expr, Ref};

use super::Lint;
use super::body::Env;
use super::builtins::Builtin;
use super::expr::expect_type;
use super::facts::{Cause, Growth, Polarity, Ty, Value};
use super::report::text;
use super::rules::{Call, Usage};
use crate::engine::ast::Target;

impl<'a> Lint<'a> {
    pub(super) fn call(
        &mut self,
        env: &mut Env<'a>,
        expr: &'a Expr,
        fcn: &'a Expr,
        params: &'a [Ref<Expr>],
        truth: Polarity,
        usage: Usage,
    ) -> Value<'a> {
        let args: Vec<Value<'a>> = params
            .iter()
            .map(|param| self.value(env, param, truth))
            .collect();
        match self.index.resolve_call(env.module, fcn) {
            Target::Rule(path) => {
                let mut needs = Vec::new();
                for need in args.iter().flat_map(|arg| &arg.needs) {
                    let mut need = need.clone();
                    need.behind = true;
                    needs.push(need);
                }
                let mut value = self.rule(
                    env,
                    Call {
                        path,
                        args: Some(args),
                        span: expr.span(),
                        shown: text(expr),
                        usage,
                        truth,
                    },
                );
                value.needs.extend(needs);
                value
            }
            Target::Builtin(name) => builtin(&name, text(expr), params, &args, env),
            _ => {
                let mut value = Value::new(text(expr), text(expr), Ty::ANY);
                value.need(Cause::Fails);
                value
            }
        }
    }
}

fn builtin<'a>(
    name: &str,
    shown: String,
    params: &'a [Ref<Expr>],
    args: &[Value<'a>],
    env: &Env<'a>,
) -> Value<'a> {
    let keys: Vec<&str> = args.iter().map(|arg| arg.key.as_str()).collect();
    let key = format!("{}({})", Builtin::domain(name), keys.join(","));
    let mut value = Value::new(key, shown, Ty::ANY);
    if name == "print" {
        value.ty = Ty::BOOL;
        value.holds = true;
        return value;
    }
    value.fixed = args.iter().all(|arg| arg.fixed);
    for (at, arg) in args.iter().enumerate() {
        value = match Builtin::growth(name, at) {
            Polarity::Fires => value.with_part(arg),
            Polarity::Blocks => value.with_part_by(arg, Growth::Against),
            Polarity::Both => value.with_part_by(arg, Growth::Unfollowed),
        };
    }
    let Some(builtin) = Builtin::find(name) else {
        if !value.fixed {
            value.need(Cause::Fails);
        }
        return value;
    };
    value.ty = builtin.returns;
    value.elem = builtin.elem;
    value.len = Builtin::returned_len(name);
    value.counts = name == "count";
    for (arg, takes) in args.iter().zip(builtin.args) {
        expect_type(&mut value, arg, *takes);
        if !arg.fixed && arg.ty.within(Ty::LIST) && !arg.elem.within(builtin.members) {
            value.need(Cause::Fails);
        }
    }
    if builtin.fails && may_fail(name, params, args) {
        value.need(Cause::Fails);
    }
    if let (Some(ty), [arg]) = (Ty::of_guard(name), args) {
        value.holds = arg.ty.within(ty) && env.meets(arg);
    }
    if name == "object.get" {
        value.fixed = false;
    }
    value
}

fn may_fail(name: &str, params: &[Ref<Expr>], args: &[Value<'_>]) -> bool {
    match (name, args) {
        ("max" | "min", [list]) => {
            let not_empty = list.len.is_some_and(|len| len > 0);
            let as_written = list.fixed && list.growth.is_empty();
            !(not_empty || as_written)
        }
        ("sprintf", [_, list]) => !plain_format(params, list),
        ("array.slice" | "substring", [_, bounds @ ..]) => {
            bounds.iter().any(|bound| !(bound.fixed || bound.counts))
        }
        _ => {
            let failing = Builtin::failing_arguments(name);
            args.iter()
                .enumerate()
                .any(|(at, arg)| (failing.is_empty() || failing.contains(&at)) && !arg.fixed)
        }
    }
}

/// A format that takes any values: `%v` and `%s` only, as many as there are values; or `%d` of
/// counts.
fn plain_format(params: &[Ref<Expr>], list: &Value<'_>) -> bool {
    let Some(Expr::String { value, .. } | Expr::RawString { value, .. }) =
        params.first().map(AsRef::as_ref)
    else {
        return false;
    };
    let Ok(format) = value.as_string() else {
        return false;
    };
    let mut verbs = 0;
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            continue;
        }
        match chars.next() {
            Some('v' | 's') => verbs += 1,
            Some('d') if list.fixed || is_count(params, verbs) => verbs += 1,
            Some('%') => {}
            _ => return false,
        }
    }
    list.len == Some(verbs)
}

/// Whether the value at this position of the list is a `count`: a whole number.
fn is_count(params: &[Ref<Expr>], at: usize) -> bool {
    let Some(Expr::Array { items, .. }) = params.get(1).map(AsRef::as_ref) else {
        return false;
    };
    match items.get(at).map(AsRef::as_ref) {
        Some(Expr::Call { fcn, .. }) => fcn.span().text() == "count",
        _ => false,
    }
}
