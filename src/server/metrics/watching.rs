//! Who else sees a log, and what comes of showing it.

use super::tenant::TenantLabel;
use super::{OutcomeLabel, WhatLabel};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::Arc;

/// What came of showing a checkpoint to a witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Witnessed {
    /// It signed.
    Cosigned,
    /// There was no answer, or none that is of use.
    Failed,
    /// It says that the log is not what it was.
    Disputed,
}

impl Witnessed {
    pub(super) const ALL: [Self; 3] = [Self::Cosigned, Self::Failed, Self::Disputed];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Cosigned => "cosigned",
            Self::Failed => "failed",
            Self::Disputed => "disputed",
        }
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WitnessLabel {
    witness: Arc<str>,
}

/// Counters and gauges about those who see logs.
#[derive(Clone, Debug, Default)]
pub(super) struct Watching {
    witnessed: Family<((OutcomeLabel, WitnessLabel), TenantLabel), Counter>,
    cosigned: Family<(WitnessLabel, TenantLabel), Gauge>,
    otlp: Family<(WhatLabel, TenantLabel), Counter>,
}

impl Watching {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register(
            "audit_witness_requests",
            "Checkpoints shown to a witness",
            self.witnessed.clone(),
        );
        registry.register(
            "audit_cosigned_records",
            "Records that the last checkpoint covers that a witness signed",
            self.cosigned.clone(),
        );
        registry.register(
            "audit_otlp_records",
            "Records exported over OTLP, or dropped",
            self.otlp.clone(),
        );
    }

    fn witnessed(&self, outcome: Witnessed, witness: &Arc<str>, tenant: &TenantLabel) -> Counter {
        let outcome = outcome.as_str();
        let witness = Arc::clone(witness);
        let labels = (
            (OutcomeLabel { outcome }, WitnessLabel { witness }),
            tenant.clone(),
        );
        self.witnessed.get_or_create(&labels).clone()
    }
}

impl super::Metrics {
    /// Shows what never happened of a witness.
    pub fn show_witness(&self, witness: &Arc<str>) {
        for outcome in Witnessed::ALL {
            drop(self.logs.watching.witnessed(outcome, witness, &self.tenant));
        }
    }

    /// A checkpoint was shown to a witness.
    pub fn witnessed(&self, witness: &Arc<str>, outcome: Witnessed) {
        let watching = &self.logs.watching;
        watching.witnessed(outcome, witness, &self.tenant).inc();
    }

    /// The witness signed a checkpoint over so many records.
    pub fn cosigned(&self, witness: &Arc<str>, records: u64) {
        let witness = Arc::clone(witness);
        let labels = (WitnessLabel { witness }, self.tenant.clone());
        let records = i64::try_from(records).unwrap_or(i64::MAX);
        self.logs
            .watching
            .cosigned
            .get_or_create(&labels)
            .set(records);
    }

    /// Records were exported over OTLP, or dropped.
    pub fn otlp(&self, exported: u64, dropped: u64) {
        for (what, records) in [("exported", exported), ("dropped", dropped)] {
            let labels = (WhatLabel { what }, self.tenant.clone());
            let counter = self.logs.watching.otlp.get_or_create(&labels);
            counter.inc_by(records);
        }
    }
}
