//! How long an answer may be taken again for the same question.

use super::asked::Asked;
use super::decider::Decider;
use crate::engine::PolicySet;
use crate::model::call::Phase;
use crate::model::obligation::{AuditLevel, Obligation};
use crate::model::time::Timestamp;
use crate::model::verdict::{Effect, Verdict};

impl Decider {
    /// Until when the same question has the same answer; `None` where nobody may say. Never for
    /// what a result is owed, for what has to be recorded each time, and never where a package that
    /// was asked can read the time, facts or labels.
    pub(super) fn cacheable_until(
        &self,
        set: Option<&PolicySet>,
        asked: &Asked,
        verdict: &Verdict,
        now: Timestamp,
        valid_until: Timestamp,
    ) -> Option<Timestamp> {
        let grants = matches!(verdict.effect, Effect::Allow | Effect::Constrain);
        let lasts = grants
            && !asked.dry_run
            && asked.request.phase != Phase::Result
            && !self.limits.cacheable.is_zero()
            && verdict.obligations.iter().all(is_of_the_call_alone);
        let server = &asked.request.mcp.server;
        if !lasts || set?.applicable(server).any(|package| package.volatile) {
            return None;
        }
        Some(now.plus(self.limits.cacheable).min(valid_until))
    }
}

/// Whether the next call owes nothing of its own.
fn is_of_the_call_alone(obligation: &Obligation) -> bool {
    match obligation {
        Obligation::RewriteArguments { .. } => true,
        Obligation::Audit { level, durable } => *level == AuditLevel::Basic && !durable,
        Obligation::MaskFields { .. }
        | Obligation::DropFields { .. }
        | Obligation::LimitRows { .. }
        | Obligation::LimitBytes { .. } => false,
    }
}
