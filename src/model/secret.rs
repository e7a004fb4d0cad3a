//! Whether content holds a secret: told by the names of its members, never by recording a value.

use crate::model::json::Json;

/// A member's name is secret-like if it ends in one of these, after its letters were made small
/// and everything but letters and digits was left out: `X-Api-Key`, `dbPassword`, `access_token`.
/// Better one too many (`next_page_token`) than one too few.
const SECRET_ENDINGS: [&str; 17] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "authorization",
    "credential",
    "credentials",
    "cookie",
];

/// Whether a member of this name is taken to hold a secret.
#[must_use]
pub fn is_secret_key(name: &str) -> bool {
    let letters = name.chars().filter(|letter| letter.is_alphanumeric());
    let plain: String = letters.flat_map(char::to_lowercase).collect();
    SECRET_ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

/// Whether something stands under a secret-like name, at any depth.
#[must_use]
pub fn is_present(content: &Json) -> bool {
    match content {
        Json::Object(object) => object.iter().any(|(name, value)| {
            is_secret_key(name) && holds_something(value) || is_present(value)
        }),
        Json::Array(items) => items.iter().any(is_present),
        _ => false,
    }
}

fn holds_something(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(_) => false,
        Json::Number(_) => true,
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Object(object) => !object.is_empty(),
    }
}
