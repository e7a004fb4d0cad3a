//! From the client to the server. One message after the other, so that their order is kept.

use crate::model::reason::{Code, Origin};
use crate::shim::denial::{self, By, Denial};
use crate::shim::envelope::Sketch;
use crate::shim::event::Status;
use crate::shim::flight::{CallFlight, Flight, Kind, ListFlight};
use crate::shim::frame::{self, Frame};
use crate::shim::gate::{self, ASKS_MAX, Grant};
use crate::shim::listing;
use crate::shim::message::{self, Body, Id, Message, Notification, Refused, Request, Why};
use crate::shim::meta::Meta;
use crate::shim::notice;
use crate::shim::pdp::Question;
use crate::shim::session::{Session, count};
use std::io;
use tokio::io::AsyncBufRead;
use tokio::time::Instant;

/// Passes the client's messages on until its input ends or the session is being stopped.
///
/// # Errors
/// Those of the pipes.
pub async fn pump(session: &Session, mut client: impl AsyncBufRead + Unpin) -> io::Result<()> {
    loop {
        let frame = tokio::select! {
            frame = frame::read(&mut client) => frame?,
            () = session.stopping() => return Ok(()),
        };
        match frame {
            Frame::Line(line) => take(session, &line).await?,
            Frame::Bad { why, sketch } => {
                let id = None;
                refuse(session, Refused { id, why }, &sketch).await?;
            }
            Frame::End => return Ok(()),
        }
    }
}

async fn take(session: &Session, line: &[u8]) -> io::Result<()> {
    let message = match message::scan(line) {
        Ok(message) => message,
        Err(refused) => return refuse(session, refused, &Sketch::of(line)).await,
    };
    match &message.body {
        Body::Request(request) => take_request(session, &message, request).await,
        Body::Notification(notification) => {
            take_notification(session, &message, notification).await
        }
        Body::Response(_) => {
            // No request of the server is shown to the client: it has nothing to answer.
            count(&session.counts.stray_responses);
            Ok(())
        }
    }
}

/// Answers what is not forwarded because it is no message, under its id where that could be read
/// at all: whoever sent it waits for that.
async fn refuse(session: &Session, refused: Refused, sketch: &Sketch) -> io::Result<()> {
    let Refused { id, why } = refused;
    let read = sketch.id.clone().filter(|_| sketch.is_call);
    // An answer under the id of another request would end that one.
    let free = read.filter(|id| session.flights().admit(id).is_ok());
    refuse_as(session, id.or(free), &why).await
}

async fn refuse_as(session: &Session, id: Option<Id>, why: &Why) -> io::Result<()> {
    count(&session.counts.bad_frames);
    let answer = denial::error(id.as_ref(), why.code(), &why.to_string(), None);
    session.tell_client(answer).await
}

async fn take_request(
    session: &Session,
    message: &Message<'_>,
    request: &Request<'_>,
) -> io::Result<()> {
    let id = request.id.clone();
    let admitted = session.flights().admit(&id);
    if let Err(why) = admitted {
        return refuse_as(session, Some(id), &why).await;
    }
    let meta = Meta::read(request.params);
    match request.method.as_str() {
        "initialize" => forward(session, message, request, &meta, Kind::Initialize).await,
        "ping" => forward(session, message, request, &meta, Kind::Plain).await,
        "server/discover" if meta.modern.is_some() => {
            forward(session, message, request, &meta, Kind::Plain).await
        }
        "tools/list" => {
            let question = session.question(&id, "tools/list", None, &meta);
            let cursor = meta.cursor.clone();
            let kind = Kind::List(Box::new(ListFlight { cursor, question }));
            forward(session, message, request, &meta, kind).await
        }
        "tools/call" => call(session, message, request, &meta).await,
        _ => deny_method(session, request, &meta).await,
    }
}

/// Forwards a request that needs no decision.
async fn forward(
    session: &Session,
    message: &Message<'_>,
    request: &Request<'_>,
    meta: &Meta,
    kind: Kind,
) -> io::Result<()> {
    let opened = session
        .flights()
        .open(request.id.clone(), flight(meta, kind));
    match opened {
        Ok(()) => session.to_server.write(message.bytes.to_vec()).await,
        Err(why) => refuse_as(session, Some(request.id.clone()), &why).await,
    }
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
async fn deny_method(session: &Session, request: &Request<'_>, meta: &Meta) -> io::Result<()> {
    let question = session.question(&request.id, &request.method, request.params, meta);
    let denial = match session.room_to_record() {
        Err(denial) => denial,
        Ok(()) => match session.gate.judge(&question).await {
            Ok(grant) => Denial::over_grant(&grant.answer, Code::MethodUnknown.reason()),
            Err(denial) => denial,
        },
    };
    session.note_denial(&denial, &question.mcp);
    session.tell_client(denial.error(&request.id)).await
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
    session: &Session,
    message: &Message<'_>,
    request: &Request<'_>,
    meta: &Meta,
) -> io::Result<()> {
    let mut question = session.question(&request.id, "tools/call", request.params, meta);
    if let Err(denial) = session.room_to_record() {
        return deny_call(session, request, meta, &denial, &question).await;
    }
    for _ in 0..ASKS_MAX {
        match attempt(session, message, request, meta, &mut question).await? {
            Attempt::Forwarded => return Ok(()),
            Attempt::Answered(answer) => return session.tell_client(answer).await,
            Attempt::Again => {}
        }
    }
    deny_call(session, request, meta, &gate::expired(), &question).await
}

async fn deny_call(
    session: &Session,
    request: &Request<'_>,
    meta: &Meta,
    denial: &Denial,
    question: &Question,
) -> io::Result<()> {
    session.note_denial(denial, &question.mcp);
    let answer = denial.tool_result(&request.id, meta.modern.is_some());
    session.tell_client(answer).await
}

/// Every name takes the same steps: the server's tools are known, the PDP is asked, the name is
/// looked up. So a tool that is hidden and one that does not exist are not told apart, neither by
/// the bytes of the answer nor by its time.
async fn attempt(
    session: &Session,
    message: &Message<'_>,
    request: &Request<'_>,
    meta: &Meta,
    question: &mut Question,
) -> io::Result<Attempt> {
    let modern = meta.modern.is_some();
    let refused = |denial: &Denial, question: &Question| {
        session.note_denial(denial, &question.mcp);
        Ok(Attempt::Answered(denial.tool_result(&request.id, modern)))
    };
    let table = match listing::table(session, meta).await {
        Ok(table) => table,
        Err(error) => {
            let reason = Code::Internal.with_message(error.to_string());
            return refused(&Denial::local(reason), question);
        }
    };
    let definition = table.get(&meta.name);
    question.definition_json = definition.map(|raw| raw.to_vec());
    let ruling = session.gate.judge(question).await;
    let hidden = match &ruling {
        Err(denial) if denial.by == By::Shim => return refused(denial, question),
        Err(denial) => is_hidden(session, denial, &meta.name),
        Ok(_) => false,
    };
    if hidden || definition.is_none() {
        if table.is_old(session.gate.now()) {
            note_unused(session, &ruling, Status::Withheld);
            session.tools().forget();
            return Ok(Attempt::Again);
        }
        note_unused(session, &ruling, Status::ProtocolError);
        count(&session.counts.denied);
        return Ok(Attempt::Answered(denial::unknown_tool(
            &request.id,
            &meta.name,
        )));
    }
    match ruling {
        Ok(grant) => pass_on(session, message, request, meta, question, grant).await,
        Err(denial) => refused(&denial, question),
    }
}

/// Whether the client may not learn that the tool exists. A tool that it was shown in a list does
/// not vanish because deciding failed; it does where a policy hides it now.
fn is_hidden(session: &Session, denial: &Denial, name: &str) -> bool {
    let by_policy = denial.reasons.iter().any(|it| it.origin == Origin::Policy);
    let known = !by_policy && session.tools().was_shown(name);
    denial.by == By::Pdp && !denial.visible && !known
}

/// A grant that is not used leaves an outcome too: each granted call has one.
fn note_unused(session: &Session, ruling: &Result<Grant, Box<Denial>>, status: Status) {
    match ruling {
        Ok(Grant { answer, .. }) => {
            session.not_called(answer.reference(), status);
        }
        Err(denial) if denial.by == By::ShimOverGrant => {
            session.not_called(denial.decision.clone(), status);
        }
        Err(_) => {}
    }
}

/// Forwards a granted call: its own bytes, or with the PDP's in place of its `params`.
async fn pass_on(
    session: &Session,
    message: &Message<'_>,
    request: &Request<'_>,
    meta: &Meta,
    question: &Question,
    grant: Grant,
) -> io::Result<Attempt> {
    let Grant {
        answer,
        replacement,
    } = grant;
    if session.reporter.refuses(&answer.audit_origin) {
        let denial = Denial::over_grant(&answer, Code::AuditLogRefused.reason());
        session.note_denial(&denial, &question.mcp);
        let modern = meta.modern.is_some();
        return Ok(Attempt::Answered(denial.tool_result(&request.id, modern)));
    }
    let Some(bytes) = rewritten(message, request, replacement.as_deref()) else {
        let denial = Denial::over_grant(&answer, Code::ObligationFailed.reason());
        session.note_denial(&denial, &question.mcp);
        let modern = meta.modern.is_some();
        return Ok(Attempt::Answered(denial.tool_result(&request.id, modern)));
    };
    let mut question = question.clone();
    question.call_id.clone_from(&answer.call_id);
    if let Some(params) = replacement {
        question.params_json = params;
    }
    let call = CallFlight {
        question,
        decision: answer.reference(),
    };
    if !session.reporter.forwarding(&answer.reference()) {
        let denial = Denial::over_grant(&answer, Code::AuditUnavailable.reason());
        session.note_denial(&denial, &call.question.mcp);
        let modern = meta.modern.is_some();
        return Ok(Attempt::Answered(denial.tool_result(&request.id, modern)));
    }
    let opened = session
        .flights()
        .open(request.id.clone(), flight(meta, Kind::Call(Box::new(call))));
    if let Err(why) = opened {
        session.not_called(answer.reference(), Status::Withheld);
        let text = why.to_string();
        return Ok(Attempt::Answered(denial::error(
            Some(&request.id),
            why.code(),
            &text,
            None,
        )));
    }
    let in_time = || session.gate.holds(&answer);
    if session.to_server.write_if(bytes, in_time).await? {
        return Ok(Attempt::Forwarded);
    }
    session.flights().close(&request.id);
    session.not_called(answer.reference(), Status::Withheld);
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
    session: &Session,
    message: &Message<'_>,
    notification: &Notification<'_>,
) -> io::Result<()> {
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
        Some(bytes) => session.to_server.write(bytes).await,
        None => {
            count(&session.counts.dropped_notifications);
            Ok(())
        }
    }
}

/// Takes the request out that the client gave up; `None` if there is no such request.
fn cancel(session: &Session, notification: &Notification<'_>) -> Option<()> {
    let id: Id = notice::id_in(notification, "requestId")?;
    let flight = session.flights().give_up(&id)?;
    if let Kind::Call(call) = &flight.kind {
        session.ended(call, super::session::flight_us(&flight), Status::Cancelled);
    }
    Some(())
}
