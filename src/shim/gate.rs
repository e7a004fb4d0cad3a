//! Asks the PDP and checks its word: a grant comes out only where the shim may act on it.

use crate::model::call::Phase;
use crate::model::obligation::FulfilledBy;
use crate::model::reason::Code;
use crate::model::time::Timestamp;
use crate::shim::Clock;
use crate::shim::denial::Denial;
use crate::shim::message::is_one_line;
use crate::shim::pdp::{Answer, BATCH_QUESTIONS_MAX, Pdp, PdpError, Question, Revisions};
use crate::shim::refusal::Refusals;
use crate::wire::digest;
use std::sync::Arc;
use std::time::Duration;

/// How often one message is asked about, when verdicts run out before they are used.
pub const ASKS_MAX: u32 = 3;

/// Most bytes of definitions in one batch; a single larger one goes alone.
pub const BATCH_BYTES_MAX: usize = 2 << 20;

/// The way to the PDP.
pub struct Gate {
    pdp: Arc<dyn Pdp>,
    clock: Clock,
    deadline: Duration,
    refusals: Refusals,
}

/// A checked grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The answer, whose effect grants.
    pub answer: Answer,
    /// What to forward in place of what was asked about; `None`: that itself.
    pub replacement: Option<Vec<u8>>,
}

impl Gate {
    /// A gate in front of a PDP that has so long to answer.
    #[must_use]
    pub fn new(pdp: Arc<dyn Pdp>, clock: Clock, deadline: Duration) -> Self {
        Self {
            pdp,
            clock,
            deadline,
            refusals: Refusals::default(),
        }
    }

    /// Whether a verdict may still be used.
    #[must_use]
    pub fn holds(&self, answer: &Answer) -> bool {
        (self.clock)() <= answer.valid_until
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Which policy set is in force.
    ///
    /// # Errors
    /// The PDP does not say.
    pub async fn revision(&self) -> Result<String, PdpError> {
        self.in_time(self.pdp.revision()).await
    }

    /// The same as a stream; `None` where the PDP has none.
    ///
    /// # Errors
    /// The PDP does not say.
    pub async fn revisions(&self) -> Result<Option<Revisions>, PdpError> {
        self.in_time(self.pdp.revisions()).await
    }

    /// Asks about one message. Whatever is not a usable grant is a denial.
    ///
    /// # Errors
    /// The denial.
    pub async fn judge(&self, question: &Question) -> Result<Grant, Box<Denial>> {
        for _ in 0..ASKS_MAX {
            let asked = self.pdp.decide(question.clone());
            let answer = self
                .in_time(asked)
                .await
                .map_err(|error| self.unreached(&error))?;
            self.refusals.note(&answer);
            if !answer.effect.grants() {
                return Err(Denial::decided(answer));
            }
            if self.holds(&answer) {
                return checked(question, answer);
            }
        }
        Err(expired())
    }

    /// Asks about the entries of a list: as many answers, in order.
    ///
    /// # Errors
    /// A denial of the whole, where nobody decided.
    pub async fn judge_list(&self, questions: Vec<Question>) -> Result<Vec<Answer>, Box<Denial>> {
        let mut answers = Vec::with_capacity(questions.len());
        for batch in batches(&questions) {
            let asked = self.pdp.decide_batch(batch.to_vec());
            let found = self
                .in_time(asked)
                .await
                .map_err(|error| self.unreached(&error))?;
            if found.len() != batch.len() {
                return Err(self.unreached(&PdpError::Invalid("answers of another number")));
            }
            found.iter().for_each(|answer| self.refusals.note(answer));
            answers.extend(found);
        }
        Ok(answers)
    }

    /// The denial when nobody decided.
    fn unreached(&self, error: &PdpError) -> Box<Denial> {
        let pdp = self.pdp.address();
        tracing::warn!(%error, pdp, "denied: nobody decided");
        Denial::local(Code::PdpUnavailable.reason())
    }

    async fn in_time<T>(
        &self,
        asked: impl Future<Output = Result<T, PdpError>>,
    ) -> Result<T, PdpError> {
        let deadline_ms = u64::try_from(self.deadline.as_millis()).unwrap_or(u64::MAX);
        tokio::time::timeout(self.deadline, asked)
            .await
            .unwrap_or(Err(PdpError::Deadline { deadline_ms }))
    }
}

/// The questions in batches that are neither too many nor, with their definitions, too large.
fn batches(questions: &[Question]) -> Vec<&[Question]> {
    let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, question) in questions.iter().enumerate() {
        let more = question.definition_json.as_ref().map_or(0, Vec::len);
        let full = at - start >= BATCH_QUESTIONS_MAX || bytes + more > BATCH_BYTES_MAX;
        if full && at > start {
            batches.extend(questions.get(start..at));
            (start, bytes) = (at, 0);
        }
        bytes += more;
    }
    batches.extend(questions.get(start..).filter(|rest| !rest.is_empty()));
    batches
}

/// The denial when verdicts run out faster than they can be used.
#[must_use]
pub fn expired() -> Box<Denial> {
    tracing::warn!("denied: verdicts expired before they could be used; check both clocks");
    Denial::local(Code::PdpUnavailable.reason())
}

/// Holds the PDP to its word: no obligation left to the shim (it supports none), and the bytes to
/// be forwarded are those that were judged.
fn checked(question: &Question, mut answer: Answer) -> Result<Grant, Box<Denial>> {
    if answer
        .obligations
        .iter()
        .any(|it| it.by == FulfilledBy::Shim)
    {
        let reason = Code::ObligationUnsupported.reason();
        return Err(Denial::over_grant(&answer, reason));
    }
    let (asked, replacement) = match question.phase {
        Phase::Result => (question.result_json.as_deref(), answer.result_json.take()),
        _ => (
            Some(question.params_json.as_slice()),
            answer.params_json.take(),
        ),
    };
    let asked = asked.unwrap_or_default();
    let forwarded = replacement.as_deref().unwrap_or(asked);
    let judged = digest(forwarded) == answer.judged_digest;
    // Where messages are lines, a break in what the PDP writes would begin another message.
    if !judged || (is_one_line(asked) && !is_one_line(forwarded)) {
        tracing::error!(
            decision = answer.decision_id,
            "what was judged is not what was asked"
        );
        return Err(Denial::over_grant(&answer, Code::Internal.reason()));
    }
    Ok(Grant {
        answer,
        replacement,
    })
}

#[cfg(test)]
mod tests;
