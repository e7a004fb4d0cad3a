//! What a client is told when something is not forwarded. See `enforcement.md`, Denials.

use crate::model::json::{Json, Object};
use crate::model::reason::{Code, Reason};
use crate::model::verdict::Effect;
use crate::shim::event::DecisionRef;
use crate::shim::message::Id;
use crate::shim::pdp::Answer;

/// JSON-RPC: wrong parameters; of an unknown tool.
pub const INVALID_PARAMS: i64 = -32602;
/// JSON-RPC: something failed.
pub const INTERNAL_ERROR: i64 = -32603;
/// JSON-RPC: no such method.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// Denied by policy, for methods whose results cannot say so.
pub const POLICY_DENIED: i64 = -31001;
/// Where the details of a denial stand, in `_meta` or in an error's `data`.
pub const DETAILS: &str = "toolgate/decision";

/// Why something is not forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Who denied.
    pub by: By,
    /// The effect: never one that grants.
    pub effect: Effect,
    /// Whether the caller may know that the thing exists.
    pub visible: bool,
    /// Why, most important first; never empty.
    pub reasons: Vec<Reason>,
    /// The decision, if there was one.
    pub decision: DecisionRef,
    /// The policy revision that decided; empty if none did.
    pub revision: String,
}

/// Who denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The PDP.
    Pdp,
    /// The shim, without a decision.
    Shim,
    /// The shim, against a decision that granted.
    ShimOverGrant,
}

impl Denial {
    /// The denial that an answer is.
    #[must_use]
    pub fn decided(answer: Answer) -> Box<Self> {
        let decision = answer.reference();
        let effect = match answer.effect {
            Effect::RequireApproval => Effect::RequireApproval,
            _ => Effect::Deny,
        };
        let mut reasons = answer.reasons;
        if reasons.is_empty() {
            let code = match effect {
                Effect::RequireApproval => Code::ApprovalRequired,
                _ => Code::Internal,
            };
            reasons.push(code.reason());
        }
        Box::new(Self {
            by: By::Pdp,
            effect,
            visible: answer.visible,
            reasons,
            decision,
            revision: answer.revision,
        })
    }

    /// A denial of the shim's own, about which no PDP was heard.
    #[must_use]
    pub fn local(reason: Reason) -> Box<Self> {
        Box::new(Self {
            by: By::Shim,
            effect: Effect::Deny,
            visible: true,
            reasons: vec![reason],
            decision: DecisionRef::default(),
            revision: String::new(),
        })
    }

    /// A denial although the PDP granted.
    #[must_use]
    pub fn over_grant(answer: &Answer, reason: Reason) -> Box<Self> {
        Box::new(Self {
            by: By::ShimOverGrant,
            decision: answer.reference(),
            revision: answer.revision.clone(),
            ..*Self::local(reason)
        })
    }

    /// The code of the first reason.
    #[must_use]
    pub fn code(&self) -> &str {
        let first = self.reasons.first();
        first.map_or(Code::Internal.as_str(), |reason| &reason.code)
    }

    /// `Denied by policy (<code>). <public message> Decision <id>.`
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("Denied by policy ({}).", self.code());
        if let Some(message) = self.reasons.first().and_then(|it| sentence(&it.message)) {
            text.push(' ');
            text.push_str(&message);
        }
        if !self.decision.decision_id.is_empty() {
            text.push_str(&format!(" Decision {}.", self.decision.decision_id));
        }
        text
    }

    /// `{"toolgate/decision": {…}}`: public parts alone.
    #[must_use]
    pub fn details(&self) -> Json {
        let reasons = self.reasons.iter().map(|reason| {
            Json::object([
                ("code", Json::from(reason.code.as_str())),
                ("message", reason.message.as_str().into()),
                ("retryable", reason.retryable.into()),
            ])
        });
        let mut out = Object::new();
        if !self.decision.decision_id.is_empty() {
            out.insert("decision_id", self.decision.decision_id.as_str());
        }
        out.insert("effect", self.effect.as_str());
        out.insert("code", self.code());
        out.insert("retryable", self.reasons.iter().all(|it| it.retryable));
        out.insert("reasons", Json::array(reasons));
        if !self.revision.is_empty() {
            out.insert("revision", self.revision.as_str());
        }
        Json::object([(DETAILS, out)])
    }

    /// The answer to a denied `tools/call`: a result that says so, for the model to read.
    #[must_use]
    pub fn tool_result(&self, id: &Id, modern: bool) -> Vec<u8> {
        let text = [("type", Json::from("text")), ("text", self.text().into())];
        let mut result = Object::new();
        if modern {
            result.insert("resultType", "complete");
        }
        result.insert("content", Json::array([Json::object(text)]));
        result.insert("isError", true);
        result.insert("_meta", self.details());
        response(id, "result", result.into())
    }

    /// The answer to any other denied request.
    #[must_use]
    pub fn error(&self, id: &Id) -> Vec<u8> {
        error(Some(id), POLICY_DENIED, &self.text(), Some(self.details()))
    }
}

/// A message as a sentence: capitalised, with its stop; `None` if it is empty.
fn sentence(message: &str) -> Option<String> {
    let mut letters = message.trim().chars();
    let first = letters.next()?;
    let mut text: String = first.to_uppercase().chain(letters).collect();
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    Some(text)
}

/// The answer for a tool that this caller does not have, whether or not the server has it.
#[must_use]
pub fn unknown_tool(id: &Id, name: &str) -> Vec<u8> {
    error(
        Some(id),
        INVALID_PARAMS,
        &format!("Unknown tool: {name}"),
        None,
    )
}

/// A JSON-RPC error response.
#[must_use]
pub fn error(id: Option<&Id>, code: i64, message: &str, data: Option<Json>) -> Vec<u8> {
    let mut error = Object::new();
    error.insert("code", code);
    error.insert("message", message);
    if let Some(data) = data {
        error.insert("data", data);
    }
    let id = id.map_or(Json::Null, Id::to_json);
    envelope(id, "error", error.into())
}

/// A JSON-RPC response.
#[must_use]
pub fn response(id: &Id, part: &'static str, value: Json) -> Vec<u8> {
    envelope(id.to_json(), part, value)
}

fn envelope(id: Json, part: &'static str, value: Json) -> Vec<u8> {
    Json::object([("jsonrpc", Json::from("2.0")), ("id", id), (part, value)]).to_bytes()
}
