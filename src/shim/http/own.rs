//! Messages of the proxy's own to the server.

use crate::shim::down::own_result;
use crate::shim::exchange::Upstream;
use crate::shim::http::mirror::Mirrored;
use crate::shim::http::proxy::Proxy;
use crate::shim::http::sse::{Item, Parser};
use crate::shim::http::upstream::{Accompanying, EVENTS, JSON, Whole, content_type, whole};
use crate::shim::message::{self, Body, Id};
use crate::shim::pdp::BoxFuture;
use crate::shim::permit::Permit;
use crate::shim::session::{Session, count};
use http::Method;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the server may take for a message that nobody waits for, in milliseconds.
pub const OWN_MESSAGE_MS: u64 = 10_000;

/// The way of one request: what may be forwarded is put here, and sent together.
pub struct Outbox<'a> {
    proxy: &'a Proxy,
    with: Accompanying,
    is_modern: bool,
    permits: Mutex<Vec<Permit>>,
}

impl<'a> Outbox<'a> {
    /// The way of a request that comes with this.
    pub const fn new(proxy: &'a Proxy, with: Accompanying, is_modern: bool) -> Self {
        Self {
            proxy,
            with,
            is_modern,
            permits: Mutex::new(Vec::new()),
        }
    }

    /// What may be forwarded, in order.
    pub fn into_permits(self) -> Vec<Permit> {
        let permits = self.permits.into_inner();
        permits.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upstream for Outbox<'_> {
    fn send(&self, permit: Permit) -> BoxFuture<'_, io::Result<bool>> {
        let holds = permit.holds(self.proxy.core.gate.now());
        if holds {
            let mut permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
            permits.push(permit);
        }
        Box::pin(async move { Ok(holds) })
    }

    fn ask<'a>(
        &'a self,
        _session: &'a Session,
        id: &'a Id,
        permit: Permit,
    ) -> BoxFuture<'a, Option<Vec<u8>>> {
        Box::pin(async {
            let bytes = permit.redeem(self.proxy.core.gate.now())?;
            let mut with = self.with.clone();
            if self.is_modern {
                with.mirrored = mirrored(&bytes)?;
            }
            let response = self.proxy.server.send(Method::POST, &with, bytes).await;
            let response = response.ok().filter(|it| it.status().is_success())?;
            match content_type(response.headers()).as_str() {
                JSON => match whole(response.into_body()).await {
                    Whole::Read(bytes) => answer_to(id, &bytes).flatten(),
                    Whole::TooLong | Whole::Broken => None,
                },
                EVENTS => answer_among(id, response.into_body()).await,
                _ => None,
            }
        })
    }
}

/// What repeats a request of the shim's own, which names no tool.
fn mirrored(bytes: &[u8]) -> Option<Vec<(http::HeaderName, http::HeaderValue)>> {
    let message = message::scan(bytes).ok()?;
    let Body::Request(request) = message.body else {
        return None;
    };
    let mirrored = Mirrored {
        method: &request.method,
        name: String::new(),
        params: request.params,
        definition: None,
    };
    mirrored.headers().ok()
}

/// The result, if this is the answer to the request of this id; the inner `None`: it has none.
fn answer_to(id: &Id, bytes: &[u8]) -> Option<Option<Vec<u8>>> {
    let message = message::scan(bytes).ok()?;
    match message.body {
        Body::Response(response) if response.id == *id => Some(own_result(response.payload)),
        _ => None,
    }
}

/// The same, from a stream: the other messages of it are nobody's.
async fn answer_among(id: &Id, mut body: Incoming) -> Option<Vec<u8>> {
    let mut parser = Parser::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.ok()?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        for item in parser.feed(data) {
            if let Item::Event(event) = item
                && let Some(answer) = answer_to(id, &event.data)
            {
                return answer;
            }
        }
    }
    None
}

/// Sends a message that nobody waits for.
pub async fn tell(proxy: &Proxy, with: &Accompanying, permit: Permit) {
    let Some(bytes) = permit.redeem(proxy.core.gate.now()) else {
        return;
    };
    let sent = proxy.server.send(Method::POST, with, bytes);
    let at_most = Duration::from_millis(OWN_MESSAGE_MS);
    let told = matches!(
        tokio::time::timeout(at_most, sent).await,
        Ok(Ok(response)) if response.status().is_success()
    );
    if !told {
        count(&proxy.core.counts.unread);
    }
}
