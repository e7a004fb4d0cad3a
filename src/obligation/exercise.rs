//! One entry point over everything here, for fuzzing.

use super::{apply, merge, parse, rewrite};
use crate::model::json::{self, Json, Limits};
use crate::model::obligation::Obligation;

/// Takes one document `{"obligations": […], "params": {…}, "result": …}` through `parse`, `merge`,
/// `rewrite` and `apply`, and checks what must always hold. Input of any other shape is fine.
///
/// # Errors
/// The property that does not hold.
pub fn exercise(input: &[u8]) -> Result<(), &'static str> {
    let Ok(input) = json::parse(input, Limits::REQUEST) else {
        return Ok(());
    };
    let elements = input.get("obligations").and_then(Json::as_array);
    let parsed: Vec<Obligation> = elements
        .unwrap_or_default()
        .iter()
        .filter_map(|element| parse(element).ok())
        .collect();
    if parsed
        .iter()
        .any(|one| parse(&one.to_json()).as_ref() != Ok(one))
    {
        return Err("an obligation does not survive being written and read");
    }
    let reversed = parsed.iter().rev().cloned().collect();
    let merged = merge(parsed);
    if merge(reversed) != merged {
        return Err("merging depends on the order");
    }
    let Ok(merged) = merged else {
        return Ok(());
    };
    if merge(merged.clone()).as_ref() != Ok(&merged) {
        return Err("merging twice differs from merging once");
    }
    if let Some(params) = input.get("params").and_then(Json::as_object)
        && rewrite(params, &merged).is_ok_and(|after| after.as_ref() == Some(params))
    {
        return Err("a rewrite that changes nothing gave new params");
    }
    input
        .get("result")
        .map_or(Ok(()), |result| applied_once(result, &merged))
}

fn applied_once(result: &Json, obligations: &[Obligation]) -> Result<(), &'static str> {
    let Ok(applied) = apply(result, obligations) else {
        return Ok(());
    };
    let Some(changed) = applied.result else {
        let effects = (applied.masked, applied.dropped, applied.rows_removed);
        let none = effects == Default::default();
        return none.then_some(()).ok_or("an effect without a change");
    };
    if changed == *result {
        return Err("a change without an effect");
    }
    match apply(&changed, obligations) {
        Ok(again) if again.result.is_none() => Ok(()),
        Ok(_) => Err("applying twice differs from applying once"),
        Err(_) => Err("what was applied is withheld the second time"),
    }
}
