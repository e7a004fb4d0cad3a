//! Headers of the modern era that repeat parts of a message, so that others need not read it:
//! checked against what they repeat, and written anew for what is forwarded.

use crate::model::json::{Json, Limits, parse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue};

#[cfg(test)]
mod tests;

/// JSON-RPC, MCP 2026-07-28: a header does not say what the message says.
pub const HEADER_MISMATCH: i64 = -32020;
/// `Mcp-Method`
pub const METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// `Mcp-Name`
pub const NAME: HeaderName = HeaderName::from_static("mcp-name");
/// How the headers begin that repeat an argument.
pub const PARAM: &str = "mcp-param-";
/// Methods whose name has to be repeated.
const NAMED: [&str; 3] = ["tools/call", "resources/read", "prompts/get"];
/// Most arguments of one tool that are repeated.
pub const PARAMS_MAX: usize = 64;
/// Deepest property that is repeated, in steps from the root.
const PATH_STEPS_MAX: usize = 16;
/// Longest value of a header that is written, in bytes.
pub const VALUE_BYTES_MAX: usize = 8 << 10;

/// What keeps headers and message apart. Never an argument's value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// A header is missing that has to be there.
    #[error("Header mismatch: `{0}` is missing")]
    Missing(String),
    /// A header is there twice, or is no text.
    #[error("Header mismatch: `{0}` is not one plain value")]
    Unreadable(String),
    /// A header says something else.
    #[error("Header mismatch: `{0}` does not say what the message says")]
    Different(String),
    /// A value is too long to be repeated, or there are too many.
    #[error("Header mismatch: `{0}` cannot be repeated")]
    TooMuch(String),
}

/// What the headers have to repeat of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrored<'a> {
    /// The method.
    pub method: &'a str,
    /// The tool, prompt or resource; empty if it names none.
    pub name: String,
    /// The raw `params`.
    pub params: Option<&'a [u8]>,
    /// The tool's raw definition, where it is known.
    pub definition: Option<&'a [u8]>,
}

impl Mirrored<'_> {
    /// Looks whether method and name are repeated rightly.
    ///
    /// # Errors
    /// They are not.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), Mismatch> {
        compare(headers, &METHOD, Some(self.method), str::to_owned)?;
        let name = NAMED.contains(&self.method) || headers.contains_key(NAME);
        match name {
            true => compare(headers, &NAME, Some(&self.name), decoded),
            false => Ok(()),
        }
    }

    /// Looks whether the arguments are repeated that the tool's definition says so of.
    ///
    /// # Errors
    /// They are not.
    pub fn check_arguments(&self, headers: &HeaderMap) -> Result<(), Mismatch> {
        for (name, value) in self.arguments()? {
            compare(headers, &name, value.as_deref(), decoded)?;
        }
        Ok(())
    }

    /// The headers for this message.
    ///
    /// # Errors
    /// A value cannot be written.
    pub fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, Mismatch> {
        let mut out = vec![(METHOD, encoded(&METHOD, self.method)?)];
        if !self.name.is_empty() {
            out.push((NAME, encoded(&NAME, &self.name)?));
        }
        for (name, value) in self.arguments()? {
            if let Some(value) = value {
                let value = encoded(&name, &value)?;
                out.push((name, value));
            }
        }
        Ok(out)
    }

    /// Each argument that has a header, with its text; `None`: it is not among the arguments.
    fn arguments(&self) -> Result<Vec<(HeaderName, Option<String>)>, Mismatch> {
        let read = |raw: Option<&[u8]>| parse(raw?, Limits::REQUEST).ok();
        let definition = read(self.definition);
        let Some(schema) = definition.as_ref().and_then(|it| it.get("inputSchema")) else {
            return Ok(Vec::new());
        };
        let params = read(self.params);
        let arguments = params.as_ref().and_then(|it| it.get("arguments"));
        let mut found = Vec::new();
        collect(schema, arguments, 0, &mut found)?;
        Ok(found)
    }
}

fn collect(
    schema: &Json,
    value: Option<&Json>,
    steps: usize,
    found: &mut Vec<(HeaderName, Option<String>)>,
) -> Result<(), Mismatch> {
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
        return Ok(());
    };
    for (name, property) in properties.iter() {
        let value = value.and_then(|it| it.get(name));
        if let Some(header) = property.get("x-mcp-header").and_then(Json::as_str) {
            let header = format!("{PARAM}{}", header.to_ascii_lowercase());
            let name = HeaderName::try_from(header.as_str())
                .map_err(|_| Mismatch::Unreadable(PARAM.to_owned()))?;
            if found.len() >= PARAMS_MAX {
                return Err(Mismatch::TooMuch(header));
            }
            found.push((name, value.and_then(text)));
        }
        if steps < PATH_STEPS_MAX {
            collect(property, value, steps + 1, found)?;
        }
    }
    Ok(())
}

/// The text of a value that has a header.
fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Bool(value) => Some(value.to_string()),
        Json::Number(number) => Some(number.as_str().to_owned()),
        _ => None,
    }
}

fn compare(
    headers: &HeaderMap,
    name: &HeaderName,
    expected: Option<&str>,
    decode: impl Fn(&str) -> String,
) -> Result<(), Mismatch> {
    let mut values = headers.get_all(name).iter();
    let found = match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        (None, _) => None,
        _ => return Err(Mismatch::Unreadable(name.to_string())),
    };
    let found = found
        .map(|value| value.to_str().map(&decode))
        .transpose()
        .map_err(|_| Mismatch::Unreadable(name.to_string()))?;
    match (found, expected) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Mismatch::Missing(name.to_string())),
        (Some(found), Some(expected)) if found == expected || is_same_number(&found, expected) => {
            Ok(())
        }
        (Some(_), _) => Err(Mismatch::Different(name.to_string())),
    }
}

/// Integers are compared as numbers: `42.0` is `42`.
fn is_same_number(found: &str, expected: &str) -> bool {
    let integer = |text: &str| -> Option<i64> {
        let whole = text.split_once('.').map_or(text, |(whole, rest)| {
            if rest.bytes().all(|byte| byte == b'0') {
                whole
            } else {
                ""
            }
        });
        whole.parse().ok()
    };
    matches!((integer(found), integer(expected)), (Some(a), Some(b)) if a == b)
}

/// A value as it was before it was made fit for a header.
fn decoded(value: &str) -> String {
    let coded = value.strip_prefix("=?base64?");
    let coded = coded.and_then(|it| it.strip_suffix("?="));
    let text = coded.and_then(|it| STANDARD.decode(it).ok());
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    text.unwrap_or_else(|| value.to_owned())
}

fn encoded(name: &HeaderName, value: &str) -> Result<HeaderValue, Mismatch> {
    let is_plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && value.trim() == value
        && !(value.starts_with("=?base64?") && value.ends_with("?="));
    let coded = match is_plain {
        true => value.to_owned(),
        false => format!("=?base64?{}?=", STANDARD.encode(value)),
    };
    if coded.len() > VALUE_BYTES_MAX {
        return Err(Mismatch::TooMuch(name.to_string()));
    }
    HeaderValue::try_from(coded).map_err(|_| Mismatch::TooMuch(name.to_string()))
}
