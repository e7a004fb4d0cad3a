//! What content stores count.

use super::tenant::{PerTenant, TenantLabel};
use super::{Metrics, ReasonLabel};
use crate::audit::content::{ContentStore, Omitted};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A store, and whose it is.
type Store = (TenantLabel, Arc<ContentStore>);

/// All stores.
#[derive(Clone, Default)]
pub(super) struct Stores(Arc<Mutex<Vec<Store>>>);

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stores").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Shows what this store counts.
    pub fn show_content(&self, store: Arc<ContentStore>) {
        let stores = self.stores.0.lock();
        let mut stores = stores.unwrap_or_else(PoisonError::into_inner);
        stores.push((self.tenant.clone(), store));
    }
}

impl Stores {
    pub(super) fn register(&self, registry: &mut Registry) {
        let kept = PerTenant::<Counter>::default();
        let omitted = Family::<(ReasonLabel, TenantLabel), Counter>::default();
        let bytes = PerTenant::<Gauge>::default();
        for (tenant, store) in &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            kept.of(tenant).inc_by(store.kept());
            for why in Omitted::ALL {
                let reason = why.as_str();
                let label = (ReasonLabel { reason }, tenant.clone());
                omitted.get_or_create(&label).inc_by(store.omitted(why));
            }
            let stored = i64::try_from(store.bytes()).unwrap_or(i64::MAX);
            bytes.of(tenant).set(stored);
        }
        registry.register("content_kept", "Arguments and results kept", kept);
        registry.register(
            "content_omitted",
            "Arguments and results that were not kept",
            omitted,
        );
        registry.register_with_unit("content", "What is kept", Unit::Bytes, bytes);
    }
}
