//! From a verdict to `DecideResponse`.

use super::v1;
use crate::model::json::Json;
use crate::model::obligation::{FulfilledBy, Obligation};
use crate::model::reason::{Origin, Reason};
use crate::model::revision::{EngineKind, Revision};
use crate::model::time::Timestamp;
use crate::model::verdict::{Effect, Verdict};

/// The policy-given parts of a reply; ids, times and the audit position are the server's to add.
#[must_use]
pub fn reply(verdict: &Verdict, revision: Option<&Revision>) -> v1::DecideResponse {
    v1::DecideResponse {
        effect: v1::Effect::from(verdict.effect).into(),
        visibility: visibility(verdict.visible).into(),
        reasons: verdict.reasons.iter().map(v1::Reason::from).collect(),
        obligations: verdict
            .obligations
            .iter()
            .map(v1::Obligation::from)
            .collect(),
        params_json: verdict
            .params
            .clone()
            .map(|params| Json::from(params).to_bytes()),
        result_json: verdict.result.as_ref().map(Json::to_bytes),
        approval: approval(verdict),
        policy: revision.map(|revision| active_policy(revision, verdict.engine)),
        ..v1::DecideResponse::default()
    }
}

/// Which policy set decided, and on which engine.
#[must_use]
pub fn active_policy(revision: &Revision, engine: Option<EngineKind>) -> v1::Policy {
    v1::Policy {
        version: revision.version,
        revision: revision.revision.clone(),
        digest: revision.digest.clone(),
        engine: engine
            .map_or(v1::Engine::Unspecified, v1::Engine::from)
            .into(),
    }
}

fn visibility(visible: bool) -> v1::Visibility {
    if visible {
        v1::Visibility::Visible
    } else {
        v1::Visibility::Hidden
    }
}

fn approval(verdict: &Verdict) -> Option<v1::Approval> {
    let requirements = verdict
        .approvals
        .iter()
        .map(|approval| v1::ApprovalRequirement {
            code: approval.code.clone(),
            by: approval.by.clone(),
            policy: approval.policy.clone(),
        });
    (verdict.effect == Effect::RequireApproval).then(|| v1::Approval {
        requirements: requirements.collect(),
        ..v1::Approval::default()
    })
}

impl From<Effect> for v1::Effect {
    fn from(effect: Effect) -> Self {
        match effect {
            Effect::Allow => Self::Allow,
            Effect::Deny => Self::Deny,
            Effect::Constrain => Self::Constrain,
            Effect::RequireApproval => Self::RequireApproval,
        }
    }
}

impl From<EngineKind> for v1::Engine {
    fn from(engine: EngineKind) -> Self {
        match engine {
            EngineKind::Rvm => Self::Rvm,
            EngineKind::Interpreter => Self::Interpreter,
        }
    }
}

impl From<Origin> for v1::Origin {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Policy => Self::Policy,
            Origin::Identity => Self::Identity,
            Origin::Limit => Self::Limit,
            Origin::Engine => Self::Engine,
            Origin::Availability => Self::Availability,
        }
    }
}

impl From<&Reason> for v1::Reason {
    fn from(reason: &Reason) -> Self {
        Self {
            code: reason.code.clone(),
            message: reason.message.clone(),
            policy: reason.policy.clone(),
            origin: v1::Origin::from(reason.origin).into(),
            retryable: reason.retryable,
        }
    }
}

impl From<&Obligation> for v1::Obligation {
    fn from(obligation: &Obligation) -> Self {
        let fulfilled_by = match obligation.fulfilled_by() {
            FulfilledBy::Pdp => v1::FulfilledBy::Pdp,
            FulfilledBy::Shim => v1::FulfilledBy::Shim,
        };
        Self {
            r#type: obligation.kind().to_owned(),
            properties_json: Json::from(obligation.properties()).to_bytes(),
            fulfilled_by: fulfilled_by.into(),
        }
    }
}

/// A point in time on the wire.
#[must_use]
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let nanos = at.as_nanos();
    prost_types::Timestamp {
        seconds: nanos.div_euclid(1_000_000_000),
        nanos: i32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0),
    }
}

/// One package's part in a decision. `outcome` is what it returned (its sets that are not empty) or
/// why it did not; `None` if it was not asked.
#[must_use]
pub fn package_explanation(
    name: &str,
    is_shadow: bool,
    may_grant: bool,
    outcome: Option<Result<Json, String>>,
) -> v1::PackageExplanation {
    let mut explanation = v1::PackageExplanation {
        name: name.to_owned(),
        shadow: is_shadow,
        may_grant,
        ..v1::PackageExplanation::default()
    };
    match outcome {
        None => "the server is not in its scope".clone_into(&mut explanation.excluded),
        Some(Ok(sets)) => explanation.sets_json = sets.to_bytes(),
        Some(Err(error)) => explanation.error = error,
    }
    explanation
}
