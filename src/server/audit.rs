//! `AuditService`: takes the events of enforcement points. What is acknowledged is durable.

use super::decider::Decider;
use super::metrics::Doubt;
use super::peer::peer;
use super::proofs;
use super::status::RpcError;
use super::tenants::Tenant;
use super::{reading, reported};
use crate::audit::log::Pending;
use crate::audit::record::Record;
use crate::audit::stream::{Accepted, Event, EventKind, EventRefused};
use crate::identity::Permission;
use crate::model::time::Timestamp;
use crate::wire::v1::audit_service_server::AuditService;
use crate::wire::v1::publish_request::Event as WireEvent;
use crate::wire::{ORIGIN_METADATA, v1};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};
use uuid::Uuid;

/// Acknowledgements that may wait for a slow client; more events are not read before.
const ACKNOWLEDGEMENTS_MAX: usize = 64;
/// Longest text of an event, in bytes.
const EVENT_TEXT_BYTES_MAX: usize = 512;

/// The gRPC service.
pub struct AuditServer {
    pub(super) decider: Arc<Decider>,
    stopped: watch::Receiver<bool>,
}

impl AuditServer {
    /// Writes to the log of this decider. Streams of events have no end of their own: once
    /// `stopped` is true, no more events are read, and what was read is acknowledged.
    #[must_use]
    pub fn new(decider: Arc<Decider>, stopped: watch::Receiver<bool>) -> Self {
        Self { decider, stopped }
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl AuditService for AuditServer {
    type PublishStream = Answers<v1::PublishResponse>;
    type TailStream = Answers<v1::TailResponse>;

    async fn publish(
        &self,
        request: Request<Streaming<v1::PublishRequest>>,
    ) -> Result<Response<Self::PublishStream>, Status> {
        let peer = peer(&request);
        let may = Permission::Publish;
        let (_, tenant) = self.decider.permits_for(&request, &peer, may)?;
        let caller = self.decider.sender(&peer.peer)?;
        let events = request.into_inner();
        let (answers, receiver) = mpsc::channel(ACKNOWLEDGEMENTS_MAX);
        let publisher = Publisher::new(Arc::clone(&self.decider), tenant, caller);
        let origin = publisher.origin().parse();
        let stopped = self.stopped.clone();
        tokio::spawn(async move {
            if let Err(error) = publisher.run(events, &answers, stopped).await {
                // Nobody is left to tell if the client went away.
                let _gone = answers.send(Err(error.into())).await;
            }
        });
        let answers: Self::PublishStream = Box::pin(ReceiverStream::new(receiver));
        let mut response = Response::new(answers);
        // An origin is printable ASCII (`config`), so it is there; a shim waits for it.
        if let Ok(origin) = origin {
            response.metadata_mut().insert(ORIGIN_METADATA, origin);
        }
        Ok(response)
    }

    async fn query(
        &self,
        request: Request<v1::QueryRequest>,
    ) -> Result<Response<v1::QueryResponse>, Status> {
        let found = reading::query(&self.decider, request).await?;
        Ok(Response::new(found))
    }

    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        Ok(Response::new(
            proofs::checkpoint(&self.decider, request).await?,
        ))
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<v1::GetInclusionProofRequest>,
    ) -> Result<Response<v1::GetInclusionProofResponse>, Status> {
        Ok(Response::new(
            proofs::inclusion(&self.decider, request).await?,
        ))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Result<Response<v1::GetConsistencyProofResponse>, Status> {
        Ok(Response::new(
            proofs::consistency(&self.decider, request).await?,
        ))
    }

    async fn get_content(
        &self,
        request: Request<v1::GetContentRequest>,
    ) -> Result<Response<v1::GetContentResponse>, Status> {
        Ok(Response::new(self.content(request).await?))
    }

    async fn tail(
        &self,
        request: Request<v1::TailRequest>,
    ) -> Result<Response<Self::TailStream>, Status> {
        let records = reading::tail(&self.decider, request, self.stopped.clone()).await?;
        Ok(Response::new(Box::pin(records)))
    }
}

/// One stream of events.
pub struct Publisher {
    decider: Arc<Decider>,
    tenant: Arc<Tenant>,
    caller: String,
    /// The (shim, epoch) of the stream's first event; every other must be of the same.
    stream: Option<(String, u64)>,
}

impl Publisher {
    /// Events that this caller sends, into the log of this tenant.
    #[must_use]
    pub fn new(decider: Arc<Decider>, tenant: Arc<Tenant>, caller: String) -> Self {
        Self {
            decider,
            tenant,
            caller,
            stream: None,
        }
    }

    /// The log that the events go to.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.tenant.evidence.log().origin()
    }

    /// Appends these events and waits until all are durable; what to acknowledge then. `None` of
    /// no events.
    ///
    /// # Errors
    /// An event that makes no sense, or a log that cannot be written.
    pub async fn publish(
        &mut self,
        events: Vec<v1::PublishRequest>,
    ) -> Result<Option<v1::PublishResponse>, RpcError> {
        let (mut appended, mut refused) = (Vec::new(), Ok(()));
        for event in events {
            match self.append(event) {
                Ok(appending) => appended.push(appending),
                Err(error) => {
                    refused = Err(error);
                    break;
                }
            }
        }
        let mut last = None;
        for appending in appended {
            last = Some(appending.durable(&self.tenant).await?);
        }
        refused.map(|()| last)
    }

    /// Appends events as they come and acknowledges each once it is durable; events that come
    /// while one is being made durable share its sync. What was appended is waited for also where
    /// the shim has gone away: it sends the same again, and is then told that it is durable.
    async fn run(
        mut self,
        mut events: Streaming<v1::PublishRequest>,
        answers: &mpsc::Sender<Result<v1::PublishResponse, Status>>,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<(), RpcError> {
        let (appended, mut pending) = mpsc::channel::<Appending>(ACKNOWLEDGEMENTS_MAX);
        let tenant = Arc::clone(&self.tenant);
        let acknowledge = async move {
            while let Some(appending) = pending.recv().await {
                let answer = appending.durable(&tenant).await?;
                let _gone = answers.send(Ok(answer)).await;
            }
            Ok::<(), RpcError>(())
        };
        let read = async move {
            loop {
                let event = tokio::select! {
                    event = events.next() => event,
                    // The sender is dropped only at the end of the run: that is a stop too.
                    _stopped = stopped.wait_for(|stopped| *stopped) => return Ok(None),
                };
                // A broken stream is the shim's to mend: it sends again what was not acknowledged.
                let event = match event {
                    Some(Ok(event)) => event,
                    Some(Err(broken)) => return Ok(Some(broken)),
                    None => return Ok(None),
                };
                let appending = self.append(event)?;
                if appended.send(appending).await.is_err() {
                    return Ok::<_, RpcError>(None);
                }
            }
        };
        tokio::pin!(read, acknowledge);
        let read = tokio::select! {
            read = &mut read => read,
            failed = &mut acknowledge => return failed,
        };
        acknowledge.await?;
        if let Some(status) = read? {
            // It met a limit; nobody is left to tell if the client went away.
            let _gone = answers.send(Err(status)).await;
        }
        Ok(())
    }

    fn append(&mut self, event: v1::PublishRequest) -> Result<Appending, RpcError> {
        let now = (self.decider.clock)();
        let event = self.event(event, now)?;
        let key = (event.shim_id.clone(), event.epoch);
        if self.stream.get_or_insert_with(|| key.clone()) != &key {
            let problem = "`shim_id` and `epoch` differ from those of the stream's first event";
            return Err(RpcError::Invalid(problem.to_owned()));
        }
        let evidence = &self.tenant.evidence;
        let mut tracker = evidence.tracker();
        let accepted = tracker
            .judge(&event)
            .map_err(|refused| RpcError::Invalid(refused.to_string()))?;
        let mut appending = Appending {
            shim_id: event.shim_id.clone(),
            epoch: event.epoch,
            seq: event.seq,
            pending: None,
        };
        let (gap, reused) = match accepted {
            Accepted::Duplicate => {
                self.tenant.metrics.shim_event(false);
                return Ok(appending);
            }
            Accepted::New { gap } => (gap, false),
            Accepted::Reused => (None, true),
        };
        if let Some(gap) = gap {
            evidence.log().post(now, &Record::Gap(gap.clone()))?;
            tracker.note_gap(&gap);
            self.tenant.metrics.doubted(Doubt::Gap);
        }
        let record = event.clone().into_record(reused);
        appending.pending = Some(evidence.log().append_event(now, &record)?);
        tracker.note(&event);
        drop(tracker);
        self.count(&event, reused);
        Ok(appending)
    }

    /// Counts what a shim says, and what of it does not agree with what is known.
    fn count(&self, event: &Event, seq_reused: bool) {
        let metrics = &self.tenant.metrics;
        metrics.shim_event(true);
        let doubted = |doubt| self.tenant.metrics.doubted(doubt);
        if seq_reused {
            doubted(Doubt::SeqReused);
        }
        match &event.kind {
            EventKind::Outcome(outcome) if !outcome.decision_known => {
                doubted(Doubt::DecisionUnknown);
            }
            EventKind::Heartbeat { spooled } => metrics.spooled(&event.shim_id, *spooled),
            _ => {}
        }
    }

    fn event(&self, event: v1::PublishRequest, now: Timestamp) -> Result<Event, RpcError> {
        let required = |field: &str| RpcError::Invalid(format!("`{field}` is required"));
        let id = Uuid::parse_str(&event.event_id)
            .map_err(|_| RpcError::Invalid("`event_id` is not a UUID".to_owned()))?;
        let kind = match event.event.ok_or_else(|| required("event"))? {
            WireEvent::ShimConnected(connected) => EventKind::ShimConnected {
                caller: self.caller.clone(),
                tool_server: bounded("server", connected.server)?,
                version: bounded("version", connected.version)?,
            },
            WireEvent::Outcome(outcome) => {
                let outcome = reported::outcome(&self.tenant, &self.caller, outcome, now)?;
                EventKind::Outcome(Box::new(outcome))
            }
            WireEvent::LocalDenial(denial) => {
                let denial = reported::local_denial(&self.tenant, &self.caller, denial)?;
                EventKind::Decision(Box::new(denial))
            }
            WireEvent::Heartbeat(heartbeat) => EventKind::Heartbeat {
                spooled: heartbeat.spooled,
            },
        };
        let shim_id = bounded("shim_id", event.shim_id)?;
        if shim_id.is_empty() {
            return Err(RpcError::Invalid(EventRefused::ShimId.to_string()));
        }
        Ok(Event {
            // Under its caller's name, so that nobody sends, or acknowledges, in another's.
            shim_id: format!("{}/{shim_id}", self.caller),
            epoch: event.epoch,
            seq: event.seq,
            event_id: id.to_string(),
            time: event.time.and_then(|time| timestamp(&time)),
            kind,
        })
    }
}

/// An event that was appended, or that the log had already.
struct Appending {
    shim_id: String,
    epoch: u64,
    seq: u64,
    pending: Option<Pending>,
}

impl Appending {
    /// Waits until the event is durable; what to acknowledge then.
    async fn durable(self, tenant: &Tenant) -> Result<v1::PublishResponse, RpcError> {
        let evidence = &tenant.evidence;
        let is_new = self.pending.is_some();
        if let Some(pending) = self.pending {
            pending.await?;
        }
        let mut tracker = evidence.tracker();
        if is_new {
            tracker.note_durable(&self.shim_id, self.epoch, self.seq);
        }
        Ok(v1::PublishResponse {
            durable_seq: tracker.acknowledged(&self.shim_id, self.epoch),
            origin: evidence.log().origin().to_owned(),
            checkpoint: evidence.checkpoint(),
        })
    }
}

pub(super) fn bounded(field: &str, text: String) -> Result<String, RpcError> {
    if text.len() > EVENT_TEXT_BYTES_MAX {
        let problem = format!("`{field}` is longer than {EVENT_TEXT_BYTES_MAX} bytes");
        return Err(RpcError::Invalid(problem));
    }
    if text.chars().any(char::is_control) {
        return Err(RpcError::Invalid(format!(
            "`{field}` has a control character"
        )));
    }
    Ok(text)
}

pub(super) fn timestamp(time: &prost_types::Timestamp) -> Option<Timestamp> {
    let nanos = time
        .seconds
        .checked_mul(1_000_000_000)?
        .checked_add(i64::from(time.nanos))?;
    Some(Timestamp::from_nanos(nanos))
}
