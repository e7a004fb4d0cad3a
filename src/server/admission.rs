//! What is asked before anything is done: is there room, and is it known who asks?

use super::connection::{Connection, PeerAddress};
use super::decider::Decider;
use super::fair::{FairLimit, FairPermit};
use super::overload::{Limited, Overload};
use super::peer;
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
    /// Room for so many decisions and RPCs of the callers that `identity` knows.
    #[must_use]
    pub fn new(
        decisions_max: usize,
        rpcs_max: usize,
        identity: &Identity,
        now: Timestamp,
    ) -> Arc<Self> {
        let callers = || identity.caller_names().map(str::to_owned);
        Arc::new(Self {
            decisions: FairLimit::new(decisions_max, Limited::Decisions, callers()),
            rpcs: FairLimit::new(rpcs_max, Limited::Rpcs, callers()),
            strangers: Strangers::new(now),
        })
    }

    /// How many decisions are under way.
    #[must_use]
    pub fn decisions_under_way(&self) -> usize {
        self.decisions.under_way()
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
        if caller.is_none() && !questions.iter().all(|it| shows_token(decider, it)) {
            let address = asker.map_or(PeerAddress::Process, |asker| asker.connection.address);
            self.strangers.admit(address, questions.len())?;
        }
        self.decisions.admit(caller, questions.len())
    }

    /// Room for the decisions of the stream that begins with this request, one at a time.
    pub(super) fn room_of<T>(&self, request: &Request<T>) -> Room {
        let asker = request.extensions().get::<Asker>();
        Room {
            limit: Arc::clone(&self.decisions),
            caller: asker.and_then(|asker| asker.caller.clone()),
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
}

impl Room {
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
