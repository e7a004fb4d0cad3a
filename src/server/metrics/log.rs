//! What audit logs do.

use super::tenant::{PerTenant, TenantLabel};
use super::watching::Watching;
use crate::audit::log::{LogStats, OnSync, Synced};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;

/// Bounds of the buckets of a batch, in records.
const BATCH_BUCKETS_RECORDS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0];
/// Bounds of the buckets of a sync, in seconds: from a cache with a battery to a disk in need.
const SYNC_BUCKETS_SECONDS: [f64; 10] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0,
];

/// Counters, gauges and histograms about logs.
#[derive(Clone, Debug, Default)]
pub(super) struct Logs {
    failures: PerTenant<Counter>,
    index_failures: PerTenant<Counter>,
    records: PerTenant<Counter>,
    bytes: PerTenant<Counter>,
    syncs: PerTenant<Histogram>,
    batches: PerTenant<Histogram>,
    queue: PerTenant<Gauge>,
    checkpoint_age: PerTenant<Gauge>,
    unsigned: PerTenant<Gauge>,
    free_bytes: PerTenant<Gauge>,
    pub(super) watching: Watching,
}

impl Logs {
    fn syncs(&self, tenant: &TenantLabel) -> Histogram {
        let make = || Histogram::new(SYNC_BUCKETS_SECONDS);
        self.syncs.of_or(tenant, make)
    }

    fn batches(&self, tenant: &TenantLabel) -> Histogram {
        let make = || Histogram::new(BATCH_BUCKETS_RECORDS);
        self.batches.of_or(tenant, make)
    }

    /// Shows what never happened.
    pub(super) fn show_zeros(&self, tenant: &TenantLabel) {
        drop((self.failures.of(tenant), self.index_failures.of(tenant)));
        drop((self.records.of(tenant), self.bytes.of(tenant)));
        drop((self.syncs(tenant), self.batches(tenant)));
        drop((self.queue.of(tenant), self.unsigned.of(tenant)));
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "audit_failures",
            "Records that could not be written",
            self.failures.clone(),
        );
        registry.register(
            "audit_index_failures",
            "Times that the index of the audit log could not be written",
            self.index_failures.clone(),
        );
        registry.register(
            "audit_records",
            "Records made durable",
            self.records.clone(),
        );
        registry.register_with_unit(
            "audit_written",
            "Lines made durable",
            Unit::Bytes,
            self.bytes.clone(),
        );
        registry.register_with_unit(
            "audit_sync",
            "Time that a sync of the audit log took",
            Unit::Seconds,
            self.syncs.clone(),
        );
        registry.register(
            "audit_batch_records",
            "Records of one sync",
            self.batches.clone(),
        );
        registry.register(
            "audit_queue_records",
            "Records that wait for the writer of the audit log",
            self.queue.clone(),
        );
        registry.register_with_unit(
            "audit_checkpoint_age",
            "Time since the latest checkpoint was signed",
            Unit::Seconds,
            self.checkpoint_age.clone(),
        );
        registry.register(
            "audit_unsigned_records",
            "Durable records that no checkpoint covers",
            self.unsigned.clone(),
        );
        registry.register_with_unit(
            "audit_free",
            "Room on the file system of the audit log",
            Unit::Bytes,
            self.free_bytes.clone(),
        );
        self.watching.register(registry);
    }
}

fn gauge(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl super::Metrics {
    /// A record could not be written.
    pub fn audit_failed(&self) {
        self.logs.failures.of(&self.tenant).inc();
    }

    /// Records could not be taken into the index; the log is not concerned.
    pub fn audit_index_failed(&self) {
        self.logs.index_failures.of(&self.tenant).inc();
    }

    /// What counts each batch of this tenant's log.
    #[must_use]
    pub fn on_sync(&self) -> OnSync {
        let (logs, tenant) = (&self.logs, &self.tenant);
        let (records, bytes) = (logs.records.of(tenant), logs.bytes.of(tenant));
        let (syncs, batches) = (logs.syncs(tenant), logs.batches(tenant));
        Arc::new(move |synced: &Synced| {
            records.inc_by(synced.records);
            bytes.inc_by(synced.bytes);
            syncs.observe(synced.took.as_secs_f64());
            // Far below 2^53.
            batches.observe(synced.records as f64);
        })
    }

    /// How the log is now.
    pub fn log_is(&self, stats: &LogStats) {
        let logs = &self.logs;
        let queue = logs.queue.of(&self.tenant);
        queue.set(gauge(stats.waiting as u64));
        logs.unsigned
            .of(&self.tenant)
            .set(gauge(stats.unsigned_records));
        if let Some(signed) = &stats.signed {
            let age = logs.checkpoint_age.of(&self.tenant);
            age.set(gauge(signed.age.as_secs()));
        }
    }

    /// The room that the log's file system has, in bytes.
    pub fn log_has_room(&self, free_bytes: u64) {
        let free = self.logs.free_bytes.of(&self.tenant);
        free.set(gauge(free_bytes));
    }
}
