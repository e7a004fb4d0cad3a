//! Decisions as people and programs read them.

use super::Answer;
use crate::cli::Output;
use crate::cli::output::Colour;
use crate::model::json::{Json, Limits, Object, parse};
use crate::wire::v1;

/// The name of an effect; no decision is a deny.
fn effect(decision: &v1::DecideResponse) -> (Colour, &'static str) {
    match decision.effect() {
        v1::Effect::Allow => (Colour::Green, "allow"),
        v1::Effect::Constrain => (Colour::Green, "constrain"),
        v1::Effect::RequireApproval => (Colour::Yellow, "require_approval"),
        v1::Effect::Deny | v1::Effect::Unspecified => (Colour::Red, "deny"),
    }
}

fn is_visible(decision: &v1::DecideResponse) -> bool {
    decision.visibility() == v1::Visibility::Visible
}

pub(super) const fn engine(engine: v1::Engine) -> &'static str {
    match engine {
        v1::Engine::Rvm => "rvm",
        v1::Engine::Interpreter => "interpreter",
        v1::Engine::Unspecified => "none",
    }
}

const fn origin(origin: v1::Origin) -> &'static str {
    match origin {
        v1::Origin::Policy => "policy",
        v1::Origin::Identity => "identity",
        v1::Origin::Limit => "limit",
        v1::Origin::Engine => "engine",
        v1::Origin::Availability => "availability",
        v1::Origin::Unspecified => "unspecified",
    }
}

const fn fulfilled_by(by: v1::FulfilledBy) -> &'static str {
    match by {
        v1::FulfilledBy::Pdp => "pdp",
        v1::FulfilledBy::Shim | v1::FulfilledBy::Unspecified => "shim",
    }
}

/// The JSON in a field of the wire; empty or broken: null.
pub(super) fn held(bytes: &[u8]) -> Json {
    parse(bytes, Limits::REQUEST).unwrap_or(Json::Null)
}

/// A decision in one line: effect, codes of the reasons, types of the obligations.
pub(super) fn line(output: &Output, answer: &Answer) {
    let decision = &answer.decision;
    let (colour, effect) = effect(decision);
    let reasons = decision.reasons.iter().map(|reason| reason.code.as_str());
    let owed = decision.obligations.iter().map(|owed| owed.r#type.as_str());
    output.line(format!(
        "{}\t{}\t{}",
        output.paint(colour, effect),
        reasons.collect::<Vec<_>>().join(","),
        owed.collect::<Vec<_>>().join(",")
    ));
    explained(output, answer);
}

/// A decision with everything in it.
pub(super) fn whole(output: &Output, answer: &Answer) {
    for (indent, line) in std::iter::once("")
        .chain(std::iter::repeat("  "))
        .zip(lines(output, answer))
    {
        output.line(format!("{indent}{line}"));
    }
    explained(output, answer);
}

/// The effect, then everything else but the packages' parts, a line each.
pub(super) fn lines(output: &Output, answer: &Answer) -> Vec<String> {
    let decision = &answer.decision;
    let (colour, effect) = effect(decision);
    let visible = match is_visible(decision) {
        true => "visible",
        false => "hidden",
    };
    let mut lines = vec![format!("{} ({visible})", output.paint(colour, effect))];
    for reason in &decision.reasons {
        let from = match reason.policy.is_empty() {
            true => origin(reason.origin()),
            false => &reason.policy,
        };
        let code = output.paint(Colour::Bold, &reason.code);
        let message = match reason.message.is_empty() {
            true => String::new(),
            false => format!(": {}", reason.message),
        };
        lines.push(format!("reason {code} by {from}{message}"));
    }
    for owed in &decision.obligations {
        let kind = output.paint(Colour::Bold, &owed.r#type);
        lines.push(format!("obligation {kind} {}", held(&owed.properties_json)));
    }
    let approval = decision.approval.iter();
    for needed in approval.flat_map(|approval| &approval.requirements) {
        let by = needed.by.join(" or ");
        lines.push(format!(
            "approval {} by {by}, wanted by {}",
            needed.code, needed.policy
        ));
    }
    if let Some(params) = &decision.params_json {
        lines.push(format!("params {}", held(params)));
    }
    if let Some(result) = &decision.result_json {
        lines.push(format!("result {}", held(result)));
    }
    if let Some(policy) = &decision.policy {
        let engine = engine(policy.engine());
        lines.push(format!(
            "policy {} ({}), engine {engine}",
            policy.revision, policy.digest
        ));
    }
    lines.extend(ids(decision).map(|(name, id)| format!("{name} {id}")));
    lines
}

fn ids(decision: &v1::DecideResponse) -> impl Iterator<Item = (&'static str, &str)> {
    let ids = [
        ("decision_id", decision.decision_id.as_str()),
        ("call_id", &decision.call_id),
    ];
    ids.into_iter().filter(|(_, id)| !id.is_empty())
}

/// Each package's part, where it was asked for.
fn explained(output: &Output, answer: &Answer) {
    for part in answer.packages.iter().flatten() {
        output.line(format!("  {}", package(output, part)));
        let Json::Object(sets) = held(&part.sets_json) else {
            continue;
        };
        for (set, elements) in sets.iter() {
            output.line(format!("    {set}{}", counts(set, part.may_grant)));
            for element in elements.as_array().unwrap_or_default() {
                output.line(format!("      {element}"));
            }
        }
    }
}

/// A package in a line: its name, and why it has no part.
pub(super) fn package(output: &Output, package: &v1::PackageExplanation) -> String {
    let name = output.paint(Colour::Bold, &package.name);
    let shadow = match package.shadow {
        true => " (shadow: recorded only)",
        false => "",
    };
    let what = match (&package.excluded, &package.error) {
        (why, _) if !why.is_empty() => format!(": not asked, {why}"),
        (_, error) if !error.is_empty() => {
            format!(": {} {error}", output.paint(Colour::Red, "failed:"))
        }
        _ => String::new(),
    };
    format!("package {name}{shadow}{what}")
}

/// What is to be said of a set that does not count.
pub(super) fn counts(set: &str, may_grant: bool) -> &'static str {
    match (set, may_grant) {
        ("allow" | "visible", false) => {
            " (does not count: its bundle may not speak for this server)"
        }
        _ => "",
    }
}

/// A decision as JSON.
pub(super) fn json(answer: &Answer) -> Json {
    let decision = &answer.decision;
    let mut all = Object::new();
    all.insert("effect", effect(decision).1);
    all.insert("visible", is_visible(decision));
    all.insert(
        "reasons",
        Json::array(decision.reasons.iter().map(reason_json)),
    );
    all.insert(
        "obligations",
        Json::array(decision.obligations.iter().map(owed_json)),
    );
    if let Some(approval) = &decision.approval {
        let needed = approval.requirements.iter().map(|needed| {
            Json::object([
                ("code", Json::from(needed.code.as_str())),
                ("by", Json::array(needed.by.iter().map(String::as_str))),
                ("policy", needed.policy.as_str().into()),
            ])
        });
        all.insert("approvals", Json::array(needed));
    }
    if let Some(params) = &decision.params_json {
        all.insert("params", held(params));
    }
    if let Some(result) = &decision.result_json {
        all.insert("result", held(result));
    }
    if let Some(policy) = &decision.policy {
        all.insert("policy", policy_json(policy));
    }
    for (name, id) in ids(decision) {
        all.insert(name, id);
    }
    if let Some(packages) = &answer.packages {
        all.insert("packages", Json::array(packages.iter().map(package_json)));
    }
    Json::Object(all)
}

fn reason_json(reason: &v1::Reason) -> Json {
    Json::object([
        ("code", Json::from(reason.code.as_str())),
        ("message", reason.message.as_str().into()),
        ("policy", reason.policy.as_str().into()),
        ("origin", origin(reason.origin()).into()),
        ("retryable", reason.retryable.into()),
    ])
}

fn owed_json(owed: &v1::Obligation) -> Json {
    Json::object([
        ("type", Json::from(owed.r#type.as_str())),
        ("properties", held(&owed.properties_json)),
        ("fulfilled_by", fulfilled_by(owed.fulfilled_by()).into()),
    ])
}

fn policy_json(policy: &v1::Policy) -> Json {
    Json::object([
        ("version", Json::from(policy.version)),
        ("revision", policy.revision.as_str().into()),
        ("digest", policy.digest.as_str().into()),
        ("engine", engine(policy.engine()).into()),
    ])
}

fn package_json(package: &v1::PackageExplanation) -> Json {
    let mut all = Object::new();
    all.insert("name", package.name.as_str());
    all.insert("shadow", package.shadow);
    all.insert("may_grant", package.may_grant);
    if !package.excluded.is_empty() {
        all.insert("excluded", package.excluded.as_str());
    } else if !package.error.is_empty() {
        all.insert("error", package.error.as_str());
    } else {
        all.insert("sets", held(&package.sets_json));
    }
    Json::Object(all)
}
