//! Whether content holds a secret, told by the names of its members and by what values look like;
//! and content without the secrets that it held.

mod detect;
mod rules;
#[cfg(test)]
mod tests;

pub use detect::{UNCHECKED, WORK_BYTES_MAX, find, may_hold, prepare};

use crate::model::json::{self, Json, Limits, Object};
use detect::{Budget, find_within, locate};
use std::borrow::Cow;

/// What a value under a secret-like name is called.
pub const BY_NAME: &str = "name";
/// How deep JSON in texts in JSON in texts is looked at.
const NESTED_MAX: usize = 3;
/// Most secrets that are taken out of one text; one with more is not shown.
const REDACTED_MAX: usize = 32;

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

/// Whether something stands under a secret-like name, at any depth, or a detector finds a secret.
#[must_use]
pub fn is_present(content: &Json) -> bool {
    is_present_in(content, &content.canonical())
}

/// As `is_present`, of content whose canonical text is known already.
#[must_use]
pub fn is_present_in(content: &Json, canonical: &[u8]) -> bool {
    // Escapes change no letter of a keyword, so a text without one holds no secret.
    let mut looking = Looking {
        detects: may_hold(canonical),
        ..Looking::default()
    };
    looking.finds("", content)
}

/// The content with each secret replaced by `{"secret": "<detector>", "present": true}`: what
/// stands under a secret-like name, and each text in which a detector finds one. A member whose
/// very name is a secret gets another name. JSON in a text is looked into, and stays a text.
#[must_use]
pub fn replaced(content: &Json) -> Json {
    let mut looking = Looking {
        detects: true,
        ..Looking::default()
    };
    looking.replaced("", content)
}

/// A text to be shown, or `[secret: <detector>]` in its place where it holds a secret.
#[must_use]
pub fn scrubbed(text: &str) -> Cow<'_, str> {
    match find(text) {
        Some(detector) => Cow::Owned(mark(detector)),
        None => Cow::Borrowed(text),
    }
}

/// A text to be shown, with `[secret: <detector>]` in the place of each secret in it: for log lines
/// and errors, the rest of which is worth reading.
#[must_use]
pub fn redacted(text: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed(text);
    let mut budget = Budget::default();
    for _ in 0..REDACTED_MAX {
        match locate(shown.as_bytes(), &mut budget) {
            None => return shown,
            Some((detector, at))
                if shown.is_char_boundary(at.start) && shown.is_char_boundary(at.end) =>
            {
                shown.to_mut().replace_range(at, &mark(detector));
            }
            Some((detector, _)) => return Cow::Owned(mark(detector)),
        }
    }
    Cow::Owned(mark(UNCHECKED))
}

/// A value with each of its texts as `scrubbed` has it, whatever the texts are called.
#[must_use]
pub fn scrubbed_in(value: &Json) -> Json {
    match value {
        Json::String(text) => Json::String(scrubbed(text).into_owned()),
        Json::Array(items) => Json::array(items.iter().map(scrubbed_in)),
        Json::Object(object) => Json::object(
            object
                .iter()
                .map(|(name, item)| (scrubbed(name), scrubbed_in(item))),
        ),
        Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
    }
}

fn mark(detector: &str) -> String {
    format!("[secret: {detector}]")
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

/// Going through a content.
#[derive(Default)]
struct Looking {
    /// Whether a detector may find something: no text is looked at else.
    detects: bool,
    budget: Budget,
    /// How many documents in texts the value is in.
    nested: usize,
    /// Room for a member's text.
    member: String,
}

impl Looking {
    /// Whether there is a secret in the value of this name.
    fn finds(&mut self, name: &str, value: &Json) -> bool {
        if is_secret_key(name) && holds_something(value) {
            return true;
        }
        match value {
            Json::Object(object) => object
                .iter()
                .any(|(name, value)| self.in_text("", name).is_some() || self.finds(name, value)),
            Json::Array(items) => items.iter().any(|item| self.finds(name, item)),
            Json::String(text) => match self.documents(text) {
                Some(documents) => {
                    self.nested += 1;
                    let found = documents.iter().any(|document| self.finds("", document));
                    self.nested -= 1;
                    found
                }
                None => self.in_text(name, text).is_some(),
            },
            Json::Null | Json::Bool(_) | Json::Number(_) => false,
        }
    }

    fn replaced(&mut self, name: &str, value: &Json) -> Json {
        if is_secret_key(name) && holds_something(value) {
            return replacement(BY_NAME);
        }
        match value {
            Json::Object(object) => Json::Object(self.members(object)),
            Json::Array(items) => Json::array(items.iter().map(|item| self.replaced(name, item))),
            Json::String(text) => match self.documents(text) {
                Some(documents) => self.lines(&documents),
                None => match self.in_text(name, text) {
                    Some(detector) => replacement(detector),
                    None => value.clone(),
                },
            },
            Json::Null | Json::Bool(_) | Json::Number(_) => value.clone(),
        }
    }

    fn members(&mut self, object: &Object) -> Object {
        let mut members = Object::new();
        for (name, value) in object.iter() {
            let found = self.in_text("", name);
            let value = self.replaced(if found.is_some() { "" } else { name }, value);
            match found {
                // Numbered, so that none takes another's place.
                Some(detector) => {
                    members.insert(format!("{} {}", mark(detector), members.len() + 1), value)
                }
                None => members.insert(name, value),
            };
        }
        members
    }

    fn lines(&mut self, documents: &[Json]) -> Json {
        self.nested += 1;
        let lines: Vec<String> = documents
            .iter()
            .map(|document| self.replaced("", document).to_string())
            .collect();
        self.nested -= 1;
        Json::String(lines.join("\n"))
    }

    /// The JSON that a text is, or its lines are, if it may hold a secret.
    fn documents(&self, text: &str) -> Option<Vec<Json>> {
        let may_be = self.detects && self.nested < NESTED_MAX && begins_document(text);
        if !may_be || !may_hold(text.as_bytes()) {
            return None;
        }
        if let Some(document) = document(text) {
            return Some(vec![document]);
        }
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        lines.map(document).collect()
    }

    /// The detector that finds a secret in a text of this name.
    fn in_text(&mut self, name: &str, text: &str) -> Option<&'static str> {
        if !self.detects {
            return None;
        }
        if name.is_empty() {
            return find_within(text.as_bytes(), &mut self.budget);
        }
        self.member.clear();
        // As it stands in a file: rules tell some secrets by what they are called.
        for part in ["\"", name, "\":\"", text, "\""] {
            self.member.push_str(part);
        }
        find_within(self.member.as_bytes(), &mut self.budget)
    }
}

fn replacement(detector: &str) -> Json {
    Json::object([
        ("secret", Json::from(detector)),
        ("present", Json::from(true)),
    ])
}

fn begins_document(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

fn document(text: &str) -> Option<Json> {
    let limits = Limits::REQUEST;
    json::parse(text.as_bytes(), limits)
        .ok()
        .filter(|_| begins_document(text))
}
