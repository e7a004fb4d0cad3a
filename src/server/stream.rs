//! `DecideStream`: many questions on one stream, each answered under its id.

use super::admission::Room;
use super::decider::Decider;
use super::peer::Remote;
use super::status::RpcError;
use crate::wire::v1;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

type Answer = Result<v1::DecideStreamResponse, Status>;

/// Answers a stream of questions until it ends, the caller goes away or `stopped` holds; what was
/// read by then is answered.
pub(super) struct Answering {
    pub(super) decider: Arc<Decider>,
    pub(super) room: Room,
    pub(super) peer: Arc<Remote>,
    /// Has room for as many as may be being decided or wait to be read (`DecisionLimits::stream_window_max`):
    /// no more are read from the stream until there are fewer.
    pub(super) answers: mpsc::Sender<Answer>,
    pub(super) stopped: watch::Receiver<bool>,
}

impl Answering {
    pub(super) async fn run<S>(mut self, mut questions: S)
    where
        S: Stream<Item = Result<v1::DecideStreamRequest, Status>> + Unpin,
    {
        // Those that wait for the log's disk; dropped, and so given up, where the caller is gone.
        let mut waiting = JoinSet::new();
        let mut broken = None;
        loop {
            while waiting.try_join_next().is_some() {}
            let read = tokio::select! {
                read = questions.next() => read,
                () = self.answers.closed() => return,
                // The sender is dropped only at the end of the run: that is a stop too.
                _stopped = self.stopped.wait_for(|stopped| *stopped) => break,
            };
            let asked = match read {
                None => break,
                // The caller broke off and there is nobody to tell, or the stream met a limit.
                Some(Err(_)) if self.answers.is_closed() => return,
                Some(Err(status)) => {
                    broken = Some(status);
                    break;
                }
                Some(Ok(asked)) => question(asked),
            };
            let going_on = match asked {
                Ok(question) => self.answer(question, &mut waiting).await,
                Err(error) => {
                    // Who has no name for a question cannot tell the answers apart.
                    let _gone = self.answers.send(Err(error.into())).await;
                    break;
                }
            };
            if !going_on {
                return;
            }
        }
        while waiting.join_next().await.is_some() {}
        if let Some(status) = broken {
            let _gone = self.answers.send(Err(status)).await;
        }
    }

    /// Decides at once where nothing is to be waited for, else beside the next questions. False if
    /// the caller is gone.
    async fn answer(&mut self, question: v1::DecideRequest, waiting: &mut JoinSet<()>) -> bool {
        self.room.look(&self.decider, &question);
        let tenant = self.decider.tenant_of(&self.peer, Some(&question));
        // Told once for each question, where only its token tells it.
        let peer = match (&tenant.name, &self.peer.tenant) {
            (Some(_), None) => Arc::new(Remote {
                tenant: Some(Arc::clone(tenant)),
                ..Remote::clone(&self.peer)
            }),
            _ => Arc::clone(&self.peer),
        };
        // First a place for the answer: who does not read its answers keeps no room from others.
        let Ok(place) = self.answers.clone().reserve_owned().await else {
            return false;
        };
        let permit = self.room.wait(tenant).await;
        let decider = Arc::clone(&self.decider);
        let mut deciding = Box::pin(async move {
            let request_id = question.request_id.clone();
            let response = Some(decider.decide_anew(&peer, question).await);
            place.send(Ok(v1::DecideStreamResponse {
                request_id,
                response,
            }));
            drop(permit);
        });
        let polled = std::future::poll_fn(|context| {
            let deciding: Pin<&mut _> = deciding.as_mut();
            Poll::Ready(deciding.poll(context))
        });
        if polled.await.is_pending() {
            waiting.spawn(deciding);
        }
        true
    }
}

fn question(asked: v1::DecideStreamRequest) -> Result<v1::DecideRequest, RpcError> {
    let named = asked
        .request
        .filter(|question| !question.request_id.is_empty());
    named.ok_or_else(|| RpcError::Invalid("`request.request_id` is required".to_owned()))
}
