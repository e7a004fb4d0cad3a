//! Whether a text holds a secret, told by its look.
//!
//! One automaton looks for the keywords of all rules at once, and a rule's expression runs only
//! where a keyword of its stands, over the bytes around it. So the usual text costs one pass.

use super::rules::Rules;
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use std::ops::Range;
use std::sync::LazyLock;

/// Said of a text that was too much work to look at: it is taken to hold a secret.
pub const UNCHECKED: &str = "unchecked";
/// How far before its keyword a match may begin, in bytes.
const BEFORE_BYTES_MAX: usize = 128;
/// How far behind its keyword a match may end, in bytes.
const BEHIND_BYTES_MAX: usize = 1 << 10;
/// As `BEFORE_BYTES_MAX`, of rules that repeat without an end.
const BEFORE_UNBOUNDED_BYTES_MAX: usize = 1 << 10;
/// As `BEHIND_BYTES_MAX`, of rules that repeat without an end: a private key, a token of claims.
const BEHIND_UNBOUNDED_BYTES_MAX: usize = 16 << 10;
/// Bytes that expressions may look at, of one content, all rules together.
pub const WORK_BYTES_MAX: usize = 4 << 20;
/// Texts shorter than this hold no secret that a rule knows, in bytes.
const TEXT_BYTES_MIN: usize = 8;
/// What every secret-like name has in it that no keyword has: a text without one holds no document
/// with such a member.
const NAME_PARTS: [&str; 5] = ["pass", "pwd", "cred", "cookie", "authorization"];

static DETECTORS: LazyLock<Option<Detectors>> = LazyLock::new(Detectors::gitleaks);

/// All rules, and the automaton of their keywords.
struct Detectors {
    rules: Rules,
    keywords: AhoCorasick,
    /// By keyword: the rules that have it.
    of_keyword: Vec<Vec<usize>>,
}

/// What looking may still cost, in bytes that expressions look at.
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(WORK_BYTES_MAX)
    }
}

impl Budget {
    fn spend(&mut self, bytes: usize) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or_default();
        left.is_some()
    }
}

/// Gets the rules ready, which takes some milliseconds the first time.
pub fn prepare() {
    LazyLock::force(&DETECTORS);
}

/// Whether a text may hold a secret: if not, no rule finds one in it or in a part of it, and no
/// member in it has a secret-like name.
#[must_use]
pub fn may_hold(text: &[u8]) -> bool {
    text.len() >= TEXT_BYTES_MIN
        && DETECTORS
            .as_ref()
            .is_none_or(|detectors| detectors.keywords.is_match(text))
}

/// The name of the first rule that finds a secret in the text.
#[must_use]
pub fn find(text: &str) -> Option<&'static str> {
    find_within(text.as_bytes(), &mut Budget::default())
}

pub(super) fn find_within(text: &[u8], budget: &mut Budget) -> Option<&'static str> {
    locate(text, budget).map(|(detector, _)| detector)
}

/// As `find`, and where the secret stands.
pub(super) fn locate(text: &[u8], budget: &mut Budget) -> Option<(&'static str, Range<usize>)> {
    if text.len() < TEXT_BYTES_MIN {
        return None;
    }
    match &*DETECTORS {
        Some(detectors) => detectors.find(text, budget),
        None => Some((UNCHECKED, 0..text.len())),
    }
}

/// The bytes around keywords of a rule.
#[derive(Clone, Copy)]
struct Window {
    start: usize,
    end: usize,
}

impl Detectors {
    fn gitleaks() -> Option<Self> {
        let rules = Rules::gitleaks()?;
        let mut keywords: Vec<&str> = Vec::new();
        let mut of_keyword: Vec<Vec<usize>> = Vec::new();
        for (number, rule) in rules.all().iter().enumerate() {
            for keyword in &rule.keywords {
                match keywords.iter().position(|known| known == keyword) {
                    Some(known) => of_keyword.get_mut(known)?.push(number),
                    None => {
                        keywords.push(keyword);
                        of_keyword.push(vec![number]);
                    }
                }
            }
        }
        for part in NAME_PARTS {
            keywords.push(part);
            of_keyword.push(Vec::new());
        }
        let keywords = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&keywords)
            .ok()?;
        Some(Self {
            rules,
            keywords,
            of_keyword,
        })
    }

    fn find(&self, text: &[u8], budget: &mut Budget) -> Option<(&str, Range<usize>)> {
        self.windows(text).into_iter().find_map(|(rule, window)| {
            if !budget.spend(window.end - window.start) {
                return Some((UNCHECKED, 0..text.len()));
            }
            let seen = text.get(..window.end).unwrap_or(text);
            self.rules.find(rule, seen, window.start)
        })
    }

    /// Which rules are to look at what.
    fn windows(&self, text: &[u8]) -> Vec<(usize, Window)> {
        let mut windows: Vec<(usize, Window)> = Vec::new();
        // By rule, where its last window is. Most texts have no keyword, and then nothing is made.
        let mut last_of: Vec<Option<usize>> = Vec::new();
        for hit in self.keywords.find_overlapping_iter(text) {
            last_of.resize(self.rules.all().len(), None);
            let rules = self.of_keyword.get(hit.pattern().as_usize());
            for rule in rules.into_iter().flatten() {
                let window = self.window(*rule, hit.start(), hit.end(), text.len());
                let Some(last) = last_of.get_mut(*rule) else {
                    continue;
                };
                match last.and_then(|last| windows.get_mut(last)) {
                    // Those that touch are looked at together.
                    Some((_, last)) if window.start <= last.end => last.end = window.end,
                    _ => {
                        *last = Some(windows.len());
                        windows.push((*rule, window));
                    }
                }
            }
        }
        windows
    }

    fn window(&self, rule: usize, start: usize, end: usize, text_bytes: usize) -> Window {
        let is_unbounded = self
            .rules
            .all()
            .get(rule)
            .is_some_and(|rule| rule.is_unbounded);
        let (before, behind) = match is_unbounded {
            true => (BEFORE_UNBOUNDED_BYTES_MAX, BEHIND_UNBOUNDED_BYTES_MAX),
            false => (BEFORE_BYTES_MAX, BEHIND_BYTES_MAX),
        };
        Window {
            start: start.saturating_sub(before),
            end: text_bytes.min(end + behind),
        }
    }
}

#[cfg(test)]
mod tests;
