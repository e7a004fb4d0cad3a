//! `POST`: a message of the client's, or a batch of them, judged and sent on.

use crate::shim::denial::INVALID_PARAMS;
use crate::shim::envelope::Sketch;
use crate::shim::event::Status;
use crate::shim::exchange::Exchange;
use crate::shim::flight::Kind;
use crate::shim::http::answer::{Answer, Refusal, empty, json};
use crate::shim::http::bound::Bound;
use crate::shim::http::forward::{Forward, forward};
use crate::shim::http::get::unknown_session;
use crate::shim::http::mirror::{HEADER_MISMATCH, Mirrored, Mismatch};
use crate::shim::http::open::Open;
use crate::shim::http::own::Outbox;
use crate::shim::http::proxy::{Gone, Proxy};
use crate::shim::http::received::{self, BATCH_MESSAGES_MAX, BATCHES};
use crate::shim::http::revision::{MODERN, Revision, Unsupported, takes_both};
use crate::shim::http::speaker::Speaker;
use crate::shim::http::upstream::{Accompanying, JSON, SESSION, Whole, content_type, whole};
use crate::shim::message::{self, Body, Id, MESSAGE_BYTES_MAX, Message, Why};
use crate::shim::meta::Meta;
use crate::shim::up;
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// How long a client may take to send a message, in milliseconds.
pub const BODY_MS: u64 = 30_000;

/// Deals with a POST.
pub async fn post(
    proxy: &Arc<Proxy>,
    headers: &HeaderMap,
    body: Incoming,
    speaker: Speaker,
    place: OwnedSemaphorePermit,
    gone: Gone,
) -> Answer {
    let request = match Post::read(proxy, headers, body, speaker).await {
        Ok(request) => request,
        Err(answer) => return *answer,
    };
    match request.judged().await {
        Ok(judged) => forward(proxy, judged, place, gone).await,
        Err(answer) => *answer,
    }
}

/// A request whose body has been read.
struct Post<'a> {
    proxy: &'a Arc<Proxy>,
    headers: &'a HeaderMap,
    revision: Revision,
    speaker: Speaker,
    bytes: Vec<u8>,
}

impl<'a> Post<'a> {
    async fn read(
        proxy: &'a Arc<Proxy>,
        headers: &'a HeaderMap,
        body: Incoming,
        speaker: Speaker,
    ) -> Result<Self, Box<Answer>> {
        let refused = |status, text: String| Box::new(Refusal::new(status, text).answer(None));
        if content_type(headers) != JSON {
            let text = format!("Unsupported Media Type: `Content-Type` is not {JSON}");
            return Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
        }
        takes_both(headers).map_err(|refusal| Box::new(refusal.answer(None)))?;
        let revision = Revision::of(headers).map_err(|it| Box::new(it.answer(None)))?;
        let in_time = tokio::time::timeout(Duration::from_millis(BODY_MS), whole(body));
        let bytes = match in_time.await {
            Ok(Whole::Read(bytes)) => bytes,
            Ok(Whole::TooLong) => {
                let frame_bytes_max = MESSAGE_BYTES_MAX;
                let text = Why::FrameTooLong { frame_bytes_max }.to_string();
                return Err(refused(StatusCode::PAYLOAD_TOO_LARGE, text));
            }
            Ok(Whole::Broken) => {
                let text = "Bad Request: the body broke off".to_owned();
                return Err(refused(StatusCode::BAD_REQUEST, text));
            }
            Err(_) => {
                let text = "Request Timeout: the body did not come in time".to_owned();
                return Err(refused(StatusCode::REQUEST_TIMEOUT, text));
            }
        };
        Ok(Self {
            proxy,
            headers,
            revision,
            speaker,
            bytes,
        })
    }

    async fn judged(self) -> Result<Forward, Box<Answer>> {
        match self.bytes.trim_ascii_start().starts_with(b"[") {
            true => self.batch().await,
            false => self.message().await,
        }
    }

    /// What goes to the server with a message.
    fn accompanying(&self) -> Accompanying {
        let (session, protocol) = match &self.revision {
            Revision::Legacy(protocol) => (self.headers.get(SESSION).cloned(), protocol.clone()),
            Revision::Modern(protocol) => (None, Some(protocol.clone())),
        };
        Accompanying {
            session,
            protocol,
            ..Accompanying::default()
        }
    }

    fn exchange<'b>(&self, bound: &'b Bound, outbox: &'b Outbox<'_>) -> Exchange<'b> {
        Exchange {
            session: &bound.session,
            server: outbox,
            speaker: self.speaker.token.clone(),
        }
    }

    /// The session that the request is of, or what it has in place of one.
    fn bound(&self, is_initialize: bool) -> Result<Arc<Bound>, Refusal> {
        let owner = self.speaker.owner.as_ref();
        let id = match self.revision {
            Revision::Modern(_) => None,
            Revision::Legacy(_) => self.headers.get(SESSION),
        };
        match id {
            Some(_) if is_initialize => {
                let text = "Bad Request: a session begins without `Mcp-Session-Id`";
                Err(Refusal::new(StatusCode::BAD_REQUEST, text))
            }
            Some(id) => {
                let found = self.proxy.sessions.find(id, owner);
                found.ok_or_else(unknown_session)
            }
            None if is_initialize => Ok(self.proxy.new_session(owner)),
            None => {
                let bound = self.proxy.no_session(owner);
                let name = self.revision.name();
                // Without the header it is the last revision that had none.
                bound
                    .session
                    .agree_on(if name.is_empty() { BATCHES } else { name });
                Ok(bound)
            }
        }
    }

    async fn message(self) -> Result<Forward, Box<Answer>> {
        let message = message::scan(&self.bytes).map_err(|refused| {
            let bound = self.proxy.no_session(None);
            let answer = up::refuse(&bound.session, refused, &Sketch::of(&self.bytes));
            Box::new(json(StatusCode::BAD_REQUEST, answer))
        })?;
        let id = match &message.body {
            Body::Request(request) => Some(request.id.clone()),
            Body::Notification(_) | Body::Response(_) => None,
        };
        let refused = |refusal: Refusal| Box::new(refusal.answer(id.as_ref()));
        self.check_era(&message, id.as_ref())?;
        let is_initialize = matches!(&message.body, Body::Request(it) if it.method == "initialize");
        let bound = self.bound(is_initialize).map_err(refused)?;
        let is_modern = matches!(self.revision, Revision::Modern(_));
        let mut with = self.accompanying();
        let outbox = Outbox::new(self.proxy, with.clone(), is_modern);
        let mut open = Open::new(Arc::clone(&bound));
        let exchange = self.exchange(&bound, &outbox);
        match up::take_message(&exchange, &message).await {
            Ok(None) => id.iter().cloned().for_each(|id| open.add(id)),
            Ok(Some(answer)) => return Err(Box::new(json(StatusCode::OK, answer))),
            Err(_) => return Err(Box::new(empty(StatusCode::BAD_GATEWAY))),
        }
        let messages = self.redeemed(outbox, &mut open)?;
        let bytes = messages.into_iter().next();
        if let Some(bytes) = &bytes
            && is_modern
        {
            with.mirrored = self.mirrored(&message, &bound, bytes).map_err(|why| {
                let _answers = open.fail(Status::Withheld, "");
                refused(mismatch(&why))
            })?;
        }
        Ok(Forward {
            open,
            bytes,
            with,
            begins: is_initialize,
            answers: Vec::new(),
            is_batch: false,
        })
    }

    /// What may be forwarded still. Where a verdict has run out, nothing of the request is.
    fn redeemed(&self, outbox: Outbox<'_>, open: &mut Open) -> Result<Vec<Vec<u8>>, Box<Answer>> {
        let now = self.proxy.core.gate.now();
        let permits = outbox.into_permits().into_iter();
        let messages: Option<Vec<_>> = permits.map(|permit| permit.redeem(now)).collect();
        messages.ok_or_else(|| {
            let text = "Internal error: a verdict ran out before it could be used";
            let answers = open.fail(Status::Withheld, text);
            let answer = match answers.as_slice() {
                [answer] => answer.clone(),
                answers => received::batch(answers),
            };
            Box::new(json(StatusCode::OK, answer))
        })
    }

    /// A request is of the era that its header names, and says so itself.
    fn check_era(&self, message: &Message<'_>, id: Option<&Id>) -> Result<(), Box<Answer>> {
        let Body::Request(request) = &message.body else {
            return Ok(());
        };
        let meta = Meta::read(request.params);
        let refused = |refusal: Refusal| Err(Box::new(refusal.answer(id)));
        match (&self.revision, meta.modern.as_deref()) {
            (Revision::Legacy(_), None) => Ok(()),
            (_, Some(named)) if !MODERN.contains(&named) => {
                Err(Box::new(Unsupported::new(named).answer(id)))
            }
            (Revision::Modern(_), None) => {
                let text = "Invalid params: `_meta` names no protocol version";
                let refusal = Refusal::new(StatusCode::BAD_REQUEST, text);
                refused(refusal.coded(INVALID_PARAMS))
            }
            (Revision::Legacy(_), Some(_)) => refused(mismatch(&Mismatch::Different(
                "mcp-protocol-version".to_owned(),
            ))),
            (Revision::Modern(_), Some(named)) if named != self.revision.name() => refused(
                mismatch(&Mismatch::Different("mcp-protocol-version".to_owned())),
            ),
            (Revision::Modern(_), Some(_)) => {
                let checked = mirrored_of(message, None).map(|it| it.check(self.headers));
                match checked {
                    Some(Err(why)) => refused(mismatch(&why)),
                    Some(Ok(())) | None => Ok(()),
                }
            }
        }
    }

    /// The headers for what is forwarded, once those that came have been held to what came.
    fn mirrored(
        &self,
        message: &Message<'_>,
        bound: &Bound,
        forwarded: &[u8],
    ) -> Result<Vec<(http::HeaderName, http::HeaderValue)>, Mismatch> {
        let Body::Request(request) = &message.body else {
            return Ok(Vec::new());
        };
        let definition = {
            let flights = bound.session.flights();
            flights
                .get(&request.id)
                .and_then(|flight| match &flight.kind {
                    Kind::Call(call) => call.question.definition_json.clone(),
                    _ => None,
                })
        };
        let definition = definition.as_deref();
        if let Some(came) = mirrored_of(message, definition) {
            came.check_arguments(self.headers)?;
        }
        let Ok(forwarded) = message::scan(forwarded) else {
            return Err(Mismatch::Unreadable("mcp-method".to_owned()));
        };
        let headers = mirrored_of(&forwarded, definition).map(|it| it.headers());
        headers.unwrap_or_else(|| Ok(Vec::new()))
    }

    async fn batch(self) -> Result<Forward, Box<Answer>> {
        let refused =
            |text: String| Box::new(Refusal::new(StatusCode::BAD_REQUEST, text).answer(None));
        let bound = self
            .bound(false)
            .map_err(|refusal| Box::new(refusal.answer(None)))?;
        if !bound.session.has_protocol(BATCHES) || matches!(self.revision, Revision::Modern(_)) {
            let text = format!("Invalid Request: batches are of {BATCHES} alone");
            return Err(refused(text));
        }
        let items = received::items(&self.bytes).ok_or_else(|| {
            refused(format!(
                "Invalid Request: not a batch of 1 to {BATCH_MESSAGES_MAX} messages"
            ))
        })?;
        let scanned = items.iter().map(|item| message::scan(item).ok());
        let scanned: Vec<_> = scanned.map(|it| it.map(|it| it.body)).collect();
        let begins =
            |body: &Body<'_>| matches!(body, Body::Request(it) if it.method == "initialize");
        if scanned.iter().flatten().any(begins) {
            return Err(refused(
                "Invalid Request: `initialize` in a batch".to_owned(),
            ));
        }
        let with = self.accompanying();
        let outbox = Outbox::new(self.proxy, with.clone(), false);
        let exchange = self.exchange(&bound, &outbox);
        let (mut answers, mut open) = (Vec::new(), Open::new(Arc::clone(&bound)));
        for (item, body) in items.iter().zip(&scanned) {
            match (up::take(&exchange, item).await, body) {
                (Ok(None), Some(Body::Request(request))) => open.add(request.id.clone()),
                (Ok(answer), _) => answers.extend(answer),
                (Err(_), _) => return Err(Box::new(empty(StatusCode::BAD_GATEWAY))),
            }
        }
        let messages = self.redeemed(outbox, &mut open)?;
        let bytes = match messages.as_slice() {
            [] => None,
            _ if messages.iter().eq(items.iter()) => Some(self.bytes.clone()),
            messages => Some(received::batch(messages)),
        };
        Ok(Forward {
            open,
            bytes,
            with,
            begins: false,
            answers,
            is_batch: true,
        })
    }
}

fn mismatch(why: &Mismatch) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, why.to_string()).coded(HEADER_MISMATCH)
}

/// What the headers of a request have to repeat; `None` if it is none.
fn mirrored_of<'a>(message: &'a Message<'_>, definition: Option<&'a [u8]>) -> Option<Mirrored<'a>> {
    let Body::Request(request) = &message.body else {
        return None;
    };
    Some(Mirrored {
        method: &request.method,
        name: Meta::read(request.params).name,
        params: request.params,
        definition,
    })
}
