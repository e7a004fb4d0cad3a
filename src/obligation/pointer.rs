//! JSON Pointer (RFC 6901).

use crate::model::json::Json;

/// The reference tokens of a pointer; `None` if it is not one. The empty pointer has none.
pub(super) fn tokens(text: &str) -> Option<Vec<String>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    text.strip_prefix('/')?.split('/').map(unescape).collect()
}

fn unescape(token: &str) -> Option<String> {
    let mut plain = String::with_capacity(token.len());
    let mut rest = token.chars();
    while let Some(character) = rest.next() {
        plain.push(match character {
            '~' => match rest.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

/// The array index that a token is: digits without a leading zero.
pub(super) fn index(token: &str) -> Option<usize> {
    let digits = token.bytes().all(|byte| byte.is_ascii_digit());
    if !digits || (token.len() > 1 && token.starts_with('0')) {
        return None;
    }
    token.parse().ok()
}

/// The value that a pointer points at.
pub(super) fn get<'a>(value: &'a Json, tokens: &[String]) -> Option<&'a Json> {
    tokens.iter().try_fold(value, |value, token| match value {
        Json::Object(object) => object.get(token),
        Json::Array(items) => items.get(index(token)?),
        _ => None,
    })
}

/// The value that a pointer points at, to change in place.
pub(super) fn get_mut<'a>(value: &'a mut Json, tokens: &[String]) -> Option<&'a mut Json> {
    tokens.iter().try_fold(value, |value, token| match value {
        Json::Object(object) => object.get_mut(token),
        Json::Array(items) => items.get_mut(index(token)?),
        _ => None,
    })
}
