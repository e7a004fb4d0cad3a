//! Names of the fields in a tool's result, for records of who saw which field. Names, never values.

use crate::model::json::{Json, Limits, parse};
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

    /// Adds the names of members that are gone or have another value in a rewritten result,
    /// whichever way a policy spelled them.
    pub fn add_changed(&mut self, before: &Json, after: &Json) {
        let structured = |result: &Json| result.get("structuredContent").cloned();
        if let (Some(one), Some(other)) = (structured(before), structured(after)) {
            self.changed(None, &one, &other);
        }
        let items = |result| -> Vec<Json> {
            let items = Json::get(result, "content").and_then(Json::as_array);
            let texts = items.unwrap_or_default().iter().map(|it| it.get("text"));
            texts.map(|it| it.cloned().unwrap_or(Json::Null)).collect()
        };
        for (one, other) in items(before).iter().zip(&items(after)) {
            self.changed(None, one, other);
        }
    }

    fn changed(&mut self, name: Option<&str>, before: &Json, after: &Json) {
        match (before, after) {
            (one, other) if one == other => {}
            (Json::Object(one), Json::Object(other)) => {
                for (name, value) in one.iter() {
                    match other.get(name) {
                        Some(kept) => self.changed(Some(name), value, kept),
                        None => drop(self.0.insert(name.to_owned())),
                    }
                }
            }
            // What was cut off a list is not masked.
            (Json::Array(one), Json::Array(other)) => {
                let pairs = one.iter().zip(other);
                pairs.for_each(|(one, other)| self.changed(name, one, other));
            }
            (Json::String(one), Json::String(other)) => match (document(one), document(other)) {
                (Some(one), Some(other)) => self.changed(name, &one, &other),
                _ => self.0.extend(name.map(str::to_owned)),
            },
            _ => self.0.extend(name.map(str::to_owned)),
        }
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
