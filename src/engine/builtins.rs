//! Builtins that regorus answers otherwise than OPA does, answered as OPA does.
//!
//! The register machine gets them through its table of resolved builtins, the interpreter as
//! extensions, which it asks before its own. An argument that does not fit makes a call undefined,
//! as OPA does where builtin errors are not strict.

mod bounded;
mod network;
mod sprintf;
#[cfg(test)]
mod tests;

pub(super) use bounded::TooLarge;

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
    "base64.encode" 1 bounded::base64_encode,
    "base64.is_valid" 1 base64_is_valid,
    "base64url.encode" 1 bounded::base64url_encode,
    "base64url.encode_no_pad" 1 bounded::base64url_encode_no_pad,
    "ceil" 1 ceil,
    "concat" 2 bounded::concat,
    "count" 1 count,
    "floor" 1 floor,
    "hex.encode" 1 bounded::hex_encode,
    "indexof" 2 indexof,
    "lower" 1 lower,
    "net.cidr_contains" 2 network::cidr_contains,
    "net.cidr_is_valid" 1 cidr_is_valid,
    "replace" 3 bounded::replace,
    "round" 1 round,
    "split" 2 bounded::split,
    "sprintf" 2 sprintf::sprintf,
    "strings.count" 2 strings_count,
    "substring" 3 substring,
    "time.clock" 1 time_clock,
    "time.date" 1 time_date,
    "time.weekday" 1 time_weekday,
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

fn time_clock(arguments: &[Value]) -> Value {
    in_named_zone("time.clock", arguments)
}

fn time_date(arguments: &[Value]) -> Value {
    in_named_zone("time.date", arguments)
}

fn time_weekday(arguments: &[Value]) -> Value {
    in_named_zone("time.weekday", arguments)
}

/// The zone `Local` is that of the machine: an input that nobody sees, so that a recorded decision
/// could not be replayed elsewhere. Undefined here, unlike in OPA.
fn in_named_zone(name: &str, arguments: &[Value]) -> Value {
    let is_local = |argument: &Value| {
        let zone = argument.as_array().ok().and_then(|parts| parts.get(1));
        zone.is_some_and(|zone| *zone == Value::from("Local"))
    };
    if arguments.iter().any(is_local) {
        return Value::Undefined;
    }
    original(name, arguments)
}

fn ceil(arguments: &[Value]) -> Value {
    rounded(arguments, f64::ceil)
}

fn floor(arguments: &[Value]) -> Value {
    rounded(arguments, f64::floor)
}

/// Away from zero, as Go rounds.
fn round(arguments: &[Value]) -> Value {
    rounded(arguments, f64::round)
}

/// OPA computes with 64 bits of mantissa, also for whole numbers.
fn rounded(arguments: &[Value], round: fn(f64) -> f64) -> Value {
    let [Value::Number(number)] = arguments else {
        return Value::Undefined;
    };
    if number.is_integer() {
        let Ok(whole) = number.format_decimal().parse::<i128>() else {
            return Value::Undefined;
        };
        return json_number(&sixty_four_bits(whole).to_string());
    }
    match number.as_f64() {
        Some(double) => json_number(&format!("{:.0}", round(double))),
        None => Value::Undefined,
    }
}

/// The number with 64 significant bits that is nearest, the even one of two.
fn sixty_four_bits(whole: i128) -> i128 {
    let size = whole.unsigned_abs();
    let spare_bits = (u128::BITS - size.leading_zeros()).saturating_sub(u64::BITS);
    if spare_bits == 0 {
        return whole;
    }
    let unit = 1_u128 << spare_bits;
    let (below, rest) = (size - size % unit, size % unit);
    let up = rest > unit / 2 || (rest == unit / 2 && (below / unit) % 2 == 1);
    let nearest = if up { below + unit } else { below };
    let nearest = i128::try_from(nearest).unwrap_or(i128::MAX);
    if whole < 0 { -nearest } else { nearest }
}

fn json_number(text: &str) -> Value {
    match Value::from_numeric_string(text) {
        Ok(number @ Value::Number(_)) => number,
        _ => Value::Undefined,
    }
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

/// What is no string is no valid text, not an error.
fn base64_is_valid(arguments: &[Value]) -> Value {
    only_strings("base64.is_valid", arguments)
}

/// What is no string is no valid text, not an error.
fn cidr_is_valid(arguments: &[Value]) -> Value {
    only_strings("net.cidr_is_valid", arguments)
}

fn only_strings(name: &str, arguments: &[Value]) -> Value {
    match arguments {
        [Value::String(_)] => original(name, arguments),
        _ => Value::from(false),
    }
}
