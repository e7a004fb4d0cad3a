//! Why a decision comes out as it does.

use super::asked::Asked;
use super::decider::Decider;
use super::peer::Remote;
use super::policy::explanation;
use super::tenants::Under;
use crate::decide::{self, Explained};
use crate::engine::trace_set;
use crate::engine::{Input, OtherEngine, Package, PolicySet, Trace, TraceLimits, TracedRule};
use crate::model::call::{Facts, Request};
use crate::model::json::Json;
use crate::model::time::Timestamp;
use crate::model::verdict::Effect;
use crate::wire::v1;
use std::time::Duration;

/// Longest that one rule may take, in milliseconds.
const RULE_MILLISECONDS_MAX: u64 = 20;
/// Most rules that are evaluated for one explanation.
const RULES_MAX: usize = 250;

impl Decider {
    /// Decides as a dry run, and shows each package's part in it.
    pub async fn explain(
        &self,
        peer: &Remote,
        mut question: v1::DecideRequest,
    ) -> v1::ExplainResponse {
        question.dry_run = true;
        let under = Under::now(self.tenant_of(peer, Some(&question)));
        let now = (self.clock)();
        let mut asked = Asked::unidentified(&question);
        let judged = self.judge(&mut asked, &under, peer, question.clone(), now);
        let facts = Facts::default();
        let input = asked.request.to_input(&facts.facts, &facts.labels, now);
        // Which rules held takes long, so it is found out beside the decisions.
        let parts = match under.set.clone().filter(|_| judged.is_ok()) {
            Some(set) => {
                let request = asked.request;
                let work = move || parts(&set, &request, now);
                // What panicked shows no parts; the decision is shown all the same.
                let tracing = self.begin_in_turn(&under, work).await;
                tracing.await.unwrap_or_default()
            }
            None => Parts::default(),
        };
        let would_be = judged
            .as_ref()
            .map_or(Effect::Deny, |(verdict, _)| verdict.effect);
        let mut decision = self.decide_under(&under, peer, question).await;
        decision.effect = v1::Effect::from(would_be).into();
        v1::ExplainResponse {
            decision: Some(decision),
            packages: parts.packages,
            input_json: input.to_bytes(),
            rules_left_out: parts.rules_left_out,
        }
    }
}

/// What the packages have to do with a decision.
#[derive(Default)]
struct Parts {
    packages: Vec<v1::PackageExplanation>,
    rules_left_out: u32,
}

fn parts(set: &PolicySet, request: &Request, now: Timestamp) -> Parts {
    let facts = Facts::default();
    let server = &request.mcp.server;
    let explained = decide::explain(set, request, &facts, now).unwrap_or_default();
    let trace = trace(set, request, now);
    let package = |part: &Explained<'_>| {
        let package = part.package;
        let mut shown = explanation(part, server);
        shown.servers = package.servers.clone().unwrap_or_default();
        shown.engine = v1::Engine::from(package.engine).into();
        if let Some(trace) = trace.as_ref().filter(|_| part.outcome.is_some()) {
            add(&mut shown, package, trace);
        }
        shown
    };
    let left_out = trace.as_ref().map_or(0, |trace| trace.left_out);
    Parts {
        packages: explained.iter().map(package).collect(),
        rules_left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
    }
}

/// `None` where nothing can be traced: the decision and the packages' sets are shown all the same.
fn trace(set: &PolicySet, request: &Request, now: Timestamp) -> Option<Trace> {
    let input = Input::of_request(request, &Facts::default(), now).ok()?;
    let asked = set.applicable(&request.mcp.server);
    let limits = TraceLimits {
        rule_time_max: Duration::from_millis(RULE_MILLISECONDS_MAX),
        rules_max: RULES_MAX,
    };
    trace_set(set, &asked.collect::<Vec<_>>(), &input, limits).ok()
}

fn add(shown: &mut v1::PackageExplanation, package: &Package, trace: &Trace) {
    let rules = trace.rules.iter();
    let own = rules.filter(|rule| rule.package == package.name);
    shown.rules = own.map(rule).collect();
    let (other, reason) = match trace.other.get(&package.name) {
        None => (v1::OtherEngine::Unspecified, ""),
        Some(OtherEngine::Agrees) => (v1::OtherEngine::Agrees, ""),
        Some(OtherEngine::Differs) => (v1::OtherEngine::Differs, ""),
        Some(OtherEngine::Cannot(reason)) => (v1::OtherEngine::Cannot, reason.as_str()),
    };
    shown.other_engine = other.into();
    reason.clone_into(&mut shown.other_engine_reason);
}

fn rule(rule: &TracedRule) -> v1::RuleExplanation {
    let elements = rule.elements.as_ref();
    v1::RuleExplanation {
        set: rule.set.as_str().to_owned(),
        path: rule.path.clone(),
        line: rule.line,
        elements_json: elements
            .map(|elements| Json::array(elements.iter().cloned()).to_bytes())
            .unwrap_or_default(),
        evaluated_to: rule.evaluated_to,
        error: elements.err().cloned().unwrap_or_default(),
    }
}
