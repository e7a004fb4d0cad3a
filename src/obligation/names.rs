//! The listed names, compared as a reader would: by their letters and digits.
//!
//! `Email`, `e_mail`, `ｅｍａｉｌ`, `e<zero-width space>mail` and `еmail` with a Cyrillic letter are one
//! name: some decoder or reader takes each for the other, and telling them apart would only make
//! holes. Of a name that is a path (`user.email`, `contact[email]`, `x:email`), each segment counts.

use super::plan::{Action, Owed};
use super::{encoding, trace};
use icu_normalizer::DecomposingNormalizerBorrowed;
use std::borrow::Cow;
use std::collections::HashMap;

#[cfg(test)]
mod tests;

/// Characters between the segments of a name that is a path.
const SEGMENT_ENDS: [char; 5] = ['.', '/', ':', '[', ']'];

/// Letters that look like an ASCII letter once they are in lower case and decomposed.
const LOOKALIKES: [(char, char); 40] = [
    // Cyrillic
    ('а', 'a'),
    ('в', 'b'),
    ('с', 'c'),
    ('ԁ', 'd'),
    ('е', 'e'),
    ('һ', 'h'),
    ('н', 'h'),
    ('і', 'i'),
    ('ј', 'j'),
    ('к', 'k'),
    ('ӏ', 'l'),
    ('м', 'm'),
    ('п', 'n'),
    ('о', 'o'),
    ('р', 'p'),
    ('ԛ', 'q'),
    ('г', 'r'),
    ('ѕ', 's'),
    ('т', 't'),
    ('ԝ', 'w'),
    ('х', 'x'),
    ('у', 'y'),
    ('ү', 'y'),
    // Greek
    ('α', 'a'),
    ('ε', 'e'),
    ('η', 'n'),
    ('ι', 'i'),
    ('κ', 'k'),
    ('ν', 'v'),
    ('ο', 'o'),
    ('ρ', 'p'),
    ('τ', 't'),
    ('υ', 'u'),
    ('χ', 'x'),
    // Latin
    ('ı', 'i'),
    ('ɑ', 'a'),
    ('ɡ', 'g'),
    ('ɩ', 'i'),
    ('ɪ', 'i'),
    ('ʟ', 'l'),
];

/// A name's letters and digits, compatibility forms and lookalikes as plain letters, in lower case.
/// A name without any is what it is.
pub(super) fn fold(name: &str) -> String {
    let folded: String = if name.is_ascii() {
        let kept = name.bytes().filter(u8::is_ascii_alphanumeric);
        kept.map(|byte| char::from(byte.to_ascii_lowercase()))
            .collect()
    } else {
        let lower = decomposed(name).to_lowercase();
        let letters = lower.chars().filter(|c| c.is_alphanumeric());
        letters.map(plain).collect()
    };
    if folded.is_empty() {
        name.to_owned()
    } else {
        folded
    }
}

/// The text with every character decomposed to its compatibility form.
pub(super) fn decomposed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    DecomposingNormalizerBorrowed::new_nfkd().normalize(text)
}

fn plain(letter: char) -> char {
    let found = LOOKALIKES.iter().find(|(other, _)| *other == letter);
    found.map_or(letter, |(_, plain)| *plain)
}

/// What is owed to members by their names.
#[derive(Debug, Default)]
pub(super) struct Names {
    by_name: HashMap<String, Owed>,
    /// Folded names that are more than one word.
    phrases: Vec<String>,
}

impl Names {
    pub(super) fn owe(&mut self, owed: Owed) {
        let name = fold(&owed.field);
        if !trace::is_word(&owed.field) {
            self.phrases.push(name.clone());
        }
        let first = self.by_name.get(&name);
        let replaces = |first: &Owed| {
            let drops = owed.action == Action::Drop;
            let dropped = first.action == Action::Drop;
            // Of two spellings of one name, the same is reported whatever the order.
            (drops, &first.field) > (dropped, &owed.field)
        };
        if first.is_none_or(replaces) {
            self.by_name.insert(name, owed);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// What is owed to a member of this name.
    pub(super) fn of_member(&self, name: &str) -> Option<&Owed> {
        if self.is_empty() {
            return None;
        }
        let plain = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if plain {
            return self.by_name.get(name);
        }
        self.of_path(name).or_else(|| {
            let decoded = encoding::unescaped(name)?;
            self.of_path(&decoded)
        })
    }

    fn of_path(&self, name: &str) -> Option<&Owed> {
        let whole = self.by_name.get(&fold(name));
        if whole.is_some() {
            return whole;
        }
        let segments = || name.split(SEGMENT_ENDS).filter(|it| !it.is_empty());
        // A name that is more than a path may hold a value itself: it is searched as text.
        let is_path = segments().all(|it| trace::is_word(it.trim_start_matches(['@', '$'])));
        let mut owed = segments().filter_map(|segment| self.by_name.get(&fold(segment)));
        owed.next().filter(|_| is_path)
    }

    /// Whether this text is a listed name and nothing else.
    pub(super) fn is_listed(&self, text: &str) -> bool {
        !self.is_empty() && self.by_name.contains_key(&fold(text))
    }

    /// Whether this text is a path, such as `user.email` or `/user/email`, to a listed name.
    pub(super) fn is_led_to(&self, text: &str) -> bool {
        !self.is_empty() && self.of_path(text).is_some()
    }

    /// Whether words, put together, are a listed name.
    pub(super) fn holds(&self, folded: &str) -> bool {
        self.by_name.contains_key(folded)
    }

    /// Whether the letters of a listed name follow each other anywhere in this text.
    pub(super) fn mentioned(&self, text: &str) -> bool {
        let folded = fold(text);
        self.by_name
            .keys()
            .any(|name| folded.contains(name.as_str()))
    }

    /// Whether a listed name of several words stands anywhere in this text.
    pub(super) fn phrased(&self, text: &str) -> bool {
        if self.phrases.is_empty() {
            return false;
        }
        let folded = fold(text);
        self.phrases
            .iter()
            .any(|phrase| folded.contains(phrase.as_str()))
    }
}
