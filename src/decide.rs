//! The pure core: policy set, request, facts and time in; verdict and intents out. Every input
//! gives a verdict, and only an explicit, well-shaped grant grants.

mod combine;
mod elements;
#[cfg(test)]
mod tests;

use crate::engine::{Inexact, Input, Package, PolicySet};
use crate::model::call::{Facts, Phase, Request};
use crate::model::json::{Json, Object};
use crate::model::obligation::{AuditLevel, Obligation};
use crate::model::reason::{Code, Reason};
use crate::model::time::Timestamp;
use crate::model::verdict::{Effect, Filtered, Intent, Verdict};
use crate::obligation;
use combine::{Contribution, combine};
pub use elements::check_element;

/// Decides, and says what has to be written afterwards.
#[must_use]
pub fn decide(
    set: &PolicySet,
    request: &Request,
    facts: &Facts,
    now: Timestamp,
) -> (Verdict, Vec<Intent>) {
    let judged = judge(set, request, facts, now);
    let verdict = match request.phase {
        Phase::List => judged,
        Phase::Result if judged.effect.grants() => filtered(request, facts, judged),
        _ if judged.effect.grants() => rewritten(set, request, facts, now, judged),
        _ => judged,
    };
    let verdict = applicable(request.phase, verdict);
    let intents = intents(request.phase, &verdict);
    (verdict, intents)
}

/// Messages that have no result cannot be masked or limited: what owes that is denied.
fn applicable(phase: Phase, verdict: Verdict) -> Verdict {
    let has_result = matches!(phase, Phase::Call | Phase::Result | Phase::List);
    if has_result || !verdict.obligations.iter().any(Obligation::concerns_result) {
        return verdict;
    }
    let message = "an obligation cannot be applied to this kind of message";
    refuse(verdict, Code::ObligationFailed.with_message(message))
}

/// One package's part in a decision: for `explain`.
#[derive(Clone, Debug)]
pub struct Explained<'a> {
    /// The package.
    pub package: &'a Package,
    /// What it returned, or why it did not; `None` if it is not for this server.
    pub outcome: Option<Result<crate::engine::Sets, crate::engine::EvaluationError>>,
}

impl Explained<'_> {
    /// What it returned as JSON, the sets that are not empty, or why it did not; `None` if it is
    /// not for this server.
    #[must_use]
    pub fn shown(&self) -> Option<Result<Json, String>> {
        let outcome = self.outcome.as_ref()?;
        let sets = outcome.as_ref().map(crate::engine::Sets::to_json);
        Some(sets.map_err(ToString::to_string))
    }
}

/// Evaluates every package that applies and shows what each returned.
///
/// # Errors
/// A verdict, where the input cannot be evaluated at all.
pub fn explain<'a>(
    set: &'a PolicySet,
    request: &Request,
    facts: &Facts,
    now: Timestamp,
) -> Result<Vec<Explained<'a>>, Box<Verdict>> {
    let input = Input::of_request(request, facts, now);
    let input = input.map_err(|inexact| Box::new(malformed(&inexact)))?;
    let server = &request.mcp.server;
    let explained = set.packages().iter().map(|package| {
        let outcome = package
            .applies_to(server)
            .then(|| set.evaluate(std::iter::once(package), &input).pop())
            .flatten()
            .map(|(_, outcome)| outcome);
        Explained { package, outcome }
    });
    Ok(explained.collect())
}

fn malformed(inexact: &Inexact) -> Verdict {
    Verdict::deny(Code::MalformedRequest.with_message(inexact.to_string()))
}

/// What the policies say of this message as it stands.
fn judge(set: &PolicySet, request: &Request, facts: &Facts, now: Timestamp) -> Verdict {
    let server = &request.mcp.server;
    let answers = match set.answers(set.applicable(server), request, facts, now) {
        Ok(answers) => answers,
        Err(inexact) => return malformed(&inexact),
    };
    let contributions: Vec<_> = answers
        .into_iter()
        .map(|(package, answer)| Contribution::new(package, server, answer))
        .collect();
    let mut verdict = combine(&contributions, request.phase);
    verdict.engine = contributions
        .iter()
        .map(|part| part.package.engine)
        .max_by_key(|engine| {
            // The slower one names the decision.
            *engine == crate::model::revision::EngineKind::Interpreter
        });
    verdict
}

/// Applies the rewriting that a granted message owes and judges what came of it, once more.
fn rewritten(
    set: &PolicySet,
    request: &Request,
    facts: &Facts,
    now: Timestamp,
    judged: Verdict,
) -> Verdict {
    let params = match obligation::rewrite(&request.params, &judged.obligations) {
        Ok(Some(params)) => params,
        Ok(None) => return judged,
        Err(reason) => return refuse(judged, reason),
    };
    let changed = Request {
        params: params.clone(),
        ..request.clone()
    };
    let again = judge(set, &changed, facts, now);
    if !again.effect.grants() {
        return again;
    }
    match obligation::rewrite(&params, &again.obligations) {
        Ok(None) => {}
        Ok(Some(second)) if second == params => {}
        Ok(Some(_)) => return refuse(again, Code::RewriteUnstable.reason()),
        Err(reason) => return refuse(again, reason),
    }
    // The second judgement's rewriting has just been seen to change nothing more.
    let rest = again.obligations.iter();
    let rest = rest.filter(|owed| !matches!(owed, Obligation::RewriteArguments { .. }));
    let owed = obligation::merge(
        judged
            .obligations
            .into_iter()
            .chain(rest.cloned())
            .collect(),
    );
    match owed {
        Ok(obligations) => Verdict {
            obligations,
            params: Some(params),
            effect: Effect::Constrain,
            ..again
        },
        Err(reason) => refuse(again, reason),
    }
}

/// Applies to a result what its call and the result itself owe.
fn filtered(request: &Request, facts: &Facts, judged: Verdict) -> Verdict {
    let own = judged
        .obligations
        .iter()
        .filter(|obligation| obligation.concerns_result());
    let merged = obligation::merge(facts.owed.iter().chain(own).cloned().collect());
    let owed = match merged {
        Ok(owed) => owed,
        Err(reason) => return refuse(judged, reason),
    };
    let none = Json::Object(Object::new());
    let applied = match obligation::apply(request.result.as_ref().unwrap_or(&none), &owed) {
        Ok(applied) => applied,
        Err(withheld) => return refuse(judged, withheld.reason),
    };
    let effect = if owed.is_empty() {
        judged.effect
    } else {
        Effect::Constrain
    };
    let taken_out = (!owed.is_empty()).then_some(Filtered {
        masked: applied.masked,
        dropped: applied.dropped,
        rows_removed: applied.rows_removed,
    });
    let audit = judged
        .obligations
        .into_iter()
        .filter(|obligation| matches!(obligation, Obligation::Audit { .. }));
    let obligations = owed.into_iter().chain(audit).collect();
    Verdict {
        effect,
        obligations,
        result: applied.result,
        filtered: taken_out,
        ..judged
    }
}

/// A denial that keeps what is known of how it came about.
fn refuse(judged: Verdict, reason: Reason) -> Verdict {
    Verdict {
        visible: judged.visible,
        policies: judged.policies,
        shadow: judged.shadow,
        engine: judged.engine,
        ..Verdict::deny(reason)
    }
}

fn intents(phase: Phase, verdict: &Verdict) -> Vec<Intent> {
    let mut intents = Vec::new();
    if phase == Phase::Call && verdict.effect.grants() {
        let owed = verdict
            .obligations
            .iter()
            .filter(|owed| owed.concerns_result());
        intents.push(Intent::Owe(owed.cloned().collect()));
    }
    let durable = |owed: &Obligation| matches!(owed, Obligation::Audit { durable: true, .. });
    if verdict.obligations.iter().any(durable) {
        intents.push(Intent::RecordDurably);
    }
    intents
}

/// How much of a decision is recorded: what its obligations ask for, else `Basic`.
#[must_use]
pub fn audit_level(verdict: &Verdict) -> AuditLevel {
    let levels = verdict.obligations.iter().filter_map(|owed| match owed {
        Obligation::Audit { level, .. } => Some(*level),
        _ => None,
    });
    levels.max().unwrap_or(AuditLevel::Basic)
}
