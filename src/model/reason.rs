//! Why: codes that a machine can act on, messages that may be shown to the agent.

/// One reason of a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// A stable code: the policy's own (`region.mismatch`) or one of [`Code`].
    pub code: String,
    /// Public text. Never rule text, never an echo of arguments.
    pub message: String,
    /// The package that gave it, such as `contracts`; empty if it was not a policy.
    pub policy: String,
    /// Which part of toolgate gave it.
    pub origin: Origin,
    /// Whether the same call may succeed later without anything else changing.
    pub retryable: bool,
}

/// Which part gave a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A policy's own rule.
    Policy,
    /// Who asks, and what it may ask about.
    Identity,
    /// A limit: size, depth, time, rate.
    Limit,
    /// Evaluating failed.
    Engine,
    /// Something that is needed is not there.
    Availability,
}

impl Origin {
    /// The name in the reply and in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Identity => "identity",
            Self::Limit => "limit",
            Self::Engine => "engine",
            Self::Availability => "availability",
        }
    }
}

/// Every code that toolgate itself gives. `docs/reasons.md` has a section for each; a test holds
/// the two equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// No applicable policy allows the call.
    NoMatchingAllow,
    /// Nobody could tell who asks.
    Unauthenticated,
    /// There are no keys, or none that are fresh enough, to verify a token with.
    TokenKeysUnavailable,
    /// The caller may not speak for this subject.
    SubjectNotAllowed,
    /// The caller is of several tenants, and nothing says for which it asks.
    TenantUnknown,
    /// The caller may not ask about this server.
    ServerNotAllowed,
    /// The caller may not ask for decisions.
    DecideNotAllowed,
    /// The payload is not strict JSON or not of the shape that the method has.
    MalformedRequest,
    /// No policy set is active.
    NoPolicySet,
    /// The active policy set is older than the request demands.
    PolicyTooOld,
    /// A policy raised an error or was undefined where it must not be.
    PolicyError,
    /// A policy returned something of a shape that means nothing.
    PolicyResultInvalid,
    /// Evaluating took too long or too many instructions.
    EvaluationLimit,
    /// Evaluating panicked.
    EvaluationPanic,
    /// What the policies returned is larger than may be.
    OutputTooLarge,
    /// An obligation's type is not known.
    ObligationUnknown,
    /// An obligation is ill-formed.
    ObligationInvalid,
    /// Two obligations contradict each other.
    ObligationConflict,
    /// An obligation is for the shim, and the shim does not know it.
    ObligationUnsupported,
    /// An obligation could not be applied to the arguments or the result.
    ObligationFailed,
    /// The arguments, once rewritten, would be rewritten again.
    RewriteUnstable,
    /// The call that this result belongs to is not known, or not this principal's.
    CallUnknown,
    /// The MCP method is not one that toolgate mediates.
    MethodUnknown,
    /// The tool's name is confusable with another's.
    NameConfusable,
    /// The audit log cannot be written.
    AuditUnavailable,
    /// The audit log is not the one that the shim knows (given by a shim).
    AuditLogRefused,
    /// The PDP could not be reached in time (given by a shim).
    PdpUnavailable,
    /// A dry run grants nothing.
    DryRun,
    /// A human has to approve the call first.
    ApprovalRequired,
    /// The result cannot be masked, and so is withheld.
    ResultWithheld,
    /// Something inside toolgate failed.
    Internal,
}

impl Code {
    /// Every code, in the order of `docs/reasons.md`.
    pub const ALL: [Self; 31] = [
        Self::NoMatchingAllow,
        Self::ApprovalRequired,
        Self::DryRun,
        Self::Unauthenticated,
        Self::TokenKeysUnavailable,
        Self::SubjectNotAllowed,
        Self::TenantUnknown,
        Self::ServerNotAllowed,
        Self::DecideNotAllowed,
        Self::MalformedRequest,
        Self::MethodUnknown,
        Self::NameConfusable,
        Self::CallUnknown,
        Self::NoPolicySet,
        Self::PolicyTooOld,
        Self::PolicyError,
        Self::PolicyResultInvalid,
        Self::EvaluationLimit,
        Self::EvaluationPanic,
        Self::OutputTooLarge,
        Self::ObligationUnknown,
        Self::ObligationInvalid,
        Self::ObligationConflict,
        Self::ObligationUnsupported,
        Self::ObligationFailed,
        Self::RewriteUnstable,
        Self::ResultWithheld,
        Self::AuditUnavailable,
        Self::AuditLogRefused,
        Self::PdpUnavailable,
        Self::Internal,
    ];

    /// The code's text, its part of origin, its public message, and whether to try again.
    const fn facts(self) -> (&'static str, Origin, &'static str, bool) {
        use Origin::{Availability, Engine, Identity, Limit, Policy};
        match self {
            Self::NoMatchingAllow => (
                "no_matching_allow",
                Policy,
                "no policy allows this call",
                false,
            ),
            Self::Unauthenticated => (
                "unauthenticated",
                Identity,
                "the caller is not known",
                false,
            ),
            Self::TokenKeysUnavailable => (
                "token_keys_unavailable",
                Availability,
                "the keys for tokens are not available",
                true,
            ),
            Self::SubjectNotAllowed => (
                "subject_not_allowed",
                Identity,
                "the caller may not speak for this subject",
                false,
            ),
            Self::TenantUnknown => (
                "tenant_unknown",
                Identity,
                "it is not known which tenant asks",
                false,
            ),
            Self::ServerNotAllowed => (
                "server_not_allowed",
                Identity,
                "the caller may not ask about this server",
                false,
            ),
            Self::DecideNotAllowed => (
                "decide_not_allowed",
                Identity,
                "the caller may not ask for decisions",
                false,
            ),
            Self::MalformedRequest => (
                "malformed_request",
                Limit,
                "the request is malformed",
                false,
            ),
            Self::NoPolicySet => (
                "no_policy_set",
                Availability,
                "no policy set is active",
                true,
            ),
            Self::PolicyTooOld => (
                "policy_too_old",
                Availability,
                "the active policy set is older than demanded",
                true,
            ),
            Self::PolicyError => (
                "policy_error",
                Engine,
                "a policy could not be evaluated",
                false,
            ),
            Self::PolicyResultInvalid => (
                "policy_result_invalid",
                Engine,
                "a policy gave an answer that means nothing",
                false,
            ),
            Self::EvaluationLimit => (
                "evaluation_limit",
                Limit,
                "evaluating the policies took too long",
                true,
            ),
            Self::EvaluationPanic => (
                "evaluation_panic",
                Engine,
                "evaluating the policies failed",
                false,
            ),
            Self::OutputTooLarge => (
                "output_too_large",
                Limit,
                "the policies' answer is too large",
                false,
            ),
            Self::ObligationUnknown => (
                "obligation_unknown",
                Engine,
                "an obligation is not known",
                false,
            ),
            Self::ObligationInvalid => (
                "obligation_invalid",
                Engine,
                "an obligation is ill-formed",
                false,
            ),
            Self::ObligationConflict => (
                "obligation_conflict",
                Engine,
                "two obligations contradict each other",
                false,
            ),
            Self::ObligationUnsupported => (
                "obligation_unsupported",
                Engine,
                "the enforcement point does not support an obligation",
                false,
            ),
            Self::ObligationFailed => (
                "obligation_failed",
                Engine,
                "an obligation could not be applied",
                false,
            ),
            Self::RewriteUnstable => (
                "rewrite_unstable",
                Engine,
                "the rewritten arguments would be rewritten again",
                false,
            ),
            Self::CallUnknown => (
                "call_unknown",
                Identity,
                "the result belongs to no known call",
                false,
            ),
            Self::MethodUnknown => (
                "method_unknown",
                Policy,
                "this method is not mediated",
                false,
            ),
            Self::NameConfusable => (
                "name_confusable",
                Identity,
                "the name looks like another's",
                false,
            ),
            Self::AuditUnavailable => (
                "audit_unavailable",
                Availability,
                "the audit log cannot be written",
                true,
            ),
            Self::AuditLogRefused => (
                "audit_log_refused",
                Availability,
                "the audit log is not the one that was known",
                false,
            ),
            Self::PdpUnavailable => (
                "pdp_unavailable",
                Availability,
                "the policy decision point cannot be reached",
                true,
            ),
            Self::DryRun => ("dry_run", Policy, "a dry run grants nothing", false),
            Self::ApprovalRequired => (
                "approval_required",
                Policy,
                "a human has to approve this call",
                true,
            ),
            Self::ResultWithheld => (
                "result_withheld",
                Policy,
                "the result cannot be shown and is withheld",
                false,
            ),
            Self::Internal => ("internal", Engine, "something inside toolgate failed", true),
        }
    }

    /// The code's text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.facts().0
    }

    /// A reason with the code's public message.
    #[must_use]
    pub fn reason(self) -> Reason {
        let (code, origin, message, retryable) = self.facts();
        Reason {
            code: code.to_owned(),
            message: message.to_owned(),
            policy: String::new(),
            origin,
            retryable,
        }
    }

    /// A reason with a message of its own, which must be public text.
    #[must_use]
    pub fn with_message(self, message: impl Into<String>) -> Reason {
        Reason {
            message: message.into(),
            ..self.reason()
        }
    }

    /// A reason that a package gave cause for.
    #[must_use]
    pub fn of_policy(self, policy: &str) -> Reason {
        Reason {
            policy: policy.to_owned(),
            ..self.reason()
        }
    }
}
