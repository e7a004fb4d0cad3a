//! What all messages of a shim share, and what those between one client and one server do.

use crate::model::call::Mcp;
use crate::model::reason::Code;
use crate::model::subject::Token;
use crate::shim::Clock;
use crate::shim::denial::{By, Denial};
use crate::shim::event::{DecisionRef, EventBody, Outcome, Status, recorded_text};
use crate::shim::flight::{CallFlight, Flight, Flights};
use crate::shim::gate::Gate;
use crate::shim::message::Id;
use crate::shim::meta::Meta;
use crate::shim::pdp::{Pdp, Question};
use crate::shim::report::Reporter;
use crate::shim::tools::{Known, Shown};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use uuid::Uuid;

/// Most events of one call: an outcome for each grant, and one of its own.
pub const EVENTS_A_CALL_MAX: usize = 4;

/// What a session is told.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// The server's name: the key that policies know it by.
    pub server: String,
    /// Context for every question, such as `purpose` and `channel`.
    pub context: BTreeMap<String, String>,
    /// How long the PDP has to answer.
    pub pdp_deadline: Duration,
    /// How long the server has to answer a request.
    pub call_timeout: Duration,
}

/// What every session of one shim shares.
pub struct Core {
    pub(super) config: SessionConfig,
    pub(super) gate: Gate,
    pub(super) reporter: Reporter,
    pub(super) counts: Counts,
    in_flight: Arc<AtomicUsize>,
}

/// One client and one server: what is on its way between them, and what each knows of the other.
/// Knows no transport.
pub struct Session {
    pub(super) core: Arc<Core>,
    id: String,
    own_ids: AtomicU64,
    flights: Mutex<Flights>,
    tools: Arc<Mutex<Known>>,
    shown: Mutex<Shown>,
    protocol: Mutex<String>,
    /// Whether the handshake announces changes of the tools, and whether the client is ready.
    announced: AtomicBool,
    initialized: AtomicBool,
}

/// What a session did without telling the client, or told it often.
#[derive(Debug, Default)]
pub struct Counts {
    /// Frames that were no messages.
    pub bad_frames: AtomicU64,
    /// Responses that nobody waited for.
    pub stray_responses: AtomicU64,
    /// Notifications that are not passed on.
    pub dropped_notifications: AtomicU64,
    /// Requests of the server to the client.
    pub server_requests: AtomicU64,
    /// Messages to the server that it did not read in time.
    pub unread: AtomicU64,
    /// Tools taken out of lists.
    pub hidden_tools: AtomicU64,
    /// Requests denied.
    pub denied: AtomicU64,
}

/// Adds one.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    /// What sessions share that ask this PDP and report so.
    pub fn new(
        config: SessionConfig,
        pdp: Arc<dyn Pdp>,
        reporter: Reporter,
        clock: Clock,
    ) -> Arc<Self> {
        Arc::new(Self {
            gate: Gate::new(pdp, clock, config.pdp_deadline),
            config,
            reporter,
            counts: Counts::default(),
            in_flight: Arc::default(),
        })
    }

    /// What was counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Whether the end of one more call could be recorded, however often it is asked about, and in a
    /// log that is not refused. If not, none is forwarded.
    pub(super) fn room_to_record(&self) -> Result<(), Box<Denial>> {
        if self.reporter.refuses_now() {
            return Err(Denial::local(Code::AuditLogRefused.reason()));
        }
        let in_flight = self.in_flight.load(Ordering::Relaxed);
        match self
            .reporter
            .has_room(in_flight.saturating_add(EVENTS_A_CALL_MAX))
        {
            true => Ok(()),
            false => Err(Denial::local(Code::AuditUnavailable.reason())),
        }
    }

    /// Counts a denial and reports it where the PDP does not know of it.
    pub(super) fn note_denial(&self, denial: &Denial, mcp: &Mcp) {
        count(&self.counts.denied);
        match denial.by {
            By::Pdp => {}
            By::Shim if self.reporter.has_room(1) => {
                let body = EventBody::local_denial(denial.code(), mcp);
                self.reporter.record(body);
            }
            By::Shim => {}
            By::ShimOverGrant => self.not_called(denial.decision.clone(), Status::Withheld),
        }
    }

    /// Records the end of a granted call that was not forwarded.
    pub(super) fn not_called(&self, decision: DecisionRef, status: Status) {
        let outcome = Outcome::unanswered(decision, status, 0);
        self.reporter.record(EventBody::Outcome(outcome));
    }

    /// Records the end of a forwarded call whose answer the client did not get.
    pub(super) fn ended(&self, call: &CallFlight, flight_us: u64, status: Status) {
        let outcome = Outcome::unanswered(call.decision.clone(), status, flight_us);
        self.reporter.record(EventBody::Outcome(outcome));
    }
}

impl Session {
    /// A session that nothing has passed yet. `tools` may be those that others know already.
    #[must_use]
    pub fn new(core: &Arc<Core>, tools: Arc<Mutex<Known>>) -> Self {
        Self {
            core: Arc::clone(core),
            id: Uuid::now_v7().to_string(),
            own_ids: AtomicU64::new(1),
            flights: Mutex::new(Flights::counted_in(Arc::clone(&core.in_flight))),
            tools,
            shown: Mutex::default(),
            protocol: Mutex::default(),
            announced: AtomicBool::new(false),
            initialized: AtomicBool::new(false),
        }
    }

    /// What was counted so far, of all sessions.
    pub fn counts(&self) -> &Counts {
        &self.core.counts
    }

    pub(super) fn flights(&self) -> MutexGuard<'_, Flights> {
        locked(&self.flights)
    }

    pub(super) fn tools(&self) -> MutexGuard<'_, Known> {
        locked(&self.tools)
    }

    /// What the client was shown.
    pub(super) fn shown(&self) -> MutexGuard<'_, Shown> {
        locked(&self.shown)
    }

    /// Notes the revision that `initialize` agreed on.
    pub(super) fn agree_on(&self, protocol: &str) {
        protocol.clone_into(&mut locked(&self.protocol));
    }

    /// Whether that is this revision.
    pub(super) fn has_protocol(&self, protocol: &str) -> bool {
        *locked(&self.protocol) == protocol
    }

    /// Notes whether the handshake said that changes of the tools are announced.
    pub(super) fn announce(&self, announced: bool) {
        self.announced.store(announced, Ordering::Relaxed);
    }

    /// Notes that the client is ready.
    pub(super) fn initialized(&self) {
        self.initialized.store(true, Ordering::Relaxed);
    }

    /// Whether the client expects to be told of changes.
    pub(super) fn announces(&self) -> bool {
        self.announced.load(Ordering::Relaxed) && self.initialized.load(Ordering::Relaxed)
    }

    /// An id for a request of the shim's own.
    pub(super) fn own_id(&self) -> Id {
        let number = self.own_ids.fetch_add(1, Ordering::Relaxed);
        Id::Text(format!("toolgate-{}-{number}", self.id))
    }

    /// The question about a request, in phase `call`.
    pub(super) fn question(
        &self,
        id: &Id,
        method: &str,
        params: Option<&[u8]>,
        meta: &Meta,
        speaker: Option<&Token>,
    ) -> Question {
        let protocol = meta.modern.clone();
        Question {
            mcp: Mcp {
                server: self.core.config.server.clone(),
                method: method.to_owned(),
                name: meta.name.clone(),
                protocol: protocol.unwrap_or_else(|| locked(&self.protocol).clone()),
            },
            params_json: params.unwrap_or_default().to_vec(),
            client_session: self.id.clone(),
            correlation_id: correlation_id(&self.id, id),
            traceparent: meta.traceparent.clone(),
            context: self.core.config.context.clone(),
            speaker: speaker.cloned(),
            ..Question::default()
        }
    }
}

/// A session's id and the request's.
fn correlation_id(session: &str, id: &Id) -> String {
    match id {
        Id::Integer(number) => format!("{session}:{number}"),
        Id::Text(text) => format!("{session}:{}", recorded_text(text)),
    }
}

/// Microseconds since a request was forwarded.
pub(super) fn flight_us(flight: &Flight) -> u64 {
    u64::try_from(flight.since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
