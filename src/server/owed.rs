//! What granted calls owe to their results, until the result comes or is overdue.

use crate::model::obligation::Obligation;
use crate::model::time::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Most calls whose results are awaited; the oldest is forgotten first, and its result denied.
pub const OWED_CALLS_MAX: usize = 65_536;
/// How long a call's result is awaited.
pub const OWED_CALL_AGE_MAX: Duration = Duration::from_secs(3600);

/// Everything that a result must agree with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedCall {
    /// The tenant, principal, server, method and name of the call.
    pub identity: CallIdentity,
    /// The digest of the `params` that were to be forwarded.
    pub judged_digest: String,
    /// What is owed to the result.
    pub obligations: Vec<Obligation>,
    /// The decision that granted the call.
    pub decision_id: String,
}

/// What makes two messages parts of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallIdentity {
    /// The caller's configured name: another caller cannot ask about its calls.
    pub caller: String,
    /// The tenant.
    pub tenant: String,
    /// The principal, whole: also the user, agent and client, and who delegated.
    pub principal: crate::model::principal::Principal,
    /// The session.
    pub session_id: String,
    /// The server's name.
    pub server: String,
    /// The method.
    pub method: String,
    /// The tool's name.
    pub name: String,
}

/// The calls whose results are awaited.
#[derive(Default)]
pub struct OwedCalls(Mutex<Owed>);

#[derive(Default)]
struct Owed {
    calls: HashMap<String, OwedCall>,
    oldest_first: VecDeque<(Timestamp, String)>,
}

impl OwedCalls {
    /// Remembers a call until `now` + `OWED_CALL_AGE_MAX`.
    pub fn remember(&self, call_id: String, call: OwedCall, now: Timestamp) {
        let mut owed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((until, oldest)) = owed.oldest_first.front().cloned() {
            if until > now && owed.oldest_first.len() < OWED_CALLS_MAX {
                break;
            }
            owed.oldest_first.pop_front();
            owed.calls.remove(&oldest);
        }
        owed.oldest_first
            .push_back((now.plus(OWED_CALL_AGE_MAX), call_id.clone()));
        owed.calls.insert(call_id, call);
    }

    /// The call of this id. It stays: a result may come in several parts.
    #[must_use]
    pub fn find(&self, call_id: &str) -> Option<OwedCall> {
        let owed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        owed.calls.get(call_id).cloned()
    }
}
