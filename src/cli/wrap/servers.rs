//! The servers of a client's configuration.

use super::LIMITS;
use super::comments::blanked;
use super::entry::{Entry, Server, State};
use crate::model::json::{JsonError, members};
use crate::shim::splice::{Edit, apply};

/// Where clients keep their servers: a member, or one within another.
const PLACES: [&[&str]; 4] = [
    &["mcpServers"],
    &["servers"],
    &["context_servers"],
    &["mcp", "servers"],
];

/// A configuration as it would be.
#[derive(Debug)]
pub struct Planned {
    /// All of it.
    pub text: Vec<u8>,
    /// Its servers, in order.
    pub servers: Vec<Server>,
}

/// A way to start one server.
type Change<'a> = dyn Fn(&Entry<'_>, &[u8], &str) -> (State, Option<Vec<Edit>>) + 'a;

/// The configuration with the shim before these servers; all, if none is named.
///
/// # Errors
/// Says what is wrong with the text.
pub fn wrapped(
    text: &[u8],
    only: &[String],
    shim: &dyn Fn(&str) -> Vec<String>,
) -> Result<Planned, String> {
    changed(text, only, &|entry, whole, name| {
        entry.wrap(whole, shim(name))
    })
}

/// The configuration without it.
///
/// # Errors
/// Says what is wrong with the text.
pub fn unwrapped(text: &[u8], only: &[String]) -> Result<Planned, String> {
    let mut planned = changed(text, only, &|entry, whole, _| entry.unwrap(whole))?;
    for server in &mut planned.servers {
        if server.state.is_open() {
            server.state = State::Plain;
        }
    }
    Ok(planned)
}

fn changed(text: &[u8], only: &[String], change: &Change<'_>) -> Result<Planned, String> {
    let strict = blanked(text);
    let bad = |error: JsonError| format!("it is not JSON that everybody reads alike: {error}");
    let mut edits = Vec::new();
    let mut servers = Vec::new();
    for (name, raw) in found(&strict).map_err(bad)? {
        let is_asked = only.is_empty() || only.contains(&name);
        let state = match Entry::read(raw).map_err(bad)? {
            _ if !is_asked => State::NotAsked,
            Err(state) => state,
            Ok(entry) => {
                let (state, own) = change(&entry, &strict, &name);
                edits.extend(own.ok_or("an entry of it cannot be placed")?);
                state
            }
        };
        servers.push(Server { name, state });
    }
    if servers.is_empty() {
        let problem = "it has no servers: expected them in `mcpServers`, `servers` or \
                       `context_servers`";
        return Err(problem.to_owned());
    }
    // Places are the same in both: what people wrote around them stays.
    let text = apply(text, &edits).ok_or("its entries overlap")?;
    Ok(Planned { text, servers })
}

/// The raw entries of the servers.
fn found(strict: &[u8]) -> Result<Vec<(String, &[u8])>, JsonError> {
    for place in PLACES {
        let mut within = Some(strict);
        for member in place {
            let Some(object) = within else { break };
            let found = members(object, LIMITS)?;
            let found = found.into_iter().find(|(name, _)| name == member);
            within = found
                .map(|(_, raw)| raw)
                .filter(|raw| raw.starts_with(b"{"));
        }
        if let Some(servers) = within {
            return members(servers, LIMITS);
        }
    }
    Ok(Vec::new())
}
