//! The answer to `initialize`, and telling the client that its list of tools has changed.
//!
//! A change of policy changes the list as much as a change of the server does. The client is told
//! only if the handshake said that it would be: where the server has tools and does not announce
//! changes, the shim, which does, says so in its place (`capabilities.tools.listChanged`). That is
//! the only part of the handshake that it touches. In the modern era there is no such notification
//! without a subscription; there `ttlMs` of a list bounds how long it is believed.

use crate::model::json::{Limits, members};
use crate::shim::message::{self, Message, Payload};
use crate::shim::session::Session;
use std::io;
use std::time::Duration;

/// How often the PDP is asked which policies are in force, in milliseconds.
pub const REVISION_POLL_MS: u64 = 2_000;
/// The notification.
const LIST_CHANGED: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

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

/// Looks for a change of policy, for as long as it is polled.
///
/// # Errors
/// The client's pipe.
pub async fn watch(session: &Session) -> io::Result<()> {
    let mut ticks = tokio::time::interval(Duration::from_millis(REVISION_POLL_MS));
    let mut known = None;
    loop {
        ticks.tick().await;
        look(session, &mut known).await?;
    }
}

/// Asks once, and tells the client if something else is in force than was before.
///
/// # Errors
/// The client's pipe.
pub async fn look(session: &Session, known: &mut Option<String>) -> io::Result<()> {
    let found = match session.gate.revision().await {
        Ok(found) => found,
        Err(error) => {
            tracing::debug!(%error, "which policies are in force is not known");
            return Ok(());
        }
    };
    let changed = known.as_ref().is_some_and(|known| *known != found);
    *known = Some(found);
    if changed && session.announces() {
        return session.tell_client(LIST_CHANGED.to_vec()).await;
    }
    Ok(())
}
