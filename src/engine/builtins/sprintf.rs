//! `sprintf` for the verbs that the gate lets through, as OPA (Go's `fmt`) writes them.

use regorus::Value;

use super::bounded::{TEXT_BYTES_MAX, bound};
use super::original;

/// Exponents from which Go's `%v` writes a number with an exponent.
const EXPONENTS_WRITTEN_OUT: std::ops::Range<i32> = -4..21;

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
    let list = |items: Vec<String>| items.join(", ");
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.format_decimal(),
        Value::String(_) => quoted(value),
        Value::Array(items) => format!("[{}]", list(items.iter().map(term).collect())),
        Value::Set(items) if items.is_empty() => "set()".to_owned(),
        Value::Set(items) => format!("{{{}}}", list(items.iter().map(term).collect())),
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort();
            let members = members
                .into_iter()
                .map(|(key, value)| format!("{}: {}", term(key), term(value)));
            format!("{{{}}}", list(members.collect()))
        }
        Value::Undefined => String::new(),
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
