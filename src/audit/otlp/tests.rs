use super::*;
use crate::model::json::{Limits, parse};

fn object(text: &str) -> Object {
    let limits = Limits {
        bytes_max: 1 << 16,
        depth_max: 8,
        values_max: 1_000,
    };
    match parse(text.as_bytes(), limits).unwrap() {
        Json::Object(object) => object,
        other => panic!("{other:?}"),
    }
}

fn converted(text: &str) -> LogRecord {
    let observed = Timestamp::parse_rfc3339("2026-11-21T10:00:01Z").unwrap();
    log_record(text.as_bytes(), &object(text), observed)
}

fn shown(record: &LogRecord) -> Vec<String> {
    let value = |value: &AnyValue| match value.value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::ArrayValue(array) => format!("{} values", array.values.len()),
        other => panic!("{other:?}"),
    };
    let attributes = record.attributes.iter();
    attributes
        .map(|it| format!("{}={}", it.key, value(it.value.as_ref().unwrap())))
        .collect()
}

#[test]
fn a_decision_has_the_names_of_the_conventions() {
    let line = concat!(
        r#"{"seq":7,"type":"decision","time":"2026-11-21T10:00:00.000001Z","origin":"pdp/1","#,
        r#""decision_id":"d1","effect":"deny","method":"tools/call","tool_server":"crm","#,
        r#""tool_name":"read","session_id":"s1","principal":{"id":"a:1","user":"u:ann","agent":"a:1"},"#,
        r#""reasons":[{"code":"no_rule_allows","origin":"pdp"}],"#,
        r#""traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}"#
    );
    let record = converted(line);
    let mut attributes = shown(&record);
    attributes.sort();
    assert_eq!(
        attributes,
        [
            "gen_ai.agent.id=a:1",
            "gen_ai.operation.name=execute_tool",
            "gen_ai.tool.name=read",
            "mcp.method.name=tools/call",
            "mcp.session.id=s1",
            "toolgate.audit.origin=pdp/1",
            "toolgate.audit.seq=7",
            "toolgate.audit.type=decision",
            "toolgate.decision_id=d1",
            "toolgate.effect=deny",
            "toolgate.principal.id=a:1",
            "toolgate.reason_codes=1 values",
            "toolgate.tool_server=crm",
            "user.id=u:ann",
        ]
    );
    let body = record.body.unwrap().value.unwrap();
    assert_eq!(body, Value::StringValue(line.to_owned()));
    assert_eq!(record.event_name, "toolgate.audit.decision");
    assert_eq!(record.time_unix_nano, 1_795_255_200_000_001_000);
    assert_eq!(record.observed_time_unix_nano, 1_795_255_201_000_000_000);
    assert_eq!(record.severity_text, "WARN");
    assert_eq!(record.severity_number, i32::from(SeverityNumber::Warn));
    assert_eq!(
        (record.trace_id.len(), record.span_id.len(), record.flags),
        (16, 8, 1)
    );
    assert_eq!(record.trace_id[0], 0x0a);
}

#[test]
fn other_records_have_what_they_have() {
    for (line, severity, attribute) in [
        (
            r#"{"type":"decision","effect":"allow"}"#,
            "INFO",
            "toolgate.effect=allow",
        ),
        (
            r#"{"type":"decision","effect":"require_approval"}"#,
            "WARN",
            "toolgate.audit.type=decision",
        ),
        (
            r#"{"type":"outcome","status":"ok"}"#,
            "INFO",
            "toolgate.outcome.status=ok",
        ),
        (
            r#"{"type":"outcome","status":"tool_error"}"#,
            "WARN",
            "error.type=tool_error",
        ),
        (
            r#"{"type":"decision","effect":"allow","method":"resources/read","tool_name":"file:///a"}"#,
            "INFO",
            "mcp.resource.uri=file:///a",
        ),
        (
            r#"{"type":"decision","effect":"allow","method":"prompts/get","tool_name":"p"}"#,
            "INFO",
            "gen_ai.prompt.name=p",
        ),
        (r#"{"type":"gap"}"#, "ERROR", "toolgate.audit.type=gap"),
        (
            r#"{"type":"policy_refused"}"#,
            "WARN",
            "toolgate.audit.type=policy_refused",
        ),
        (
            r#"{"type":"heartbeat","traceparent":"00-xyz-1-01"}"#,
            "INFO",
            "toolgate.audit.type=heartbeat",
        ),
        (
            r#"{"type":"later","time":"soon"}"#,
            "INFO",
            "toolgate.audit.type=later",
        ),
    ] {
        let record = converted(line);
        assert_eq!(record.severity_text, severity, "{line}");
        assert!(
            shown(&record).contains(&attribute.to_owned()),
            "{line}: {:?}",
            shown(&record)
        );
        assert!(record.trace_id.is_empty() && record.span_id.is_empty());
        assert_eq!(record.time_unix_nano, 0);
    }
}

#[test]
fn a_request_names_the_log() {
    let logs = resource_logs("pdp/1", vec![converted(r#"{"type":"gap"}"#)]);
    let resource = logs.resource.unwrap();
    let of = |key: &str| {
        let found = resource.attributes.iter().find(|it| it.key == key);
        found.unwrap().value.clone().unwrap().value.unwrap()
    };
    assert_eq!(
        of("service.name"),
        Value::StringValue("toolgate".to_owned())
    );
    assert_eq!(
        of("service.instance.id"),
        Value::StringValue("pdp/1".to_owned())
    );
    assert_eq!(logs.scope_logs[0].log_records.len(), 1);
}
