//! `grpc.health.v1`: `""` is the process, `toolgate.ready` whether decisions can be made,
//! `policyset/default` whether the policies on disk are the ones in force; `policyset/<tenant>`
//! where there are tenants.

use super::decider::Decider;
use super::tenants::Tenant;
use crate::identity::DEFAULT_TENANT;
use std::sync::Arc;
use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// Whether decisions can be made.
pub const READY: &str = "toolgate.ready";
/// Before the name of a set: whether the policies on disk are the ones in force.
const POLICY_SET: &str = "policyset/";

/// Follows the policies of all tenants until the process drains: nothing is served then. One tenant
/// without policies does not keep the others from being served.
pub async fn watch(
    reporter: HealthReporter,
    decider: Arc<Decider>,
    mut stopped: watch::Receiver<bool>,
) {
    let tenants = decider.tenants.listed();
    let (tell, mut told) = watch::channel(());
    for tenant in tenants {
        let (tell, mut status) = (tell.clone(), tenant.policies.subscribe());
        tokio::spawn(
            async move { while status.changed().await.is_ok() && tell.send(()).is_ok() {} },
        );
    }
    for tenant in tenants {
        let (tell, mut room) = (tell.clone(), tenant.disk.watch());
        tokio::spawn(async move { while room.changed().await.is_ok() && tell.send(()).is_ok() {} });
    }
    loop {
        let mut is_ready = false;
        for tenant in tenants {
            is_ready |= tenant.readiness().is_ok();
            let in_force = serving(tenant.policies.status().is_newest_in_force());
            reporter
                .set_service_status(service_of(tenant), in_force)
                .await;
        }
        reporter
            .set_service_status("", ServingStatus::Serving)
            .await;
        reporter.set_service_status(READY, serving(is_ready)).await;
        tokio::select! {
            // Never an error: the sender is held here.
            _changed = told.changed() => {}
            // The sender is dropped only at the end of the run: that is a stop too.
            _stopped = stopped.wait_for(|stopped| *stopped) => break,
        }
    }
    let of_sets = tenants.iter().map(|tenant| service_of(tenant));
    for service in ["", READY].map(str::to_owned).into_iter().chain(of_sets) {
        reporter
            .set_service_status(service, ServingStatus::NotServing)
            .await;
    }
}

fn service_of(tenant: &Tenant) -> String {
    let name = tenant.name.as_deref().unwrap_or(DEFAULT_TENANT);
    format!("{POLICY_SET}{name}")
}

fn serving(yes: bool) -> ServingStatus {
    if yes {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    }
}
