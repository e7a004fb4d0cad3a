//! The answer.

use super::json::{Json, Object};
use super::obligation::Obligation;
use super::reason::{Code, Reason};
use super::revision::EngineKind;

/// What the enforcement point does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Forward.
    Allow,
    /// Do not forward.
    Deny,
    /// Forward what the PDP gives back, and owe the obligations.
    Constrain,
    /// Do not forward before a human has approved.
    RequireApproval,
}

impl Effect {
    /// Every effect.
    pub const ALL: [Self; 4] = [
        Self::Allow,
        Self::Deny,
        Self::Constrain,
        Self::RequireApproval,
    ];

    /// The name in the reply and in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Constrain => "constrain",
            Self::RequireApproval => "require_approval",
        }
    }

    /// Whether the call goes through.
    #[must_use]
    pub const fn grants(self) -> bool {
        matches!(self, Self::Allow | Self::Constrain)
    }
}

/// Who has to approve, and why: one element of a package's `approve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The policy's code for it.
    pub code: String,
    /// Roles of which one has to approve.
    pub by: Vec<String>,
    /// The package that wants it.
    pub policy: String,
}

/// A decision: total, pure, and everything that its record needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What to do.
    pub effect: Effect,
    /// Phase `list`: whether the entry is shown. Else whether a denied caller may learn that the
    /// tool exists.
    pub visible: bool,
    /// Every reason: of a deny the denies, of a grant the codes of the allows.
    pub reasons: Vec<Reason>,
    /// What is owed, merged. Empty unless the effect grants.
    pub obligations: Vec<Obligation>,
    /// Who has to approve.
    pub approvals: Vec<Approval>,
    /// The packages that contributed to the effect, sorted.
    pub policies: Vec<String>,
    /// What packages in shadow would have done: recorded, never enforced.
    pub shadow: Vec<Shadow>,
    /// The arguments' replacement, where obligations rewrote `params`.
    pub params: Option<Object>,
    /// The result's replacement, where obligations changed it.
    pub result: Option<Json>,
    /// What obligations took out of the result; `None` if nothing was owed.
    pub filtered: Option<Filtered>,
    /// Which evaluator ran; `None` if none did.
    pub engine: Option<EngineKind>,
}

/// What obligations took out of a result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filtered {
    /// Fields that were masked somewhere, as the policy wrote them, sorted.
    pub masked: Vec<String>,
    /// Fields that were dropped somewhere, as the policy wrote them, sorted.
    pub dropped: Vec<String>,
    /// Rows removed; copies of the same rows count once.
    pub rows_removed: u64,
}

impl Verdict {
    /// A denial for one reason.
    #[must_use]
    pub fn deny(reason: Reason) -> Self {
        Self::new(Effect::Deny, vec![reason])
    }

    /// An effect and its reasons; the packages that gave them are the ones that contributed.
    #[must_use]
    pub fn new(effect: Effect, reasons: Vec<Reason>) -> Self {
        let mut verdict = Self {
            effect,
            visible: false,
            policies: Vec::new(),
            reasons,
            obligations: Vec::new(),
            approvals: Vec::new(),
            shadow: Vec::new(),
            params: None,
            result: None,
            filtered: None,
            engine: None,
        };
        verdict.note_policies(
            verdict
                .reasons
                .iter()
                .map(|reason| reason.policy.clone())
                .collect(),
        );
        verdict
    }

    /// Adds packages to those that contributed: sorted, each once, empty names left out.
    pub fn note_policies(&mut self, policies: Vec<String>) {
        self.policies
            .extend(policies.into_iter().filter(|policy| !policy.is_empty()));
        self.policies.sort();
        self.policies.dedup();
    }
}

impl From<Code> for Verdict {
    fn from(code: Code) -> Self {
        Self::deny(code.reason())
    }
}

/// What one package in shadow would have contributed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// The package.
    pub policy: String,
    /// The effect the whole decision would have had with this package enforced.
    pub effect: Effect,
    /// The codes that the package gave.
    pub codes: Vec<String>,
}

/// What has to be written after a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Remember what the call owes to its result.
    Owe(Vec<Obligation>),
    /// Wait for the record before replying.
    RecordDurably,
}
