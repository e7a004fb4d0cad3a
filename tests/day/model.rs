//! What may be in force at which moment, and what is answered then. It knows nothing of how a PDP
//! gets there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use toolgate::wire::v1::Effect;

/// Moments: they are counted, not measured.
#[derive(Default)]
pub struct Clock(AtomicU64);

impl Clock {
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    /// Ends a moment and gives its number.
    fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// What the files of a tenant say; each part is numbered, and its number stands in the answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Content {
    pub rules: u32,
    pub data: u32,
    /// Whether the data gives `agent_a` the role that may write.
    pub writes: bool,
    pub extra: Option<u32>,
    pub more: u32,
}

/// An effect, and the codes in their order.
pub type Answer = (Effect, Vec<String>);

/// The set of a tenant, or none, answers a question about this tool.
pub fn answer(tenant: &str, content: Option<&Content>, tool: &str) -> Answer {
    let Some(content) = content else {
        return (Effect::Deny, vec!["no_policy_set".to_owned()]);
    };
    let code = |part: &str, number: u32| format!("{tenant}.{part}.{number}");
    let (rules, data) = (code("rules", content.rules), code("data", content.data));
    let effect = match tool == "crm/read" || content.writes {
        true => Effect::Allow,
        false => Effect::Deny,
    };
    let mut codes = vec![rules, data];
    if effect == Effect::Allow {
        codes.push(code("more", content.more));
        codes.extend(content.extra.map(|number| code("extra", number)));
    }
    codes.sort();
    (effect, codes)
}

/// What was, or may have been, from one moment to another, both included.
struct Span<T> {
    value: T,
    from: u64,
    to: u64,
}

/// What may be at which moment.
pub struct Timeline<T>(Vec<Span<T>>);

impl<T: Clone + PartialEq> Timeline<T> {
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// From now on this may be, too.
    pub fn open(&mut self, clock: &Clock, value: T) {
        let is_open = |span: &Span<T>| span.to == u64::MAX && span.value == value;
        if self.0.iter().any(is_open) {
            return;
        }
        let from = clock.tick() + 1;
        let to = u64::MAX;
        self.0.push(Span { value, from, to });
    }

    /// From now on nothing else may be.
    pub fn settle(&mut self, clock: &Clock, value: T) {
        self.open(clock, value.clone());
        let now = clock.tick();
        for span in &mut self.0 {
            if span.to == u64::MAX && span.value != value {
                span.to = now;
            }
        }
    }

    /// What may have been at some moment of these.
    pub fn during(&self, from: u64, to: u64) -> impl Iterator<Item = &T> {
        let overlapping = move |span: &&Span<T>| span.from <= to && from <= span.to;
        self.0.iter().filter(overlapping).map(|span| &span.value)
    }
}

/// A verdict, as a caller got it.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub life: usize,
    pub tenant: usize,
    pub tool: &'static str,
    /// The key that signed the token of the question, if it had one.
    pub key: Option<usize>,
    pub asked: u64,
    pub answered: u64,
    pub id: String,
    pub answer: Answer,
    pub version: u64,
    pub digest: String,
}

/// A question that got no verdict.
#[derive(Clone, Debug)]
pub struct Lost {
    pub asked: u64,
    pub answered: u64,
    pub why: String,
}

/// One tenant, as far as verdicts tell.
pub struct Tenant {
    pub name: &'static str,
    pub sets: Timeline<Option<Content>>,
    /// Digests are equal where contents are.
    names: BTreeMap<String, Content>,
}

impl Tenant {
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            sets: Timeline::new(),
            names: BTreeMap::new(),
        }
    }

    /// The content with this digest, as far as it is known.
    pub fn named(&self, digest: &str) -> Option<&Content> {
        self.names.get(digest)
    }

    /// Notes that this is the digest of this content.
    pub fn name(&mut self, digest: &str, content: &Content) -> Result<(), String> {
        let other = self
            .names
            .iter()
            .find(|(known, named)| (*known == digest) != (*named == content));
        if let Some((known, named)) = other {
            return Err(format!("{digest} is {content:?}, and {known} is {named:?}"));
        }
        self.names.insert(digest.to_owned(), content.clone());
        Ok(())
    }
}

impl Verdict {
    /// Whether nobody was recognised who could have been told what a policy set says.
    pub fn is_nobodys(&self) -> bool {
        self.answer.0 == Effect::Deny
            && [[BAD_TOKEN], [TORN_TOKEN]]
                .iter()
                .any(|it| self.answer.1 == *it)
    }
}

/// All that the model knows.
pub struct Model {
    pub tenants: [Tenant; 2],
    /// The key that verifies tokens.
    pub keys: Timeline<usize>,
    /// Whether the process may be gone.
    pub restarts: Timeline<bool>,
}

/// What is said of a token that no key verifies.
const BAD_TOKEN: &str = "unauthenticated";
/// What is said where the key changed between telling the question's tenant and who asks.
const TORN_TOKEN: &str = "tenant_unknown";

impl Model {
    /// Says what is wrong with a verdict.
    pub fn check(&mut self, verdict: &Verdict) -> Result<(), String> {
        let (from, to) = (verdict.asked, verdict.answered);
        let (mut may_pass, mut may_fail) = (verdict.key.is_none(), false);
        for key in self.keys.during(from, to) {
            may_pass |= verdict.key == Some(*key);
            may_fail |= verdict.key.is_some_and(|signed| signed != *key);
        }
        let is_torn = may_pass && verdict.answer.1 == [TORN_TOKEN];
        if may_fail && (is_torn || verdict.answer.1 == [BAD_TOKEN]) {
            return Ok(());
        }
        let tenant = &mut self.tenants[verdict.tenant];
        let expected = |set: &&Option<Content>| {
            answer(tenant.name, set.as_ref(), verdict.tool) == verdict.answer
        };
        let sets: Vec<_> = tenant.sets.during(from, to).cloned().collect();
        if !may_pass {
            return Err(format!("{verdict:?}: the token's key was out of use"));
        }
        let Some(set) = sets.iter().find(expected) else {
            return Err(format!("{verdict:?}: there could be {sets:?} alone"));
        };
        // A denial does not say all that its set has.
        match set.as_ref().filter(|_| verdict.answer.0 == Effect::Allow) {
            Some(content) => tenant.name(&verdict.digest, content),
            None => Ok(()),
        }
    }

    /// Says what is wrong with a question that got no verdict.
    pub fn check_lost(&self, lost: &Lost) -> Result<(), String> {
        let mut during = self.restarts.during(lost.asked, lost.answered);
        match during.any(|is_restart| *is_restart) {
            true => Ok(()),
            false => Err(format!(
                "moments {} to {}, without a restart: {}",
                lost.asked, lost.answered, lost.why
            )),
        }
    }
}
