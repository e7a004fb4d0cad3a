//! `grpc.health.v1`: `""` is the process, `toolgate.ready` whether decisions can be made,
//! `policyset/default` whether the policies on disk are the ones in force.

use crate::bundle::swap::Status;
use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Whether decisions can be made.
pub const READY: &str = "toolgate.ready";
/// Whether the policies on disk are the ones in force.
pub const POLICY_SET: &str = "policyset/default";

/// Follows the policy store until it is gone, or the process drains: nothing is served then.
pub async fn watch(
    reporter: HealthReporter,
    mut status: watch::Receiver<Status>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let (ready, in_force) = {
            let status = status.borrow_and_update();
            (status.active.is_some(), status.is_newest_in_force())
        };
        reporter
            .set_service_status("", ServingStatus::Serving)
            .await;
        reporter.set_service_status(READY, serving(ready)).await;
        reporter
            .set_service_status(POLICY_SET, serving(in_force))
            .await;
        tokio::select! {
            changed = status.changed() => if changed.is_err() {
                return;
            },
            // The sender is dropped only at the end of the run: that is a stop too.
            _stopped = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    for service in ["", READY, POLICY_SET] {
        reporter
            .set_service_status(service, ServingStatus::NotServing)
            .await;
    }
}

fn serving(yes: bool) -> ServingStatus {
    if yes {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}
