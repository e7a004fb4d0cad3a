//! What every RPC passes on its way in, before its message is read: how long it may take, how much
//! it may send while nobody knows who sends it, and when it has to end.

use super::admission::{Admission, Asker};
use super::body::{BodyKind, Ending, Guarded, HEALTH_REQUEST_BYTES_MAX};
use super::connection::Connection;
use super::decider::Decider;
use super::fair::FairPermit;
use super::gathered::UnderWay;
use super::receiving::Messages;
use super::status::RpcError;
use axum::http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
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
const ENDLESS_ANSWERS: [&str; 3] = [
    "/grpc.health.v1.Health/Watch",
    "/toolgate.v1.AuditService/Tail",
    "/toolgate.v1.DecisionService/WatchRevision",
];

pub(super) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

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
    /// How many of its answers are being worked on.
    pub under_way: UnderWay,
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
        let kind = match (is_endless, is_health) {
            (true, _) => BodyKind::Endless,
            (_, true) => BodyKind::Health,
            _ => BodyKind::Whole,
        };
        let guarded = self.guard(request, asker, kind, of_request);
        let mut routes = self.routes.clone();
        let answering = self.under_way.begin();
        Box::pin(async move {
            let _answering = answering;
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
        kind: BodyKind,
        permit: Option<FairPermit>,
    ) -> Request<Body> {
        let (mut parts, body) = request.into_parts();
        let is_health = kind == BodyKind::Health;
        let caller = asker.caller.clone();
        let guarded = Guarded {
            body,
            kind,
            received_bytes: 0,
            bytes_max: match caller {
                _ if is_health => HEALTH_REQUEST_BYTES_MAX,
                Some(_) => usize::MAX,
                None => UNKNOWN_REQUEST_BYTES_MAX,
            },
            messages: Messages::default(),
            // Who checks whether a process lives is not turned away because it is busy.
            held: (!is_health).then(|| self.admission.receiving.begin(caller)),
            metrics: Arc::clone(&self.decider.metrics),
            message_max: self.request_max,
            message_until: None,
            closing: (kind == BodyKind::Endless).then(|| self.closing()),
            _permit: permit,
        };
        parts.extensions.insert(asker);
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
