//! What several policies owe together. The outcome does not depend on the order in which the
//! packages were evaluated, and merging what is merged changes nothing.

use super::field::Field;
use super::patch::Operation;
use super::{FIELDS_MAX, PATCH_OPERATIONS_MAX, pointer};
use crate::model::json::Json;
use crate::model::obligation::{AuditLevel, Obligation};
use crate::model::reason::{Code, Reason};
use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

/// At most one obligation of each type, in a fixed order: rewrite, drop, mask, rows, bytes, audit.
/// Fields are united (drop wins over mask), limits are the least, audit is the greatest, patches
/// that touch different paths are joined.
///
/// # Errors
/// `obligation_conflict` if two different patches touch the same path, or shift the same array;
/// `obligation_invalid` if the union is over `FIELDS_MAX` or `PATCH_OPERATIONS_MAX`, or a field or
/// an operation is ill-formed.
pub fn merge(obligations: Vec<Obligation>) -> Result<Vec<Obligation>, Reason> {
    let mut sum = Sum::default();
    for obligation in obligations {
        sum.take(obligation)?;
    }
    sum.finish()
}

#[derive(Default)]
struct Sum {
    /// By canonical text: equal patches are one, and their order is fixed.
    patches: BTreeMap<Vec<u8>, Vec<Json>>,
    dropped: Fields,
    masked: Fields,
    rows: Option<u64>,
    bytes: Option<u64>,
    audit: Option<(AuditLevel, bool)>,
}

impl Sum {
    fn take(&mut self, obligation: Obligation) -> Result<(), Reason> {
        let least = |sum: Option<u64>, n: u64| Some(sum.map_or(n, |sum| sum.min(n)));
        match obligation {
            Obligation::RewriteArguments { patch } => {
                let key = Json::Array(patch.clone()).canonical();
                self.patches.entry(key).or_insert(patch);
            }
            Obligation::MaskFields { fields } => self.masked.unite(fields)?,
            Obligation::DropFields { fields } => self.dropped.unite(fields)?,
            Obligation::LimitRows { rows } => self.rows = least(self.rows, rows),
            Obligation::LimitBytes { bytes } => self.bytes = least(self.bytes, bytes),
            Obligation::Audit { level, durable } => {
                let (before, wait) = self.audit.unwrap_or((level, durable));
                self.audit = Some((before.max(level), wait || durable));
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Obligation>, Reason> {
        self.masked.without(&self.dropped);
        let patch = joined(self.patches)?;
        let fields = |fields: Fields| (!fields.is_empty()).then(|| fields.into_list()).transpose();
        let (dropped, masked) = (fields(self.dropped)?, fields(self.masked)?);
        let all = [
            (!patch.is_empty()).then_some(Obligation::RewriteArguments { patch }),
            dropped.map(|fields| Obligation::DropFields { fields }),
            masked.map(|fields| Obligation::MaskFields { fields }),
            self.rows.map(|rows| Obligation::LimitRows { rows }),
            self.bytes.map(|bytes| Obligation::LimitBytes { bytes }),
            self.audit
                .map(|(level, durable)| Obligation::Audit { level, durable }),
        ];
        Ok(all.into_iter().flatten().collect())
    }
}

/// A union of fields.
#[derive(Default)]
struct Fields {
    /// By folded name: the spelling that sorts first.
    names: BTreeMap<String, String>,
    /// By tokens: the pointer.
    pointers: BTreeMap<Vec<String>, String>,
}

impl Fields {
    fn unite(&mut self, fields: Vec<String>) -> Result<(), Reason> {
        for text in fields {
            match Field::read(&text) {
                Ok(Field::Name(name)) => {
                    let spelling = self.names.entry(name).or_insert_with(|| text.clone());
                    if text < *spelling {
                        *spelling = text;
                    }
                }
                Ok(Field::Pointer(tokens)) => {
                    self.pointers.insert(tokens, text);
                }
                Err(what) => return Err(invalid(format!("`fields` {what}"))),
            }
        }
        Ok(())
    }

    /// Takes out what `dropped` covers.
    fn without(&mut self, dropped: &Self) {
        self.names
            .retain(|name, _| !dropped.names.contains_key(name));
        self.pointers.retain(|tokens, _| {
            let covered = (1..=tokens.len()).filter_map(|length| tokens.get(..length));
            !covered
                .into_iter()
                .any(|at| dropped.pointers.contains_key(at))
        });
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.pointers.is_empty()
    }

    /// Sorted; a pointer below another one of the same kind is covered by it.
    fn into_list(self) -> Result<Vec<String>, Reason> {
        let Self { names, pointers } = self;
        let below = |tokens: &[String]| {
            let mut above = (1..tokens.len()).filter_map(|length| tokens.get(..length));
            above.any(|at| pointers.contains_key(at))
        };
        let kept = pointers.iter().filter(|(tokens, _)| !below(tokens));
        let kept = kept.map(|(_, text)| text.clone());
        let fields: BTreeSet<String> = names.into_values().chain(kept).collect();
        if fields.len() > FIELDS_MAX {
            let message = format!("the policies name more than {FIELDS_MAX} `fields` together");
            return Err(invalid(message));
        }
        Ok(fields.into_iter().collect())
    }
}

fn invalid(message: String) -> Reason {
    Code::ObligationInvalid.with_message(message)
}

/// The patches one after the other, if none gets into another's way.
fn joined(patches: BTreeMap<Vec<u8>, Vec<Json>>) -> Result<Vec<Json>, Reason> {
    let operations: usize = patches.values().map(Vec::len).sum();
    if operations > PATCH_OPERATIONS_MAX {
        let message =
            format!("the policies patch with more than {PATCH_OPERATIONS_MAX} operations");
        return Err(invalid(message));
    }
    let touched = patches
        .values()
        .map(|patch| touches(patch))
        .collect::<Result<Vec<_>, _>>()?;
    for (index, one) in touched.iter().enumerate() {
        for other in touched.iter().take(index) {
            if one.iter().any(|a| other.iter().any(|b| a.disturbs(b))) {
                return Err(Code::ObligationConflict.reason());
            }
        }
    }
    Ok(patches.into_values().flatten().collect())
}

/// What an operation does to a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Reads,
    Writes,
    /// Also moves the elements after it, if the place is in an array.
    Shifts,
}

struct Touch {
    path: Vec<String>,
    access: Access,
}

fn touches(patch: &[Json]) -> Result<Vec<Touch>, Reason> {
    let mut found = Vec::new();
    let mut push = |path, access| found.push(Touch { path, access });
    for operation in patch {
        let read = Operation::read(operation)
            .map_err(|what| invalid(format!("`patch` of `rewrite_arguments`: {what}")))?;
        match read {
            Operation::Add { path, .. } | Operation::Remove { path } => push(path, Access::Shifts),
            Operation::Replace { path, .. } => push(path, Access::Writes),
            Operation::Test { path, .. } => push(path, Access::Reads),
            Operation::Copy { from, path } => {
                push(from, Access::Reads);
                push(path, Access::Shifts);
            }
            Operation::Move { from, path } => {
                push(from, Access::Shifts);
                push(path, Access::Shifts);
            }
        }
    }
    Ok(found)
}

impl Touch {
    /// Whether the order of the two operations could matter.
    fn disturbs(&self, other: &Self) -> bool {
        if self.access == Access::Reads && other.access == Access::Reads {
            return false;
        }
        let mut pairs = self.path.iter().zip(&other.path);
        let Some(at) = pairs.position(|(a, b)| a != b) else {
            return true;
        };
        let shifts = |touch: &Self| touch.access == Access::Shifts && touch.path.len() == at + 1;
        let places = |touch: &Self| {
            let token = touch.path.get(at).map(String::as_str);
            token.is_some_and(|token| token == "-" || pointer::index(token).is_some())
        };
        places(self) && places(other) && (shifts(self) || shifts(other))
    }
}
