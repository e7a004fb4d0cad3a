//! Fulfilling what is owed to a result.

use super::plan::Plan;
use super::walk::Walk;
use crate::model::json::Json;
use crate::model::obligation::Obligation;
use crate::model::reason::{Code, Reason};

#[cfg(test)]
mod tests;

/// What became of a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The result to forward; `None`: nothing changed, forward the bytes that came.
    pub result: Option<Json>,
    /// Fields that were masked somewhere, as the policy wrote them, sorted.
    pub masked: Vec<String>,
    /// Fields that were dropped somewhere, as the policy wrote them, sorted.
    pub dropped: Vec<String>,
    /// Rows removed; copies of the same rows count once.
    pub rows_removed: u64,
}

/// The result must not be forwarded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", reason.message)]
pub struct Withheld {
    /// `result_withheld`, or `obligation_invalid` for an obligation that `parse` did not see.
    pub reason: Reason,
    /// Why, for the record.
    pub cause: Cause,
}

/// Why a result is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// Text that is neither strict JSON nor JSON lines, or that shows a listed field.
    #[error("it holds text that an obligation cannot read")]
    Unreadable,
    /// An image, audio or a blob.
    #[error("it holds binary content that an obligation cannot read")]
    Binary,
    /// A content item of a type that toolgate does not know.
    #[error("it holds content of an unknown type")]
    UnknownContent,
    /// JSON within strings within strings, deeper than `NESTING_MAX`.
    #[error("it nests documents in strings too deep")]
    TooNested,
    /// A pointer changed the structured document or a text, and missed the other.
    #[error("its texts are laid out otherwise than its structured content")]
    Ambiguous,
    /// Larger than `limit_bytes`.
    #[error("it is larger than allowed")]
    TooLarge,
    /// An obligation is ill-formed.
    #[error("an obligation is ill-formed")]
    Invalid,
}

impl From<Cause> for Withheld {
    fn from(cause: Cause) -> Self {
        let code = match cause {
            Cause::Invalid => Code::ObligationInvalid,
            _ => Code::ResultWithheld,
        };
        Self {
            reason: code.with_message(format!("the result is withheld: {cause}")),
            cause,
        }
    }
}

/// Fulfils `mask_fields`, `drop_fields`, `limit_rows` and `limit_bytes` on an MCP result, a
/// JSON-RPC error object or any other JSON; other obligations are passed over, and the list need
/// not be merged. `limit_bytes` counts the compact JSON of what would be forwarded. Applying the
/// same obligations again changes nothing.
///
/// # Errors
/// `Withheld` if any of them cannot be fulfilled on the whole result.
pub fn apply(result: &Json, obligations: &[Obligation]) -> Result<Applied, Withheld> {
    let plan = Plan::new(obligations).map_err(|_| Cause::Invalid)?;
    let applied = if plan.owes_a_walk() {
        walk(result, &plan)?
    } else {
        Applied::default()
    };
    if let Some(bytes_max) = plan.bytes {
        let forwarded = applied.result.as_ref().unwrap_or(result);
        if u64::try_from(forwarded.to_bytes().len()).is_ok_and(|bytes| bytes > bytes_max) {
            return Err(Cause::TooLarge.into());
        }
    }
    Ok(applied)
}

fn walk(result: &Json, plan: &Plan) -> Result<Applied, Cause> {
    let owned = |fields: std::collections::BTreeSet<&str>| {
        fields.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut edited = result.clone();
    let mut walk = Walk::new(plan);
    let (changed, rows_removed) = walk.result(&mut edited)?;
    Ok(Applied {
        result: changed.then_some(edited),
        masked: owned(walk.masked),
        dropped: owned(walk.dropped),
        rows_removed,
    })
}
