//! Requests on their way: what was forwarded and has not been answered.

use crate::shim::event::DecisionRef;
use crate::shim::message::{Id, Why};
use crate::shim::pdp::Question;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Most requests in flight, both ways together.
pub const IN_FLIGHT_MAX: usize = 256;
/// So many ids of cancelled requests are not accepted again: a late answer must not meet another
/// request.
pub const CANCELLED_IDS_MAX: usize = 1_024;

/// A forwarded request.
#[derive(Debug)]
pub struct Flight {
    /// What it was.
    pub kind: Kind,
    /// The token under which the server may report progress.
    pub progress_token: Option<Id>,
    /// When it was forwarded.
    pub since: Instant,
    /// Whether it is of the modern era.
    pub modern: bool,
}

/// What a forwarded request was.
#[derive(Debug)]
pub enum Kind {
    /// `initialize`
    Initialize,
    /// A request whose answer is forwarded as it is.
    Plain,
    /// `tools/list`
    List(Box<ListFlight>),
    /// A granted `tools/call`.
    Call(Box<CallFlight>),
    /// The shim's own `tools/list`; gets the raw result, or `None` where there was none.
    Own(oneshot::Sender<Option<Vec<u8>>>),
}

/// A `tools/list` of the client's.
#[derive(Debug)]
pub struct ListFlight {
    /// The page that was asked for.
    pub cursor: Option<String>,
    /// What the questions about its entries have in common.
    pub question: Question,
}

/// A granted `tools/call`.
#[derive(Debug)]
pub struct CallFlight {
    /// The question about the call, to be completed by its result.
    pub question: Question,
    /// The decision that granted it.
    pub decision: DecisionRef,
}

/// Requests in flight, by id.
#[derive(Debug, Default)]
pub struct Flights {
    open: HashMap<Id, Flight>,
    cancelled: VecDeque<Id>,
    /// How many requests all tables together have that share this.
    total: Arc<AtomicUsize>,
}

impl Flights {
    /// An empty table, whose requests are counted here too.
    #[must_use]
    pub fn counted_in(total: Arc<AtomicUsize>) -> Self {
        Self {
            open: HashMap::new(),
            cancelled: VecDeque::new(),
            total,
        }
    }

    /// Whether a request of this id may be forwarded.
    ///
    /// # Errors
    /// The id is in use, or there are too many.
    pub fn admit(&self, id: &Id) -> Result<(), Why> {
        if self.open.contains_key(id) || self.cancelled.contains(id) {
            return Err(Why::IdInUse);
        }
        if self.open.len() >= IN_FLIGHT_MAX {
            let in_flight_max = IN_FLIGHT_MAX;
            return Err(Why::TooManyInFlight { in_flight_max });
        }
        Ok(())
    }

    /// Notes a request, before it is forwarded: its answer may come at once.
    ///
    /// # Errors
    /// As [`Self::admit`].
    pub fn open(&mut self, id: Id, flight: Flight) -> Result<(), Why> {
        self.admit(&id)?;
        self.open.insert(id, flight);
        self.total.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Takes a request out: it has been answered.
    pub fn close(&mut self, id: &Id) -> Option<Flight> {
        let flight = self.open.remove(id)?;
        self.total.fetch_sub(1, Ordering::Relaxed);
        Some(flight)
    }

    /// Takes a request out whose answer may still come, and will then be dropped.
    pub fn give_up(&mut self, id: &Id) -> Option<Flight> {
        let flight = self.close(id)?;
        if self.cancelled.len() >= CANCELLED_IDS_MAX {
            self.cancelled.pop_front();
        }
        self.cancelled.push_back(id.clone());
        Some(flight)
    }

    /// The ids of all requests in flight.
    #[must_use]
    pub fn ids(&self) -> Vec<Id> {
        self.open.keys().cloned().collect()
    }

    /// Whether some request gave this token for its progress.
    #[must_use]
    pub fn expects_progress(&self, token: &Id) -> bool {
        let mut flights = self.open.values();
        flights.any(|flight| flight.progress_token.as_ref() == Some(token))
    }

    /// The ids of requests that were forwarded at least so long ago.
    #[must_use]
    pub fn overdue(&self, now: Instant, after: Duration) -> Vec<Id> {
        let overdue = self.open.iter().filter(|(_, flight)| {
            let age = now.saturating_duration_since(flight.since);
            age >= after
        });
        overdue.map(|(id, _)| id.clone()).collect()
    }

    /// Takes everything out: no answer will come any more.
    pub fn close_all(&mut self) -> Vec<(Id, Flight)> {
        self.total.fetch_sub(self.open.len(), Ordering::Relaxed);
        self.open.drain().collect()
    }

    /// A request that is in flight.
    #[must_use]
    pub fn get(&self, id: &Id) -> Option<&Flight> {
        self.open.get(id)
    }

    /// How many requests are in flight.
    #[must_use]
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether nothing is in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

impl Drop for Flights {
    fn drop(&mut self) {
        self.total.fetch_sub(self.open.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
