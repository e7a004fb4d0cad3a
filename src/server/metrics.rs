//! What is counted: for operators, never evidence.

mod content;
mod counted;
mod log;
mod shims;
mod tenant;
mod watching;

pub use counted::{Doubt, Fetched};
pub use watching::Witnessed;

use self::content::Stores;
use self::tenant::{PerTenant, TenantLabel};
use super::overload::Overload;
use super::places::ConnectionRefused;
use crate::bundle::swap::Stage;
use crate::model::time::Timestamp;
use crate::model::verdict::Effect;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
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
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WhatLabel {
    what: &'static str,
}

/// The files that are looked at while a process runs.
const FILES: [&str; 2] = ["tls", "jwks"];

/// The counters of one process.
#[derive(Clone, Debug)]
pub struct Metrics {
    tenant: TenantLabel,
    decisions: Family<(EffectLabel, TenantLabel), Counter>,
    evaluation: Histogram,
    audit_doubts: Family<(WhatLabel, TenantLabel), Counter>,
    shims: shims::Shims,
    logs: log::Logs,
    policy_version: PerTenant<Gauge>,
    policy_loads: PerTenant<Counter>,
    policy_refusals: Family<(StageLabel, TenantLabel), Counter>,
    policy_stale: PerTenant<Gauge>,
    certificate_expiry: Family<WhatLabel, Gauge>,
    connections: Gauge,
    connections_refused: Family<ReasonLabel, Counter>,
    accept_failures: Counter,
    rpcs_refused: Family<ReasonLabel, Counter>,
    file_reloads: Family<WhatLabel, Counter>,
    file_refusals: Family<WhatLabel, Counter>,
    key_fetches: Family<OutcomeLabel, Counter>,
    keys_fetched: Gauge,
    stores: Stores,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            tenant: TenantLabel::default(),
            decisions: Family::default(),
            evaluation: Histogram::new(EVALUATION_BUCKETS_SECONDS),
            audit_doubts: Family::default(),
            shims: shims::Shims::default(),
            logs: log::Logs::default(),
            policy_version: PerTenant::default(),
            policy_loads: PerTenant::default(),
            policy_refusals: Family::default(),
            policy_stale: PerTenant::default(),
            certificate_expiry: Family::default(),
            connections: Gauge::default(),
            connections_refused: Family::default(),
            accept_failures: Counter::default(),
            rpcs_refused: Family::default(),
            file_reloads: Family::default(),
            file_refusals: Family::default(),
            key_fetches: Family::default(),
            keys_fetched: Gauge::default(),
            stores: Stores::default(),
        };
        metrics.show_zeros();
        metrics
    }
}

impl Metrics {
    /// The same counters, as one tenant's.
    #[must_use]
    pub fn of_tenant(&self, tenant: Arc<str>) -> Self {
        let metrics = Self {
            tenant: TenantLabel(Some(tenant)),
            ..self.clone()
        };
        metrics.show_zeros_of_tenant();
        metrics
    }

    /// Shows those of policies: of a process or a tenant that has them.
    pub fn show_policies(&self) {
        for stage in Stage::ALL.map(Stage::as_str) {
            drop(
                self.policy_refusals
                    .get_or_create(&self.of(StageLabel { stage })),
            );
        }
        drop(self.policy_version.of(&self.tenant));
        drop(self.policy_loads.of(&self.tenant));
        drop(self.policy_stale.of(&self.tenant));
    }

    fn of<L>(&self, label: L) -> (L, TenantLabel) {
        (label, self.tenant.clone())
    }

    fn show_zeros_of_tenant(&self) {
        for effect in Effect::ALL.map(Effect::as_str) {
            drop(
                self.decisions
                    .get_or_create(&self.of(EffectLabel { effect })),
            );
        }
        for what in Doubt::ALL.map(Doubt::as_str) {
            drop(
                self.audit_doubts
                    .get_or_create(&self.of(WhatLabel { what })),
            );
        }
        self.shims.show_zeros(&self.tenant);
        self.logs.show_zeros(&self.tenant);
    }

    /// What has never happened is 0 and not absent: else its first time is no rise.
    fn show_zeros(&self) {
        self.show_zeros_of_tenant();
        for what in FILES {
            drop(self.file_reloads.get_or_create(&WhatLabel { what }));
            drop(self.file_refusals.get_or_create(&WhatLabel { what }));
        }
        for outcome in Fetched::ALL.map(Fetched::as_str) {
            drop(self.key_fetches.get_or_create(&OutcomeLabel { outcome }));
        }
        for reason in ConnectionRefused::ALL.map(ConnectionRefused::as_str) {
            drop(
                self.connections_refused
                    .get_or_create(&ReasonLabel { reason }),
            );
        }
        for reason in Overload::REASONS {
            drop(self.rpcs_refused.get_or_create(&ReasonLabel { reason }));
        }
    }

    /// A decision was made.
    pub fn decided(&self, effect: Effect, took: Duration) {
        self.decisions
            .get_or_create(&self.of(EffectLabel {
                effect: effect.as_str(),
            }))
            .inc();
        self.evaluation.observe(took.as_secs_f64());
    }

    /// An event was recorded that does not agree with what is known.
    pub fn doubted(&self, doubt: Doubt) {
        let what = doubt.as_str();
        let label = self.of(WhatLabel { what });
        self.audit_doubts.get_or_create(&label).inc();
    }

    /// A policy set became active.
    pub fn policy_loaded(&self, version: u64) {
        self.policy_loads.of(&self.tenant).inc();
        self.policy_version
            .of(&self.tenant)
            .set(i64::try_from(version).unwrap_or(i64::MAX));
    }

    /// Whether what is on disk is not in force, as it is now.
    pub fn policy_is_stale(&self, is_stale: bool) {
        let stale = self.policy_stale.of(&self.tenant);
        stale.set(i64::from(is_stale));
    }

    /// A policy set was refused.
    pub fn policy_refused(&self, stage: &'static str) {
        self.policy_refusals
            .get_or_create(&self.of(StageLabel { stage }))
            .inc();
    }

    /// When the certificates in use expire, in seconds since 1970: the first of the server's chain,
    /// and the first of the authorities of clients, if there are any.
    pub fn certificates_expire(&self, server: u64, client_ca: Option<u64>) {
        self.certificate_expiry.clear();
        for (what, not_after) in [("cert", Some(server)), ("client_ca", client_ca)] {
            let Some(not_after) = not_after else { continue };
            let not_after = i64::try_from(not_after).unwrap_or(i64::MAX);
            let expiry = self.certificate_expiry.get_or_create(&WhatLabel { what });
            expiry.set(not_after);
        }
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

    /// The keys for tokens were fetched, or were not.
    pub fn keys_fetched(&self, outcome: Fetched, at: Timestamp) {
        if matches!(outcome, Fetched::Changed | Fetched::Unchanged) {
            let seconds = at.as_nanos().div_euclid(1_000_000_000);
            self.keys_fetched.set(seconds);
        }
        let outcome = outcome.as_str();
        self.key_fetches
            .get_or_create(&OutcomeLabel { outcome })
            .inc();
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
        let doubts = self.audit_doubts.clone();
        registry.register(
            "audit_doubts",
            "Events of enforcement points that do not agree with what is known",
            doubts,
        );
        self.shims.register(&mut registry);
        self.logs.register(&mut registry);
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
        registry.register(
            "policy_stale",
            "1 while what is on disk is not in force, else 0",
            self.policy_stale.clone(),
        );
        self.stores.register(&mut registry);
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
        registry.register(
            "jwks_fetches",
            "Times that the keys for tokens were fetched, or were not",
            self.key_fetches.clone(),
        );
        registry.register_with_unit(
            "jwks_fetched",
            "When the keys for tokens were last fetched, in seconds since 1970",
            Unit::Seconds,
            self.keys_fetched.clone(),
        );
        registry.register_with_unit(
            "certificate_expiry",
            "When a certificate in use expires, in seconds since 1970",
            Unit::Seconds,
            self.certificate_expiry.clone(),
        );
    }
}

#[cfg(test)]
mod tests;
