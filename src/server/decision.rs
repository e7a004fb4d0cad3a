//! `DecisionService`: admits, and hands over to the decider.

use super::decider::Decider;
use super::peer::{Connection, peer};
use super::revision::{self, BACKLOG_MAX};
use super::status::RpcError;
use super::stream::{Answering, STREAM_WINDOW_MAX};
use crate::wire::v1;
use crate::wire::v1::decision_service_server::DecisionService;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc, watch};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

/// The gRPC service.
pub struct DecisionServer {
    decider: Arc<Decider>,
    in_flight: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
}

impl DecisionServer {
    /// Serves this decider. Once `stopped` is true, streams take no more questions and end.
    #[must_use]
    pub fn new(decider: Arc<Decider>, stopped: watch::Receiver<bool>) -> Self {
        let in_flight = Arc::new(Semaphore::new(decider.limits.in_flight_max));
        Self {
            decider,
            in_flight,
            stopped,
        }
    }

    fn admit(&self, count: usize) -> Result<SemaphorePermit<'_>, RpcError> {
        let limit = self.decider.limits.in_flight_max;
        let overloaded = RpcError::Overloaded {
            what: "decisions",
            limit,
        };
        // A batch larger than the limit waits for all of it, or it could never be admitted.
        let count = u32::try_from(count.min(limit)).map_err(|_| overloaded.clone())?;
        self.in_flight
            .try_acquire_many(count)
            .map_err(|_| overloaded)
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
        let _permit = self.admit(1)?;
        let peer = peer(&request);
        Ok(Response::new(
            self.decider.decide(&peer, request.into_inner()).await,
        ))
    }

    async fn decide_batch(
        &self,
        request: tonic::Request<v1::DecideBatchRequest>,
    ) -> Result<Response<v1::DecideBatchResponse>, Status> {
        let peer = peer(&request);
        let requests = request.into_inner().requests;
        let batch_max = self.decider.limits.batch_max;
        if requests.len() > batch_max {
            let count = requests.len();
            let problem = format!("`requests` has {count} items, over the limit of {batch_max}");
            return Err(RpcError::Invalid(problem).into());
        }
        let _permit = self.admit(requests.len())?;
        let responses = self.decider.decide_batch(&peer, requests).await?;
        Ok(Response::new(v1::DecideBatchResponse { responses }))
    }

    async fn decide_stream(
        &self,
        request: tonic::Request<tonic::Streaming<v1::DecideStreamRequest>>,
    ) -> Result<Response<Self::DecideStreamStream>, Status> {
        let peer = peer(&request);
        self.decider.known_caller(&peer)?;
        let (answers, answered) = mpsc::channel(STREAM_WINDOW_MAX);
        let answering = Answering {
            decider: Arc::clone(&self.decider),
            in_flight: Arc::clone(&self.in_flight),
            peer,
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
        self.decider.known_caller(&peer(&request))?;
        let (tell, told) = mpsc::channel(BACKLOG_MAX);
        let decider = Arc::clone(&self.decider);
        tokio::spawn(revision::tell(decider, tell, self.stopped.clone()));
        Ok(Response::new(Box::pin(ReceiverStream::new(told))))
    }
}

impl Decider {
    /// Decides many questions of one subject under one policy set, in their order.
    ///
    /// # Errors
    /// Where the questions are not all of one subject, session and context.
    pub async fn decide_batch(
        &self,
        peer: &Connection,
        mut questions: Vec<v1::DecideRequest>,
    ) -> Result<Vec<v1::DecideResponse>, RpcError> {
        share_subject(&mut questions)?;
        let set = self.policies.current();
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            answers.push(self.decide_under(set.as_deref(), peer, question).await);
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
