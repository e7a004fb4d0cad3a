//! The frame of an MCP result: which members hold content, and of which kind.
//!
//! Content is known by its shape, wherever it stands, so that a prompt's messages, a resource's
//! contents and a task's result go the same way as a tool's `content`.

use super::field::STRUCTURED;
use super::names::fold;
use super::result::Cause;
use super::text;
use super::walk::{Edited, Place, Walk};
use crate::model::json::{Json, Object};

/// The protocol's own words: who a message is from, whom an item is for.
const ROLES: [&str; 2] = ["user", "assistant"];

/// How an object outside of documents is treated.
struct Frame {
    /// Members that names do not match.
    members: Vec<&'static str>,
    /// The member that is text to be read.
    text: Option<&'static str>,
}

impl Frame {
    /// The frame of an object by its shape. Any string named `text` is content: a policy that
    /// drops `uri` must not turn an embedded resource into a field.
    ///
    /// # Errors
    /// `Binary` for content that no obligation can read.
    fn of(object: &Object) -> Result<Self, Cause> {
        let kind = object.get("type").and_then(Json::as_str);
        if matches!(kind, Some("image" | "audio")) || object.get("blob").is_some() {
            return Err(Cause::Binary);
        }
        let text = has_string(object, "text").then_some("text");
        let mut members = Vec::from_iter(text);
        if matches!(kind, Some("text" | "resource" | "resource_link")) {
            members.push("type");
        }
        if kind == Some("resource") {
            members.push("resource");
        }
        if !members.is_empty() && object.iter().any(|(name, _)| is_lookalike(name)) {
            return Err(Cause::UnknownContent);
        }
        Ok(Self { members, text })
    }

    /// The frame of the result itself, or of a JSON-RPC error.
    fn of_root(object: &Object) -> Result<Self, Cause> {
        let mut frame = Self::of(object)?;
        frame.members.extend([STRUCTURED, "isError"]);
        match object.get("content") {
            Some(Json::Array(_)) => frame.members.push("content"),
            Some(_) => return Err(Cause::UnknownContent),
            None => {}
        }
        if is_error(object) && frame.text.is_none() {
            frame.members.push("message");
            frame.text = Some("message");
        }
        if object.iter().any(|(name, _)| is_lookalike(name)) {
            return Err(Cause::UnknownContent);
        }
        Ok(frame)
    }
}

/// A JSON-RPC error, whatever its code: a message, and nothing that a result has.
fn is_error(object: &Object) -> bool {
    let is_result = object.get("content").is_some() || object.get(STRUCTURED).is_some();
    has_string(object, "message") && !is_result
}

/// A name that some readers take for a member of the frame, because they do not tell upper case
/// from lower, or that looks like one.
fn is_lookalike(name: &str) -> bool {
    const FRAME: [(&str, &str); 7] = [
        ("content", "content"),
        (STRUCTURED, "structuredcontent"),
        ("isError", "iserror"),
        ("type", "type"),
        ("text", "text"),
        ("resource", "resource"),
        ("blob", "blob"),
    ];
    if FRAME.iter().any(|(member, _)| *member == name) {
        return false;
    }
    let folded = fold(name);
    FRAME.iter().any(|(_, member)| *member == folded)
}

fn has_string(object: &Object, name: &str) -> bool {
    matches!(object.get(name), Some(Json::String(_)))
}

/// Whether an item of a tool result's `content` is of a type and shape that is known.
fn is_known(item: &Json) -> bool {
    let Json::Object(object) = item else {
        return false;
    };
    match object.get("type").and_then(Json::as_str) {
        Some("text") => has_string(object, "text"),
        Some("resource") => match object.get("resource") {
            Some(Json::Object(inner)) => has_string(inner, "text") || has_string(inner, "blob"),
            _ => false,
        },
        Some("resource_link" | "image" | "audio") => true,
        _ => false,
    }
}

impl Walk<'_> {
    /// The whole result. Gives back whether it changed, and how many rows were removed: of the
    /// structured document or of the rest, whichever lost more, since one is a copy of the other.
    pub(super) fn result(&mut self, result: &mut Json) -> Result<(bool, u64), Cause> {
        let mut changed = false;
        let mut structured_rows = 0;
        let structured = result
            .as_object_mut()
            .and_then(|root| root.get_mut(STRUCTURED));
        if let Some(structured) = structured {
            changed |= match structured {
                Json::String(text) => self.string(text, Place::Content, 0)?,
                document => self.document(document, 0)?,
            };
            structured_rows = self.rows_removed;
        }
        let has_structured = result.get(STRUCTURED).is_some();
        changed |= self.point_from_root(result);
        changed |= match result {
            Json::Object(root) => self.root(root)?,
            Json::String(text) => self.string(text, Place::Content, 0)?,
            other => self.framed(other)?,
        };
        if has_structured && self.is_ambiguous() {
            return Err(Cause::Ambiguous);
        }
        let rest_rows = self.rows_removed - structured_rows;
        Ok((changed, structured_rows.max(rest_rows)))
    }

    fn root(&mut self, root: &mut Object) -> Edited {
        let frame = Frame::of_root(root)?;
        let mut changed = self.fields(root, &frame.members)?;
        for (name, value) in root.iter_mut() {
            changed |= match (name, value) {
                (STRUCTURED, _) => false,
                ("content", Json::Array(items)) => self.content(items)?,
                ("data", value) if frame.text == Some("message") => self.free_text(value)?,
                (name, value) => self.member(&frame, name, value)?,
            };
        }
        Ok(changed)
    }

    /// An error's data: texts that stand for themselves are nobody's fields.
    fn free_text(&mut self, value: &mut Json) -> Edited {
        match value {
            Json::String(text) => self.string(text, Place::Content, 0),
            Json::Array(items) => {
                let mut changed = self.cut(items);
                for item in items {
                    changed |= self.free_text(item)?;
                }
                Ok(changed)
            }
            other => self.framed(other),
        }
    }

    fn member(&mut self, frame: &Frame, name: &str, value: &mut Json) -> Edited {
        match value {
            Json::String(text) if frame.text == Some(name) => self.string(text, Place::Content, 0),
            // The frame's own words, such as `type`, are nobody's values.
            Json::String(_) if frame.members.contains(&name) => Ok(false),
            value => self.framed(value),
        }
    }

    /// A value that is no document but may hold content.
    fn framed(&mut self, value: &mut Json) -> Edited {
        let mut changed = false;
        match value {
            Json::String(text) if ROLES.contains(&text.as_str()) => {}
            Json::String(text) => changed = self.string(text, Place::Field, 0)?,
            Json::Array(items) => {
                changed |= self.cut(items);
                let own = |item: &Json| item.as_str().is_some_and(|text| ROLES.contains(&text));
                if !items.iter().all(own) {
                    self.columns(items)?;
                }
                for item in items {
                    changed |= self.framed(item)?;
                }
            }
            Json::Object(object) => {
                let frame = Frame::of(object)?;
                changed |= self.fields(object, &frame.members)?;
                let own = frame.members.iter().copied().chain(["role"]);
                self.named_values(object, &own.collect::<Vec<_>>())?;
                for (name, value) in object.iter_mut() {
                    changed |= self.member(&frame, name, value)?;
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
        Ok(changed)
    }

    /// The items of a tool result's `content`.
    fn content(&mut self, items: &mut Vec<Json>) -> Edited {
        let mut changed = false;
        for item in items.iter_mut() {
            let confused = |object: &Object| object.iter().any(|(name, _)| is_lookalike(name));
            if !is_known(item) || item.as_object().is_some_and(confused) {
                return Err(Cause::UnknownContent);
            }
            changed |= self.framed(item)?;
        }
        Ok(changed | self.cut_content(items))
    }

    /// Some servers give a list as one text item per element: then each is a row. What follows the
    /// last row goes too, as in any array, so that no item moves to another's place.
    fn cut_content(&mut self, items: &mut Vec<Json>) -> bool {
        let Some(rows) = self.plan.rows else {
            return false;
        };
        let is_row = |item: &Json| {
            let text = item.get("text").and_then(Json::as_str);
            text.is_some_and(text::is_row)
        };
        let mut places = items.iter().enumerate().filter(|(_, item)| is_row(item));
        let Some((first_over, _)) = places.nth(rows) else {
            return false;
        };
        self.count_rows(1 + places.count());
        items.truncate(first_over);
        true
    }

    /// Whether a pointer changed one document and missed another.
    fn is_ambiguous(&self) -> bool {
        use super::walk::Hit::{Changed, Missing};
        let differs = |hits: &std::collections::BTreeSet<_>| {
            hits.contains(&Changed) && hits.contains(&Missing)
        };
        self.hits.iter().any(differs)
    }
}
