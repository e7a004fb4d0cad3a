//! Refusals of the PDP that somebody has to mend by configuration: said, since a client only sees
//! that its calls are denied or its tools are gone.

#[cfg(test)]
mod tests;

use crate::model::reason::{Code, Origin, Reason};
use crate::shim::pdp::Answer;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// What to change, by the code of the refusal.
const ADVICE: [(Code, &str); 3] = [
    (
        Code::ServerNotAllowed,
        "add the server to `servers` of this shim's entry in the PDP's `[[callers]]`, or give \
         another `--server`",
    ),
    (
        Code::Unauthenticated,
        "no entry of the PDP's `[[callers]]` is this shim, or its token is not valid: give the \
         entry its certificate's name, its uid or its token's subject, or look at `--cert` and \
         `--token-file`",
    ),
    (
        Code::SubjectNotAllowed,
        "add the name to `subjects` of this shim's entry in the PDP's `[[callers]]`, or give \
         another `--principal`, `--user`, `--agent` or `--token-file`; a principal may also be \
         disabled in the directory",
    ),
];

/// Says of each code once what to change.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<BTreeSet<&'static str>>);

impl Refusals {
    /// Looks at an answer.
    pub fn note(&self, answer: &Answer) {
        for reason in &answer.reasons {
            if let Some((code, advice)) = self.news(reason) {
                tracing::warn!(code, "refused by the PDP: {}: {advice}", reason.message);
            }
        }
    }

    /// The code and what to change, if that was not said before.
    fn news(&self, reason: &Reason) -> Option<(&'static str, &'static str)> {
        if reason.origin == Origin::Policy {
            return None;
        }
        let mut known = ADVICE.iter();
        let (code, advice) = known.find(|(code, _)| code.as_str() == reason.code)?;
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.insert(code.as_str())
            .then_some((code.as_str(), *advice))
    }
}
