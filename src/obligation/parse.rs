//! From the elements of a package's `constrain` to obligations. Strict: a misspelt property would
//! otherwise be an obligation that nobody owes.

use super::field::Field;
use super::patch::Operation;
use super::{FIELDS_MAX, PATCH_OPERATIONS_MAX};
use crate::model::json::{Json, Object};
use crate::model::obligation::{AuditLevel, Obligation};
use crate::model::reason::{Code, Reason};

#[cfg(test)]
mod tests;

/// Reads one obligation: `{"type": "mask_fields", "fields": […]}`, `drop_fields` alike,
/// `{"type": "limit_rows", "rows": n}`, `{"type": "limit_bytes", "bytes": n}` (n an integer from
/// 1), `{"type": "rewrite_arguments", "patch": [{"op": …, "path": …, …}, …]}` (RFC 6902),
/// `{"type": "audit", "level": "basic" | "full"}` with an optional boolean `durable`.
///
/// # Errors
/// `obligation_unknown` for any other type, else `obligation_invalid` with a public message that
/// names the property. Values are not echoed: policies may build them from arguments.
pub fn parse(element: &Json) -> Result<Obligation, Reason> {
    let object = element
        .as_object()
        .ok_or_else(|| invalid("an obligation must be an object with a `type`"))?;
    let kind = object
        .get("type")
        .and_then(Json::as_str)
        .ok_or_else(|| invalid("the `type` of an obligation must be a string"))?;
    match kind {
        "mask_fields" => Properties::of("mask_fields", &["fields"], object)?
            .fields()
            .map(|fields| Obligation::MaskFields { fields }),
        "drop_fields" => Properties::of("drop_fields", &["fields"], object)?
            .fields()
            .map(|fields| Obligation::DropFields { fields }),
        "limit_rows" => Properties::of("limit_rows", &["rows"], object)?
            .count("rows")
            .map(|rows| Obligation::LimitRows { rows }),
        "limit_bytes" => Properties::of("limit_bytes", &["bytes"], object)?
            .count("bytes")
            .map(|bytes| Obligation::LimitBytes { bytes }),
        "rewrite_arguments" => Properties::of("rewrite_arguments", &["patch"], object)?
            .patch()
            .map(|patch| Obligation::RewriteArguments { patch }),
        "audit" => Properties::of("audit", &["level", "durable"], object)?.audit(),
        _ => Err(Code::ObligationUnknown.reason()),
    }
}

fn invalid(message: impl Into<String>) -> Reason {
    Code::ObligationInvalid.with_message(message)
}

/// The properties of one obligation, and its type for messages.
struct Properties<'a> {
    kind: &'static str,
    object: &'a Object,
}

impl<'a> Properties<'a> {
    fn of(
        kind: &'static str,
        known: &[&str],
        object: &'a Object,
    ) -> Result<Properties<'a>, Reason> {
        let unknown = |name: &str| name != "type" && !known.contains(&name);
        if object.iter().any(|(name, _)| unknown(name)) {
            let known = known.join("` and `");
            return Err(invalid(format!(
                "`{kind}` has an unknown property: it takes `{known}`"
            )));
        }
        Ok(Self { kind, object })
    }

    fn wrong(&self, property: &str, what: &str) -> Reason {
        invalid(format!("`{property}` of `{}` {what}", self.kind))
    }

    fn list(&self, property: &str, items_max: usize) -> Result<&'a [Json], Reason> {
        let items = self.object.get(property).and_then(Json::as_array);
        match items {
            None => Err(self.wrong(property, "must be a list")),
            Some([]) => Err(self.wrong(property, "must not be empty")),
            Some(items) if items.len() > items_max => {
                Err(self.wrong(property, &format!("may have at most {items_max} items")))
            }
            Some(items) => Ok(items),
        }
    }

    fn fields(&self) -> Result<Vec<String>, Reason> {
        let read = |item: &Json| {
            let text = item.as_str().ok_or("must hold strings alone")?;
            Field::read(text).map(|_| text.to_owned())
        };
        self.list("fields", FIELDS_MAX)?
            .iter()
            .map(|item| read(item).map_err(|what| self.wrong("fields", what)))
            .collect()
    }

    fn count(&self, property: &str) -> Result<u64, Reason> {
        self.object
            .get(property)
            .and_then(Json::as_u64)
            .filter(|count| *count > 0)
            .ok_or_else(|| self.wrong(property, "must be an integer from 1"))
    }

    fn patch(&self) -> Result<Vec<Json>, Reason> {
        let operations = self.list("patch", PATCH_OPERATIONS_MAX)?;
        for (index, operation) in operations.iter().enumerate() {
            Operation::read_strictly(operation)
                .map_err(|what| self.wrong("patch", &format!("at {index}: {what}")))?;
        }
        Ok(operations.to_vec())
    }

    fn audit(&self) -> Result<Obligation, Reason> {
        let level = match self.object.get("level").and_then(Json::as_str) {
            Some("basic") => AuditLevel::Basic,
            Some("full") => AuditLevel::Full,
            _ => return Err(self.wrong("level", "must be `basic` or `full`")),
        };
        let durable = match self.object.get("durable") {
            None => false,
            Some(Json::Bool(durable)) => *durable,
            Some(_) => return Err(self.wrong("durable", "must be a boolean")),
        };
        Ok(Obligation::Audit { level, durable })
    }
}
