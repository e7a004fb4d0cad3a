//! What checks learn of a set's data. Every question is noted with its answer: as long as other
//! data answers the same, the checks of the same modules come out the same, and need not be made
//! again.

#[cfg(test)]
mod tests;

use super::suggest::nearest;
use crate::model::json::{Json, Object};
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// Members of one object that are named.
const NAMES_MAX: usize = 4096;

/// What stands at a path of the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    /// Nothing, and nothing but objects above it.
    Nothing,
    /// Nothing, since above it stands what is no object.
    BelowValue,
    Null,
    Truth,
    Number,
    Text,
    Array,
    Object,
}

impl Stands {
    /// Whether a value stands there.
    pub(crate) const fn is_value(self) -> bool {
        !matches!(self, Self::Nothing | Self::BelowValue)
    }
}

/// What the directory says of a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The directory has it, or has no roles at all.
    Known,
    /// It does not; perhaps another was meant.
    Unknown(Option<String>),
}

/// Questions about data, and what the data answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answers {
    stands: BTreeMap<Vec<String>, Stands>,
    names: BTreeMap<Vec<String>, Vec<String>>,
    roles: BTreeMap<String, Role>,
}

impl Answers {
    /// Whether this data gives the same answer to each question.
    pub(super) fn hold_for(&self, data: &Object) -> bool {
        let view = DataView::new(data);
        let stands = self.stands.iter();
        let names = self.names.iter();
        let roles = self.roles.iter();
        stands
            .map(|(path, stood)| view.stands(path) == *stood)
            .chain(names.map(|(path, named)| view.names(path) == *named))
            .chain(roles.map(|(name, role)| view.role(name) == *role))
            .all(|is_same| is_same)
    }
}

/// Data that notes what is asked of it.
pub(crate) struct DataView<'a> {
    data: &'a Object,
    roles: OnceCell<BTreeSet<String>>,
    answers: RefCell<Answers>,
}

impl<'a> DataView<'a> {
    /// Data of which nothing was asked yet.
    pub(crate) fn new(data: &'a Object) -> Self {
        Self {
            data,
            roles: OnceCell::new(),
            answers: RefCell::default(),
        }
    }

    /// Everything that was asked, with its answers.
    pub(super) fn into_answers(self) -> Answers {
        self.answers.into_inner()
    }

    /// What stands at a path; the data itself is an object.
    pub(crate) fn stands(&self, path: &[String]) -> Stands {
        let stands = match find(self.data, path) {
            Ok(Found::Object(_)) => Stands::Object,
            Ok(Found::Value(value)) => kind(value),
            Err(without) => without,
        };
        let mut answers = self.answers.borrow_mut();
        answers.stands.insert(path.to_vec(), stands);
        stands
    }

    /// The names of the members of the object at a path, the first few thousand of them; none
    /// where no object is.
    pub(crate) fn names(&self, path: &[String]) -> Vec<String> {
        let object = match find(self.data, path) {
            Ok(Found::Object(object)) => Some(object),
            _ => None,
        };
        let members = object.into_iter().flat_map(Object::iter);
        let names = members.map(|(name, _)| name.to_owned());
        let names: Vec<String> = names.take(NAMES_MAX).collect();
        let mut answers = self.answers.borrow_mut();
        answers.names.insert(path.to_vec(), names.clone());
        names
    }

    /// Whether the directory has a role.
    pub(crate) fn role(&self, name: &str) -> Role {
        let roles = self.roles.get_or_init(|| roles(self.data));
        let role = match roles.is_empty() || roles.contains(name) {
            true => Role::Known,
            false => {
                let known: Vec<&str> = roles.iter().map(String::as_str).collect();
                Role::Unknown(nearest(name, &known).map(str::to_owned))
            }
        };
        let mut answers = self.answers.borrow_mut();
        answers.roles.insert(name.to_owned(), role.clone());
        role
    }
}

enum Found<'a> {
    Object(&'a Object),
    /// Anything but an object.
    Value(&'a Json),
}

/// What is at a path, or why there is nothing.
fn find<'a>(data: &'a Object, path: &[String]) -> Result<Found<'a>, Stands> {
    let Some((first, rest)) = path.split_first() else {
        return Ok(Found::Object(data));
    };
    match (data.get(first), rest) {
        (None, _) => Err(Stands::Nothing),
        (Some(Json::Object(inner)), rest) => find(inner, rest),
        (Some(value), []) => Ok(Found::Value(value)),
        (Some(_), _) => Err(Stands::BelowValue),
    }
}

fn kind(value: &Json) -> Stands {
    match value {
        Json::Null => Stands::Null,
        Json::Bool(_) => Stands::Truth,
        Json::Number(_) => Stands::Number,
        Json::String(_) => Stands::Text,
        Json::Array(_) => Stands::Array,
        Json::Object(_) => Stands::Object,
    }
}

/// Every role that the directory names anywhere.
fn roles(data: &Object) -> BTreeSet<String> {
    let mut roles = BTreeSet::<&str>::new();
    let part = |name: &str| {
        data.get("directory")
            .and_then(|directory| directory.get(name))
            .and_then(Json::as_object)
    };
    for (_, entry) in part("principals").into_iter().flat_map(Object::iter) {
        roles.extend(entry.get("roles").into_iter().flat_map(listed));
    }
    for (role, included) in part("role_includes").into_iter().flat_map(Object::iter) {
        roles.insert(role);
        roles.extend(listed(included));
    }
    let ranks = part("role_ranks").into_iter().flat_map(Object::iter);
    roles.extend(ranks.map(|(role, _)| role));
    roles.into_iter().map(str::to_owned).collect()
}

fn listed(value: &Json) -> impl Iterator<Item = &str> {
    let items = value.as_array().unwrap_or_default();
    items.iter().filter_map(Json::as_str)
}
