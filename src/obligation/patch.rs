//! JSON Patch (RFC 6902), bounded: a few `copy` operations could otherwise double a document
//! until memory ends.

use super::pointer;
use crate::model::json::{Json, Limits, Number, Object};
use std::cmp::Ordering;

#[cfg(test)]
mod tests;

type Path = Vec<String>;

/// One operation.
#[derive(Debug)]
pub(super) enum Operation<'a> {
    Add { path: Path, value: &'a Json },
    Remove { path: Path },
    Replace { path: Path, value: &'a Json },
    Move { from: Path, path: Path },
    Copy { from: Path, path: Path },
    Test { path: Path, value: &'a Json },
}

/// Why a patch could not be applied: `operation` counts from 0.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("operation {operation} of the patch {what}")]
pub(super) struct PatchError {
    operation: usize,
    what: &'static str,
}

impl<'a> Operation<'a> {
    /// Reads an operation. Members that its `op` does not know are ignored, as the RFC has it.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn read(operation: &'a Json) -> Result<Self, &'static str> {
        let object = operation.as_object().ok_or("must be an object")?;
        let path = pointer_member(object, "path").ok_or("`path` must be a JSON Pointer")?;
        let from = || pointer_member(object, "from").ok_or("`from` must be a JSON Pointer");
        let value = || object.get("value").ok_or("`value` is missing");
        match object.get("op").and_then(Json::as_str) {
            Some("add") => Ok(Self::Add {
                path,
                value: value()?,
            }),
            Some("remove") => Ok(Self::Remove { path }),
            Some("replace") => Ok(Self::Replace {
                path,
                value: value()?,
            }),
            Some("move") => Ok(Self::Move {
                from: from()?,
                path,
            }),
            Some("copy") => Ok(Self::Copy {
                from: from()?,
                path,
            }),
            Some("test") => Ok(Self::Test {
                path,
                value: value()?,
            }),
            _ => Err("`op` must be `add`, `remove`, `replace`, `move`, `copy` or `test`"),
        }
    }

    /// Reads an operation of a policy, where a member that means nothing is a mistake, and so is
    /// an operation that can never succeed.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn read_strictly(operation: &'a Json) -> Result<Self, &'static str> {
        let read = Self::read(operation)?;
        let members = if matches!(read, Self::Remove { .. }) {
            2
        } else {
            3
        };
        if operation
            .as_object()
            .is_some_and(|object| object.len() != members)
        {
            return Err("has a member that its `op` does not know");
        }
        match &read {
            Self::Remove { path } if path.is_empty() => Err("removes the whole document"),
            Self::Move { from, path } if is_below(path, from) => Err("moves a value into itself"),
            _ => Ok(read),
        }
    }
}

fn pointer_member(object: &Object, name: &str) -> Option<Path> {
    pointer::tokens(object.get(name)?.as_str()?)
}

/// Whether `path` is truly below `parent`.
fn is_below(path: &[String], parent: &[String]) -> bool {
    path.len() > parent.len() && path.starts_with(parent)
}

/// The document after all operations, in order.
///
/// # Errors
/// The first operation that fails, or that makes the document deeper or adds more to it than
/// `limits` has.
pub(super) fn apply(
    mut document: Json,
    operations: &[Operation<'_>],
    limits: Limits,
) -> Result<Json, PatchError> {
    let mut room = Room {
        bytes: limits.bytes_max,
        depth_max: limits.depth_max,
    };
    for (index, operation) in operations.iter().enumerate() {
        step(&mut document, operation, &mut room).map_err(|what| PatchError {
            operation: index,
            what,
        })?;
    }
    Ok(document)
}

/// How much more the patch may add.
struct Room {
    bytes: usize,
    depth_max: usize,
}

impl Room {
    fn take(&mut self, path: &[String], value: &Json) -> Result<(), &'static str> {
        if path.len() + depth(value) > self.depth_max {
            return Err("nests too deep");
        }
        let left = self.bytes.checked_sub(value.to_bytes().len());
        self.bytes = left.ok_or("adds too much")?;
        Ok(())
    }
}

fn depth(value: &Json) -> usize {
    match value {
        Json::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Json::Object(object) => 1 + object.iter().map(|(_, v)| depth(v)).max().unwrap_or(0),
        _ => 0,
    }
}

const NO_TARGET: &str = "has no target";

fn step(
    document: &mut Json,
    operation: &Operation<'_>,
    room: &mut Room,
) -> Result<(), &'static str> {
    match operation {
        Operation::Add { path, value } => {
            room.take(path, value)?;
            add(document, path, (*value).clone())
        }
        Operation::Remove { path } => remove(document, path).map(drop),
        Operation::Replace { path, value } => {
            room.take(path, value)?;
            let target = pointer::get_mut(document, path).ok_or(NO_TARGET)?;
            *target = (*value).clone();
            Ok(())
        }
        Operation::Move { from, path } => {
            if is_below(path, from) {
                return Err("moves a value into itself");
            }
            if from == path {
                return pointer::get(document, from).map(drop).ok_or(NO_TARGET);
            }
            let value = remove(document, from)?;
            room.take(path, &value)?;
            add(document, path, value)
        }
        Operation::Copy { from, path } => {
            let value = pointer::get(document, from).ok_or(NO_TARGET)?.clone();
            room.take(path, &value)?;
            add(document, path, value)
        }
        Operation::Test { path, value } => {
            let found = pointer::get(document, path).ok_or(NO_TARGET)?;
            if equal(found, value) {
                Ok(())
            } else {
                Err("tests for another value")
            }
        }
    }
}

fn add(document: &mut Json, path: &[String], value: Json) -> Result<(), &'static str> {
    let Some((last, parent)) = path.split_last() else {
        *document = value;
        return Ok(());
    };
    match pointer::get_mut(document, parent) {
        Some(Json::Object(object)) => {
            object.insert(last.as_str(), value);
            Ok(())
        }
        Some(Json::Array(items)) => {
            let at = match last.as_str() {
                "-" => Some(items.len()),
                token => pointer::index(token).filter(|at| *at <= items.len()),
            };
            items.insert(at.ok_or(NO_TARGET)?, value);
            Ok(())
        }
        _ => Err(NO_TARGET),
    }
}

fn remove(document: &mut Json, path: &[String]) -> Result<Json, &'static str> {
    let (last, parent) = path.split_last().ok_or("removes the whole document")?;
    let removed = match pointer::get_mut(document, parent) {
        Some(Json::Object(object)) => object.remove(last),
        Some(Json::Array(items)) => pointer::index(last)
            .filter(|at| *at < items.len())
            .map(|at| items.remove(at)),
        _ => None,
    };
    removed.ok_or(NO_TARGET)
}

/// Equality of RFC 6902, 4.6: objects in any order, numbers by value.
fn equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(a), Json::Number(b)) => decimal(a) == decimal(b),
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            let same = |(name, value)| b.get(name).is_some_and(|other| equal(value, other));
            a.len() == b.len() && a.iter().all(same)
        }
        _ => a == b,
    }
}

/// A number's value: sign, digits without zeros at either end, and the power of ten of the last
/// of them. Exact, where a float would take 9007199254740993 for 9007199254740992.
fn decimal(number: &Number) -> (Ordering, String, i64) {
    let text = number.as_str();
    let (text, sign) = match text.strip_prefix('-') {
        Some(rest) => (rest, Ordering::Less),
        None => (text, Ordering::Greater),
    };
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{decimals}");
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return (Ordering::Equal, String::new(), 0);
    }
    let zeros = digits.len() - significant.len();
    let scale = i64::try_from(zeros).unwrap_or(i64::MAX)
        - i64::try_from(decimals.len()).unwrap_or(i64::MAX);
    // The strict parser admits exponents up to three digits.
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let significant = significant.trim_start_matches('0').to_owned();
    (sign, significant, exponent + scale)
}
