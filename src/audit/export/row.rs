//! The flat record: one row a call, out of a decision and its outcome.

use crate::model::json::{Json, Object};
use crate::model::time::Timestamp;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// A whole number from 0.
    Number,
    /// True or false.
    Flag,
    /// A point in time, UTC, microseconds.
    Time,
}

impl Kind {
    /// Its name in the documentation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "integer",
            Self::Flag => "boolean",
            Self::Time => "time",
        }
    }
}

/// Where a column's value comes from: the members on the way to it, numbers being places in lists.
#[derive(Clone, Copy, Debug)]
enum From {
    Decision(&'static [&'static str]),
    Outcome(&'static [&'static str]),
    /// The outcome's, else the decision's.
    Either(&'static [&'static str]),
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    from: From,
}

const fn decision(name: &'static str, kind: Kind, path: &'static [&'static str]) -> Column {
    let from = From::Decision(path);
    Column { name, kind, from }
}

const fn outcome(name: &'static str, kind: Kind, path: &'static [&'static str]) -> Column {
    let from = From::Outcome(path);
    Column { name, kind, from }
}

/// Every column, in order. `docs/audit-format.md` has the same list.
pub const COLUMNS: [Column; 33] = [
    decision("timestamp", Kind::Time, &["time"]),
    decision("origin", Kind::Text, &["origin"]),
    decision("decision_seq", Kind::Number, &["seq"]),
    decision("decision_id", Kind::Text, &["decision_id"]),
    outcome("outcome_origin", Kind::Text, &["origin"]),
    outcome("outcome_seq", Kind::Number, &["seq"]),
    decision("tenant", Kind::Text, &["tenant"]),
    decision("session_id", Kind::Text, &["session_id"]),
    decision("correlation_id", Kind::Text, &["correlation_id"]),
    decision("call_id", Kind::Text, &["call_id"]),
    decision("traceparent", Kind::Text, &["traceparent"]),
    decision("principal_id", Kind::Text, &["principal", "id"]),
    decision("user_id", Kind::Text, &["principal", "user"]),
    decision("agent_id", Kind::Text, &["principal", "agent"]),
    decision("client_id", Kind::Text, &["principal", "client"]),
    decision("tool_server", Kind::Text, &["tool_server"]),
    decision("tool_name", Kind::Text, &["tool_name"]),
    decision("method", Kind::Text, &["method"]),
    decision("data_classification", Kind::Text, &["data_classification"]),
    decision("risk_tier", Kind::Text, &["risk_tier"]),
    decision("purpose", Kind::Text, &["purpose"]),
    decision("arguments_hash", Kind::Text, &["arguments", "hash"]),
    decision("dry_run", Kind::Flag, &["dry_run"]),
    decision("policy_decision", Kind::Text, &["effect"]),
    decision("reason", Kind::Text, &["reasons", "0", "code"]),
    decision("policy_revision", Kind::Text, &["policy", "revision"]),
    decision("policy_digest", Kind::Text, &["policy", "digest"]),
    outcome("outcome_time", Kind::Time, &["time"]),
    outcome("outcome_status", Kind::Text, &["status"]),
    outcome("response_hash", Kind::Text, &["response", "hash"]),
    outcome("output_size", Kind::Number, &["response", "size"]),
    outcome("latency_ms", Kind::Number, &["latency_ms"]),
    Column {
        name: "dlp_result",
        kind: Kind::Text,
        from: From::Either(&["dlp_result"]),
    },
];

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// None.
    Null,
    /// Of `Kind::Text`.
    Text(Box<str>),
    /// Of `Kind::Number`.
    Number(u64),
    /// Of `Kind::Flag`.
    Flag(bool),
    /// Of `Kind::Time`.
    Time(Timestamp),
}

impl Cell {
    fn read(record: &Object, kind: Kind, path: &[&str]) -> Self {
        let Some(value) = at(record, path) else {
            return Self::Null;
        };
        let cell = match kind {
            // An empty id is none.
            Kind::Text => value.as_str().filter(|text| !text.is_empty()).map(text),
            Kind::Number => value.as_u64().map(Self::Number),
            Kind::Flag => value.as_bool().map(Self::Flag),
            Kind::Time => value
                .as_str()
                .and_then(Timestamp::parse_rfc3339)
                .map(Self::Time),
        };
        cell.unwrap_or(Self::Null)
    }

    /// As JSON; a time as in the log.
    #[must_use]
    pub fn json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Text(text) => text.as_ref().into(),
            Self::Number(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Time(time) => time.rfc3339_micros().into(),
        }
    }
}

fn text(text: &str) -> Cell {
    Cell::Text(text.into())
}

fn at<'a>(record: &'a Object, path: &[&str]) -> Option<&'a Json> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(record.get(first)?, |value, step| {
        match (value.as_array(), step.parse::<usize>()) {
            (Some(items), Ok(place)) => items.get(place),
            _ => value.get(step),
        }
    })
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub(super) Vec<Cell>);

impl Row {
    /// The row of a decision whose outcome is not known.
    #[must_use]
    pub fn of_decision(record: &Object) -> Self {
        let cells = COLUMNS.iter().map(|column| match column.from {
            From::Decision(path) | From::Either(path) => Cell::read(record, column.kind, path),
            From::Outcome(_) => Cell::Null,
        });
        Self(cells.collect())
    }

    /// Adds the outcome.
    pub fn add_outcome(&mut self, record: &Object) {
        for (column, cell) in COLUMNS.iter().zip(&mut self.0) {
            let (From::Outcome(path) | From::Either(path)) = column.from else {
                continue;
            };
            match Cell::read(record, column.kind, path) {
                Cell::Null => {}
                value => *cell = value,
            }
        }
    }

    /// The columns with their values, in order.
    pub fn cells(&self) -> impl Iterator<Item = (&'static Column, &Cell)> {
        COLUMNS.iter().zip(&self.0)
    }

    /// The value in this place; `None` beyond the last column.
    #[must_use]
    pub fn cell(&self, place: usize) -> Option<&Cell> {
        self.0.get(place)
    }

    /// The value of one column; `Null` if there is no such column.
    #[must_use]
    pub fn get(&self, name: &str) -> &Cell {
        let found = self.cells().find(|(column, _)| column.name == name);
        found.map_or(&Cell::Null, |(_, cell)| cell)
    }

    /// The text of one column; `None` if it has none.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number of one column; `None` if it has none.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.get(name) {
            Cell::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// When it was decided; the epoch where the record says nothing that is a time.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        match self.get("timestamp") {
            Cell::Time(time) => *time,
            _ => Timestamp::default(),
        }
    }

    /// One object, every column in it.
    #[must_use]
    pub fn json(&self) -> Json {
        let members = self.cells().map(|(column, cell)| {
            let name = column.name.to_owned();
            (name, cell.json())
        });
        // Names are unique: this does not look for those that are not, which `collect` does.
        Object::from_members(members.collect()).map_or(Json::Null, Json::Object)
    }
}
