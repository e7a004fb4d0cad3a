//! Names of the fields in a tool's result, for records of who saw which field. Names, never values.

use crate::model::json::{Json, Limits, parse};
use crate::model::secret;
use crate::shim::event::{FIELD_NAMES_BYTES_MAX, FIELD_NAMES_MAX, recorded_text};
use crate::shim::pdp::Owed;
use std::collections::BTreeSet;

/// Obligations whose property `fields` names what the PDP masked or removed.
const HIDING: [&str; 3] = ["mask_fields", "drop_fields", "redact"];

/// Names of fields, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// The names in a result: of `structuredContent` and of JSON in text items, at any depth.
    #[must_use]
    pub fn of_result(result: &Json) -> Self {
        let mut names = Self::default();
        if let Some(content) = result.get("structuredContent") {
            names.collect(content);
        }
        let items = result.get("content").and_then(Json::as_array);
        for text in items.unwrap_or_default().iter().filter_map(text_of) {
            if let Ok(json) = parse(text.as_bytes(), Limits::REQUEST) {
                names.collect(&json);
            }
        }
        names
    }

    fn collect(&mut self, value: &Json) {
        match value {
            Json::Object(object) => {
                for (name, value) in object.iter() {
                    self.0.insert(name.to_owned());
                    self.collect(value);
                }
            }
            Json::Array(items) => items.iter().for_each(|item| self.collect(item)),
            _ => {}
        }
    }

    /// Those of the names that these obligations hide.
    #[must_use]
    pub fn hidden_by(&self, obligations: &[Owed]) -> Self {
        let hiding = obligations
            .iter()
            .filter(|it| HIDING.contains(&it.kind.as_str()));
        let fields = hiding.filter_map(|it| it.properties.get("fields")?.as_array());
        let fields = fields.flatten().filter_map(Json::as_str).map(last_segment);
        Self(fields.filter(|name| self.0.contains(name)).collect())
    }

    /// Adds the others' names.
    pub fn add(&mut self, others: &Self) {
        self.0.extend(others.0.iter().cloned());
    }

    /// These names without those.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        Self(self.0.difference(&others.0).cloned().collect())
    }

    /// As they are recorded: not too many, not too long.
    #[must_use]
    pub fn recorded(&self) -> Vec<String> {
        let names = self.0.iter().map(|name| recorded_text(name));
        let mut bytes = 0;
        let fit = names.take_while(|name| {
            bytes += name.len();
            bytes <= FIELD_NAMES_BYTES_MAX
        });
        fit.take(FIELD_NAMES_MAX).collect()
    }
}

/// What a rewritten result is without. Names are as the server wrote them, whichever way a policy
/// spelled them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Members that have another value.
    pub masked: Names,
    /// Members that are gone.
    pub dropped: Names,
    /// Rows that are gone; copies of the same rows count once.
    pub rows_removed: u64,
}

impl Changes {
    /// What the second result is without.
    #[must_use]
    pub fn between(before: &Json, after: &Json) -> Self {
        let mut changes = Self::default();
        let structured = |result: &Json| result.get("structuredContent").cloned();
        if let (Some(one), Some(other)) = (structured(before), structured(after)) {
            changes.compare(None, &one, &other);
        }
        let structured_rows = std::mem::take(&mut changes.rows_removed);
        changes.compare_all(None, &texts(before), &texts(after));
        changes.rows_removed = changes.rows_removed.max(structured_rows);
        changes
    }

    fn compare(&mut self, name: Option<&str>, before: &Json, after: &Json) {
        match (before, after) {
            (one, other) if one == other => {}
            (Json::Object(one), Json::Object(other)) => {
                for (name, value) in one.iter() {
                    match other.get(name) {
                        Some(kept) => self.compare(Some(name), value, kept),
                        None => drop(self.dropped.0.insert(name.to_owned())),
                    }
                }
            }
            (Json::Array(one), Json::Array(other)) => self.compare_all(name, one, other),
            (Json::String(one), Json::String(other)) => self.compare_texts(name, one, other),
            _ => self.masked.0.extend(name.map(str::to_owned)),
        }
    }

    /// What is cut off a list are rows.
    fn compare_all(&mut self, name: Option<&str>, before: &[Json], after: &[Json]) {
        let pairs = before.iter().zip(after);
        pairs.for_each(|(one, other)| self.compare(name, one, other));
        let removed = before.len().saturating_sub(after.len());
        let removed = u64::try_from(removed).unwrap_or(u64::MAX);
        self.rows_removed = self.rows_removed.saturating_add(removed);
    }

    fn compare_texts(&mut self, name: Option<&str>, before: &str, after: &str) {
        match (lines(before), lines(after)) {
            (Some(one), Some(other)) => self.compare_all(name, &one, &other),
            _ => self.masked.0.extend(name.map(str::to_owned)),
        }
    }
}

/// Whether something stands under a name of a credential, in the answer or in JSON in its texts.
#[must_use]
pub fn holds_secret(answer: &Json) -> bool {
    let texts = texts(answer);
    let mut documents = texts.iter().filter_map(Json::as_str).filter_map(lines);
    secret::is_present(answer) || documents.any(|lines| lines.iter().any(secret::is_present))
}

/// The text of each content item; null for those without.
fn texts(result: &Json) -> Vec<Json> {
    let items = result.get("content").and_then(Json::as_array);
    let texts = items.unwrap_or_default().iter().map(|it| it.get("text"));
    texts.map(|it| it.cloned().unwrap_or(Json::Null)).collect()
}

/// The objects and arrays that a string carries as JSON lines, or the only one.
fn lines(text: &str) -> Option<Vec<Json>> {
    if let Some(document) = document(text) {
        return Some(vec![document]);
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(document).collect()
}

/// The object or array that a string carries.
fn document(text: &str) -> Option<Json> {
    let json = parse(text.as_bytes(), Limits::REQUEST).ok()?;
    matches!(json, Json::Object(_) | Json::Array(_)).then_some(json)
}

/// JSON carried in the text of a content item.
fn text_of(item: &Json) -> Option<&str> {
    let text = item.get("text")?.as_str()?;
    text.trim_start().starts_with(['{', '[']).then_some(text)
}

/// The field that a JSON Pointer ends in; a plain name as it is.
fn last_segment(field: &str) -> String {
    match field.strip_prefix('/') {
        Some(pointer) => {
            let last = pointer.rsplit('/').next().unwrap_or_default();
            last.replace("~1", "/").replace("~0", "~")
        }
        None => field.to_owned(),
    }
}

#[cfg(test)]
mod tests;
