//! What may be sent to the server: the only thing that a transport forwards. Made by the core
//! alone (`tests/tidy` holds to that), out of a checked grant or of a message that needs none.

use crate::model::time::Timestamp;
use crate::shim::pdp::Answer;

/// Bytes that may be sent to the server, for as long as the verdict on them holds.
#[derive(Debug)]
pub struct Permit {
    bytes: Vec<u8>,
    until: Option<Timestamp>,
}

impl Permit {
    /// For what a verdict grants.
    pub(super) fn granted(answer: &Answer, bytes: Vec<u8>) -> Self {
        let until = Some(answer.valid_until);
        Self { bytes, until }
    }

    /// For what is forwarded without a verdict, and for messages of the shim's own.
    pub(super) const fn unjudged(bytes: Vec<u8>) -> Self {
        Self { bytes, until: None }
    }

    /// Whether it may still be used.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now <= until)
    }

    /// The bytes to be sent; `None` if it may not be used any more.
    #[must_use]
    pub fn redeem(self, now: Timestamp) -> Option<Vec<u8>> {
        self.holds(now).then_some(self.bytes)
    }
}
