//! What is counted apart, by name.

/// What an enforcement point reported that does not agree with what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// An outcome of a decision that is not known, or is another caller's.
    DecisionUnknown,
    /// An event under the number of another one.
    SeqReused,
    /// Events are missing.
    Gap,
}

impl Doubt {
    pub(super) const ALL: [Self; 3] = [Self::DecisionUnknown, Self::SeqReused, Self::Gap];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::DecisionUnknown => "decision_unknown",
            Self::SeqReused => "seq_reused",
            Self::Gap => "gap",
        }
    }
}

/// What came of fetching the keys for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Other keys than before: they are in use.
    Changed,
    /// The keys that are in use: they count as new.
    Unchanged,
    /// Nothing was fetched.
    Failed,
    /// What was fetched is of no use.
    Refused,
}

impl Fetched {
    pub(super) const ALL: [Self; 4] = [Self::Changed, Self::Unchanged, Self::Failed, Self::Refused];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }
}
