//! Builtins that regorus answers otherwise than OPA does, answered as OPA does.
//!
//! The register machine gets them through its table of resolved builtins, the interpreter as
//! extensions, which it asks before its own. An argument that does not fit makes a call undefined,
//! as OPA does where builtin errors are not strict.

mod bounded;
mod encodings;
mod network;
mod numbers;
mod order;
mod sprintf;
#[cfg(test)]
mod tests;
mod times;

pub(super) use bounded::GivenUp;

use regorus::rvm::program::Program;
use regorus::unstable::BuiltinFcn;
use regorus::{Engine, Value};

/// A builtin: its name, what the interpreter calls and what the register machine calls.
struct Replacement {
    name: &'static str,
    arity: u8,
    call: fn(&[Value]) -> Value,
    machine: BuiltinFcn,
}

/// One table for both evaluators, so that they cannot differ.
macro_rules! replacements {
    ($($name:literal $arity:literal $call:path,)*) => {
        const REPLACEMENTS: &[Replacement] = &[$(Replacement {
            name: $name,
            arity: $arity,
            call: $call,
            machine: (|_, _, arguments, _| Ok($call(arguments)), $arity),
        },)*];
    };
}

replacements! {
    "array.concat" 2 bounded::array_concat,
    "base64.decode" 1 encodings::base64_decode,
    "base64.encode" 1 bounded::base64_encode,
    "base64.is_valid" 1 encodings::base64_is_valid,
    "base64url.encode" 1 bounded::base64url_encode,
    "base64url.encode_no_pad" 1 bounded::base64url_encode_no_pad,
    "ceil" 1 numbers::ceil,
    "concat" 2 bounded::concat,
    "count" 1 count,
    "floor" 1 numbers::floor,
    "hex.decode" 1 encodings::hex_decode,
    "hex.encode" 1 bounded::hex_encode,
    "indexof" 2 indexof,
    "json.unmarshal" 1 encodings::json_unmarshal,
    "lower" 1 lower,
    "max" 1 order::max,
    "min" 1 order::min,
    "net.cidr_contains" 2 network::cidr_contains,
    "net.cidr_is_valid" 1 network::cidr_is_valid,
    "replace" 3 bounded::replace,
    "round" 1 numbers::round,
    "sort" 1 order::sort,
    "split" 2 bounded::split,
    "sprintf" 2 sprintf::sprintf,
    "strings.count" 2 strings_count,
    "substring" 3 substring,
    "time.clock" 1 times::clock,
    "time.date" 1 times::date,
    "time.parse_rfc3339_ns" 1 times::parse_rfc3339_ns,
    "time.weekday" 1 times::weekday,
    "to_number" 1 numbers::to_number,
    "upper" 1 upper,
}

/// Replaces the builtins of a compiled program.
pub(super) fn replace_in_program(program: &mut Program) {
    for (info, resolved) in program
        .builtin_info_table
        .iter()
        .zip(&mut program.resolved_builtins)
    {
        let replacement = REPLACEMENTS.iter().find(|r| r.name == info.name);
        if let Some(replacement) = replacement {
            *resolved = replacement.machine;
        }
    }
}

/// Replaces the builtins of an interpreter, and has errors of all others make calls undefined.
///
/// # Errors
/// If an extension of one of the names was added before.
pub(super) fn replace_in_interpreter(engine: &mut Engine) -> Result<(), String> {
    engine.set_strict_builtin_errors(false);
    REPLACEMENTS.iter().try_for_each(|replacement| {
        let call = replacement.call;
        let extension = move |arguments: Vec<Value>| Ok(call(&arguments));
        engine
            .add_extension(
                replacement.name.to_owned(),
                replacement.arity,
                Box::new(extension),
            )
            .map_err(|error| error.to_string())
    })
}

/// The original of a replaced builtin, for arguments that it answers as OPA does.
fn original(name: &str, arguments: &[Value]) -> Value {
    let source = regorus::Source::from_contents(String::new(), "_".to_owned());
    let (Some(builtin), Ok(source)) = (regorus::unstable::BUILTINS.get(name), source) else {
        return Value::Undefined;
    };
    let span = regorus::unstable::Span {
        source,
        line: 1,
        col: 1,
        start: 0,
        end: 1,
    };
    let expr = regorus::unstable::Expr::Null {
        span: span.clone(),
        value: Value::Null,
        eidx: 0,
    };
    let exprs = vec![regorus::unstable::Ref::new(expr); arguments.len()];
    builtin.0(&span, &exprs, arguments, false).unwrap_or(Value::Undefined)
}

fn strings<const N: usize>(arguments: &[Value]) -> Option<[&str; N]> {
    let strings: Option<Vec<&str>> = arguments
        .iter()
        .map(|argument| argument.as_string().ok().map(AsRef::as_ref))
        .collect();
    strings?.try_into().ok()
}

fn number(count: usize) -> Value {
    Value::from(u64::try_from(count).unwrap_or(u64::MAX))
}

/// regorus counts UTF-16 code units; OPA counts characters.
fn count(arguments: &[Value]) -> Value {
    match arguments {
        [Value::String(text)] => number(text.chars().count()),
        _ => original("count", arguments),
    }
}

/// An empty text to look for is an error for OPA.
fn indexof(arguments: &[Value]) -> Value {
    let Some([text, wanted]) = strings(arguments) else {
        return Value::Undefined;
    };
    if wanted.is_empty() {
        return Value::Undefined;
    }
    text.split_once(wanted)
        .map_or(Value::from(-1_i64), |(before, _)| {
            number(before.chars().count())
        })
}

/// regorus counts overlapping occurrences, and panics for the empty text.
fn strings_count(arguments: &[Value]) -> Value {
    let Some([text, wanted]) = strings(arguments) else {
        return Value::Undefined;
    };
    // For the empty text, Rust like Go counts the places between the characters.
    number(text.matches(wanted).count())
}

/// OPA wants integers.
fn substring(arguments: &[Value]) -> Value {
    let [Value::String(text), offset, length] = arguments else {
        return Value::Undefined;
    };
    let (Ok(offset), Ok(length)) = (offset.as_i64(), length.as_i64()) else {
        return Value::Undefined;
    };
    let Ok(offset) = usize::try_from(offset) else {
        return Value::Undefined;
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let part: String = text.chars().skip(offset).take(length).collect();
    Value::from(part)
}

/// OPA maps each character by itself, to one character.
fn lower(arguments: &[Value]) -> Value {
    let Some([text]) = strings(arguments) else {
        return Value::Undefined;
    };
    let lowered: String = text
        .chars()
        .map(|c| c.to_lowercase().next().unwrap_or(c))
        .collect();
    Value::from(lowered)
}

/// OPA maps each character by itself, to one character.
fn upper(arguments: &[Value]) -> Value {
    let Some([text]) = strings(arguments) else {
        return Value::Undefined;
    };
    Value::from(text.chars().map(upper_char).collect::<String>())
}

fn upper_char(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(upper), None) => upper,
        _ => simple_upper(c),
    }
}

/// Unicode's simple uppercase mapping of the characters whose full mapping is several characters:
/// Greek letters with iota subscript, which have a title case letter, and ligatures, which have
/// none.
fn simple_upper(c: char) -> char {
    let offset = match u32::from(c) {
        0x1F80..=0x1F87 | 0x1F90..=0x1F97 | 0x1FA0..=0x1FA7 => 8,
        0x1FB3 | 0x1FC3 | 0x1FF3 => 9,
        _ => 0,
    };
    char::from_u32(u32::from(c) + offset).unwrap_or(c)
}
