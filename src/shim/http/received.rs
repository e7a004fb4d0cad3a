//! What the server sent, one message or a batch of them, and what becomes of it.

use crate::model::json::{Limits, parse};
use crate::shim::down;
use crate::shim::exchange::Passed;
use crate::shim::message::Id;
use crate::shim::permit::Permit;
use crate::shim::session::Session;
use crate::shim::splice;

/// The only revision of the protocol that has batches.
pub const BATCHES: &str = "2025-03-26";
/// Most messages of one batch.
pub const BATCH_MESSAGES_MAX: usize = 64;

/// What becomes of it.
#[derive(Debug, Default)]
pub struct Received {
    /// What the client gets, in order.
    pub client: Vec<Vec<u8>>,
    /// What the server is answered.
    pub server: Vec<Permit>,
}

impl Received {
    fn take(&mut self, passed: Passed) {
        self.client.extend(passed.client);
        self.server.extend(passed.server);
    }

    /// Deals with what the server sent; `among` as `down::take` has it.
    pub async fn of(session: &Session, bytes: &[u8], among: &[Id]) -> Self {
        let mut received = Self::default();
        let items = match session.has_protocol(BATCHES) {
            true => items(bytes),
            false => None,
        };
        let Some(items) = items else {
            received.take(down::take(session, bytes, Some(among)).await);
            return received;
        };
        for item in &items {
            received.take(down::take(session, item, Some(among)).await);
        }
        let is_same = received.client.iter().eq(items.iter());
        received.client = match received.client.as_slice() {
            [] => Vec::new(),
            _ if is_same => vec![bytes.to_vec()],
            messages => vec![batch(messages)],
        };
        received
    }
}

/// The messages of a batch; `None` if it is none.
#[must_use]
pub fn items(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    if !bytes.trim_ascii_start().starts_with(b"[") {
        return None;
    }
    parse(bytes, Limits::REQUEST).ok()?;
    let items = splice::items(bytes)?;
    (1..=BATCH_MESSAGES_MAX)
        .contains(&items.len())
        .then_some(items)
}

/// Messages as a batch.
#[must_use]
pub fn batch(messages: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let messages: Vec<&[u8]> = messages.iter().map(AsRef::as_ref).collect();
    [b"[".as_slice(), &messages.join(b",".as_slice()), b"]"].concat()
}
