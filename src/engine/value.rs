//! Between strict JSON and regorus' values. Nothing is rounded on the way in, nothing undefined
//! gets out.

use crate::model::call::{Build, Facts, Request};
use crate::model::json::{self, Json, Limits, Number, Object};
use regorus::Value;
use std::collections::BTreeMap;

mod shape;

#[cfg(test)]
mod tests;

/// Most significant digits of a number that is not written as an integer: a double holds these
/// exactly enough to be written back as they were.
const FRACTION_DIGITS_MAX: usize = 15;

/// A number that the engine would round.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a number with a fraction or an exponent is too small or has more than {FRACTION_DIGITS_MAX} significant digits"
)]
pub struct Inexact;

/// Why a value that a policy returned is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotJson {
    #[error("a part of the result is undefined")]
    Undefined,
    #[error("an object has a key that is no string")]
    Key,
    #[error("a number cannot be written")]
    Number,
    #[error("the result is larger than the limit")]
    TooLarge,
}

/// The engine's value of a document.
///
/// # Errors
/// `Inexact` where a number would be rounded.
pub(super) fn to_value(json: &Json) -> Result<Value, Inexact> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => number_to_value(number)?,
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => {
            Value::from(items.iter().map(to_value).collect::<Result<Vec<_>, _>>()?)
        }
        Json::Object(object) => object_to_value(object)?,
    })
}

/// The engine's value of an object.
///
/// # Errors
/// As `to_value`.
pub(super) fn object_to_value(object: &Object) -> Result<Value, Inexact> {
    let members = object
        .iter()
        .map(|(name, value)| Ok((Value::from(name), to_value(value)?)));
    Ok(Value::from(
        members.collect::<Result<BTreeMap<_, _>, Inexact>>()?,
    ))
}

/// Checks what `Input::of_request` would refuse, without building it.
///
/// # Errors
/// As `to_value`.
pub(super) fn check_numbers(request: &Request, facts: &Facts) -> Result<(), Inexact> {
    let own = request.arguments().into_iter().chain(&request.result);
    own.into_iter().try_for_each(check)?;
    let objects = [
        &request.principal.attributes,
        &request.context,
        &request.untrusted_annotations,
        &facts.facts,
    ];
    let mut members = objects.into_iter().flat_map(Object::iter);
    members.try_for_each(|(_, value)| check(value))
}

fn check(json: &Json) -> Result<(), Inexact> {
    match json {
        Json::Number(number) => number_to_value(number).map(drop),
        Json::Array(items) => items.iter().try_for_each(check),
        Json::Object(object) => object.iter().try_for_each(|(_, value)| check(value)),
        Json::Null | Json::Bool(_) | Json::String(_) => Ok(()),
    }
}

/// Makes the engine's values.
pub(super) struct AsValue;

impl Build for AsValue {
    type Value = Value;
    type Error = Inexact;

    fn text(&self, text: &str) -> Value {
        Value::from(text)
    }

    fn integer(&self, integer: i64) -> Value {
        Value::from(integer)
    }

    fn json(&self, json: &Json) -> Result<Value, Inexact> {
        to_value(json)
    }

    fn json_object(&self, object: &Object) -> Result<Value, Inexact> {
        object_to_value(object)
    }

    fn array(&self, items: impl Iterator<Item = Value>) -> Value {
        Value::from(items.collect::<Vec<_>>())
    }

    fn object(&self, members: Vec<(&'static str, Value)>) -> Value {
        shape::object(members)
    }
}

fn number_to_value(number: &Number) -> Result<Value, Inexact> {
    if let Some(small) = number.as_i64() {
        return Ok(Value::from(small));
    }
    let text = number.as_str();
    let value = Value::from_numeric_string(text).map_err(|_| Inexact)?;
    let whole = text
        .trim_start_matches('-')
        .chars()
        .all(|c| c.is_ascii_digit());
    let digits = significant_digits(text);
    let vanished = digits > 0 && value.as_f64().is_ok_and(|value| value == 0.0);
    // Whole numbers are kept whole by the engine; anything else may become a double.
    if vanished || (!whole && digits > FRACTION_DIGITS_MAX) {
        return Err(Inexact);
    }
    Ok(if whole { value } else { by_value(value) })
}

/// `1.0` and `1e0` are the number 1 to a policy, wherever it looks: as a double it would be computed
/// with otherwise.
fn by_value(value: Value) -> Value {
    let whole = value.as_number().is_ok_and(|number| number.is_integer());
    let text = value.as_number().map(|number| number.format_decimal());
    match text.map(|text| Value::from_numeric_string(&text)) {
        Ok(Ok(integer)) if whole => integer,
        _ => value,
    }
}

fn significant_digits(text: &str) -> usize {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.trim_start_matches('0').trim_end_matches('0').len()
}

/// The JSON of a value; sets become arrays in their order.
///
/// # Errors
/// Where the value has no JSON, or once `bytes_left` is used up.
pub(super) fn to_json(value: &Value, bytes_left: &mut usize) -> Result<Json, NotJson> {
    spend(bytes_left, 1)?;
    match value {
        Value::Null => Ok(Json::Null),
        Value::Bool(value) => Ok(Json::Bool(*value)),
        Value::Number(_) => number_to_json(value, bytes_left),
        Value::String(text) => {
            spend(bytes_left, text.len())?;
            Ok(Json::from(&**text))
        }
        Value::Array(items) => items_to_json(items.iter(), bytes_left),
        Value::Set(items) => items_to_json(items.iter(), bytes_left),
        Value::Object(members) => {
            let mut object = Vec::new();
            for (key, member) in members.iter() {
                let Value::String(key) = key else {
                    return Err(NotJson::Key);
                };
                spend(bytes_left, key.len())?;
                object.push((key.to_string(), to_json(member, bytes_left)?));
            }
            Ok(Json::object(object))
        }
        Value::Undefined => Err(NotJson::Undefined),
    }
}

fn items_to_json<'a>(
    items: impl Iterator<Item = &'a Value>,
    bytes_left: &mut usize,
) -> Result<Json, NotJson> {
    items
        .map(|item| to_json(item, bytes_left))
        .collect::<Result<_, _>>()
        .map(Json::Array)
}

fn number_to_json(value: &Value, bytes_left: &mut usize) -> Result<Json, NotJson> {
    if let Ok(small) = value.as_i64() {
        return Ok(Json::from(small));
    }
    let number = value.as_number().map_err(|_| NotJson::Number)?;
    // serde would write an integer beyond 64 bits as a double.
    let text = match number.as_big().filter(|_| number.is_integer()) {
        Some(integer) => integer.to_string(),
        None => serde_json::to_string(value).map_err(|_| NotJson::Number)?,
    };
    spend(bytes_left, text.len())?;
    json::parse(text.as_bytes(), Limits::REQUEST).map_err(|_| NotJson::Number)
}

fn spend(bytes_left: &mut usize, bytes: usize) -> Result<(), NotJson> {
    *bytes_left = bytes_left.checked_sub(bytes).ok_or(NotJson::TooLarge)?;
    Ok(())
}
