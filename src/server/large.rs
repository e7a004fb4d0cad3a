//! Large questions are decided beside the others: what takes tens of milliseconds of a core may not
//! keep the threads on which everybody's questions are answered.

use super::decider::Decider;
use super::peer::Remote;
use super::tenants::Under;
use crate::wire::v1;
use crate::wire::v1::decide_request::Subject;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// A question with more JSON than this is large, in bytes.
pub const LARGE_QUESTION_BYTES: usize = 64 << 10;

/// After a question with more JSON than this, others' questions on the same thread come first, in
/// bytes.
pub(super) const SHORT_QUESTION_BYTES: usize = 4 << 10;

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
    /// Begins what takes long on a thread of its own, once it is its turn.
    pub(super) async fn begin_in_turn<T: Send + 'static>(
        &self,
        under: &Under<'_>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let turns = self.turns(under).await;
        tokio::task::spawn_blocking(move || {
            let _turns = turns;
            work()
        })
    }

    /// First in the tenant's own row: in that of all, no tenant stands more often than there are
    /// turns. An error says that the turns are closed, which nobody does.
    async fn turns(&self, under: &Under<'_>) -> [Result<OwnedSemaphorePermit, AcquireError>; 2] {
        let own_turn = Arc::clone(&under.tenant.large.0).acquire_owned().await;
        [own_turn, Arc::clone(&self.large.0).acquire_owned().await]
    }

    /// As `decide_under`, on a thread of its own and in its turn where the question is large.
    pub(super) async fn decide_in_turn(
        self: &Arc<Self>,
        under: &Under<'_>,
        peer: &Remote,
        question: v1::DecideRequest,
    ) -> v1::DecideResponse {
        if json_bytes(&question) <= LARGE_QUESTION_BYTES {
            return self.decide_under(under, peer, question).await;
        }
        // Boxed, so that a small question stays small.
        Box::pin(self.decide_large(under, peer, question)).await
    }

    async fn decide_large(
        self: &Arc<Self>,
        under: &Under<'_>,
        peer: &Remote,
        question: v1::DecideRequest,
    ) -> v1::DecideResponse {
        let (tenant, set) = (Arc::clone(under.tenant), under.set.clone());
        let (decider, peer) = (Arc::clone(self), peer.clone());
        let runtime = Handle::current();
        let deciding = move || {
            let tenant = &tenant;
            let under = Under { tenant, set };
            runtime.block_on(decider.decide_under(&under, &peer, question))
        };
        joined(self.begin_in_turn(under, deciding).await).await
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

/// How much JSON a question has, in bytes.
pub(super) fn json_bytes(question: &v1::DecideRequest) -> usize {
    let definition = question.tool.as_ref();
    let attributes = match &question.subject {
        Some(Subject::Asserted(subject)) => subject.attributes_json.len(),
        Some(Subject::BearerToken(_)) | None => 0,
    };
    question.params_json.len()
        + question.result_json.len()
        + attributes
        + definition.map_or(0, |tool| tool.definition_json.len())
}

#[cfg(test)]
mod tests;
