//! The requests that one POST brought and that have not been answered. Whatever becomes of it, each
//! of them ends.

use crate::shim::down;
use crate::shim::event::Status;
use crate::shim::http::bound::Bound;
use crate::shim::message::Id;
use std::sync::Arc;

/// Requests that are under way for as long as this is kept.
pub struct Open {
    bound: Arc<Bound>,
    ids: Vec<Id>,
}

impl Open {
    /// No request of this session so far.
    pub const fn new(bound: Arc<Bound>) -> Self {
        let ids = Vec::new();
        Self { bound, ids }
    }

    /// One that was put under way just now, and by nobody else.
    pub fn add(&mut self, id: Id) {
        self.ids.push(id);
    }

    /// Their session.
    pub const fn bound(&self) -> &Arc<Bound> {
        &self.bound
    }

    /// Their ids.
    pub fn ids(&self) -> &[Id] {
        &self.ids
    }

    /// Ends those that are not answered: what their client is told.
    pub fn fail(&mut self, status: Status, text: &str) -> Vec<Vec<u8>> {
        let session = &self.bound.session;
        let mut answers = Vec::new();
        for id in self.ids.drain(..) {
            let flight = session.flights().give_up(&id);
            let answer = flight.and_then(|flight| down::fail(session, &id, flight, status, text));
            answers.extend(answer);
        }
        answers
    }

    /// Their answers may still come, on another stream of the session.
    pub fn leave(&mut self) {
        self.ids.clear();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Nobody is there to be told.
        let _answers = self.fail(Status::Cancelled, "");
    }
}
