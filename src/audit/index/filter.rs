//! Which records are asked for: each filter looks at fields of the record itself.

use super::row::Row;
use crate::model::json::{Json, Object};
use crate::model::time::Timestamp;

/// In which order records are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// By seq, the last record first.
    #[default]
    NewestFirst,
    /// By seq, the first record first.
    OldestFirst,
}

impl Order {
    /// The name in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewestFirst => "newest_first",
            Self::OldestFirst => "oldest_first",
        }
    }
}

/// What records must have. An empty text, or `None`, matches everything; texts match whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// `principal.id` of a decision.
    pub principal: String,
    /// `caller` of a decision or a shim's connection, or `by` of what a caller had done.
    pub caller: String,
    /// `principal.user` of a decision.
    pub user: String,
    /// `principal.agent` of a decision.
    pub agent: String,
    /// `tool_server`.
    pub server: String,
    /// `tool_name`.
    pub tool: String,
    /// `effect` of a decision.
    pub effect: String,
    /// `code` of any reason of a decision, or the reason of refused calls.
    pub reason: String,
    /// `session_id`.
    pub session_id: String,
    /// `correlation_id`.
    pub correlation_id: String,
    /// The revision or the digest of the policy set that decided, was loaded or refused.
    pub revision: String,
    /// `decision_id`: of the decision and its outcomes.
    pub decision_id: String,
    /// `status` of an outcome.
    pub status: String,
    /// Types of records; empty: every type.
    pub types: Vec<String>,
    /// From then on, by the record's time.
    pub from: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// The filters of texts: name in records, value.
    pub(super) fn texts(&self) -> [(&'static str, &str); 13] {
        [
            ("principal", &self.principal),
            ("caller", &self.caller),
            ("user", &self.user),
            ("agent", &self.agent),
            ("server", &self.server),
            ("tool", &self.tool),
            ("effect", &self.effect),
            ("reason", &self.reason),
            ("session_id", &self.session_id),
            ("correlation_id", &self.correlation_id),
            ("revision", &self.revision),
            ("decision_id", &self.decision_id),
            ("status", &self.status),
        ]
    }

    /// Whether this record is asked for: what an index has to give, told from the record alone.
    #[must_use]
    pub fn matches(&self, record: &Object) -> bool {
        let row = Row::of(record);
        let is = |wanted: &str, found: &Option<String>| {
            wanted.is_empty() || found.as_deref() == Some(wanted)
        };
        is(&self.principal, &row.principal)
            && is(&self.caller, &row.caller)
            && is(&self.user, &row.user)
            && is(&self.agent, &row.agent)
            && is(&self.server, &row.server)
            && is(&self.tool, &row.tool)
            && is(&self.effect, &row.effect)
            && is(&self.session_id, &row.session_id)
            && is(&self.correlation_id, &row.correlation_id)
            && is(&self.decision_id, &row.decision_id)
            && is(&self.status, &row.status)
            && (self.reason.is_empty() || row.reasons.contains(&self.reason))
            && (is(&self.revision, &row.revision) || is(&self.revision, &row.digest))
            && (self.types.is_empty() || self.types.contains(&row.kind))
            && self
                .micros_from()
                .is_none_or(|from| row.time_micros >= from)
            && self
                .micros_until()
                .is_none_or(|until| row.time_micros < until)
    }

    /// Microseconds since 1970 from which on records match: records have no parts of them.
    pub(super) fn micros_from(&self) -> Option<i64> {
        self.from.map(micros_up)
    }

    /// Microseconds since 1970 before which records match.
    pub(super) fn micros_until(&self) -> Option<i64> {
        self.until.map(micros_up)
    }

    /// The filters that are set, by their names in records.
    #[must_use]
    pub fn to_json(&self) -> Object {
        let texts = self.texts().into_iter();
        let mut json: Object = texts.filter(|(_, value)| !value.is_empty()).collect();
        if !self.types.is_empty() {
            json.insert("types", Json::array(self.types.iter().map(String::as_str)));
        }
        for (name, time) in [("from", self.from), ("until", self.until)] {
            if let Some(time) = time {
                json.insert(name, time.rfc3339_micros());
            }
        }
        json
    }
}

fn micros_up(time: Timestamp) -> i64 {
    let nanos = time.as_nanos();
    nanos.div_euclid(1000) + i64::from(nanos.rem_euclid(1000) > 0)
}
