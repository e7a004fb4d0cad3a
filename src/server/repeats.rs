//! Requests that come again, because an answer was lost: the same answer, and no second decision.

use crate::identity::Peer;
use crate::model::time::Timestamp;
use crate::wire::v1;
use prost::Message;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Answers that are kept for one caller; the oldest goes first.
pub const REPEATS_PER_CALLER_MAX: usize = 8_192;
/// The same in bytes of requests, since answers are about as large.
pub const REPEAT_BYTES_PER_CALLER_MAX: usize = 8 << 20;

/// An answer that is there, or will be.
pub(super) type Answer = Arc<OnceCell<v1::DecideResponse>>;
type RequestDigest = [u8; 32];

/// Answers by caller and request id. Asked only where there is a request id.
#[derive(Debug, Default)]
pub struct Repeats(Mutex<HashMap<String, OfCaller>>);

#[derive(Debug, Default)]
struct OfCaller {
    by_id: HashMap<String, Repeat>,
    /// Bytes, and until when.
    oldest_first: VecDeque<(String, usize, Timestamp)>,
    bytes: usize,
}

#[derive(Debug)]
struct Repeat {
    digest: RequestDigest,
    answer: Answer,
}

/// The request id has come before, with another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OtherRequest;

impl Repeats {
    /// The answer to this request of this caller: the one that was or is being given, or room for
    /// a new one that is kept for `kept`.
    ///
    /// # Errors
    /// The request id has come with another request.
    pub(super) fn answer(
        &self,
        (caller, peer): (&str, &Peer),
        request: &v1::DecideRequest,
        kept: Duration,
        now: Timestamp,
    ) -> Result<Answer, OtherRequest> {
        let digest = digest(request, peer);
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // All that one entry is for share its room.
        let entry = caller.split_once('@').map_or(caller, |(entry, _)| entry);
        let own = callers.entry(entry.to_owned()).or_default();
        let id = format!("{caller}\n{}", request.request_id);
        own.forget_until(now);
        if let Some(repeat) = own.by_id.get(&id) {
            let is_same = repeat.digest == digest;
            return is_same
                .then(|| Arc::clone(&repeat.answer))
                .ok_or(OtherRequest);
        }
        let answer = Answer::default();
        let repeat = Repeat {
            digest,
            answer: Arc::clone(&answer),
        };
        let bytes = request.encoded_len();
        own.bytes += bytes;
        own.by_id.insert(id.clone(), repeat);
        own.oldest_first.push_back((id, bytes, now.plus(kept)));
        Ok(answer)
    }
}

impl OfCaller {
    /// Makes room for one more.
    fn forget_until(&mut self, now: Timestamp) {
        while let Some((_, _, until)) = self.oldest_first.front() {
            let is_full = self.oldest_first.len() >= REPEATS_PER_CALLER_MAX
                || self.bytes > REPEAT_BYTES_PER_CALLER_MAX;
            if *until > now && !is_full {
                return;
            }
            let Some((id, bytes, _)) = self.oldest_first.pop_front() else {
                return;
            };
            self.bytes = self.bytes.saturating_sub(bytes);
            self.by_id.remove(&id);
        }
    }
}

/// A digest of everything that a request says, and of the token that its connection shows: of two
/// tokens of one subject, each may grant something else. A map has no order of its own.
fn digest(request: &v1::DecideRequest, peer: &Peer) -> RequestDigest {
    let mut request = request.clone();
    let context: BTreeMap<_, _> = std::mem::take(&mut request.context).into_iter().collect();
    let mut hasher = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(&request.encode_to_vec());
    if let Peer::Token(token) = peer {
        part(token.text().as_bytes());
    }
    for (key, value) in &context {
        part(key.as_bytes());
        part(value.as_bytes());
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests;
