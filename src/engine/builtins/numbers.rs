//! Rounding, and numbers from text.

use regorus::Value;

use super::bounded::give_up;
use crate::engine::value::to_value;
use crate::model::json::{Limits, parse};

/// `ceil(x)`; between -1 and 0 OPA gives 1.
pub(super) fn ceil(arguments: &[Value]) -> Value {
    let up = |x: f64| if x > -1.0 && x < 0.0 { 1.0 } else { x.ceil() };
    rounded(arguments, up, 0)
}

/// `floor(x)`; between -1 and 0 OPA gives 0.
pub(super) fn floor(arguments: &[Value]) -> Value {
    let down = |x: f64| if x > -1.0 && x < 0.0 { 0.0 } else { x.floor() };
    rounded(arguments, down, 0)
}

/// `round(x)`: away from zero.
pub(super) fn round(arguments: &[Value]) -> Value {
    rounded(arguments, f64::round, 1)
}

/// OPA computes with 64 bits of mantissa, also for whole numbers; `halves` are added to the number
/// and taken off by rounding down.
fn rounded(arguments: &[Value], round: fn(f64) -> f64, halves: i128) -> Value {
    let [Value::Number(number)] = arguments else {
        return Value::Undefined;
    };
    if !number.is_integer() {
        let rounded = number
            .as_f64()
            .map(|double| format!("{:.0}", round(double)));
        return rounded.map_or(Value::Undefined, |text| numeric(&text));
    }
    let whole: Option<i128> = number.format_decimal().parse().ok();
    let doubled = whole.and_then(|whole| sixty_four_bits(whole).checked_mul(2));
    let Some(doubled) = doubled else {
        give_up("whole numbers that are rounded, of 126 bits");
    };
    let moved = sixty_four_bits(doubled + halves * doubled.signum());
    numeric(&(moved / 2).to_string())
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

fn numeric(text: &str) -> Value {
    match Value::from_numeric_string(text) {
        Ok(number @ Value::Number(_)) => number,
        _ => Value::Undefined,
    }
}

/// `to_number(x)`: of text, what Go parses as a number.
pub(super) fn to_number(arguments: &[Value]) -> Value {
    match arguments {
        [Value::Null | Value::Bool(false)] => Value::from(0_i64),
        [Value::Bool(true)] => Value::from(1_i64),
        [number @ Value::Number(_)] => number.clone(),
        [Value::String(text)] => number_of(text),
        _ => Value::Undefined,
    }
}

fn number_of(text: &str) -> Value {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if is_hexadecimal(unsigned) || is_grouped(unsigned) {
        give_up("decimal numbers that to_number takes");
    }
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    let finite = text.parse().is_ok_and(f64::is_finite);
    if !finite || !text.chars().all(plain) {
        return Value::Undefined;
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let json = format!("{sign}{}", as_json(unsigned));
    let parsed = parse(json.as_bytes(), Limits::REQUEST).ok();
    match parsed.and_then(|number| to_value(&number).ok()) {
        Some(number) => number,
        None => give_up("digits of a number that to_number takes"),
    }
}

/// Go takes `0x1p4`, but not `0x1`.
fn is_hexadecimal(unsigned: &str) -> bool {
    unsigned.starts_with('0') && unsigned.contains(['x', 'X']) && unsigned.contains(['p', 'P'])
}

/// Go takes `1_000`.
fn is_grouped(unsigned: &str) -> bool {
    let joined = unsigned.replace('_', "");
    let grouped = joined.len() < unsigned.len() && !unsigned.starts_with('_');
    grouped && joined.parse::<f64>().is_ok()
}

/// JSON wants one zero before the point where there is nothing else, and a digit behind it.
fn as_json(unsigned: &str) -> String {
    let at = unsigned.find(['e', 'E']).unwrap_or(unsigned.len());
    let (mantissa, exponent) = unsigned.split_at_checked(at).unwrap_or((unsigned, ""));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    match fraction {
        "" => format!("{whole}{exponent}"),
        digits => format!("{whole}.{digits}{exponent}"),
    }
}
