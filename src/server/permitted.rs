//! Who may call which RPC, and that they did.

use super::decider::Decider;
use super::peer::peer;
use super::status::RpcError;
use crate::audit::record::Record;
use crate::identity::{Peer, Permission};
use tonic::Request;

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

    /// The name of the caller that asks, if it may do this.
    pub(super) fn permits<T>(
        &self,
        request: &Request<T>,
        to: Permission,
    ) -> Result<String, RpcError> {
        self.permitted(&peer(request).peer, to)
    }

    /// Records what is no decision, and waits until it is durable.
    pub(super) async fn record_durably(&self, record: Record) -> Result<(), RpcError> {
        let appended = self.evidence.log().append((self.clock)(), &record)?;
        appended.await?;
        Ok(())
    }
}
