//! What becomes of a change of policy is recorded, logged and counted.

use crate::audit::log;
use crate::audit::record::{PolicyLoaded, PolicyRefused, PolicyRolledBack, Record};
use crate::bundle::load::{LoadEvent, Recorder};
use crate::server::{Evidence, Metrics};
use crate::telemetry::now;
use std::sync::Arc;

type OnEvent = Box<dyn Fn(LoadEvent) + Send>;

/// A swap or a refusal is a record before it takes effect.
pub(super) fn record_load(evidence: Arc<Evidence>, source: String) -> Recorder {
    Box::new(move |event| {
        let record = match event.clone() {
            LoadEvent::Loaded {
                revision,
                replaced,
                packages,
                findings,
                changes,
                ..
            } => Record::PolicyLoaded(PolicyLoaded {
                policy: revision,
                previous: replaced,
                packages,
                source: source.clone(),
                changes,
                findings,
            }),
            LoadEvent::Refused {
                refusal,
                active,
                changes,
            } => Record::PolicyRefused(PolicyRefused {
                digest: refusal.digest,
                active,
                revision: None,
                error: refusal.reason,
                source: source.clone(),
                changes,
                findings: refusal.findings,
            }),
            LoadEvent::RolledBack {
                revision,
                replaced,
                pinned,
                changes,
            } => Record::PolicyRolledBack(PolicyRolledBack {
                policy: revision,
                previous: replaced,
                reason: pinned.reason,
                changes,
                by: pinned.by,
                until: pinned.until,
            }),
            LoadEvent::Waiting { .. }
            | LoadEvent::HoldEnded { .. }
            | LoadEvent::Recovered { .. }
            | LoadEvent::Unwatched { .. } => return Ok(()),
        };
        let pending = evidence.log().append(now(), &record);
        if let Err(error) | Ok(Err(error)) = pending.map(log::Pending::wait) {
            tracing::error!(%error, "a change of policy could not be recorded");
            return Err(error.to_string());
        }
        Ok(())
    })
}

/// What became of a change of policy is a log line and a metric.
pub(super) fn report_load(metrics: Arc<Metrics>, tenant: Option<Arc<str>>) -> OnEvent {
    Box::new(move |event| {
        // A field `name` would stand beside the span's own name, under the same key of the JSON.
        let span = tenant
            .as_deref()
            .map(|name| tracing::error_span!("tenant", tenant = name));
        let _in_span = span.as_ref().map(tracing::Span::enter);
        report(&metrics, event);
    })
}

fn report(metrics: &Metrics, event: LoadEvent) {
    match event {
        LoadEvent::Loaded {
            revision,
            warnings,
            findings,
            recompiled,
            took,
            ..
        } => {
            metrics.policy_loaded(revision.version);
            let found = findings.iter().map(ToString::to_string);
            for warning in warnings.into_iter().chain(found) {
                tracing::warn!("{warning}");
            }
            tracing::info!(
                version = revision.version,
                revision = revision.revision,
                digest = revision.digest,
                recompiled,
                took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "policy set in force"
            );
        }
        LoadEvent::Refused { refusal, .. } => {
            metrics.policy_refused(refusal.stage.as_str());
            tracing::error!(
                stage = refusal.stage.as_str(),
                "policies refused: {}",
                refusal.reason
            );
        }
        LoadEvent::RolledBack {
            revision, pinned, ..
        } => {
            metrics.policy_loaded(revision.version);
            tracing::warn!(
                version = revision.version,
                revision = revision.revision,
                digest = revision.digest,
                by = pinned.by,
                until = pinned.until.rfc3339(),
                reason = pinned.reason,
                "policy set rolled back"
            );
        }
        LoadEvent::Waiting { waiting } => {
            tracing::warn!(
                revision = waiting.revision,
                digest = waiting.digest,
                "a change of policy is good, and waits for the end of the rollback"
            );
        }
        LoadEvent::HoldEnded { revision } => {
            tracing::info!(
                revision = revision.revision,
                "the rollback ended; the set in force is the newest"
            );
        }
        LoadEvent::Recovered { revision } => {
            tracing::info!(
                revision = revision.revision,
                "what is on disk is again a set that is known to be good"
            );
        }
        LoadEvent::Unwatched { path, reason } => {
            tracing::warn!(path, reason, "changes are seen by polling only");
        }
    }
}

#[cfg(test)]
mod tests;
