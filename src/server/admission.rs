//! What is asked before anything is done: is there room, and is it known who asks?

use super::connection::{Connection, PeerAddress};
use super::decider::Decider;
use super::fair::{FairLimit, FairPermit};
use super::overload::{Limited, Overload};
use super::peer::{self, Remote};
use super::places::Standing;
use super::receiving::Receiving;
use super::strangers::Strangers;
use super::tenants::{Tenant, Tenants};
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
    /// The caller's tenant, where tenants are apart and it has one.
    pub(super) tenant: Option<Arc<Tenant>>,
}

/// Room for some decisions, until it is dropped: among the tenant's, where there are tenants, and
/// among those of all.
pub(super) struct Admitted {
    _of_all: FairPermit,
    _of_tenant: Option<FairPermit>,
}

impl Admission {
    /// Room for so many decisions, RPCs and bytes of requests that are being received, of the
    /// callers that `identity` knows; decisions are shared by tenants first, where there are any.
    #[must_use]
    pub fn new(
        decisions_max: usize,
        rpcs_max: usize,
        request_bytes_max: usize,
        identity: &Identity,
        tenants: &Tenants,
        now: Timestamp,
    ) -> Arc<Self> {
        let callers = || identity.caller_names().map(str::to_owned);
        let names = tenants.listed().iter().filter_map(|it| it.name.as_deref());
        let sharing: Vec<String> = match tenants.are_apart() {
            true => names.map(str::to_owned).collect(),
            false => callers().collect(),
        };
        Arc::new(Self {
            decisions: FairLimit::new(decisions_max, Limited::Decisions, sharing),
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

    /// How many RPCs are under way, but for health.
    #[must_use]
    pub fn rpcs_under_way(&self) -> usize {
        self.rpcs.under_way()
    }

    /// How many bytes of requests are held that are not complete.
    #[must_use]
    pub fn request_bytes_in_flight(&self) -> usize {
        self.receiving.bytes()
    }

    /// Who asks, and room for these decisions.
    ///
    /// # Errors
    /// Too much at once, or too often by nobody who is known.
    pub(super) fn decide<T>(
        &self,
        decider: &Decider,
        request: &Request<T>,
        questions: &[v1::DecideRequest],
    ) -> Result<(Remote, Admitted), Overload> {
        let asker = request.extensions().get::<Asker>();
        let mut peer = peer::peer(request);
        let tenant = decider.tenant_of(&peer, questions.first());
        let tenant = tenant.name.is_some().then(|| Arc::clone(tenant));
        let admitted = self.try_decide(decider, asker, tenant.as_deref(), questions);
        peer.tenant = tenant;
        match admitted {
            Ok(admitted) => Ok((peer, admitted)),
            Err(overload) => {
                decider.metrics.rpc_refused(overload.reason());
                Err(overload)
            }
        }
    }

    fn try_decide(
        &self,
        decider: &Decider,
        asker: Option<&Asker>,
        tenant: Option<&Tenant>,
        questions: &[v1::DecideRequest],
    ) -> Result<Admitted, Overload> {
        let caller = asker.and_then(|asker| asker.caller.as_ref());
        if caller.is_none() {
            if !questions.iter().all(|it| shows_token(decider, it)) {
                let address = asker.map_or(PeerAddress::Process, |asker| asker.connection.address);
                self.strangers.admit(address, questions.len())?;
            } else if let Some(asker) = asker.filter(|_| !questions.is_empty()) {
                asker.connection.standing.promote();
            }
        }
        let calls = questions.len();
        let Some((tenant, name)) = tenant.and_then(|it| Some((it, it.name.as_ref()?))) else {
            // Where tenants are apart, a caller of none that is known shares with all such.
            let caller = caller.filter(|_| !decider.tenants.are_apart());
            return Ok(Admitted {
                _of_all: self.decisions.admit(caller, calls)?,
                _of_tenant: None,
            });
        };
        let of_tenant = match &tenant.room {
            Some(room) => Some(room.admit(caller, calls).map_err(|it| it.of_room(name))?),
            None => None,
        };
        let of_all = self.decisions.admit(Some(name), calls);
        Ok(Admitted {
            _of_all: of_all.map_err(|it| it.of_share(name))?,
            _of_tenant: of_tenant,
        })
    }

    /// Room for the decisions of the stream that begins with this request, one at a time.
    pub(super) fn room_of<T>(&self, request: &Request<T>) -> Room {
        let asker = request.extensions().get::<Asker>();
        Room {
            all: Arc::clone(&self.decisions),
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
        if let Err(error) = decider.tenants.process().evidence.log().post(now, &record) {
            tracing::error!(%error, "refused calls could not be recorded");
            decider.metrics.audit_failed();
        }
    }
}

/// Room for the decisions of one caller.
pub(super) struct Room {
    all: Arc<FairLimit>,
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

    /// Waits until there is room for one decision of this tenant.
    pub(super) async fn wait(&self, tenant: &Tenant) -> Admitted {
        let caller = self.caller.as_ref();
        let of_tenant = match &tenant.room {
            Some(room) => Some(room.wait(caller).await),
            None => None,
        };
        let share = tenant.name.as_ref().or(caller);
        Admitted {
            _of_all: self.all.wait(share).await,
            _of_tenant: of_tenant,
        }
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
        let known = connection.caller(&peer::of_connection(connection, headers), decider);
        let (caller, tenant) = known.map(|it| (it.caller, it.tenant)).unzip();
        Self {
            connection: Arc::clone(connection),
            caller,
            tenant: tenant.flatten(),
        }
    }
}
