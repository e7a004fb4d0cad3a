//! The principals that policy data knows: `data.directory.principals`.

use crate::model::json::{Json, Object};
use std::collections::HashMap;

/// Where roles and attributes of a principal are looked up; part of the policy set, so that a
/// changed role holds from the next decision.
pub trait Directory {
    /// The entry of this principal, if there is one.
    fn principal(&self, id: &str) -> Option<DirectoryEntry>;
}

/// What the directory says of one principal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// Its roles.
    pub roles: Vec<String>,
    /// Its attributes.
    pub attributes: Object,
    /// Whether it is denied everything.
    pub disabled: bool,
}

impl DirectoryEntry {
    /// Reads `{"roles": [text], "attributes": {}, "disabled": bool}`, each part optional, other
    /// members ignored. An entry of any other shape comes back disabled: nobody gets a call
    /// through because an entry cannot be read.
    #[must_use]
    pub fn from_json(entry: &Json) -> Self {
        Self::read(entry).unwrap_or(Self {
            disabled: true,
            ..Self::default()
        })
    }

    fn read(entry: &Json) -> Option<Self> {
        let entry = entry.as_object()?;
        Some(Self {
            roles: match entry.get("roles") {
                Some(roles) => strings(roles)?,
                None => Vec::new(),
            },
            attributes: match entry.get("attributes") {
                Some(attributes) => attributes.as_object()?.clone(),
                None => Object::new(),
            },
            disabled: match entry.get("disabled") {
                Some(disabled) => disabled.as_bool()?,
                None => false,
            },
        })
    }
}

/// The texts of an array that holds nothing else.
pub(super) fn strings(value: &Json) -> Option<Vec<String>> {
    let texts = value.as_array()?.iter().map(Json::as_str);
    texts.map(|text| text.map(str::to_owned)).collect()
}

/// A directory held in memory; `HashMap::new()` knows nobody.
impl Directory for HashMap<String, DirectoryEntry> {
    fn principal(&self, id: &str) -> Option<DirectoryEntry> {
        self.get(id).cloned()
    }
}

/// Reads `data.directory.principals`, as [`DirectoryEntry::from_json`] reads each.
#[must_use]
pub fn directory(principals: &Object) -> HashMap<String, DirectoryEntry> {
    principals
        .iter()
        .map(|(id, entry)| (id.to_owned(), DirectoryEntry::from_json(entry)))
        .collect()
}
