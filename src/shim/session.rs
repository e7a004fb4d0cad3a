//! One client and one server, and what the two directions between them share.

use crate::model::call::Mcp;
use crate::model::reason::Code;
use crate::shim::Clock;
use crate::shim::denial::{By, Denial};
use crate::shim::event::{DecisionRef, EventBody, Outcome, Status, recorded_text};
use crate::shim::flight::{CallFlight, Flight, Flights};
use crate::shim::frame;
use crate::shim::gate::Gate;
use crate::shim::message::Id;
use crate::shim::meta::Meta;
use crate::shim::pdp::{Pdp, Question};
use crate::shim::report::Reporter;
use crate::shim::tools::Known;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

/// Most messages of the shim's own that wait for the server to read.
pub const OWN_MESSAGES_MAX: usize = 64;

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

/// The shared part of a session.
pub struct Session {
    pub(super) config: SessionConfig,
    pub(super) gate: Gate,
    pub(super) reporter: Reporter,
    pub(super) to_client: Outlet,
    pub(super) to_server: Outlet,
    /// Messages of the shim's own to the server, from where nobody may wait for the server.
    pub(super) own: mpsc::Sender<Vec<u8>>,
    pub(super) counts: Counts,
    id: String,
    own_ids: AtomicU64,
    flights: Mutex<Flights>,
    tools: Mutex<Known>,
    protocol: Mutex<String>,
    stop: watch::Sender<bool>,
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

impl Session {
    /// A session over two writers, and the messages of its own that the server is to be sent.
    pub fn new(
        config: SessionConfig,
        pdp: Arc<dyn Pdp>,
        reporter: Reporter,
        clock: Clock,
        to_client: impl AsyncWrite + Send + Unpin + 'static,
        to_server: impl AsyncWrite + Send + Unpin + 'static,
    ) -> (Arc<Self>, mpsc::Receiver<Vec<u8>>) {
        let (own, own_messages) = mpsc::channel(OWN_MESSAGES_MAX);
        let gate = Gate::new(pdp, clock, config.pdp_deadline);
        let session = Self {
            config,
            gate,
            reporter,
            to_client: Outlet::new(to_client),
            to_server: Outlet::new(to_server),
            own,
            counts: Counts::default(),
            id: Uuid::now_v7().to_string(),
            own_ids: AtomicU64::new(1),
            flights: Mutex::default(),
            tools: Mutex::default(),
            protocol: Mutex::default(),
            stop: watch::Sender::new(false),
            announced: AtomicBool::new(false),
            initialized: AtomicBool::new(false),
        };
        (Arc::new(session), own_messages)
    }

    /// What was counted so far.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(super) fn flights(&self) -> MutexGuard<'_, Flights> {
        locked(&self.flights)
    }

    pub(super) fn tools(&self) -> MutexGuard<'_, Known> {
        locked(&self.tools)
    }

    /// Nothing more is taken from the client.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until the session is being stopped.
    pub(super) async fn stopping(&self) {
        // The sender lives as long as the session: this waits for nothing else.
        let mut stop = self.stop.subscribe();
        let _stopped = stop.wait_for(|stop| *stop).await;
    }

    /// Notes the revision that `initialize` agreed on.
    pub(super) fn agree_on(&self, protocol: &str) {
        protocol.clone_into(&mut locked(&self.protocol));
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
    ) -> Question {
        let protocol = meta.modern.clone();
        Question {
            mcp: Mcp {
                server: self.config.server.clone(),
                method: method.to_owned(),
                name: meta.name.clone(),
                protocol: protocol.unwrap_or_else(|| locked(&self.protocol).clone()),
            },
            params_json: params.unwrap_or_default().to_vec(),
            client_session: self.id.clone(),
            correlation_id: correlation_id(&self.id, id),
            traceparent: meta.traceparent.clone(),
            context: self.config.context.clone(),
            ..Question::default()
        }
    }

    /// Whether the end of one more call could be recorded, however often it is asked about, and in a
    /// log that is not refused. If not, none is forwarded.
    pub(super) fn room_to_record(&self) -> Result<(), Box<Denial>> {
        if self.reporter.refuses_now() {
            return Err(Denial::local(Code::AuditLogRefused.reason()));
        }
        let wanted = self.flights().len().saturating_add(EVENTS_A_CALL_MAX);
        match self.reporter.has_room(wanted) {
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

    /// Writes to the client.
    pub(super) async fn tell_client(&self, message: Vec<u8>) -> io::Result<()> {
        self.to_client.write(message).await
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

/// A writer that several tasks share; each message goes out whole.
pub(super) struct Outlet(tokio::sync::Mutex<Option<Box<dyn AsyncWrite + Send + Unpin>>>);

impl Outlet {
    fn new(writer: impl AsyncWrite + Send + Unpin + 'static) -> Self {
        Self(tokio::sync::Mutex::new(Some(Box::new(writer))))
    }

    /// Writes a message.
    pub(super) async fn write(&self, message: Vec<u8>) -> io::Result<()> {
        self.write_if(message, || true).await.map(|_| ())
    }

    /// Writes a message if a condition holds when it is its turn; whether it did.
    pub(super) async fn write_if(
        &self,
        message: Vec<u8>,
        condition: impl FnOnce() -> bool,
    ) -> io::Result<bool> {
        let mut writer = self.0.lock().await;
        let Some(writer) = writer.as_mut() else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        if !condition() {
            return Ok(false);
        }
        frame::write(writer, message).await?;
        Ok(true)
    }

    /// Closes the writer: the other side reads its end.
    pub(super) async fn close(&self) {
        if let Some(mut writer) = self.0.lock().await.take()
            && let Err(error) = writer.shutdown().await
        {
            tracing::debug!(%error, "closing a pipe");
        }
    }
}
