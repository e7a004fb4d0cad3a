//! How the watch's thread hears of changes: a flag, so that any number of them take no memory.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Why the thread woke up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Stop,
    Forced,
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
    forced: bool,
    stop: bool,
}

impl Signal {
    pub(super) fn changed(&self) {
        self.raise(|flags| flags.changed = true);
    }

    pub(super) fn force(&self) {
        self.raise(|flags| flags.forced = true);
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

    /// Waits for a flag, and lowers it; the stop flag stays up.
    pub(super) fn wait(&self, timeout: Duration) -> Wake {
        let is_low = |flags: &mut Flags| !(flags.changed || flags.forced || flags.stop);
        let (mut flags, _) = self
            .raised
            .wait_timeout_while(self.flags(), timeout, is_low)
            .unwrap_or_else(PoisonError::into_inner);
        if flags.stop {
            Wake::Stop
        } else if std::mem::take(&mut flags.forced) {
            // All that changed until now is read, too.
            flags.changed = false;
            Wake::Forced
        } else if std::mem::take(&mut flags.changed) {
            Wake::Changed
        } else {
            Wake::TimedOut
        }
    }
}
