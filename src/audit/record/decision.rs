//! `decision`: what was asked, and what was answered.

use super::attempt::attempt_member;
use super::events::put_event;
use super::fields::{Canonical, Fields, Items, Own, members};
use super::{ShimPosition, filtered, revision};
use crate::audit::hash::Hashed;
use crate::model::attempt::Attempt;
use crate::model::call::{Phase, Request};
use crate::model::json::Json;
use crate::model::obligation::{AuditLevel, Obligation};
use crate::model::principal::AuthenticatedBy;
use crate::model::reason::Reason;
use crate::model::revision::{EngineKind, Revision};
use crate::model::time::Timestamp;
use crate::model::verdict::{Approval, Effect, Filtered, Shadow, Verdict};

/// One decision. Empty texts and `None` are absent in the record.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionRecord {
    /// UUIDv7 of the decision.
    pub decision_id: String,
    /// What ties a result to its call.
    pub call_id: String,
    /// The tenant.
    pub tenant: String,
    /// The phase.
    pub phase: Phase,
    /// The subject's id; empty where nobody was identified, and then nothing of it is recorded.
    pub principal_id: String,
    /// The human behind it.
    pub user: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// The client program.
    pub client: Option<String>,
    /// How the subject is known.
    pub authenticated_by: AuthenticatedBy,
    /// The caller that asked, where it is not the subject itself.
    pub caller: Option<String>,
    /// Who tried, where nobody was identified.
    pub attempt: Option<Box<Attempt>>,
    /// What the caller asserted beyond its grant, by name: it was dropped.
    pub dropped: Vec<String>,
    /// The PDP's name for the session.
    pub session_id: String,
    /// The caller's correlation id.
    pub correlation_id: Option<String>,
    /// The W3C trace context that came with the request.
    pub traceparent: Option<String>,
    /// The MCP server, as the operator calls it.
    pub tool_server: String,
    /// The tool's or prompt's name or the resource's URI.
    pub tool_name: String,
    /// The JSON-RPC method.
    pub method: String,
    /// `sha256:<hex>` of the tool's definition.
    pub definition_digest: Option<String>,
    /// From the catalog.
    pub data_classification: Option<String>,
    /// From the catalog.
    pub risk_tier: Option<String>,
    /// What the caller said the call is for.
    pub purpose: Option<String>,
    /// The arguments, hashed.
    pub arguments: Option<Hashed>,
    /// The arguments that were forwarded, hashed, where an obligation rewrote them.
    pub rewritten_arguments: Option<Hashed>,
    /// The result that was judged, hashed, in phase `result`.
    pub response: Option<Hashed>,
    /// The result that was released, hashed, where obligations changed it.
    pub released: Option<Hashed>,
    /// What obligations took out of the result.
    pub filtered: Option<Filtered>,
    /// The answer.
    pub effect: Effect,
    /// Every reason; messages are not recorded, since a policy may have put arguments into them.
    pub reasons: Vec<Reason>,
    /// The packages that contributed.
    pub policies: Vec<String>,
    /// What is owed. Values of `rewrite_arguments` are not recorded.
    pub obligations: Vec<Obligation>,
    /// Who has to approve.
    pub approvals: Vec<Approval>,
    /// What packages in shadow would have done.
    pub shadow: Vec<Shadow>,
    /// The policy set that decided; `None` if there was none.
    pub policy: Option<Revision>,
    /// Which evaluator ran; `None` if none did.
    pub engine: Option<EngineKind>,
    /// How long deciding took, in microseconds.
    pub evaluation_us: u64,
    /// Whether an earlier answer was given again.
    pub cached: bool,
    /// Whether it was asked as a dry run.
    pub dry_run: bool,
    /// What the detectors found, such as `clean`.
    pub dlp_result: Option<String>,
    /// The session's labels before the call.
    pub labels: Vec<String>,
    /// The shim that asked or, where `event_id` is set, that decided on its own.
    pub shim: Option<ShimPosition>,
    /// The code that a shim gave which decided on its own, where it is not one of toolgate's.
    pub reported_code: Option<String>,
    /// UUID of the event, where a shim decided on its own.
    pub event_id: Option<String>,
    /// When the shim decided on its own, by its clock.
    pub event_time: Option<Timestamp>,
}

impl DecisionRecord {
    /// What request, verdict and policy set tell. The ids, hashes, times and what the catalog
    /// says are for the caller to fill in.
    #[must_use]
    pub fn new(request: &Request, verdict: &Verdict, policy: Option<&Revision>) -> Self {
        let context = |name| Some(request.context.get(name)?.as_str()?.to_owned());
        let principal = &request.principal;
        Self {
            decision_id: String::new(),
            call_id: String::new(),
            tenant: request.tenant.clone(),
            phase: request.phase,
            principal_id: principal.id.clone(),
            user: principal.user.clone(),
            agent: principal.agent.clone(),
            client: principal.client.clone(),
            authenticated_by: principal.authenticated_by,
            caller: None,
            attempt: None,
            dropped: Vec::new(),
            session_id: request.session_id.clone(),
            correlation_id: context("correlation_id"),
            traceparent: None,
            tool_server: request.mcp.server.clone(),
            tool_name: request.mcp.name.clone(),
            method: request.mcp.method.clone(),
            definition_digest: request.definition_digest.clone(),
            data_classification: None,
            risk_tier: None,
            purpose: context("purpose"),
            arguments: None,
            rewritten_arguments: None,
            response: None,
            released: None,
            filtered: verdict.filtered.clone(),
            effect: verdict.effect,
            reasons: verdict.reasons.clone(),
            policies: verdict.policies.clone(),
            obligations: verdict.obligations.clone(),
            approvals: verdict.approvals.clone(),
            shadow: verdict.shadow.clone(),
            policy: policy.cloned(),
            engine: verdict.engine,
            evaluation_us: 0,
            cached: false,
            dry_run: false,
            dlp_result: None,
            labels: Vec::new(),
            shim: None,
            reported_code: None,
            event_id: None,
            event_time: None,
        }
    }

    #[cfg(test)]
    pub(in crate::audit) fn object(&self) -> crate::model::json::Object {
        super::object_of(|fields| self.put_into(fields))
    }

    /// The fields of the record, in the order of their names.
    pub(super) fn put_into(&self, fields: &mut Fields<'_>) {
        self.put_to_identifiers(fields);
        self.put_to_policy(fields);
        self.put_to_end(fields);
    }

    fn put_to_identifiers(&self, fields: &mut Fields<'_>) {
        if !self.approvals.is_empty() {
            fields.put("approvals", Items(self.approvals.iter().map(approval)));
        }
        fields
            .hashed("arguments", self.arguments.as_ref())
            .optional("attempt", self.attempt.as_deref().map(attempt_member))
            .put("cached", self.cached)
            .text("call_id", &self.call_id)
            .optional("caller", self.caller.as_deref())
            .optional("correlation_id", self.correlation_id.as_deref())
            .optional("data_classification", self.data_classification.as_deref())
            .put("decision_id", Own(&self.decision_id))
            .optional("definition_digest", self.definition_digest.as_deref());
    }

    fn put_to_policy(&self, fields: &mut Fields<'_>) {
        fields
            .optional("dlp_result", self.dlp_result.as_deref())
            .some_texts("dropped", &self.dropped)
            .put("dry_run", self.dry_run)
            .put("effect", self.effect.as_str())
            .optional("engine", self.engine.map(EngineKind::as_str))
            .integer("evaluation_us", self.evaluation_us);
        put_event(fields, self.event_id.as_deref(), self.event_time);
        fields
            .optional("filtered", self.filtered.as_ref().map(filtered))
            .texts("labels", &self.labels)
            .put("method", self.method.as_str())
            .put("obligations", Items(self.obligations()))
            .put("phase", self.phase.as_str())
            .texts("policies", &self.policies)
            .optional("policy", self.policy.as_ref().map(revision));
    }

    fn put_to_end(&self, fields: &mut Fields<'_>) {
        fields
            .put("principal", members(|fields| self.put_principal(fields)))
            .optional("purpose", self.purpose.as_deref())
            .put("reasons", Items(self.reasons.iter().map(reason)))
            .hashed("released", self.released.as_ref())
            .optional("reported_code", self.reported_code.as_deref())
            .hashed("response", self.response.as_ref())
            .hashed("rewritten_arguments", self.rewritten_arguments.as_ref())
            .optional("risk_tier", self.risk_tier.as_deref())
            .text("session_id", &self.session_id);
        if !self.shadow.is_empty() {
            fields.put("shadow", Items(self.shadow.iter().map(shadow)));
        }
        fields
            .optional("shim", self.shim.as_ref().map(ShimPosition::member))
            .put("tenant", self.tenant.as_str())
            .text("tool_name", &self.tool_name)
            .put("tool_server", self.tool_server.as_str())
            .optional("traceparent", self.traceparent.as_deref());
    }

    fn put_principal(&self, fields: &mut Fields<'_>) {
        if self.principal_id.is_empty() {
            return;
        }
        fields
            .optional("agent", self.agent.as_deref())
            .put("authenticated_by", self.authenticated_by.as_str())
            .optional("client", self.client.as_deref())
            .put("id", self.principal_id.as_str())
            .optional("user", self.user.as_deref());
    }

    fn obligations(&self) -> impl Iterator<Item = Json> + Clone {
        let basic = self.obligations.iter().any(|obligation| {
            matches!(obligation, Obligation::Audit { level, .. } if *level == AuditLevel::Basic)
        });
        self.obligations
            .iter()
            .map(move |obligation| match (basic, obligation) {
                (true, _) => Json::object([("type", obligation.kind())]),
                (false, Obligation::RewriteArguments { patch }) => rewrite(patch),
                (false, _) => obligation.to_json(),
            })
    }
}

/// A patch without its values: they may hold arguments.
fn rewrite(patch: &[Json]) -> Json {
    let operation = |operation: &Json| {
        let names = ["op", "path", "from"].into_iter();
        let known = names.filter_map(|name| Some((name, operation.get(name)?.as_str()?)));
        Json::object(known)
    };
    Json::object([
        ("type", Json::from("rewrite_arguments")),
        ("patch", Json::array(patch.iter().map(operation))),
    ])
}

fn reason(reason: &Reason) -> impl Canonical {
    members(|fields| {
        fields
            .put("code", reason.code.as_str())
            .put("origin", reason.origin.as_str())
            .text("policy", &reason.policy);
    })
}

fn approval(approval: &Approval) -> impl Canonical {
    members(|fields| {
        fields
            .texts("by", &approval.by)
            .put("code", approval.code.as_str())
            .text("policy", &approval.policy);
    })
}

fn shadow(shadow: &Shadow) -> impl Canonical {
    members(|fields| {
        fields
            .texts("codes", &shadow.codes)
            .put("effect", shadow.effect.as_str())
            .put("policy", shadow.policy.as_str());
    })
}
