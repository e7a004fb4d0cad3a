//! From the server to the client. Nothing that a policy may have a say in passes unjudged.

use crate::model::json::{Json, Limits, Object, parse};
use crate::model::reason::Code;
use crate::shim::denial::{self, Denial, INTERNAL_ERROR, METHOD_NOT_FOUND};
use crate::shim::envelope::Sketch;
use crate::shim::event::Status;
use crate::shim::flight::{Flight, Kind, ListFlight};
use crate::shim::frame::{self, Frame};
use crate::shim::list::{self, Judged};
use crate::shim::message::{
    self, Body, Id, Message, Notification, Payload, Request, Response, Why,
};
use crate::shim::session::{Session, count, flight_us};
use crate::shim::tools::Page;
use crate::shim::{handshake, listing, notice, release, splice};
use std::io;
use std::sync::atomic::Ordering;
use tokio::io::AsyncBufRead;

/// The client's answer when the server's cannot be used.
const UNUSABLE: &str = "Internal error: the server's answer cannot be used";

/// Passes the server's messages on until its output ends.
///
/// # Errors
/// Those of the pipes.
pub async fn pump(session: &Session, mut server: impl AsyncBufRead + Unpin) -> io::Result<()> {
    loop {
        match frame::read(&mut server).await? {
            Frame::Line(line) => take(session, &line).await?,
            Frame::Bad { why, sketch } => bad(session, &why, sketch).await?,
            Frame::End => return Ok(()),
        }
    }
}

async fn take(session: &Session, line: &[u8]) -> io::Result<()> {
    let message = match message::scan(line) {
        Ok(message) => message,
        Err(refused) => return bad(session, &refused.why, Sketch::of(line)).await,
    };
    match &message.body {
        Body::Response(response) => take_response(session, &message, response).await,
        Body::Notification(notice) => take_notification(session, &message, notice).await,
        Body::Request(request) => {
            refuse_request(session, request);
            Ok(())
        }
    }
}

/// A frame that is no message is dropped. If it may have been an answer, the request that it
/// belongs to has failed; where its id cannot be read, each that it may belong to. Text that a
/// server prints by mistake answers nothing.
async fn bad(session: &Session, why: &Why, sketch: Sketch) -> io::Result<()> {
    count(&session.counts.bad_frames);
    tracing::warn!(%why, "the server wrote a line that is no message");
    let failed: Vec<_> = {
        let mut flights = session.flights();
        let ids = match sketch.id {
            _ if !sketch.may_answer() => Vec::new(),
            Some(id) => vec![id],
            None => flights.ids(),
        };
        ids.into_iter()
            .filter_map(|id| Some((flights.give_up(&id)?, id)))
            .collect()
    };
    for (flight, id) in failed {
        match (&flight.kind, why) {
            (Kind::Call(call), Why::FrameTooLong { frame_bytes_max }) => {
                session.ended(call, flight_us(&flight), Status::Withheld);
                count(&session.counts.denied);
                let text = format!("the server's answer is longer than {frame_bytes_max} bytes");
                let denial = Denial::local(Code::ResultWithheld.with_message(text));
                let answer = denial.tool_result(&id, flight.modern);
                session.tell_client(answer).await?;
            }
            _ => fail(session, &id, flight, Status::ProtocolError, UNUSABLE).await?,
        }
    }
    Ok(())
}

/// Ends a request to which no usable answer came.
pub(super) async fn fail(
    session: &Session,
    id: &Id,
    flight: Flight,
    status: Status,
    message: &str,
) -> io::Result<()> {
    match &flight.kind {
        // Dropping the sender tells the asker.
        Kind::Own(_) => return Ok(()),
        Kind::Call(call) => session.ended(call, flight_us(&flight), status),
        Kind::Initialize | Kind::Plain | Kind::List(_) => {}
    }
    let answer = denial::error(Some(id), INTERNAL_ERROR, message, None);
    session.tell_client(answer).await
}

/// Requests of the server never reach the client; `ping` asks nothing of it and is answered.
fn refuse_request(session: &Session, request: &Request<'_>) {
    let answer = match request.method.as_str() {
        "ping" => denial::response(&request.id, "result", Object::new().into()),
        _ => {
            count(&session.counts.server_requests);
            let text = "Method not found: requests of the server are not passed on";
            denial::error(Some(&request.id), METHOD_NOT_FOUND, text, None)
        }
    };
    // To wait here for a server that itself waits to be read would be a deadlock.
    if session.own.try_send(answer).is_err() {
        count(&session.counts.unread);
    }
}

async fn take_notification(
    session: &Session,
    message: &Message<'_>,
    notification: &Notification<'_>,
) -> io::Result<()> {
    /// All of a progress report but its text.
    const PROGRESS: [&str; 3] = ["progressToken", "progress", "total"];
    let passed = match notification.method.as_str() {
        "notifications/tools/list_changed" => {
            session.tools().forget();
            notice::reduced(message, notification, &[])
        }
        "notifications/progress" => {
            let token = notice::id_in(notification, "progressToken");
            let expected = token.is_some_and(|token| session.flights().expects_progress(&token));
            let usable = expected && notice::are_numbers(notification, &["progress", "total"]);
            usable
                .then(|| notice::reduced(message, notification, &PROGRESS))
                .flatten()
        }
        _ => None,
    };
    match passed {
        Some(bytes) => session.tell_client(bytes).await,
        None => {
            count(&session.counts.dropped_notifications);
            Ok(())
        }
    }
}

async fn take_response(
    session: &Session,
    message: &Message<'_>,
    response: &Response<'_>,
) -> io::Result<()> {
    let Some(flight) = session.flights().close(&response.id) else {
        count(&session.counts.stray_responses);
        return Ok(());
    };
    let us = flight_us(&flight);
    let answer = match (flight.kind, response.payload) {
        (Kind::Own(asker), payload) => {
            // Nobody waits any more: nothing is lost.
            let _gone = asker.send(own_result(payload));
            return Ok(());
        }
        (Kind::Initialize, payload) => {
            note_protocol(session, payload);
            let announcing = handshake::announcing(message, payload);
            session.announce(announcing.is_some());
            announcing.unwrap_or_else(|| message.bytes.to_vec())
        }
        (Kind::Plain, _) => message.bytes.to_vec(),
        (Kind::List(list), Payload::Result(result)) => {
            list_page(session, message, response, &list, result, flight.modern).await
        }
        (Kind::List(_), Payload::Error(error)) => plain_error(&response.id, error),
        (Kind::Call(call), payload) => {
            release::call_result(
                session,
                message,
                &response.id,
                *call,
                payload,
                flight.modern,
                us,
            )
            .await
        }
    };
    session.tell_client(answer).await
}

fn own_result(payload: Payload<'_>) -> Option<Vec<u8>> {
    match payload {
        Payload::Result(result) => Some(result.to_vec()),
        Payload::Error(error) => listing::of_error(error),
    }
}

fn note_protocol(session: &Session, payload: Payload<'_>) {
    let Payload::Result(result) = payload else {
        return;
    };
    let result = parse(result, Limits::REQUEST).ok();
    let protocol = result
        .as_ref()
        .and_then(|it| it.get("protocolVersion")?.as_str());
    if let Some(protocol) = protocol {
        session.agree_on(protocol);
    }
}

/// An error to which no decision belongs: its code, without the server's text and data.
fn plain_error(id: &Id, error: &[u8]) -> Vec<u8> {
    let code = parse(error, Limits::REQUEST).ok();
    let code = code.as_ref().and_then(|it| match it.get("code")? {
        Json::Number(number) => number.as_i64(),
        _ => None,
    });
    let code = code.unwrap_or(INTERNAL_ERROR);
    denial::error(Some(id), code, "The server reported an error", None)
}

async fn list_page(
    session: &Session,
    message: &Message<'_>,
    response: &Response<'_>,
    list: &ListFlight,
    result: &[u8],
    modern: bool,
) -> Vec<u8> {
    let id = &response.id;
    let Ok(page) = Page::read(result) else {
        return denial::error(Some(id), INTERNAL_ERROR, UNUSABLE, None);
    };
    let now = session.gate.now();
    session.tools().note(list.cursor.as_deref(), &page, now);
    let judged = list::judge(&session.gate, &list.question, message.bytes, &page, modern).await;
    match judged {
        Ok(Judged {
            edits,
            shown,
            hidden,
        }) => {
            let hidden = u64::try_from(hidden).unwrap_or(u64::MAX);
            session
                .counts
                .hidden_tools
                .fetch_add(hidden, Ordering::Relaxed);
            session.tools().note_shown(&page, shown);
            let edited = splice::apply(message.bytes, &edits);
            edited.unwrap_or_else(|| denial::error(Some(id), INTERNAL_ERROR, UNUSABLE, None))
        }
        Err(denial) => {
            session.note_denial(&denial, &list.question.mcp);
            denial.error(id)
        }
    }
}
