//! The answer to `initialize`, and whether it announces that the list of tools changes.
//!
//! A change of policy changes the list as much as a change of the server does. The client is told
//! only if the handshake said that it would be: where the server has tools and does not announce
//! changes, the shim, which does, says so in its place (`capabilities.tools.listChanged`). That is
//! the only part of the handshake that it touches. In the modern era there is no such notification
//! without a subscription; there `ttlMs` of a list bounds how long it is believed.

use crate::model::json::{Limits, members};
use crate::shim::message::{self, Message, Payload};

fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let parts = members(object, Limits::REQUEST).ok()?;
    let found = parts.into_iter().find(|(key, _)| key == name);
    found.map(|(_, raw)| raw)
}

/// The answer to `initialize` as the client gets it; `None` if the server has no tools, and so
/// nothing is announced.
#[must_use]
pub fn announcing(message: &Message<'_>, payload: Payload<'_>) -> Option<Vec<u8>> {
    let Payload::Result(result) = payload else {
        return None;
    };
    let tools = member(member(result, "capabilities")?, "tools")?;
    let inner = tools.strip_prefix(b"{")?;
    let bytes = match member(tools, "listChanged") {
        Some(b"true") => return Some(message.bytes.to_vec()),
        Some(declared) => message.with(declared, b"true")?,
        None => {
            let separator: &[u8] = if inner.trim_ascii() == b"}" {
                b""
            } else {
                b","
            };
            let with = [b"{\"listChanged\":true".as_slice(), separator, inner].concat();
            message.with(tools, &with)?
        }
    };
    message::scan(&bytes).ok()?;
    Some(bytes)
}
