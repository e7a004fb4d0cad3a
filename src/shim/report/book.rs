//! What a reporter knows: the spool, and which of its events were sent where.

use super::REPORTED_EVENTS_MAX;
use crate::shim::event::Event;
use crate::shim::held::{Checkpoints, PROOF_EVERY_MS};
use crate::shim::pdp::{Acknowledged, PdpError};
use crate::shim::spool::Spool;
use crate::shim::streams::{Stream, Streams};
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// The spool, and what became of its events.
pub(super) struct Book {
    pub(super) spool: Spool,
    pub(super) held: Checkpoints,
    /// The disk failed.
    pub(super) broken: bool,
    streams: Streams,
    /// This start's number, until a stream has it.
    unused_epoch: Option<u64>,
    /// What was sent last.
    sent: Option<Sent>,
    /// The log that acknowledged last, and up to where.
    confirmed: Option<(String, u64)>,
    /// When which log last proved that it continues what is held.
    proved: Option<(String, Instant)>,
}

/// Events on their way.
struct Sent {
    stream: Stream,
    last: u64,
}

impl Book {
    pub(super) const fn new(spool: Spool, streams: Streams, held: Checkpoints, epoch: u64) -> Self {
        Self {
            spool,
            held,
            broken: false,
            streams,
            unused_epoch: Some(epoch),
            sent: None,
            confirmed: None,
            proved: None,
        }
    }

    /// Takes note of what the disk did.
    pub(super) fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.broken = true;
            tracing::error!(%error, "the spool cannot be written; no more calls are forwarded");
        }
    }

    /// Whether there are events that the log which acknowledged last does not have.
    pub(super) fn has_more(&self) -> bool {
        let from = self.confirmed.as_ref().map_or(0, |(_, up_to)| up_to + 1);
        !self.spool.oldest(from, u64::MAX, 1).is_empty()
    }

    /// The next events for a log, under their numbers there.
    pub(super) fn number(
        &mut self,
        origin: &str,
        shim_id: &str,
        next_epoch: impl FnOnce() -> io::Result<u64>,
    ) -> Result<Vec<Event>, PdpError> {
        if let Some(why) = self.held.refused(origin) {
            return Err(PdpError::LogRefused {
                origin: origin.to_owned(),
                why: why.to_owned(),
            });
        }
        let (first, _) = self.spool.numbers();
        let from = match &self.confirmed {
            Some((log, up_to)) if log == origin => first.max(up_to + 1),
            _ => first,
        };
        let oldest = self.spool.oldest(from, u64::MAX, 1);
        let Some(number) = oldest.first().map(|event| event.number) else {
            return Ok(Vec::new());
        };
        let unused = &mut self.unused_epoch;
        let epoch = || unused.take().map_or_else(next_epoch, Ok);
        let placed = self.streams.place(origin, (first, from, number), epoch);
        let stream = placed.map_err(|error| {
            let text = format!("what is sent where cannot be kept: {error}");
            PdpError::Unavailable(text)
        })?;
        let before = stream.end.unwrap_or(u64::MAX);
        let events = self.spool.oldest(number, before, REPORTED_EVENTS_MAX);
        let last = events.last().map_or(number, |event| event.number);
        let events = events
            .into_iter()
            .map(|event| event.placed(shim_id, stream.epoch, stream.seq(event.number)))
            .collect();
        self.streams.note_sent(stream.epoch, last);
        self.sent = Some(Sent { stream, last });
        Ok(events)
    }

    /// Takes note of what is durable of what was sent last; whether that was anything.
    pub(super) fn acknowledge(&mut self, acknowledged: &Acknowledged) -> bool {
        let Some(Sent { stream, last }) = self.sent.take() else {
            return false;
        };
        if stream.origin != acknowledged.origin || acknowledged.durable_seq == 0 {
            return false;
        }
        // A log cannot have what it was not sent.
        let up_to = stream.number(acknowledged.durable_seq).min(last);
        let before = self.confirmed.replace((stream.origin.clone(), up_to));
        let (first, _) = self.spool.numbers();
        if self.streams.may_forget(&stream.origin, first, up_to) {
            let removed = self.spool.acknowledge(up_to);
            self.note(removed);
        }
        let is_same_log = |(log, _): &&(String, u64)| *log == stream.origin;
        let before = before.as_ref().filter(is_same_log);
        up_to >= first && before.is_none_or(|(_, before)| up_to > *before)
    }

    /// Whether this log proved a moment ago that it continues what is held of it.
    pub(super) fn proved_lately(&self, origin: &str) -> bool {
        let every = Duration::from_millis(PROOF_EVERY_MS);
        let proved = self.proved.as_ref();
        proved.is_some_and(|(log, at)| log == origin && at.elapsed() < every)
    }

    /// This log has given a proof now.
    pub(super) fn note_proved(&mut self, origin: &str) {
        self.proved = Some((origin.to_owned(), Instant::now()));
    }

    /// As if the last proof were long ago.
    #[cfg(test)]
    pub(super) fn a_while_later(&mut self) {
        self.proved = None;
    }
}
