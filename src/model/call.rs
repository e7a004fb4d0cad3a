//! What is asked: one MCP message, in one phase, by one principal.

mod document;
mod input;
mod members;
mod part;

pub use document::Build;
pub use input::{Given, InputError};
pub use members::INPUT_OBJECTS;
pub use part::InputPart;

use super::json::{Json, Object};
use super::principal::Principal;

/// Where in its life a message is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// A request on its way to the server.
    #[default]
    Call,
    /// The answer on its way back.
    Result,
    /// One entry of a list that the server returned.
    List,
    /// A notification, either way.
    Notification,
    /// A request of the server to the client.
    ServerRequest,
    /// The client's answer to such a request.
    ClientAnswer,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 6] = [
        Self::Call,
        Self::Result,
        Self::List,
        Self::Notification,
        Self::ServerRequest,
        Self::ClientAnswer,
    ];

    /// The name in `input` and in the record.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Result => "result",
            Self::List => "list",
            Self::Notification => "notification",
            Self::ServerRequest => "server_request",
            Self::ClientAnswer => "client_answer",
        }
    }

    /// The phase of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.as_str() == name)
    }
}

/// The MCP message's address: `input.mcp`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mcp {
    /// The server's name in the operator's configuration, never what the server says of itself.
    pub server: String,
    /// The JSON-RPC method, such as `tools/call`.
    pub method: String,
    /// The tool's or prompt's name or the resource's URI; empty if the method has none.
    pub name: String,
    /// The protocol revision, such as `2025-11-25`; empty if unknown.
    pub protocol: String,
}

/// One question to the PDP, authenticated and strictly parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The phase.
    pub phase: Phase,
    /// The tenant; `default` where nobody configured tenants.
    pub tenant: String,
    /// Who asks.
    pub principal: Principal,
    /// What is called.
    pub mcp: Mcp,
    /// `sha256:<hex>` of the tool's definition, where the caller sent one.
    pub definition_digest: Option<String>,
    /// What the server claims of the tool. Untrusted: may raise caution, never lower it.
    pub untrusted_annotations: Object,
    /// The message's `params`, whole; `Object` empty if there are none.
    pub params: Object,
    /// The result to be judged, in phase `result`.
    pub result: Option<Json>,
    /// The PDP's own name for the session.
    pub session_id: String,
    /// Context: purpose, channel, correlation_id, client_session and what else the caller may set.
    pub context: Object,
}

impl Request {
    /// `input.arguments`: the member `arguments` of a `tools/call` or `prompts/get`, else nothing.
    #[must_use]
    pub fn arguments(&self) -> Option<&Json> {
        self.params.get("arguments")
    }
}

/// What was read beforehand, from outside the policy set. Later: grants, rate state, revocations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `input.facts`: what the PDP worked out itself.
    pub facts: Object,
    /// `input.session.labels`: what this session has read.
    pub labels: Vec<String>,
    /// What the verdict of the call owed to its result, in phase `result`.
    pub owed: Vec<super::obligation::Obligation>,
}
