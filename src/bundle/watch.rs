//! Sees that the sources changed, and loads them again, on a thread of its own.

mod eyes;
mod follow;
mod signal;
mod steer;
#[cfg(test)]
mod tests;

pub use follow::Follow;
pub use steer::Steering;

use super::load::{LoadEvent, Loader, Reloader};
use super::source::{self, Source};
use eyes::Eyes;
use signal::{Signal, Wake};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use steer::{Order, Ordered};

/// A change is read once nothing has changed for this long, in milliseconds: editors and
/// deployments write several files.
pub const QUIET_MS: u64 = 100;
/// A change is read after this long even if there are more changes still, in milliseconds: it has
/// to be in force within a second.
pub const SETTLE_MS_MAX: u64 = 500;
/// How often the sources are looked at even if nothing was reported, in milliseconds: some
/// filesystems report nothing.
pub const POLL_INTERVAL_MS: u64 = 2_000;

/// When the sources are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long nothing may have changed before a change is read.
    pub quiet: Duration,
    /// How long a change waits for that at most.
    pub settle_max: Duration,
    /// How often the sources are looked at even if nothing was reported.
    pub poll_interval: Duration,
    /// Whether the operating system is asked to report changes.
    pub notify: bool,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            quiet: Duration::from_millis(QUIET_MS),
            settle_max: Duration::from_millis(SETTLE_MS_MAX),
            poll_interval: Duration::from_millis(POLL_INTERVAL_MS),
            notify: true,
        }
    }
}

/// A running watch; dropping it ends the watch.
pub struct Watch {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Loads the sources, then again whenever they change. Returns after the first attempt; the
    /// store's status says what came of it.
    ///
    /// # Errors
    /// If the watch's thread cannot be started.
    pub fn start<T: Send + Sync + 'static>(loader: Loader<T>, timing: Timing) -> io::Result<Self> {
        let signal = Arc::new(Signal::default());
        let (attempted, first_attempt) = sync_channel(1);
        let run = Run {
            eyes: Eyes::new(&loader.sources, &signal, timing.notify),
            reloader: Reloader::new(loader),
            signal: Arc::clone(&signal),
            timing,
        };
        let thread = thread::Builder::new()
            .name("policy-loader".to_owned())
            .spawn(move || run.run(|| _ = attempted.send(())))?;
        // An error means that the thread is gone; the status then has no set.
        let _ = first_attempt.recv();
        Ok(Self {
            signal,
            thread: Some(thread),
        })
    }

    /// How to ask for more than changes on disk do.
    #[must_use]
    pub fn steering(&self) -> Steering {
        Steering {
            signal: Arc::clone(&self.signal),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.signal.stop();
        if let Some(thread) = self.thread.take() {
            // It catches panics of its own steps, so there is nothing to pass on.
            let _ = thread.join();
        }
    }
}

struct Run<T> {
    reloader: Reloader<T>,
    eyes: Eyes,
    signal: Arc<Signal>,
    timing: Timing,
}

impl<T> Drop for Run<T> {
    fn drop(&mut self) {
        self.signal.close();
    }
}

type Fingerprints = Vec<Option<[u8; 32]>>;

impl<T: Send + Sync + 'static> Run<T> {
    fn run(mut self, first_attempt_done: impl FnOnce()) {
        // Watching starts before reading: what changes in between is reported.
        self.open_eyes();
        let mut seen = self.fingerprints();
        self.reloader.reload();
        first_attempt_done();
        loop {
            let wait_max = self.reloader.wait_max(self.timing.poll_interval);
            let wake = self.signal.wait(wait_max);
            self.reloader.end_hold_if_over();
            match wake {
                Wake::Stop => return,
                Wake::Ordered => {
                    self.obey(&mut seen);
                    continue;
                }
                Wake::TimedOut if self.fingerprints() == seen => {
                    self.open_eyes();
                    self.reloader.unchanged();
                    continue;
                }
                Wake::TimedOut | Wake::Changed => {}
            }
            match settle(&self.signal, &self.timing) {
                Ok(()) => {}
                Err(Unsettled::Stopped) => return,
                Err(Unsettled::Ordered) => {
                    // What changed is read after it, if that was not what it was about.
                    self.signal.changed();
                    continue;
                }
            }
            self.open_eyes();
            seen = self.fingerprints();
            self.reloader.reload();
        }
    }

    /// Does what the first order says.
    fn obey(&mut self, seen: &mut Fingerprints) {
        let Some(Ordered { order, done }) = self.signal.take_order() else {
            return;
        };
        let came_of_it = match order {
            Order::Reload => {
                self.open_eyes();
                *seen = self.fingerprints();
                self.reloader.force();
                Ok(())
            }
            Order::Rollback(rollback) => self.reloader.roll_back(rollback),
        };
        // Whoever asked may be gone.
        let _gone = done.send(came_of_it);
    }

    fn open_eyes(&mut self) {
        for (path, reason) in self.eyes.open() {
            let path = path.display().to_string();
            (self.reloader.loader.on_event)(LoadEvent::Unwatched { path, reason });
        }
    }

    fn fingerprints(&self) -> Fingerprints {
        fingerprints(&self.reloader.loader.sources)
    }
}

fn fingerprints(sources: &[Source]) -> Fingerprints {
    let sources = sources.iter();
    sources.map(|one| source::fingerprint(&one.path)).collect()
}

/// Waits until nothing has changed for a while, or for as long as it may.
fn settle(signal: &Signal, timing: &Timing) -> Result<(), Unsettled> {
    let mut left = timing.settle_max;
    loop {
        let started = std::time::Instant::now();
        match signal.wait(timing.quiet.min(left)) {
            Wake::Stop => return Err(Unsettled::Stopped),
            Wake::TimedOut => return Ok(()),
            Wake::Ordered => return Err(Unsettled::Ordered),
            Wake::Changed => {}
        }
        left = left.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Ok(());
        }
    }
}

/// Why a change is not read now.
enum Unsettled {
    Stopped,
    Ordered,
}
