//! What may be forwarded, on its way to the server, and its answer on the way back.

use crate::shim::down::{self, TIMED_OUT, UNUSABLE};
use crate::shim::envelope::Sketch;
use crate::shim::event::Status;
use crate::shim::http::answer::{Answer, Refusal, empty, json, stream};
use crate::shim::http::get::unknown_session;
use crate::shim::http::open::Open;
use crate::shim::http::proxy::{Ending, Gone, Proxy, end_session};
use crate::shim::http::received::{self, Received};
use crate::shim::http::stream::Stream;
use crate::shim::http::upstream::{
    Accompanying, EVENTS, JSON, RequestError, SESSION, Whole, content_type, whole,
};
use crate::shim::message::{MESSAGE_BYTES_MAX, Why};
use http::{HeaderValue, Method, Response, StatusCode};
use hyper::body::Incoming;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// A request that has been judged.
pub struct Forward {
    /// Its requests that are under way.
    pub open: Open,
    /// What goes to the server; `None`: nothing.
    pub bytes: Option<Vec<u8>>,
    /// What goes with it.
    pub with: Accompanying,
    /// Whether it is the beginning of a session.
    pub begins: bool,
    /// What the client is answered already.
    pub answers: Vec<Vec<u8>>,
    /// Whether it is a batch, and so its answer.
    pub is_batch: bool,
}

/// Sends a request on, and gives the client's answer.
pub async fn forward(
    proxy: &Arc<Proxy>,
    mut request: Forward,
    place: OwnedSemaphorePermit,
    mut gone: Gone,
) -> Answer {
    let Some(bytes) = request.bytes.take() else {
        return request.answer(StatusCode::OK, None);
    };
    let deadline = Instant::now() + proxy.core.config.call_timeout;
    let sent = proxy.server.send(Method::POST, &request.with, bytes);
    let response = tokio::select! {
        sent = tokio::time::timeout_at(deadline, sent) => sent,
        // Nobody reads this answer; what was under way ends with the request.
        _gone = &mut gone => return empty(StatusCode::BAD_GATEWAY),
        () = proxy.ends(Ending::Over) => {
            return request.failed(Status::ProtocolError, "Internal error: the proxy is ending");
        }
    };
    let response = match response {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return request.unreached(&error),
        Err(_) => {
            proxy.cancel(&request.with, request.open.bound(), request.open.ids());
            return request.failed(Status::Timeout, TIMED_OUT);
        }
    };
    let begun = match request.begun(proxy, &response) {
        Ok(begun) => begun,
        Err(why) => {
            tracing::error!(why, "a session cannot begin");
            return request.failed(Status::ProtocolError, UNUSABLE);
        }
    };
    let mut answer = request.take(proxy, response, deadline, place, gone).await;
    if let Some(id) = begun {
        answer.headers_mut().insert(SESSION, id);
    }
    answer
}

impl Forward {
    /// The session that the server begins with this answer, if it does.
    fn begun(
        &mut self,
        proxy: &Proxy,
        response: &Response<Incoming>,
    ) -> Result<Option<HeaderValue>, &'static str> {
        let id = response.headers().get(SESSION);
        let Some(id) = id.filter(|_| self.begins && response.status().is_success()) else {
            return Ok(None);
        };
        if let Some(forgotten) = proxy.sessions.bind(id, self.open.bound())? {
            end_session(&forgotten);
        }
        self.with.session = Some(id.clone());
        Ok(Some(id.clone()))
    }

    async fn take(
        self,
        proxy: &Arc<Proxy>,
        response: Response<Incoming>,
        deadline: Instant,
        place: OwnedSemaphorePermit,
        gone: Gone,
    ) -> Answer {
        let status = response.status();
        let kind = content_type(response.headers());
        let waits = !self.open.ids().is_empty();
        match kind.as_str() {
            EVENTS if status.is_success() && waits => {
                self.stream(proxy, response.into_body(), deadline, place)
            }
            JSON if waits && (status.is_success() || status.is_client_error()) => {
                let read = tokio::select! {
                    read = tokio::time::timeout_at(deadline, whole(response.into_body())) => read,
                    _gone = gone => return empty(StatusCode::BAD_GATEWAY),
                    () = proxy.ends(Ending::Over) => Ok(Whole::Broken),
                };
                self.whole(proxy, status, read.ok()).await
            }
            _ => self.bare(proxy, status),
        }
    }

    /// The answer is one body.
    async fn whole(
        mut self,
        proxy: &Arc<Proxy>,
        status: StatusCode,
        read: Option<Whole>,
    ) -> Answer {
        let session = &self.open.bound().session;
        let received = match read {
            Some(Whole::Read(bytes)) => Received::of(session, &bytes, self.open.ids()).await,
            Some(Whole::TooLong) => {
                let frame_bytes_max = MESSAGE_BYTES_MAX;
                let why = Why::FrameTooLong { frame_bytes_max };
                let sketch = Sketch {
                    is_meant: true,
                    ..Sketch::default()
                };
                let passed = down::bad(session, &why, sketch, Some(self.open.ids()));
                Received {
                    client: passed.client,
                    server: Vec::new(),
                }
            }
            Some(Whole::Broken) => Received::default(),
            None => {
                proxy.cancel(&self.with, self.open.bound(), self.open.ids());
                return self.failed(Status::Timeout, TIMED_OUT);
            }
        };
        for permit in received.server {
            proxy.send_later(self.with.clone(), permit);
        }
        let answers = received.client;
        self.forget_if_gone(proxy, status);
        let status = match status {
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => status,
            _ => StatusCode::OK,
        };
        let late = self.open.fail(Status::ProtocolError, UNUSABLE);
        let one = match (self.is_batch, answers.as_slice()) {
            // A batch of answers comes as it came if nothing is to be added.
            (true, [batch]) if self.answers.is_empty() && late.is_empty() => Some(batch.clone()),
            _ => None,
        };
        if let Some(batch) = one {
            return json(status, batch);
        }
        for answer in answers {
            match received::items(&answer).filter(|_| self.is_batch) {
                Some(items) => self.answers.extend(items.into_iter().map(<[u8]>::to_vec)),
                None => self.answers.push(answer),
            }
        }
        self.answers.extend(late);
        self.answer(status, None)
    }

    /// The answer is a stream of events.
    fn stream(
        mut self,
        proxy: &Arc<Proxy>,
        body: Incoming,
        deadline: Instant,
        place: OwnedSemaphorePermit,
    ) -> Answer {
        let (answer, events) = stream();
        let answers = std::mem::take(&mut self.answers);
        let proxy = Arc::clone(proxy);
        tokio::spawn(async move {
            let _place = place;
            let bound = Arc::clone(self.open.bound());
            let stream = Stream {
                proxy: &proxy,
                bound: &bound,
                with: &self.with,
                events,
                deadline: Some(deadline),
                is_resumable: self.with.session.is_some(),
            };
            stream.run(Some(body), self.open, answers).await;
        });
        answer
    }

    /// The answer has no message.
    fn bare(mut self, proxy: &Proxy, status: StatusCode) -> Answer {
        self.forget_if_gone(proxy, status);
        let waits = !self.open.ids().is_empty();
        if status == StatusCode::NOT_FOUND && self.with.session.is_some() {
            let _answers = self.open.fail(Status::ProtocolError, UNUSABLE);
            return unknown_session().answer(None);
        }
        if !status.is_success() {
            tracing::warn!(%status, "the server refuses");
        }
        let shown = match status {
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => status,
            status if status.is_success() || waits => StatusCode::OK,
            _ => StatusCode::BAD_GATEWAY,
        };
        let late = self.open.fail(Status::ProtocolError, UNUSABLE);
        self.answers.extend(late);
        self.answer(shown, None)
    }

    /// A session that the server does not know any more is none here either.
    fn forget_if_gone(&self, proxy: &Proxy, status: StatusCode) {
        let session = self.with.session.as_ref();
        if let Some(id) = session.filter(|_| status == StatusCode::NOT_FOUND)
            && let Some(bound) = proxy.sessions.end(id)
            && !Arc::ptr_eq(&bound, self.open.bound())
        {
            end_session(&bound);
        }
    }

    fn unreached(self, error: &RequestError) -> Answer {
        tracing::warn!(%error, "the server cannot be asked");
        if self.open.ids().is_empty() && self.answers.is_empty() {
            let text = "Bad Gateway: the server cannot be reached";
            return Refusal::new(StatusCode::BAD_GATEWAY, text).answer(None);
        }
        let text = "Internal error: the server cannot be reached";
        self.failed(Status::ProtocolError, text)
    }

    /// Everything that is under way has failed.
    fn failed(mut self, status: Status, text: &str) -> Answer {
        let late = self.open.fail(status, text);
        self.answers.extend(late);
        self.answer(StatusCode::OK, Some(StatusCode::BAD_GATEWAY))
    }

    /// What the client gets: its answers, or that there are none.
    fn answer(self, status: StatusCode, without: Option<StatusCode>) -> Answer {
        match (self.is_batch, self.answers.as_slice()) {
            (_, []) if status.is_success() => empty(without.unwrap_or(StatusCode::ACCEPTED)),
            (_, []) => empty(status),
            (false, [answer]) => json(status, answer.clone()),
            (_, answers) => json(status, received::batch(answers)),
        }
    }
}
