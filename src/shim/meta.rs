//! What mediation reads of a request's `params`.

use crate::model::json::{Json, Limits, Object, members, parse};
use crate::shim::message::Id;

/// Presence of this member of `_meta` makes a request one of the modern era (2026-07-28).
const PROTOCOL: &str = "io.modelcontextprotocol/protocolVersion";
/// Members of `_meta` that the shim repeats in a request of its own.
const REPEATED: [&str; 3] = [
    PROTOCOL,
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/clientInfo",
];
/// Longest trace context handed to the PDP, in bytes.
const TRACEPARENT_BYTES_MAX: usize = 128;

/// Parts of a request's `params`. Each request tells its era itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// The protocol revision, in a request of the modern era.
    pub modern: Option<String>,
    /// The token under which the server may report progress.
    pub progress_token: Option<Id>,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// `name` (tools, prompts) or `uri` (resources); empty if there is neither.
    pub name: String,
    /// `cursor` of a list.
    pub cursor: Option<String>,
    /// `params` for a request of the shim's own in the same era: empty in the older.
    pub own_params: Object,
}

impl Meta {
    /// Reads the parts of raw `params` that the scan let through.
    #[must_use]
    pub fn read(params: Option<&[u8]>) -> Self {
        let Some(raw) = params else {
            return Self::default();
        };
        let parts = members(raw, Limits::REQUEST).unwrap_or_default();
        let find = |name: &str| {
            parts
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, raw)| *raw)
        };
        let mut meta = Self {
            name: find("name")
                .or(find("uri"))
                .and_then(text)
                .unwrap_or_default(),
            cursor: find("cursor").and_then(text),
            ..Self::default()
        };
        if let Some(raw) = find("_meta") {
            meta.read_meta(raw);
        }
        meta
    }

    fn read_meta(&mut self, raw: &[u8]) {
        let Ok(Json::Object(meta)) = parse(raw, Limits::REQUEST) else {
            return;
        };
        let string = |name: &str| meta.get(name)?.as_str().map(str::to_owned);
        self.modern = string(PROTOCOL);
        self.progress_token = meta.get("progressToken").and_then(Id::read);
        self.traceparent = string("traceparent").filter(|it| {
            it.len() <= TRACEPARENT_BYTES_MAX && it.bytes().all(|byte| byte.is_ascii_graphic())
        });
        if self.modern.is_some() {
            let repeated = meta.iter().filter(|(name, _)| REPEATED.contains(name));
            let repeated = Json::object(repeated.map(|(name, value)| (name, value.clone())));
            self.own_params.insert("_meta", repeated);
        }
    }
}

fn text(raw: &[u8]) -> Option<String> {
    match parse(raw, Limits::REQUEST) {
        Ok(Json::String(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
