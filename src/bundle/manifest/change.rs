//! Who changed the bundle last, who looked at it, and why: `metadata.toolgate.change`.

#[cfg(test)]
mod tests;

use super::{ManifestError, wrong_type};
use crate::model::bundle::Change;
use crate::model::json::Object;

/// Longest text of a change, in bytes: it is in a record.
pub const CHANGE_TEXT_BYTES_MAX: usize = 512;
/// What there is of toolgate's in `metadata`.
const OWN: &str = "toolgate";
const CHANGE: &str = "metadata.toolgate.change";
const KEYS: [&str; 5] = ["author", "reviewer", "reason", "commit", "ticket"];

/// Reads the change; `None`: the manifest says nothing of it.
///
/// # Errors
/// What is not known, so that a misspelt reviewer is not lost, and what is no text or too long.
pub(super) fn read(manifest: &Object) -> Result<Option<Change>, ManifestError> {
    let metadata = manifest.get("metadata");
    let Some(own) = metadata.and_then(|metadata| metadata.get(OWN)) else {
        return Ok(None);
    };
    let own = own
        .as_object()
        .ok_or_else(|| wrong_type("metadata.toolgate", "an object", own))?;
    let unknown = |key: &str| ManifestError::Change(key.chars().take(64).collect());
    if let Some((key, _)) = own.iter().find(|(key, _)| *key != "change") {
        return Err(unknown(key));
    }
    let Some(change) = own.get("change") else {
        return Ok(None);
    };
    let members = change
        .as_object()
        .ok_or_else(|| wrong_type(CHANGE, "an object", change))?;
    if let Some((key, _)) = members.iter().find(|(key, _)| !KEYS.contains(key)) {
        return Err(unknown(key));
    }
    let text = |name: &'static str| match members.get(name) {
        None => Ok(String::new()),
        Some(value) => value
            .as_str()
            .filter(|text| text.len() <= CHANGE_TEXT_BYTES_MAX)
            .filter(|text| !text.chars().any(char::is_control))
            .map(str::to_owned)
            .ok_or(ManifestError::ChangeText(name)),
    };
    Ok(Some(Change {
        bundle: String::new(),
        author: text("author")?,
        reviewer: text("reviewer")?,
        reason: text("reason")?,
        commit: text("commit")?,
        ticket: text("ticket")?,
    }))
}
