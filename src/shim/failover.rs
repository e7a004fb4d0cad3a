//! Several PDPs as one: the one in use answers until it fails, then the next one is used. Decisions
//! and events go to the same one, because it knows the calls that it decided.

use crate::shim::pdp::{Acknowledged, Answer, BoxFuture, Consistency, Numbering};
use crate::shim::pdp::{Pdp, PdpError, Question, Revisions};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most PDPs of one shim.
pub const REPLICAS_MAX: usize = 8;

/// Several PDPs, in the order in which they are tried.
pub struct Failover {
    first: Arc<dyn Pdp>,
    others: Vec<Arc<dyn Pdp>>,
    /// Counts up; which one is used follows from it.
    turn: AtomicUsize,
}

impl Failover {
    /// The first one, and those that are used when it fails.
    #[must_use]
    pub fn new(first: Arc<dyn Pdp>, others: Vec<Arc<dyn Pdp>>) -> Self {
        Self {
            first,
            others,
            turn: AtomicUsize::new(0),
        }
    }

    const fn replicas(&self) -> usize {
        self.others.len() + 1
    }

    fn replica(&self, turn: usize) -> &dyn Pdp {
        let at = turn % self.replicas();
        let other = at.checked_sub(1).and_then(|at| self.others.get(at));
        other.unwrap_or(&self.first).as_ref()
    }

    /// Asks the one in use; where it fails, the others in turn. Whoever fails, or is not waited
    /// for to the end, is not used for the next question.
    async fn ask<'a, T>(
        &'a self,
        asked: impl Fn(&'a dyn Pdp) -> BoxFuture<'a, Result<T, PdpError>>,
    ) -> Result<T, PdpError> {
        let mut failed = PdpError::Invalid("there is none");
        for _ in 0..self.replicas() {
            let turn = Turn::new(&self.turn);
            match asked(self.replica(turn.number)).await {
                Ok(answer) => {
                    turn.went_well();
                    return Ok(answer);
                }
                Err(error) => {
                    drop(turn);
                    tracing::debug!(%error, "the next of the decision points is asked");
                    failed = error;
                }
            }
        }
        Err(failed)
    }

    async fn hand_over(&self, numbering: Numbering<'_>) -> Result<Acknowledged, PdpError> {
        let turn = Turn::new(&self.turn);
        let number = turn.number;
        let acknowledged = self.replica(number).report(numbering).await?;
        turn.went_well();
        Ok(Acknowledged {
            replica: number % self.replicas(),
            ..acknowledged
        })
    }
}

/// The use of one replica; unless it went well, the next one's turn comes when it is dropped.
struct Turn<'a> {
    of: Option<&'a AtomicUsize>,
    number: usize,
}

impl<'a> Turn<'a> {
    fn new(of: &'a AtomicUsize) -> Self {
        Self {
            of: Some(of),
            number: of.load(Ordering::Relaxed),
        }
    }

    fn went_well(mut self) {
        self.of = None;
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let Some(of) = self.of else { return };
        let (this, next) = (self.number, self.number.wrapping_add(1));
        let order = Ordering::Relaxed;
        // Where it is another's turn already, somebody else found the same.
        let _turned = of.compare_exchange(this, next, order, order);
    }
}

impl Pdp for Failover {
    fn decide(&self, question: Question) -> BoxFuture<'_, Result<Answer, PdpError>> {
        Box::pin(self.ask(move |pdp| pdp.decide(question.clone())))
    }

    fn decide_batch(
        &self,
        questions: Vec<Question>,
    ) -> BoxFuture<'_, Result<Vec<Answer>, PdpError>> {
        Box::pin(self.ask(move |pdp| pdp.decide_batch(questions.clone())))
    }

    /// Hands over to the one in use alone: another numbers the events anew.
    fn report<'a>(
        &'a self,
        numbering: Numbering<'a>,
    ) -> BoxFuture<'a, Result<Acknowledged, PdpError>> {
        Box::pin(self.hand_over(numbering))
    }

    fn consistency(
        &self,
        replica: usize,
        from: u64,
        to: u64,
    ) -> BoxFuture<'_, Result<Consistency, PdpError>> {
        self.replica(replica).consistency(0, from, to)
    }

    fn revision(&self) -> BoxFuture<'_, Result<String, PdpError>> {
        Box::pin(self.ask(|pdp| pdp.revision()))
    }

    fn revisions(&self) -> BoxFuture<'_, Result<Option<Revisions>, PdpError>> {
        Box::pin(self.ask(|pdp| pdp.revisions()))
    }

    fn address(&self) -> &str {
        self.replica(self.turn.load(Ordering::Relaxed)).address()
    }
}

#[cfg(test)]
mod tests;
