//! OCSF 1.3.0: API Activity (class 6003) with the profile `security_control`. What has no attribute
//! of its own there is in `unmapped`.

use super::row::{Cell, Row};
use crate::model::json::{Json, Object};

const VERSION: &str = "1.3.0";
const CATEGORY_UID: u64 = 6;
const CLASS_UID: u64 = 6003;
/// Nobody tells whether a tool creates, reads, updates or deletes: Other.
const ACTIVITY_ID: u64 = 99;

/// Columns that have an attribute of their own; all others go to `unmapped`.
const MAPPED: [&str; 18] = [
    "timestamp",
    "origin",
    "decision_seq",
    "decision_id",
    "tenant",
    "session_id",
    "correlation_id",
    "call_id",
    "principal_id",
    "user_id",
    "agent_id",
    "client_id",
    "tool_server",
    "tool_name",
    "method",
    "policy_decision",
    "reason",
    "policy_revision",
];

/// What an effect is called there.
struct Control {
    action_id: u64,
    action: &'static str,
    disposition_id: u64,
    disposition: &'static str,
    severity_id: u64,
    severity: &'static str,
}

impl Control {
    fn of(effect: Option<&str>) -> Self {
        let (action_id, action) = match effect {
            Some("allow" | "constrain") => (1, "Allowed"),
            Some(_) => (2, "Denied"),
            None => (0, "Unknown"),
        };
        let (disposition_id, disposition) = match effect {
            Some("allow") => (1, "Allowed"),
            // Let through, with obligations.
            Some("constrain") => (11, "Corrected"),
            // Held until somebody approves it.
            Some("require_approval") => (9, "Delayed"),
            Some(_) => (2, "Blocked"),
            None => (0, "Unknown"),
        };
        let (severity_id, severity) = match action_id {
            2 => (2, "Low"),
            _ => (1, "Informational"),
        };
        Self {
            action_id,
            action,
            disposition_id,
            disposition,
            severity_id,
            severity,
        }
    }
}

/// The event of a row.
pub fn activity(row: &Row) -> Json {
    let effect = row.text("policy_decision");
    let control = Control::of(effect);
    let (status_id, status) = status(control.action_id, row.text("outcome_status"));
    let mut event = Object::new();
    for (name, value) in [
        ("activity_id", Json::from(ACTIVITY_ID)),
        ("activity_name", "Other".into()),
        ("category_uid", CATEGORY_UID.into()),
        ("category_name", "Application Activity".into()),
        ("class_uid", CLASS_UID.into()),
        ("class_name", "API Activity".into()),
        ("type_uid", (CLASS_UID * 100 + ACTIVITY_ID).into()),
        ("type_name", "API Activity: Other".into()),
        ("time", (row.time().as_nanos() / 1_000_000).into()),
        ("severity_id", control.severity_id.into()),
        ("severity", control.severity.into()),
        ("status_id", status_id.into()),
        ("status", status.into()),
        ("action_id", control.action_id.into()),
        ("action", control.action.into()),
        ("disposition_id", control.disposition_id.into()),
        ("disposition", control.disposition.into()),
        ("metadata", metadata(row)),
        ("actor", actor(row)),
        ("api", api(row)),
        ("src_endpoint", endpoint(row)),
        ("unmapped", unmapped(row)),
    ] {
        event.insert(name, value);
    }
    put(&mut event, "status_detail", row.get("reason"));
    let duration = row.get("latency_ms");
    put(&mut event, "duration", duration);
    if let Some(revision) = row.text("policy_revision") {
        event.insert("policy", Json::object([("version", revision)]));
    }
    event.into()
}

/// Whether the call succeeded: a denied one did not, and one without an outcome is not known.
fn status(action_id: u64, outcome: Option<&str>) -> (u64, &'static str) {
    match (action_id, outcome) {
        (2, _) => (2, "Failure"),
        (_, Some("ok")) => (1, "Success"),
        (_, Some(_)) => (2, "Failure"),
        (_, None) => (0, "Unknown"),
    }
}

fn metadata(row: &Row) -> Json {
    let mut metadata = Object::new();
    metadata.insert("version", VERSION);
    let product = [("name", "toolgate"), ("vendor_name", "toolgate")];
    metadata.insert("product", Json::object(product));
    metadata.insert("profiles", Json::array(["security_control"]));
    put(&mut metadata, "uid", row.get("decision_id"));
    put(&mut metadata, "sequence", row.get("decision_seq"));
    put(&mut metadata, "log_name", row.get("origin"));
    put(&mut metadata, "correlation_uid", row.get("correlation_id"));
    put(&mut metadata, "tenant_uid", row.get("tenant"));
    metadata.insert("original_time", row.get("timestamp").json());
    metadata.into()
}

/// Who asked: the user on whose behalf, and the agent that did.
fn actor(row: &Row) -> Json {
    let mut user = Object::new();
    match row.get("user_id") {
        Cell::Null => put(&mut user, "uid", row.get("principal_id")),
        known => put(&mut user, "uid", known),
    };
    let mut actor = Object::new();
    actor.insert("user", user);
    if let Some(agent) = row.text("agent_id").or_else(|| row.text("client_id")) {
        actor.insert("app_name", agent);
    }
    if let Some(session) = row.text("session_id") {
        actor.insert("session", Json::object([("uid", session)]));
    }
    actor.into()
}

fn api(row: &Row) -> Json {
    let mut api = Object::new();
    let operation = row.text("tool_name").or_else(|| row.text("method"));
    api.insert("operation", operation.unwrap_or("unknown"));
    if let Some(server) = row.text("tool_server") {
        api.insert("service", Json::object([("name", server)]));
    }
    if let Some(call) = row.text("call_id") {
        api.insert("request", Json::object([("uid", call)]));
    }
    if let Some(status) = row.text("outcome_status") {
        api.insert("response", Json::object([("message", status)]));
    }
    api.into()
}

/// Where it came from: the log has no address of a call, so the one who asked.
fn endpoint(row: &Row) -> Json {
    let columns = ["client_id", "agent_id", "principal_id"];
    let name = columns.iter().find_map(|column| row.text(column));
    Json::object([("name", name.unwrap_or("unknown"))])
}

fn unmapped(row: &Row) -> Json {
    let mut unmapped = Object::new();
    for (column, cell) in row.cells() {
        if !MAPPED.contains(&column.name) {
            put(&mut unmapped, column.name, cell);
        }
    }
    put(&mut unmapped, "effect", row.get("policy_decision"));
    put(&mut unmapped, "principal_id", row.get("principal_id"));
    unmapped.into()
}

fn put(object: &mut Object, name: &str, cell: &Cell) {
    if *cell != Cell::Null {
        object.insert(name, cell.json());
    }
}
