//! Where the core meets a transport.

use crate::model::subject::Token;
use crate::shim::message::Id;
use crate::shim::pdp::BoxFuture;
use crate::shim::permit::Permit;
use crate::shim::session::Session;
use std::io;

/// A transport's way to the server.
pub trait Upstream: Send + Sync {
    /// Sends what is permitted, unless its permit has run out by the time that it is its turn;
    /// whether it was sent. The answer to a request is the transport's to hand to `down`.
    fn send(&self, permit: Permit) -> BoxFuture<'_, io::Result<bool>>;

    /// Sends a request of the shim's own, which has this id, and waits for its answer: the raw
    /// result, or `None` where there is none that can be used.
    fn ask<'a>(
        &'a self,
        session: &'a Session,
        id: &'a Id,
        permit: Permit,
    ) -> BoxFuture<'a, Option<Vec<u8>>>;
}

/// What a message of the client's comes with.
pub struct Exchange<'a> {
    /// Whose it is.
    pub session: &'a Session,
    /// The way to the server.
    pub server: &'a dyn Upstream,
    /// The token of whoever sent it, where the transport has one for each message.
    pub speaker: Option<Token>,
}

/// What becomes of a message of the server's.
#[derive(Debug, Default)]
pub struct Passed {
    /// What the client gets, in order.
    pub client: Vec<Vec<u8>>,
    /// What the server is answered.
    pub server: Option<Permit>,
}

impl Passed {
    /// One message for the client.
    pub(super) fn on(message: Vec<u8>) -> Self {
        Self {
            client: vec![message],
            server: None,
        }
    }
}
