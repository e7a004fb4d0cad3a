//! Who tried, where identity denied.

use super::fields::{Fields, Text};
use crate::model::attempt::{Attempt, Claim, SeenPeer};

/// `{failed, claimed, peer}`.
pub(super) fn attempt_text(attempt: &Attempt) -> Text {
    let mut fields = Fields::default();
    fields
        .put("failed", attempt.failed.as_str())
        .optional("claimed", attempt.claimed.as_ref().map(claim))
        .put("peer", peer(&attempt.peer));
    fields.take()
}

fn claim(claim: &Claim) -> Text {
    let mut fields = Fields::default();
    fields
        .put("by", claim.by.as_str())
        .put("verified", claim.verified)
        .optional("issuer", claim.issuer.as_deref())
        .optional("id", claim.id.as_deref())
        .optional("user", claim.user.as_deref())
        .optional("agent", claim.agent.as_deref())
        .optional("client", claim.client.as_deref());
    if !claim.delegation.is_empty() {
        fields.texts("delegation", &claim.delegation);
    }
    fields.take()
}

fn peer(peer: &SeenPeer) -> Text {
    let mut fields = Fields::default();
    fields
        .optional("uid", peer.uid.map(u64::from))
        .optional("address", peer.address.as_deref())
        .optional("spiffe_id", peer.spiffe_id.as_deref())
        .optional("token", peer.token.as_ref().map(claim));
    if !peer.dns_names.is_empty() {
        fields.texts("dns_names", &peer.dns_names);
    }
    fields.take()
}
