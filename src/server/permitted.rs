//! Who may call which RPC, and that they did.

use super::decider::Decider;
use super::peer::Remote;
use super::status::RpcError;
use super::tenants::Tenant;
use crate::audit::record::{AuditRead, Record};
use crate::identity::{Peer, Permission};
use std::sync::Arc;
use tonic::Request;

/// The justification of who is refused before it counts.
const NO_JUSTIFICATION: &str = "-";

impl Decider {
    /// The name of the caller that this connection's peer is, if it may do this.
    ///
    /// # Errors
    /// Where nobody is known, or that caller may not.
    pub fn permitted(&self, peer: &Peer, to: Permission) -> Result<String, RpcError> {
        let permitted = self.identity.permitted(peer, to, (self.clock)());
        permitted.map_err(|denied| match denied.caller {
            Some(_) => RpcError::NotPermitted(to),
            None => RpcError::Unauthenticated,
        })
    }

    /// The caller that may read this tenant's records or content with this RPC. That a known one
    /// tried who may not is recorded.
    pub(super) async fn reader<T>(
        &self,
        request: &Request<T>,
        peer: &Remote,
        to: Permission,
        rpc: &'static str,
    ) -> Result<(String, Arc<Tenant>), RpcError> {
        let refused = match self.permits_for(request, peer, to) {
            Ok(reader) => return Ok(reader),
            Err(refused) => refused,
        };
        if let Ok(caller) = self.identity.named(&peer.peer, (self.clock)()) {
            let tenant = self.tenant_of_peer(&peer.peer);
            let read = AuditRead {
                by: caller,
                justification: NO_JUSTIFICATION.to_owned(),
                rpc,
                ..AuditRead::default()
            };
            let tenant = tenant.as_ref().unwrap_or(self.tenants.process());
            self.record_refused(tenant, read, &refused).await;
        }
        Err(refused)
    }

    /// Records a reading that was refused. It is refused also where that cannot be recorded.
    pub(super) async fn record_refused(
        &self,
        tenant: &Tenant,
        read: AuditRead,
        refused: &RpcError,
    ) {
        let refused = Some(refused.to_string());
        let read = AuditRead { refused, ..read };
        if let Err(error) = self.record_durably(tenant, Record::AuditRead(read)).await {
            tracing::error!(%error, "that reading the audit log was refused is not recorded");
        }
    }

    /// Records what is no decision, and waits until it is durable.
    pub(super) async fn record_durably(
        &self,
        tenant: &Tenant,
        record: Record,
    ) -> Result<(), RpcError> {
        let appended = tenant.evidence.log().append((self.clock)(), &record)?;
        appended.await?;
        Ok(())
    }
}
