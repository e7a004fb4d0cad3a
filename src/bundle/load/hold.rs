//! Rollbacks: an earlier set is put in force, held there for a time, and replaced by the newest.

#[cfg(test)]
mod tests;

use super::super::held::{Pinned, Rollback, SteerError};
use super::super::swap::Standing;
use super::{LoadEvent, Refused, Reloader, lines};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

impl<T: Send + Sync + 'static> Reloader<T> {
    /// How long may be waited until a rollback has to end.
    pub(in crate::bundle) fn wait_max(&self, otherwise: Duration) -> Duration {
        let left = self
            .hold_ends
            .map(|ends| ends.saturating_duration_since(Instant::now()));
        left.map_or(otherwise, |left| left.min(otherwise))
    }

    /// Ends a rollback whose time is over: the newest good set is in force again.
    pub(in crate::bundle) fn end_hold_if_over(&mut self) {
        if self.hold_ends.is_none_or(|ends| ends > Instant::now()) {
            return;
        }
        self.hold_ends = None;
        match catch_unwind(AssertUnwindSafe(|| self.bring_back_newest())) {
            Ok(Ok(())) => {}
            Ok(Err(refused)) => self.refuse(refused),
            Err(_) => self.panicked(),
        }
        self.loader.store.unpin();
    }

    fn bring_back_newest(&self) -> Result<(), Refused> {
        let started = Instant::now();
        let store = &self.loader.store;
        let status = store.status();
        let replaced = status.active.map(|active| active.revision);
        let Some((newest, sources)) = self.shelf.newest() else {
            return Ok(());
        };
        if let Some(revision) = replaced.clone().filter(|it| it.digest == newest.digest) {
            (self.loader.on_event)(LoadEvent::HoldEnded { revision });
            return Ok(());
        }
        let compiled = (self.loader.compile)(sources.clone(), store.next_version())
            .map_err(|findings| Refused::by(findings, sources))?;
        self.put_in_force(compiled, replaced, status.refused, started);
        Ok(())
    }

    /// Puts a set in force that is held, and holds it there.
    pub(in crate::bundle) fn roll_back(&mut self, rollback: Rollback) -> Result<(), SteerError> {
        let done = catch_unwind(AssertUnwindSafe(|| self.put_back(rollback)));
        done.unwrap_or(Err(SteerError::Panicked))
    }

    fn put_back(&mut self, rollback: Rollback) -> Result<(), SteerError> {
        let loader = &self.loader;
        let Rollback {
            digest,
            reason,
            by,
            hold,
        } = rollback;
        let Some(sources) = self.shelf.find(&digest) else {
            return Err(SteerError::Unknown(digest));
        };
        let compiled = (loader.compile)(sources.clone(), loader.store.next_version())
            .map_err(|findings| SteerError::Refused(lines(&findings)))?;
        let (now, ends, status) = ((loader.now)(), Instant::now() + hold, loader.store.status());
        let pinned = Pinned {
            digest,
            reason,
            by,
            until: now.plus(hold),
        };
        let event = LoadEvent::RolledBack {
            revision: compiled.revision.clone(),
            replaced: status.active.map(|active| active.revision),
            pinned: pinned.clone(),
            changes: compiled.changes.clone(),
        };
        (loader.record)(&event).map_err(SteerError::Unrecorded)?;
        let standing = Standing {
            refused: status.refused,
            held: self.shelf.list(),
            pinned: Some(pinned),
        };
        loader.store.put(compiled, now, standing);
        self.hold_ends = Some(ends);
        (self.loader.on_event)(event);
        Ok(())
    }
}
