//! The `data` document: all data files of all bundles, merged.

use super::manifest::Root;
use super::yaml;
use crate::model::json::{self, Json, JsonError, Limits, Object};
use std::collections::BTreeMap;

/// The part of `data` that is the embedded library's.
pub const RESERVED: &str = "toolgate";

/// Why a data file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// Not strict JSON.
    #[error("no valid JSON: {0}")]
    Json(#[from] JsonError),
    /// Not plain YAML.
    #[error("no valid YAML: {0}")]
    Yaml(#[from] yaml::YamlError),
    /// YAML that is no text.
    #[error("no valid YAML: invalid UTF-8 at byte {0}")]
    YamlUtf8(usize),
    /// Something at the root that has no names.
    #[error("must be an object at the bundle's root, is {0}")]
    NoObject(&'static str),
    /// Two files say what one part of `data` is.
    #[error("`{0}` is already set by another file: keep one of them")]
    Conflict(String),
    /// Outside the bundle's roots.
    #[error("`{0}` lies outside the bundle's roots: move it, or add a root to `.manifest`")]
    OutsideRoots(String),
    /// The library's.
    #[error("`{0}` belongs to toolgate: use another name")]
    Reserved(String),
}

/// The path at which a data file's document stands; `None` if the file is no data file.
pub fn path_of(file: &str) -> Option<Vec<String>> {
    let mut names: Vec<String> = file.split('/').map(str::to_owned).collect();
    let name = names.pop()?;
    ["data.json", "data.yaml", "data.yml"]
        .contains(&name.as_str())
        .then_some(names)
}

/// A file's document.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Json, DataError> {
    if file.ends_with(".json") {
        return Ok(json::parse(bytes, Limits::BUNDLE_DATA)?);
    }
    let text = std::str::from_utf8(bytes).map_err(|e| DataError::YamlUtf8(e.valid_up_to()))?;
    Ok(yaml::parse(text)?)
}

/// Checks that all of `value`, which stands at `path`, lies within the roots and outside of what
/// is reserved.
pub fn check_roots(path: &[String], value: &Json, roots: &[Root]) -> Result<(), DataError> {
    let mut path = path.to_vec();
    check_within(&mut path, value, roots)
}

fn check_within(path: &mut Vec<String>, value: &Json, roots: &[Root]) -> Result<(), DataError> {
    if path.first().is_some_and(|first| first == RESERVED) {
        return Err(DataError::Reserved(shown(path)));
    }
    // At the top there may still be something reserved beneath a root that owns everything.
    if !path.is_empty() && roots.iter().any(|root| root.covers(path)) {
        return Ok(());
    }
    let owns_all = roots.iter().any(|root| root.covers(&[]));
    let leads_to_root = owns_all || roots.iter().any(|root| root.is_beneath(path));
    match value {
        Json::Object(members) if leads_to_root => {
            for (name, member) in members.iter() {
                path.push(name.to_owned());
                check_within(path, member, roots)?;
                path.pop();
            }
            Ok(())
        }
        _ if path.is_empty() => Err(DataError::NoObject(value.kind())),
        _ => Err(DataError::OutsideRoots(shown(path))),
    }
}

/// Merges `value` into `data` at `path`. Objects merge; anything else may be set once.
pub fn merge(data: &mut Object, path: &[String], value: Json) -> Result<(), DataError> {
    let nested = path
        .iter()
        .rev()
        .fold(value, |inner, name| Json::object([(name.as_str(), inner)]));
    let Json::Object(object) = nested else {
        return Err(DataError::NoObject(nested.kind()));
    };
    merge_objects(data, object, &mut Vec::new())
}

/// Takes time in proportion to the members of both, however many there are.
fn merge_objects(into: &mut Object, from: Object, path: &mut Vec<String>) -> Result<(), DataError> {
    let mut from: BTreeMap<String, Json> = from.into_iter().collect();
    for (name, value) in into.iter_mut() {
        let Some(other) = from.remove(name) else {
            continue;
        };
        path.push(name.to_owned());
        match (value, other) {
            (Json::Object(a), Json::Object(b)) => merge_objects(a, b, path)?,
            _ => return Err(DataError::Conflict(shown(path))),
        }
        path.pop();
    }
    let members = std::mem::take(into).into_iter().chain(from).collect();
    // The names of `from` that `into` has were taken out above.
    *into = Object::from_members(members).unwrap_or_default();
    Ok(())
}

/// How Rego writes a path into `data`.
pub fn shown<S: AsRef<str>>(path: &[S]) -> String {
    const SHOWN_CHARS_MAX: usize = 200;
    let mut text = "data".to_owned();
    for name in path.iter().map(AsRef::as_ref) {
        let plain = !name.starts_with(|c: char| c.is_ascii_digit())
            && !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if plain {
            text.push('.');
            text.push_str(name);
        } else {
            text.push_str(&format!("[{}]", Json::from(name)));
        }
    }
    text.chars().take(SHOWN_CHARS_MAX).collect()
}
