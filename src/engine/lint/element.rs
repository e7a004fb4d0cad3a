//! Elements of the sets that are written out, and so can be read before any call is decided.

use regorus::unstable::{Expr, Rule, RuleHead};

use super::constant::constant;
use super::shape::{is_policy, name};
use crate::engine::ast::{ParsedModule, string};
use crate::engine::set::{ElementCheck, SetName};
use crate::engine::suggest::nearest;
use crate::model::finding::{Finding, Severity};
use crate::model::json::Json;
use crate::model::obligation::Obligation;
use crate::model::reason::{Code, Reason};

const ELEMENT: &str = "policy.element";
/// Letters of a type that is meant by its beginning.
const PREFIX_LETTERS_MIN: usize = 3;

/// Finds elements that `check` refuses: wherever such a rule holds, the call would be denied.
#[must_use]
pub(crate) fn elements(modules: &[ParsedModule], check: ElementCheck) -> Vec<Finding> {
    let mut findings = Vec::new();
    for module in modules.iter().filter(|module| is_policy(module)) {
        for rule in &module.module.policy {
            findings.extend(element(module, rule, check));
        }
    }
    findings
}

fn element(module: &ParsedModule, rule: &Rule, check: ElementCheck) -> Option<Finding> {
    let set = SetName::ALL
        .into_iter()
        .find(|set| set.as_str() == name(rule))?;
    let Rule::Spec {
        head: RuleHead::Set { key: Some(key), .. },
        ..
    } = rule
    else {
        return None;
    };
    let refused = match constant(key) {
        Some(element) => check(set, &element).err(),
        None => part(set, key, check),
    }?;
    let hint = match set {
        SetName::Constrain => obligation_hint(key),
        SetName::Approve => "write `{\"by\": [\"legal\"], \"code\": \"code\"}`".to_owned(),
        SetName::Allow | SetName::Deny | SetName::Visible => {
            "write \"code\", or `{\"code\": \"code\", \"message\": \"text\"}`; a code is one word"
                .to_owned()
        }
    };
    let message = format!(
        "where this `{}` holds, the call is denied: {}",
        set.as_str(),
        refused.message
    );
    Some(module.finding(rule.span(), Severity::Error, ELEMENT, message, hint))
}

/// Names the types that are near to the one written, or that it begins.
fn obligation_hint(element: &Expr) -> String {
    const ALL: &str = "docs/policy-guide.md lists the obligations";
    let kind = member(element, "type");
    let Some(kind) = kind.as_ref().and_then(Json::as_str) else {
        return ALL.to_owned();
    };
    if Obligation::KINDS.contains(&kind) {
        return ALL.to_owned();
    }
    let begun = |known: &&str| kind.len() >= PREFIX_LETTERS_MIN && known.starts_with(kind);
    let meant: Vec<String> = match nearest(kind, &Obligation::KINDS) {
        Some(meant) => vec![format!("`{meant}`")],
        None => {
            let begun = Obligation::KINDS.into_iter().filter(begun);
            begun.map(|meant| format!("`{meant}`")).collect()
        }
    };
    match meant.is_empty() {
        true => ALL.to_owned(),
        false => format!("write {}; {ALL}", meant.join(" or ")),
    }
}

/// A written member of a written object.
fn member(element: &Expr, wanted: &str) -> Option<Json> {
    let Expr::Object { fields, .. } = element else {
        return None;
    };
    let mut fields = fields.iter();
    let (_, _, value) = fields.find(|(_, name, _)| string(name) == Some(wanted))?;
    constant(value)
}

/// What is written out of an object that has other members: its code, or its type.
fn part(set: SetName, element: &Expr, check: ElementCheck) -> Option<Reason> {
    match set {
        SetName::Constrain => {
            let written = Json::object([("type", member(element, "type")?)]);
            let refused = check(set, &written).err()?;
            (refused.code == Code::ObligationUnknown.as_str()).then_some(refused)
        }
        SetName::Approve => {
            let by = Json::array(["role"]);
            check(
                set,
                &Json::object([("code", member(element, "code")?), ("by", by)]),
            )
            .err()
        }
        SetName::Allow | SetName::Deny | SetName::Visible => {
            check(set, &Json::object([("code", member(element, "code")?)])).err()
        }
    }
}
