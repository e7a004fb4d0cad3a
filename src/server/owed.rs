//! What granted calls owe to their results, and which decision an outcome belongs to, until they
//! are overdue.

use crate::audit::hash::Hashed;
use crate::audit::log::GrantedCall;
use crate::model::call::Request;
use crate::model::obligation::Obligation;
use crate::model::time::Timestamp;
use crate::model::verdict::{Filtered, Verdict};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most calls whose results are awaited; the oldest is forgotten first, and its result denied.
pub const OWED_CALLS_MAX: usize = 65_536;
/// How long a call's result, and word of how it ended, is awaited.
pub const OWED_CALL_AGE_MAX: Duration = Duration::from_secs(3600);

/// Everything that a result must agree with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedCall {
    /// Whose call it is, and of what.
    pub identity: CallIdentity,
    /// The digest of the `params` that were to be forwarded.
    pub judged_digest: String,
    /// What is owed to the result.
    pub obligations: Vec<Obligation>,
    /// The decision that granted the call.
    pub decision_id: Arc<str>,
    /// The last result of the call that was released.
    pub released: Option<Box<ReleasedResult>>,
}

/// A result that was judged and may be forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasedResult {
    /// The digest of the bytes, as the reply gave it.
    pub digest: String,
    /// The content, hashed for the record.
    pub hashed: Hashed,
    /// What obligations took out of it.
    pub filtered: Option<Filtered>,
}

impl ReleasedResult {
    /// What this verdict released.
    #[must_use]
    pub fn new(digest: &str, hashed: Hashed, verdict: &Verdict) -> Self {
        Self {
            digest: digest.to_owned(),
            hashed,
            filtered: verdict.filtered.clone(),
        }
    }
}

/// What the outcome of a call belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pairing {
    /// A decision for this caller that granted this call.
    Known {
        /// The tenant of the decision.
        tenant: String,
        /// The last result of the call that was released.
        released: Option<Box<ReleasedResult>>,
    },
    /// No decision that is remembered.
    Unknown,
    /// A decision for another caller, or of another call.
    Foreign,
}

/// What makes two messages parts of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallIdentity {
    /// The caller's configured name: another caller cannot ask about its calls.
    pub caller: String,
    /// The tenant.
    pub tenant: String,
    /// SHA-256 of who calls what: many calls are remembered, and this is short.
    pub digest: [u8; 32],
}

impl CallIdentity {
    /// Of a request of this caller. The subject is all but its roles and attributes, which may
    /// change while a call is under way: its result is judged by those of then.
    #[must_use]
    pub fn new(caller: &str, request: &Request) -> Self {
        let principal = &request.principal;
        let names = [&principal.user, &principal.agent, &principal.client];
        let texts = [
            &principal.id,
            &request.session_id,
            &request.mcp.server,
            &request.mcp.method,
            &request.mcp.name,
        ];
        let parts = texts.into_iter().chain(&principal.delegation).map(Some);
        let parts = names.into_iter().map(Option::as_ref).chain(parts);
        let mut hash = Sha256::new();
        for part in parts {
            // An absent part and an empty one are not the same part.
            hash.update([u8::from(part.is_some())]);
            let part = part.map_or("", String::as_str);
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self {
            caller: caller.to_owned(),
            tenant: request.tenant.clone(),
            digest: hash.finalize().into(),
        }
    }
}

/// The calls whose results are awaited.
#[derive(Default)]
pub struct OwedCalls(Mutex<Owed>);

#[derive(Default)]
struct Owed {
    /// Each in a place of its own: a table of tens of thousands grows in one go.
    calls: HashMap<Arc<str>, Box<Awaited>>,
    /// From a decision to the call that it granted.
    by_decision: HashMap<Arc<str>, Arc<str>>,
    oldest_first: VecDeque<Arc<str>>,
}

struct Awaited {
    until: Timestamp,
    call: OwedCall,
}

impl Owed {
    fn forget_oldest(&mut self, now: Timestamp) {
        while let Some(oldest) = self.oldest_first.front() {
            let is_young = self.calls.get(oldest).is_some_and(|it| it.until > now);
            if is_young && self.oldest_first.len() < OWED_CALLS_MAX {
                break;
            }
            let forgotten = self.calls.remove(oldest);
            if let Some(awaited) = forgotten {
                self.by_decision.remove(&awaited.call.decision_id);
            }
            self.oldest_first.pop_front();
        }
    }
}

impl OwedCalls {
    /// With the calls that were granted before this process started, oldest first, as the log
    /// tells. Nothing is known of what their results owe, so that a result is denied; but how they
    /// ended can be told.
    #[must_use]
    pub fn resumed(granted: Vec<GrantedCall>) -> Self {
        let owed = Self::default();
        for call in granted {
            let identity = CallIdentity {
                caller: call.caller,
                tenant: call.tenant,
                ..CallIdentity::default()
            };
            // No digest is empty: no result agrees with this call.
            let owed_call = OwedCall {
                identity,
                judged_digest: String::new(),
                obligations: Vec::new(),
                decision_id: call.decision_id.into(),
                released: None,
            };
            owed.remember(&call.call_id, owed_call, call.time);
        }
        owed
    }

    fn lock(&self) -> MutexGuard<'_, Owed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers a call until `now` + `OWED_CALL_AGE_MAX`.
    pub fn remember(&self, call_id: &str, call: OwedCall, now: Timestamp) {
        let (call_id, decision_id) = (Arc::<str>::from(call_id), Arc::clone(&call.decision_id));
        let until = now.plus(OWED_CALL_AGE_MAX);
        let awaited = Box::new(Awaited { until, call });
        let mut owed = self.lock();
        owed.forget_oldest(now);
        owed.oldest_first.push_back(Arc::clone(&call_id));
        owed.by_decision.insert(decision_id, Arc::clone(&call_id));
        owed.calls.insert(call_id, awaited);
    }

    /// The call of this id, unless it is too old. It stays: a result may come in several parts.
    #[must_use]
    pub fn find(&self, call_id: &str, now: Timestamp) -> Option<OwedCall> {
        let owed = self.lock();
        let awaited = owed.calls.get(call_id)?;
        (awaited.until > now).then(|| awaited.call.clone())
    }

    /// Notes the result of a call that was released.
    pub fn note_released(&self, call_id: &str, released: ReleasedResult) {
        if let Some(awaited) = self.lock().calls.get_mut(call_id) {
            awaited.call.released = Some(Box::new(released));
        }
    }

    /// What the outcome belongs to that this caller reports of this decision and call; of no call
    /// in particular if `call_id` is empty.
    #[must_use]
    pub fn pair(&self, caller: &str, decision_id: &str, call_id: &str, now: Timestamp) -> Pairing {
        let owed = self.lock();
        let granted = owed.by_decision.get(decision_id);
        let found = granted.and_then(|id| Some((id, owed.calls.get(id)?)));
        let Some((granted, awaited)) = found.filter(|(_, awaited)| awaited.until > now) else {
            return Pairing::Unknown;
        };
        let identity = &awaited.call.identity;
        if identity.caller != caller || !(call_id.is_empty() || call_id == &**granted) {
            return Pairing::Foreign;
        }
        Pairing::Known {
            tenant: identity.tenant.clone(),
            released: awaited.call.released.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
