//! Reading a TOML file key by key, as `keys` says; nothing stops at the first problem.

use super::keys::{self, Kind};
use super::overrides::Overrides;
use super::problem::{Place, Problem, nearest};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How many typing errors an unknown key may be away from a known one that is suggested.
pub(super) const KEY_DISTANCE_MAX: usize = 3;
/// The same for environment variables: many that are not ours start like ours.
const VARIABLE_DISTANCE_MAX: usize = 2;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// One file and what wins over it; collects problems.
pub(super) struct Reader<'a> {
    text: &'a str,
    pub(super) overrides: &'a Overrides,
    problems: RefCell<Vec<Problem>>,
}

/// A table of the file, or one that the file leaves out.
pub(super) struct Section<'a> {
    pub(super) reader: &'a Reader<'a>,
    /// `listen.tls`; `callers[]` for one of several; empty for the whole file.
    path: String,
    place: Place,
    pub(super) table: Option<&'a DeTable<'a>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, overrides: &'a Overrides) -> Self {
        Self {
            text,
            overrides,
            problems: RefCell::default(),
        }
    }

    pub(super) fn root(&'a self, table: &'a DeTable<'a>) -> Section<'a> {
        Section {
            reader: self,
            path: String::new(),
            place: Place::File { line: 1, column: 1 },
            table: Some(table),
        }
    }

    /// A section that the file does not have.
    pub(super) fn absent(&'a self, path: &str) -> Section<'a> {
        Section {
            reader: self,
            path: path.to_owned(),
            place: Place::File { line: 1, column: 1 },
            table: None,
        }
    }

    pub(super) fn problem(&self, place: &Place, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem {
            place: place.clone(),
            message: message.into(),
        });
    }

    pub(super) fn place(&self, span: &Range<usize>) -> Place {
        Place::of(self.text, span.start)
    }

    /// Whether no problem has been found so far.
    pub(super) fn is_sound(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// Every problem, in the order of the file; then each variable that is nearly a known one.
    pub(super) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        let known: BTreeSet<String> = keys::variables().collect();
        for name in self.overrides.names().filter(|name| !known.contains(*name)) {
            let near = known.iter().map(String::as_str);
            if let Some(meant) = nearest(name, near, VARIABLE_DISTANCE_MAX) {
                problems.push(Problem {
                    place: Place::Override(name.to_owned()),
                    message: format!("no such variable; did you mean `{meant}`?"),
                });
            }
        }
        problems.sort_by(|a, b| a.place.cmp(&b.place));
        problems
    }
}

impl<'a> Section<'a> {
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Whether the file has the section, or an override sets something in it.
    pub(super) fn is_present(&self) -> bool {
        self.table.is_some() || self.reader.overrides.reach_into(&self.path)
    }

    pub(super) fn problem(&self, place: &Place, message: impl Into<String>) {
        self.reader.problem(place, message);
    }

    pub(super) fn in_file(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.table.and_then(|table| table.get(key))
    }

    /// What the table of keys says of one; a key that is not in it cannot be configured at all.
    pub(super) fn kind_of(&self, key: &str) -> Option<&'static Kind> {
        let path = self.path_of(key);
        let kind = keys::kind(&path);
        if kind.is_none() {
            self.problem(&self.place, format!("`{path}` is not in the table of keys"));
        }
        kind
    }

    pub(super) fn section(&self, key: &'static str) -> Section<'a> {
        let found = self.in_file(key);
        let table = found.and_then(|found| self.as_table(key, found));
        let place = found.map(|found| self.reader.place(&found.span()));
        self.inner(self.path_of(key), place, table)
    }

    /// The tables of `[[key]]`.
    pub(super) fn sections(&self, key: &'static str) -> Vec<Section<'a>> {
        let Some(found) = self.in_file(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = found.get_ref() else {
            let path = self.path_of(key);
            let message = format!("`{path}` must be written `[[{path}]]`, once for each");
            self.problem(&self.reader.place(&found.span()), message);
            return Vec::new();
        };
        let section = |item: &'a Spanned<DeValue<'a>>| {
            let table = self.as_table(key, item)?;
            let place = self.reader.place(&item.span());
            Some(self.inner(format!("{}[]", self.path_of(key)), Some(place), Some(table)))
        };
        items.iter().filter_map(section).collect()
    }

    fn inner(
        &self,
        path: String,
        place: Option<Place>,
        table: Option<&'a DeTable<'a>>,
    ) -> Section<'a> {
        Section {
            reader: self.reader,
            path,
            place: place.unwrap_or_else(|| self.place.clone()),
            table,
        }
    }

    fn as_table(&self, key: &str, found: &'a Spanned<DeValue<'a>>) -> Option<&'a DeTable<'a>> {
        let table = found.get_ref().as_table();
        if table.is_none() {
            let (path, kind) = (self.path_of(key), kind(found.get_ref()));
            let message = format!("`{path}` must be a table, not {kind}");
            self.problem(&self.reader.place(&found.span()), message);
        }
        table
    }

    /// Whether a key is given, soundly or not.
    pub(super) fn has(&self, key: &str) -> bool {
        let in_file = self.table.is_some_and(|table| table.contains_key(key));
        in_file || self.reader.overrides.get(&self.path_of(key)).is_some()
    }

    /// Says that a key is missing if it is, unless its whole section is.
    pub(super) fn require(&self, key: &str) {
        if self.is_present() && !self.has(key) {
            self.problem(&self.place, format!("`{}` is missing", self.path_of(key)));
        }
    }

    /// Says which keys there are not.
    pub(super) fn end(self) {
        let known = keys::within(&self.path);
        for name in self.table.into_iter().flatten().map(|(name, _)| name) {
            let key: &str = name.get_ref();
            if known.contains(&key) {
                continue;
            }
            let hint = match nearest(key, known.iter().copied(), KEY_DISTANCE_MAX) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("known here: `{}`", known.join("`, `")),
            };
            let place = self.reader.place(&name.span());
            self.problem(
                &place,
                format!("unknown key `{}`; {hint}", self.path_of(key)),
            );
        }
    }
}

/// What a section is of which nothing is written.
pub(super) fn of_nothing<T>(path: &str, read: impl FnOnce(Section<'_>) -> T) -> T {
    let nothing = Overrides::none();
    let reader = Reader::new("", &nothing);
    read(reader.absent(path))
}

pub(super) fn kind(value: &DeValue<'_>) -> String {
    let kind = match value {
        DeValue::Integer(whole) => return format!("`{whole}`"),
        DeValue::String(_) => "a text",
        DeValue::Float(_) => "a number with decimals",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    kind.to_owned()
}
