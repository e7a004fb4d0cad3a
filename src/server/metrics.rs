//! What is counted: for operators, never evidence.

use super::places::ConnectionRefused;
use crate::model::verdict::Effect;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// Bounds of the buckets of the evaluation time, in seconds.
const EVALUATION_BUCKETS_SECONDS: [f64; 9] = [
    0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.02,
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct EffectLabel {
    effect: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WhatLabel {
    what: &'static str,
}

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
    const fn as_str(self) -> &'static str {
        match self {
            Self::DecisionUnknown => "decision_unknown",
            Self::SeqReused => "seq_reused",
            Self::Gap => "gap",
        }
    }
}

/// The counters of one process.
#[derive(Clone, Debug)]
pub struct Metrics {
    decisions: Family<EffectLabel, Counter>,
    evaluation: Histogram,
    audit_failures: Counter,
    audit_doubts: Family<WhatLabel, Counter>,
    policy_version: Gauge,
    policy_loads: Counter,
    policy_refusals: Family<StageLabel, Counter>,
    connections: Gauge,
    connections_refused: Family<ReasonLabel, Counter>,
    accept_failures: Counter,
    rpcs_refused: Family<ReasonLabel, Counter>,
    file_reloads: Family<WhatLabel, Counter>,
    file_refusals: Family<WhatLabel, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            decisions: Family::default(),
            evaluation: Histogram::new(EVALUATION_BUCKETS_SECONDS),
            audit_failures: Counter::default(),
            audit_doubts: Family::default(),
            policy_version: Gauge::default(),
            policy_loads: Counter::default(),
            policy_refusals: Family::default(),
            connections: Gauge::default(),
            connections_refused: Family::default(),
            accept_failures: Counter::default(),
            rpcs_refused: Family::default(),
            file_reloads: Family::default(),
            file_refusals: Family::default(),
        }
    }
}

impl Metrics {
    /// A decision was made.
    pub fn decided(&self, effect: Effect, took: Duration) {
        self.decisions
            .get_or_create(&EffectLabel {
                effect: effect.as_str(),
            })
            .inc();
        self.evaluation.observe(took.as_secs_f64());
    }

    /// A record could not be written.
    pub fn audit_failed(&self) {
        self.audit_failures.inc();
    }

    /// An event was recorded that does not agree with what is known.
    pub fn doubted(&self, doubt: Doubt) {
        let what = doubt.as_str();
        self.audit_doubts.get_or_create(&WhatLabel { what }).inc();
    }

    /// A policy set became active.
    pub fn policy_loaded(&self, version: u64) {
        self.policy_loads.inc();
        self.policy_version
            .set(i64::try_from(version).unwrap_or(i64::MAX));
    }

    /// A policy set was refused.
    pub fn policy_refused(&self, stage: &'static str) {
        self.policy_refusals
            .get_or_create(&StageLabel { stage })
            .inc();
    }

    /// A connection was taken.
    pub fn connected(&self) {
        self.connections.inc();
    }

    /// A connection that was taken has ended.
    pub fn disconnected(&self) {
        self.connections.dec();
    }

    /// A connection was not taken, or came to nothing.
    pub fn connection_refused(&self, reason: ConnectionRefused) {
        let reason = reason.as_str();
        self.connections_refused
            .get_or_create(&ReasonLabel { reason })
            .inc();
    }

    /// The system gave no connection, for lack of file descriptors as an example.
    pub fn accept_failed(&self) {
        self.accept_failures.inc();
    }

    /// An RPC met a limit; the reason is that of its error.
    pub fn rpc_refused(&self, reason: &'static str) {
        self.rpcs_refused
            .get_or_create(&ReasonLabel { reason })
            .inc();
    }

    /// Files that had changed are in use; `what` is `tls` or `jwks`.
    pub fn file_reloaded(&self, what: &'static str) {
        self.file_reloads.get_or_create(&WhatLabel { what }).inc();
    }

    /// Files that had changed are of no use.
    pub fn file_refused(&self, what: &'static str) {
        self.file_refusals.get_or_create(&WhatLabel { what }).inc();
    }

    /// The metrics in the OpenMetrics text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut registry = Registry::with_prefix("toolgate");
        registry.register("decisions", "Decisions made", self.decisions.clone());
        registry.register_with_unit(
            "evaluation",
            "Time from a request to its verdict",
            Unit::Seconds,
            self.evaluation.clone(),
        );
        let failures = self.audit_failures.clone();
        registry.register(
            "audit_failures",
            "Records that could not be written",
            failures,
        );
        let doubts = self.audit_doubts.clone();
        registry.register(
            "audit_doubts",
            "Events of enforcement points that do not agree with what is known",
            doubts,
        );
        let version = self.policy_version.clone();
        registry.register(
            "policy_version",
            "Version of the active policy set",
            version,
        );
        registry.register(
            "policy_loads",
            "Policy sets made active",
            self.policy_loads.clone(),
        );
        let refusals = self.policy_refusals.clone();
        registry.register("policy_refusals", "Policy sets refused", refusals);
        self.register_connections(&mut registry);
        let mut text = String::new();
        // Writing to a string does not fail.
        let _written = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }

    fn register_connections(&self, registry: &mut Registry) {
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register(
            "connections_refused",
            "Connections that were not taken, or came to nothing",
            self.connections_refused.clone(),
        );
        registry.register(
            "accept_failures",
            "Times that the system gave no connection",
            self.accept_failures.clone(),
        );
        registry.register(
            "rpcs_refused",
            "RPCs that met a limit",
            self.rpcs_refused.clone(),
        );
        registry.register(
            "file_reloads",
            "Changed certificates and key sets in use",
            self.file_reloads.clone(),
        );
        registry.register(
            "file_refusals",
            "Changed certificates and key sets of no use",
            self.file_refusals.clone(),
        );
    }
}
