//! CloudEvents 1.0, structured JSON: the flat record as `data`.

use super::row::{Cell, Row};
use crate::model::json::{Json, Object};

/// What kind of event this is, for consumers.
pub const EVENT_TYPE: &str = "toolgate.call.v1";

/// The event of a row. `source` and `id` name it: the log, and the decision.
pub fn event(row: &Row) -> Json {
    let seq = row.number("decision_seq").unwrap_or_default();
    let id = row.text("decision_id").map_or_else(
        // Where nobody was identified the decision has no id of its own.
        || format!("seq-{seq}"),
        str::to_owned,
    );
    let origin = row.text("origin").unwrap_or_default();
    let mut event = Object::new();
    event.insert("specversion", "1.0");
    event.insert("id", id);
    event.insert("source", format!("urn:toolgate:{}", escaped(origin)));
    event.insert("type", EVENT_TYPE);
    event.insert("time", row.get("timestamp").json());
    if let Some(subject) = subject(row) {
        event.insert("subject", subject);
    }
    event.insert("datacontenttype", "application/json");
    event.insert("data", row.json());
    event.into()
}

fn subject(row: &Row) -> Option<String> {
    let server = row.text("tool_server")?;
    Some(match row.get("tool_name") {
        Cell::Text(tool) => format!("{server}/{tool}"),
        _ => server.to_owned(),
    })
}

/// As a URN may have it: what else is in an origin is percent-encoded.
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:@!$'()*,;=".contains(&byte);
    let escape = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
