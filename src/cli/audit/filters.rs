//! Which records are asked for.

use super::when::When;
use crate::audit::index::Filter;
use crate::audit::record::OutcomeStatus;
use crate::model::verdict::Effect;
use crate::wire::{self, v1};
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

/// Filters; each record has to match all. Texts match whole.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Filters {
    /// Of this user.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Of this agent.
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// Of this principal, by its id.
    #[arg(long, value_name = "ID")]
    principal: Option<String>,
    /// Asked by this caller.
    #[arg(long, value_name = "NAME")]
    caller: Option<String>,
    /// Of this server.
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Of this tool.
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// From then on: `24h` (also m, d, w) ago, `today`, `yesterday`, a day or an RFC 3339 time; UTC.
    #[arg(long, value_name = "TIME")]
    since: Option<When>,
    /// Before then.
    #[arg(long, value_name = "TIME")]
    until: Option<When>,
    /// Decided so.
    #[arg(long, value_enum, value_name = "EFFECT")]
    effect: Option<EffectArg>,
    /// With this reason.
    #[arg(long, value_name = "CODE")]
    reason: Option<String>,
    /// Calls that ended so.
    #[arg(long, value_name = "STATUS", value_parser = PossibleValuesParser::new(OutcomeStatus::ALL.map(OutcomeStatus::as_str)))]
    status: Option<String>,
    /// In this session.
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// With this correlation id.
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// Under this policy revision or digest.
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    /// Of this decision: the decision and its outcomes.
    #[arg(long, value_name = "ID")]
    decision: Option<String>,
    /// Of these types, such as `decision,outcome`.
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
}

/// An effect, as an argument.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
enum EffectArg {
    Allow,
    Deny,
    Constrain,
    RequireApproval,
}

impl From<EffectArg> for Effect {
    fn from(effect: EffectArg) -> Self {
        match effect {
            EffectArg::Allow => Self::Allow,
            EffectArg::Deny => Self::Deny,
            EffectArg::Constrain => Self::Constrain,
            EffectArg::RequireApproval => Self::RequireApproval,
        }
    }
}

impl Filters {
    /// What is looked for.
    pub(super) fn filter(&self) -> Filter {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let effect = self.effect.map(|effect| Effect::from(effect).as_str());
        Filter {
            principal: text(&self.principal),
            caller: text(&self.caller),
            user: text(&self.user),
            agent: text(&self.agent),
            server: text(&self.server),
            tool: text(&self.tool),
            effect: effect.unwrap_or_default().to_owned(),
            reason: text(&self.reason),
            session_id: text(&self.session),
            correlation_id: text(&self.correlation),
            revision: text(&self.revision),
            decision_id: text(&self.decision),
            status: text(&self.status),
            types: self.types.clone(),
            from: self.since.map(|when| when.0),
            until: self.until.map(|when| when.0),
        }
    }
}

/// The same as a PDP is asked.
pub(super) fn asked(filter: &Filter) -> v1::QueryRequest {
    let effect = v1::Effect::from_str_name(&format!("EFFECT_{}", filter.effect.to_uppercase()));
    let status = format!("OUTCOME_STATUS_{}", filter.status.to_uppercase());
    let status = v1::OutcomeStatus::from_str_name(&status);
    v1::QueryRequest {
        principal: filter.principal.clone(),
        caller: filter.caller.clone(),
        user: filter.user.clone(),
        agent: filter.agent.clone(),
        server: filter.server.clone(),
        tool: filter.tool.clone(),
        effect: effect.unwrap_or_default().into(),
        reason_code: filter.reason.clone(),
        session_id: filter.session_id.clone(),
        correlation_id: filter.correlation_id.clone(),
        revision: filter.revision.clone(),
        decision_id: filter.decision_id.clone(),
        status: status.unwrap_or_default().into(),
        types: filter.types.clone(),
        from: filter.from.map(wire::timestamp),
        until: filter.until.map(wire::timestamp),
        ..v1::QueryRequest::default()
    }
}
