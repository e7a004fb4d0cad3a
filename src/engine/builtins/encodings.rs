//! Decoding as OPA, that is Go, does it.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regorus::Value;

use super::bounded::{TEXT_BYTES_MAX, give_up};
use super::strings;
use crate::engine::value::to_value;
use crate::model::json::{JsonError, Limits, parse};

/// Bits behind the last byte do not matter, padding does.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);
/// What is unmarshalled.
const JSON: Limits = Limits {
    bytes_max: TEXT_BYTES_MAX,
    depth_max: Limits::REQUEST.depth_max,
    values_max: Limits::REQUEST.values_max,
};

/// `base64.decode(text)`
pub(super) fn base64_decode(arguments: &[Value]) -> Value {
    let bytes = strings(arguments).and_then(|[text]| base64_bytes(text));
    bytes.map_or(Value::Undefined, |bytes| text(&bytes))
}

/// `base64.is_valid(text)`; what is no string is no valid text, not an error.
pub(super) fn base64_is_valid(arguments: &[Value]) -> Value {
    let bytes = strings(arguments).and_then(|[text]| base64_bytes(text));
    Value::from(bytes.is_some())
}

/// Line ends within the text do not matter.
fn base64_bytes(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.replace(['\r', '\n'], "")).ok()
}

/// `hex.decode(text)`
pub(super) fn hex_decode(arguments: &[Value]) -> Value {
    let bytes = strings(arguments).and_then(|[text]| hex_bytes(text));
    bytes.map_or(Value::Undefined, |bytes| text(&bytes))
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16)?).ok();
    let bytes = pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? * 16 + digit(*low)?));
    bytes.collect::<Option<_>>().filter(|_| rest.is_empty())
}

/// Each byte that is not part of a character counts as one, the replacement character.
fn text(bytes: &[u8]) -> Value {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        let invalid = chunk.invalid().iter();
        text.extend(invalid.map(|_| char::REPLACEMENT_CHARACTER));
    }
    Value::from(text)
}

/// `json.unmarshal(text)`; OPA takes the last of two members with one name, and other things that
/// are no strict JSON: the evaluation is given up there.
pub(super) fn json_unmarshal(arguments: &[Value]) -> Value {
    let Some([text]) = strings(arguments) else {
        return Value::Undefined;
    };
    match parse(text.as_bytes(), JSON).map(|json| to_value(&json)) {
        Ok(Ok(value)) => value,
        Err(JsonError::Syntax { .. }) => Value::Undefined,
        Ok(Err(_)) | Err(_) => give_up("strict JSON that json.unmarshal takes"),
    }
}
