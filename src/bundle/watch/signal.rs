//! How the watch's thread hears of changes: a flag, so that any number of them take no memory.

use super::steer::Ordered;
use crate::bundle::held::SteerError;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most orders that wait.
pub(super) const ORDERS_MAX: usize = 16;

/// Why the thread woke up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Stop,
    Ordered,
    Changed,
    TimedOut,
}

#[derive(Default)]
pub(super) struct Signal {
    flags: Mutex<Flags>,
    raised: Condvar,
}

#[derive(Default)]
struct Flags {
    changed: bool,
    orders: VecDeque<Ordered>,
    stop: bool,
}

impl Signal {
    pub(super) fn changed(&self) {
        self.raise(|flags| flags.changed = true);
    }

    /// Hands over an order, if there is room and somebody to obey it.
    pub(super) fn order(&self, ordered: Ordered) -> Result<(), SteerError> {
        let mut flags = self.flags();
        if flags.stop {
            return Err(SteerError::Stopped);
        }
        if flags.orders.len() >= ORDERS_MAX {
            return Err(SteerError::Busy);
        }
        flags.orders.push_back(ordered);
        self.raised.notify_all();
        Ok(())
    }

    /// The first order that waits.
    pub(super) fn take_order(&self) -> Option<Ordered> {
        self.flags().orders.pop_front()
    }

    /// Nobody obeys orders any more: whoever waits for one hears so.
    pub(super) fn close(&self) {
        let mut flags = self.flags();
        flags.stop = true;
        flags.orders.clear();
    }

    pub(super) fn stop(&self) {
        self.raise(|flags| flags.stop = true);
    }

    fn raise(&self, flag: impl FnOnce(&mut Flags)) {
        flag(&mut self.flags());
        self.raised.notify_all();
    }

    fn flags(&self) -> MutexGuard<'_, Flags> {
        // Flags are whole whatever panicked.
        self.flags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a flag, and lowers it; the stop flag and orders stay.
    pub(super) fn wait(&self, timeout: Duration) -> Wake {
        let is_low = |flags: &mut Flags| !(flags.changed || flags.stop || !flags.orders.is_empty());
        let (mut flags, _) = self
            .raised
            .wait_timeout_while(self.flags(), timeout, is_low)
            .unwrap_or_else(PoisonError::into_inner);
        if flags.stop {
            Wake::Stop
        } else if !flags.orders.is_empty() {
            Wake::Ordered
        } else if std::mem::take(&mut flags.changed) {
            Wake::Changed
        } else {
            Wake::TimedOut
        }
    }
}
