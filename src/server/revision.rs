//! `WatchRevision`: who holds verdicts hears at once that they may be out of date.

use super::tenants::Tenant;
use crate::bundle::swap::Status as StoreStatus;
use crate::model::revision::Revision;
use crate::wire::{self, v1};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tonic::Status;

/// A watcher hears at least this often, so that it can tell silence from a lost connection.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// Messages that a slow watcher may be behind; each says all that is in force, so that the ones in
/// between are left out.
pub const BACKLOG_MAX: usize = 1;

type Told = Result<v1::WatchRevisionResponse, Status>;

/// Tells what is in force, at first and at each change, until the watcher is gone or `stopped`
/// holds.
pub(super) async fn tell(
    tenant: Arc<Tenant>,
    told: mpsc::Sender<Told>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut changes = tenant.policies.subscribe();
    let mut last: Option<Option<Revision>> = None;
    loop {
        let now = in_force(&changes.borrow_and_update());
        let heartbeat = last.as_ref() == Some(&now);
        let message = v1::WatchRevisionResponse {
            policy: now.as_ref().map(|set| wire::active_policy(set, None)),
            revocation_epoch: 0,
            heartbeat,
        };
        if told.send(Ok(message)).await.is_err() {
            return;
        }
        last = Some(now);
        let until = tokio::time::Instant::now() + HEARTBEAT_INTERVAL;
        tokio::select! {
            () = changed(&mut changes, &last) => {}
            () = tokio::time::sleep_until(until) => {}
            () = told.closed() => return,
            _stopped = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

fn in_force(status: &StoreStatus) -> Option<Revision> {
    let active = status.active.as_ref();
    active.map(|active| active.revision.clone())
}

/// Until another set is in force: a refusal is a change of the status alone.
async fn changed(changes: &mut watch::Receiver<StoreStatus>, last: &Option<Option<Revision>>) {
    let is_other = |status: &StoreStatus| last.as_ref() != Some(&in_force(status));
    if changes.wait_for(is_other).await.is_err() {
        // The store outlives every server.
        std::future::pending::<()>().await;
    }
}
