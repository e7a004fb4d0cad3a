//! From `DecideRequest` to what the PDP judges: strictly, naming the field that is wrong.

use super::v1;
use crate::model::call::{Mcp, Phase};
use crate::model::hex::hex;
use crate::model::json::{self, Json, Limits, Object};
use crate::model::subject::{Asserted, Subject, Token};
use sha2::{Digest, Sha256};

/// Longest identifier (request, session, correlation id, server, method), in bytes.
pub const ID_BYTES_MAX: usize = 256;
/// Longest tool name or resource URI, in bytes.
const NAME_BYTES_MAX: usize = 4096;
/// Longest context value, in bytes.
const CONTEXT_VALUE_BYTES_MAX: usize = 1024;
/// Most context members.
const CONTEXT_MEMBERS_MAX: usize = 64;
/// Most roles, delegations or supported obligations.
const ITEMS_MAX: usize = 256;
/// Longest part of an unknown name that is repeated, in characters.
const RECORDED_CHARS_MAX: usize = 64;
/// Longest bearer token, in bytes.
const TOKEN_BYTES_MAX: usize = 16 << 10;

/// What is wrong with a request; recorded as the denial `malformed_request`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {problem}")]
pub struct Malformed {
    /// The field of `DecideRequest`.
    pub field: &'static str,
    /// What is wrong; never the value.
    pub problem: String,
}

/// A well-formed `DecideRequest`, before anybody knows who asks.
#[derive(Clone, Debug)]
pub struct Question {
    /// The caller's name for the request; empty if none.
    pub request_id: String,
    /// The phase.
    pub phase: Phase,
    /// Who the call is for.
    pub subject: Subject,
    /// The address.
    pub mcp: Mcp,
    /// `sha256:<hex>` of the tool's definition.
    pub definition_digest: Option<String>,
    /// `annotations` of the tool's definition.
    pub untrusted_annotations: Object,
    /// The message's `params`.
    pub params: Object,
    /// The result to be judged, and the digest of its bytes.
    pub result: Option<(Json, String)>,
    /// The call that a result belongs to.
    pub call_id: String,
    /// The transport's session.
    pub client_session: String,
    /// Follows the call through other logs.
    pub correlation_id: String,
    /// W3C trace context.
    pub traceparent: String,
    /// Context as asked for, before the caller's grant is applied.
    pub context: Object,
    /// Types of obligations that the enforcement point fulfils itself.
    pub supported_obligations: Vec<String>,
    /// Lowest policy version that may decide.
    pub min_policy_version: u64,
    /// Whether the question is a dry run.
    pub dry_run: bool,
}

/// `sha256:<hex>` of some bytes.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

impl Question {
    /// Reads a request whose JSON parts may each be as large and as deep as `limits` says.
    ///
    /// # Errors
    /// The first field that is malformed.
    pub fn read(request: v1::DecideRequest, limits: Limits) -> Result<Self, Malformed> {
        let phase = phase(request.phase())?;
        let json = Reader(limits);
        let params = json.object("params_json", &request.params_json)?;
        let (definition_digest, untrusted_annotations) = json.definition(request.tool.as_ref())?;
        let mcp = mcp(request.mcp.unwrap_or_default())?;
        unambiguous(&mcp, &params)?;
        Ok(Self {
            phase,
            mcp,
            definition_digest,
            untrusted_annotations,
            params,
            result: json.result(phase, &request.result_json)?,
            call_id: call_id(phase, request.call_id)?,
            context: context(request.context)?,
            subject: match request.subject {
                Some(subject) => json.subject(subject)?,
                None => Subject::None,
            },
            request_id: text("request_id", request.request_id, ID_BYTES_MAX)?,
            client_session: text("client_session", request.client_session, ID_BYTES_MAX)?,
            correlation_id: text("correlation_id", request.correlation_id, ID_BYTES_MAX)?,
            traceparent: text("traceparent", request.traceparent, ID_BYTES_MAX)?,
            supported_obligations: texts("supported_obligations", request.supported_obligations)?,
            min_policy_version: request.min_policy_version,
            dry_run: request.dry_run,
        })
    }
}

fn malformed(field: &'static str, problem: impl Into<String>) -> Malformed {
    Malformed {
        field,
        problem: problem.into(),
    }
}

/// The phase of a message.
///
/// # Errors
/// Where it is not specified.
pub fn phase(phase: v1::Phase) -> Result<Phase, Malformed> {
    match phase {
        v1::Phase::Unspecified => Err(malformed("phase", "not specified or not known")),
        v1::Phase::Call => Ok(Phase::Call),
        v1::Phase::Result => Ok(Phase::Result),
        v1::Phase::List => Ok(Phase::List),
        v1::Phase::Notification => Ok(Phase::Notification),
        v1::Phase::ServerRequest => Ok(Phase::ServerRequest),
        v1::Phase::ClientAnswer => Ok(Phase::ClientAnswer),
    }
}

fn mcp(mcp: v1::Mcp) -> Result<Mcp, Malformed> {
    let server = text("mcp.server", mcp.server, ID_BYTES_MAX)?;
    let method = text("mcp.method", mcp.method, ID_BYTES_MAX)?;
    for (field, value) in [("mcp.server", &server), ("mcp.method", &method)] {
        if value.is_empty() {
            return Err(malformed(field, "is required"));
        }
    }
    let name = text("mcp.name", mcp.name, NAME_BYTES_MAX)?;
    if name.is_empty()
        && matches!(
            method.as_str(),
            "tools/call" | "prompts/get" | "resources/read"
        )
    {
        return Err(malformed("mcp.name", format!("is required for `{method}`")));
    }
    let protocol = text("mcp.protocol_version", mcp.protocol_version, ID_BYTES_MAX)?;
    Ok(Mcp {
        server,
        method,
        name,
        protocol,
    })
}

/// Members of `params` that mean something to a server, by method: MCP up to 2026-07-28. `task` is
/// missing on purpose: what a task returns is not mediated.
fn members(method: &str) -> Option<&'static [&'static str]> {
    Some(match method {
        "tools/call" | "prompts/get" => &[
            "name",
            "arguments",
            "_meta",
            "inputResponses",
            "requestState",
        ],
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
            &["uri", "_meta", "inputResponses", "requestState"]
        }
        _ => return None,
    })
}

/// What the server acts on must be what policy judges: the name in `params` is that of the address,
/// and no member is one that another reader takes for a second `name` or `arguments`, because it
/// does not tell upper case from lower.
fn unambiguous(mcp: &Mcp, params: &Object) -> Result<(), Malformed> {
    let Some(members) = members(&mcp.method) else {
        return Ok(());
    };
    if let Some((member, _)) = params.iter().find(|(member, _)| !members.contains(member)) {
        let known: String = member.chars().take(RECORDED_CHARS_MAX).collect();
        return Err(malformed(
            "params_json",
            format!("`{known}` is no member of `{}`", mcp.method),
        ));
    }
    let own = if members.contains(&"uri") {
        "uri"
    } else {
        "name"
    };
    if params
        .get(own)
        .is_some_and(|name| name.as_str() != Some(&mcp.name))
    {
        return Err(malformed(
            "params_json",
            format!("its `{own}` is not `mcp.name`"),
        ));
    }
    match params.get("arguments") {
        None => Ok(()),
        Some(Json::Object(arguments)) => distinct(arguments),
        Some(other) => Err(malformed(
            "params_json",
            format!("`arguments` is {}, not object", other.kind()),
        )),
    }
}

/// No two names that differ in case alone.
fn distinct(arguments: &Object) -> Result<(), Malformed> {
    // Up and down: `ſ` and the Kelvin sign become `s` and `k`, as readers that fold take them.
    let fold = |name: &str| name.to_uppercase().to_lowercase();
    let mut seen = std::collections::HashSet::with_capacity(arguments.len());
    if arguments.iter().all(|(name, _)| seen.insert(fold(name))) {
        return Ok(());
    }
    Err(malformed(
        "params_json",
        "two names in `arguments` differ in case alone",
    ))
}

fn text(field: &'static str, value: String, bytes_max: usize) -> Result<String, Malformed> {
    if value.len() > bytes_max {
        return Err(malformed(
            field,
            format!("is longer than {bytes_max} bytes"),
        ));
    }
    if value.chars().any(char::is_control) {
        return Err(malformed(field, "has a control character"));
    }
    Ok(value)
}

fn texts(field: &'static str, values: Vec<String>) -> Result<Vec<String>, Malformed> {
    if values.len() > ITEMS_MAX {
        return Err(malformed(field, format!("has more than {ITEMS_MAX} items")));
    }
    values
        .into_iter()
        .map(|value| text(field, value, ID_BYTES_MAX))
        .collect()
}

fn call_id(phase: Phase, call_id: String) -> Result<String, Malformed> {
    if phase == Phase::Result && call_id.is_empty() {
        return Err(malformed("call_id", "is required in this phase"));
    }
    text("call_id", call_id, ID_BYTES_MAX)
}

fn context(members: std::collections::HashMap<String, String>) -> Result<Object, Malformed> {
    if members.len() > CONTEXT_MEMBERS_MAX {
        return Err(malformed(
            "context",
            format!("has more than {CONTEXT_MEMBERS_MAX} members"),
        ));
    }
    let mut members: Vec<_> = members.into_iter().collect();
    members.sort();
    members
        .into_iter()
        .map(|(key, value)| {
            let key = text("context", key, ID_BYTES_MAX)?;
            Ok((key, text("context", value, CONTEXT_VALUE_BYTES_MAX)?))
        })
        .collect()
}

/// Reads the JSON parts of a request.
struct Reader(Limits);

impl Reader {
    fn document(&self, field: &'static str, bytes: &[u8]) -> Result<Json, Malformed> {
        json::parse(bytes, self.0).map_err(|error| malformed(field, error.to_string()))
    }

    fn object(&self, field: &'static str, bytes: &[u8]) -> Result<Object, Malformed> {
        if bytes.is_empty() {
            return Ok(Object::new());
        }
        match self.document(field, bytes)? {
            Json::Object(object) => Ok(object),
            other => Err(malformed(field, format!("is {}, not object", other.kind()))),
        }
    }

    fn result(&self, phase: Phase, bytes: &[u8]) -> Result<Option<(Json, String)>, Malformed> {
        match (phase, bytes.is_empty()) {
            (Phase::Result, true) => Err(malformed("result_json", "is required in this phase")),
            (Phase::Result, false) => {
                Ok(Some((self.document("result_json", bytes)?, digest(bytes))))
            }
            (_, false) => Err(malformed("result_json", "is only for PHASE_RESULT")),
            (_, true) => Ok(None),
        }
    }

    fn subject(&self, subject: v1::decide_request::Subject) -> Result<Subject, Malformed> {
        let asserted = match subject {
            v1::decide_request::Subject::BearerToken(token) if token.len() > TOKEN_BYTES_MAX => {
                let problem = format!("is longer than {TOKEN_BYTES_MAX} bytes");
                return Err(malformed("bearer_token", problem));
            }
            v1::decide_request::Subject::BearerToken(token) => {
                return Ok(Subject::BearerToken(Token::new(token)));
            }
            v1::decide_request::Subject::Asserted(asserted) => asserted,
        };
        let id = text("asserted.id", asserted.id, ID_BYTES_MAX)?;
        if id.is_empty() {
            return Err(malformed("asserted.id", "is required"));
        }
        let optional = |field, value: String| {
            let value = text(field, value, ID_BYTES_MAX)?;
            Ok((!value.is_empty()).then_some(value))
        };
        Ok(Subject::Asserted(Asserted {
            id,
            user: optional("asserted.user", asserted.user)?,
            agent: optional("asserted.agent", asserted.agent)?,
            client: optional("asserted.client", asserted.client)?,
            roles: texts("asserted.roles", asserted.roles)?,
            attributes: self.object("asserted.attributes_json", &asserted.attributes_json)?,
            delegation: texts("asserted.delegation", asserted.delegation)?,
        }))
    }

    fn definition(
        &self,
        tool: Option<&v1::ToolDefinition>,
    ) -> Result<(Option<String>, Object), Malformed> {
        let Some(tool) = tool.filter(|tool| !tool.definition_json.is_empty()) else {
            return Ok((None, Object::new()));
        };
        let definition = self.object("tool.definition_json", &tool.definition_json)?;
        let annotations = match definition.get("annotations") {
            Some(Json::Object(annotations)) => annotations.clone(),
            _ => Object::new(),
        };
        Ok((
            Some(digest(&Json::Object(definition).canonical())),
            annotations,
        ))
    }
}
