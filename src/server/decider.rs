//! From a question to its recorded answer: `wire` → `identity` → the policy set, once → `decide` →
//! `audit` → the reply. Speaks no gRPC, so that a shim can decide in its own process.

use super::asked::{Asked, Claims, claim};
use super::directory::SetDirectory;
use super::evidence::{Evidence, OnFailure, Recorded};
use super::large::LargeTurns;
use super::metrics::Metrics;
use super::owed::{OwedCall, OwedCalls, ReleasedResult};
use super::peer::Remote;
use super::repeats::Repeats;
use super::status::RpcError;
use crate::audit::hash::Hashed;
use crate::audit::log::{AppendError, Pending};
use crate::audit::record::DecisionRecord;
use crate::bundle::swap::PolicyStore;
use crate::decide::decide;
use crate::engine::PolicySet;
use crate::identity::{Identity, Peer, session_id};
use crate::model::attempt::Claim;
use crate::model::call::{Facts, Phase};
use crate::model::json::{self, Json};
use crate::model::obligation::Obligation;
use crate::model::reason::{Code, Reason};
use crate::model::subject::Subject;
use crate::model::time::{Clock, Timestamp};
use crate::model::verdict::{Effect, Intent, Verdict};
use crate::wire::{self, Question, v1};
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Limits of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionLimits {
    /// Each JSON part of a request.
    pub json: json::Limits,
    /// Messages of one batch.
    pub batch_max: usize,
    /// Questions of one stream that are being decided or whose answers wait to be read.
    pub stream_window_max: usize,
    /// How long a verdict may be used.
    pub verdict_valid: Duration,
    /// How long an answer may be taken again; 0: never.
    pub cacheable: Duration,
}

impl Default for DecisionLimits {
    fn default() -> Self {
        Self {
            json: json::Limits::REQUEST,
            batch_max: 512,
            stream_window_max: 64,
            verdict_valid: Duration::from_secs(30),
            cacheable: Duration::from_secs(5),
        }
    }
}

/// What a decision needs.
pub struct Decider {
    /// The policy sets.
    pub policies: Arc<PolicyStore<PolicySet>>,
    /// Who may ask.
    pub identity: Arc<Identity>,
    /// Where it is recorded.
    pub evidence: Arc<Evidence>,
    /// What results owe.
    pub owed: OwedCalls,
    /// Answers that may be asked for again.
    pub repeats: Repeats,
    /// Turns of large questions.
    pub large: LargeTurns,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
    /// Limits.
    pub limits: DecisionLimits,
}

/// How a question came out.
struct Outcome {
    verdict: Verdict,
    intents: Vec<Intent>,
    took: Duration,
    now: Timestamp,
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
    /// Decides under a policy set that was taken once, for one question or a batch of them.
    pub async fn decide_under(
        &self,
        set: Option<&PolicySet>,
        peer: &Remote,
        question: v1::DecideRequest,
    ) -> v1::DecideResponse {
        let (now, started) = ((self.clock)(), Instant::now());
        let mut asked = Asked::unidentified(&question);
        let judged = self.judge(&mut asked, set, peer, question, now);
        let (verdict, intents) =
            judged.unwrap_or_else(|reason| (Verdict::deny(reason), Vec::new()));
        let outcome = Outcome {
            verdict,
            intents,
            took: started.elapsed(),
            now,
        };
        self.record_and_reply(asked, set, outcome).await
    }

    /// Denies a question for a reason that no policy was asked about.
    pub(super) async fn deny(
        &self,
        set: Option<&PolicySet>,
        peer: &Remote,
        question: &v1::DecideRequest,
        reason: Reason,
    ) -> v1::DecideResponse {
        let mut asked = Asked::unidentified(question);
        asked.caller = self.known_caller(&peer.peer).ok();
        let outcome = Outcome {
            verdict: Verdict::deny(reason),
            intents: Vec::new(),
            took: Duration::ZERO,
            now: (self.clock)(),
        };
        self.record_and_reply(asked, set, outcome).await
    }

    /// The steps from a question to a verdict; a reason to deny ends them.
    pub(super) fn judge(
        &self,
        asked: &mut Asked,
        set: Option<&PolicySet>,
        peer: &Remote,
        question: v1::DecideRequest,
        now: Timestamp,
    ) -> Result<(Verdict, Vec<Intent>), Reason> {
        let claimed = claim(&question);
        let question = Question::read(question, self.limits.json).map_err(|malformed| {
            // Whoever sends what is malformed is worth knowing, too.
            asked.caller = self.identity.known_caller(&peer.peer, now).ok();
            let failed = format!("`{}` is malformed", malformed.field);
            asked.tried(&failed, claimed.clone(), peer.seen());
            Code::MalformedRequest.with_message(malformed.to_string())
        })?;
        let Claims {
            subject,
            client_session,
            call_id,
            min_policy_version,
        } = asked.fill(question);
        let said = (subject, claimed);
        self.identify(asked, set, peer, said, &client_session, now)?;
        let set = set.ok_or_else(|| Code::NoPolicySet.reason())?;
        if set.revision().version < min_policy_version {
            return Err(Code::PolicyTooOld.reason());
        }
        let owed = self.owed_to(asked, &call_id, now)?;
        let facts = Facts {
            owed,
            ..Facts::default()
        };
        Ok(decide(set, &asked.request, &facts, now))
    }

    fn identify(
        &self,
        asked: &mut Asked,
        set: Option<&PolicySet>,
        peer: &Remote,
        (subject, claimed): (Subject, Option<Claim>),
        client_session: &str,
        now: Timestamp,
    ) -> Result<(), Reason> {
        let directory = SetDirectory(set);
        let context = std::mem::take(&mut asked.request.context);
        let server = &asked.request.mcp.server;
        let identified = self
            .identity
            .authenticate(&peer.peer, subject, server, context, &directory, now)
            .map_err(|denied| {
                tracing::debug!(%denied, "denied before any policy was asked");
                let denied = *denied;
                asked.caller = denied.caller;
                let seen = peer.seen_with(denied.peer_token);
                asked.tried(&denied.detail, denied.subject_token.or(claimed), seen);
                denied.reason
            })?;
        let request = &mut asked.request;
        request.session_id = session_id(&identified.tenant, &identified.principal, client_session);
        request.tenant = identified.tenant;
        request.principal = identified.principal;
        request.context = identified.context;
        asked.caller = Some(identified.caller);
        asked.dropped = identified.dropped;
        asked.accepted_until = identified.accepted_until;
        Ok(())
    }

    /// What the call of this result owes; a result that belongs to no call of this caller, or not
    /// to these `params`, is denied.
    fn owed_to(
        &self,
        asked: &mut Asked,
        call_id: &str,
        now: Timestamp,
    ) -> Result<Vec<Obligation>, Reason> {
        if asked.request.phase != Phase::Result {
            return Ok(Vec::new());
        }
        let call = self
            .owed
            .find(call_id, now)
            .ok_or_else(|| Code::CallUnknown.reason())?;
        if call.identity != asked.call_identity() || call.judged_digest != asked.params_digest {
            return Err(Code::CallUnknown.reason());
        }
        call_id.clone_into(&mut asked.call_id);
        Ok(call.obligations)
    }

    async fn record_and_reply(
        &self,
        asked: Asked,
        set: Option<&PolicySet>,
        outcome: Outcome,
    ) -> v1::DecideResponse {
        let (recorded, answer) = self.record(asked, set, outcome);
        match recorded {
            Ok(Recorded::Posted(position)) => self.reply(answer, set, Ok(position)),
            // Boxed, so that a decision that waits for nothing stays small.
            Ok(Recorded::Awaited(pending)) => {
                Box::pin(self.reply_after(pending, answer, set)).await
            }
            Err(error) => self.reply(answer, set, Err(error)),
        }
    }

    async fn reply_after(
        &self,
        pending: Pending,
        answer: Answer,
        set: Option<&PolicySet>,
    ) -> v1::DecideResponse {
        let appended = pending.await;
        let position = appended.map(|appended| self.evidence.position(Some(appended.seq)));
        self.reply(answer, set, position)
    }

    fn record(
        &self,
        asked: Asked,
        set: Option<&PolicySet>,
        outcome: Outcome,
    ) -> (Result<Recorded, AppendError>, Answer) {
        let Outcome {
            verdict,
            intents,
            took,
            now,
        } = &outcome;
        let decision_id = Uuid::now_v7().to_string();
        let grants = verdict.effect.grants() && !asked.dry_run;
        let grants_call = asked.request.phase == Phase::Call && grants;
        let call_id = if grants_call {
            Uuid::now_v7().to_string()
        } else {
            String::new()
        };
        let revision = set.map(PolicySet::revision);
        let mut record = DecisionRecord::new(&asked.request, verdict, revision);
        record.decision_id.clone_from(&decision_id);
        record.call_id = match asked.request.phase {
            Phase::Result => asked.call_id.clone(),
            _ => call_id.clone(),
        };
        record.evaluation_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.describe(&mut record, &asked, verdict, *now);
        let released = record.released.clone().or_else(|| record.response.clone());
        let durable = intents.contains(&Intent::RecordDurably);
        let recorded = self.evidence.decision(record, *now, durable);
        let answer = Answer {
            asked,
            outcome,
            decision_id,
            call_id,
            released,
        };
        (recorded, answer)
    }

    fn reply(
        &self,
        answer: Answer,
        set: Option<&PolicySet>,
        recorded: Result<v1::AuditPosition, AppendError>,
    ) -> v1::DecideResponse {
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
                self.metrics.audit_failed();
                if self.evidence.on_failure() == OnFailure::Deny {
                    verdict = Code::AuditUnavailable.into();
                }
                None
            }
        };
        if asked.dry_run {
            verdict = dry(verdict);
        }
        self.metrics.decided(verdict.effect, took);
        let judged_digest = asked.judged_digest(&verdict);
        if let Some(hashed) = released.filter(|_| verdict.effect.grants()) {
            let released = ReleasedResult::new(&judged_digest, hashed, &verdict);
            self.owed.note_released(&asked.call_id, released);
        }
        let valid_until = now.plus(self.limits.verdict_valid);
        let valid_until = asked
            .accepted_until
            .map_or(valid_until, |until| until.min(valid_until));
        let cacheable_until = self.cacheable_until(set, &asked, &verdict, now, valid_until);
        if let Some(obligations) = owed(intents).filter(|_| verdict.effect.grants()) {
            let call = OwedCall {
                identity: asked.call_identity(),
                judged_digest: judged_digest.clone(),
                obligations,
                decision_id: decision_id.clone(),
                released: None,
            };
            self.owed.remember(call_id.clone(), call, now);
        }
        v1::DecideResponse {
            decision_id,
            call_id: if verdict.effect.grants() {
                call_id
            } else {
                String::new()
            },
            judged_digest,
            valid_until: Some(wire::timestamp(valid_until)),
            cacheable_until: cacheable_until.map(wire::timestamp),
            audit,
            evaluation_time: prost_types::Duration::try_from(took).ok(),
            ..wire::reply(&verdict, set.map(PolicySet::revision))
        }
    }

    /// Adds to a record what the verdict does not tell.
    fn describe(
        &self,
        record: &mut DecisionRecord,
        asked: &Asked,
        verdict: &Verdict,
        now: Timestamp,
    ) {
        let tenant = &asked.request.tenant;
        let hash = |content: &Json| self.evidence.hash(tenant, now, content);
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
}

/// What a granted call owes to its result.
fn owed(intents: Vec<Intent>) -> Option<Vec<Obligation>> {
    intents.into_iter().find_map(|intent| match intent {
        Intent::Owe(obligations) => Some(obligations),
        Intent::RecordDurably => None,
    })
}

impl Decider {
    /// The name of the caller that this connection's peer is: for what is no decision.
    ///
    /// # Errors
    /// Where nobody is known.
    pub fn known_caller(&self, peer: &Peer) -> Result<String, RpcError> {
        let known = self.identity.known_caller(peer, (self.clock)());
        known.map_err(|_denied| RpcError::Unauthenticated)
    }

    /// The caller that this peer is, one and no other: for what it sends and what it asks again.
    ///
    /// # Errors
    /// Where nobody is known.
    pub fn sender(&self, peer: &Peer) -> Result<String, RpcError> {
        let known = self.identity.sender(peer, (self.clock)());
        known.map_err(|_denied| RpcError::Unauthenticated)
    }
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
