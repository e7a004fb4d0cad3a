//! One walk over a result. Each step says whether it changed anything, or why the result has to
//! be withheld.

use super::plan::{Action, Owed, Plan, Target};
use super::result::Cause;
use super::text::{self, Carried, Line};
use super::{MASK, NESTING_MAX, pointer, trace};
use crate::model::json::{Json, JsonError, Object};
use std::collections::BTreeSet;

/// Whether something was changed.
pub(super) type Edited = Result<bool, Cause>;

/// What became of a pointer in one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hit {
    Missing,
    AsItWas,
    Changed,
}

/// Where a string stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the text of a content item: a document, or withheld.
    Content,
    /// It is the value of a field.
    Field,
}

/// The walk's state. The plan outlives it.
pub(super) struct Walk<'p> {
    pub(super) plan: &'p Plan,
    /// Fields that took effect, as the policy wrote them.
    pub(super) masked: BTreeSet<&'p str>,
    pub(super) dropped: BTreeSet<&'p str>,
    /// Rows removed so far.
    pub(super) rows_removed: u64,
    /// For each pointer of the plan: what became of it in each document.
    pub(super) hits: Vec<BTreeSet<Hit>>,
}

impl<'p> Walk<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        Self {
            plan,
            masked: BTreeSet::new(),
            dropped: BTreeSet::new(),
            rows_removed: 0,
            hits: vec![BTreeSet::new(); plan.targets.len()],
        }
    }

    fn note(&mut self, owed: &'p Owed) {
        match owed.action {
            Action::Mask => self.masked.insert(&owed.field),
            Action::Drop => self.dropped.insert(&owed.field),
        };
    }

    /// A whole document: pointers count from its root. `nesting`: how many strings it stands in.
    pub(super) fn document(&mut self, document: &mut Json, nesting: usize) -> Edited {
        let hits = self.point(document);
        let changed = hits.contains(&Hit::Changed);
        self.count_hits(hits);
        Ok(changed | self.value(document, nesting)?)
    }

    fn count_hits(&mut self, hits: Vec<Hit>) {
        for (all, hit) in self.hits.iter_mut().zip(hits) {
            all.insert(hit);
        }
    }

    /// Applies every pointer to a document.
    fn point(&mut self, document: &mut Json) -> Vec<Hit> {
        let plan = self.plan;
        let point = |target: &'p Target| {
            let hit = apply_at(document, &target.in_document, target.owed.action);
            if hit == Hit::Changed {
                self.note(&target.owed);
            }
            hit
        };
        plan.targets.iter().map(point).collect()
    }

    /// Applies the pointers that count from the result's own root.
    pub(super) fn point_from_root(&mut self, result: &mut Json) -> bool {
        let mut changed = false;
        for target in &self.plan.targets {
            let Some(path) = &target.in_result else {
                continue;
            };
            if apply_at(result, path, target.owed.action) == Hit::Changed {
                self.note(&target.owed);
                changed = true;
            }
        }
        changed
    }

    /// Names, rows and strings of a value within a document.
    fn value(&mut self, value: &mut Json, nesting: usize) -> Edited {
        let mut changed = false;
        match value {
            Json::String(text) => changed = self.string(text, Place::Field, nesting)?,
            Json::Array(items) => {
                changed |= self.cut(items);
                self.columns(items)?;
                for item in items {
                    changed |= self.value(item, nesting)?;
                }
            }
            Json::Object(object) => {
                changed |= self.fields(object, &[])?;
                self.named_values(object, &[])?;
                for (_, value) in object.iter_mut() {
                    changed |= self.value(value, nesting)?;
                }
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => {}
        }
        Ok(changed)
    }

    /// Masks and drops members by name, except the `frame`.
    pub(super) fn fields(&mut self, object: &mut Object, frame: &[&str]) -> Edited {
        let plan = self.plan;
        let (mut changed, mut readable) = (false, true);
        object.retain(|name, value| {
            if frame.contains(&name) {
                return true;
            }
            readable &= !text::opens_document(name);
            let Some(owed) = plan.names.of_member(name) else {
                readable &= !self.hidden_in_name(name);
                return true;
            };
            let kept = owed.action == Action::Mask;
            if !kept || mask(value) {
                changed = true;
                self.note(owed);
            }
            kept
        });
        if readable {
            Ok(changed)
        } else {
            Err(Cause::Unreadable)
        }
    }

    /// Whether a name is more than a name, and shows a listed field.
    fn hidden_in_name(&self, name: &str) -> bool {
        let names = &self.plan.names;
        !names.is_empty() && !trace::is_plain(name) && trace::shows(names, name)
    }

    /// Columns are not masked: which values stand in them is the reader's guess.
    ///
    /// # Errors
    /// A string of an array is a listed name.
    pub(super) fn columns(&self, items: &[Json]) -> Result<(), Cause> {
        let mut strings = items.iter().filter_map(Json::as_str);
        let names = &self.plan.names;
        if items.len() > 1 && !names.is_empty() && strings.any(|text| trace::is_name(names, text)) {
            return Err(Cause::Unreadable);
        }
        Ok(())
    }

    /// The same for a name that is a value itself.
    ///
    /// # Errors
    /// A member says that another is the value of a listed field.
    pub(super) fn named_values(&self, object: &Object, frame: &[&str]) -> Result<(), Cause> {
        if self.plan.names.is_empty() {
            return Ok(());
        }
        let members = object.iter().filter(|(name, _)| !frame.contains(name));
        let members = members.map(|(name, value)| (name, value.as_str()));
        if trace::names_a_value(&self.plan.names, &members.collect::<Vec<_>>()) {
            return Err(Cause::Unreadable);
        }
        Ok(())
    }

    /// Cuts an array of rows.
    pub(super) fn cut(&mut self, items: &mut Vec<Json>) -> bool {
        let Some(rows) = self.plan.rows else {
            return false;
        };
        let is_row = |item: &Json| match item {
            Json::Object(_) | Json::Array(_) => true,
            Json::String(text) => text::is_row(text),
            _ => false,
        };
        if items.len() <= rows || !items.iter().any(is_row) {
            return false;
        }
        self.count_rows(items.len() - rows);
        items.truncate(rows);
        true
    }

    pub(super) fn count_rows(&mut self, removed: usize) {
        let removed = u64::try_from(removed).unwrap_or(u64::MAX);
        self.rows_removed = self.rows_removed.saturating_add(removed);
    }

    /// A string, and what it carries. `nesting`: how many strings it stands in.
    pub(super) fn string(&mut self, text: &mut String, place: Place, nesting: usize) -> Edited {
        if place == Place::Content && (text.trim().is_empty() || text == MASK) {
            return Ok(false);
        }
        if place == Place::Field && !text::may_carry_json(text) {
            return self.unread(text, place);
        }
        if nesting == NESTING_MAX {
            return Err(Cause::TooNested);
        }
        let mut carried = match text::read(text) {
            Ok(carried) => carried,
            Err(JsonError::Syntax { .. }) if !text::opens_document(text) => {
                return self.unread(text, place);
            }
            Err(_) => return Err(Cause::Unreadable),
        };
        let changed = match &mut carried {
            Carried::One(Json::String(inner)) => self.string(inner, place, nesting + 1)?,
            Carried::One(value @ (Json::Object(_) | Json::Array(_))) => match place {
                Place::Content => self.document(value, nesting + 1)?,
                Place::Field => self.value(value, nesting + 1)?,
            },
            Carried::One(_) => return self.unread(text, place),
            Carried::Lines(lines) => self.lines(lines, place, nesting + 1)?,
        };
        if changed {
            *text = carried.to_string();
        }
        Ok(changed)
    }

    /// A string that is not JSON.
    fn unread(&self, text: &str, place: Place) -> Edited {
        let passes = match place {
            Place::Content => self.plan.passes_unread(text),
            Place::Field => self.plan.names.is_empty() || !trace::shows(&self.plan.names, text),
        };
        if passes {
            Ok(false)
        } else {
            Err(Cause::Unreadable)
        }
    }

    fn lines(&mut self, lines: &mut Vec<Line>, place: Place, nesting: usize) -> Edited {
        let mut any = self.cut_lines(lines);
        let mut best = vec![Hit::Missing; self.plan.targets.len()];
        for line in lines {
            let Line::Document { value, changed, .. } = line else {
                continue;
            };
            if place == Place::Content {
                let hits = self.point(value);
                *changed = hits.contains(&Hit::Changed);
                best = best.into_iter().zip(hits).map(|(a, b)| a.max(b)).collect();
            }
            *changed |= self.value(value, nesting)?;
            any |= *changed;
        }
        if place == Place::Content {
            self.count_hits(best);
        }
        Ok(any)
    }

    /// Each line is a row.
    fn cut_lines(&mut self, lines: &mut Vec<Line>) -> bool {
        let Some(rows) = self.plan.rows else {
            return false;
        };
        let is_row = |line: &&Line| matches!(line, Line::Document { .. });
        let found = lines.iter().filter(is_row).count();
        if found <= rows {
            return false;
        }
        let mut seen = 0;
        lines.retain(|line| {
            seen += usize::from(is_row(&line));
            seen <= rows || !is_row(&line)
        });
        self.count_rows(found - rows);
        true
    }
}

/// Replaces a value by its mask; whether it was not that already.
fn mask(value: &mut Json) -> bool {
    let masked = match value {
        Json::Null => return false,
        Json::String(text) if text == MASK => return false,
        Json::String(_) => Json::from(MASK),
        _ => Json::Null,
    };
    *value = masked;
    true
}

/// Masks or drops the value at a path of at least one token.
fn apply_at(document: &mut Json, path: &[String], action: Action) -> Hit {
    let hit = |changed| if changed { Hit::Changed } else { Hit::AsItWas };
    let Some((last, parent)) = path.split_last() else {
        return Hit::Missing;
    };
    match pointer::get_mut(document, parent) {
        Some(Json::Object(object)) if action == Action::Drop => match object.remove(last) {
            Some(_) => Hit::Changed,
            None => Hit::Missing,
        },
        Some(Json::Object(object)) => object
            .get_mut(last)
            .map_or(Hit::Missing, |value| hit(mask(value))),
        Some(Json::Array(items)) => {
            let item = pointer::index(last).and_then(|at| items.get_mut(at));
            match item {
                None => Hit::Missing,
                Some(item) if action == Action::Mask => hit(mask(item)),
                Some(Json::Null) => Hit::AsItWas,
                Some(item) => {
                    *item = Json::Null;
                    Hit::Changed
                }
            }
        }
        _ => Hit::Missing,
    }
}
