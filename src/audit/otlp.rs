//! A record as a log record of OpenTelemetry, for systems that collect events. It is a copy to look
//! at and no evidence: what proves something is the log itself.
//!
//! Names follow the semantic conventions of MCP and of generative AI where these have one.

#[cfg(test)]
mod tests;

use crate::model::json::{Json, Object};
use crate::model::time::Timestamp;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// Before the type of a record in an event's name.
const EVENT_NAME_PREFIX: &str = "toolgate.audit.";
/// A call of a tool, as the conventions name it.
const EXECUTE_TOOL: &str = "execute_tool";

/// Attributes that are texts: the way to the value in the record, and the attribute's name.
const TEXTS: &[(&[&str], &str)] = &[
    (&["type"], "toolgate.audit.type"),
    (&["origin"], "toolgate.audit.origin"),
    (&["tenant"], "toolgate.tenant"),
    (&["decision_id"], "toolgate.decision_id"),
    (&["call_id"], "toolgate.call_id"),
    (&["correlation_id"], "toolgate.correlation_id"),
    (&["phase"], "toolgate.phase"),
    (&["effect"], "toolgate.effect"),
    (&["status"], "toolgate.outcome.status"),
    (&["principal", "id"], "toolgate.principal.id"),
    (&["principal", "user"], "user.id"),
    (&["principal", "agent"], "gen_ai.agent.id"),
    (&["principal", "client"], "toolgate.principal.client"),
    (&["caller"], "toolgate.caller"),
    (&["session_id"], "mcp.session.id"),
    (&["method"], "mcp.method.name"),
    (&["tool_server"], "toolgate.tool_server"),
    (&["risk_tier"], "toolgate.risk_tier"),
    (&["data_classification"], "toolgate.data_classification"),
    (&["policy", "revision"], "toolgate.policy.revision"),
];

/// The name of a tool, resource or prompt, by the method that it is for.
const NAMES: &[(&str, &str)] = &[
    ("tools/call", "gen_ai.tool.name"),
    ("prompts/get", "gen_ai.prompt.name"),
    ("resources/read", "mcp.resource.uri"),
];

/// The log record of a line of the log, and of what it says.
#[must_use]
pub fn log_record(line: &[u8], record: &Object, observed: Timestamp) -> LogRecord {
    let kind = text(record, &["type"]).unwrap_or_default();
    let time = text(record, &["time"]).and_then(Timestamp::parse_rfc3339);
    let (severity, severity_text) = severity(kind, record);
    let trace = text(record, &["traceparent"]).and_then(Trace::parse);
    let trace = trace.unwrap_or_default();
    LogRecord {
        time_unix_nano: time.map_or(0, nanos),
        observed_time_unix_nano: nanos(observed),
        severity_number: severity.into(),
        severity_text: severity_text.to_owned(),
        body: Some(any(Value::StringValue(
            String::from_utf8_lossy(line).into_owned(),
        ))),
        attributes: attributes(record),
        flags: trace.flags,
        trace_id: trace.trace_id,
        span_id: trace.span_id,
        event_name: format!("{EVENT_NAME_PREFIX}{kind}"),
        ..LogRecord::default()
    }
}

/// These records as one request's content.
#[must_use]
pub fn resource_logs(origin: &str, log_records: Vec<LogRecord>) -> ResourceLogs {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    ResourceLogs {
        resource: Some(Resource {
            attributes: vec![
                texted("service.name", "toolgate"),
                texted("service.version", &version),
                texted("service.instance.id", origin),
            ],
            ..Resource::default()
        }),
        scope_logs: vec![ScopeLogs {
            scope: Some(InstrumentationScope {
                name: "toolgate.audit".to_owned(),
                version,
                ..InstrumentationScope::default()
            }),
            log_records,
            ..ScopeLogs::default()
        }],
        ..ResourceLogs::default()
    }
}

/// What is worth somebody's attention: a refusal, and what is wrong with the evidence.
fn severity(kind: &str, record: &Object) -> (SeverityNumber, &'static str) {
    let warns = match kind {
        "decision" => text(record, &["effect"])
            .is_none_or(|effect| effect == "deny" || effect == "require_approval"),
        "outcome" => text(record, &["status"]) != Some("ok"),
        "policy_refused" | "calls_refused" => true,
        "gap" | "log_repaired" => return (SeverityNumber::Error, "ERROR"),
        _ => false,
    };
    match warns {
        true => (SeverityNumber::Warn, "WARN"),
        false => (SeverityNumber::Info, "INFO"),
    }
}

fn attributes(record: &Object) -> Vec<KeyValue> {
    let texts = TEXTS
        .iter()
        .filter_map(|(path, name)| Some(texted(name, text(record, path)?)));
    let mut attributes: Vec<_> = texts.collect();
    if let Some(seq) = record.get("seq").and_then(Json::as_u64) {
        let seq = i64::try_from(seq).unwrap_or(i64::MAX);
        attributes.push(valued("toolgate.audit.seq", Value::IntValue(seq)));
    }
    let codes = record.get("reasons").and_then(Json::as_array);
    let codes = codes.unwrap_or_default().iter();
    let codes: Vec<_> = codes
        .filter_map(|reason| reason.get("code")?.as_str())
        .map(|code| any(Value::StringValue(code.to_owned())))
        .collect();
    if !codes.is_empty() {
        let values = Value::ArrayValue(ArrayValue { values: codes });
        attributes.push(valued("toolgate.reason_codes", values));
    }
    let method = text(record, &["method"]).unwrap_or_default();
    let named = NAMES.iter().find(|(of, _)| *of == method);
    if let (Some((_, attribute)), Some(name)) = (named, text(record, &["tool_name"])) {
        attributes.push(texted(attribute, name));
    }
    if method == "tools/call" {
        attributes.push(texted("gen_ai.operation.name", EXECUTE_TOOL));
    }
    match text(record, &["status"]) {
        None | Some("ok") => {}
        Some(status) => attributes.push(texted("error.type", status)),
    }
    attributes
}

fn text<'a>(record: &'a Object, path: &[&str]) -> Option<&'a str> {
    let (first, rest) = path.split_first()?;
    let mut value = record.get(first)?;
    for name in rest {
        value = value.get(name)?;
    }
    value.as_str()
}

fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(0)
}

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn valued(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(any(value)),
        ..KeyValue::default()
    }
}

fn texted(key: &str, text: &str) -> KeyValue {
    valued(key, Value::StringValue(text.to_owned()))
}

/// What a `traceparent` of W3C says.
#[derive(Default)]
struct Trace {
    trace_id: Vec<u8>,
    span_id: Vec<u8>,
    flags: u32,
}

impl Trace {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let _version = parts.next()?;
        let trace_id = bytes(parts.next()?, 16)?;
        let span_id = bytes(parts.next()?, 8)?;
        let flags = bytes(parts.next()?, 1)?;
        Some(Self {
            trace_id,
            span_id,
            flags: flags.first().copied().map_or(0, u32::from),
        })
    }
}

/// So many bytes in hexadecimal digits.
fn bytes(text: &str, length: usize) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.len() != 2 * length || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(byte).collect()
}
