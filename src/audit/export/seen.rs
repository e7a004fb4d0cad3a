//! Events that were read already: one that a shim sent twice, or to two logs, is one event.

use sha2::{Digest, Sha256};
use std::collections::{HashSet, VecDeque};

/// Events that are remembered: as many as the server remembers.
pub const EVENTS_MAX: usize = 131_072;
/// Of the hash of an event's id.
const KEY_BYTES: usize = 16;

type Key = [u8; KEY_BYTES];

/// The last of them.
#[derive(Default)]
pub struct Seen {
    keys: HashSet<Key>,
    order: VecDeque<Key>,
}

impl Seen {
    /// Whether this event is new; it is not from now on.
    pub fn is_new(&mut self, event_id: &str) -> bool {
        let digest = Sha256::digest(event_id.as_bytes());
        let mut key = Key::default();
        key.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        if !self.keys.insert(key) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > EVENTS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
        true
    }
}
