//! How many bytes of requests may be held before the requests are complete.

use super::overload::{Limited, Overload};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most bytes of requests that are being received of all who are not known, together.
pub const STRANGERS_BYTES_MAX: usize = 8 << 20;
/// Bytes before each message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;

/// Bytes of requests that are being received, shared by callers: one may have as many as are free,
/// so that one alone has half of them.
#[derive(Debug)]
pub struct Receiving {
    max: usize,
    strangers_max: usize,
    held: AtomicUsize,
    by_caller: HashMap<String, AtomicUsize>,
    of_strangers: AtomicUsize,
}

/// What is held of one request, until it is dropped.
#[derive(Debug)]
pub(super) struct HeldBytes {
    receiving: Arc<Receiving>,
    caller: Option<Arc<str>>,
    bytes: usize,
}

impl Receiving {
    /// At most `max` bytes, shared by these callers.
    #[must_use]
    pub fn new(max: usize, callers: impl IntoIterator<Item = String>) -> Arc<Self> {
        let callers = callers.into_iter();
        Arc::new(Self {
            max,
            strangers_max: STRANGERS_BYTES_MAX.min(max / 2),
            held: AtomicUsize::new(0),
            by_caller: callers.map(|it| (it, AtomicUsize::new(0))).collect(),
            of_strangers: AtomicUsize::new(0),
        })
    }

    /// A request of this caller, of which nothing came yet; `None`: nobody who is known.
    pub(super) fn begin(self: &Arc<Self>, caller: Option<Arc<str>>) -> HeldBytes {
        HeldBytes {
            receiving: Arc::clone(self),
            caller,
            bytes: 0,
        }
    }

    /// How many are held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn own(&self, caller: Option<&Arc<str>>) -> Option<&AtomicUsize> {
        caller.and_then(|caller| self.by_caller.get(&**caller))
    }

    fn take(&self, caller: Option<&Arc<str>>, bytes: usize) -> Result<(), Overload> {
        let known = self.own(caller);
        let own = known.unwrap_or(&self.of_strangers);
        // Counted before it is looked at: of two at once, both see each other.
        let own_with = own.fetch_add(bytes, Ordering::AcqRel) + bytes;
        let taken = match known {
            None if own_with > self.strangers_max => Err(Overload::Caller {
                what: Limited::RequestBytes,
                limit: self.strangers_max,
            }),
            _ => self.count(own_with, bytes),
        };
        if taken.is_err() {
            own.fetch_sub(bytes, Ordering::AcqRel);
        }
        taken
    }

    fn count(&self, own_with: usize, bytes: usize) -> Result<(), Overload> {
        let (what, limit) = (Limited::RequestBytes, self.max);
        let add = |held: usize| {
            let free = self.max.saturating_sub(held);
            (own_with <= free).then_some(held + bytes)
        };
        let order = (Ordering::AcqRel, Ordering::Acquire);
        match self.held.fetch_update(order.0, order.1, add) {
            Ok(_) => Ok(()),
            Err(held) if held + bytes > self.max => Err(Overload::All { what, limit }),
            Err(_) => Err(Overload::Caller { what, limit }),
        }
    }
}

impl HeldBytes {
    /// Holds so many from now on.
    ///
    /// # Errors
    /// Which limit is reached; what was held stays so.
    pub(super) fn hold(&mut self, bytes: usize) -> Result<(), Overload> {
        let caller = self.caller.as_ref();
        if bytes > self.bytes {
            self.receiving.take(caller, bytes - self.bytes)?;
        } else {
            self.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
        Ok(())
    }

    /// How many are held.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    fn give_back(&self, bytes: usize) {
        let receiving = &self.receiving;
        let own = receiving.own(self.caller.as_ref());
        let own = own.unwrap_or(&receiving.of_strangers);
        own.fetch_sub(bytes, Ordering::AcqRel);
        receiving.held.fetch_sub(bytes, Ordering::AcqRel);
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

/// Follows the messages of a body: of a stream only the one that is not complete is held.
#[derive(Debug, Default)]
pub(super) struct Messages {
    prefix: Vec<u8>,
    /// Of the message after the prefix.
    missing_bytes: usize,
    partial_bytes: usize,
}

impl Messages {
    /// Takes the next bytes; whether a message is complete with them.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> bool {
        let mut has_completed = false;
        while !bytes.is_empty() {
            let is_head = self.prefix.len() < PREFIX_BYTES;
            let wanted = match is_head {
                true => PREFIX_BYTES - self.prefix.len(),
                false => self.missing_bytes,
            };
            let (taken, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            self.partial_bytes += taken.len();
            if is_head {
                self.prefix.extend_from_slice(taken);
                self.missing_bytes = self.length();
            } else {
                self.missing_bytes -= taken.len();
            }
            if self.prefix.len() == PREFIX_BYTES && self.missing_bytes == 0 {
                self.prefix.clear();
                self.partial_bytes = 0;
                has_completed = true;
            }
        }
        has_completed
    }

    /// How much is to come of the message that is not complete, as far as it is known.
    pub(super) const fn missing_bytes(&self) -> usize {
        self.missing_bytes
    }

    /// How much came of the message that is not complete.
    pub(super) const fn partial_bytes(&self) -> usize {
        self.partial_bytes
    }

    fn length(&self) -> usize {
        let Some((_compressed, length)) = self.prefix.split_first() else {
            return 0;
        };
        let length: Option<[u8; 4]> = length.try_into().ok();
        length.map_or(0, |length| {
            usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX)
        })
    }
}

#[cfg(test)]
mod tests;
