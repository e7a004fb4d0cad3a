//! Sees that the sources changed, and loads them again, on a thread of its own.

mod eyes;
mod follow;
mod signal;
#[cfg(test)]
mod tests;

pub use follow::Follow;

use super::load::{LoadEvent, Loader, Reloader};
use super::source::{self, Source};
use eyes::Eyes;
use signal::{Signal, Wake};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};
use std::time::Duration;

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

    /// Asks for all steps to be taken again, whether anything changed or not. Returns at once; a
    /// set with the same content is not swapped.
    pub fn reload(&self) {
        self.signal.force();
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

type Fingerprints = Vec<Option<[u8; 32]>>;

impl<T: Send + Sync + 'static> Run<T> {
    fn run(mut self, first_attempt_done: impl FnOnce()) {
        // Watching starts before reading: what changes in between is reported.
        self.open_eyes();
        let mut seen = self.fingerprints();
        self.reloader.reload();
        first_attempt_done();
        loop {
            let wake = self.signal.wait(self.timing.poll_interval);
            let forced = match wake {
                Wake::Stop => return,
                Wake::Forced => true,
                Wake::Changed => false,
                Wake::TimedOut if self.fingerprints() == seen => {
                    self.open_eyes();
                    self.reloader.unchanged();
                    continue;
                }
                Wake::TimedOut => false,
            };
            if !forced && settle(&self.signal, &self.timing).is_err() {
                return;
            }
            self.open_eyes();
            seen = self.fingerprints();
            match forced {
                true => self.reloader.force(),
                false => self.reloader.reload(),
            }
        }
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
fn settle(signal: &Signal, timing: &Timing) -> Result<(), Stopped> {
    let mut left = timing.settle_max;
    loop {
        let started = std::time::Instant::now();
        match signal.wait(timing.quiet.min(left)) {
            Wake::Stop => return Err(Stopped),
            Wake::TimedOut => return Ok(()),
            Wake::Forced | Wake::Changed => {}
        }
        left = left.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Ok(());
        }
    }
}

struct Stopped;
