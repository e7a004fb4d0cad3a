//! Between the shim's port and the generated types. Whatever is not said denies.

use crate::model::call::{Mcp, Phase};
use crate::model::json::{Json, Limits, Object, parse};
use crate::model::obligation::FulfilledBy;
use crate::model::reason::{Origin, Reason};
use crate::model::subject::{Asserted, Subject};
use crate::model::time::Timestamp;
use crate::model::verdict::Effect;
use crate::shim::event::{Event, EventBody, Outcome, Status};
use crate::shim::pdp::{Answer, Owed, PdpError, Question};
use crate::wire::{timestamp, v1};

/// Nanoseconds in a second.
const NANOS: i64 = 1_000_000_000;

/// A question on the wire, for its own speaker or else for this subject.
pub fn request(question: Question, subject: &Subject) -> v1::DecideRequest {
    let tool = question.definition_json;
    let speaker = question.speaker.map(Subject::BearerToken);
    v1::DecideRequest {
        phase: phase(question.phase).into(),
        subject: subject_of(speaker.as_ref().unwrap_or(subject)),
        mcp: Some(mcp(question.mcp)),
        tool: tool.map(|definition_json| v1::ToolDefinition { definition_json }),
        params_json: question.params_json,
        result_json: question.result_json.unwrap_or_default(),
        call_id: question.call_id.unwrap_or_default(),
        client_session: question.client_session,
        correlation_id: question.correlation_id,
        traceparent: question.traceparent.unwrap_or_default(),
        context: question.context.into_iter().collect(),
        dry_run: question.dry_run,
        ..v1::DecideRequest::default()
    }
}

const fn phase(phase: Phase) -> v1::Phase {
    match phase {
        Phase::Call => v1::Phase::Call,
        Phase::Result => v1::Phase::Result,
        Phase::List => v1::Phase::List,
        Phase::Notification => v1::Phase::Notification,
        Phase::ServerRequest => v1::Phase::ServerRequest,
        Phase::ClientAnswer => v1::Phase::ClientAnswer,
    }
}

fn mcp(mcp: Mcp) -> v1::Mcp {
    v1::Mcp {
        server: mcp.server,
        method: mcp.method,
        name: mcp.name,
        protocol_version: mcp.protocol,
    }
}

fn subject_of(subject: &Subject) -> Option<v1::decide_request::Subject> {
    match subject {
        Subject::None => None,
        Subject::BearerToken(token) => Some(v1::decide_request::Subject::BearerToken(
            token.text().to_owned(),
        )),
        Subject::Asserted(asserted) => {
            Some(v1::decide_request::Subject::Asserted(assert(asserted)))
        }
    }
}

fn assert(asserted: &Asserted) -> v1::AssertedSubject {
    let text = |part: &Option<String>| part.clone().unwrap_or_default();
    let attributes = &asserted.attributes;
    v1::AssertedSubject {
        id: asserted.id.clone(),
        user: text(&asserted.user),
        agent: text(&asserted.agent),
        client: text(&asserted.client),
        roles: asserted.roles.clone(),
        attributes_json: match attributes.is_empty() {
            true => Vec::new(),
            false => Json::Object(attributes.clone()).to_bytes(),
        },
        delegation: asserted.delegation.clone(),
    }
}

/// A decision from the wire.
pub fn answer(reply: v1::DecideResponse) -> Result<Answer, PdpError> {
    if reply.decision_id.is_empty() {
        return Err(PdpError::Invalid("a decision without an id"));
    }
    let obligations = reply.obligations.iter().map(owed);
    Ok(Answer {
        effect: effect(reply.effect()),
        visible: reply.visibility() == v1::Visibility::Visible,
        reasons: reply.reasons.iter().map(reason).collect(),
        obligations: obligations.collect::<Result<_, _>>()?,
        valid_until: reply.valid_until.map_or(Timestamp::default(), time),
        revision: reply.policy.map(|it| it.revision).unwrap_or_default(),
        audit_origin: reply.audit.map(|it| it.origin).unwrap_or_default(),
        call_id: (!reply.call_id.is_empty()).then_some(reply.call_id),
        decision_id: reply.decision_id,
        params_json: reply.params_json,
        result_json: reply.result_json,
        judged_digest: reply.judged_digest,
    })
}

const fn effect(effect: v1::Effect) -> Effect {
    match effect {
        v1::Effect::Allow => Effect::Allow,
        v1::Effect::Constrain => Effect::Constrain,
        v1::Effect::RequireApproval => Effect::RequireApproval,
        v1::Effect::Deny | v1::Effect::Unspecified => Effect::Deny,
    }
}

fn reason(reason: &v1::Reason) -> Reason {
    Reason {
        code: reason.code.clone(),
        message: reason.message.clone(),
        policy: reason.policy.clone(),
        origin: match reason.origin() {
            v1::Origin::Policy => Origin::Policy,
            v1::Origin::Identity => Origin::Identity,
            v1::Origin::Limit => Origin::Limit,
            v1::Origin::Availability => Origin::Availability,
            v1::Origin::Engine | v1::Origin::Unspecified => Origin::Engine,
        },
        retryable: reason.retryable,
    }
}

fn owed(obligation: &v1::Obligation) -> Result<Owed, PdpError> {
    let properties = match obligation.properties_json.as_slice() {
        b"" => Object::new(),
        raw => match parse(raw, Limits::REQUEST) {
            Ok(Json::Object(properties)) => properties,
            _ => return Err(PdpError::Invalid("an obligation's properties")),
        },
    };
    Ok(Owed {
        kind: obligation.r#type.clone(),
        properties,
        by: match obligation.fulfilled_by() {
            v1::FulfilledBy::Pdp => FulfilledBy::Pdp,
            v1::FulfilledBy::Shim | v1::FulfilledBy::Unspecified => FulfilledBy::Shim,
        },
    })
}

fn time(at: prost_types::Timestamp) -> Timestamp {
    let nanos = at.seconds.saturating_mul(NANOS);
    Timestamp::from_nanos(nanos.saturating_add(at.nanos.into()))
}

/// An event on the wire.
pub fn event(event: Event) -> v1::PublishRequest {
    use v1::publish_request::Event as Body;
    v1::PublishRequest {
        shim_id: event.shim_id,
        epoch: event.epoch,
        seq: event.seq,
        event_id: event.event_id,
        time: Some(timestamp(event.time)),
        event: Some(match event.body {
            EventBody::Connected { kind, server } => Body::ShimConnected(v1::ShimConnected {
                kind: kind.as_str().to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                server,
            }),
            EventBody::Outcome(it) => Body::Outcome(outcome(it)),
            EventBody::Heartbeat { spooled } => Body::Heartbeat(v1::Heartbeat { spooled }),
            EventBody::LocalDenial { code, mcp: called } => Body::LocalDenial(v1::LocalDenial {
                code,
                mcp: Some(mcp(called)),
            }),
        }),
    }
}

fn outcome(outcome: Outcome) -> v1::Outcome {
    v1::Outcome {
        decision_id: outcome.decision.decision_id,
        decision_origin: outcome.decision.origin,
        call_id: outcome.decision.call_id,
        status: status(outcome.status).into(),
        response_bytes: outcome.response_bytes,
        response_digest: outcome.response_digest,
        fields_returned: outcome.fields_returned,
        masked: outcome.masked,
        dropped: outcome.dropped,
        rows_removed: outcome.rows_removed,
        secret_present: outcome.secret_present,
        latency_us: outcome.latency_us,
        ..v1::Outcome::default()
    }
}

const fn status(status: Status) -> v1::OutcomeStatus {
    match status {
        Status::Ok => v1::OutcomeStatus::Ok,
        Status::ToolError => v1::OutcomeStatus::ToolError,
        Status::ProtocolError => v1::OutcomeStatus::ProtocolError,
        Status::Timeout => v1::OutcomeStatus::Timeout,
        Status::Cancelled => v1::OutcomeStatus::Cancelled,
        Status::Withheld => v1::OutcomeStatus::Withheld,
    }
}
