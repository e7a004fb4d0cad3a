//! What clients get: bodies, streams, and refusals before anything was judged.

use crate::shim::denial;
use crate::shim::http::upstream::{EVENTS, JSON};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{Either, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use std::convert::Infallible;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Events that a slow client may be behind.
pub const EVENTS_WAITING_MAX: usize = 16;

/// One piece of a stream.
pub type Piece = Result<Frame<Bytes>, Infallible>;
/// The body of an answer.
pub type Body = Either<Full<Bytes>, StreamBody<ReceiverStream<Piece>>>;
/// An answer.
pub type Answer = Response<Body>;

/// A request that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// How HTTP says so.
    pub status: StatusCode,
    /// How JSON-RPC does.
    pub code: i64,
    /// Why. Nothing of the request.
    pub text: String,
}

impl Refusal {
    /// A request that is not as it should be.
    pub fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self {
            status,
            code: crate::shim::message::INVALID_REQUEST,
            text: text.into(),
        }
    }

    /// The same under another code.
    #[must_use]
    pub const fn coded(mut self, code: i64) -> Self {
        self.code = code;
        self
    }

    /// The answer, to nobody in particular or to this request.
    #[must_use]
    pub fn answer(&self, id: Option<&crate::shim::message::Id>) -> Answer {
        json(self.status, denial::error(id, self.code, &self.text, None))
    }
}

/// One message, or several as an array.
#[must_use]
pub fn json(status: StatusCode, message: Vec<u8>) -> Answer {
    let mut answer = empty(status);
    *answer.body_mut() = Either::Left(Full::new(message.into()));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// An answer without a body.
#[must_use]
pub fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Either::Left(Full::default()));
    *answer.status_mut() = status;
    answer
}

/// The answer to a method that is none here.
#[must_use]
pub fn not_allowed(allowed: &'static str) -> Answer {
    let mut answer = empty(StatusCode::METHOD_NOT_ALLOWED);
    let allowed = HeaderValue::from_static(allowed);
    answer.headers_mut().insert(ALLOW, allowed);
    answer
}

/// A stream of events, and where they are put.
#[must_use]
pub fn stream() -> (Answer, mpsc::Sender<Piece>) {
    let (events, waiting) = mpsc::channel(EVENTS_WAITING_MAX);
    let body = Either::Right(StreamBody::new(ReceiverStream::new(waiting)));
    let mut answer = Response::new(body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENTS));
    let uncached = HeaderValue::from_static("no-cache, no-transform");
    headers.insert(CACHE_CONTROL, uncached);
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    (answer, events)
}
