//! From what a reader writes to the request on the wire.

use super::case::{Ask, Bytes, Subject, Text};
use crate::server::tokens;
use serde_json::json;
use std::collections::HashMap;
use toolgate::wire::v1::decide_request::Subject as WireSubject;
use toolgate::wire::v1::{
    AssertedSubject, DecideRequest, DecideResponse, Mcp, Phase, ToolDefinition,
};

/// A request that was sent.
#[derive(Clone, Debug)]
pub struct Asked {
    pub request: DecideRequest,
}

type Answered = HashMap<usize, (Asked, DecideResponse)>;

impl Asked {
    pub fn new(ask: &Ask, answered: &Answered) -> Self {
        let call_id = match ask.call {
            Some(step) => answered[&step].1.call_id.clone(),
            None => ask.call_id.clone(),
        };
        let mcp = mcp(ask);
        let mut context: HashMap<_, _> = ask.context.clone().into_iter().collect();
        context.extend((0..ask.context_members).map(|n| (format!("k{n}"), "v".to_owned())));
        let result = match (&ask.result, &ask.result_bytes) {
            (Some(result), None) => result.to_string().into_bytes(),
            (None, bytes) => bytes.as_ref().map(bytes_of).unwrap_or_default(),
            (Some(_), Some(_)) => panic!("both `result` and `result_bytes`"),
        };
        let request = DecideRequest {
            request_id: text(&ask.request_id),
            phase: phase(ask.phase.as_deref()).into(),
            subject: subject(ask),
            params_json: params(ask, &mcp.name, answered),
            mcp: Some(mcp),
            tool: ask.definition.as_ref().map(|definition| ToolDefinition {
                definition_json: bytes_of(definition),
            }),
            result_json: result,
            call_id,
            client_session: ask.session.clone(),
            correlation_id: text(&ask.correlation_id),
            traceparent: ask.traceparent.clone(),
            context,
            supported_obligations: Vec::new(),
            min_policy_version: ask.min_policy_version,
            dry_run: ask.dry_run,
        };
        Self { request }
    }
}

fn phase(name: Option<&str>) -> Phase {
    match name.unwrap_or("call") {
        "unspecified" => Phase::Unspecified,
        "call" => Phase::Call,
        "result" => Phase::Result,
        "list" => Phase::List,
        "notification" => Phase::Notification,
        "server_request" => Phase::ServerRequest,
        "client_answer" => Phase::ClientAnswer,
        other => panic!("no phase `{other}`"),
    }
}

fn mcp(ask: &Ask) -> Mcp {
    let (server, name) = match &ask.tool {
        Some(tool) => tool.split_once('/').unwrap(),
        None => ("", ""),
    };
    let method = match (&ask.method, &ask.tool) {
        (Some(method), _) => method,
        (None, Some(_)) => "tools/call",
        (None, None) => "",
    };
    Mcp {
        server: ask.server.clone().unwrap_or(server.to_owned()),
        method: method.to_owned(),
        name: ask.name.clone().unwrap_or(name.to_owned()),
        protocol_version: "2025-11-25".to_owned(),
    }
}

fn params(ask: &Ask, name: &str, answered: &Answered) -> Vec<u8> {
    if let Some(params) = &ask.params {
        return bytes_of(params);
    }
    if let Some(step) = ask.params_of {
        let (asked, reply) = &answered[&step];
        let sent = &asked.request.params_json;
        return reply.params_json.as_ref().unwrap_or(sent).clone();
    }
    let name = json!(name);
    match (&ask.arguments, &ask.arguments_text) {
        (Some(arguments), None) => format!(r#"{{"name":{name},"arguments":{arguments}}}"#),
        (None, Some(arguments)) => format!(r#"{{"name":{name},"arguments":{arguments}}}"#),
        (None, None) => String::new(),
        (Some(_), Some(_)) => panic!("both `arguments` and `arguments_text`"),
    }
    .into_bytes()
}

fn subject(ask: &Ask) -> Option<WireSubject> {
    if let Some(claims) = &ask.bearer {
        return Some(WireSubject::BearerToken(tokens::token(claims)));
    }
    if let Some(token) = &ask.bearer_text {
        return Some(WireSubject::BearerToken(token.clone()));
    }
    let Subject {
        id,
        user,
        agent,
        client,
        roles,
        attributes,
        attributes_bytes,
        delegation,
    } = ask.subject.clone()?;
    let attributes = attributes.map(|attributes| attributes.to_string().into_bytes());
    let attributes = attributes.or_else(|| attributes_bytes.as_ref().map(bytes_of));
    Some(WireSubject::Asserted(AssertedSubject {
        id: text(&id),
        user,
        agent,
        client,
        roles,
        attributes_json: attributes.unwrap_or_default(),
        delegation,
    }))
}

fn text(text: &Text) -> String {
    match text {
        Text::Text(text) => text.clone(),
        Text::Long { long } => "x".repeat(*long),
    }
}

fn bytes_of(bytes: &Bytes) -> Vec<u8> {
    match bytes {
        Bytes::Text(text) => text.clone().into_bytes(),
        Bytes::Hex(digits) => {
            let digits = digits
                .as_bytes()
                .chunks(2)
                .map(|pair| std::str::from_utf8(pair).unwrap());
            digits
                .map(|pair| u8::from_str_radix(pair, 16).unwrap())
                .collect()
        }
        Bytes::Nested(levels) => {
            let arrays = levels - 1;
            format!(
                r#"{{"_meta":{}{}}}"#,
                "[".repeat(arrays),
                "]".repeat(arrays)
            )
            .into_bytes()
        }
        Bytes::Long(bytes) => {
            let frame = r#"{"_meta":""}"#.len();
            format!(r#"{{"_meta":"{}"}}"#, "x".repeat(bytes - frame)).into_bytes()
        }
    }
}
