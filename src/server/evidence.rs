//! What the services write to the log, and what happens when it cannot be written.

use super::status::RpcError;
use crate::audit::content::ContentStore;
use crate::audit::hash::{Hashed, Hasher};
use crate::audit::log::{AppendError, Log, Pending};
use crate::audit::record::{DecisionRecord, Record};
use crate::audit::stream::Tracker;
use crate::model::json::Json;
use crate::model::time::Timestamp;
use crate::tlog::VerifierKey;
use crate::wire::v1;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whether a reply waits for its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WriteMode {
    /// Only where a policy asks for it. What a crash can lose is bounded by one batch.
    #[default]
    Async,
    /// Always.
    Durable,
}

/// What a decision becomes whose record cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// A denial, `audit_unavailable`.
    #[default]
    Deny,
    /// What it was; an error is logged and counted.
    AllowAndAlert,
}

/// A record that the log has taken.
pub(super) enum Recorded {
    /// Nobody has to wait for it.
    Posted(v1::AuditPosition),
    /// It is to be durable first.
    Awaited(Pending),
}

/// The audit log as the services use it.
pub struct Evidence {
    log: Log,
    hasher: Hasher,
    mode: WriteMode,
    on_failure: OnFailure,
    tracker: Mutex<Tracker>,
    /// Who may let others read content.
    approvers: Vec<VerifierKey>,
}

impl Evidence {
    /// Writes to this log, hashing under these keys, knowing these streams of events already.
    #[must_use]
    pub fn new(
        log: Log,
        hasher: Hasher,
        tracker: Tracker,
        mode: WriteMode,
        on_failure: OnFailure,
    ) -> Self {
        Self {
            log,
            hasher,
            mode,
            on_failure,
            tracker: Mutex::new(tracker),
            approvers: Vec::new(),
        }
    }

    /// With these approvers of who reads content.
    #[must_use]
    pub fn with_approvers(self, approvers: Vec<VerifierKey>) -> Self {
        Self { approvers, ..self }
    }

    /// Who may let others read content.
    pub(super) fn approvers(&self) -> &[VerifierKey] {
        &self.approvers
    }

    /// The content store, if there is one.
    #[must_use]
    pub fn store(&self) -> Option<&Arc<ContentStore>> {
        self.hasher.store()
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The latest signed checkpoint, as text; empty where there is none.
    #[must_use]
    pub fn checkpoint(&self) -> String {
        let sealed = self.log.checkpoint();
        sealed.map_or_else(String::new, |sealed| sealed.note.to_string())
    }

    /// What a decision becomes whose record cannot be written.
    #[must_use]
    pub fn on_failure(&self) -> OnFailure {
        self.on_failure
    }

    /// Hashes content under the tenant's key.
    pub(super) fn hash(&self, tenant: &str, time: Timestamp, content: &Json) -> Hashed {
        self.hasher.hash(tenant, time, content)
    }

    /// As `hash`, and keeps the content where there is a store for it.
    pub(super) fn hash_and_keep(&self, tenant: &str, time: Timestamp, content: &Json) -> Hashed {
        self.hasher.hash_and_keep(tenant, time, content)
    }

    /// Records a decision, which has to be waited for if the mode or the decision says so.
    ///
    /// # Errors
    /// Where the log does not take it.
    pub(super) fn decision(
        &self,
        record: DecisionRecord,
        time: Timestamp,
        durable: bool,
    ) -> Result<Recorded, AppendError> {
        let record = Record::Decision(Box::new(record));
        if !durable && self.mode == WriteMode::Async {
            self.log.post(time, &record)?;
            return Ok(Recorded::Posted(self.position(None)));
        }
        self.log.append(time, &record).map(Recorded::Awaited)
    }

    /// A place in this log; `None`: it is not known yet.
    pub(super) fn position(&self, index: Option<u64>) -> v1::AuditPosition {
        let origin = self.log.origin().to_owned();
        v1::AuditPosition { origin, index }
    }

    pub(super) fn tracker(&self) -> MutexGuard<'_, Tracker> {
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<AppendError> for RpcError {
    fn from(error: AppendError) -> Self {
        Self::AuditUnavailable(error.to_string())
    }
}
