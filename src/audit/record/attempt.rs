//! Who tried, where identity denied.

use super::Fields;
use crate::model::attempt::{Attempt, Claim, SeenPeer};
use crate::model::json::Json;

/// `{failed, claimed, peer}`.
pub(super) fn attempt_json(attempt: &Attempt) -> Json {
    let mut fields = Fields::default();
    fields
        .put("failed", attempt.failed.as_str())
        .optional("claimed", &attempt.claimed.as_ref().map(claim))
        .put("peer", peer(&attempt.peer));
    Json::Object(fields.take())
}

fn claim(claim: &Claim) -> Json {
    let mut fields = Fields::default();
    fields
        .put("by", claim.by.as_str())
        .put("verified", claim.verified)
        .optional("issuer", &claim.issuer)
        .optional("id", &claim.id)
        .optional("user", &claim.user)
        .optional("agent", &claim.agent)
        .optional("client", &claim.client);
    if !claim.delegation.is_empty() {
        fields.texts("delegation", &claim.delegation);
    }
    Json::Object(fields.take())
}

fn peer(peer: &SeenPeer) -> Json {
    let mut fields = Fields::default();
    fields
        .optional("uid", &peer.uid.map(u64::from))
        .optional("address", &peer.address)
        .optional("spiffe_id", &peer.spiffe_id)
        .optional("token", &peer.token.as_ref().map(claim));
    if !peer.dns_names.is_empty() {
        fields.texts("dns_names", &peer.dns_names);
    }
    Json::Object(fields.take())
}
