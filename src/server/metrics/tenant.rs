//! Whose a metric is.

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, LabelSetEncoder, MetricEncoder};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A tenant; none where tenants are not apart, or none is known.
#[derive(Clone, Debug, Default, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TenantLabel(pub(super) Option<Arc<str>>);

impl EncodeLabelSet for TenantLabel {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        match &self.0 {
            Some(tenant) => [("tenant", &**tenant)].encode(encoder),
            None => Ok(()),
        }
    }
}

/// A metric of the process, which has no label, and the same of its tenants.
#[derive(Clone, Debug)]
pub(super) struct PerTenant<M>(Arc<Mutex<BTreeMap<TenantLabel, M>>>);

impl<M> Default for PerTenant<M> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<M: Clone + Default> PerTenant<M> {
    /// The metric of this tenant; from now on it is shown.
    pub(super) fn of(&self, tenant: &TenantLabel) -> M {
        self.of_or(tenant, M::default)
    }
}

impl<M: Clone> PerTenant<M> {
    /// As `of`, of a metric that has to be made.
    pub(super) fn of_or(&self, tenant: &TenantLabel, make: impl FnOnce() -> M) -> M {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(tenant.clone()).or_insert_with(make).clone()
    }
}

impl<M: EncodeMetric + TypedMetric> EncodeMetric for PerTenant<M> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut of_process = None;
        for (tenant, metric) in all.iter() {
            match tenant.0 {
                Some(_) => metric.encode(encoder.encode_family(tenant)?)?,
                None => of_process = Some(metric),
            }
        }
        // Without labels and so without braces, which takes the encoder.
        of_process.map_or(Ok(()), |metric| metric.encode(encoder))
    }

    fn metric_type(&self) -> MetricType {
        M::TYPE
    }
}
