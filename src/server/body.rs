//! Bodies of requests and answers, with what bounds them.

use super::fair::FairPermit;
use super::gate::BoxFuture;
use super::metrics::Metrics;
use super::receiving::{HeldBytes, Messages};
use super::status::RpcError;
use axum::http::HeaderMap;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;

/// Most that a request about health may send: the name of a service.
pub(super) const HEALTH_REQUEST_BYTES_MAX: usize = 1024;

/// What a request's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyKind {
    /// One message, held until the request has ended.
    Whole,
    /// Messages without an end, each taken once it is complete.
    Endless,
    /// The name of a service.
    Health,
}

/// A request's body.
pub(super) struct Guarded {
    pub(super) body: Incoming,
    pub(super) kind: BodyKind,
    pub(super) received_bytes: usize,
    pub(super) bytes_max: usize,
    pub(super) messages: Messages,
    /// `None`: too little to be counted.
    pub(super) held: Option<HeldBytes>,
    pub(super) metrics: Arc<Metrics>,
    /// How long one message of many may take.
    pub(super) message_max: Duration,
    /// When the message has to be complete of which a part came.
    pub(super) message_until: Option<Pin<Box<Sleep>>>,
    pub(super) closing: Option<BoxFuture<()>>,
    /// Held until the request has ended, where the answer is not the end.
    pub(super) _permit: Option<FairPermit>,
}

impl Guarded {
    fn received(&mut self, bytes: &[u8]) -> Result<(), Status> {
        let has_completed = self.messages.follow(bytes);
        self.received_bytes = self.received_bytes.saturating_add(bytes.len());
        let announced = self.messages.missing_bytes();
        if self.received_bytes.saturating_add(announced) > self.bytes_max {
            return Err(self.too_much().into());
        }
        if has_completed || self.messages.partial_bytes() == 0 {
            self.message_until = None;
        }
        self.hold(bytes.len())
    }

    fn too_much(&self) -> RpcError {
        match self.kind {
            BodyKind::Health => RpcError::Invalid(format!(
                "a request about health has at most {HEALTH_REQUEST_BYTES_MAX} bytes"
            )),
            BodyKind::Whole | BodyKind::Endless => RpcError::UnknownSendsMuch,
        }
    }

    fn hold(&mut self, more: usize) -> Result<(), Status> {
        let Some(held) = &mut self.held else {
            return Ok(());
        };
        let bytes = match self.kind {
            BodyKind::Endless => self.messages.partial_bytes(),
            BodyKind::Whole | BodyKind::Health => held.bytes().saturating_add(more),
        };
        held.hold(bytes).map_err(|overload| {
            self.metrics.rpc_refused(overload.reason());
            overload.status()
        })
    }

    /// A message of many has its time, as a request of one has.
    fn poll_late(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.kind != BodyKind::Endless || self.messages.partial_bytes() == 0 {
            return Poll::Pending;
        }
        let time_max = self.message_max;
        let until = self
            .message_until
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(time_max)));
        let late = until.as_mut().poll(context);
        late.map(|()| Some(Err(RpcError::TimedOut { time_max }.into())))
    }
}

impl HttpBody for Guarded {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if is_over(&mut self.closing, context) {
            return Poll::Ready(None);
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            return self.poll_late(context);
        };
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(|error| Status::from_error(error.into()))?;
            if let Some(bytes) = frame.data_ref() {
                self.received(bytes)?;
            }
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer that ends with its connection.
pub(super) struct Ending {
    body: Body,
    closing: Option<BoxFuture<()>>,
    _permit: Option<FairPermit>,
}

impl Ending {
    pub(super) fn new(body: Body, closing: BoxFuture<()>, permit: Option<FairPermit>) -> Self {
        Self {
            body,
            closing: Some(closing),
            _permit: permit,
        }
    }
}

impl HttpBody for Ending {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.closing.is_none() {
            return Poll::Ready(None);
        }
        // What the service says last goes out before the end.
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        if !is_over(&mut self.closing, context) {
            return Poll::Pending;
        }
        self.closing = None;
        // The services end their streams in the same way at a drain: nothing went wrong.
        let status = Status::new(tonic::Code::Ok, "");
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers)?;
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

fn is_over(closing: &mut Option<BoxFuture<()>>, context: &mut Context<'_>) -> bool {
    closing
        .as_mut()
        .is_some_and(|closing| closing.as_mut().poll(context).is_ready())
}
