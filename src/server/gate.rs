//! What every RPC passes on its way in, before its message is read: how long it may take, how much
//! it may send while nobody knows who sends it, and when it has to end.

use super::admission::{Admission, Asker};
use super::connection::Connection;
use super::decider::Decider;
use super::fair::FairPermit;
use super::status::RpcError;
use axum::http::{HeaderMap, Request, Response};
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tonic::Status;
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service;

/// Most that a request may send whose caller is not known by connection or metadata: a token in
/// the message, and a small call.
pub const UNKNOWN_REQUEST_BYTES_MAX: usize = 64 << 10;
/// RPCs whose requests have no end of their own; such a request ends with its connection.
const ENDLESS_REQUESTS: [&str; 3] = [
    "/toolgate.v1.AuditService/Publish",
    "/toolgate.v1.DecisionService/DecideStream",
    "/grpc.reflection.",
];
/// The service of `grpc.health.v1`.
const HEALTH: &str = "/grpc.health.v1.Health/";
/// RPCs whose answers have no end of their own.
const ENDLESS_ANSWERS: [&str; 2] = [
    "/grpc.health.v1.Health/Watch",
    "/toolgate.v1.DecisionService/WatchRevision",
];

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The services, as one connection sees them.
#[derive(Clone)]
pub struct Gate {
    /// Every service.
    pub routes: Routes,
    /// The connection.
    pub connection: Arc<Connection>,
    /// Who knows the callers.
    pub decider: Arc<Decider>,
    /// What there is room for.
    pub admission: Arc<Admission>,
    /// How long a request may take, its body included; a client may want it shorter.
    pub request_max: Duration,
}

impl hyper::service::Service<Request<Incoming>> for Gate {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let path = request.uri().path();
        let is_one_of = |paths: &[&str]| paths.iter().any(|it| path.starts_with(it));
        let (is_endless, is_health) = (is_one_of(&ENDLESS_REQUESTS), path.starts_with(HEALTH));
        let ends_answer = is_one_of(&ENDLESS_ANSWERS).then(|| self.closing());
        let time_max = grpc_timeout(request.headers())
            .map_or(self.request_max, |wanted| wanted.min(self.request_max));
        let asker = Asker::new(&self.connection, request.headers(), &self.decider);
        // Who checks whether a process lives is not turned away because it is busy.
        let admitted = match is_health {
            true => None,
            false => match self.admission.rpcs.admit(asker.caller.as_ref(), 1) {
                Ok(permit) => Some(permit),
                Err(overload) => {
                    self.decider.metrics.rpc_refused(overload.reason());
                    let refused = overload.status().into_http();
                    return Box::pin(std::future::ready(Ok(refused)));
                }
            },
        };
        let (of_request, of_answer) = match is_endless {
            true => (admitted, None),
            false => (None, admitted),
        };
        let guarded = self.guard(request, asker, is_endless, of_request);
        let mut routes = self.routes.clone();
        Box::pin(async move {
            let answered = tokio::time::timeout(time_max, routes.call(guarded)).await;
            let Ok(answer) = answered else {
                let status = Status::from(RpcError::TimedOut { time_max });
                return Ok(status.into_http());
            };
            Ok(match ends_answer {
                Some(closing) => {
                    answer?.map(|body| Body::new(Ending::new(body, closing, of_answer)))
                }
                None => answer?,
            })
        })
    }
}

impl Gate {
    fn guard(
        &self,
        request: Request<Incoming>,
        asker: Asker,
        is_endless: bool,
        permit: Option<FairPermit>,
    ) -> Request<Body> {
        let (mut parts, body) = request.into_parts();
        let bytes_max = match asker.caller {
            Some(_) => usize::MAX,
            None => UNKNOWN_REQUEST_BYTES_MAX,
        };
        parts.extensions.insert(asker);
        let guarded = Guarded {
            body,
            received_bytes: 0,
            bytes_max,
            closing: is_endless.then(|| self.closing()),
            _permit: permit,
        };
        Request::from_parts(parts, Body::new(guarded))
    }

    fn closing(&self) -> BoxFuture<()> {
        let mut closing = self.connection.closing.clone();
        Box::pin(async move {
            // The sender is dropped with the connection only: that is an end, too.
            let _closing = closing.wait_for(|closing| *closing).await;
        })
    }
}

/// A request's body.
struct Guarded {
    body: Incoming,
    received_bytes: usize,
    bytes_max: usize,
    closing: Option<BoxFuture<()>>,
    /// Held until the request has ended, where the answer is not the end.
    _permit: Option<FairPermit>,
}

impl Guarded {
    fn received(&mut self, bytes: usize) -> Result<(), Status> {
        self.received_bytes = self.received_bytes.saturating_add(bytes);
        if self.received_bytes > self.bytes_max {
            return Err(RpcError::UnknownSendsMuch.into());
        }
        Ok(())
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
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(|error| Status::from_error(error.into()))?;
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            self.received(bytes)?;
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
struct Ending {
    body: Body,
    closing: Option<BoxFuture<()>>,
    _permit: Option<FairPermit>,
}

impl Ending {
    fn new(body: Body, closing: BoxFuture<()>, permit: Option<FairPermit>) -> Self {
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

/// The client's own deadline: at most eight digits and a unit. What is no deadline is none.
fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let unit = text.chars().next_back()?;
    let digits = text.strip_suffix(unit)?;
    if digits.len() > 8 {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        'H' => Duration::from_secs(count * 3600),
        'M' => Duration::from_secs(count * 60),
        'S' => Duration::from_secs(count),
        'm' => Duration::from_millis(count),
        'u' => Duration::from_micros(count),
        'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
