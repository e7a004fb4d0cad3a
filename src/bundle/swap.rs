//! The policy set in force: taken whole by each decision, replaced whole.

#[cfg(test)]
mod tests;

use super::held::{Held, Pinned};
use crate::model::bundle::Change;
use crate::model::finding::Finding;
use crate::model::revision::Revision;
use crate::model::time::Timestamp;
use arc_swap::ArcSwapOption;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use tokio::sync::watch;

/// Most replaced sets that are kept until their last reader is done; an older one is dropped by
/// that reader.
pub const RETIRED_SETS_MAX: usize = 8;
/// How often a replaced set is looked at while somebody still reads it, in milliseconds.
const SWEEP_INTERVAL_MS: u64 = 50;

/// A policy set that was compiled from verified sources, and what is known about it.
#[derive(Debug)]
pub struct Compiled<T> {
    pub(super) set: T,
    pub(super) revision: Revision,
    pub(super) packages: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) findings: Vec<Finding>,
    pub(super) changes: Vec<Change>,
    /// `false`: its programs are those of another set, over new data.
    pub(super) recompiled: bool,
}

impl<T> Compiled<T> {
    /// The set, to use it without publishing it.
    #[must_use]
    pub fn into_set(self) -> T {
        self.set
    }

    /// Whether its modules were compiled for it; else only its data is new.
    #[must_use]
    pub const fn recompiled(&self) -> bool {
        self.recompiled
    }

    /// What is worth knowing about its files, such as those that are not used.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// The set in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// Its name.
    pub revision: Revision,
    /// When it was published.
    pub since: Timestamp,
    /// What is worth knowing about its files, such as those that are not used.
    pub warnings: Vec<String>,
    /// What `check` warns of in its modules.
    pub findings: Vec<Finding>,
}

/// At which step a change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its files could not be read.
    Read,
    /// They are not what a bundle may hold.
    Verify,
    /// Its modules do not compile, or not to something safe.
    Compile,
}

impl Stage {
    /// Every step.
    pub const ALL: [Self; 3] = [Self::Read, Self::Verify, Self::Compile];

    /// The name in status, record and metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Verify => "verify",
            Self::Compile => "compile",
        }
    }
}

/// Why the sources are not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// At which step.
    pub stage: Stage,
    /// Why, in one or more lines.
    pub reason: String,
    /// Where in which modules, if it is about modules.
    pub findings: Vec<Finding>,
    /// `sha256:<hex>` of what was refused; `None` if it never got that far.
    pub digest: Option<String>,
    /// When it was first refused.
    pub since: Timestamp,
}

/// What is in force, and what became of the last change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The set in force; `None` until one was published.
    pub active: Option<Active>,
    /// Why the sources, as they are now, are not in force; `None` if they are.
    pub refused: Option<Refusal>,
    /// When the sources were last seen to say what is in force.
    pub confirmed: Option<Timestamp>,
    /// Sets that can be put in force, the newest first; the one in force is among them.
    pub held: Vec<Held>,
    /// The rollback that is in force; `None`: the newest good set decides.
    pub pinned: Option<Pinned>,
}

/// What a new set in force comes with.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Why the sources are not in force all the same.
    pub(super) refused: Option<Refusal>,
    pub(super) held: Vec<Held>,
    pub(super) pinned: Option<Pinned>,
}

impl Status {
    /// Whether what is on disk is in force: it was not refused, and no rollback holds.
    #[must_use]
    pub fn is_newest_in_force(&self) -> bool {
        self.active.is_some() && self.refused.is_none() && self.pinned.is_none()
    }

    /// How long ago the sources were last seen to say what is in force; `None` if never.
    #[must_use]
    pub fn stale_for(&self, now: Timestamp) -> Option<Duration> {
        let nanos = now.as_nanos().saturating_sub(self.confirmed?.as_nanos());
        Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(0)))
    }
}

/// Holds the policy set in force. Cheap to read from any number of threads; replaced sets are
/// dropped on a thread of the store's own, so that no decision pays for it.
pub struct PolicyStore<T> {
    current: ArcSwapOption<T>,
    status: watch::Sender<Status>,
    retired: SyncSender<Arc<T>>,
}

impl<T: Send + Sync + 'static> PolicyStore<T> {
    /// A store without a set.
    ///
    /// # Errors
    /// If the thread that drops replaced sets cannot be started.
    pub fn new() -> io::Result<Self> {
        let (retired, queue) = sync_channel(RETIRED_SETS_MAX);
        thread::Builder::new()
            .name("policy-janitor".to_owned())
            .spawn(move || drop_retired(&queue))?;
        Ok(Self {
            current: ArcSwapOption::empty(),
            status: watch::Sender::default(),
            retired,
        })
    }

    /// The set in force, to keep for as long as a decision takes.
    #[must_use]
    pub fn current(&self) -> Option<Arc<T>> {
        self.current.load_full()
    }

    /// Runs `work` on the set in force. Cheaper than [`Self::current`] where many threads read,
    /// since no counter is shared between them.
    pub fn with<R>(&self, work: impl FnOnce(Option<&T>) -> R) -> R {
        work(self.current.load().as_deref())
    }

    /// Puts a set in force. The one before is dropped once nobody reads it.
    pub fn publish(&self, compiled: Compiled<T>, now: Timestamp) {
        self.put(compiled, now, Standing::default());
    }

    /// Puts a set in force that is perhaps not what the sources say.
    pub(super) fn put(&self, compiled: Compiled<T>, now: Timestamp, standing: Standing) {
        let set = Arc::new(compiled.set);
        let mut replaced = None;
        // Within the closure, so that status and set change in the same order.
        self.status.send_modify(|status| {
            replaced = self.current.swap(Some(set));
            let is_of_sources = standing.refused.is_none() && standing.pinned.is_none();
            *status = Status {
                active: Some(Active {
                    revision: compiled.revision,
                    since: now,
                    warnings: compiled.warnings,
                    findings: compiled.findings,
                }),
                confirmed: if is_of_sources {
                    Some(now)
                } else {
                    status.confirmed
                },
                refused: standing.refused,
                held: standing.held,
                pinned: standing.pinned,
            };
        });
        if let Some(replaced) = replaced {
            // Without the janitor, the last reader drops it.
            let _ = self.retired.send(replaced);
        }
    }

    /// Notes that the sources are not in force; the set that is stays.
    pub fn refuse(&self, refusal: Refusal) {
        self.status
            .send_modify(|status| status.refused = Some(refusal));
    }

    /// Notes that the sources say what is in force. Subscribers hear of it only if a change had
    /// been refused before.
    pub fn confirm(&self, now: Timestamp) {
        self.status.send_if_modified(|status| {
            status.confirmed = Some(now);
            status.refused.take().is_some()
        });
    }

    /// Notes that the sources are good, while another set is in force.
    pub(super) fn wait(&self, held: Vec<Held>) {
        self.status.send_modify(|status| {
            status.refused = None;
            status.held = held;
        });
    }

    /// Notes that the sources decide again which set is in force.
    pub(super) fn unpin(&self) {
        self.status.send_modify(|status| status.pinned = None);
    }

    /// What is in force, and what became of the last change.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Follows the status from now on.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// The number of the next set.
    #[must_use]
    pub fn next_version(&self) -> u64 {
        let status = self.status.borrow();
        let version = status.active.as_ref().map(|active| active.revision.version);
        version.map_or(1, |version| version.saturating_add(1))
    }
}

/// Keeps each replaced set until nobody else has it, and drops it here.
fn drop_retired<T>(queue: &Receiver<Arc<T>>) {
    let sweep = Duration::from_millis(SWEEP_INTERVAL_MS);
    let mut held: VecDeque<Arc<T>> = VecDeque::new();
    loop {
        let next = if held.is_empty() {
            queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            queue.recv_timeout(sweep)
        };
        match next {
            Ok(set) => held.push_back(set),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        held.retain(|set| Arc::strong_count(set) > 1);
        if held.len() > RETIRED_SETS_MAX {
            held.pop_front();
        }
    }
}
