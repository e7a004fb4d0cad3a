//! How many calls may be under way, and how many of them one caller's.

use super::overload::{Limited, Overload};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;

/// A limit that callers share: a caller may have at most as many calls under way as are free. One
/// caller alone gets half, two get a third each, and there is always room for the next one.
#[derive(Debug)]
pub struct FairLimit {
    max: usize,
    what: Limited,
    under_way: AtomicUsize,
    by_caller: HashMap<String, AtomicUsize>,
    /// All who are not known, together.
    unknown: AtomicUsize,
    freed: Notify,
}

/// Room for some calls, until it is dropped.
#[derive(Debug)]
pub struct FairPermit {
    limit: Arc<FairLimit>,
    caller: Option<Arc<str>>,
    calls: usize,
}

impl FairLimit {
    /// At most `max` of these, shared by these callers.
    #[must_use]
    pub fn new(max: usize, what: Limited, callers: impl IntoIterator<Item = String>) -> Arc<Self> {
        Arc::new(Self {
            max,
            what,
            under_way: AtomicUsize::new(0),
            by_caller: callers
                .into_iter()
                .map(|caller| (caller, AtomicUsize::new(0)))
                .collect(),
            unknown: AtomicUsize::new(0),
            freed: Notify::new(),
        })
    }

    /// Room for so many calls at once of this caller; `None`: nobody who is known. More than half
    /// of the limit are counted as half, or they could never be admitted.
    ///
    /// # Errors
    /// Which limit is reached.
    pub fn admit(
        self: &Arc<Self>,
        caller: Option<&Arc<str>>,
        calls: usize,
    ) -> Result<FairPermit, Overload> {
        let calls = calls.clamp(1, (self.max / 2).max(1));
        let own = self.own(caller);
        // Counted before it is looked at: of two calls at once, both see each other.
        let own_with = own.fetch_add(calls, Ordering::AcqRel) + calls;
        let counted = self.count(own_with, calls);
        if let Err(overload) = counted {
            own.fetch_sub(calls, Ordering::AcqRel);
            return Err(overload);
        }
        Ok(FairPermit {
            limit: Arc::clone(self),
            caller: caller.map(Arc::clone),
            calls,
        })
    }

    /// Waits until there is room for one call of this caller.
    pub async fn wait(self: &Arc<Self>, caller: Option<&Arc<str>>) -> FairPermit {
        loop {
            // Listens before it looks, so that nothing is freed unheard in between.
            let mut freed = pin!(self.freed.notified());
            freed.as_mut().enable();
            if let Ok(permit) = self.admit(caller, 1) {
                return permit;
            }
            freed.await;
        }
    }

    fn count(&self, own_with: usize, calls: usize) -> Result<(), Overload> {
        let (what, limit) = (self.what, self.max);
        let add = |under_way: usize| {
            let free = self.max.saturating_sub(under_way);
            (own_with <= free).then_some(under_way + calls)
        };
        let order = (Ordering::AcqRel, Ordering::Acquire);
        match self.under_way.fetch_update(order.0, order.1, add) {
            Ok(_) => Ok(()),
            // Of calls at once, the caller's own may be counted already, and all not yet.
            Err(under_way) if under_way.max(own_with - calls) + calls > self.max => {
                Err(Overload::All { what, limit })
            }
            Err(_) => Err(Overload::Caller { what, limit }),
        }
    }

    /// How many calls are under way.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    fn own(&self, caller: Option<&Arc<str>>) -> &AtomicUsize {
        let found = caller.and_then(|caller| self.by_caller.get(&**caller));
        found.unwrap_or(&self.unknown)
    }
}

impl Drop for FairPermit {
    fn drop(&mut self) {
        let own = self.limit.own(self.caller.as_ref());
        own.fetch_sub(self.calls, Ordering::AcqRel);
        self.limit.under_way.fetch_sub(self.calls, Ordering::AcqRel);
        self.limit.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
