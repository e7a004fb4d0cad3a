//! Sees changes for whoever does something else with the sources than to load them.

#[cfg(test)]
mod tests;

use super::eyes::Eyes;
use super::signal::{Signal, Wake};
use super::{Fingerprints, Timing, fingerprints, settle};
use crate::bundle::source::Source;
use std::sync::Arc;

/// Looks at sources; see [`Follow::wait`].
pub struct Follow {
    sources: Vec<Source>,
    signal: Arc<Signal>,
    eyes: Eyes,
    timing: Timing,
    seen: Fingerprints,
}

impl Follow {
    /// Begins to look: what changes from now on ends the next wait.
    #[must_use]
    pub fn new(sources: Vec<Source>, timing: Timing) -> Self {
        let signal = Arc::new(Signal::default());
        let mut eyes = Eyes::new(&sources, &signal, timing.notify);
        // What cannot be watched is looked at from time to time.
        let _unwatched = eyes.open();
        Self {
            seen: fingerprints(&sources),
            sources,
            signal,
            eyes,
            timing,
        }
    }

    /// Waits until the sources are others than at the last wait, and have been so for a moment.
    pub fn wait(&mut self) {
        loop {
            let wake = self.signal.wait(self.timing.poll_interval);
            if wake == Wake::Stop {
                return;
            }
            if wake != Wake::TimedOut && settle(&self.signal, &self.timing).is_err() {
                return;
            }
            let _unwatched = self.eyes.open();
            let now = fingerprints(&self.sources);
            if now != self.seen {
                self.seen = now;
                return;
            }
        }
    }
}
