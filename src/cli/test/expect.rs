//! What a case of a table expects of a verdict.
//!
//! Only the members that are there are compared. The elements of `reasons`, `obligations`,
//! `approvals` and `shadow` are given whole, as an object with the members that matter, or as one
//! word: the `code`, the `type`, the `code`, the `policy`. Lists are compared without order.

use super::table::members;
use crate::model::json::{Json, Object};
use crate::model::verdict::Verdict;

/// The members of a verdict, and how an element of each list is named by one word.
const MEMBERS: [(&str, Shape); 9] = [
    ("effect", Shape::Exact),
    ("visible", Shape::Exact),
    ("reasons", Shape::List("code")),
    ("obligations", Shape::List("type")),
    ("approvals", Shape::List("code")),
    ("policies", Shape::List("")),
    ("shadow", Shape::List("policy")),
    ("params", Shape::Exact),
    ("result", Shape::Exact),
];
const EFFECTS: [&str; 4] = ["allow", "deny", "constrain", "require_approval"];

/// How a member is compared.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// Equal, members of objects in any order.
    Exact,
    /// As many elements, each like one of the other side; a word stands for an element with this
    /// member.
    List(&'static str),
}

/// The members that a case lists.
#[derive(Debug)]
pub(super) struct Expected(Vec<(&'static str, Shape, Json)>);

impl Expected {
    /// Reads what a case says.
    pub(super) fn read(verdict: &Json) -> Result<Self, String> {
        let known = MEMBERS.map(|(name, _)| name);
        let listed = members("`verdict`", verdict, &known)?;
        if listed.is_empty() {
            return Err("`verdict` is empty: say at least its `effect`".to_owned());
        }
        let mut expected = Vec::new();
        for (name, shape) in MEMBERS {
            let Some(value) = listed.get(name) else {
                continue;
            };
            check(name, shape, value)?;
            expected.push((name, shape, value.clone()));
        }
        Ok(Self(expected))
    }

    /// What is not as expected, one text a member; empty if all is.
    pub(super) fn differences(&self, actual: &Json) -> Vec<String> {
        let mut differences = Vec::new();
        for (name, shape, expected) in &self.0 {
            let found = actual.get(name).unwrap_or(&Json::Null);
            let same = match shape {
                Shape::Exact => equal(expected, found),
                Shape::List(key) => lists_match(key, expected, found),
            };
            if !same {
                differences.push(format!("{name}: expected {expected}, is {found}"));
            }
        }
        differences
    }
}

fn check(name: &str, shape: Shape, value: &Json) -> Result<(), String> {
    let fits = match (shape, value) {
        (Shape::List(key), Json::Array(items)) => items.iter().all(|item| match item {
            Json::String(_) => true,
            Json::Object(_) => !key.is_empty(),
            _ => false,
        }),
        (Shape::List(_), _) => false,
        (Shape::Exact, _) => true,
    };
    if !fits {
        return Err(format!(
            "`verdict.{name}` must be an array of words or objects"
        ));
    }
    if name == "effect"
        && !value
            .as_str()
            .is_some_and(|effect| EFFECTS.contains(&effect))
    {
        let effects = EFFECTS.map(|effect| format!("`{effect}`"));
        return Err(format!(
            "`verdict.effect` must be one of {}",
            effects.join(", ")
        ));
    }
    if name == "visible" && value.as_bool().is_none() {
        return Err("`verdict.visible` must be true or false".to_owned());
    }
    Ok(())
}

fn lists_match(key: &str, expected: &Json, found: &Json) -> bool {
    let (Json::Array(expected), Json::Array(found)) = (expected, found) else {
        return false;
    };
    pair_up(expected, found, |expected, found| match expected {
        Json::String(_) if !key.is_empty() => found.get(key) == Some(expected),
        Json::Object(members) => members.iter().all(|(name, value)| {
            found
                .get(name)
                .is_some_and(|found| equal_unordered(value, found))
        }),
        other => equal(other, found),
    })
}

/// Whether each of `expected` can have one of `found` for itself. Elements that are given with more
/// members choose first, so that a bare word does not take what only they are like.
fn pair_up(expected: &[Json], found: &[Json], alike: impl Fn(&Json, &Json) -> bool) -> bool {
    let mut choosing: Vec<&Json> = expected.iter().collect();
    choosing.sort_by_key(|item| std::cmp::Reverse(item.as_object().map_or(1, Object::len)));
    let mut left: Vec<&Json> = found.iter().collect();
    for item in choosing {
        let Some(place) = left.iter().position(|found| alike(item, found)) else {
            return false;
        };
        left.remove(place);
    }
    left.is_empty()
}

fn equal_unordered(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Array(a), Json::Array(b)) => pair_up(a, b, equal),
        _ => equal(a, b),
    }
}

/// Equal but for the order of members.
fn equal(a: &Json, b: &Json) -> bool {
    a.canonical() == b.canonical()
}

/// A verdict as tables and their failures name it.
pub(super) fn verdict_json(verdict: &Verdict) -> Json {
    let reasons = verdict.reasons.iter().map(|reason| {
        Json::object([
            ("code", reason.code.as_str()),
            ("message", &reason.message),
            ("policy", &reason.policy),
            ("origin", reason.origin.as_str()),
        ])
    });
    let approvals = verdict.approvals.iter().map(|approval| {
        Json::object([
            ("code", Json::from(approval.code.as_str())),
            ("by", Json::array(approval.by.iter().map(String::as_str))),
            ("policy", approval.policy.as_str().into()),
        ])
    });
    let shadow = verdict.shadow.iter().map(|shadow| {
        Json::object([
            ("policy", Json::from(shadow.policy.as_str())),
            ("effect", shadow.effect.as_str().into()),
            (
                "codes",
                Json::array(shadow.codes.iter().map(String::as_str)),
            ),
        ])
    });
    let obligations = verdict.obligations.iter().map(|owed| owed.to_json());
    let mut all = Object::new();
    all.insert("effect", verdict.effect.as_str());
    all.insert("visible", verdict.visible);
    all.insert("reasons", Json::array(reasons));
    all.insert("obligations", Json::array(obligations));
    all.insert("approvals", Json::array(approvals));
    all.insert(
        "policies",
        Json::array(verdict.policies.iter().map(String::as_str)),
    );
    all.insert("shadow", Json::array(shadow));
    if let Some(params) = &verdict.params {
        all.insert("params", params.clone());
    }
    if let Some(result) = &verdict.result {
        all.insert("result", result.clone());
    }
    Json::Object(all)
}
