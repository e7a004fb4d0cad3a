//! What would make a record too long is cut, and the record says where.

use crate::model::json::{Json, Object};
use std::collections::BTreeSet;

/// Keep at most so many items of a list, and so many bytes of a text.
#[derive(Clone, Copy)]
struct Keep {
    items_max: usize,
    text_bytes_max: usize,
}

/// Tried in order until the record fits. A text of `TEXT_BYTES_MIN` is never cut, so that hashes,
/// digests and ids stay whole; the last round keeps no lists, and then some tens of short texts
/// are left, which always fit.
const ROUNDS: [Keep; 5] = [
    Keep {
        items_max: 256,
        text_bytes_max: 4096,
    },
    Keep {
        items_max: 64,
        text_bytes_max: 1024,
    },
    Keep {
        items_max: 16,
        text_bytes_max: 256,
    },
    Keep {
        items_max: 4,
        text_bytes_max: 256,
    },
    Keep {
        items_max: 0,
        text_bytes_max: TEXT_BYTES_MIN,
    },
];

/// As long as the longest hash text with its escapes may be.
const TEXT_BYTES_MIN: usize = 192;

/// Cuts lists and texts until `fits` holds, and names the fields that lost something in
/// `truncated`.
pub fn until(fields: &mut Object, fits: impl Fn(&Object) -> bool) {
    let mut cut = BTreeSet::new();
    for keep in ROUNDS {
        for (name, value) in fields.iter_mut() {
            if shorten(value, keep) {
                cut.insert(name.to_owned());
            }
        }
        fields.insert("truncated", Json::array(cut.iter().map(String::as_str)));
        if fits(fields) {
            return;
        }
    }
}

fn shorten(value: &mut Json, keep: Keep) -> bool {
    match value {
        Json::String(text) => shorten_text(text, keep.text_bytes_max),
        Json::Array(items) => {
            let too_many = items.len() > keep.items_max;
            items.truncate(keep.items_max);
            items
                .iter_mut()
                .fold(too_many, |cut, item| shorten(item, keep) || cut)
        }
        Json::Object(object) => object
            .iter_mut()
            .fold(false, |cut, (_, value)| shorten(value, keep) || cut),
        Json::Null | Json::Bool(_) | Json::Number(_) => false,
    }
}

/// Counts bytes as they are written, so that a text of control characters cannot grow sixfold.
fn shorten_text(text: &mut String, bytes_max: usize) -> bool {
    let mut bytes = 0;
    let mut fits = |character: char| {
        bytes += match character {
            '"' | '\\' => 2,
            control if control < ' ' => 6,
            other => other.len_utf8(),
        };
        bytes <= bytes_max
    };
    let characters = text.chars().take_while(|character| fits(*character));
    let kept: usize = characters.map(char::len_utf8).sum();
    let cut = kept < text.len();
    text.truncate(kept);
    cut
}
