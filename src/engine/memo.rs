//! Answers of packages that depend on little: who asks for what, and nothing of the arguments, the
//! time or the facts. The same little gives the same answer for as long as the policy set is the
//! same, so that it need not be worked out again.

use super::reads::PackageReads;
use super::set::Sets;
use crate::model::call::{InputPart, Request};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Answers that each copy of a set keeps.
pub const MEMO_ANSWERS_MAX: usize = 4096;

/// Longest key that is kept, in bytes.
const KEY_BYTES_MAX: usize = 1024;
/// Longest answer that is kept, as JSON, in bytes.
const ANSWER_BYTES_MAX: usize = 4096;

/// What a package's answer depends on, where that is little.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MemoKey {
    /// The package's number in its set.
    number: u32,
    parts: Vec<InputPart>,
}

impl MemoKey {
    /// `None`: its answers are not kept.
    pub(super) fn new(number: usize, reads: &PackageReads) -> Option<Self> {
        let number = u32::try_from(number).ok()?;
        let parts = reads.parts()?;
        Some(Self { number, parts })
    }

    fn write(&self, request: &Request, key: &mut String) {
        key.clear();
        // Writing to a text does not fail.
        let _ = writeln!(key, "{}", self.number);
        for part in &self.parts {
            request.write_part(part, key);
        }
    }
}

type Answers = HashMap<Box<str>, Arc<Sets>>;

/// The answers that one copy of a policy set keeps: those of two generations, of which the older
/// one goes when the younger one is full.
#[derive(Debug)]
pub(super) struct Memo {
    generation_max: usize,
    young: Answers,
    old: Answers,
    /// The key that was looked up last.
    key: String,
}

impl Memo {
    /// Keeps about `answers_max`; 0: none.
    pub(super) fn new(answers_max: usize) -> Self {
        Self {
            generation_max: answers_max.div_ceil(2),
            young: Answers::new(),
            old: Answers::new(),
            key: String::new(),
        }
    }

    /// The answer of this package to this request, if it is kept.
    pub(super) fn find(&mut self, key: &MemoKey, request: &Request) -> Option<Arc<Sets>> {
        if self.generation_max == 0 {
            return None;
        }
        key.write(request, &mut self.key);
        if let Some(answer) = self.young.get(self.key.as_str()) {
            return Some(Arc::clone(answer));
        }
        let (kept, answer) = self.old.remove_entry(self.key.as_str())?;
        self.insert(kept, Arc::clone(&answer));
        Some(answer)
    }

    /// Keeps the answer to what was looked up last.
    pub(super) fn keep(&mut self, answer: &Arc<Sets>) {
        if self.generation_max == 0 || self.key.len() > KEY_BYTES_MAX {
            return;
        }
        if answer.to_json().to_bytes().len() <= ANSWER_BYTES_MAX {
            self.insert(self.key.as_str().into(), Arc::clone(answer));
        }
    }

    fn insert(&mut self, key: Box<str>, answer: Arc<Sets>) {
        if self.young.len() >= self.generation_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, answer);
    }
}

#[cfg(test)]
mod tests;
