//! Sessions of the older era: named by the server, known here because this proxy saw the server
//! name them, and bound to whoever began them.

use crate::shim::http::speaker::Owner;
use crate::shim::session::Session;
use http::HeaderValue;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;

#[cfg(test)]
mod tests;

/// Most sessions at once; beyond, the one that was idle longest is forgotten.
pub const SESSIONS_MAX: usize = 4_096;
/// A session that was idle for so long is forgotten, in milliseconds: a day.
pub const SESSION_IDLE_MS: u64 = 86_400_000;
/// Longest session id, in bytes.
pub const SESSION_ID_BYTES_MAX: usize = 256;
/// Most streams that one session may have open beside those of its requests.
pub const STREAMS_A_SESSION_MAX: usize = 4;

/// A session, and whose it is.
pub struct Bound {
    /// The core's part.
    pub session: Session,
    /// Who began it; `None` where tokens do not tell.
    pub owner: Option<Owner>,
    /// Told when the policies in force have changed.
    pub changed: Notify,
    /// Places for streams.
    pub streams: Arc<Semaphore>,
    used: Mutex<Instant>,
}

impl Bound {
    /// A session that nobody has a name for yet.
    #[must_use]
    pub fn new(session: Session, owner: Option<Owner>) -> Arc<Self> {
        Arc::new(Self {
            session,
            owner,
            changed: Notify::new(),
            streams: Arc::new(Semaphore::new(STREAMS_A_SESSION_MAX)),
            used: Mutex::new(Instant::now()),
        })
    }

    fn used(&self) -> MutexGuard<'_, Instant> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sessions by their id.
#[derive(Default)]
pub struct Sessions(Mutex<HashMap<String, Arc<Bound>>>);

impl Sessions {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Bound>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of this id, if it is this one's who asks. Another's is like none.
    #[must_use]
    pub fn find(&self, id: &HeaderValue, owner: Option<&Owner>) -> Option<Arc<Bound>> {
        let all = self.all();
        let bound = all.get(id.to_str().ok()?)?;
        if bound.owner.as_ref() != owner {
            return None;
        }
        *bound.used() = Instant::now();
        Some(Arc::clone(bound))
    }

    /// Takes the id that the server gives a session; whether it can be one. An id that another
    /// session has would join two clients. Gives the session that has to make room.
    ///
    /// # Errors
    /// The id cannot be used.
    pub fn bind(
        &self,
        id: &HeaderValue,
        bound: &Arc<Bound>,
    ) -> Result<Option<Arc<Bound>>, &'static str> {
        let text = id.to_str().ok().filter(|text| {
            (1..=SESSION_ID_BYTES_MAX).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic())
        });
        let text = text.ok_or("the server's session id is no plain text of at most 256 bytes")?;
        let mut all = self.all();
        if all.contains_key(text) {
            return Err("the server gave two sessions one id");
        }
        let idlest = match all.len() >= SESSIONS_MAX {
            true => all.iter().min_by_key(|(_, bound)| *bound.used()),
            false => None,
        };
        let idlest = idlest.map(|(id, _)| id.clone());
        let gone = idlest.and_then(|id| all.remove(&id));
        all.insert(text.to_owned(), Arc::clone(bound));
        Ok(gone)
    }

    /// Forgets a session.
    pub fn end(&self, id: &HeaderValue) -> Option<Arc<Bound>> {
        self.all().remove(id.to_str().ok()?)
    }

    /// Forgets sessions that were idle for too long.
    #[must_use]
    pub fn end_idle(&self, now: Instant) -> Vec<Arc<Bound>> {
        let idle = Duration::from_millis(SESSION_IDLE_MS);
        let is_idle = |bound: &Bound| now.saturating_duration_since(*bound.used()) >= idle;
        let mut all = self.all();
        let gone = all.extract_if(|_, bound| is_idle(bound));
        gone.map(|(_, bound)| bound).collect()
    }

    /// Every session.
    #[must_use]
    pub fn every(&self) -> Vec<(String, Arc<Bound>)> {
        let all = self.all();
        all.iter()
            .map(|(id, bound)| (id.clone(), Arc::clone(bound)))
            .collect()
    }
}
