//! The transport over Streamable HTTP: a reverse proxy between clients and one server.
//!
//! Each POST is judged by the core and sent on as a request of its own ([`post`], [`forward`]); its
//! answer is a body, or a stream of events each judged by itself ([`stream`], [`sse`]). Sessions of
//! the older era are the server's; the proxy knows those that it saw begin ([`bound`]). The era is
//! told by each request ([`revision`]).

mod answer;
pub mod bound;
mod forward;
mod get;
pub mod guard;
pub mod mirror;
mod open;
mod own;
mod post;
mod proxy;
mod received;
pub mod revision;
mod run;
pub mod speaker;
pub mod sse;
mod stream;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod upstream;

pub use run::{Config, HttpError, run};

use crate::model::subject::Token;
use crate::shim::remote::token_file::TokenFile;

/// The shim's own credential at the server.
#[derive(Clone, Debug)]
pub enum UpstreamToken {
    /// In a file, which is read again when it changes.
    File(TokenFile),
    /// As it was given at the start.
    Fixed(Token),
}

impl UpstreamToken {
    /// The token as it is now.
    #[must_use]
    pub fn token(&self) -> Token {
        match self {
            Self::File(file) => file.token(),
            Self::Fixed(token) => token.clone(),
        }
    }
}
