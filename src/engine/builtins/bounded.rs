//! Where an evaluation is given up, and builtins whose answer can be far larger than their arguments: a few calls of `replace` in a row
//! would use all memory, and running out of memory cannot be caught. Past a bound the evaluation is
//! given up by unwinding, since an error of a builtin would only make its call undefined.

use std::panic::resume_unwind;

use regorus::Value;

use super::{original, strings};

/// Largest text that a builtin gives back, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 4 << 20;
/// Longest array that a builtin gives back.
const ITEMS_MAX: usize = 1 << 18;

/// What an evaluation is unwound with: the limit that it met.
#[derive(Debug)]
pub(in crate::engine) struct GivenUp(pub(in crate::engine) &'static str);

/// Gives the evaluation up, so that the package denies: for what cannot be answered as OPA would.
pub(super) fn give_up(limit: &'static str) -> ! {
    // Without the panic hook: nothing is wrong with the process.
    resume_unwind(Box::new(GivenUp(limit)))
}

/// Goes on only where `size` is within `limit`.
pub(super) fn bound(size: usize, limit: usize) {
    if size > limit {
        give_up("size of what a builtin gives back");
    }
}

/// `array.concat(a, b)`
pub(super) fn array_concat(arguments: &[Value]) -> Value {
    let [Value::Array(a), Value::Array(b)] = arguments else {
        return Value::Undefined;
    };
    bound(a.len().saturating_add(b.len()), ITEMS_MAX);
    Value::from(a.iter().chain(b.iter()).cloned().collect::<Vec<_>>())
}

/// `concat(delimiter, strings)`
pub(super) fn concat(arguments: &[Value]) -> Value {
    let [Value::String(delimiter), collection] = arguments else {
        return Value::Undefined;
    };
    let items: Vec<&Value> = match collection {
        Value::Array(items) => items.iter().collect(),
        Value::Set(items) => items.iter().collect(),
        _ => return Value::Undefined,
    };
    let texts: Option<Vec<&str>> = items
        .into_iter()
        .map(|item| item.as_string().ok().map(AsRef::as_ref))
        .collect();
    let Some(texts) = texts else {
        return Value::Undefined;
    };
    let own: usize = texts.iter().map(|text| text.len()).sum();
    bound(
        own.saturating_add(delimiter.len().saturating_mul(texts.len())),
        TEXT_BYTES_MAX,
    );
    Value::from(texts.join(delimiter))
}

/// `replace(text, old, new)`; the gate wants `old` written out and not empty.
pub(super) fn replace(arguments: &[Value]) -> Value {
    let Some([text, old, new]) = strings(arguments) else {
        return Value::Undefined;
    };
    let times = text.matches(old).count();
    bound(
        text.len().saturating_add(times.saturating_mul(new.len())),
        TEXT_BYTES_MAX,
    );
    Value::from(text.replace(old, new))
}

/// `split(text, delimiter)`; the empty delimiter splits after each character.
pub(super) fn split(arguments: &[Value]) -> Value {
    let Some([text, delimiter]) = strings(arguments) else {
        return Value::Undefined;
    };
    let parts: Vec<Value> = if delimiter.is_empty() {
        bound(text.chars().count(), ITEMS_MAX);
        text.chars()
            .map(|character| Value::from(character.to_string()))
            .collect()
    } else {
        bound(text.matches(delimiter).count(), ITEMS_MAX);
        text.split(delimiter).map(Value::from).collect()
    };
    Value::from(parts)
}

/// Declares builtins that only have to get a text of a bounded size.
macro_rules! encoders {
    ($($function:ident $name:literal)*) => {$(
        pub(super) fn $function(arguments: &[Value]) -> Value {
            if let [Value::String(text)] = arguments {
                bound(text.len().saturating_mul(2), TEXT_BYTES_MAX);
            }
            original($name, arguments)
        }
    )*};
}

encoders! {
    base64_encode "base64.encode"
    base64url_encode "base64url.encode"
    base64url_encode_no_pad "base64url.encode_no_pad"
    hex_encode "hex.encode"
}
