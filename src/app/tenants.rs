//! What the process has of its own, or each tenant instead: policies, a log, room.

use super::loads::{record_load, report_load};
use super::{AppError, options, source};
use crate::audit::hash::Hasher;
use crate::audit::index::{Index, IndexEvent};
use crate::audit::log::{self, Log};
use crate::bundle::compile::compiler;
use crate::bundle::load::Loader;
use crate::bundle::swap::PolicyStore;
use crate::bundle::watch::{Timing, Watch};
use crate::config::{AuditConfig, AuditMode, BundleConfig, Config, OnFailure, TenantConfig};
use crate::files::OsFiles;
use crate::identity::Identity;
use crate::server::{
    self, Evidence, FairLimit, LargeTurns, Limited, Metrics, OwedCalls, Repeats, Tenant, Tenants,
    WriteMode,
};
use crate::telemetry::now;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

/// What tenants are built from.
pub(super) struct Build<'a> {
    pub(super) config: &'a Config,
    pub(super) identity: &'a Identity,
    pub(super) metrics: &'a Metrics,
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
        let (evidence, owed) = evidence(audit)?;
        let metrics = Arc::new(metrics);
        let index = audit.index.then(|| index(audit, &evidence, &metrics));
        Ok(Tenant {
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
        })
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

/// The index of the log, which it follows.
fn index(
    config: &AuditConfig,
    evidence: &Evidence,
    metrics: &Arc<Metrics>,
) -> Result<Index, AppError> {
    let metrics = Arc::clone(metrics);
    let origin = config.origin.clone();
    let tell = move |event| match event {
        IndexEvent::Renewed { why } => {
            tracing::warn!(origin, why, "the index of the audit log is made anew");
        }
        IndexEvent::Failed { why } => {
            metrics.audit_index_failed();
            tracing::error!(
                origin,
                why,
                "the index of the audit log cannot be written; records and decisions are not concerned"
            );
        }
        IndexEvent::Recovered => {
            tracing::info!(origin, "the index of the audit log is written again")
        }
    };
    Index::start(&config.dir, evidence.log().watch_head(), tell).map_err(AppError::Thread)
}

/// The key's file beside the log, where the configuration names none.
const KEY_FILE: &str = "hash.key";

/// The log, and what it tells of the calls before.
fn evidence(config: &AuditConfig) -> Result<(Evidence, OwedCalls), AppError> {
    let files = Arc::new(OsFiles);
    let (log, recovered) = Log::open(
        &config.dir,
        log::Options::new(&config.origin),
        files.clone(),
    )?;
    if let Some(torn) = &recovered.report.torn {
        tracing::warn!(
            bytes = torn.bytes,
            "dropped a torn last line of the audit log"
        );
    }
    let own_key = config.dir.join(KEY_FILE);
    let key: &Path = config.key_file.as_deref().unwrap_or(&own_key);
    if recovered.report.records > 0 && !key.exists() {
        return Err(AppError::AuditKeyLost(key.to_owned()));
    }
    let hasher = Hasher::open(key, files.as_ref())?;
    let mode = match config.mode {
        AuditMode::Async => WriteMode::Async,
        AuditMode::Durable => WriteMode::Durable,
    };
    let on_failure = match config.on_failure {
        OnFailure::Deny => server::OnFailure::Deny,
        OnFailure::AllowAndAlert => server::OnFailure::AllowAndAlert,
    };
    let owed = OwedCalls::resumed(recovered.granted);
    let tracker = recovered.tracker;
    let evidence = Evidence::new(log, hasher, tracker, mode, on_failure);
    Ok((evidence, owed))
}
