//! What the process has of its own, or each tenant instead: policies, a log, room.

use super::disk::{self, free_bytes};
use super::evidence::{evidence, index};
use super::loads::{record_load, report_load};
use super::{AppError, options, source};
use crate::bundle::compile::compiler;
use crate::bundle::load::Loader;
use crate::bundle::swap::PolicyStore;
use crate::bundle::watch::{Timing, Watch};
use crate::config::{AuditConfig, BundleConfig, Config, TenantConfig};
use crate::files::Files;
use crate::identity::Identity;
use crate::server::{Disk, FairLimit, LargeTurns, Limited, Metrics, Repeats, Tenant, Tenants};
use crate::telemetry::now;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// What tenants are built from.
pub(super) struct Build<'a> {
    pub(super) config: &'a Config,
    pub(super) identity: &'a Identity,
    pub(super) metrics: &'a Metrics,
    /// The disk that logs are on.
    pub(super) files: Arc<dyn Files>,
    /// Threads that decide: each has a copy of each tenant's policies.
    pub(super) threads: NonZeroUsize,
    pub(super) large_at_once: usize,
}

impl Build<'_> {
    /// The process and its tenants, and what watches their bundles.
    pub(super) fn all(&self) -> Result<(Tenants, Vec<Watch>), AppError> {
        let mut process = self.without_policies(&self.config.audit, self.metrics.clone())?;
        let mut watches = Vec::new();
        if self.config.tenants.is_empty() {
            let bundles: Vec<_> = self.config.bundles.iter().collect();
            watches.push(self.load(&mut process, &bundles)?);
        }
        let mut tenants = Vec::new();
        for tenant in &self.config.tenants {
            let (tenant, watch) = self.tenant(tenant)?;
            tenants.push(tenant);
            watches.push(watch);
        }
        Ok((Tenants::new(process, tenants), watches))
    }

    fn tenant(&self, configured: &TenantConfig) -> Result<(Tenant, Watch), AppError> {
        let name: Arc<str> = configured.name.as_str().into();
        let audit = self.config.audit.of_tenant(configured);
        let metrics = self.metrics.of_tenant(Arc::clone(&name));
        let mut tenant = self.without_policies(&audit, metrics)?;
        let callers = self.identity.caller_names_of(&name).map(str::to_owned);
        tenant.room = Some(FairLimit::new(
            configured.in_flight_decisions_max,
            Limited::TenantDecisions,
            callers,
        ));
        tenant.name = Some(name);
        let bundles: Vec<_> = bundles_of(self.config, configured).collect();
        let watch = self.load(&mut tenant, &bundles)?;
        Ok((tenant, watch))
    }

    fn without_policies(&self, audit: &AuditConfig, metrics: Metrics) -> Result<Tenant, AppError> {
        let (evidence, owed) = evidence(audit, &metrics, &self.files)?;
        if let Some(store) = evidence.store() {
            metrics.show_content(Arc::clone(store));
        }
        let metrics = Arc::new(metrics);
        let index = audit.index.then(|| index(audit, &evidence, &metrics));
        let disk = Disk::new(&audit.dir, audit.disk_free_bytes_min, free_bytes);
        let tenant = Tenant {
            disk,
            index: index.transpose()?,
            name: None,
            policies: Arc::new(PolicyStore::new().map_err(AppError::Thread)?),
            steering: None,
            evidence: Arc::new(evidence),
            owed,
            repeats: Repeats::default(),
            large: LargeTurns::new(self.large_at_once),
            room: None,
            metrics,
        };
        // So that it is known before anybody asks.
        disk::look(&tenant);
        Ok(tenant)
    }

    /// Loads these bundles as the tenant's set, and watches them.
    fn load(&self, tenant: &mut Tenant, bundles: &[&BundleConfig]) -> Result<Watch, AppError> {
        let names: Vec<_> = bundles.iter().map(|bundle| bundle.name.as_str()).collect();
        tenant.metrics.show_policies();
        let loader = Loader {
            sources: bundles.iter().map(|bundle| source(bundle)).collect(),
            compile: compiler(options(self.config, self.threads)),
            store: Arc::clone(&tenant.policies),
            record: record_load(Arc::clone(&tenant.evidence), names.join(",")),
            on_event: report_load(Arc::clone(&tenant.metrics), tenant.name.clone()),
            now,
            held_max: self.config.limits.policy_sets_held_max,
        };
        let watch = Watch::start(loader, Timing::default()).map_err(AppError::Thread)?;
        tenant.steering = Some(watch.steering());
        Ok(watch)
    }
}

/// The bundles of a tenant's set.
pub(super) fn bundles_of<'a>(
    config: &'a Config,
    tenant: &'a TenantConfig,
) -> impl Iterator<Item = &'a BundleConfig> {
    let bundles = config.bundles.iter();
    bundles.filter(|bundle| bundle.tenants.contains(&tenant.name))
}
