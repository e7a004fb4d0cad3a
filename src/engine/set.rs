//! A compiled policy set: immutable, complete, taken once by each decision.

#[cfg(test)]
mod tests;

use super::memo::{Memo, MemoKey};
use super::replica::{Entry, EvaluationError, Replica};
use super::scope::Scopes;
use super::trace::Texts;
use super::value::{self, Inexact};
use crate::model::call::{Facts, Request};
use crate::model::finding::Finding;
use crate::model::json::Json;
use crate::model::reason::Reason;
use crate::model::revision::{EngineKind, Revision};
use crate::model::time::Timestamp;
use regorus::Value;
use std::cell::{Cell, OnceCell};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// Every policy that decides together, compiled, with a copy for each worker thread.
pub struct PolicySet {
    pub(super) revision: Revision,
    pub(super) packages: Vec<Package>,
    pub(super) scopes: Scopes,
    pub(super) warnings: Vec<Finding>,
    pub(super) data: Value,
    /// What it was compiled from, to tell which rules held.
    pub(super) texts: Arc<Texts>,
    pub(super) seats: Box<[Mutex<Seat>]>,
}

/// What one thread at a time decides with.
pub(super) struct Seat {
    replica: Replica,
    memo: Memo,
}

impl Seat {
    /// A copy that keeps so many answers.
    pub(super) fn new(replica: Replica, memo_answers_max: usize) -> Self {
        let memo = Memo::new(memo_answers_max);
        Self { replica, memo }
    }

    fn evaluate(&mut self, package: &Package, input: &Value) -> Result<Sets, EvaluationError> {
        let result = self.replica.evaluate(&package.entry, input)?;
        Sets::read(&package.defines, result).ok_or(EvaluationError::Undefined)
    }

    /// As `evaluate`, unless the answer is kept.
    fn answer(&mut self, package: &Package, question: &Question<'_>) -> Answer {
        let key = package.memo.as_ref();
        if let Some(kept) = key.and_then(|key| self.memo.find(key, question.request)) {
            return Ok(Ok(kept));
        }
        let answer = self.evaluate(package, question.input()?).map(Arc::new);
        if let (Some(_), Ok(answer)) = (key, &answer) {
            self.memo.keep(answer);
        }
        Ok(answer)
    }
}

/// What a package said of a request, or why it said nothing.
pub type Answered<'a> = (&'a Package, Result<Arc<Sets>, EvaluationError>);

type Answer = Result<Result<Arc<Sets>, EvaluationError>, Inexact>;

/// What is asked of a set; the engine's input of it is built when it is needed.
struct Question<'a> {
    request: &'a Request,
    facts: &'a Facts,
    now: Timestamp,
    input: OnceCell<Input>,
}

impl Question<'_> {
    fn input(&self) -> Result<&Value, Inexact> {
        if let Some(input) = self.input.get() {
            return Ok(&input.0);
        }
        let input = Input::of_request(self.request, self.facts, self.now)?;
        Ok(&self.input.get_or_init(|| input).0)
    }
}

/// One policy: a package one level under `policies`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// The name under `policies`, such as `contracts`.
    pub name: String,
    /// The METADATA title; empty if there is none.
    pub title: String,
    /// The servers that METADATA names; `None`: every server.
    pub servers: Option<Vec<String>>,
    /// The servers that the operator lets its bundle speak for; `None`: every server.
    pub granted_servers: Option<Vec<String>>,
    /// Whether it is only recorded, never enforced.
    pub shadow: bool,
    /// Which evaluator runs it.
    pub engine: EngineKind,
    /// Which sets it defines.
    pub defines: Vec<SetName>,
    /// Whether it can read the time, facts or labels: the same question may then have another
    /// answer a moment later.
    pub volatile: bool,
    /// What its answers depend on, where they are kept.
    pub(super) memo: Option<MemoKey>,
    pub(super) entry: Entry,
}

impl Package {
    /// Whether the package is for calls to this server.
    #[must_use]
    pub fn applies_to(&self, server: &str) -> bool {
        self.servers
            .as_ref()
            .is_none_or(|servers| servers.iter().any(|name| name == server))
    }

    /// Whether its allows count for this server.
    #[must_use]
    pub fn may_grant(&self, server: &str) -> bool {
        self.granted_servers
            .as_ref()
            .is_none_or(|servers| servers.iter().any(|name| name == server))
    }
}

/// The partial sets that a policy is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SetName {
    /// Who may.
    Allow,
    /// Who may not, whoever else allows it.
    Deny,
    /// What is owed.
    Constrain,
    /// Who has to approve.
    Approve,
    /// What may be seen in lists.
    Visible,
}

impl SetName {
    /// Every set, in the order of a generated entry point.
    pub const ALL: [Self; 5] = [
        Self::Allow,
        Self::Deny,
        Self::Constrain,
        Self::Approve,
        Self::Visible,
    ];

    /// The rule's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Constrain => "constrain",
            Self::Approve => "approve",
            Self::Visible => "visible",
        }
    }
}

/// Whether an element may stand in a set: what it means is for those to know who combine packages
/// (see [`Options`](super::Options)).
pub type ElementCheck = fn(SetName, &Json) -> Result<(), Reason>;

/// What one package returned: the elements of each set that it defines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sets {
    /// Elements of `allow`.
    pub allow: Vec<Json>,
    /// Elements of `deny`.
    pub deny: Vec<Json>,
    /// Elements of `constrain`.
    pub constrain: Vec<Json>,
    /// Elements of `approve`.
    pub approve: Vec<Json>,
    /// Elements of `visible`.
    pub visible: Vec<Json>,
}

impl Sets {
    /// Each set that is not empty, by its name, in the order of [`SetName::ALL`].
    #[must_use]
    pub fn to_json(&self) -> Json {
        let sets = SetName::ALL.map(|set| (set.as_str(), self.of(set)));
        let held = sets.into_iter().filter(|(_, held)| !held.is_empty());
        Json::object(held.map(|(name, held)| (name, held.to_vec())))
    }

    /// The elements of one set.
    #[must_use]
    pub fn of(&self, set: SetName) -> &[Json] {
        match set {
            SetName::Allow => &self.allow,
            SetName::Deny => &self.deny,
            SetName::Constrain => &self.constrain,
            SetName::Approve => &self.approve,
            SetName::Visible => &self.visible,
        }
    }

    /// The sets of a package's entry point, which gives an array in the order of `defines`.
    fn read(defines: &[SetName], result: Json) -> Option<Self> {
        let Json::Array(results) = result else {
            return None;
        };
        if results.len() != defines.len() {
            return None;
        }
        let mut sets = Self::default();
        for (name, result) in defines.iter().zip(results) {
            let Json::Array(elements) = result else {
                return None;
            };
            *match name {
                SetName::Allow => &mut sets.allow,
                SetName::Deny => &mut sets.deny,
                SetName::Constrain => &mut sets.constrain,
                SetName::Approve => &mut sets.approve,
                SetName::Visible => &mut sets.visible,
            } = elements;
        }
        Some(sets)
    }
}

/// Data that is there but cannot be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the data is too large, or what is above it is no object")]
pub struct Unreadable;

/// An input that was converted once and is evaluated by many packages.
pub struct Input(pub(super) Value);

impl Input {
    /// Converts a policy input.
    ///
    /// # Errors
    /// Where a number would be rounded.
    pub fn new(input: &Json) -> Result<Self, Inexact> {
        value::to_value(input).map(Self)
    }

    /// The policy input of a request.
    ///
    /// # Errors
    /// Where a number would be rounded.
    pub fn of_request(request: &Request, facts: &Facts, now: Timestamp) -> Result<Self, Inexact> {
        let (facts, labels) = (&facts.facts, &facts.labels);
        let input = request.build_input(facts, labels, now, &value::AsValue);
        input.map(Self)
    }
}

impl PolicySet {
    /// The set's name in replies and records.
    #[must_use]
    pub fn revision(&self) -> &Revision {
        &self.revision
    }

    /// Every package, sorted by name.
    #[must_use]
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// What `check` would warn of.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// Part of the set's data, such as `["directory", "principals", id]`; `None` if absent.
    ///
    /// # Errors
    /// If something above it is no object, or it is larger than `bytes_max`.
    pub fn data(&self, path: &[&str], bytes_max: usize) -> Result<Option<Json>, Unreadable> {
        let mut at = &self.data;
        for name in path {
            let above = at.as_object().map_err(|_| Unreadable)?;
            match above.get(&Value::from(*name)) {
                Some(part) => at = part,
                None => return Ok(None),
            }
        }
        let mut bytes_left = bytes_max;
        value::to_json(at, &mut bytes_left)
            .map(Some)
            .map_err(|_| Unreadable)
    }

    /// Evaluates these packages over one input, all in one copy of the set.
    pub fn evaluate<'a>(
        &'a self,
        packages: impl Iterator<Item = &'a Package>,
        input: &Input,
    ) -> Vec<(&'a Package, Result<Sets, EvaluationError>)> {
        let mut seat = self.seat();
        packages
            .map(|package| (package, seat.evaluate(package, &input.0)))
            .collect()
    }

    /// What these packages say of a request: evaluated, or as it was when they were last asked what
    /// to them is the same.
    ///
    /// # Errors
    /// Where a number of the request would be rounded.
    pub fn answers<'a>(
        &'a self,
        packages: impl Iterator<Item = &'a Package>,
        request: &Request,
        facts: &Facts,
        now: Timestamp,
    ) -> Result<Vec<Answered<'a>>, Inexact> {
        let input = OnceCell::new();
        let question = Question {
            request,
            facts,
            now,
            input,
        };
        let mut seat = self.seat();
        let answers = packages
            .map(|package| Ok((package, seat.answer(package, &question)?)))
            .collect::<Result<_, _>>()?;
        if question.input.get().is_none() {
            value::check_numbers(request, facts)?;
        }
        Ok(answers)
    }

    /// How many instructions of the register machine this package takes for this input; `None`
    /// where the interpreter runs it or it gives no answer.
    #[must_use]
    pub fn instructions(&self, package: &Package, input: &Input) -> Option<usize> {
        self.seat().replica.instructions(&package.entry, &input.0)
    }

    /// This thread's copy; another free one if it is taken; else waits for its own.
    fn seat(&self) -> MutexGuard<'_, Seat> {
        let own = thread_slot();
        let count = self.seats.len();
        for offset in 0..count {
            match self.slot(own + offset).try_lock() {
                Ok(guard) => return guard,
                // A machine that panicked has been replaced within the lock already.
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        self.slot(own)
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a set has at least one copy; the index wraps"
    )]
    fn slot(&self, slot: usize) -> &Mutex<Seat> {
        &self.seats[slot % self.seats.len()]
    }
}

impl std::fmt::Debug for PolicySet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolicySet")
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

static NEXT_SLOT: AtomicUsize = AtomicUsize::new(0);
thread_local! {
    static SLOT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// A number of this thread's own, given at its first decision.
fn thread_slot() -> usize {
    SLOT.with(|slot| {
        let own = slot
            .get()
            .unwrap_or_else(|| NEXT_SLOT.fetch_add(1, Ordering::Relaxed));
        slot.set(Some(own));
        own
    })
}
