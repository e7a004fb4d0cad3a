//! What a shim reports, and its form in the spool.

use crate::model::call::Mcp;
use crate::model::json::{Json, Object};
use crate::model::secret;
use crate::model::time::Timestamp;

/// Most field names in one outcome.
pub const FIELD_NAMES_MAX: usize = 256;
/// Longest text in an event, in bytes; longer ones are cut at a character.
pub const TEXT_BYTES_MAX: usize = 128;
/// All field names of one list of an outcome together, in bytes: the whole record has to stay below
/// the log's limit.
pub const FIELD_NAMES_BYTES_MAX: usize = 8 << 10;

/// One event as it waits in the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Which event of the shim, from 1, over all its starts.
    pub number: u64,
    /// UUIDv7: the same wherever and however often it is sent.
    pub event_id: String,
    /// When, by the shim's clock.
    pub time: Timestamp,
    /// What.
    pub body: EventBody,
}

/// One event as it is sent: numbered without gaps within (shim, epoch), which is of one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Which shim.
    pub shim_id: String,
    /// Which of its streams, from 1: another at each start, and for each log in turn.
    pub epoch: u64,
    /// Which event of that stream, from 1.
    pub seq: u64,
    /// UUIDv7.
    pub event_id: String,
    /// When, by the shim's clock.
    pub time: Timestamp,
    /// What.
    pub body: EventBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventBody {
    /// The shim started in front of this server.
    Connected {
        /// Its transport.
        kind: Transport,
        /// The server's configured name.
        server: String,
    },
    /// A granted call came to its end.
    Outcome(Outcome),
    /// The shim is there.
    Heartbeat {
        /// How many events wait in the spool.
        spooled: u64,
    },
    /// The shim denied without a decision of the PDP.
    LocalDenial {
        /// The reason's code.
        code: String,
        /// What was called.
        mcp: Mcp,
    },
}

/// How a shim speaks to clients and servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Standard input and output.
    #[default]
    Stdio,
    /// Streamable HTTP.
    Http,
}

impl Transport {
    /// The name in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::Http => "http",
        }
    }
}

/// Which decision is meant; all empty where there was none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionRef {
    /// The decision.
    pub decision_id: String,
    /// What it named the call; empty unless it granted one.
    pub call_id: String,
    /// The log in which it stands.
    pub origin: String,
}

/// How a granted call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The decision that granted it.
    pub decision: DecisionRef,
    /// How it ended.
    pub status: Status,
    /// Size of the result or error as the client got it, in bytes; 0 if it got none.
    pub response_bytes: u64,
    /// `sha256:<hex>` of the result as the PDP judged it; empty if it judged none.
    pub response_digest: String,
    /// Names of the fields that the client got: at most [`FIELD_NAMES_MAX`], sorted.
    pub fields_returned: Vec<String>,
    /// Names of the fields that were masked or dropped: at most [`FIELD_NAMES_MAX`], sorted.
    pub masked: Vec<String>,
    /// Names of the fields that the client did not get: at most [`FIELD_NAMES_MAX`], sorted.
    pub dropped: Vec<String>,
    /// Rows that the client did not get.
    pub rows_removed: u64,
    /// Whether the server's answer held a credential, by its fields' names; `None`: no answer.
    pub secret_present: Option<bool>,
    /// From forwarding the call to answering the client, in microseconds.
    pub latency_us: u64,
}

/// How a granted call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The client got a result.
    Ok,
    /// The tool reported an error of its own.
    ToolError,
    /// The server answered with a JSON-RPC error, or not with an answer at all.
    ProtocolError,
    /// The server did not answer in time.
    Timeout,
    /// The client gave up.
    Cancelled,
    /// The result was withheld, or the call was after all.
    Withheld,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Ok,
        Self::ToolError,
        Self::ProtocolError,
        Self::Timeout,
        Self::Cancelled,
        Self::Withheld,
    ];

    /// The name in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::ToolError => "tool_error",
            Self::ProtocolError => "protocol_error",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Withheld => "withheld",
        }
    }
}

/// Text that comes from a client or a server, as it may stand in an event: short, and without
/// control characters. A log refuses others, and everything after them would wait for ever.
#[must_use]
pub fn recorded_text(text: &str) -> String {
    let mut text = text.replace(char::is_control, "\u{fffd}");
    text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    text
}

impl EventBody {
    /// A denial by the shim alone.
    #[must_use]
    pub fn local_denial(code: &str, mcp: &Mcp) -> Self {
        Self::LocalDenial {
            code: recorded_text(code),
            mcp: Mcp {
                server: recorded_text(&mcp.server),
                method: recorded_text(&mcp.method),
                name: recorded_text(&mcp.name),
                protocol: recorded_text(&mcp.protocol),
            },
        }
    }
}

impl Outcome {
    /// The end of a call whose answer the client did not get.
    #[must_use]
    pub const fn unanswered(decision: DecisionRef, status: Status, latency_us: u64) -> Self {
        Self {
            decision,
            status,
            response_bytes: 0,
            response_digest: String::new(),
            fields_returned: Vec::new(),
            masked: Vec::new(),
            dropped: Vec::new(),
            rows_removed: 0,
            secret_present: None,
            latency_us,
        }
    }
}

impl Kept {
    /// The event under its place in a stream.
    #[must_use]
    pub fn placed(&self, shim_id: &str, epoch: u64, seq: u64) -> Event {
        Event {
            shim_id: shim_id.to_owned(),
            epoch,
            seq,
            event_id: self.event_id.clone(),
            time: self.time,
            body: self.body.clone(),
        }
    }

    /// Its form in the spool.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut out = Object::new();
        out.insert("number", self.number);
        out.insert("event_id", self.event_id.as_str());
        out.insert("time_ns", self.time.as_nanos());
        let (kind, body) = body_json(&self.body);
        // Names are the client's and the server's: either may be a secret.
        out.insert(kind, secret::scrubbed_in(&body));
        out.into()
    }

    /// Reads that form; `None` if it is another.
    #[must_use]
    pub fn from_json(json: &Json) -> Option<Self> {
        Some(Self {
            number: json.get("number")?.as_u64()?,
            event_id: text(json, "event_id")?,
            time: Timestamp::from_nanos(integer(json, "time_ns")?),
            body: read_body(json)?,
        })
    }
}

impl DecisionRef {
    /// Says in the spool that a call is about to be forwarded.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::object([("forwarding", reference_json(self))])
    }

    /// Reads that; `None` if it is something else.
    #[must_use]
    pub fn from_json(json: &Json) -> Option<Self> {
        read_reference(json.get("forwarding")?)
    }
}

fn body_json(body: &EventBody) -> (&'static str, Json) {
    match body {
        EventBody::Connected { kind, server } => {
            let parts = [("kind", kind.as_str()), ("server", server.as_str())];
            ("connected", Json::object(parts))
        }
        EventBody::Outcome(outcome) => ("outcome", outcome_json(outcome)),
        EventBody::Heartbeat { spooled } => ("heartbeat", Json::object([("spooled", *spooled)])),
        EventBody::LocalDenial { code, mcp } => {
            let parts = [
                ("code", code),
                ("server", &mcp.server),
                ("method", &mcp.method),
                ("name", &mcp.name),
                ("protocol", &mcp.protocol),
            ];
            let parts = parts.map(|(name, value)| (name, value.as_str()));
            ("local_denial", Json::object(parts))
        }
    }
}

fn outcome_json(outcome: &Outcome) -> Json {
    let names = |fields: &[String]| Json::array(fields.iter().map(String::as_str));
    let mut out = reference_json(&outcome.decision);
    out.insert("status", outcome.status.as_str());
    out.insert("response_bytes", outcome.response_bytes);
    out.insert("response_digest", outcome.response_digest.as_str());
    out.insert("fields_returned", names(&outcome.fields_returned));
    out.insert("masked", names(&outcome.masked));
    out.insert("dropped", names(&outcome.dropped));
    out.insert("rows_removed", outcome.rows_removed);
    if let Some(present) = outcome.secret_present {
        out.insert("secret_present", present);
    }
    out.insert("latency_us", outcome.latency_us);
    out.into()
}

fn reference_json(decision: &DecisionRef) -> Object {
    let mut out = Object::new();
    out.insert("decision_id", decision.decision_id.as_str());
    out.insert("call_id", decision.call_id.as_str());
    out.insert("decision_origin", decision.origin.as_str());
    out
}

fn read_reference(json: &Json) -> Option<DecisionRef> {
    Some(DecisionRef {
        decision_id: text(json, "decision_id")?,
        call_id: text(json, "call_id")?,
        origin: text(json, "decision_origin")?,
    })
}

fn read_body(json: &Json) -> Option<EventBody> {
    if let Some(part) = json.get("connected") {
        let server = text(part, "server")?;
        let kind = match part.get("kind").and_then(Json::as_str) {
            Some("http") => Transport::Http,
            // A shim of before there were two wrote no kind.
            Some("stdio") | None => Transport::Stdio,
            Some(_) => return None,
        };
        return Some(EventBody::Connected { kind, server });
    }
    if let Some(part) = json.get("heartbeat") {
        let spooled = part.get("spooled")?.as_u64()?;
        return Some(EventBody::Heartbeat { spooled });
    }
    if let Some(part) = json.get("local_denial") {
        let mcp = Mcp {
            server: text(part, "server")?,
            method: text(part, "method")?,
            name: text(part, "name")?,
            protocol: text(part, "protocol")?,
        };
        let code = text(part, "code")?;
        return Some(EventBody::LocalDenial { code, mcp });
    }
    read_outcome(json.get("outcome")?).map(EventBody::Outcome)
}

fn read_outcome(json: &Json) -> Option<Outcome> {
    let status = text(json, "status")?;
    Some(Outcome {
        decision: read_reference(json)?,
        status: Status::ALL.into_iter().find(|it| it.as_str() == status)?,
        response_bytes: json.get("response_bytes")?.as_u64()?,
        response_digest: text(json, "response_digest")?,
        fields_returned: texts(json, "fields_returned")?,
        masked: texts(json, "masked")?,
        dropped: texts(json, "dropped")?,
        rows_removed: json.get("rows_removed")?.as_u64()?,
        secret_present: match json.get("secret_present") {
            Some(Json::Bool(present)) => Some(*present),
            Some(_) => return None,
            None => None,
        },
        latency_us: json.get("latency_us")?.as_u64()?,
    })
}

fn text(json: &Json, name: &str) -> Option<String> {
    Some(json.get(name)?.as_str()?.to_owned())
}

fn texts(json: &Json, name: &str) -> Option<Vec<String>> {
    let items = json.get(name)?.as_array()?.iter();
    items.map(|item| Some(item.as_str()?.to_owned())).collect()
}

fn integer(json: &Json, name: &str) -> Option<i64> {
    match json.get(name)? {
        Json::Number(number) => number.as_i64(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
