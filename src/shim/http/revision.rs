//! Which revision of the protocol a request is of: the only thing that decides its era.

use crate::model::json::Json;
use crate::shim::denial;
use crate::shim::http::answer::{Answer, Refusal, json};
use crate::shim::http::upstream::PROTOCOL;
use crate::shim::message::Id;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, StatusCode};

#[cfg(test)]
mod tests;

/// Revisions of the older era. The first knew another transport, and some speak it over this one.
pub const LEGACY: [&str; 4] = ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// Revisions of the modern era.
pub const MODERN: [&str; 1] = ["2026-07-28"];
/// JSON-RPC, MCP 2026-07-28: the revision is not spoken here.
pub const UNSUPPORTED: i64 = -32022;

/// The revision that a request's header names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revision {
    /// One of the older era, or none: before 2025-06-18 there was no such header.
    Legacy(Option<HeaderValue>),
    /// One of the modern era.
    Modern(HeaderValue),
}

impl Revision {
    /// Reads the header.
    ///
    /// # Errors
    /// It is not one revision that is understood here.
    pub fn of(headers: &HeaderMap) -> Result<Self, Unsupported> {
        let mut values = headers.get_all(PROTOCOL).iter();
        let Some(value) = values.next() else {
            return Ok(Self::Legacy(None));
        };
        let text = value.to_str().ok().filter(|_| values.next().is_none());
        match text {
            Some(text) if LEGACY.contains(&text) => Ok(Self::Legacy(Some(value.clone()))),
            Some(text) if MODERN.contains(&text) => Ok(Self::Modern(value.clone())),
            text => Err(Unsupported::new(text.unwrap_or_default())),
        }
    }

    /// Its name; empty if there was none.
    #[must_use]
    pub fn name(&self) -> &str {
        let value = match self {
            Self::Legacy(value) => value.as_ref(),
            Self::Modern(value) => Some(value),
        };
        value.and_then(|it| it.to_str().ok()).unwrap_or_default()
    }
}

/// A revision that is not understood here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    requested: String,
}

impl Unsupported {
    /// That one. What is no revision's name is not repeated.
    #[must_use]
    pub fn new(requested: &str) -> Self {
        /// Longest name that is repeated, in bytes: that of a date.
        const NAME_BYTES_MAX: usize = 10;
        let is_name = requested.len() <= NAME_BYTES_MAX
            && requested
                .bytes()
                .all(|it| it.is_ascii_digit() || it == b'-');
        let requested = if is_name { requested } else { "" };
        Self {
            requested: requested.to_owned(),
        }
    }

    /// What the client is told.
    #[must_use]
    pub fn answer(&self, id: Option<&Id>) -> Answer {
        let supported = MODERN.into_iter().chain(LEGACY);
        let data = Json::object([
            ("supported", Json::array(supported)),
            ("requested", self.requested.as_str().into()),
        ]);
        let text = "Unsupported protocol version";
        let error = denial::error(id, UNSUPPORTED, text, Some(data));
        json(StatusCode::BAD_REQUEST, error)
    }
}

/// Whether a client takes answers of this type.
#[must_use]
pub fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let lists = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|it| it.to_str().ok());
    let mut kinds = lists.flat_map(|list| list.split(','));
    let group = kind.split('/').next().unwrap_or_default();
    kinds.any(|it| {
        let it = it.split(';').next().unwrap_or_default().trim();
        it.eq_ignore_ascii_case(kind)
            || it == "*/*"
            || it
                .strip_suffix("/*")
                .is_some_and(|it| it.eq_ignore_ascii_case(group))
    })
}

/// The refusal of a client that does not take both types that answers come in.
///
/// # Errors
/// It does not.
pub fn takes_both(headers: &HeaderMap) -> Result<(), Refusal> {
    use crate::shim::http::upstream::{EVENTS, JSON};
    match accepts(headers, JSON) && accepts(headers, EVENTS) {
        true => Ok(()),
        false => {
            let text = format!("Not Acceptable: `Accept` has to have {JSON} and {EVENTS}");
            Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, text))
        }
    }
}
