//! Traces of listed fields in strings that are not JSON. Such a string is the value of its own
//! field and passes, unless it shows a listed name as a label, a column or a tag, or holds
//! something that cannot be read.

use super::NESTING_MAX;
use super::encoding;
use super::names::{Names, decomposed, fold};
use super::text::{self, Carried};
use crate::model::json::Json;

#[cfg(test)]
mod tests;

/// Bytes within base64 that are no text pass only if they are fewer: keys, hashes and signatures.
const OPAQUE_BYTES_MAX: usize = 1 << 10;
/// Most words before the end of a label that are put together to a name.
const LABEL_WORDS_MAX: usize = 8;

/// Characters that end a label: `phone: 555`, `phone=555`, `<phone>`, `| phone |`.
const LABEL_ENDS: [char; 8] = [':', '=', '>', '|', '→', '⇒', '–', '—'];
/// Characters between the cells of a line.
const CELL_ENDS: [char; 22] = [
    '\n', '\r', '\t', ',', ';', '|', ':', '=', '"', '\'', '`', '(', ')', '[', ']', '{', '}', '<',
    '>', '→', '\u{1f}', '\u{1e}',
];
/// Longest name of a member that is not searched, in bytes.
const PLAIN_BYTES_MAX: usize = 40;
/// How files start that hold compressed or other content.
const MAGIC: [&[u8]; 12] = [
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"%PDF",
    b"RIFF",
    b"BZh",
    b"\x28\xb5\x2f\xfd",
    b"\xfd7zXZ",
    b"\x78\x9c",
    b"\x78\xda",
];

/// Members that say what another one is, in lists of names with values.
const NAMING: [&str; 14] = [
    "name",
    "key",
    "field",
    "column",
    "label",
    "attribute",
    "property",
    "header",
    "system",
    "type",
    "kind",
    "path",
    "k",
    "id",
];
/// Members that hold the value in lists of names with values.
const VALUING: [&str; 6] = ["value", "values", "val", "v", "data", "content"];

/// Whether a string of a field shows a listed name, or may hide one.
pub(super) fn shows(names: &Names, text: &str) -> bool {
    let mut text = decomposed(text).into_owned();
    for _ in 0..NESTING_MAX {
        let listed = names.mentioned(&text);
        if (listed && is_shown(names, &text)) || hides(names, &text) {
            return true;
        }
        match encoding::unescaped(&text) {
            Some(next) => text = next,
            None => return false,
        }
    }
    true
}

fn is_shown(names: &Names, text: &str) -> bool {
    names.phrased(text) || has_label(names, text) || has_cell(names, text) || is_table(names, text)
}

/// Quotes and the backslashes of inner strings may stand between a word and the end of its label.
fn has_label(names: &Names, text: &str) -> bool {
    let text = text.replace(" - ", ":");
    let mut pieces: Vec<&str> = text.split(LABEL_ENDS).collect();
    pieces.pop();
    let opened = text.split(['<', '(', '{', '[']).skip(1);
    let mut first = opened.filter_map(|it| it.trim_start_matches(['/', ' ']).split(no_word).next());
    pieces.into_iter().any(|piece| ends_in_name(names, piece))
        || first.any(|word| names.is_listed(word))
}

fn no_word(character: char) -> bool {
    !is_word_character(character)
}

/// Whether the last words of a piece are a listed name.
fn ends_in_name(names: &Names, piece: &str) -> bool {
    let words = piece.rsplit(no_word).filter(|word| !word.is_empty());
    let mut together = String::new();
    for word in words.take(LABEL_WORDS_MAX) {
        together.insert_str(0, &fold(word));
        if names.holds(&together) {
            return true;
        }
    }
    false
}

/// Whether a line has several cells, and one of them is a listed name.
fn has_cell(names: &Names, text: &str) -> bool {
    let cells = text.split(CELL_ENDS).flat_map(|cell| cell.split("  "));
    let cells: Vec<_> = cells.filter(|cell| !cell.trim().is_empty()).collect();
    cells.len() > 1 && cells.iter().any(|cell| names.is_listed(cell))
}

/// Whether the first line has as many words as the second, and one of them is a listed name.
fn is_table(names: &Names, text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (Some(head), Some(row)) = (lines.next(), lines.next()) else {
        return false;
    };
    let count = |line: &str| line.split_whitespace().count();
    count(head) == count(row) && head.split_whitespace().any(|word| names.is_listed(word))
}

/// Whether a string holds content that cannot be searched, or encodes a text with a listed name.
fn hides(names: &Names, text: &str) -> bool {
    let opaque = |bytes: Vec<u8>| match String::from_utf8(bytes) {
        Ok(text) if !text.contains(is_control) => names.mentioned(&text),
        Ok(text) => text.len() > OPAQUE_BYTES_MAX || is_file(text.as_bytes()),
        Err(error) => {
            let bytes = error.as_bytes();
            bytes.len() > OPAQUE_BYTES_MAX || is_file(bytes)
        }
    };
    encoding::has_data_uri(text) || encoding::decoded_runs(text).into_iter().any(opaque)
}

fn is_control(character: char) -> bool {
    character.is_control() && !character.is_whitespace()
}

fn is_file(bytes: &[u8]) -> bool {
    MAGIC.iter().any(|magic| bytes.starts_with(magic))
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '-'
}

/// Whether a member's name is so short and simple that it cannot hold anything.
pub(super) fn is_plain(name: &str) -> bool {
    name.len() <= PLAIN_BYTES_MAX
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a name is one word.
pub(super) fn is_word(name: &str) -> bool {
    name.chars().all(is_word_character)
}

/// Whether a string is a listed name and nothing else. A document is not, whatever its letters.
pub(super) fn is_name(names: &Names, text: &str) -> bool {
    names.is_listed(text) && !carries_document(text)
}

/// Whether a string is a document, or a string of one: what is masked in there leaves no letters
/// but the name's. Each string within a string takes twice the escapes, so this ends soon.
fn carries_document(text: &str) -> bool {
    match text::read(text) {
        Ok(Carried::One(Json::String(inner))) => carries_document(&inner),
        Ok(Carried::One(value)) => matches!(value, Json::Object(_) | Json::Array(_)),
        Ok(Carried::Lines(_)) => true,
        Err(_) => false,
    }
}

/// Whether the members of an object, names with strings, say that one of the others is the value
/// of a listed field: `{"system": "phone", "value": "555"}`.
pub(super) fn names_a_value(names: &Names, members: &[(&str, Option<&str>)]) -> bool {
    let is_one = |name: &str, known: &[&str]| known.contains(&fold(name).as_str());
    members.iter().any(|(name, text)| {
        let is_listed = |text: &str| names.is_listed(text) || names.is_led_to(text);
        let listed = text.is_some_and(|text| is_listed(text) && !carries_document(text));
        listed && (is_one(name, &NAMING) || members.iter().any(|(name, _)| is_one(name, &VALUING)))
    })
}
