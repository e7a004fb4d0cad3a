//! From a policy input document back to a request: what `Request::to_input` gives, read strictly.

#[cfg(test)]
mod tests;

use super::{Facts, INPUT_OBJECTS, Mcp, Phase, Request};
use crate::model::json::{Json, Object};
use crate::model::principal::{AuthenticatedBy, Principal, RolesFrom};
use crate::model::time::Timestamp;
use std::fmt;

/// The version of the input that is read.
const VERSION: u64 = 1;

/// What an input document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The question.
    pub request: Request,
    /// `facts` and `session.labels`.
    pub facts: Facts,
    /// When it is asked; `None` if the document does not say.
    pub time: Option<Timestamp>,
}

/// Why a document is no policy input: the member and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// The member, such as `principal.id`; empty for the document itself.
    pub member: String,
    /// What is wrong; never the value, but for a word where one of a few is expected.
    pub problem: String,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, problem } = self;
        match member.is_empty() {
            true => write!(f, "the input {problem}"),
            false => write!(f, "`{member}` {problem}"),
        }
    }
}

impl std::error::Error for InputError {}

impl Given {
    /// Reads an input of version 1. `phase`, `principal.id`, `mcp.server` and `mcp.method` are
    /// required; of `time`, the two members must agree if both are there. What no policy input can
    /// have is an error.
    ///
    /// # Errors
    /// The first member that is wrong.
    pub fn from_input(input: &Json) -> Result<Self, InputError> {
        let document = Part::new("", input)?;
        document.only_known()?;
        let version = document.required("version")?;
        if version.as_u64() != Some(VERSION) {
            return Err(document.wrong("version", format!("must be {VERSION}")));
        }
        let phase = word(&document, "phase", &Phase::ALL, |phase| phase.as_str())?;
        let phase = phase.ok_or_else(|| document.missing("phase"))?;
        let mcp = mcp(&document.part("mcp")?)?;
        let tool = document.optional_part("tool")?.unwrap_or_default();
        tool.only_known()?;
        let session = document.optional_part("session")?.unwrap_or_default();
        session.only_known()?;
        let request = Request {
            phase,
            tenant: document.text("tenant")?.unwrap_or_else(|| "default".into()),
            principal: principal(&document.part("principal")?)?,
            definition_digest: tool.text("definition_digest")?,
            untrusted_annotations: tool.object("untrusted_annotations")?,
            params: params(&mcp, document.optional("arguments")?),
            mcp,
            result: result(&document, phase)?,
            session_id: session.name("id")?.unwrap_or_default(),
            context: document.object("context")?,
        };
        let facts = Facts {
            facts: document.object("facts")?,
            labels: session.texts("labels")?,
            owed: Vec::new(),
        };
        Ok(Self {
            request,
            facts,
            time: time(&document)?,
        })
    }
}

fn mcp(part: &Part<'_>) -> Result<Mcp, InputError> {
    part.only_known()?;
    let required = |name| part.text(name)?.ok_or_else(|| part.missing(name));
    Ok(Mcp {
        server: required("server")?,
        method: required("method")?,
        name: part.text("name")?.unwrap_or_default(),
        protocol: part.text("protocol")?.unwrap_or_default(),
    })
}

fn principal(part: &Part<'_>) -> Result<Principal, InputError> {
    part.only_known()?;
    let by = word(part, "authenticated_by", &AuthenticatedBy::ALL, |by| {
        by.as_str()
    })?;
    Ok(Principal {
        id: part.text("id")?.ok_or_else(|| part.missing("id"))?,
        user: part.text("user")?,
        agent: part.text("agent")?,
        client: part.text("client")?,
        roles: part.texts("roles")?,
        attributes: part.object("attributes")?,
        delegation: part.texts("delegation")?,
        authenticated_by: by.unwrap_or_default(),
        roles_from: word(part, "roles_from", &RolesFrom::ALL, |from| from.as_str())?,
    })
}

/// The message's `params`, as far as the input tells of them.
fn params(mcp: &Mcp, arguments: Option<&Json>) -> Object {
    let mut params = Object::new();
    match mcp.method.as_str() {
        "tools/call" | "prompts/get" => params.insert("name", mcp.name.as_str()),
        "resources/read" => params.insert("uri", mcp.name.as_str()),
        _ => None,
    };
    if let Some(arguments) = arguments {
        params.insert("arguments", arguments.clone());
    }
    params
}

fn result(document: &Part<'_>, phase: Phase) -> Result<Option<Json>, InputError> {
    let result = document.optional("result")?;
    match (phase, result) {
        (Phase::Result, None) => Err(document.missing("result")),
        (Phase::Result, Some(result)) => Ok(Some(result.clone())),
        (_, Some(_)) => Err(document.wrong("result", "is only for phase `result`")),
        (_, None) => Ok(None),
    }
}

fn time(document: &Part<'_>) -> Result<Option<Timestamp>, InputError> {
    let Some(part) = document.optional_part("time")? else {
        return Ok(None);
    };
    part.only_known()?;
    let nanos = match part.optional("ns")? {
        Some(Json::Number(nanos)) => match nanos.as_i64() {
            Some(nanos) => Some(Timestamp::from_nanos(nanos)),
            None => return Err(part.wrong("ns", "must be whole nanoseconds since 1970")),
        },
        Some(_) => return Err(part.wrong("ns", "must be a number")),
        None => None,
    };
    let text =
        match part.text("rfc3339")? {
            Some(text) => Some(Timestamp::parse_rfc3339(&text).ok_or_else(|| {
                part.wrong("rfc3339", "must be a time such as 2026-11-21T10:00:00Z")
            })?),
            None => None,
        };
    match (nanos, text) {
        (Some(nanos), Some(text)) if nanos != text => {
            let problem = format!("does not say the time of `time.ns`, {}", nanos.rfc3339());
            Err(part.wrong("rfc3339", problem))
        }
        (Some(time), _) | (None, Some(time)) => Ok(Some(time)),
        (None, None) => Err(part.missing("ns")),
    }
}

/// A member that is one of a few words.
fn word<T: Copy>(
    part: &Part<'_>,
    name: &str,
    all: &[T],
    text_of: impl Fn(T) -> &'static str,
) -> Result<Option<T>, InputError> {
    let Some(text) = part.text(name)? else {
        return Ok(None);
    };
    if let Some(found) = all.iter().find(|word| text_of(**word) == text) {
        return Ok(Some(*found));
    }
    let words: Vec<_> = all
        .iter()
        .map(|word| format!("`{}`", text_of(*word)))
        .collect();
    Err(part.wrong(name, format!("must be one of {}", words.join(", "))))
}

/// An object of the document, and what leads to it.
#[derive(Default)]
struct Part<'a> {
    path: String,
    object: Option<&'a Object>,
}

impl<'a> Part<'a> {
    fn new(path: &str, value: &'a Json) -> Result<Self, InputError> {
        let object = value.as_object().ok_or_else(|| InputError {
            member: path.to_owned(),
            problem: format!("must be an object, is {}", value.kind()),
        })?;
        Ok(Self {
            path: path.to_owned(),
            object: Some(object),
        })
    }

    fn member(&self, name: &str) -> String {
        match self.path.is_empty() {
            true => name.to_owned(),
            false => format!("{}.{name}", self.path),
        }
    }

    fn wrong(&self, name: &str, problem: impl Into<String>) -> InputError {
        InputError {
            member: self.member(name),
            problem: problem.into(),
        }
    }

    fn missing(&self, name: &str) -> InputError {
        self.wrong(name, "is missing")
    }

    /// Nothing but what this part of an input may have.
    fn only_known(&self) -> Result<(), InputError> {
        let path = match self.path.is_empty() {
            true => "input".to_owned(),
            false => format!("input.{}", self.path),
        };
        let object = INPUT_OBJECTS.iter().find(|(object, _)| *object == path);
        let known = object.map_or(&[] as &[&str], |(_, members)| members);
        let mut names = self.object.into_iter().flat_map(Object::iter);
        let Some((name, _)) = names.find(|(name, _)| !known.contains(name)) else {
            return Ok(());
        };
        let near = nearest(name, known);
        let meant = near.map_or(String::new(), |near| {
            format!(": did you mean `{}`?", self.member(near))
        });
        Err(self.wrong(name, format!("is no member of the policy input{meant}")))
    }

    /// A member; null is an error, because absent parts are absent.
    fn optional(&self, name: &str) -> Result<Option<&'a Json>, InputError> {
        match self.object.and_then(|object| object.get(name)) {
            Some(Json::Null) => Err(self.wrong(name, "is null: leave it out")),
            found => Ok(found),
        }
    }

    fn required(&self, name: &str) -> Result<&'a Json, InputError> {
        self.optional(name)?.ok_or_else(|| self.missing(name))
    }

    fn part(&self, name: &str) -> Result<Self, InputError> {
        Self::new(&self.member(name), self.required(name)?)
    }

    fn optional_part(&self, name: &str) -> Result<Option<Self>, InputError> {
        let value = self.optional(name)?;
        value
            .map(|value| Self::new(&self.member(name), value))
            .transpose()
    }

    fn object(&self, name: &str) -> Result<Object, InputError> {
        let part = self.optional_part(name)?;
        Ok(part
            .and_then(|part| part.object)
            .cloned()
            .unwrap_or_default())
    }

    /// A string that is not empty.
    fn text(&self, name: &str) -> Result<Option<String>, InputError> {
        match self.name(name)? {
            Some(text) if text.is_empty() => {
                Err(self.wrong(name, "is empty: leave it out, or say what it is"))
            }
            text => Ok(text),
        }
    }

    /// A string.
    fn name(&self, name: &str) -> Result<Option<String>, InputError> {
        match self.optional(name)? {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(name, format!("must be a string, is {}", other.kind()))),
        }
    }

    fn texts(&self, name: &str) -> Result<Vec<String>, InputError> {
        let problem = || self.wrong(name, "must be an array of strings");
        match self.optional(name)? {
            None => Ok(Vec::new()),
            Some(Json::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(str::to_owned).ok_or_else(problem))
                .collect(),
            Some(_) => Err(problem()),
        }
    }
}

/// Most letters that a misspelled name may differ in.
const TYPOS_MAX: usize = 3;

fn nearest<'a>(unknown: &str, known: &[&'a str]) -> Option<&'a str> {
    let distances = known
        .iter()
        .map(|name| (strsim::osa_distance(unknown, name), *name));
    let near = distances.filter(|(distance, name)| *distance <= TYPOS_MAX.min(name.len() / 2));
    near.min().map(|(_, name)| name)
}
