//! Large questions are decided beside the others: what takes tens of milliseconds of a core may not
//! keep the threads on which everybody's questions are answered.

use super::decider::Decider;
use super::peer::Remote;
use crate::engine::PolicySet;
use crate::wire::v1;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// A question with more JSON than this is large, in bytes.
pub const LARGE_QUESTION_BYTES: usize = 64 << 10;

/// Turns of large questions: half as many at once as there are threads for the others.
#[derive(Clone, Debug)]
pub struct LargeTurns(Arc<Semaphore>);

impl LargeTurns {
    /// How many there are beside so many threads.
    #[must_use]
    pub fn beside(threads: NonZeroUsize) -> usize {
        (threads.get() / 2).max(1)
    }

    /// So many turns at once.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self(Arc::new(Semaphore::new(at_once)))
    }
}

impl Decider {
    /// As `decide_under`, on a thread of its own and in its turn where the question is large.
    pub(super) async fn decide_in_turn(
        self: &Arc<Self>,
        set: Option<&Arc<PolicySet>>,
        peer: &Remote,
        question: v1::DecideRequest,
    ) -> v1::DecideResponse {
        if json_bytes(&question) <= LARGE_QUESTION_BYTES {
            return self
                .decide_under(set.map(AsRef::as_ref), peer, question)
                .await;
        }
        // Boxed, so that a small question stays small.
        Box::pin(self.decide_large(set, peer, question)).await
    }

    async fn decide_large(
        self: &Arc<Self>,
        set: Option<&Arc<PolicySet>>,
        peer: &Remote,
        question: v1::DecideRequest,
    ) -> v1::DecideResponse {
        // An error says that the turns are closed, which nobody does.
        let turn = Arc::clone(&self.large.0).acquire_owned().await;
        let (decider, set, peer) = (Arc::clone(self), set.map(Arc::clone), peer.clone());
        let runtime = Handle::current();
        let deciding = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            runtime.block_on(decider.decide_under(set.as_deref(), &peer, question))
        });
        joined(deciding).await
    }
}

/// What a task gives that nobody aborts; its panic is passed on.
pub(super) async fn joined<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(given) => given,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and this with it.
            Err(_cancelled) => std::future::pending().await,
        },
    }
}

fn json_bytes(question: &v1::DecideRequest) -> usize {
    let definition = question.tool.as_ref();
    question.params_json.len()
        + question.result_json.len()
        + definition.map_or(0, |tool| tool.definition_json.len())
}
