//! From a verdict to its record and its reply. Nothing is waited for but a record that has to be
//! durable first.

use super::asked::Asked;
use super::decider::Decider;
use super::evidence::{Evidence, OnFailure, Recorded};
use super::owed::{OwedCall, ReleasedResult};
use super::tenants::Under;
use crate::audit::hash::Hashed;
use crate::audit::log::{AppendError, Pending};
use crate::audit::record::DecisionRecord;
use crate::engine::PolicySet;
use crate::model::call::Phase;
use crate::model::json::Json;
use crate::model::obligation::Obligation;
use crate::model::reason::Code;
use crate::model::time::Timestamp;
use crate::model::verdict::{Effect, Intent, Verdict};
use crate::wire::{self, v1};
use std::time::Duration;
use uuid::Uuid;

/// How a question came out.
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) intents: Vec<Intent>,
    pub(super) took: Duration,
    pub(super) now: Timestamp,
}

/// An answer that waits for its record.
struct Answer {
    asked: Asked,
    outcome: Outcome,
    decision_id: String,
    /// Empty where no call is granted.
    call_id: String,
    /// The result as it is released.
    released: Option<Hashed>,
}

impl Decider {
    pub(super) async fn record_and_reply(
        &self,
        asked: Asked,
        under: &Under<'_>,
        outcome: Outcome,
    ) -> v1::DecideResponse {
        let (recorded, answer) = record(asked, under, outcome);
        match recorded {
            Ok(Recorded::Posted(position)) => self.reply(answer, under, Ok(position)),
            // Boxed, so that a decision that waits for nothing stays small.
            Ok(Recorded::Awaited(pending)) => {
                Box::pin(self.reply_after(pending, answer, under)).await
            }
            Err(error) => self.reply(answer, under, Err(error)),
        }
    }

    async fn reply_after(
        &self,
        pending: Pending,
        answer: Answer,
        under: &Under<'_>,
    ) -> v1::DecideResponse {
        let evidence = &under.tenant.evidence;
        let appended = pending.await;
        let position = appended.map(|appended| evidence.position(Some(appended.seq)));
        self.reply(answer, under, position)
    }

    fn reply(
        &self,
        answer: Answer,
        under: &Under<'_>,
        recorded: Result<v1::AuditPosition, AppendError>,
    ) -> v1::DecideResponse {
        let (tenant, set) = (under.tenant, under.set());
        let Answer {
            asked,
            outcome,
            decision_id,
            call_id,
            released,
        } = answer;
        let Outcome {
            mut verdict,
            intents,
            took,
            now,
        } = outcome;
        let audit = match recorded {
            Ok(position) => Some(position),
            Err(error) => {
                tracing::error!(%error, decision_id, "a decision could not be recorded");
                tenant.metrics.audit_failed();
                if tenant.evidence.on_failure() == OnFailure::Deny {
                    verdict = Code::AuditUnavailable.into();
                }
                None
            }
        };
        if asked.dry_run {
            verdict = dry(verdict);
        }
        tenant.metrics.decided(verdict.effect, took);
        let grants = verdict.effect.grants();
        let judged_digest = asked.judged_digest(&verdict);
        if let Some(hashed) = released.filter(|_| grants) {
            let released = ReleasedResult::new(&judged_digest, hashed, &verdict);
            tenant.owed.note_released(&asked.call_id, released);
        }
        let valid_until = now.plus(self.limits.verdict_valid);
        let valid_until = asked
            .accepted_until
            .map_or(valid_until, |until| until.min(valid_until));
        let cacheable_until = self.cacheable_until(set, &asked, &verdict, now, valid_until);
        if let Some(obligations) = owed(intents).filter(|_| grants) {
            let call = OwedCall {
                identity: asked.call_identity(),
                judged_digest: judged_digest.clone(),
                obligations,
                decision_id: decision_id.as_str().into(),
                released: None,
            };
            tenant.owed.remember(&call_id, call, now);
        }
        v1::DecideResponse {
            decision_id,
            call_id: if grants { call_id } else { String::new() },
            judged_digest,
            valid_until: Some(wire::timestamp(valid_until)),
            cacheable_until: cacheable_until.map(wire::timestamp),
            audit,
            evaluation_time: prost_types::Duration::try_from(took).ok(),
            ..wire::reply(&verdict, set.map(PolicySet::revision))
        }
    }
}

/// Records a verdict in its tenant's log.
fn record(
    asked: Asked,
    under: &Under<'_>,
    outcome: Outcome,
) -> (Result<Recorded, AppendError>, Answer) {
    let Outcome { verdict, now, .. } = &outcome;
    let evidence = &under.tenant.evidence;
    let decision_id = Uuid::now_v7().to_string();
    let grants = verdict.effect.grants() && !asked.dry_run;
    let call_id = match asked.request.phase {
        Phase::Call if grants => Uuid::now_v7().to_string(),
        _ => String::new(),
    };
    let revision = under.set().map(PolicySet::revision);
    let mut record = DecisionRecord::new(&asked.request, verdict, revision);
    record.decision_id.clone_from(&decision_id);
    record.call_id = match asked.request.phase {
        Phase::Result => asked.call_id.clone(),
        _ => call_id.clone(),
    };
    record.evaluation_us = u64::try_from(outcome.took.as_micros()).unwrap_or(u64::MAX);
    describe(&mut record, evidence, &asked, verdict, *now);
    let released = record.released.clone().or_else(|| record.response.clone());
    let durable = outcome.intents.contains(&Intent::RecordDurably);
    let recorded = evidence.decision(record, *now, durable);
    let answer = Answer {
        asked,
        outcome,
        decision_id,
        call_id,
        released,
    };
    (recorded, answer)
}

/// Adds to a record what the verdict does not tell.
fn describe(
    record: &mut DecisionRecord,
    evidence: &Evidence,
    asked: &Asked,
    verdict: &Verdict,
    now: Timestamp,
) {
    let tenant = &asked.request.tenant;
    // Whoever is not known fills no store.
    let is_known = !asked.request.principal.id.is_empty();
    let hash = |content: &Json| match is_known {
        true => evidence.hash_and_keep(tenant, now, content),
        false => evidence.hash(tenant, now, content),
    };
    record.caller.clone_from(&asked.caller);
    record.attempt.clone_from(&asked.attempt);
    record.dropped.clone_from(&asked.dropped);
    record.dry_run = asked.dry_run;
    record.traceparent = (!asked.traceparent.is_empty()).then(|| asked.traceparent.clone());
    record.arguments = asked.request.arguments().map(hash);
    let rewritten = verdict
        .params
        .as_ref()
        .and_then(|params| params.get("arguments"));
    record.rewritten_arguments = rewritten.map(hash);
    record.response = asked.request.result.as_ref().map(hash);
    record.released = verdict.result.as_ref().map(hash);
}

/// What a granted call owes to its result.
fn owed(intents: Vec<Intent>) -> Option<Vec<Obligation>> {
    intents.into_iter().find_map(|intent| match intent {
        Intent::Owe(obligations) => Some(obligations),
        Intent::RecordDurably => None,
    })
}

/// A dry run grants nothing, and says what it would have been.
fn dry(verdict: Verdict) -> Verdict {
    let message = format!(
        "a dry run grants nothing; it would be `{}`",
        verdict.effect.as_str()
    );
    let mut reasons = vec![Code::DryRun.with_message(message)];
    reasons.extend(verdict.reasons);
    Verdict {
        effect: Effect::Deny,
        reasons,
        params: None,
        result: None,
        filtered: None,
        ..verdict
    }
}
