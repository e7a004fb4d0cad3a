//! Why a decision comes out as it does.

use super::asked::Asked;
use super::decider::Decider;
use super::peer::Remote;
use super::policy::explanation;
use super::tenants::Under;
use crate::decide;
use crate::model::call::Facts;
use crate::model::verdict::Effect;
use crate::wire::v1;

impl Decider {
    /// Decides as a dry run, and shows each package's part in it.
    pub async fn explain(
        &self,
        peer: &Remote,
        mut question: v1::DecideRequest,
    ) -> v1::ExplainResponse {
        question.dry_run = true;
        let under = Under::now(self.tenant_of(peer, Some(&question)));
        let set = under.set();
        let now = (self.clock)();
        let mut asked = Asked::unidentified(&question);
        let judged = self.judge(&mut asked, &under, peer, question.clone(), now);
        let facts = Facts::default();
        let explained = set
            .filter(|_| judged.is_ok())
            .map(|set| decide::explain(set, &asked.request, &facts, now).unwrap_or_default());
        let server = &asked.request.mcp.server;
        let parts = explained.iter().flatten();
        let packages = parts.map(|part| explanation(part, server)).collect();
        let input = asked.request.to_input(&facts.facts, &facts.labels, now);
        let would_be = judged
            .as_ref()
            .map_or(Effect::Deny, |(verdict, _)| verdict.effect);
        let mut decision = self.decide_under(&under, peer, question).await;
        decision.effect = v1::Effect::from(would_be).into();
        v1::ExplainResponse {
            decision: Some(decision),
            packages,
            input_json: input.to_bytes(),
        }
    }
}
