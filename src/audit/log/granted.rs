//! The calls that a log says were granted last: so that a process that was started anew can tell
//! which decision an outcome belongs to.

use crate::model::json::Object;
use crate::model::time::Timestamp;
use std::collections::VecDeque;

/// Most calls that are taken out of a log when it is opened: the last ones.
pub const GRANTED_CALLS_MAX: usize = 65_536;

/// A call that was granted, as the log tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantedCall {
    /// The call.
    pub call_id: String,
    /// The decision that granted it.
    pub decision_id: String,
    /// The caller that asked, by its configured name.
    pub caller: String,
    /// The tenant.
    pub tenant: String,
    /// When.
    pub time: Timestamp,
}

/// The last of them, oldest first.
#[derive(Default)]
pub struct LastGranted(VecDeque<GrantedCall>);

impl LastGranted {
    /// Learns from a record.
    pub fn see(&mut self, record: &Object) {
        let Some(call) = granted(record) else {
            return;
        };
        if self.0.len() >= GRANTED_CALLS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(call);
    }

    /// All of them.
    pub fn into_calls(self) -> Vec<GrantedCall> {
        self.0.into()
    }
}

fn granted(record: &Object) -> Option<GrantedCall> {
    let text = |name| record.get(name)?.as_str();
    let is_call = text("type") == Some("decision") && text("phase") == Some("call");
    if !is_call || !matches!(text("effect"), Some("allow" | "constrain")) {
        return None;
    }
    Some(GrantedCall {
        // Only a call that was really granted has one: a dry run has none.
        call_id: text("call_id")?.to_owned(),
        decision_id: text("decision_id")?.to_owned(),
        caller: text("caller")?.to_owned(),
        tenant: text("tenant")?.to_owned(),
        time: Timestamp::parse_rfc3339(text("time")?)?,
    })
}
