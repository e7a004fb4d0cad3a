//! `rewrite_arguments`: the patch is applied to `params.arguments`, whole or not at all.

use super::patch::{self, Operation};
use crate::model::json::{self, Json, Limits, Object};
use crate::model::obligation::Obligation;
use crate::model::reason::{Code, Reason};

#[cfg(test)]
mod tests;

/// The `params` after every `rewrite_arguments` of these obligations, in order; `None` if nothing
/// changed. Absent arguments count as `{}`.
///
/// # Errors
/// `obligation_failed` if an operation fails (a `test` too), if the arguments are or become
/// anything but an object, or if the rewritten `params` are over the limits of a request.
pub fn rewrite(params: &Object, obligations: &[Obligation]) -> Result<Option<Object>, Reason> {
    let mut operations = Vec::new();
    for obligation in obligations {
        if let Obligation::RewriteArguments { patch } = obligation {
            for operation in patch {
                operations.push(
                    Operation::read(operation).map_err(|what| {
                        failed(&format!("the patch has an operation that {what}"))
                    })?,
                );
            }
        }
    }
    if operations.is_empty() {
        return Ok(None);
    }
    let empty = Json::Object(Object::new());
    let before = params.get("arguments").unwrap_or(&empty);
    if before.as_object().is_none() {
        return Err(failed("they are not an object"));
    }
    let after = patch::apply(before.clone(), &operations, Limits::REQUEST)
        .map_err(|error| failed(&error.to_string()))?;
    if after.as_object().is_none() {
        return Err(failed("they would not be an object"));
    }
    if after == *before {
        return Ok(None);
    }
    let mut params = params.clone();
    params.insert("arguments", after);
    within_limits(params).map(Some)
}

/// What is forwarded has to pass the same door as what came in.
fn within_limits(params: Object) -> Result<Object, Reason> {
    let whole = Json::Object(params);
    match json::parse(&whole.to_bytes(), Limits::REQUEST) {
        Ok(Json::Object(params)) => Ok(params),
        Ok(_) => Err(failed("they would not be an object")),
        Err(error) => Err(failed(&error.to_string())),
    }
}

fn failed(why: &str) -> Reason {
    Code::ObligationFailed.with_message(format!("the arguments could not be rewritten: {why}"))
}
