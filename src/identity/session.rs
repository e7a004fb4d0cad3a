//! The PDP's own name for a session.

use crate::model::hex::hex;
use crate::model::principal::Principal;
use sha2::{Digest, Sha256};

/// What this hash is for, so that it equals no other hash of the same parts.
const DOMAIN: &str = "toolgate.session.v1";

/// `input.session.id`: 64 hexadecimal digits of SHA-256 over tenant, principal, agent, client and
/// the transport's session, each with its length before it. A caller cannot shed its history by
/// naming a new session: only the part that the transport knows changes the name.
#[must_use]
pub fn session_id(tenant: &str, principal: &Principal, transport_session: &str) -> String {
    let mut hash = Sha256::new();
    let parts = [
        Some(DOMAIN),
        Some(tenant),
        Some(principal.id.as_str()),
        principal.agent.as_deref(),
        principal.client.as_deref(),
        Some(transport_session),
    ];
    for part in parts {
        // An absent part and an empty one are not the same part.
        hash.update([u8::from(part.is_some())]);
        let part = part.unwrap_or_default();
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}
