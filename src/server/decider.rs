//! From a question to its recorded answer: `wire` → `identity` → the policy set, once → `decide` →
//! `audit` → the reply. Speaks no gRPC, so that a shim can decide in its own process.

use super::answer::Outcome;
use super::asked::{Asked, Claims, claim};
use super::directory::SetDirectory;
use super::large::LargeTurns;
use super::metrics::Metrics;
use super::peer::Remote;
use super::status::RpcError;
use super::tenants::{Tenant, Tenants, Under};
use crate::decide::decide;
use crate::identity::{Identity, Peer, session_id};
use crate::model::attempt::Claim;
use crate::model::call::{Facts, Phase};
use crate::model::json;
use crate::model::obligation::Obligation;
use crate::model::reason::{Code, Reason};
use crate::model::subject::Subject;
use crate::model::time::{Clock, Timestamp};
use crate::model::verdict::{Intent, Verdict};
use crate::wire::{Question, v1};
use std::sync::Arc;
use std::time::{Duration, Instant};

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
    /// Policies and logs.
    pub tenants: Tenants,
    /// Who may ask.
    pub identity: Arc<Identity>,
    /// Turns of large questions.
    pub large: LargeTurns,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The time.
    pub clock: Clock,
    /// Limits.
    pub limits: DecisionLimits,
}

impl Decider {
    /// Decides under a policy set that was taken once, for one question or a batch of them.
    pub async fn decide_under(
        &self,
        under: &Under<'_>,
        peer: &Remote,
        question: v1::DecideRequest,
    ) -> v1::DecideResponse {
        let (now, started) = ((self.clock)(), Instant::now());
        let mut asked = Asked::unidentified(&question);
        let judged = self.judge(&mut asked, under, peer, question, now);
        let (verdict, intents) = judged.unwrap_or_else(|reason| {
            asked.is_of(under.tenant);
            (Verdict::deny(reason), Vec::new())
        });
        let outcome = Outcome {
            verdict,
            intents,
            took: started.elapsed(),
            now,
        };
        self.record_and_reply(asked, under, outcome).await
    }

    /// Denies a question for a reason that no policy was asked about.
    pub(super) async fn deny(
        &self,
        under: &Under<'_>,
        peer: &Remote,
        question: &v1::DecideRequest,
        reason: Reason,
    ) -> v1::DecideResponse {
        let mut asked = Asked::unidentified(question);
        asked.caller = self.known_caller(&peer.peer).ok();
        asked.is_of(under.tenant);
        let outcome = Outcome {
            verdict: Verdict::deny(reason),
            intents: Vec::new(),
            took: Duration::ZERO,
            now: (self.clock)(),
        };
        self.record_and_reply(asked, under, outcome).await
    }

    /// The steps from a question to a verdict; a reason to deny ends them.
    pub(super) fn judge(
        &self,
        asked: &mut Asked,
        under: &Under<'_>,
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
        self.identify(asked, under, peer, said, &client_session, now)?;
        let set = under.set().ok_or_else(|| Code::NoPolicySet.reason())?;
        if set.revision().version < min_policy_version {
            return Err(Code::PolicyTooOld.reason());
        }
        let owed = owed_to(under.tenant, asked, &call_id, now)?;
        let facts = Facts {
            owed,
            ..Facts::default()
        };
        Ok(decide(set, &asked.request, &facts, now))
    }

    fn identify(
        &self,
        asked: &mut Asked,
        under: &Under<'_>,
        peer: &Remote,
        (subject, claimed): (Subject, Option<Claim>),
        client_session: &str,
        now: Timestamp,
    ) -> Result<(), Reason> {
        let directory = SetDirectory(under.set());
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
        // Nobody is judged by another tenant's policies, whatever the connection told before.
        let own = self.tenants.get(&asked.request.tenant);
        match own.is_some_and(|own| Arc::ptr_eq(own, under.tenant)) {
            true => Ok(()),
            // The keys of tokens may have changed in between: asked again, it is told rightly.
            false => Err(Reason {
                retryable: true,
                ..Code::TenantUnknown.reason()
            }),
        }
    }
}

/// What the call of this result owes; a result that belongs to no call of this caller, or not
/// to these `params`, is denied.
fn owed_to(
    tenant: &Tenant,
    asked: &mut Asked,
    call_id: &str,
    now: Timestamp,
) -> Result<Vec<Obligation>, Reason> {
    if asked.request.phase != Phase::Result {
        return Ok(Vec::new());
    }
    let call = tenant
        .owed
        .find(call_id, now)
        .ok_or_else(|| Code::CallUnknown.reason())?;
    if call.identity != asked.call_identity() || call.judged_digest != asked.params_digest {
        return Err(Code::CallUnknown.reason());
    }
    call_id.clone_into(&mut asked.call_id);
    Ok(call.obligations)
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
