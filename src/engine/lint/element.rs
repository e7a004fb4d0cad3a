//! Elements of the sets that are written out, and so can be read before any call is decided.

use regorus::unstable::{Expr, Rule, RuleHead};

use super::constant::constant;
use super::shape::{is_policy, name};
use crate::engine::ast::{ParsedModule, string};
use crate::engine::set::{ElementCheck, SetName};
use crate::model::finding::{Finding, Severity};
use crate::model::json::Json;
use crate::model::reason::{Code, Reason};

const ELEMENT: &str = "policy.element";

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
        SetName::Constrain => "docs/policy-guide.md lists the obligations",
        SetName::Approve => "write `{\"by\": [\"legal\"], \"code\": \"code\"}`",
        SetName::Allow | SetName::Deny | SetName::Visible => {
            "write \"code\", or `{\"code\": \"code\", \"message\": \"text\"}`; a code is one word"
        }
    };
    let message = format!(
        "where this `{}` holds, the call is denied: {}",
        set.as_str(),
        refused.message
    );
    Some(module.finding(rule.span(), Severity::Error, ELEMENT, message, hint))
}

/// What is written out of an object that has other members: its code, or its type.
fn part(set: SetName, element: &Expr, check: ElementCheck) -> Option<Reason> {
    let Expr::Object { fields, .. } = element else {
        return None;
    };
    let member = |wanted: &str| {
        let mut fields = fields.iter();
        let (_, _, value) = fields.find(|(_, name, _)| string(name) == Some(wanted))?;
        constant(value)
    };
    match set {
        SetName::Constrain => {
            let written = Json::object([("type", member("type")?)]);
            let refused = check(set, &written).err()?;
            (refused.code == Code::ObligationUnknown.as_str()).then_some(refused)
        }
        SetName::Approve => {
            let by = Json::array(["role"]);
            check(set, &Json::object([("code", member("code")?), ("by", by)])).err()
        }
        SetName::Allow | SetName::Deny | SetName::Visible => {
            check(set, &Json::object([("code", member("code")?)])).err()
        }
    }
}
