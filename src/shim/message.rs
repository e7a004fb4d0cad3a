//! The strict scan of one JSON-RPC message. What policy and mediation need is read, the rest stays
//! raw bytes, so that an unmodified message is forwarded byte for byte.
//!
//! Anything that two readers could understand differently is refused: duplicate keys, members that
//! JSON-RPC does not have, both a result and an error, ids that a reader may round.

use crate::model::json::{Json, JsonError, Limits, members, parse};
use crate::shim::splice;

/// Longest message, in bytes: the limit of strict JSON, which the scan applies to the whole.
pub const MESSAGE_BYTES_MAX: usize = Limits::REQUEST.bytes_max;
/// Longest id that is a string, in bytes of its text.
pub const ID_BYTES_MAX: usize = 256;
/// Longest method name, in bytes.
pub const METHOD_BYTES_MAX: usize = 256;
/// Largest integer id, either sign: 2^53 - 1, beyond which some readers round.
const ID_INTEGER_MAX: u64 = (1 << 53) - 1;

/// JSON-RPC: invalid JSON.
pub const PARSE_ERROR: i64 = -32700;
/// JSON-RPC: not a message.
pub const INVALID_REQUEST: i64 = -32600;

/// A request's id, comparable however it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// An integer between -(2^53 - 1) and 2^53 - 1.
    Integer(i64),
    /// A string, unescaped.
    Text(String),
}

impl Id {
    /// The id as compact JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Integer(number) => Json::from(*number),
            Self::Text(text) => Json::from(text.as_str()),
        }
    }

    /// Reads an id or a progress token; `None` if it is neither a string nor an integer in range.
    #[must_use]
    pub fn read(value: &Json) -> Option<Self> {
        match value {
            Json::String(text) if text.len() <= ID_BYTES_MAX => Some(Self::Text(text.clone())),
            Json::Number(number) => {
                let integer = number.as_i64()?;
                let exact = integer.to_string() == number.as_str();
                (exact && integer.unsigned_abs() <= ID_INTEGER_MAX)
                    .then_some(Self::Integer(integer))
            }
            _ => None,
        }
    }
}

/// A message and its parts. The parts are slices of `bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The whole message, as it came.
    pub bytes: &'a [u8],
    /// What it is.
    pub body: Body<'a>,
}

/// What a message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A request.
    Request(Request<'a>),
    /// A notification.
    Notification(Notification<'a>),
    /// The answer to a request.
    Response(Response<'a>),
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Its id.
    pub id: Id,
    /// The method.
    pub method: String,
    /// The raw `params`, a JSON object; `None` if there are none.
    pub params: Option<&'a [u8]>,
}

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification<'a> {
    /// The method.
    pub method: String,
    /// The raw `params`, a JSON object; `None` if there are none.
    pub params: Option<&'a [u8]>,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The request's id.
    pub id: Id,
    /// What came back.
    pub payload: Payload<'a>,
}

/// What a response carries: raw JSON, an object either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// `result`
    Result(&'a [u8]),
    /// `error`
    Error(&'a [u8]),
}

impl<'a> Payload<'a> {
    /// The raw object, whichever it is.
    #[must_use]
    pub const fn raw(self) -> &'a [u8] {
        match self {
            Self::Result(raw) | Self::Error(raw) => raw,
        }
    }
}

impl Message<'_> {
    /// The message with one of its parts replaced; `None` if `part` is none of its parts.
    #[must_use]
    pub fn with(&self, part: &[u8], replacement: &[u8]) -> Option<Vec<u8>> {
        splice::replace(self.bytes, part, replacement)
    }
}

/// Why a frame is no message, and whose it was if that could be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    /// The id, if the frame had a good one.
    pub id: Option<Id>,
    /// The reason.
    pub why: Why,
}

/// Why a frame is no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// Not strict JSON within the limits.
    #[error("Parse error: {0}")]
    Json(#[from] JsonError),
    /// An array at the top.
    #[error("Invalid Request: batches are not supported, send one message a line")]
    Batch,
    /// JSON, but not a message.
    #[error("Invalid Request: {0}")]
    Envelope(&'static str),
    /// The id belongs to a request that is still in flight or was cancelled.
    #[error("Invalid Request: the id is in use")]
    IdInUse,
    /// Too many requests in flight.
    #[error("Invalid Request: more than {in_flight_max} requests in flight")]
    TooManyInFlight {
        /// The limit.
        in_flight_max: usize,
    },
    /// The message is longer than the limit.
    #[error("Invalid Request: a message is longer than {frame_bytes_max} bytes")]
    FrameTooLong {
        /// The limit.
        frame_bytes_max: usize,
    },
    /// A carriage return that some readers take for the end of a line.
    #[error("Invalid Request: a carriage return within the line")]
    CarriageReturn,
    /// The input ended within a line.
    #[error("Parse error: the input ended within a line")]
    Unterminated,
}

impl Why {
    /// The JSON-RPC error code.
    #[must_use]
    pub const fn code(&self) -> i64 {
        match self {
            Self::Json(_) | Self::Unterminated => PARSE_ERROR,
            _ => INVALID_REQUEST,
        }
    }
}

/// Scans one frame: one line without its line feed. Never panics.
///
/// # Errors
/// What keeps the frame from being exactly one JSON-RPC 2.0 message.
pub fn scan(bytes: &[u8]) -> Result<Message<'_>, Refused> {
    let nobody = |why| Refused { id: None, why };
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(nobody(Why::Batch));
    }
    let parts = members(bytes, Limits::REQUEST).map_err(|error| nobody(error.into()))?;
    let parts = Parts(parts);
    let id = parts.id();
    match parts.body(&id) {
        Ok(body) => Ok(Message { bytes, body }),
        Err(why) => Err(Refused {
            id: id.ok().flatten(),
            why: Why::Envelope(why),
        }),
    }
}

/// Whether bytes can be written as one line.
#[must_use]
pub fn is_one_line(bytes: &[u8]) -> bool {
    let text = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    !text.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
}

/// The members of a message.
struct Parts<'a>(Vec<(String, &'a [u8])>);

/// The id if there is a good one, `None` if there is none, an error if it is bad.
type FoundId = Result<Option<Id>, &'static str>;

impl<'a> Parts<'a> {
    fn get(&self, name: &str) -> Option<&'a [u8]> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, raw)| *raw)
    }

    fn value(&self, name: &str) -> Option<Json> {
        // The whole message was parsed already: this cannot fail.
        parse(self.get(name)?, Limits::REQUEST).ok()
    }

    fn id(&self) -> FoundId {
        let Some(value) = self.value("id") else {
            return Ok(None);
        };
        match Id::read(&value) {
            Some(id) => Ok(Some(id)),
            None => Err("`id` is neither a string of at most 256 bytes nor an integer below 2^53"),
        }
    }

    fn body(&self, id: &FoundId) -> Result<Body<'a>, &'static str> {
        if self.value("jsonrpc") != Some(Json::from("2.0")) {
            return Err("`jsonrpc` is not \"2.0\"");
        }
        let id = id.clone()?;
        match (self.get("method"), self.get("result"), self.get("error")) {
            (Some(_), None, None) => self.call(id),
            (None, Some(result), None) => self.response(id, Payload::Result(result)),
            (None, None, Some(error)) => self.response(id, Payload::Error(error)),
            _ => Err("not one of `method`, `result` and `error`"),
        }
    }

    fn call(&self, id: Option<Id>) -> Result<Body<'a>, &'static str> {
        self.only(&["jsonrpc", "id", "method", "params"])?;
        let method = match self.value("method") {
            Some(Json::String(method)) if method.len() <= METHOD_BYTES_MAX => method,
            Some(Json::String(_)) => return Err("`method` is longer than 256 bytes"),
            _ => return Err("`method` is not a string"),
        };
        let params = self.get("params");
        if params.is_some_and(|raw| !raw.starts_with(b"{")) {
            return Err("`params` is not an object");
        }
        Ok(match id {
            Some(id) => Body::Request(Request { id, method, params }),
            None => Body::Notification(Notification { method, params }),
        })
    }

    fn response(&self, id: Option<Id>, payload: Payload<'a>) -> Result<Body<'a>, &'static str> {
        self.only(&["jsonrpc", "id", "result", "error"])?;
        let id = id.ok_or("a response without an `id`")?;
        if !payload.raw().starts_with(b"{") {
            return Err("`result` or `error` is not an object");
        }
        Ok(Body::Response(Response { id, payload }))
    }

    fn only(&self, known: &[&str]) -> Result<(), &'static str> {
        let all_known = self
            .0
            .iter()
            .all(|(name, _)| known.contains(&name.as_str()));
        all_known.then_some(()).ok_or("an unknown member")
    }
}

#[cfg(test)]
mod tests;
