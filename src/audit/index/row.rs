//! What of a record can be asked for.

use crate::model::json::{Json, Object};
use crate::model::time::Timestamp;

/// What the index has of one record.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) time_micros: i64,
    pub(super) kind: String,
    pub(super) decision_id: Option<String>,
    pub(super) principal: Option<String>,
    pub(super) caller: Option<String>,
    pub(super) user: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) server: Option<String>,
    pub(super) tool: Option<String>,
    pub(super) effect: Option<String>,
    pub(super) status: Option<String>,
    pub(super) session_id: Option<String>,
    pub(super) correlation_id: Option<String>,
    pub(super) revision: Option<String>,
    pub(super) digest: Option<String>,
    /// Codes, without repeats.
    pub(super) reasons: Vec<String>,
}

impl Row {
    pub(super) fn of(record: &Object) -> Self {
        let text = |name: &str| owned(record.get(name));
        let principal = |name: &str| owned(record.get("principal")?.get(name));
        let policy = |name: &str| owned(record.get("policy")?.get(name));
        let time = text("time").and_then(|time| Timestamp::parse_rfc3339(&time));
        Self {
            time_micros: time.unwrap_or_default().as_nanos().div_euclid(1000),
            kind: text("type").unwrap_or_default(),
            decision_id: text("decision_id"),
            principal: principal("id"),
            caller: text("caller").or_else(|| text("by")),
            user: principal("user"),
            agent: principal("agent"),
            server: text("tool_server"),
            tool: text("tool_name"),
            effect: text("effect"),
            status: text("status"),
            session_id: text("session_id"),
            correlation_id: text("correlation_id"),
            revision: policy("revision").or_else(|| text("revision")),
            digest: policy("digest").or_else(|| text("digest")),
            reasons: reasons(record),
        }
    }
}

fn owned(value: Option<&Json>) -> Option<String> {
    value.and_then(Json::as_str).map(str::to_owned)
}

fn reasons(record: &Object) -> Vec<String> {
    let listed = record.get("reasons").and_then(Json::as_array);
    let listed = listed.unwrap_or_default().iter();
    let mut codes: Vec<_> = listed.filter_map(|it| owned(it.get("code"))).collect();
    // A rollback's reason is a sentence, not a code.
    if record.get("type").and_then(Json::as_str) == Some("calls_refused") {
        codes.extend(owned(record.get("reason")));
    }
    codes.sort();
    codes.dedup();
    codes
}
