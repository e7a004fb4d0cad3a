//! `sprintf` for the verbs that the gate lets through, as OPA (Go's `fmt`) writes them.

use regorus::Value;

use super::bounded::{TEXT_BYTES_MAX, bound};
use super::order::Order;
use super::original;

/// Exponents for which Go's `%v` writes a double without one.
const EXPONENTS_WRITTEN_OUT: std::ops::Range<i32> = -4..6;

/// `sprintf(format, values)` with `%s`, `%d`, `%v` and `%%`; undefined for anything else.
pub(super) fn sprintf(arguments: &[Value]) -> Value {
    let [Value::String(format), Value::Array(values)] = arguments else {
        return Value::Undefined;
    };
    let mut values = values.iter();
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('%') => out.push('%'),
            Some(verb @ ('s' | 'd' | 'v')) => match values.next() {
                Some(value) => {
                    out.push_str(&written(verb, value));
                    bound(out.len(), TEXT_BYTES_MAX);
                }
                None => return Value::Undefined,
            },
            _ => return Value::Undefined,
        }
    }
    if values.next().is_some() {
        return Value::Undefined;
    }
    Value::from(out)
}

/// Go names the type where the verb does not fit the value.
fn written(verb: char, value: &Value) -> String {
    let (kind, text) = go_value(value);
    let fits = match kind {
        GoKind::Text => verb != 'd',
        GoKind::Integer => verb != 's',
        GoKind::Long => true,
        GoKind::Float => verb == 'v',
    };
    match (fits, kind) {
        (true, _) => text,
        (false, GoKind::Text) => format!("%!{verb}(string={text})"),
        (false, GoKind::Integer | GoKind::Long) => format!("%!{verb}(int64={text})"),
        (false, GoKind::Float) => format!("%!{verb}(float64={text})"),
    }
}

/// What OPA hands to Go's `fmt`.
#[derive(Clone, Copy)]
enum GoKind {
    Text,
    Integer,
    /// More than 64 bits.
    Long,
    Float,
}

fn go_value(value: &Value) -> (GoKind, String) {
    match value {
        Value::String(text) => (GoKind::Text, text.to_string()),
        Value::Number(number) if number.is_integer() => {
            let kind = match value.as_i64() {
                Ok(_) => GoKind::Integer,
                Err(_) => GoKind::Long,
            };
            (kind, number.format_decimal())
        }
        Value::Number(_) => (GoKind::Float, value.as_f64().map(float).unwrap_or_default()),
        other => (GoKind::Text, term(other)),
    }
}

/// Go's `%v` of a double: the shortest digits, with an exponent where it is large or small.
fn float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if EXPONENTS_WRITTEN_OUT.contains(&exponent) {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// A value as OPA writes terms.
fn term(value: &Value) -> String {
    let mut out = String::new();
    write_term(value, &Order::default(), &mut out);
    out
}

fn write_term(value: &Value, order: &Order, out: &mut String) {
    bound(out.len(), TEXT_BYTES_MAX);
    let list = |items: Vec<&Value>, out: &mut String| {
        for (number, item) in items.into_iter().enumerate() {
            out.push_str(if number == 0 { "" } else { ", " });
            write_term(item, order, out);
        }
    };
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.format_decimal()),
        Value::String(_) => out.push_str(&quoted(value)),
        Value::Array(items) => {
            out.push('[');
            list(items.iter().collect(), out);
            out.push(']');
        }
        Value::Set(items) if items.is_empty() => out.push_str("set()"),
        Value::Set(items) => {
            out.push('{');
            list(order.sorted(items.iter()), out);
            out.push('}');
        }
        Value::Object(members) => {
            out.push('{');
            for (number, [key, value]) in order.members(members.iter()).into_iter().enumerate() {
                out.push_str(if number == 0 { "" } else { ", " });
                write_term(key, order, out);
                out.push_str(": ");
                write_term(value, order, out);
            }
            out.push('}');
        }
        Value::Undefined => {}
    }
}

/// Quoted as Go quotes: regorus knows which characters Go escapes.
fn quoted(text: &Value) -> String {
    let arguments = [Value::from("%q"), Value::from(vec![text.clone()])];
    match original("sprintf", &arguments) {
        Value::String(text) => text.to_string(),
        _ => String::new(),
    }
}
