use super::Given;
use crate::model::json::{Json, Limits, parse};

const WHOLE: &str = r#"{"version":1,"phase":"result","time":{"ns":1795168800000000000,"rfc3339":"2026-11-20T10:00:00Z"},"tenant":"acme","principal":{"id":"agent_a","user":"u:ann","agent":"a:claude","client":"c:ide","roles":["analyst"],"attributes":{"department":"finance"},"delegation":["u:ann"],"authenticated_by":"mtls","roles_from":"directory"},"mcp":{"server":"crm","method":"tools/call","name":"read","protocol":"2025-11-25"},"tool":{"untrusted_annotations":{"readOnlyHint":true},"definition_digest":"sha256:00"},"arguments":{"id":9007199254740993},"facts":{"dlp":[]},"session":{"id":"s","labels":["pii"]},"context":{"purpose":"billing"},"result":{"content":[]}}"#;

fn json(text: &str) -> Json {
    parse(text.as_bytes(), Limits::REQUEST).unwrap()
}

fn merge(base: &mut Json, name: &str, value: Option<&str>) {
    let (parent, last) = match name.rsplit_once('.') {
        Some((parent, last)) => (base.as_object_mut().unwrap().get_mut(parent).unwrap(), last),
        None => (base, name),
    };
    let object = parent.as_object_mut().unwrap();
    match value {
        Some(value) => drop(object.insert(last, json(value))),
        None => drop(object.remove(last)),
    }
}

#[test]
fn what_a_request_gives_is_read_back() {
    let whole = json(WHOLE);
    let given = Given::from_input(&whole).unwrap();
    let again =
        given
            .request
            .to_input(&given.facts.facts, &given.facts.labels, given.time.unwrap());
    assert_eq!(again, whole);
    let least = r#"{"version":1,"phase":"call","principal":{"id":"a"},"mcp":{"server":"s","method":"tools/list"},"session":{"id":""}}"#;
    let given = Given::from_input(&json(least)).unwrap();
    assert_eq!(given.time, None);
    assert_eq!(given.request.tenant, "default");
    assert_eq!(given.request.arguments(), None);
}

#[test]
fn what_is_wrong_is_named() {
    let cases: &[(&str, Option<&str>, &str)] = &[
        ("version", Some("2"), "`version` must be 1"),
        ("version", None, "`version` is missing"),
        (
            "phase",
            Some("\"cal\""),
            "`phase` must be one of `call`, `result`, `list`, `notification`, `server_request`, `client_answer`",
        ),
        (
            "phase",
            Some("\"call\""),
            "`result` is only for phase `result`",
        ),
        ("phase", None, "`phase` is missing"),
        ("result", None, "`result` is missing"),
        (
            "argument",
            Some("{}"),
            "`argument` is no member of the policy input: did you mean `arguments`?",
        ),
        ("xyz", Some("{}"), "`xyz` is no member of the policy input"),
        (
            "principal.rols",
            Some("[]"),
            "`principal.rols` is no member of the policy input: did you mean `principal.roles`?",
        ),
        ("principal.id", None, "`principal.id` is missing"),
        (
            "principal.id",
            Some("\"\""),
            "`principal.id` is empty: leave it out, or say what it is",
        ),
        (
            "principal.roles",
            Some("[1]"),
            "`principal.roles` must be an array of strings",
        ),
        (
            "principal.user",
            Some("null"),
            "`principal.user` is null: leave it out",
        ),
        (
            "principal.authenticated_by",
            Some("\"tls\""),
            "`principal.authenticated_by` must be one of `mtls`, `jwt`, `peer_uid`, `shim`, `local`",
        ),
        ("mcp", None, "`mcp` is missing"),
        ("mcp", Some("7"), "`mcp` must be an object, is number"),
        ("mcp.server", None, "`mcp.server` is missing"),
        (
            "mcp.name",
            Some("1"),
            "`mcp.name` must be a string, is number",
        ),
        (
            "time.ns",
            Some("1"),
            "`time.rfc3339` does not say the time of `time.ns`, 1970-01-01T00:00:00.000000001Z",
        ),
        (
            "time.ns",
            Some("1.5"),
            "`time.ns` must be whole nanoseconds since 1970",
        ),
        (
            "time.rfc3339",
            Some("\"noon\""),
            "`time.rfc3339` must be a time such as 2026-11-21T10:00:00Z",
        ),
        ("time", Some("{}"), "`time.ns` is missing"),
        ("facts", Some("[]"), "`facts` must be an object, is array"),
        (
            "session.lables",
            Some("[]"),
            "`session.lables` is no member of the policy input: did you mean `session.labels`?",
        ),
    ];
    for (name, value, expected) in cases {
        let mut input = json(WHOLE);
        merge(&mut input, name, *value);
        let error = Given::from_input(&input).unwrap_err();
        assert_eq!(error.to_string(), *expected, "{name} {value:?}");
    }
    let error = Given::from_input(&json("[]")).unwrap_err();
    assert_eq!(error.to_string(), "the input must be an object, is array");
}
