//! Looks from time to time whether the file systems of the logs have room.

use crate::server::{DISK_INTERVAL_SECONDS, Decider, Room, Tenant};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

/// What the file system has for this process, in bytes.
pub(super) fn free_bytes(dir: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(dir)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// Asks the file system of this log, and says what has changed.
pub(super) fn look(tenant: &Tenant) {
    let origin = tenant.evidence.log().origin();
    match tenant.disk.look(&tenant.metrics) {
        None => {}
        Some(room @ Room::Enough) => tracing::info!(origin, "{room} again"),
        Some(room) => tracing::error!(
            origin,
            "{room}: the process is not ready until there is more"
        ),
    }
}

/// Looks without an end.
pub(super) async fn watch(decider: Arc<Decider>) {
    let mut interval = interval(Duration::from_secs(DISK_INTERVAL_SECONDS));
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        for tenant in decider.tenants.logging() {
            let tenant = Arc::clone(tenant);
            // One that panicked or hangs makes nothing ready and nothing worse.
            let _looked = spawn_blocking(move || look(&tenant)).await;
        }
    }
}
