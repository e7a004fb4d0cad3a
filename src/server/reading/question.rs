//! What is asked of the log, checked.

use crate::audit::index::{Filter, Order};
use crate::model::secret;
use crate::model::time::Timestamp;
use crate::server::audit::{bounded, timestamp};
use crate::server::status::RpcError;
use crate::wire::v1;

/// Most types that are named.
const TYPES_MAX: usize = 16;

/// Which records, in which order.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) filter: Filter,
    pub(super) order: Order,
}

impl Question {
    pub(super) fn read(asked: &v1::QueryRequest) -> Result<Self, RpcError> {
        let text = |field: &str, value: &String| bounded(field, value.clone());
        if asked.types.len() > TYPES_MAX {
            let problem = format!("`types` has more than {TYPES_MAX}");
            return Err(RpcError::Invalid(problem));
        }
        let types = asked.types.iter().map(|kind| text("types", kind));
        let filter = Filter {
            principal: text("principal", &asked.principal)?,
            caller: text("caller", &asked.caller)?,
            user: text("user", &asked.user)?,
            agent: text("agent", &asked.agent)?,
            server: text("server", &asked.server)?,
            tool: text("tool", &asked.tool)?,
            effect: effect(asked.effect)?.to_owned(),
            reason: text("reason_code", &asked.reason_code)?,
            session_id: text("session_id", &asked.session_id)?,
            correlation_id: text("correlation_id", &asked.correlation_id)?,
            revision: text("revision", &asked.revision)?,
            decision_id: text("decision_id", &asked.decision_id)?,
            status: status(asked.status)?.to_owned(),
            types: types.collect::<Result<_, _>>()?,
            from: time("from", asked.from.as_ref())?,
            until: time("until", asked.until.as_ref())?,
        };
        let order = match v1::QueryOrder::try_from(asked.order) {
            Ok(v1::QueryOrder::Unspecified | v1::QueryOrder::NewestFirst) => Order::NewestFirst,
            Ok(v1::QueryOrder::OldestFirst) => Order::OldestFirst,
            Err(_) => return Err(unknown("order", asked.order)),
        };
        Ok(Self { filter, order })
    }

    /// For a stream, which has one order and no pages.
    pub(super) fn to_tail(asked: &v1::QueryRequest) -> Result<Self, RpcError> {
        let is_given = [
            ("justification", !asked.justification.is_empty()),
            ("page_size", asked.page_size != 0),
            ("page_token", !asked.page_token.is_empty()),
            ("order", asked.order != 0),
        ];
        match is_given.iter().find(|(_, is_given)| *is_given) {
            Some((field, _)) => Err(RpcError::Invalid(format!(
                "`matching.{field}` means nothing here: leave it out"
            ))),
            None => Self::read(asked),
        }
    }
}

/// Why somebody reads: recorded, so it is short, says something and holds no secret.
pub(super) fn justification(text: &str) -> Result<String, RpcError> {
    let text = bounded("justification", text.trim().to_owned())?;
    if text.is_empty() {
        let problem = "`justification` is required: it is recorded";
        return Err(RpcError::Invalid(problem.to_owned()));
    }
    Ok(secret::redacted(&text).into_owned())
}

fn effect(number: i32) -> Result<&'static str, RpcError> {
    use crate::model::verdict::Effect;
    Ok(match v1::Effect::try_from(number) {
        Ok(v1::Effect::Unspecified) => "",
        Ok(v1::Effect::Allow) => Effect::Allow.as_str(),
        Ok(v1::Effect::Deny) => Effect::Deny.as_str(),
        Ok(v1::Effect::Constrain) => Effect::Constrain.as_str(),
        Ok(v1::Effect::RequireApproval) => Effect::RequireApproval.as_str(),
        Err(_) => return Err(unknown("effect", number)),
    })
}

fn status(number: i32) -> Result<&'static str, RpcError> {
    use crate::audit::record::OutcomeStatus;
    Ok(match v1::OutcomeStatus::try_from(number) {
        Ok(v1::OutcomeStatus::Unspecified) => "",
        Ok(v1::OutcomeStatus::Ok) => OutcomeStatus::Ok.as_str(),
        Ok(v1::OutcomeStatus::ToolError) => OutcomeStatus::ToolError.as_str(),
        Ok(v1::OutcomeStatus::ProtocolError) => OutcomeStatus::ProtocolError.as_str(),
        Ok(v1::OutcomeStatus::Timeout) => OutcomeStatus::Timeout.as_str(),
        Ok(v1::OutcomeStatus::Cancelled) => OutcomeStatus::Cancelled.as_str(),
        Ok(v1::OutcomeStatus::Withheld) => OutcomeStatus::Withheld.as_str(),
        Err(_) => return Err(unknown("status", number)),
    })
}

fn time(field: &str, time: Option<&prost_types::Timestamp>) -> Result<Option<Timestamp>, RpcError> {
    let beyond = || RpcError::Invalid(format!("`{field}` is beyond the times that there are"));
    let read = |time| timestamp(time).ok_or_else(beyond);
    time.map(read).transpose()
}

fn unknown(field: &str, number: i32) -> RpcError {
    RpcError::Invalid(format!("`{field}` has the unknown value `{number}`"))
}
