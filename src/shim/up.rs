//! From the client to the server: what of a message is forwarded, and what the client is answered.

use crate::model::reason::{Code, Origin};
use crate::shim::denial::{self, By, Denial};
use crate::shim::envelope::Sketch;
use crate::shim::event::Status;
use crate::shim::exchange::Exchange;
use crate::shim::flight::{CallFlight, Flight, Kind, ListFlight};
use crate::shim::gate::{self, ASKS_MAX, Grant};
use crate::shim::listing;
use crate::shim::message::{self, Body, Id, Message, Notification, Refused, Request, Why};
use crate::shim::meta::Meta;
use crate::shim::notice;
use crate::shim::pdp::Question;
use crate::shim::permit::Permit;
use crate::shim::session::{Session, count};
use std::io;
use tokio::time::Instant;

/// Deals with one message of the client's: sends it to the server, or gives the client's answer.
/// `None`: the client gets none, now or ever.
///
/// # Errors
/// Those of the way to the server.
pub async fn take(exchange: &Exchange<'_>, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
    match message::scan(bytes) {
        Ok(message) => take_message(exchange, &message).await,
        Err(refused) => {
            let answer = refuse(exchange.session, refused, &Sketch::of(bytes));
            Ok(Some(answer))
        }
    }
}

/// The same, of a message that has been scanned.
///
/// # Errors
/// Those of the way to the server.
pub async fn take_message(
    exchange: &Exchange<'_>,
    message: &Message<'_>,
) -> io::Result<Option<Vec<u8>>> {
    match &message.body {
        Body::Request(request) => take_request(exchange, message, request).await,
        Body::Notification(notification) => {
            take_notification(exchange, message, notification).await?;
            Ok(None)
        }
        Body::Response(_) => {
            // No request of the server is shown to the client: it has nothing to answer.
            count(&exchange.session.core.counts.stray_responses);
            Ok(None)
        }
    }
}

/// The answer to what is not forwarded because it is no message, under its id where that could be
/// read at all: whoever sent it waits for that.
pub fn refuse(session: &Session, refused: Refused, sketch: &Sketch) -> Vec<u8> {
    let Refused { id, why } = refused;
    let read = sketch.id.clone().filter(|_| sketch.is_call);
    // An answer under the id of another request would end that one.
    let free = read.filter(|id| session.flights().admit(id).is_ok());
    refuse_as(session, id.or(free), &why)
}

fn refuse_as(session: &Session, id: Option<Id>, why: &Why) -> Vec<u8> {
    count(&session.core.counts.bad_frames);
    denial::error(id.as_ref(), why.code(), &why.to_string(), None)
}

async fn take_request(
    exchange: &Exchange<'_>,
    message: &Message<'_>,
    request: &Request<'_>,
) -> io::Result<Option<Vec<u8>>> {
    let session = exchange.session;
    let id = request.id.clone();
    let admitted = session.flights().admit(&id);
    if let Err(why) = admitted {
        return Ok(Some(refuse_as(session, Some(id), &why)));
    }
    let meta = Meta::read(request.params);
    match request.method.as_str() {
        "initialize" => forward(exchange, message, request, &meta, Kind::Initialize).await,
        "ping" => forward(exchange, message, request, &meta, Kind::Plain).await,
        "server/discover" if meta.modern.is_some() => {
            forward(exchange, message, request, &meta, Kind::Plain).await
        }
        "tools/list" => {
            let question =
                session.question(&id, "tools/list", None, &meta, exchange.speaker.as_ref());
            let cursor = meta.cursor.clone();
            let kind = Kind::List(Box::new(ListFlight { cursor, question }));
            forward(exchange, message, request, &meta, kind).await
        }
        "tools/call" => call(exchange, message, request, &meta).await,
        _ => Ok(Some(deny_method(exchange, request, &meta).await)),
    }
}

/// Forwards a request that needs no decision.
async fn forward(
    exchange: &Exchange<'_>,
    message: &Message<'_>,
    request: &Request<'_>,
    meta: &Meta,
    kind: Kind,
) -> io::Result<Option<Vec<u8>>> {
    let session = exchange.session;
    let opened = session
        .flights()
        .open(request.id.clone(), flight(meta, kind));
    if let Err(why) = opened {
        return Ok(Some(refuse_as(session, Some(request.id.clone()), &why)));
    }
    let permit = Permit::unjudged(message.bytes.to_vec());
    exchange.server.send(permit).await?;
    Ok(None)
}

fn flight(meta: &Meta, kind: Kind) -> Flight {
    Flight {
        kind,
        progress_token: meta.progress_token.clone(),
        since: Instant::now(),
        modern: meta.modern.is_some(),
    }
}

/// A method that the shim does not mediate is denied whatever the PDP says; it is asked so that
/// the attempt is on record.
async fn deny_method(exchange: &Exchange<'_>, request: &Request<'_>, meta: &Meta) -> Vec<u8> {
    let (session, speaker) = (exchange.session, exchange.speaker.as_ref());
    let question = session.question(&request.id, &request.method, request.params, meta, speaker);
    let denial = match session.core.room_to_record() {
        Err(denial) => denial,
        Ok(()) => match session.core.gate.judge(&question).await {
            Ok(grant) => Denial::over_grant(&grant.answer, Code::MethodUnknown.reason()),
            Err(denial) => denial,
        },
    };
    session.core.note_denial(&denial, &question.mcp);
    denial.error(&request.id)
}

/// How one attempt to pass a call on came out.
enum Attempt {
    /// The call is on its way.
    Forwarded,
    /// The client gets this.
    Answered(Vec<u8>),
    /// The verdict ran out, or the table of tools was too old: ask again.
    Again,
}

async fn call(
    exchange: &Exchange<'_>,
    message: &Message<'_>,
    request: &Request<'_>,
    meta: &Meta,
) -> io::Result<Option<Vec<u8>>> {
    let (session, speaker) = (exchange.session, exchange.speaker.as_ref());
    let mut question = session.question(&request.id, "tools/call", request.params, meta, speaker);
    let denied = |denial: &Denial, question: &Question| {
        Ok(Some(deny_call(session, request, meta, denial, question)))
    };
    if let Err(denial) = session.core.room_to_record() {
        return denied(&denial, &question);
    }
    for _ in 0..ASKS_MAX {
        match attempt(exchange, message, request, meta, &mut question).await? {
            Attempt::Forwarded => return Ok(None),
            Attempt::Answered(answer) => return Ok(Some(answer)),
            Attempt::Again => {}
        }
    }
    denied(&gate::expired(), &question)
}

fn deny_call(
    session: &Session,
    request: &Request<'_>,
    meta: &Meta,
    denial: &Denial,
    question: &Question,
) -> Vec<u8> {
    session.core.note_denial(denial, &question.mcp);
    denial.tool_result(&request.id, meta.modern.is_some())
}

/// Every name takes the same steps: the server's tools are known, the PDP is asked, the name is
/// looked up. So a tool that is hidden and one that does not exist are not told apart, neither by
/// the bytes of the answer nor by its time.
async fn attempt(
    exchange: &Exchange<'_>,
    message: &Message<'_>,
    request: &Request<'_>,
    meta: &Meta,
    question: &mut Question,
) -> io::Result<Attempt> {
    let session = exchange.session;
    let refused = |denial: &Denial, question: &Question| {
        let answer = deny_call(session, request, meta, denial, question);
        Ok(Attempt::Answered(answer))
    };
    let table = match listing::table(exchange, meta).await {
        Ok(table) => table,
        Err(error) => {
            let reason = Code::Internal.with_message(error.to_string());
            return refused(&Denial::local(reason), question);
        }
    };
    let definition = table.get(&meta.name);
    question.definition_json = definition.map(|raw| raw.to_vec());
    let ruling = session.core.gate.judge(question).await;
    let hidden = match &ruling {
        Err(denial) if denial.by == By::Shim => return refused(denial, question),
        Err(denial) => is_hidden(session, denial, &meta.name),
        Ok(_) => false,
    };
    if hidden || definition.is_none() {
        if table.is_old(session.core.gate.now()) {
            note_unused(session, &ruling, Status::Withheld);
            session.tools().forget();
            return Ok(Attempt::Again);
        }
        note_unused(session, &ruling, Status::ProtocolError);
        count(&session.core.counts.denied);
        return Ok(Attempt::Answered(denial::unknown_tool(
            &request.id,
            &meta.name,
        )));
    }
    match ruling {
        Ok(grant) => pass_on(exchange, message, request, meta, question, grant).await,
        Err(denial) => refused(&denial, question),
    }
}

/// Whether the client may not learn that the tool exists. A tool that it was shown in a list does
/// not vanish because deciding failed; it does where a policy hides it now.
fn is_hidden(session: &Session, denial: &Denial, name: &str) -> bool {
    let by_policy = denial.reasons.iter().any(|it| it.origin == Origin::Policy);
    let known = !by_policy && session.shown().has(name);
    denial.by == By::Pdp && !denial.visible && !known
}

/// A grant that is not used leaves an outcome too: each granted call has one.
fn note_unused(session: &Session, ruling: &Result<Grant, Box<Denial>>, status: Status) {
    match ruling {
        Ok(Grant { answer, .. }) => {
            session.core.not_called(answer.reference(), status);
        }
        Err(denial) if denial.by == By::ShimOverGrant => {
            session.core.not_called(denial.decision.clone(), status);
        }
        Err(_) => {}
    }
}

/// Forwards a granted call: its own bytes, or with the PDP's in place of its `params`.
async fn pass_on(
    exchange: &Exchange<'_>,
    message: &Message<'_>,
    request: &Request<'_>,
    meta: &Meta,
    question: &Question,
    grant: Grant,
) -> io::Result<Attempt> {
    let session = exchange.session;
    let Grant {
        answer,
        replacement,
    } = grant;
    let denied = |code: Code| {
        let denial = Denial::over_grant(&answer, code.reason());
        let answer = deny_call(session, request, meta, &denial, question);
        Ok(Attempt::Answered(answer))
    };
    if session.core.reporter.refuses(&answer.audit_origin) {
        return denied(Code::AuditLogRefused);
    }
    let Some(bytes) = rewritten(message, request, replacement.as_deref()) else {
        return denied(Code::ObligationFailed);
    };
    if !session.core.reporter.forwarding(&answer.reference()) {
        return denied(Code::AuditUnavailable);
    }
    let mut question = question.clone();
    question.call_id.clone_from(&answer.call_id);
    if let Some(params) = replacement {
        question.params_json = params;
    }
    let call = CallFlight {
        question,
        decision: answer.reference(),
    };
    let opened = session
        .flights()
        .open(request.id.clone(), flight(meta, Kind::Call(Box::new(call))));
    if let Err(why) = opened {
        session
            .core
            .not_called(answer.reference(), Status::Withheld);
        let (id, text) = (Some(&request.id), why.to_string());
        let answer = denial::error(id, why.code(), &text, None);
        return Ok(Attempt::Answered(answer));
    }
    let permit = Permit::granted(&answer, bytes);
    if exchange.server.send(permit).await? {
        return Ok(Attempt::Forwarded);
    }
    session.flights().close(&request.id);
    session
        .core
        .not_called(answer.reference(), Status::Withheld);
    Ok(Attempt::Again)
}

/// The message to forward. One that was put together is scanned again: it must be the same request
/// with just the new `params`.
fn rewritten(
    message: &Message<'_>,
    request: &Request<'_>,
    replacement: Option<&[u8]>,
) -> Option<Vec<u8>> {
    let Some(params) = replacement else {
        return Some(message.bytes.to_vec());
    };
    let bytes = message.with(request.params?, params)?;
    let expected = Body::Request(Request {
        params: Some(params),
        ..request.clone()
    });
    let same = message::scan(&bytes).is_ok_and(|it| it.body == expected);
    let same_name = Meta::read(Some(params)).name == Meta::read(request.params).name;
    (same && same_name).then_some(bytes)
}

async fn take_notification(
    exchange: &Exchange<'_>,
    message: &Message<'_>,
    notification: &Notification<'_>,
) -> io::Result<()> {
    let session = exchange.session;
    let passed = match notification.method.as_str() {
        "notifications/initialized" => {
            session.initialized();
            notice::reduced(message, notification, &[])
        }
        "notifications/cancelled" => cancel(session, notification)
            .and_then(|()| notice::reduced(message, notification, &["requestId"])),
        _ => None,
    };
    match passed {
        Some(bytes) => exchange
            .server
            .send(Permit::unjudged(bytes))
            .await
            .map(|_| ()),
        None => {
            count(&session.core.counts.dropped_notifications);
            Ok(())
        }
    }
}

/// Takes the request out that the client gave up; `None` if there is no such request.
fn cancel(session: &Session, notification: &Notification<'_>) -> Option<()> {
    let id: Id = notice::id_in(notification, "requestId")?;
    let flight = session.flights().give_up(&id)?;
    if let Kind::Call(call) = &flight.kind {
        session
            .core
            .ended(call, super::session::flight_us(&flight), Status::Cancelled);
    }
    Some(())
}
