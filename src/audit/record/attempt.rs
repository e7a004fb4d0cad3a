//! Who tried, where identity denied.

use super::fields::{Canonical, Fields, members};
use crate::model::attempt::{Attempt, Claim, SeenPeer};

/// `{failed, claimed, peer}`.
pub(super) fn attempt_member(attempt: &Attempt) -> impl Canonical {
    members(|fields| {
        fields
            .optional("claimed", attempt.claimed.as_ref().map(claim))
            .put("failed", attempt.failed.as_str())
            .put("peer", members(|fields| put_peer(&attempt.peer, fields)));
    })
}

fn claim(claim: &Claim) -> impl Canonical {
    members(|fields| {
        fields
            .optional("agent", claim.agent.as_deref())
            .put("by", claim.by.as_str())
            .optional("client", claim.client.as_deref())
            .some_texts("delegation", &claim.delegation)
            .optional("id", claim.id.as_deref())
            .optional("issuer", claim.issuer.as_deref())
            .optional("user", claim.user.as_deref())
            .put("verified", claim.verified);
    })
}

fn put_peer(peer: &SeenPeer, fields: &mut Fields<'_>) {
    fields
        .optional("address", peer.address.as_deref())
        .some_texts("dns_names", &peer.dns_names)
        .optional("spiffe_id", peer.spiffe_id.as_deref())
        .optional("token", peer.token.as_ref().map(claim))
        .optional("uid", peer.uid.map(u64::from));
}
