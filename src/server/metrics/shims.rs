//! What shims send, and what waits in their spools as they say.

use super::WhatLabel;
use super::tenant::TenantLabel;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Of how many shims is shown what waits: of those that were heard last.
pub const SPOOLS_SHOWN_MAX: usize = 256;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ShimLabel {
    shim: String,
}

type Labels = (ShimLabel, TenantLabel);

/// Counters and gauges about shims.
#[derive(Clone, Debug, Default)]
pub(super) struct Shims {
    events: Family<(WhatLabel, TenantLabel), Counter>,
    spools: Family<Labels, Gauge>,
    /// Whose spools are shown, who was heard last at the end.
    heard: Arc<Mutex<VecDeque<Labels>>>,
}

impl Shims {
    /// Shows counters that never rose.
    pub(super) fn show_zeros(&self, tenant: &TenantLabel) {
        for what in ["new", "duplicate"] {
            let labels = (WhatLabel { what }, tenant.clone());
            drop(self.events.get_or_create(&labels));
        }
    }

    /// An event came, for the first time or again.
    pub(super) fn event(&self, tenant: &TenantLabel, is_new: bool) {
        let what = if is_new { "new" } else { "duplicate" };
        let labels = (WhatLabel { what }, tenant.clone());
        self.events.get_or_create(&labels).inc();
    }

    /// A shim said how many events wait in its spool.
    pub(super) fn spooled(&self, tenant: &TenantLabel, shim: &str, events: u64) {
        let shim = shim.to_owned();
        let labels = (ShimLabel { shim }, tenant.clone());
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.retain(|other| *other != labels);
        heard.push_back(labels.clone());
        if heard.len() > SPOOLS_SHOWN_MAX
            && let Some(silent) = heard.pop_front()
        {
            self.spools.remove(&silent);
        }
        let events = i64::try_from(events).unwrap_or(i64::MAX);
        self.spools.get_or_create(&labels).set(events);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "audit_shim_events",
            "Events that shims sent",
            self.events.clone(),
        );
        registry.register(
            "audit_spool_events",
            "Events that wait in a shim's spool, as it last said",
            self.spools.clone(),
        );
    }
}

impl super::Metrics {
    /// An event of a shim came, for the first time or again.
    pub fn shim_event(&self, is_new: bool) {
        self.shims.event(&self.tenant, is_new);
    }

    /// A shim said how many events wait in its spool.
    pub fn spooled(&self, shim: &str, events: u64) {
        self.shims.spooled(&self.tenant, shim, events);
    }
}

#[cfg(test)]
mod tests;
