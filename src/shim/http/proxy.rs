//! One proxy: what its requests share, and the way each of them takes.

use crate::shim::changes::Listener;
use crate::shim::down;
use crate::shim::event::Status;
use crate::shim::http::answer::{Answer, Refusal, empty, not_allowed};
use crate::shim::http::bound::{Bound, Sessions};
use crate::shim::http::guard::Guard;
use crate::shim::http::speaker::{Bearers, Owner, Speaker, WELL_KNOWN};
use crate::shim::http::upstream::{Accompanying, UpstreamServer};
use crate::shim::http::{get, own, post};
use crate::shim::message::Id;
use crate::shim::pdp::BoxFuture;
use crate::shim::permit::Permit;
use crate::shim::session::{Core, Session, count};
use crate::shim::tools::Known;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use std::io;
use std::sync::{Arc, Mutex};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::time::Instant;

/// Most requests and streams that are being dealt with at once.
pub const EXCHANGES_MAX: usize = 4_096;
/// Most messages of the proxy's own that are on their way to the server.
pub const OWN_MESSAGES_MAX: usize = 64;

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// It has not begun.
    Running,
    /// Nothing new begins; streams that never end by themselves end.
    Draining,
    /// Everything ends.
    Over,
}

/// Ends with a value once the client of a request is gone.
pub type Gone = oneshot::Receiver<()>;

/// What the requests of one proxy share.
pub struct Proxy {
    pub(super) core: Arc<Core>,
    pub(super) server: UpstreamServer,
    pub(super) sessions: Sessions,
    pub(super) ending: watch::Sender<Ending>,
    guard: Guard,
    path: String,
    bearers: Option<Bearers>,
    /// The server's tools as those see them who have no session.
    tools: Arc<Mutex<Known>>,
    exchanges: Arc<Semaphore>,
    own_messages: Arc<Semaphore>,
}

impl Proxy {
    /// A proxy before this server, at the server's own path.
    #[must_use]
    pub fn new(
        core: &Arc<Core>,
        server: UpstreamServer,
        guard: Guard,
        bearers: Option<Bearers>,
    ) -> Arc<Self> {
        Arc::new(Self {
            core: Arc::clone(core),
            path: server.path().to_owned(),
            server,
            sessions: Sessions::default(),
            ending: watch::Sender::new(Ending::Running),
            guard,
            bearers,
            tools: Arc::default(),
            exchanges: Arc::new(Semaphore::new(EXCHANGES_MAX)),
            own_messages: Arc::new(Semaphore::new(OWN_MESSAGES_MAX)),
        })
    }

    /// Answers one request.
    pub async fn answer(self: Arc<Self>, request: Request<Incoming>, gone: Gone) -> Answer {
        let (parts, body) = request.into_parts();
        match self.admit(&parts).await {
            Ok((speaker, place)) => match parts.method {
                Method::POST => post::post(&self, &parts.headers, body, speaker, place, gone).await,
                Method::GET => get::get(&self, &parts.headers, &speaker, place, gone).await,
                Method::DELETE => get::delete(&self, &parts.headers, &speaker, gone).await,
                _ => not_allowed("GET, POST, DELETE"),
            },
            Err(answer) => *answer,
        }
    }

    /// Whether a request is dealt with at all, and for whom.
    async fn admit(&self, parts: &Parts) -> Result<(Speaker, OwnedSemaphorePermit), Box<Answer>> {
        let target = parts.uri.authority().map(http::uri::Authority::as_str);
        self.guard.check(&parts.headers, target).map_err(|why| {
            let refusal = Refusal::new(StatusCode::FORBIDDEN, why.to_string());
            Box::new(refusal.answer(None))
        })?;
        let path = parts.uri.path();
        let resource = self.bearers.as_ref().and_then(|it| it.resource.as_ref());
        if let (Some(resource), Some(rest)) = (resource, path.strip_prefix(WELL_KNOWN)) {
            let is_ours = rest.is_empty() || rest == resource.url.path().trim_end_matches('/');
            return Err(Box::new(match (is_ours, &parts.method) {
                (true, &Method::GET) => resource.metadata(),
                (true, _) => not_allowed("GET"),
                (false, _) => empty(StatusCode::NOT_FOUND),
            }));
        }
        if path != self.path || parts.uri.query().is_some() {
            return Err(Box::new(empty(StatusCode::NOT_FOUND)));
        }
        let is_running = *self.ending.borrow() == Ending::Running;
        let place = Arc::clone(&self.exchanges).try_acquire_owned();
        let place = place.ok().filter(|_| is_running).ok_or_else(|| {
            let text = "Service Unavailable: too many requests at once, or the proxy is ending";
            Box::new(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text).answer(None))
        })?;
        let speaker = self.speaker(&parts.headers).await.map_err(Box::new)?;
        Ok((speaker, place))
    }

    async fn speaker(&self, headers: &HeaderMap) -> Result<Speaker, Answer> {
        match &self.bearers {
            Some(bearers) => bearers.speaker(&self.core, headers).await,
            None => Ok(Speaker::default()),
        }
    }

    /// A session that begins.
    pub(super) fn new_session(&self, owner: Option<&Owner>) -> Arc<Bound> {
        let session = Session::new(&self.core, Arc::default());
        Bound::new(session, owner.cloned())
    }

    /// What a request without a session has in place of one.
    pub(super) fn no_session(&self, owner: Option<&Owner>) -> Arc<Bound> {
        let session = Session::new(&self.core, Arc::clone(&self.tools));
        Bound::new(session, owner.cloned())
    }

    /// Waits until the end has come so far.
    pub(super) async fn ends(&self, so_far: Ending) {
        let mut ending = self.ending.subscribe();
        // The sender lives as long as the proxy: this waits for nothing else.
        let _ended = ending.wait_for(|ending| *ending >= so_far).await;
    }

    /// Waits until nothing is being dealt with any more.
    pub(super) async fn idle(&self) {
        let all = u32::try_from(EXCHANGES_MAX).unwrap_or(u32::MAX);
        let _all = self.exchanges.acquire_many(all).await;
    }

    /// Tells the server that nobody waits for these requests any more. In the modern era the end of
    /// their stream says so.
    pub(super) fn cancel(self: &Arc<Self>, with: &Accompanying, bound: &Bound, ids: &[Id]) {
        if with.session.is_none() {
            return;
        }
        for id in ids {
            let is_open = bound.session.flights().get(id).is_some();
            if is_open {
                self.send_later(with.clone(), down::cancellation(id));
            }
        }
    }

    /// Ends the requests of sessions to which no answer came in time. Those whose stream is there
    /// still have been told by it; `now` is to be that much later.
    pub(super) fn end_overdue(self: &Arc<Self>, now: Instant) {
        for (id, bound) in self.sessions.every() {
            for (_, _, cancelled) in down::give_up_overdue(&bound.session, now) {
                let with = Accompanying {
                    session: HeaderValue::from_str(&id).ok(),
                    ..Accompanying::default()
                };
                self.send_later(with, cancelled);
            }
        }
        for bound in self.sessions.end_idle(now) {
            end_session(&bound);
        }
    }

    /// Sends the server a message of the proxy's own that nobody waits for.
    pub(super) fn send_later(self: &Arc<Self>, with: Accompanying, permit: Permit) {
        match Arc::clone(&self.own_messages).try_acquire_owned() {
            Ok(place) => {
                let proxy = Arc::clone(self);
                tokio::spawn(async move {
                    own::tell(&proxy, &with, permit).await;
                    drop(place);
                });
            }
            Err(_) => count(&self.core.counts.unread),
        }
    }
}

/// Ends what is under way in a session that is forgotten.
pub(super) fn end_session(bound: &Bound) {
    // Whoever waits is told on its own stream, or has gone.
    let _answers = down::fail_all(&bound.session, Status::Cancelled, "");
}

impl Listener for Proxy {
    fn changed(&self) -> BoxFuture<'_, io::Result<()>> {
        for (_, bound) in self.sessions.every() {
            if bound.session.announces() {
                bound.changed.notify_one();
            }
        }
        Box::pin(async { Ok(()) })
    }
}
