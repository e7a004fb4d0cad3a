//! All steps from the files to the set in force, and what to do when one of them fails.

#[cfg(test)]
mod tests;

use super::source::{self, Bundle, Source, SourceError};
use super::swap::{Compiled, PolicyStore, Refusal, Stage};
use super::verify::{self, Verified, VerifyError};
use crate::model::bundle::Sources;
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
        /// How long it took from reading to swapping.
        took: Duration,
    },
    /// A change was refused; what was in force still is.
    Refused {
        /// Why.
        refusal: Refusal,
        /// The set that stays in force.
        active: Option<Revision>,
    },
    /// After a refusal, the sources say again what is in force.
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
    /// stands in the log before the set does. Called on the loader's thread.
    pub record: Box<dyn Fn(&LoadEvent) + Send>,
    /// Hears of each outcome once it has taken effect. Called on the loader's thread.
    pub on_event: Box<dyn Fn(LoadEvent) + Send>,
    /// The time.
    pub now: fn() -> Timestamp,
}

/// A loader that knows what it did last, so that nothing is done or said twice.
pub(super) struct Reloader<T> {
    pub(super) loader: Loader<T>,
    last: Option<Attempt>,
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
}

impl<T: Send + Sync + 'static> Reloader<T> {
    pub(super) fn new(loader: Loader<T>) -> Self {
        Self { loader, last: None }
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
            self.last = None;
            let refused = Refused {
                stage: Stage::Compile,
                reason: "internal error: loading panicked".to_owned(),
                findings: Vec::new(),
                digest: None,
            };
            // If it was the listener that panicked, it may again; the next change is still loaded.
            let _ = catch_unwind(AssertUnwindSafe(|| self.refuse(refused)));
        }
    }

    /// Notes that nothing changed since the last attempt.
    pub(super) fn unchanged(&self) {
        if self.last.as_ref().is_some_and(|last| last.in_force) {
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

    fn bring_into_force(&self, bundles: Vec<Bundle>, started: Instant) -> Result<(), Refused> {
        let loader = &self.loader;
        let verified =
            verify::verify(bundles).map_err(|error| Refused::because(Stage::Verify, &error))?;
        let status = loader.store.status();
        let replaced = status.active.map(|active| active.revision);
        if let Some(revision) = &replaced
            && revision.digest == verified.digest
        {
            let revision = revision.clone();
            loader.store.confirm((loader.now)());
            if status.refused.is_some() {
                (loader.on_event)(LoadEvent::Recovered { revision });
            }
            return Ok(());
        }
        let digest = verified.digest.clone();
        let compiled = (loader.compile)(verified, loader.store.next_version())
            .map_err(|findings| Refused::by(findings, digest))?;
        let event = LoadEvent::Loaded {
            revision: compiled.revision.clone(),
            replaced,
            packages: compiled.packages.clone(),
            warnings: compiled.warnings.clone(),
            findings: compiled.findings.clone(),
            took: started.elapsed(),
        };
        (loader.record)(&event);
        loader.store.publish(compiled, (loader.now)());
        (loader.on_event)(event);
        Ok(())
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
        };
        (loader.record)(&event);
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
        }
    }

    fn by(findings: Vec<Finding>, digest: String) -> Self {
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        Self {
            stage: Stage::Compile,
            reason: lines.join("\n"),
            findings,
            digest: Some(digest),
        }
    }
}
