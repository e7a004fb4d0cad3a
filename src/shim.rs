//! The enforcement point: stands between an MCP client and a server, asks, obeys, reports.
//!
//! The client's messages go [`up`], the server's [`down`]; what they share is in a [`session`].
//! These know no transport: [`stdio`] carries lines between a client and a child process, [`http`]
//! requests between clients and a server over Streamable HTTP. Both meet the core in [`exchange`],
//! and forward a [`permit`] and nothing else.
//!
//! What is judged is what is forwarded: messages are scanned strictly ([`message`]) and travel as raw
//! bytes; an unmodified one is forwarded byte for byte. The thinking is the PDP's ([`pdp`]);
//! [`gate`] holds it to its word. Whatever is not understood is not passed on.
//!
//! Passed on unjudged in this slice: the answers to `initialize` (see [`handshake`]),
//! `server/discover` and `ping`, and of a list of tools what is not a tool. Not passed on at all: text of progress reports, log
//! notifications, requests of the server to the client, and every method not named in [`up`].

pub mod changes;
pub mod denial;
pub mod down;
pub mod envelope;
pub mod event;
pub mod exchange;
pub mod failover;
pub mod fields;
pub mod flight;
pub mod gate;
pub mod handshake;
pub mod held;
pub mod http;
pub mod list;
pub mod listing;
pub mod message;
pub mod meta;
pub mod notice;
pub mod pdp;
pub mod permit;
pub mod refusal;
pub mod release;
pub mod remote;
pub mod report;
pub mod schema;
pub mod session;
pub mod splice;
pub mod spool;
pub mod state;
pub mod stdio;
pub mod streams;
pub mod tools;
pub mod up;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use crate::model::time::Clock;
