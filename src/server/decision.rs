//! `DecisionService`: admits, and hands over to the decider.

use super::admission::Admission;
use super::decider::Decider;
use super::large::joined;
use super::peer::{Remote, peer};
use super::repeats::{Answer, OtherRequest};
use super::revision::{self, BACKLOG_MAX};
use super::status::RpcError;
use super::stream::Answering;
use super::tenants::Under;
use crate::identity::Permission;
use crate::model::reason::Code;
use crate::wire::v1::decision_service_server::DecisionService;
use crate::wire::{ID_BYTES_MAX, v1};
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

/// The gRPC service.
pub struct DecisionServer {
    decider: Arc<Decider>,
    admission: Arc<Admission>,
    stopped: watch::Receiver<bool>,
}

impl DecisionServer {
    /// Serves this decider, as far as there is room. Once `stopped` is true, streams take no more
    /// questions and end.
    #[must_use]
    pub fn new(
        decider: Arc<Decider>,
        admission: Arc<Admission>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self {
            decider,
            admission,
            stopped,
        }
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl DecisionService for DecisionServer {
    type DecideStreamStream = Answers<v1::DecideStreamResponse>;
    type WatchRevisionStream = Answers<v1::WatchRevisionResponse>;

    async fn decide(
        &self,
        request: tonic::Request<v1::DecideRequest>,
    ) -> Result<Response<v1::DecideResponse>, Status> {
        let questions = std::slice::from_ref(request.get_ref());
        let (peer, _permit) = self.admission.decide(&self.decider, &request, questions)?;
        Ok(Response::new(
            self.decider.decide(&peer, request.into_inner()).await,
        ))
    }

    async fn decide_batch(
        &self,
        request: tonic::Request<v1::DecideBatchRequest>,
    ) -> Result<Response<v1::DecideBatchResponse>, Status> {
        let batch_max = self.decider.limits.batch_max;
        let count = request.get_ref().requests.len();
        if count > batch_max {
            let problem = format!("`requests` has {count} items, over the limit of {batch_max}");
            return Err(RpcError::Invalid(problem).into());
        }
        let questions = &request.get_ref().requests;
        let (peer, _permit) = self.admission.decide(&self.decider, &request, questions)?;
        let requests = request.into_inner().requests;
        let responses = self.decider.decide_batch(&peer, requests).await?;
        Ok(Response::new(v1::DecideBatchResponse { responses }))
    }

    async fn decide_stream(
        &self,
        request: tonic::Request<tonic::Streaming<v1::DecideStreamRequest>>,
    ) -> Result<Response<Self::DecideStreamStream>, Status> {
        let peer = peer(&request);
        self.decider.known_caller(&peer.peer)?;
        let (answers, answered) = mpsc::channel(self.decider.limits.stream_window_max);
        let answering = Answering {
            decider: Arc::clone(&self.decider),
            room: self.admission.room_of(&request),
            peer: Arc::new(peer),
            answers,
            stopped: self.stopped.clone(),
        };
        tokio::spawn(answering.run(request.into_inner()));
        Ok(Response::new(Box::pin(ReceiverStream::new(answered))))
    }

    async fn watch_revision(
        &self,
        request: tonic::Request<v1::WatchRevisionRequest>,
    ) -> Result<Response<Self::WatchRevisionStream>, Status> {
        let peer = peer(&request);
        let may = Permission::Decide;
        let (_, tenant) = self.decider.permits_for(&request, &peer, may)?;
        let (tell, told) = mpsc::channel(BACKLOG_MAX);
        tokio::spawn(revision::tell(tenant, tell, self.stopped.clone()));
        Ok(Response::new(Box::pin(ReceiverStream::new(told))))
    }
}

impl Decider {
    /// Decides one question of this peer.
    pub async fn decide(
        self: &Arc<Self>,
        peer: &Remote,
        question: v1::DecideRequest,
    ) -> v1::DecideResponse {
        let under = Under::now(self.tenant_of(peer, Some(&question)));
        self.decide_once(&under, peer, question).await
    }

    /// Decides a question whose id names nothing but its answer.
    pub(super) async fn decide_anew(
        self: &Arc<Self>,
        peer: &Remote,
        question: v1::DecideRequest,
    ) -> v1::DecideResponse {
        let under = Under::now(self.tenant_of(peer, Some(&question)));
        self.decide_in_turn(&under, peer, question).await
    }

    /// Decides a question that may have come before: it gets the same answer then.
    pub(super) async fn decide_once(
        self: &Arc<Self>,
        under: &Under<'_>,
        peer: &Remote,
        question: v1::DecideRequest,
    ) -> v1::DecideResponse {
        let caller = match question.request_id.len() {
            1..=ID_BYTES_MAX => self.sender(&peer.peer).ok(),
            // One that is too long is denied when it is read.
            _ => None,
        };
        let Some(caller) = caller else {
            return self.decide_in_turn(under, peer, question).await;
        };
        // Boxed, so that a question without an id stays small.
        Box::pin(self.decide_named(&caller, under, peer, question)).await
    }

    /// Decides a question that this caller has given an id.
    async fn decide_named(
        self: &Arc<Self>,
        caller: &str,
        under: &Under<'_>,
        peer: &Remote,
        question: v1::DecideRequest,
    ) -> v1::DecideResponse {
        let (kept, now) = (self.limits.verdict_valid, (self.clock)());
        match under
            .tenant
            .repeats
            .answer((caller, &peer.peer), &question, kept, now)
        {
            Ok(answer) => self.answer_once(answer, under, peer, question).await,
            Err(OtherRequest) => {
                let message = "`request_id`: it has come before, with another request";
                let reason = Code::MalformedRequest.with_message(message);
                self.deny(under, peer, &question, reason).await
            }
        }
    }

    /// Decides in a task of its own: a client that goes away and comes back finds the answer, and
    /// not half of a decision.
    async fn answer_once(
        self: &Arc<Self>,
        answer: Answer,
        under: &Under<'_>,
        peer: &Remote,
        question: v1::DecideRequest,
    ) -> v1::DecideResponse {
        let (tenant, set) = (Arc::clone(under.tenant), under.set.clone());
        let (decider, peer) = (Arc::clone(self), peer.clone());
        let task = tokio::spawn(async move {
            let tenant = &tenant;
            let under = Under { tenant, set };
            let decided = || decider.decide_in_turn(&under, &peer, question);
            answer.get_or_init(decided).await.clone()
        });
        joined(task).await
    }

    /// Decides many questions of one subject under one policy set, in their order.
    ///
    /// # Errors
    /// Where the questions are not all of one subject, session and context.
    pub async fn decide_batch(
        self: &Arc<Self>,
        peer: &Remote,
        mut questions: Vec<v1::DecideRequest>,
    ) -> Result<Vec<v1::DecideResponse>, RpcError> {
        share_subject(&mut questions)?;
        let under = Under::now(self.tenant_of(peer, questions.first()));
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            answers.push(self.decide_once(&under, peer, question).await);
            // However many there are, and however large: others' questions come in between.
            tokio::task::yield_now().await;
        }
        Ok(answers)
    }
}

/// Gives every question the subject, session and context of the first.
fn share_subject(questions: &mut [v1::DecideRequest]) -> Result<(), RpcError> {
    let Some((first, others)) = questions.split_first_mut() else {
        return Ok(());
    };
    for (other, number) in others.iter_mut().zip(1_usize..) {
        let differs = |field: &str| {
            let problem = format!("`requests[{number}].{field}` differs from the first's");
            RpcError::Invalid(problem)
        };
        share(
            "subject",
            &mut other.subject,
            &first.subject,
            Option::is_none,
        )
        .map_err(differs)?;
        share(
            "context",
            &mut other.context,
            &first.context,
            HashMap::is_empty,
        )
        .map_err(differs)?;
        for (field, own, shared) in [
            (
                "client_session",
                &mut other.client_session,
                &first.client_session,
            ),
            (
                "correlation_id",
                &mut other.correlation_id,
                &first.correlation_id,
            ),
            ("traceparent", &mut other.traceparent, &first.traceparent),
        ] {
            share(field, own, shared, String::is_empty).map_err(differs)?;
        }
    }
    Ok(())
}

fn share<T: Clone + PartialEq>(
    field: &'static str,
    own: &mut T,
    shared: &T,
    is_absent: impl Fn(&T) -> bool,
) -> Result<(), &'static str> {
    if is_absent(own) {
        own.clone_from(shared);
    }
    if own == shared { Ok(()) } else { Err(field) }
}
