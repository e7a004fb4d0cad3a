//! From the server to the client. Nothing that a policy may have a say in passes unjudged.

use crate::model::json::{Json, Limits, Object, parse};
use crate::model::reason::Code;
use crate::shim::denial::{self, Denial, INTERNAL_ERROR, METHOD_NOT_FOUND};
use crate::shim::envelope::Sketch;
use crate::shim::event::Status;
use crate::shim::exchange::Passed;
use crate::shim::flight::{Flight, Kind, ListFlight};
use crate::shim::list::{self, Judged};
use crate::shim::message::{
    self, Body, Id, Message, Notification, Payload, Request, Response, Why,
};
use crate::shim::permit::Permit;
use crate::shim::session::{Session, count, flight_us};
use crate::shim::tools::Page;
use crate::shim::{handshake, listing, notice, release, splice};
use std::sync::atomic::Ordering;
use tokio::time::Instant;

/// The client's answer when the server's cannot be used.
pub const UNUSABLE: &str = "Internal error: the server's answer cannot be used";
/// The client's answer when there is none in time.
pub const TIMED_OUT: &str = "Internal error: the server did not answer in time";

/// Deals with one message of the server's. `among` are the requests that a message which cannot be
/// read may have been an answer to; `None`: every one in flight.
pub async fn take(session: &Session, bytes: &[u8], among: Option<&[Id]>) -> Passed {
    let message = match message::scan(bytes) {
        Ok(message) => message,
        Err(refused) => return bad(session, &refused.why, Sketch::of(bytes), among),
    };
    match &message.body {
        Body::Response(response) => take_response(session, &message, response).await,
        Body::Notification(notice) => take_notification(session, &message, notice),
        Body::Request(request) => Passed {
            client: Vec::new(),
            server: Some(refuse_request(session, request)),
        },
    }
}

/// What is no message is dropped. If it may have been an answer, the request that it
/// belongs to has failed; where its id cannot be read, each that it may belong to. Text that a
/// server prints by mistake answers nothing.
pub fn bad(session: &Session, why: &Why, sketch: Sketch, among: Option<&[Id]>) -> Passed {
    count(&session.core.counts.bad_frames);
    tracing::warn!(%why, "the server wrote something that is no message");
    let failed: Vec<_> = {
        let mut flights = session.flights();
        let ids = match sketch.id {
            _ if !sketch.may_answer() => Vec::new(),
            Some(id) => vec![id],
            None => among.map_or_else(|| flights.ids(), <[Id]>::to_vec),
        };
        ids.into_iter()
            .filter_map(|id| Some((flights.give_up(&id)?, id)))
            .collect()
    };
    let answers = failed
        .into_iter()
        .filter_map(|(flight, id)| match (&flight.kind, why) {
            (Kind::Call(call), Why::FrameTooLong { frame_bytes_max }) => {
                session
                    .core
                    .ended(call, flight_us(&flight), Status::Withheld);
                count(&session.core.counts.denied);
                let text = format!("the server's answer is longer than {frame_bytes_max} bytes");
                let denial = Denial::local(Code::ResultWithheld.with_message(text));
                Some(denial.tool_result(&id, flight.modern))
            }
            _ => fail(session, &id, flight, Status::ProtocolError, UNUSABLE),
        });
    Passed {
        client: answers.collect(),
        server: None,
    }
}

/// Ends a request to which no usable answer came: what its client is told.
pub(super) fn fail(
    session: &Session,
    id: &Id,
    flight: Flight,
    status: Status,
    message: &str,
) -> Option<Vec<u8>> {
    match &flight.kind {
        // Dropping the sender tells the asker.
        Kind::Own(_) => return None,
        Kind::Call(call) => session.core.ended(call, flight_us(&flight), status),
        Kind::Initialize | Kind::Plain | Kind::List(_) => {}
    }
    Some(denial::error(Some(id), INTERNAL_ERROR, message, None))
}

/// Tells the server that nobody waits for this request any more.
pub fn cancellation(id: &Id) -> Permit {
    let params = Json::object([("requestId", id.to_json())]);
    let notification = Json::object([
        ("jsonrpc", Json::from("2.0")),
        ("method", "notifications/cancelled".into()),
        ("params", params),
    ]);
    Permit::unjudged(notification.to_bytes())
}

/// Gives up the requests that are overdue by now: each one's id, what its client is told, and what
/// the server is.
pub fn give_up_overdue(session: &Session, now: Instant) -> Vec<(Id, Option<Vec<u8>>, Permit)> {
    let after = session.core.config.call_timeout;
    let overdue = session.flights().overdue(now, after);
    let given_up = overdue.into_iter().filter_map(|id| {
        let flight = session.flights().give_up(&id)?;
        let answer = fail(session, &id, flight, Status::Timeout, TIMED_OUT);
        let cancelled = cancellation(&id);
        Some((id, answer, cancelled))
    });
    given_up.collect()
}

/// Ends every request in flight: what its clients are told.
pub fn fail_all(session: &Session, status: Status, text: &str) -> Vec<Vec<u8>> {
    let open = session.flights().close_all();
    open.into_iter()
        .filter_map(|(id, flight)| fail(session, &id, flight, status, text))
        .collect()
}

/// Requests of the server never reach the client; `ping` asks nothing of it and is answered.
fn refuse_request(session: &Session, request: &Request<'_>) -> Permit {
    let answer = match request.method.as_str() {
        "ping" => denial::response(&request.id, "result", Object::new().into()),
        _ => {
            count(&session.core.counts.server_requests);
            let text = "Method not found: requests of the server are not passed on";
            denial::error(Some(&request.id), METHOD_NOT_FOUND, text, None)
        }
    };
    Permit::unjudged(answer)
}

fn take_notification(
    session: &Session,
    message: &Message<'_>,
    notification: &Notification<'_>,
) -> Passed {
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
    if passed.is_none() {
        count(&session.core.counts.dropped_notifications);
    }
    passed.map(Passed::on).unwrap_or_default()
}

async fn take_response(
    session: &Session,
    message: &Message<'_>,
    response: &Response<'_>,
) -> Passed {
    let Some(flight) = session.flights().close(&response.id) else {
        count(&session.core.counts.stray_responses);
        return Passed::default();
    };
    let us = flight_us(&flight);
    let answer = match (flight.kind, response.payload) {
        (Kind::Own(asker), payload) => {
            // Nobody waits any more: nothing is lost.
            let _gone = asker.send(own_result(payload));
            return Passed::default();
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
    Passed::on(answer)
}

/// What an answer to a request of the shim's own says.
pub(super) fn own_result(payload: Payload<'_>) -> Option<Vec<u8>> {
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
    let now = session.core.gate.now();
    session.tools().note(list.cursor.as_deref(), &page, now);
    let judged = list::judge(
        &session.core.gate,
        &list.question,
        message.bytes,
        &page,
        modern,
    )
    .await;
    match judged {
        Ok(Judged {
            edits,
            shown,
            hidden,
        }) => {
            let hidden = u64::try_from(hidden).unwrap_or(u64::MAX);
            session
                .core
                .counts
                .hidden_tools
                .fetch_add(hidden, Ordering::Relaxed);
            session.shown().note(&page, shown);
            let edited = splice::apply(message.bytes, &edits);
            edited.unwrap_or_else(|| denial::error(Some(id), INTERNAL_ERROR, UNUSABLE, None))
        }
        Err(denial) => {
            session.core.note_denial(&denial, &list.question.mcp);
            denial.error(id)
        }
    }
}
