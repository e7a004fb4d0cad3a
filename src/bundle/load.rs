//! All steps from the files to the set in force, and what to do when one of them fails.

mod hold;
#[cfg(test)]
mod tests;

use super::held::{Held, Pinned, Shelf};
use super::source::{self, Bundle, Source, SourceError};
use super::swap::{Compiled, PolicyStore, Refusal, Stage, Standing};
use super::verify::{self, Verified, VerifyError};
use crate::model::bundle::{Change, Sources};
use crate::model::finding::Finding;
use crate::model::revision::Revision;
use crate::model::time::Timestamp;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Why bundles are of no use.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// One could not be read.
    #[error("bundle `{bundle}`: {error}")]
    Read {
        /// The bundle.
        bundle: String,
        /// What went wrong.
        error: SourceError,
    },
    /// They are not what bundles may be.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Reads and verifies bundles: all that has to be right before anything is compiled.
///
/// # Errors
/// The first thing that is wrong.
pub fn read_and_verify(sources: &[Source]) -> Result<Verified<Sources>, LoadError> {
    Ok(verify::verify(read_all(sources)?)?)
}

fn read_all(sources: &[Source]) -> Result<Vec<Bundle>, LoadError> {
    let read = |source: &Source| {
        source::read(source).map_err(|error| LoadError::Read {
            bundle: source.name.clone(),
            error,
        })
    };
    sources.iter().map(read).collect()
}

/// Turns verified sources into a set of this version, or says what is wrong with them.
pub type Compile<T> =
    Box<dyn Fn(Verified<Sources>, u64) -> Result<Compiled<T>, Vec<Finding>> + Send>;

/// Records a change, or says why it could not.
pub type Recorder = Box<dyn Fn(&LoadEvent) -> Result<(), String> + Send>;

/// What became of a change: to be recorded, logged and counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadEvent {
    /// A set is in force.
    Loaded {
        /// Its name.
        revision: Revision,
        /// The name of the set that it replaced.
        replaced: Option<Revision>,
        /// The packages that decide.
        packages: Vec<String>,
        /// What is worth knowing about its files.
        warnings: Vec<String>,
        /// What `check` warns of in its modules.
        findings: Vec<Finding>,
        /// Who changed its bundles last, and why.
        changes: Vec<Change>,
        /// Whether its modules were compiled for it; else only its data is new.
        recompiled: bool,
        /// How long it took from reading to swapping.
        took: Duration,
    },
    /// A change was refused; what was in force still is.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The set that stays in force.
        active: Option<Revision>,
        /// Who changed the bundles last, and why, if they could be read.
        changes: Vec<Change>,
    },
    /// An administrator put an earlier set in force.
    RolledBack {
        /// The set in force.
        revision: Revision,
        /// The set that it replaced.
        replaced: Option<Revision>,
        /// Who asked, why, and until when.
        pinned: Pinned,
        /// Who changed its bundles last, and why.
        changes: Vec<Change>,
    },
    /// A change is good, and is in force when the rollback ends.
    Waiting {
        /// The set that waits.
        waiting: Held,
    },
    /// A rollback ended, and the set in force is the newest anyway.
    HoldEnded {
        /// The set in force.
        revision: Revision,
    },
    /// After a refusal, the sources say again what is in force, or will be when a rollback ends.
    Recovered {
        /// The set in force.
        revision: Revision,
    },
    /// Changes of this path are seen late, by looking at it from time to time.
    Unwatched {
        /// The path.
        path: String,
        /// The operating system's answer.
        reason: String,
    },
}

/// Brings what is in the sources into force.
pub struct Loader<T> {
    /// The bundles, as configured.
    pub sources: Vec<Source>,
    /// How to compile them.
    pub compile: Compile<T>,
    /// Where to publish.
    pub store: Arc<PolicyStore<T>>,
    /// Hears of a swap or a refusal before it takes effect, once: what is decided by a set never
    /// stands in the log before the set does. Called on the loader's thread. Says why it could not
    /// record; that holds up a rollback, and nothing else.
    pub record: Recorder,
    /// Hears of each outcome once it has taken effect. Called on the loader's thread.
    pub on_event: Box<dyn Fn(LoadEvent) + Send>,
    /// The time.
    pub now: fn() -> Timestamp,
    /// How many sets are held beside the newest, to roll back to.
    pub held_max: usize,
}

/// A loader that knows what it did last, so that nothing is done or said twice.
pub(super) struct Reloader<T> {
    pub(super) loader: Loader<T>,
    last: Option<Attempt>,
    shelf: Shelf,
    /// When the rollback that is in force ends, by a clock that nobody sets.
    hold_ends: Option<Instant>,
}

#[derive(PartialEq, Eq)]
struct Attempt {
    content: Content,
    in_force: bool,
}

/// What was attempted.
#[derive(PartialEq, Eq)]
enum Content {
    /// Files with this digest.
    Files(String),
    /// Files that could not be read, for this reason.
    Unreadable(String),
}

/// A refusal before anybody knows the time.
struct Refused {
    stage: Stage,
    reason: String,
    findings: Vec<Finding>,
    digest: Option<String>,
    changes: Vec<Change>,
}

impl<T: Send + Sync + 'static> Reloader<T> {
    pub(super) fn new(loader: Loader<T>) -> Self {
        Self {
            last: None,
            shelf: Shelf::new(loader.held_max),
            hold_ends: None,
            loader,
        }
    }

    /// Takes all steps, also if the same files were attempted before.
    pub(super) fn force(&mut self) {
        self.last = None;
        self.reload();
    }

    /// Takes all steps that are needed.
    pub(super) fn reload(&mut self) {
        let done = catch_unwind(AssertUnwindSafe(|| self.attempt()));
        if done.is_err() {
            self.panicked();
        }
    }

    fn panicked(&mut self) {
        self.last = None;
        let refused = Refused {
            stage: Stage::Compile,
            reason: "internal error: loading panicked".to_owned(),
            findings: Vec::new(),
            digest: None,
            changes: Vec::new(),
        };
        // If it was the listener that panicked, it may again; the next change is still loaded.
        let _ = catch_unwind(AssertUnwindSafe(|| self.refuse(refused)));
    }

    /// Notes that nothing changed since the last attempt.
    pub(super) fn unchanged(&self) {
        let is_good = self.last.as_ref().is_some_and(|last| last.in_force);
        if is_good && self.hold_ends.is_none() {
            self.loader.store.confirm((self.loader.now)());
        }
    }

    fn attempt(&mut self) {
        let started = Instant::now();
        let read = read_all(&self.loader.sources);
        let content = match &read {
            Ok(bundles) => Content::Files(verify::raw_digest(bundles)),
            Err(error) => Content::Unreadable(error.to_string()),
        };
        if self
            .last
            .as_ref()
            .is_some_and(|last| last.content == content)
        {
            return self.unchanged();
        }
        let outcome = match read {
            Ok(bundles) => self.bring_into_force(bundles, started),
            Err(error) => Err(Refused::because(Stage::Read, &error)),
        };
        let in_force = outcome.is_ok();
        self.last = Some(Attempt { content, in_force });
        if let Err(refused) = outcome {
            self.refuse(refused);
        }
    }

    fn bring_into_force(&mut self, bundles: Vec<Bundle>, started: Instant) -> Result<(), Refused> {
        let verified =
            verify::verify(bundles).map_err(|error| Refused::because(Stage::Verify, &error))?;
        let status = self.loader.store.status();
        let replaced = status.active.map(|active| active.revision);
        let pinned = status.pinned.map(|pinned| pinned.digest);
        let newest = self.shelf.newest().map(|(held, _)| held.digest.as_str());
        let known = match pinned {
            Some(_) => newest,
            None => replaced.as_ref().map(|revision| revision.digest.as_str()),
        };
        if let Some(revision) = replaced
            .as_ref()
            .filter(|_| known == Some(verified.digest.as_str()))
        {
            self.recover(revision, pinned.is_some(), status.refused.is_some());
            return Ok(());
        }
        let sources = verified.clone();
        let compiled = (self.loader.compile)(verified, self.loader.store.next_version())
            .map_err(|findings| Refused::by(findings, &sources))?;
        let held = Held {
            revision: compiled.revision.revision.clone(),
            digest: compiled.revision.digest.clone(),
            since: (self.loader.now)(),
        };
        self.shelf.put(held.clone(), sources, pinned.as_deref());
        if pinned.is_some() {
            self.loader.store.wait(self.shelf.list());
            (self.loader.on_event)(LoadEvent::Waiting { waiting: held });
            return Ok(());
        }
        self.put_in_force(compiled, replaced, None, started);
        Ok(())
    }

    /// The sources are again what is known to be good.
    fn recover(&self, revision: &Revision, is_pinned: bool, was_refused: bool) {
        let loader = &self.loader;
        match is_pinned {
            true => loader.store.wait(self.shelf.list()),
            false => loader.store.confirm((loader.now)()),
        }
        if was_refused {
            let revision = revision.clone();
            (loader.on_event)(LoadEvent::Recovered { revision });
        }
    }

    fn put_in_force(
        &self,
        compiled: Compiled<T>,
        replaced: Option<Revision>,
        refused: Option<Refusal>,
        started: Instant,
    ) {
        let loader = &self.loader;
        let event = LoadEvent::Loaded {
            revision: compiled.revision.clone(),
            replaced,
            packages: compiled.packages.clone(),
            warnings: compiled.warnings.clone(),
            findings: compiled.findings.clone(),
            changes: compiled.changes.clone(),
            recompiled: compiled.recompiled,
            took: started.elapsed(),
        };
        // A swap is not held up because its record cannot be written; decisions fail then too.
        let _recorded = (loader.record)(&event);
        let standing = Standing {
            refused,
            held: self.shelf.list(),
            pinned: None,
        };
        loader.store.put(compiled, (loader.now)(), standing);
        (loader.on_event)(event);
    }

    fn refuse(&self, refused: Refused) {
        let loader = &self.loader;
        let refusal = Refusal {
            stage: refused.stage,
            reason: refused.reason,
            findings: refused.findings,
            digest: refused.digest,
            since: (loader.now)(),
        };
        let active = loader.store.status().active.map(|active| active.revision);
        let event = LoadEvent::Refused {
            refusal: refusal.clone(),
            active,
            changes: refused.changes,
        };
        let _recorded = (loader.record)(&event);
        loader.store.refuse(refusal);
        (loader.on_event)(event);
    }
}

impl Refused {
    fn because(stage: Stage, error: &impl ToString) -> Self {
        Self {
            stage,
            reason: error.to_string(),
            findings: Vec::new(),
            digest: None,
            changes: Vec::new(),
        }
    }

    fn by(findings: Vec<Finding>, sources: &Sources) -> Self {
        Self {
            stage: Stage::Compile,
            reason: lines(&findings),
            findings,
            digest: Some(sources.digest.clone()),
            changes: sources.changes.clone(),
        }
    }
}

fn lines(findings: &[Finding]) -> String {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
