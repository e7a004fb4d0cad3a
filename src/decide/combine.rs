//! Many packages, one effect. The meaning is that of `contract.md`, and `rego/toolgate/main.rego`
//! says the same in Rego.

use super::elements::Elements;
use crate::engine::{EvaluationError, Package, SetName, Sets};
use crate::model::call::Phase;
use crate::model::obligation::Obligation;
use crate::model::reason::{Code, Reason};
use crate::model::verdict::{Approval, Effect, Shadow, Verdict};
use crate::obligation;
use std::sync::Arc;

/// What one applicable package contributes.
#[derive(Clone, Debug)]
pub(super) struct Contribution<'a> {
    pub(super) package: &'a Package,
    may_grant: bool,
    elements: Result<Elements, Reason>,
}

impl<'a> Contribution<'a> {
    /// Reads what a package returned.
    pub(super) fn new(
        package: &'a Package,
        server: &str,
        outcome: Result<Arc<Sets>, EvaluationError>,
    ) -> Self {
        let name = package.name.as_str();
        let elements = outcome
            .map_err(|error| failure(&error).of_policy(name))
            .and_then(|sets| Elements::read(name, &sets));
        Self {
            package,
            may_grant: package.may_grant(server),
            elements,
        }
    }

    fn defines(&self, set: SetName) -> bool {
        self.package.defines.contains(&set)
    }
}

fn failure(error: &EvaluationError) -> Code {
    match error {
        EvaluationError::Policy(_) | EvaluationError::Undefined => Code::PolicyError,
        EvaluationError::NotJson(_) => Code::PolicyResultInvalid,
        EvaluationError::Limit(_) => Code::EvaluationLimit,
        EvaluationError::OutputTooLarge => Code::OutputTooLarge,
        EvaluationError::Panic => Code::EvaluationPanic,
    }
}

/// The verdict of all enforced packages, and what each package in shadow would have made of it.
pub(super) fn combine(contributions: &[Contribution<'_>], phase: Phase) -> Verdict {
    let (shadows, enforced): (Vec<_>, Vec<_>) =
        contributions.iter().partition(|part| part.package.shadow);
    let mut verdict = verdict(&enforced, phase);
    verdict.shadow = shadows
        .iter()
        .map(|part| shadow(part, &enforced, phase))
        .collect();
    verdict
}

fn shadow(part: &Contribution<'_>, enforced: &[&Contribution<'_>], phase: Phase) -> Shadow {
    let mut with = enforced.to_vec();
    with.push(part);
    let codes = match &part.elements {
        Ok(elements) => {
            let reasons = elements.deny.iter().chain(&elements.allow);
            let approvals = elements
                .approvals
                .iter()
                .map(|approval| approval.code.clone());
            let owed = elements
                .obligations
                .iter()
                .map(|owed| owed.kind().to_owned());
            reasons
                .map(|reason| reason.code.clone())
                .chain(approvals)
                .chain(owed)
                .collect()
        }
        Err(reason) => vec![reason.code.clone()],
    };
    Shadow {
        policy: part.package.name.clone(),
        effect: verdict(&with, phase).effect,
        codes,
    }
}

fn verdict(parts: &[&Contribution<'_>], phase: Phase) -> Verdict {
    let mut read = Vec::with_capacity(parts.len());
    let mut denials = Vec::new();
    for part in parts {
        match &part.elements {
            Ok(elements) => read.push((*part, elements)),
            Err(reason) => denials.push(reason.clone()),
        }
    }
    let shown = if denials.is_empty() {
        shown_by(&read)
    } else {
        Vec::new()
    };
    let visible = !shown.is_empty();
    let judged = if phase == Phase::List {
        listed(shown, denials)
    } else {
        called(&read, denials)
    };
    Verdict { visible, ..judged }
}

type Read<'a, 'b> = (&'a Contribution<'b>, &'a Elements);

/// A list entry has no arguments, so only what shows it counts.
fn listed(shown: Vec<Reason>, denials: Vec<Reason>) -> Verdict {
    if !denials.is_empty() {
        return Verdict::new(Effect::Deny, denials);
    }
    if shown.is_empty() {
        return Code::NoMatchingAllow.into();
    }
    Verdict::new(Effect::Allow, shown)
}

/// Why an entry is shown: the elements of `visible`, or of `allow` where nobody defines it.
fn shown_by(read: &[Read<'_, '_>]) -> Vec<Reason> {
    if read.iter().any(|(part, _)| part.defines(SetName::Visible)) {
        return granting(read, |elements| &elements.visible);
    }
    granted_by(read)
}

fn granted_by(read: &[Read<'_, '_>]) -> Vec<Reason> {
    granting(read, |elements| &elements.allow)
}

/// One set of every package that may grant.
fn granting(read: &[Read<'_, '_>], set: impl Fn(&Elements) -> &Vec<Reason>) -> Vec<Reason> {
    let granting = read.iter().filter(|(part, _)| part.may_grant);
    granting
        .flat_map(|(_, elements)| set(elements).iter().cloned())
        .collect()
}

fn called(read: &[Read<'_, '_>], mut denials: Vec<Reason>) -> Verdict {
    denials.extend(
        read.iter()
            .flat_map(|(_, elements)| elements.deny.iter().cloned()),
    );
    if !denials.is_empty() {
        return Verdict::new(Effect::Deny, denials);
    }
    let grants = granted_by(read);
    if grants.is_empty() {
        return Code::NoMatchingAllow.into();
    }
    let approvals: Vec<_> = read
        .iter()
        .flat_map(|(_, elements)| elements.approvals.iter().cloned())
        .collect();
    if !approvals.is_empty() {
        return awaiting(approvals);
    }
    constrained(read, grants)
}

fn awaiting(approvals: Vec<Approval>) -> Verdict {
    let reasons = approvals.iter().map(|approval| Reason {
        code: approval.code.clone(),
        ..Code::ApprovalRequired.of_policy(&approval.policy)
    });
    Verdict {
        approvals: approvals.clone(),
        ..Verdict::new(Effect::RequireApproval, reasons.collect())
    }
}

fn constrained(read: &[Read<'_, '_>], grants: Vec<Reason>) -> Verdict {
    let owing = read
        .iter()
        .filter(|(_, elements)| !elements.obligations.is_empty());
    let policies = owing
        .clone()
        .map(|(part, _)| part.package.name.clone())
        .collect();
    let owed: Vec<Obligation> = owing
        .flat_map(|(_, elements)| elements.obligations.iter().cloned())
        .collect();
    if owed.is_empty() {
        return Verdict::new(Effect::Allow, grants);
    }
    match obligation::merge(owed) {
        Ok(obligations) => {
            let mut verdict = Verdict::new(Effect::Constrain, grants);
            verdict.obligations = obligations;
            verdict.note_policies(policies);
            verdict
        }
        Err(reason) => Verdict::deny(reason),
    }
}
