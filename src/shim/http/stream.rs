//! A stream of events on its way to the client: each message judged by itself.

use crate::shim::changes::LIST_CHANGED;
use crate::shim::down;
use crate::shim::event::Status;
use crate::shim::http::answer::Piece;
use crate::shim::http::bound::Bound;
use crate::shim::http::open::Open;
use crate::shim::http::proxy::{Ending, Proxy};
use crate::shim::http::received::Received;
use crate::shim::http::sse::{Event, Item, KEEP_ALIVE, Parser};
use crate::shim::http::upstream::Accompanying;
use crate::shim::session::count;
use http_body_util::BodyExt;
use hyper::body::{Bytes, Frame, Incoming};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How often a stream of the proxy's own says that it is there, in milliseconds.
pub const KEEP_ALIVE_MS: u64 = 15_000;

/// How long a client has to read what a stream ends with, in milliseconds.
pub const LAST_EVENT_MS: u64 = 1_000;

/// A stream.
pub struct Stream<'a> {
    /// The proxy.
    pub proxy: &'a Arc<Proxy>,
    /// The session.
    pub bound: &'a Arc<Bound>,
    /// What goes with messages to the server.
    pub with: &'a Accompanying,
    /// Where events go.
    pub events: mpsc::Sender<Piece>,
    /// Until when the requests of the stream have to be answered; `None`: it answers none.
    pub deadline: Option<Instant>,
    /// Whether answers that did not come may come on another stream.
    pub is_resumable: bool,
}

/// Why a stream is at its end.
enum End {
    /// The server has no more to say, or is gone.
    Server,
    /// The client is gone.
    Client,
    /// It took too long.
    Late,
    /// The proxy ends.
    Proxy,
}

/// What happens next.
enum Next {
    Data(Bytes),
    Changed,
    Silence,
    End(End),
}

impl Stream<'_> {
    /// Passes on what the server says, after these answers, until one side has enough. Without a
    /// body the stream is the proxy's own, and has its messages alone.
    pub async fn run(self, body: Option<Incoming>, mut open: Open, answers: Vec<Vec<u8>>) {
        let mut has_place = false;
        let end = match self.put_all(answers).await {
            Ok(()) => self.pass_on(body, &open, &mut has_place).await,
            Err(end) => end,
        };
        self.end(end, &mut open, has_place).await;
    }

    async fn pass_on(&self, mut body: Option<Incoming>, open: &Open, has_place: &mut bool) -> End {
        let mut parser = Parser::default();
        loop {
            let items = match self.next(&mut body).await {
                Next::Data(data) => parser.feed(&data),
                Next::Changed => match self.put(Event::of(LIST_CHANGED)).await {
                    Ok(()) => continue,
                    Err(end) => return end,
                },
                Next::Silence => match self.put(KEEP_ALIVE.to_vec()).await {
                    Ok(()) => continue,
                    Err(end) => return end,
                },
                Next::End(End::Server) => {
                    let last = parser.end();
                    let passed = self.pass(last, open, has_place).await;
                    return passed.err().unwrap_or(End::Server);
                }
                Next::End(end) => return end,
            };
            if let Err(end) = self.pass(items, open, has_place).await {
                return end;
            }
        }
    }

    async fn put_all(&self, messages: Vec<Vec<u8>>) -> Result<(), End> {
        for message in messages {
            self.put(Event::of(&message)).await?;
        }
        Ok(())
    }

    async fn next(&self, body: &mut Option<Incoming>) -> Next {
        let data = async {
            let Some(body) = body else {
                tokio::time::sleep(Duration::from_millis(KEEP_ALIVE_MS)).await;
                return Next::Silence;
            };
            loop {
                match body.frame().await {
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            return Next::Data(data);
                        }
                    }
                    Some(Err(_)) | None => return Next::End(End::Server),
                }
            }
        };
        let enough = match self.deadline {
            Some(_) => Ending::Over,
            None => Ending::Draining,
        };
        tokio::select! {
            next = data => next,
            () = self.bound.changed.notified(), if self.deadline.is_none() => Next::Changed,
            () = self.events.closed() => Next::End(End::Client),
            () = late(self.deadline) => Next::End(End::Late),
            () = self.proxy.ends(enough) => Next::End(End::Proxy),
        }
    }

    async fn pass(&self, items: Vec<Item>, open: &Open, has_place: &mut bool) -> Result<(), End> {
        let session = &self.bound.session;
        for item in items {
            let (event, received) = match item {
                Item::Comment => {
                    self.put(KEEP_ALIVE.to_vec()).await?;
                    continue;
                }
                Item::Foreign => {
                    count(&session.core.counts.bad_frames);
                    continue;
                }
                Item::Bad { why, sketch } => {
                    let passed = down::bad(session, &why, sketch, Some(open.ids()));
                    let received = Received {
                        client: passed.client,
                        server: Vec::new(),
                    };
                    (Event::default(), received)
                }
                Item::Event(event) if event.data.is_empty() => {
                    *has_place |= event.id.is_some();
                    self.put(event.with(b"")).await?;
                    continue;
                }
                Item::Event(event) => {
                    *has_place |= event.id.is_some();
                    let received = Received::of(session, &event.data, open.ids()).await;
                    (event, received)
                }
            };
            for permit in received.server {
                self.proxy.send_later(self.with.clone(), permit);
            }
            let mut messages = received.client.into_iter();
            if let Some(first) = messages.next() {
                self.put(event.with(&first)).await?;
            }
            self.put_all(messages.collect()).await?;
        }
        Ok(())
    }

    /// Gives the client an event, as soon as it takes one.
    async fn put(&self, event: Vec<u8>) -> Result<(), End> {
        let piece = Ok(Frame::data(event.into()));
        tokio::select! {
            sent = self.events.send(piece) => sent.map_err(|_| End::Client),
            () = late(self.deadline) => Err(End::Late),
            () = self.proxy.ends(Ending::Over) => Err(End::Proxy),
        }
    }

    async fn end(&self, end: End, open: &mut Open, has_place: bool) {
        let (status, text) = match end {
            End::Server | End::Client if self.is_resumable && has_place => {
                open.leave();
                return;
            }
            // Nobody is there to be told.
            End::Client => return,
            End::Server => (
                Status::ProtocolError,
                "Internal error: the server ended the stream without an answer",
            ),
            End::Late => {
                self.proxy.cancel(self.with, self.bound, open.ids());
                (Status::Timeout, down::TIMED_OUT)
            }
            End::Proxy => (Status::ProtocolError, "Internal error: the proxy is ending"),
        };
        for answer in open.fail(status, text) {
            let piece = Ok(Frame::data(Event::of(&answer).into()));
            // A client that does not read does not keep the stream.
            let at_most = Duration::from_millis(LAST_EVENT_MS);
            let _read = tokio::time::timeout(at_most, self.events.send(piece)).await;
        }
    }
}

/// Waits until a deadline; where there is none, for ever.
async fn late(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
