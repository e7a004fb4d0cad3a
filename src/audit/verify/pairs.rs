//! Which granted calls have an outcome, over all logs that are looked at together: after a
//! failover an outcome may stand in another log than its decision, or in two.

#[cfg(test)]
mod tests;

use super::line::Line;
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};

/// So many calls without an outcome are remembered, as many outcomes without a decision, and as
/// many events.
const WINDOW: usize = 262_144;

/// How decisions and outcomes go together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paired {
    /// Calls that were granted.
    pub granted: u64,
    /// Outcomes, each once however often it was recorded.
    pub outcomes: u64,
    /// Granted calls that have their outcome.
    pub paired: u64,
    /// Records of an outcome that another record has already.
    pub repeated: u64,
    /// Calls and outcomes that were forgotten before the other half came, if it ever did: `paired`
    /// may be too small by as many.
    pub forgotten: u64,
}

impl Paired {
    /// Granted calls without an outcome.
    #[must_use]
    pub const fn without_outcome(&self) -> u64 {
        self.granted - self.paired
    }

    /// Outcomes without a granted call.
    #[must_use]
    pub const fn without_decision(&self) -> u64 {
        self.outcomes - self.paired
    }
}

/// Pairs what several logs hold.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    hasher: RandomState,
    calls: Window,
    outcomes: Window,
    events: Window,
    paired: Paired,
}

impl Pairs {
    /// What was found so far.
    #[must_use]
    pub const fn so_far(&self) -> Paired {
        self.paired
    }

    pub(super) fn see(&mut self, line: &Line<'_>) {
        match line.kind.as_ref() {
            "decision" if is_granted_call(line) => self.call(line),
            "outcome" => self.outcome(line),
            _ => {}
        }
    }

    fn id(&self, line: &Line<'_>, name: &str) -> Option<u64> {
        let id = line.fields.text(name).filter(|id| !id.is_empty())?;
        Some(self.hasher.hash_one(id.as_bytes()))
    }

    fn call(&mut self, line: &Line<'_>) {
        let Some(id) = self.id(line, "decision_id") else {
            return;
        };
        self.paired.granted += 1;
        if self.outcomes.take(id) {
            self.paired.paired += 1;
        } else {
            self.paired.forgotten += u64::from(self.calls.put(id));
        }
    }

    fn outcome(&mut self, line: &Line<'_>) {
        let event = self.id(line, "event_id");
        if event.is_some_and(|event| self.events.has(event)) {
            self.paired.repeated += 1;
            return;
        }
        if let Some(event) = event {
            let _forgot = self.events.put(event);
        }
        self.paired.outcomes += 1;
        let Some(id) = self.id(line, "decision_id") else {
            return;
        };
        if self.calls.take(id) {
            self.paired.paired += 1;
        } else {
            self.paired.forgotten += u64::from(self.outcomes.put(id));
        }
    }
}

/// Whether an outcome is to follow.
fn is_granted_call(line: &Line<'_>) -> bool {
    line.fields.raw("phase") == Some("\"call\"")
        && matches!(
            line.fields.raw("effect"),
            Some("\"allow\"" | "\"constrain\"")
        )
        && line.fields.raw("dry_run") == Some("false")
}

/// The last ids that were put in and not taken out.
#[derive(Clone, Debug, Default)]
struct Window {
    ids: HashSet<u64>,
    /// Those that were taken out may still be here.
    oldest_first: VecDeque<u64>,
}

impl Window {
    fn has(&self, id: u64) -> bool {
        self.ids.contains(&id)
    }

    fn take(&mut self, id: u64) -> bool {
        self.ids.remove(&id)
    }

    /// Whether another one was forgotten for it.
    fn put(&mut self, id: u64) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        self.oldest_first.push_back(id);
        let is_over = self.oldest_first.len() > WINDOW;
        let oldest = is_over.then(|| self.oldest_first.pop_front()).flatten();
        oldest.is_some_and(|oldest| self.ids.remove(&oldest))
    }
}
