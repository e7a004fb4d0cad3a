//! The rules of `gitleaks.toml`: what a secret looks like, and what only looks like one.
//!
//! The file is gitleaks' own, unchanged; `make secret-rules` fetches a newer one (`ORIGIN` says which it is). Of a rule are
//! read `regex`, `secretGroup`, `keywords`, `entropy` and `allowlists`. Its `path` is not: content
//! has none, so a rule for some files alone is held against all content, and an allowlist for some
//! files alone allows nothing. A rule without a `regex` finds files by their names: it is left out.

use aho_corasick::AhoCorasick;
use regex::bytes::{Captures, Regex, RegexBuilder};
use serde::Deserialize;
use std::ops::Range;
use std::sync::OnceLock;

/// gitleaks' rules, unchanged.
const GITLEAKS: &str = include_str!("gitleaks.toml");
/// Most bytes that one compiled expression may take: the largest of them takes a fraction.
const REGEX_BYTES_MAX: usize = 64 << 20;
/// Most bytes that one expression's cache of states may take.
const REGEX_CACHE_BYTES_MAX: usize = 4 << 20;

#[derive(Deserialize)]
struct File {
    allowlist: AllowlistText,
    rules: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleText {
    id: String,
    regex: Option<String>,
    #[serde(default)]
    secret_group: usize,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    entropy: f64,
    #[serde(default)]
    allowlists: Vec<AllowlistText>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AllowlistText {
    condition: String,
    regex_target: Target,
    regexes: Vec<String>,
    stopwords: Vec<String>,
    paths: Vec<String>,
}

/// What the expressions of an allowlist are held against.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Target {
    /// The secret itself.
    #[default]
    Secret,
    /// All that the rule matched.
    Match,
    /// The line, or lines, that the match stands in.
    Line,
}

/// One kind of secret.
pub(super) struct Rule {
    /// gitleaks' name of it.
    pub(super) id: String,
    /// Words without which there is none, in small letters.
    pub(super) keywords: Vec<String>,
    /// Whether a match may be as long as the text.
    pub(super) is_unbounded: bool,
    regex: Pattern,
    group: usize,
    entropy_min: f64,
    allowlists: Vec<Allowlist>,
}

/// An expression, compiled when it is used first: most never are.
struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn new(text: &str) -> Self {
        Self {
            text: in_own_dialect(text),
            compiled: OnceLock::new(),
        }
    }

    /// `None`: it does not compile, which a test rules out.
    fn get(&self) -> Option<&Regex> {
        let compile = || {
            let mut builder = RegexBuilder::new(&self.text);
            // As RE2 has it: `\w` and its like are ASCII.
            builder.unicode(false).size_limit(REGEX_BYTES_MAX);
            builder.dfa_size_limit(REGEX_CACHE_BYTES_MAX).build().ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }

    /// Whether it is found; one that does not compile is not.
    fn is_in(&self, bytes: &[u8]) -> bool {
        self.get().is_some_and(|regex| regex.is_match(bytes))
    }
}

/// RE2 takes a brace that begins no repetition for itself; here it has to be escaped.
fn in_own_dialect(regex: &str) -> String {
    let mut out = String::with_capacity(regex.len());
    let mut characters = regex.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek();
        let is_literal = character == '{' && !next.is_some_and(char::is_ascii_digit);
        if is_literal {
            out.push('\\');
        }
        out.push(character);
        if character == '\\' {
            out.extend(characters.next());
        }
    }
    out
}

/// What is no secret, whatever it looks like.
struct Allowlist {
    target: Target,
    regexes: Vec<Pattern>,
    stopwords: Option<AhoCorasick>,
    /// Whether expressions and words have to agree.
    needs_all: bool,
}

impl Allowlist {
    fn read(text: AllowlistText) -> Option<Self> {
        let needs_all = text.condition.eq_ignore_ascii_case("and");
        // No content is at a path.
        if needs_all && !text.paths.is_empty() {
            return None;
        }
        let words = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&text.stopwords);
        Some(Self {
            target: text.regex_target,
            regexes: text.regexes.iter().map(|it| Pattern::new(it)).collect(),
            stopwords: words.ok().filter(|_| !text.stopwords.is_empty()),
            needs_all,
        })
    }

    fn allows(&self, found: &Found<'_>) -> bool {
        let target = match self.target {
            Target::Secret => found.secret,
            Target::Match => found.whole,
            Target::Line => found.line(),
        };
        let by_regex = || self.regexes.iter().any(|regex| regex.is_in(target));
        let words = self.stopwords.as_ref();
        let by_word = || words.is_some_and(|words| words.is_match(found.secret));
        match self.needs_all {
            true => (self.regexes.is_empty() || by_regex()) && (words.is_none() || by_word()),
            false => by_regex() || by_word(),
        }
    }
}

/// A match, within its text.
struct Found<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
    whole: &'a [u8],
    secret: &'a [u8],
    secret_at: Range<usize>,
}

impl<'a> Found<'a> {
    /// As gitleaks does: of several groups the first that matched, where the rule names none.
    fn new(text: &'a [u8], captures: &Captures<'a>, group: usize) -> Option<Self> {
        let whole = captures.get(0)?;
        let groups = captures.iter().skip(1).flatten();
        let secret = match group {
            0 => groups.into_iter().find(|group| !group.is_empty()),
            group => captures.get(group),
        };
        let secret = secret.unwrap_or(whole);
        Some(Self {
            text,
            start: whole.start(),
            end: whole.end(),
            whole: whole.as_bytes(),
            secret: secret.as_bytes(),
            secret_at: secret.range(),
        })
    }

    fn line(&self) -> &'a [u8] {
        let before = self.text.get(..self.start).unwrap_or_default();
        let start = before.iter().rposition(|byte| *byte == b'\n');
        let start = start.map_or(0, |newline| newline + 1);
        let after = self.text.get(self.end..).unwrap_or_default();
        let end = after.iter().position(|byte| *byte == b'\n');
        let end = end.map_or(self.text.len(), |newline| self.end + newline);
        self.text.get(start..end).unwrap_or_default()
    }
}

impl Rule {
    fn read(text: RuleText) -> Option<Self> {
        let regex = text.regex?;
        Some(Self {
            is_unbounded: is_unbounded(&regex),
            regex: Pattern::new(&regex),
            keywords: text.keywords.iter().map(|it| it.to_lowercase()).collect(),
            group: text.secret_group,
            entropy_min: text.entropy,
            allowlists: text
                .allowlists
                .into_iter()
                .filter_map(Allowlist::read)
                .collect(),
            id: text.id,
        })
    }

    /// Where the first secret of this kind stands in the text from `start` on. A rule that cannot
    /// be used finds one everywhere.
    fn finds(&self, text: &[u8], start: usize, always_allowed: &Allowlist) -> Option<Range<usize>> {
        let all = 0..text.len();
        let Some(regex) = self.regex.get() else {
            return Some(all);
        };
        let mut at = start;
        // Every match but an empty one moves `at` on, and no rule matches nothing.
        while let Some(captures) = regex.captures_at(text, at.min(text.len())) {
            let Some(found) = Found::new(text, &captures, self.group) else {
                return Some(all);
            };
            if self.is_secret(&found, always_allowed) {
                return Some(found.secret_at);
            }
            at = found.end.max(at + 1);
            if at >= text.len() {
                break;
            }
        }
        None
    }

    fn is_secret(&self, found: &Found<'_>, always_allowed: &Allowlist) -> bool {
        (self.entropy_min == 0.0 || entropy(found.secret) > self.entropy_min)
            && !always_allowed.allows(found)
            && !self.allowlists.iter().any(|list| list.allows(found))
    }
}

/// Whether an expression may repeat something without an end.
fn is_unbounded(regex: &str) -> bool {
    let mut previous = ' ';
    let mut in_class = false;
    regex.chars().any(|character| {
        let escaped = previous == '\\';
        match (character, escaped) {
            ('[', false) => in_class = true,
            (']', false) => in_class = false,
            _ => {}
        }
        let repeats = matches!(character, '*' | '+') && !escaped && !in_class;
        // `{8,}`
        let is_open = character == '}' && previous == ',';
        previous = if escaped { ' ' } else { character };
        repeats || is_open
    })
}

/// Shannon's, in bits a byte.
fn entropy(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(bytes.len()).unwrap_or(u32::MAX).max(1));
    let counts = counts.iter().filter(|count| **count > 0);
    let share = |count: &u32| f64::from(*count) / total;
    -counts.map(share).map(|it| it * it.log2()).sum::<f64>()
}

/// All rules, and what no rule may find.
pub(super) struct Rules {
    rules: Vec<Rule>,
    always_allowed: Allowlist,
}

impl Rules {
    /// gitleaks' rules; `None`: they cannot be read, which a test rules out.
    pub(super) fn gitleaks() -> Option<Self> {
        let file: File = toml::from_str(GITLEAKS).ok()?;
        Some(Self {
            rules: file.rules.into_iter().filter_map(Rule::read).collect(),
            always_allowed: Allowlist::read(AllowlistText {
                paths: Vec::new(),
                ..file.allowlist
            })?,
        })
    }

    pub(super) fn all(&self) -> &[Rule] {
        &self.rules
    }

    /// The name of this rule, if it finds a secret in the text from `start` on, and where.
    pub(super) fn find(
        &self,
        rule: usize,
        text: &[u8],
        start: usize,
    ) -> Option<(&str, Range<usize>)> {
        let rule = self.rules.get(rule)?;
        let found = rule.finds(text, start, &self.always_allowed);
        Some((rule.id.as_str(), found?))
    }
}

#[cfg(test)]
mod tests;
