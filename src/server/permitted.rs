//! Who may call which RPC, and that they did.

use super::decider::Decider;
use super::status::RpcError;
use super::tenants::Tenant;
use crate::audit::record::Record;
use crate::identity::{Peer, Permission};

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
