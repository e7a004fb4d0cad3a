//! What is asked before anything is done: is there room, and is it known who asks?

use super::connection::{Connection, PeerAddress};
use super::decider::Decider;
use super::fair::{FairLimit, FairPermit};
use super::overload::{Limited, Overload};
use super::peer;
use super::places::Standing;
use super::receiving::Receiving;
use super::strangers::Strangers;
use crate::audit::record::Record;
use crate::identity::{Identity, Peer};
use crate::model::subject::Token;
use crate::model::time::Timestamp;
use crate::wire::v1;
use crate::wire::v1::decide_request::Subject;
use axum::http::HeaderMap;
use std::sync::Arc;
use tonic::Request;

/// What a process can take.
#[derive(Debug)]
pub struct Admission {
    pub(super) decisions: Arc<FairLimit>,
    pub(super) rpcs: Arc<FairLimit>,
    pub(super) receiving: Arc<Receiving>,
    strangers: Strangers,
}

/// Who asks, as far as it is known before the request is read.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    pub(super) connection: Arc<Connection>,
    /// The name of the caller's entry.
    pub(super) caller: Option<Arc<str>>,
}

impl Admission {
    /// Room for so many decisions, RPCs and bytes of requests that are being received, of the
    /// callers that `identity` knows.
    #[must_use]
    pub fn new(
        decisions_max: usize,
        rpcs_max: usize,
        request_bytes_max: usize,
        identity: &Identity,
        now: Timestamp,
    ) -> Arc<Self> {
        let callers = || identity.caller_names().map(str::to_owned);
        Arc::new(Self {
            decisions: FairLimit::new(decisions_max, Limited::Decisions, callers()),
            rpcs: FairLimit::new(rpcs_max, Limited::Rpcs, callers()),
            receiving: Receiving::new(request_bytes_max, callers()),
            strangers: Strangers::new(now),
        })
    }

    /// How many decisions are under way.
    #[must_use]
    pub fn decisions_under_way(&self) -> usize {
        self.decisions.under_way()
    }

    /// How many bytes of requests are held that are not complete.
    #[must_use]
    pub fn request_bytes_in_flight(&self) -> usize {
        self.receiving.bytes()
    }

    /// Room for these decisions.
    ///
    /// # Errors
    /// Too much at once, or too often by nobody who is known.
    pub(super) fn decide<T>(
        &self,
        decider: &Decider,
        request: &Request<T>,
        questions: &[v1::DecideRequest],
    ) -> Result<FairPermit, Overload> {
        let asker = request.extensions().get::<Asker>();
        let admitted = self.try_decide(decider, asker, questions);
        admitted.inspect_err(|overload| decider.metrics.rpc_refused(overload.reason()))
    }

    fn try_decide(
        &self,
        decider: &Decider,
        asker: Option<&Asker>,
        questions: &[v1::DecideRequest],
    ) -> Result<FairPermit, Overload> {
        let caller = asker.and_then(|asker| asker.caller.as_ref());
        if caller.is_none() {
            if !questions.iter().all(|it| shows_token(decider, it)) {
                let address = asker.map_or(PeerAddress::Process, |asker| asker.connection.address);
                self.strangers.admit(address, questions.len())?;
            } else if let Some(asker) = asker.filter(|_| !questions.is_empty()) {
                asker.connection.standing.promote();
            }
        }
        self.decisions.admit(caller, questions.len())
    }

    /// Room for the decisions of the stream that begins with this request, one at a time.
    pub(super) fn room_of<T>(&self, request: &Request<T>) -> Room {
        let asker = request.extensions().get::<Asker>();
        Room {
            limit: Arc::clone(&self.decisions),
            caller: asker.and_then(|asker| asker.caller.clone()),
            standing: asker.map(|asker| Arc::clone(&asker.connection.standing)),
        }
    }

    /// Records what was refused since the last time, if anything was.
    pub fn record_refused(&self, decider: &Decider) {
        let now = (decider.clock)();
        let Some(refused) = self.strangers.take(now) else {
            return;
        };
        tracing::warn!(
            calls = refused.calls,
            "calls of nobody who is known were refused"
        );
        let record = Record::CallsRefused(refused);
        if let Err(error) = decider.evidence.log().post(now, &record) {
            tracing::error!(%error, "refused calls could not be recorded");
            decider.metrics.audit_failed();
        }
    }
}

/// Room for the decisions of one caller.
pub(super) struct Room {
    limit: Arc<FairLimit>,
    caller: Option<Arc<str>>,
    standing: Option<Arc<Standing>>,
}

impl Room {
    /// Looks whether the question shows who has the connection, unless that is known.
    pub(super) fn look(&self, decider: &Decider, question: &v1::DecideRequest) {
        let unknown = self.standing.as_ref().filter(|it| !it.is_known());
        if let Some(standing) = unknown.filter(|_| shows_token(decider, question)) {
            standing.promote();
        }
    }

    /// Waits until there is room for one decision.
    pub(super) async fn wait(&self) -> FairPermit {
        self.limit.wait(self.caller.as_ref()).await
    }
}

/// Whether a question shows a token of a caller of its own.
fn shows_token(decider: &Decider, question: &v1::DecideRequest) -> bool {
    let Some(Subject::BearerToken(token)) = &question.subject else {
        return false;
    };
    let peer = Peer::Token(Token::new(token.as_str()));
    decider.known_caller(&peer).is_ok()
}

impl Asker {
    /// Who asks on this connection with these headers.
    pub(super) fn new(
        connection: &Arc<Connection>,
        headers: &HeaderMap,
        decider: &Decider,
    ) -> Self {
        Self {
            connection: Arc::clone(connection),
            caller: connection.caller(&peer::of_connection(connection, headers), decider),
        }
    }
}
