//! The port to whatever decides and records: a PDP over gRPC (`remote`) or one in this process.

use crate::model::call::{Mcp, Phase};
use crate::model::json::Object;
use crate::model::obligation::FulfilledBy;
use crate::model::reason::Reason;
use crate::model::subject::Token;
use crate::model::time::Timestamp;
use crate::model::verdict::Effect;
use crate::shim::event::{DecisionRef, Event};
use crate::tlog::Hash;
use std::collections::BTreeMap;
use std::pin::Pin;
use tokio_stream::Stream;

/// Names of the policy sets in force: at first, at each change, and again as a heartbeat.
pub type Revisions = Pin<Box<dyn Stream<Item = Result<String, PdpError>> + Send>>;

/// A future that a trait object can give back.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Gives the events for the log of this name, under their numbers there.
pub type Numbering<'a> = Box<dyn FnOnce(&str) -> Result<Vec<Event>, PdpError> + Send + 'a>;

/// Most questions of one `decide_batch`.
pub const BATCH_QUESTIONS_MAX: usize = 512;

/// Who decides and who records.
pub trait Pdp: Send + Sync {
    /// Decides one question. A denial is an answer; an error means that nobody decided.
    fn decide(&self, question: Question) -> BoxFuture<'_, Result<Answer, PdpError>>;

    /// Decides at most [`BATCH_QUESTIONS_MAX`] questions under one policy set: as many answers, in
    /// the order of the questions.
    fn decide_batch(
        &self,
        questions: Vec<Question>,
    ) -> BoxFuture<'_, Result<Vec<Answer>, PdpError>>;

    /// Hands over the events that are numbered for the log which takes them, in the order of
    /// their numbers, and says what is durable by now.
    fn report<'a>(
        &'a self,
        numbering: Numbering<'a>,
    ) -> BoxFuture<'a, Result<Acknowledged, PdpError>>;

    /// The proof that a log of `to` records continues itself at `from` records; `replica` as the
    /// acknowledgement has it.
    fn consistency(
        &self,
        _replica: usize,
        _from: u64,
        _to: u64,
    ) -> BoxFuture<'_, Result<Consistency, PdpError>> {
        Box::pin(async { Err(PdpError::Invalid("it gives no proofs")) })
    }

    /// Names the policy set in force: another set, another name; empty if none is. An error where
    /// that cannot be told.
    fn revision(&self) -> BoxFuture<'_, Result<String, PdpError>> {
        Box::pin(async { Err(PdpError::Invalid("it does not tell its revision")) })
    }

    /// The same as a stream; `None` where it has none, and `revision` is to be asked.
    fn revisions(&self) -> BoxFuture<'_, Result<Option<Revisions>, PdpError>> {
        Box::pin(async { Ok(None) })
    }

    /// Where it is, for messages.
    fn address(&self) -> &str {
        "this process"
    }
}

/// One message to be judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Question {
    /// Where in its life the message is.
    pub phase: Phase,
    /// Its address.
    pub mcp: Mcp,
    /// The raw `params`, a JSON object; empty if there are none.
    pub params_json: Vec<u8>,
    /// The raw result or error object, in phase `result`.
    pub result_json: Option<Vec<u8>>,
    /// The tool's raw definition as the server listed it, where known.
    pub definition_json: Option<Vec<u8>>,
    /// What the call's decision named it, in the phases after it.
    pub call_id: Option<String>,
    /// The shim's own name for the session.
    pub client_session: String,
    /// Finds the message in the shim's and the client's logs.
    pub correlation_id: String,
    /// W3C trace context of the message, if it carries one.
    pub traceparent: Option<String>,
    /// Configured context, such as `purpose`.
    pub context: BTreeMap<String, String>,
    /// The token of whoever sent the message; `None`: whoever the shim always asks for.
    pub speaker: Option<Token>,
    /// Decide and record as a dry run; never grants.
    pub dry_run: bool,
}

/// The decision on one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Names the decision; the same in the audit log.
    pub decision_id: String,
    /// Names the call in the phases after it; `None` unless a call was granted.
    pub call_id: Option<String>,
    /// What to do.
    pub effect: Effect,
    /// Whether the caller may see the thing.
    pub visible: bool,
    /// Every reason.
    pub reasons: Vec<Reason>,
    /// Everything owed.
    pub obligations: Vec<Owed>,
    /// The replacement of `params`: these bytes are forwarded.
    pub params_json: Option<Vec<u8>>,
    /// The replacement of the result: these bytes are forwarded.
    pub result_json: Option<Vec<u8>>,
    /// `sha256:<hex>` of the only bytes that may be forwarded.
    pub judged_digest: String,
    /// A verdict not used by then must be asked again.
    pub valid_until: Timestamp,
    /// The revision of the policy set that decided; empty if none did.
    pub revision: String,
    /// The log in which the decision stands; empty if it is recorded nowhere.
    pub audit_origin: String,
}

impl Answer {
    /// Which decision this is.
    #[must_use]
    pub fn reference(&self) -> DecisionRef {
        DecisionRef {
            decision_id: self.decision_id.clone(),
            call_id: self.call_id.clone().unwrap_or_default(),
            origin: self.audit_origin.clone(),
        }
    }
}

/// An obligation as an enforcement point sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// The type, such as `mask_fields`.
    pub kind: String,
    /// The properties beside the type.
    pub properties: Object,
    /// Who fulfils it.
    pub by: FulfilledBy,
}

/// What is durable at the other end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acknowledged {
    /// Every event of this shim and epoch up to this number is durable; 0: none.
    pub durable_seq: u64,
    /// Which of several PDPs says so.
    pub replica: usize,
    /// The log that has them.
    pub origin: String,
    /// The log's latest checkpoint; empty where it is not signed.
    pub checkpoint: String,
}

/// Hashes that show of a log that it continues itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consistency {
    /// The log.
    pub origin: String,
    /// As RFC 6962 orders them.
    pub hashes: Vec<Hash>,
}

/// Why nobody decided. Whatever it is, the call is denied with `pdp_unavailable`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PdpError {
    /// No answer in time.
    #[error("the policy decision point did not answer within {deadline_ms} ms")]
    Deadline {
        /// The deadline, in milliseconds.
        deadline_ms: u64,
    },
    /// It does not know this shim, or does not let it do that.
    #[error("refused by the PDP: {0}")]
    Refused(String),
    /// It could not be reached, or could not decide.
    #[error("the policy decision point cannot be reached: {0}")]
    Unavailable(String),
    /// The log that was to take the events is not the one that it was.
    #[error("the log `{origin}` is refused: {why}")]
    LogRefused {
        /// The log.
        origin: String,
        /// What does not go together.
        why: String,
    },
    /// It answered something that means nothing.
    #[error("the policy decision point gave an answer that means nothing: {0}")]
    Invalid(&'static str),
}
