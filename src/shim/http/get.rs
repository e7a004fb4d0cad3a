//! `GET` and `DELETE`, which the older era has: a stream beside the requests', or one taken up
//! again; and the end of a session.

use crate::shim::http::answer::{Answer, Refusal, empty, not_allowed, stream};
use crate::shim::http::bound::{Bound, STREAMS_A_SESSION_MAX};
use crate::shim::http::open::Open;
use crate::shim::http::proxy::{Ending, Gone, Proxy, end_session};
use crate::shim::http::revision::{Revision, accepts};
use crate::shim::http::speaker::Speaker;
use crate::shim::http::sse::EVENT_ID_BYTES_MAX;
use crate::shim::http::stream::Stream;
use crate::shim::http::upstream::{Accompanying, EVENTS, LAST_EVENT, SESSION, content_type};
use http::{HeaderMap, Method, Response, StatusCode};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// How long the server may take to begin a stream or to end a session, in milliseconds.
pub const ANSWER_MS: u64 = 30_000;

/// A session and what goes with a request in it.
fn session(
    proxy: &Proxy,
    headers: &HeaderMap,
    speaker: &Speaker,
) -> Result<(Arc<Bound>, Accompanying), Answer> {
    let revision = Revision::of(headers).map_err(|refusal| refusal.answer(None))?;
    let Revision::Legacy(protocol) = revision else {
        // The modern era has neither method.
        return Err(not_allowed("POST"));
    };
    let id = headers.get(SESSION).ok_or_else(|| not_allowed("POST"))?;
    let bound = proxy.sessions.find(id, speaker.owner.as_ref());
    let bound = bound.ok_or_else(|| unknown_session().answer(None))?;
    let with = Accompanying {
        session: Some(id.clone()),
        protocol,
        ..Accompanying::default()
    };
    Ok((bound, with))
}

/// The answer for a session that is not there, or another's.
#[must_use]
pub fn unknown_session() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "Session not found").coded(-32001)
}

/// Begins a stream, or takes one up again.
pub async fn get(
    proxy: &Arc<Proxy>,
    headers: &HeaderMap,
    speaker: &Speaker,
    place: OwnedSemaphorePermit,
    gone: Gone,
) -> Answer {
    if !accepts(headers, EVENTS) {
        let text = format!("Not Acceptable: `Accept` has no {EVENTS}");
        return Refusal::new(StatusCode::NOT_ACCEPTABLE, text).answer(None);
    }
    let (bound, mut with) = match session(proxy, headers, speaker) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let Ok(a_stream) = Arc::clone(&bound.streams).try_acquire_owned() else {
        let text = format!("Too Many Requests: a session has {STREAMS_A_SESSION_MAX} streams");
        return Refusal::new(StatusCode::TOO_MANY_REQUESTS, text).answer(None);
    };
    with.last_event = headers.get(LAST_EVENT).cloned();
    if with
        .last_event
        .as_ref()
        .is_some_and(|id| id.len() > EVENT_ID_BYTES_MAX)
    {
        let text = "Bad Request: `Last-Event-ID` is too long";
        return Refusal::new(StatusCode::BAD_REQUEST, text).answer(None);
    }
    let response = match ask(proxy, Method::GET, &with, gone).await {
        Ok(response) => response,
        Err(answer) => return answer,
    };
    let status = response.status();
    let is_stream = content_type(response.headers()) == EVENTS;
    let body = match status {
        StatusCode::METHOD_NOT_ALLOWED => None,
        status if status.is_success() && is_stream => Some(response.into_body()),
        _ => return passed(proxy, status, &with),
    };
    let (answer, events) = stream();
    let proxy = Arc::clone(proxy);
    tokio::spawn(async move {
        // A stream has a place for as long as it lasts.
        let _place = place;
        let _stream = a_stream;
        let open = Open::new(Arc::clone(&bound));
        with.last_event = None;
        let stream = Stream {
            proxy: &proxy,
            bound: &bound,
            with: &with,
            events,
            deadline: None,
            is_resumable: false,
        };
        stream.run(body, open, Vec::new()).await;
    });
    answer
}

/// Ends a session.
pub async fn delete(
    proxy: &Arc<Proxy>,
    headers: &HeaderMap,
    speaker: &Speaker,
    gone: Gone,
) -> Answer {
    let (bound, with) = match session(proxy, headers, speaker) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let status = match ask(proxy, Method::DELETE, &with, gone).await {
        Ok(response) => response.status(),
        Err(answer) => return answer,
    };
    if status.is_success() {
        let _session = with.session.as_ref().and_then(|id| proxy.sessions.end(id));
        end_session(&bound);
        return empty(status);
    }
    passed(proxy, status, &with)
}

async fn ask(
    proxy: &Proxy,
    method: Method,
    with: &Accompanying,
    gone: Gone,
) -> Result<Response<Incoming>, Answer> {
    let at_most = Duration::from_millis(ANSWER_MS);
    let unreached = |status, text: &str| Err(Refusal::new(status, text).answer(None));
    tokio::select! {
        sent = tokio::time::timeout(at_most, proxy.server.send(method, with, Vec::new())) => match sent {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the server cannot be asked");
                unreached(StatusCode::BAD_GATEWAY, "Bad Gateway: the server cannot be reached")
            }
            Err(_) => unreached(StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout: the server did not answer in time"),
        },
        // Nobody reads this answer.
        _gone = gone => Err(empty(StatusCode::BAD_GATEWAY)),
        () = proxy.ends(Ending::Draining) => {
            unreached(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable: the proxy is ending")
        }
    }
}

/// What the client is told of a status of the server's.
fn passed(proxy: &Proxy, status: StatusCode, with: &Accompanying) -> Answer {
    match status {
        StatusCode::NOT_FOUND => {
            let _session = with.session.as_ref().and_then(|id| proxy.sessions.end(id));
            unknown_session().answer(None)
        }
        StatusCode::BAD_REQUEST | StatusCode::CONFLICT => empty(status),
        StatusCode::METHOD_NOT_ALLOWED => not_allowed("POST"),
        _ => {
            tracing::warn!(%status, "the server refuses");
            let text = "Bad Gateway: the server refuses";
            Refusal::new(StatusCode::BAD_GATEWAY, text).answer(None)
        }
    }
}
