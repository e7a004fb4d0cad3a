//! Those who watch the logs while a process serves: each works by itself, and nothing waits for one.

use super::disk;
use super::otlp::Exporter;
use super::witness::{Pace, Witness};
use crate::config::AuditConfig;
use crate::server::Decider;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Starts them all; they end with what is given back.
pub(super) fn watch(decider: &Arc<Decider>, audit: &AuditConfig) -> JoinSet<()> {
    let mut watching = JoinSet::new();
    watching.spawn(disk::watch(Arc::clone(decider)));
    for tenant in decider.tenants.logging() {
        for witness in &audit.witnesses {
            let pace = Pace::every(audit.witness_interval);
            let witness = Witness::new(Arc::clone(tenant), witness.clone(), pace);
            if let Some(witness) = witness {
                watching.spawn(witness.run());
            }
        }
        if let Some(otlp) = &audit.otlp {
            let (tenant, clock) = (Arc::clone(tenant), Arc::clone(&decider.clock));
            let dir = tenant.disk.dir().to_owned();
            let exporter = Exporter::new(tenant, otlp.clone(), dir, clock);
            watching.spawn(exporter.run());
        }
    }
    watching
}
