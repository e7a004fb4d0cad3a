//! The types that a key may have: each getter says what is wrong, and then gives nothing.

use super::keys::Kind;
use super::overrides::Override;
use super::problem::Place;
use super::read::{Located, Section, kind};
use super::words::{Worded, Words};
use toml::Spanned;
use toml::de::{DeArray, DeValue};

enum Found<'a> {
    InFile(&'a Spanned<DeValue<'a>>),
    Override(&'a Override),
}

impl<'a> Section<'a> {
    fn find(&self, key: &'static str) -> Option<Found<'a>> {
        self.kind_of(key)?;
        let in_file = self.in_file(key);
        match self.reader.overrides.get(&self.path_of(key)) {
            Some(set) => Some(Found::Override(set)),
            None => in_file.map(Found::InFile),
        }
    }

    /// The value of a key, read by one of two functions; `None` with a problem if it is of another
    /// type.
    fn read<T>(
        &self,
        key: &'static str,
        expected: &str,
        of_file: impl Fn(&'a DeValue<'a>) -> Option<T>,
        of_override: impl Fn(&str) -> Option<T>,
    ) -> Option<Located<T>> {
        let (place, value, kind) = match self.find(key)? {
            Found::InFile(found) => {
                let value = found.get_ref();
                let place = self.reader.place(&found.span());
                (place, of_file(value), kind(value))
            }
            Found::Override(set) => (
                Place::Override(set.name.clone()),
                of_override(&set.value),
                format!("`{}`", set.value),
            ),
        };
        let Some(value) = value else {
            let key = self.path_of(key);
            self.problem(&place, format!("`{key}` must be {expected}, not {kind}"));
            return None;
        };
        Some(Located { value, place })
    }

    /// A text that is not empty.
    pub(super) fn text(&self, key: &'static str) -> Option<Located<String>> {
        let of_file = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
        let text = self.read(key, "text", of_file, |text| Some(text.to_owned()))?;
        if text.value.is_empty() {
            self.problem(
                &text.place,
                format!("`{}` may not be empty", self.path_of(key)),
            );
            return None;
        }
        Some(text)
    }

    /// A text that must be there, if its section is.
    pub(super) fn required_text(&self, key: &'static str) -> Option<Located<String>> {
        self.require(key);
        self.text(key)
    }

    /// The default of a text.
    pub(super) fn default_text(&self, key: &'static str) -> Option<&'static str> {
        match self.kind_of(key)? {
            Kind::Text(default) => Some(default),
            _ => None,
        }
    }

    /// A text, else its default.
    pub(super) fn text_or_default(&self, key: &'static str) -> Option<Located<String>> {
        if self.has(key) {
            return self.text(key);
        }
        Some(Located {
            value: self.default_text(key)?.to_owned(),
            place: self.place().clone(),
        })
    }

    /// True or false, else its default.
    pub(super) fn flag(&self, key: &'static str) -> bool {
        let default = matches!(self.kind_of(key), Some(Kind::Flag(true)));
        let flag = self.read(key, "true or false", DeValue::as_bool, |text| {
            text.parse().ok()
        });
        flag.map_or(default, |flag| flag.value)
    }

    /// A whole number within its range, else its default.
    pub(super) fn count(&self, key: &'static str) -> u64 {
        let Some(Kind::Count(default, from, to)) = self.kind_of(key) else {
            self.problem(
                self.place(),
                format!("`{}` is no number", self.path_of(key)),
            );
            return 0;
        };
        self.whole_within(key, *from, *to).unwrap_or(*default)
    }

    /// A whole number within its range, if it is there.
    pub(super) fn count_if_given(&self, key: &'static str) -> Option<u64> {
        match self.kind_of(key)? {
            Kind::Within(from, to) => self.whole_within(key, *from, *to),
            _ => None,
        }
    }

    fn whole_within(&self, key: &'static str, from: u64, to: u64) -> Option<u64> {
        let count = self.whole(key)?;
        if (from..=to).contains(&count.value) {
            return Some(count.value);
        }
        let (path, given) = (self.path_of(key), count.value);
        self.problem(
            &count.place,
            format!("`{path}` must be {from} to {to}, not `{given}`"),
        );
        None
    }

    /// A whole number, not negative.
    pub(super) fn whole(&self, key: &'static str) -> Option<Located<u64>> {
        let of_file = |value: &DeValue<'_>| {
            let whole = value.as_integer()?;
            u64::from_str_radix(whole.as_str(), whole.radix()).ok()
        };
        let expected = "a whole number that is not negative";
        self.read(key, expected, of_file, |text| text.parse().ok())
    }

    /// Permission bits. Without `0o` a number is decimal, and other bits than were meant.
    pub(super) fn octal(&self, key: &'static str) -> Option<Located<u64>> {
        let of_file = |value: &DeValue<'_>| {
            let whole = value.as_integer().filter(|whole| whole.radix() == 8)?;
            u64::from_str_radix(whole.as_str(), 8).ok()
        };
        let of_override = |text: &str| u64::from_str_radix(text.strip_prefix("0o")?, 8).ok();
        let expected = "permission bits in octal, such as `0o660`";
        self.read(key, expected, of_file, of_override)
    }

    /// One of several words, else the default.
    pub(super) fn choice<T: Worded>(&self, key: &'static str) -> T {
        let text = self.text(key);
        let chosen = text.and_then(|text| self.choose(&text, key, T::WORDS));
        chosen.unwrap_or_default()
    }

    fn choose<T: Copy>(
        &self,
        text: &Located<String>,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let found = words.iter().find(|(word, _)| *word == text.value);
        if found.is_none() {
            let known = self.words(key).map_or_else(Vec::new, |words| words.all);
            let (path, known, given) = (self.path_of(key), known.join("`, `"), &text.value);
            self.problem(
                &text.place,
                format!("`{path}` must be one of `{known}`, not `{given}`"),
            );
        }
        found.map(|(_, meaning)| *meaning)
    }

    fn words(&self, key: &'static str) -> Option<Words> {
        match self.kind_of(key)? {
            Kind::Choice(words) | Kind::Choices(words) => Some(words()),
            _ => None,
        }
    }

    /// Several of several words, each once, else the default; perhaps none.
    pub(super) fn choices<T: Copy + PartialEq>(
        &self,
        key: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<Vec<T>> {
        if !self.has(key) {
            let default = self.words(key)?.default;
            let meaning = |word: &str| words.iter().find(|(it, _)| *it == word);
            let chosen = default.into_iter().filter_map(meaning);
            let chosen: Vec<T> = chosen.map(|(_, meaning)| *meaning).collect();
            return (!chosen.is_empty()).then_some(chosen);
        }
        let texts = self.texts(key)?;
        let mut chosen = Vec::new();
        for text in &texts {
            let choice = self.choose(text, key, words)?;
            if chosen.contains(&choice) {
                let message = format!("`{}` names `{}` twice", self.path_of(key), text.value);
                self.problem(&text.place, message);
            }
            chosen.push(choice);
        }
        Some(chosen)
    }

    /// A list of texts, none of them empty.
    pub(super) fn texts(&self, key: &'static str) -> Option<Vec<Located<String>>> {
        match self.find(key)? {
            Found::InFile(found) => match found.get_ref() {
                DeValue::Array(items) => self.items(key, items),
                other => {
                    let (path, kind) = (self.path_of(key), kind(other));
                    let message = format!("`{path}` must be a list of texts, not {kind}");
                    self.problem(&self.reader.place(&found.span()), message);
                    None
                }
            },
            Found::Override(set) => Some(split(set)),
        }
    }

    fn items(&self, key: &str, items: &'a DeArray<'a>) -> Option<Vec<Located<String>>> {
        let read = |item: &'a Spanned<DeValue<'a>>| {
            let place = self.reader.place(&item.span());
            match item.get_ref().as_str() {
                Some(text) if !text.is_empty() => Some(Located {
                    value: text.to_owned(),
                    place,
                }),
                _ => {
                    let message =
                        format!("`{}` must hold texts that are not empty", self.path_of(key));
                    self.problem(&place, message);
                    None
                }
            }
        };
        items.iter().map(read).collect()
    }

    /// One text, or a list of texts: `"sub"` means `["sub"]`.
    pub(super) fn text_or_texts(&self, key: &'static str) -> Option<Located<Vec<String>>> {
        let expected = "a text or a list of texts";
        let of_override = |text: &str| Some(text.split(',').map(str::to_owned).collect());
        let texts = self.read(key, expected, text_or_texts, of_override)?;
        if texts.value.iter().any(String::is_empty) {
            let message = match texts.value.len() {
                1 => format!("`{}` may not be empty", self.path_of(key)),
                _ => format!("`{}` must hold texts that are not empty", self.path_of(key)),
            };
            self.problem(&texts.place, message);
            return None;
        }
        Some(texts)
    }

    /// Every key of a table whose keys are the user's own names, each with a text or a list.
    pub(super) fn own_names(&self) -> Vec<(String, Located<Vec<String>>)> {
        let mut named = Vec::new();
        for (name, value) in self.table.into_iter().flatten() {
            let place = self.reader.place(&value.span());
            let texts = text_or_texts(value.get_ref());
            match texts.filter(|texts| !texts.iter().any(String::is_empty)) {
                Some(texts) => named.push((
                    name.get_ref().to_string(),
                    Located {
                        value: texts,
                        place,
                    },
                )),
                None => {
                    let path = self.path_of(name.get_ref());
                    self.problem(
                        &place,
                        format!("`{path}` must be a text or a list of texts, none of them empty"),
                    );
                }
            }
        }
        named
    }
}

fn split(set: &Override) -> Vec<Located<String>> {
    let items = set.value.split(',').map(str::trim);
    let items = items.filter(|item| !item.is_empty());
    let located = |item: &str| Located {
        value: item.to_owned(),
        place: Place::Override(set.name.clone()),
    };
    items.map(located).collect()
}

fn text_or_texts(value: &DeValue<'_>) -> Option<Vec<String>> {
    let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
    match value {
        DeValue::Array(items) => items.iter().map(|item| text(item.get_ref())).collect(),
        other => Some(vec![text(other)?]),
    }
}
