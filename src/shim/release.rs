//! A call's result on its way to the client: judged whole, then released or withheld.

use crate::model::call::Phase;
use crate::model::json::{Json, Limits, parse};
use crate::model::reason::Code;
use crate::shim::denial::Denial;
use crate::shim::event::{EventBody, Outcome, Status};
use crate::shim::fields::{Changes, Names, holds_secret};
use crate::shim::flight::CallFlight;
use crate::shim::gate::Grant;
use crate::shim::message::{self, Id, Message, Payload};
use crate::shim::schema;
use crate::shim::session::{Session, count};

/// What the client gets for a call, and the call's outcome, which is kept before that is sent.
pub(super) async fn call_result(
    session: &Session,
    message: &Message<'_>,
    id: &Id,
    call: CallFlight,
    payload: Payload<'_>,
    modern: bool,
    latency_us: u64,
) -> Vec<u8> {
    let mut question = call.question;
    question.phase = Phase::Result;
    question.result_json = Some(payload.raw().to_vec());
    // The scan has parsed it before: this cannot fail.
    let said = parse(payload.raw(), Limits::REQUEST).unwrap_or(Json::Null);
    let judged = match not_mediated(payload, &said) {
        None => session.core.gate.judge(&question).await,
        Some(denial) => Err(denial),
    };
    let definition = question.definition_json.as_deref();
    let released = judged.and_then(|grant| release(message, payload, &said, definition, grant));
    let mut outcome = Outcome::unanswered(call.decision, Status::Withheld, latency_us);
    outcome.secret_present = Some(holds_secret(&said));
    let answer = match released {
        Ok(released) => {
            outcome.status = status_of(payload, &said);
            outcome.response_bytes = released.bytes;
            outcome.response_digest = released.digest;
            outcome.fields_returned = released.returned.without(&released.masked).recorded();
            outcome.masked = released.masked.recorded();
            outcome.dropped = released.dropped.recorded();
            outcome.rows_removed = released.rows_removed;
            released.message
        }
        Err(denial) => {
            count(&session.core.counts.denied);
            withheld(id, &denial, payload, modern)
        }
    };
    session.core.reporter.record(EventBody::Outcome(outcome));
    answer
}

/// What a client gets of a result.
struct Released {
    message: Vec<u8>,
    bytes: u64,
    digest: String,
    returned: Names,
    /// Masked or dropped.
    masked: Names,
    dropped: Names,
    rows_removed: u64,
}

/// A result by which the server wants something else than to answer is not mediated.
fn not_mediated(payload: Payload<'_>, said: &Json) -> Option<Box<Denial>> {
    let (unfit, text) = match payload {
        Payload::Result(_) => {
            let kind = said
                .get("resultType")
                .map(|kind| kind.as_str() != Some("complete"));
            let is_task = said.get("task").is_some() && said.get("content").is_none();
            let text = "the server asked for something other than to answer the call";
            (kind.unwrap_or(is_task), text)
        }
        // An error of another shape is read otherwise by masks than by clients.
        Payload::Error(_) => (
            !is_error(said),
            "the server's error has no code and message",
        ),
    };
    unfit.then(|| Denial::local(Code::ResultWithheld.with_message(text)))
}

fn release(
    message: &Message<'_>,
    payload: Payload<'_>,
    said: &Json,
    definition: Option<&[u8]>,
    grant: Grant,
) -> Result<Released, Box<Denial>> {
    let Grant {
        answer,
        replacement,
    } = grant;
    let names = Names::of_result(said);
    let mut masked = names.hidden_by(&answer.obligations);
    let mut changes = Changes::default();
    let (message, bytes, returned) = match replacement {
        None => (message.bytes.to_vec(), payload.raw().len(), names),
        Some(part) => {
            let replaced = replaced(message, payload, &part);
            let failed = || Denial::over_grant(&answer, Code::ResultWithheld.reason());
            let (message, value) = replaced.ok_or_else(failed)?;
            if let Err(why) = fits_still(&value, definition) {
                tracing::info!(%why, "a masked result does not fit the tool's output schema");
                let text =
                    "what obligations left of the result does not fit the tool's output schema";
                let reason = Code::ResultWithheld.with_message(text);
                return Err(Denial::over_grant(&answer, reason));
            }
            changes = Changes::between(said, &value);
            masked.add(&changes.masked);
            masked.add(&changes.dropped);
            (message, part.len(), Names::of_result(&value))
        }
    };
    Ok(Released {
        message,
        bytes: u64::try_from(bytes).unwrap_or(u64::MAX),
        digest: answer.judged_digest,
        returned,
        masked,
        dropped: changes.dropped,
        rows_removed: changes.rows_removed,
    })
}

/// Whether a rewritten result still is what the tool promised: clients check that, and a result
/// that fails there fails where nobody can tell why.
fn fits_still(result: &Json, definition: Option<&[u8]>) -> Result<(), schema::Unfit> {
    let definition = definition.and_then(|raw| parse(raw, Limits::REQUEST).ok());
    let schema = definition.as_ref().and_then(|it| it.get("outputSchema"));
    match (schema, result.get("structuredContent")) {
        (Some(schema), Some(document)) => schema::fits(schema, document),
        _ => Ok(()),
    }
}

/// The message with the PDP's part in place of the server's, and that part; `None` if it is not
/// any more what it replaces: a result an object, an error an error.
fn replaced(message: &Message<'_>, payload: Payload<'_>, part: &[u8]) -> Option<(Vec<u8>, Json)> {
    let value = parse(part, Limits::REQUEST).ok()?;
    let fits = match payload {
        Payload::Result(_) => true,
        Payload::Error(_) => is_error(&value),
    };
    let bytes = message.with(payload.raw(), part).filter(|_| fits)?;
    message::scan(&bytes).ok()?;
    Some((bytes, value))
}

fn is_error(value: &Json) -> bool {
    let code = match value.get("code") {
        Some(Json::Number(code)) => code.as_i64(),
        _ => None,
    };
    code.is_some() && value.get("message").is_some_and(|it| it.as_str().is_some())
}

fn withheld(id: &Id, denial: &Denial, payload: Payload<'_>, modern: bool) -> Vec<u8> {
    match payload {
        Payload::Result(_) => denial.tool_result(id, modern),
        Payload::Error(_) => denial.error(id),
    }
}

fn status_of(payload: Payload<'_>, said: &Json) -> Status {
    match payload {
        Payload::Error(_) => Status::ProtocolError,
        Payload::Result(_) => match said.get("isError") {
            Some(Json::Bool(true)) => Status::ToolError,
            _ => Status::Ok,
        },
    }
}
