use super::*;
use crate::model::json::{self, Limits};
use crate::obligation::{FIELD_BYTES_MAX, FIELDS_MAX};

fn parsed(text: &str) -> Result<Obligation, Reason> {
    parse(&json::parse(text.as_bytes(), Limits::REQUEST).unwrap())
}

#[test]
fn reads_what_rego_gives_and_writes_it_back() {
    for text in [
        r#"{"type":"mask_fields","fields":["email","/structuredContent/0/e~1mail"]}"#,
        r#"{"type":"drop_fields","fields":["ssn"]}"#,
        r#"{"type":"limit_rows","rows":100}"#,
        r#"{"type":"limit_bytes","bytes":1}"#,
        r#"{"type":"rewrite_arguments","patch":[{"op":"add","path":"","value":{}},{"op":"remove","path":"/a"},{"op":"replace","path":"/a","value":null},{"op":"move","from":"/a","path":"/b"},{"op":"copy","from":"/a","path":"/a/b"},{"op":"test","path":"/a","value":[1.0]}]}"#,
        r#"{"type":"audit","level":"basic","durable":true}"#,
        r#"{"type":"audit","level":"full","durable":false}"#,
    ] {
        assert_eq!(parsed(text).unwrap().to_json().to_string(), text);
    }
    let audit = Obligation::Audit {
        level: AuditLevel::Full,
        durable: false,
    };
    assert_eq!(parsed(r#"{"level":"full","type":"audit"}"#), Ok(audit));
}

#[test]
fn refuses_what_nobody_could_fulfil() {
    let cases = [
        ("[]", "an obligation must be an object with a `type`"),
        ("\"audit\"", "an obligation must be an object with a `type`"),
        ("{}", "the `type` of an obligation must be a string"),
        (
            r#"{"type":1}"#,
            "the `type` of an obligation must be a string",
        ),
        (
            r#"{"type":"mask_fields"}"#,
            "`fields` of `mask_fields` must be a list",
        ),
        (
            r#"{"type":"mask_fields","fields":"email"}"#,
            "`fields` of `mask_fields` must be a list",
        ),
        (
            r#"{"type":"drop_fields","fields":[]}"#,
            "`fields` of `drop_fields` must not be empty",
        ),
        (
            r#"{"type":"mask_fields","fields":[1]}"#,
            "`fields` of `mask_fields` must hold strings alone",
        ),
        (
            r#"{"type":"mask_fields","fields":[""]}"#,
            "`fields` of `mask_fields` holds an empty name",
        ),
        (
            r#"{"type":"mask_fields","fields":["/a~"]}"#,
            "`fields` of `mask_fields` holds a malformed JSON Pointer",
        ),
        (
            r#"{"type":"mask_fields","fields":["/structuredContent"]}"#,
            "`fields` of `mask_fields` holds a pointer to the whole `structuredContent`",
        ),
        (
            r#"{"type":"mask_fields","fields":["a"],"field":"b"}"#,
            "`mask_fields` has an unknown property: it takes `fields`",
        ),
        (
            r#"{"type":"limit_rows"}"#,
            "`rows` of `limit_rows` must be an integer from 1",
        ),
        (
            r#"{"type":"limit_rows","rows":0}"#,
            "`rows` of `limit_rows` must be an integer from 1",
        ),
        (
            r#"{"type":"limit_rows","rows":-1}"#,
            "`rows` of `limit_rows` must be an integer from 1",
        ),
        (
            r#"{"type":"limit_rows","rows":1.5}"#,
            "`rows` of `limit_rows` must be an integer from 1",
        ),
        (
            r#"{"type":"limit_rows","rows":"5"}"#,
            "`rows` of `limit_rows` must be an integer from 1",
        ),
        (
            r#"{"type":"limit_bytes","bytes":1e30}"#,
            "`bytes` of `limit_bytes` must be an integer from 1",
        ),
        (
            r#"{"type":"limit_bytes","bytes":1,"rows":1}"#,
            "`limit_bytes` has an unknown property: it takes `bytes`",
        ),
        (
            r#"{"type":"rewrite_arguments","patch":{}}"#,
            "`patch` of `rewrite_arguments` must be a list",
        ),
        (
            r#"{"type":"rewrite_arguments","patch":[]}"#,
            "`patch` of `rewrite_arguments` must not be empty",
        ),
        (
            r#"{"type":"rewrite_arguments","patch":[1]}"#,
            "`patch` of `rewrite_arguments` at 0: must be an object",
        ),
        (
            r#"{"type":"rewrite_arguments","patch":[{"op":"remove","path":"a"}]}"#,
            "`patch` of `rewrite_arguments` at 0: `path` must be a JSON Pointer",
        ),
        (
            r#"{"type":"rewrite_arguments","patch":[{"op":"remove","path":"/a"},{"op":"add","path":"/a"}]}"#,
            "`patch` of `rewrite_arguments` at 1: `value` is missing",
        ),
        (
            r#"{"type":"rewrite_arguments","patch":[{"op":"remove","path":"/a","value":1}]}"#,
            "`patch` of `rewrite_arguments` at 0: has a member that its `op` does not know",
        ),
        (
            r#"{"type":"rewrite_arguments","patch":[{"op":"remove","path":""}]}"#,
            "`patch` of `rewrite_arguments` at 0: removes the whole document",
        ),
        (
            r#"{"type":"rewrite_arguments","patch":[{"op":"move","from":"/a","path":"/a/b"}]}"#,
            "`patch` of `rewrite_arguments` at 0: moves a value into itself",
        ),
        (
            r#"{"type":"audit"}"#,
            "`level` of `audit` must be `basic` or `full`",
        ),
        (
            r#"{"type":"audit","level":"FULL"}"#,
            "`level` of `audit` must be `basic` or `full`",
        ),
        (
            r#"{"type":"audit","level":"full","durable":1}"#,
            "`durable` of `audit` must be a boolean",
        ),
        (
            r#"{"type":"audit","level":"full","to":"x"}"#,
            "`audit` has an unknown property: it takes `level` and `durable`",
        ),
    ];
    for (text, message) in cases {
        let expected = Code::ObligationInvalid.with_message(message);
        assert_eq!(parsed(text), Err(expected), "{text}");
    }
    for kind in ["redact", "Mask_Fields", "", "mask_fields "] {
        let text = format!(r#"{{"type":"{kind}","fields":["a"]}}"#);
        assert_eq!(
            parsed(&text),
            Err(Code::ObligationUnknown.reason()),
            "{kind}"
        );
    }
}

#[test]
fn refuses_what_is_over_a_limit() {
    let fields = |names: Vec<Json>| {
        Json::object([
            ("type", Json::from("mask_fields")),
            ("fields", Json::Array(names)),
        ])
    };
    let names = |count: usize| (0..count).map(|n| Json::from(format!("f{n}"))).collect();
    assert!(parse(&fields(names(FIELDS_MAX))).is_ok());
    assert_eq!(
        parse(&fields(names(FIELDS_MAX + 1))).unwrap_err().message,
        "`fields` of `mask_fields` may have at most 256 items"
    );
    let long = |bytes: usize| fields(vec![Json::from("x".repeat(bytes))]);
    assert!(parse(&long(FIELD_BYTES_MAX)).is_ok());
    assert_eq!(
        parse(&long(FIELD_BYTES_MAX + 1)).unwrap_err().message,
        "`fields` of `mask_fields` holds a name that is too long"
    );
    let patch = |operations: usize| {
        let remove = Json::object([("op", "remove"), ("path", "/a")]);
        let patch = Json::Array(vec![remove; operations]);
        Json::object([("type", Json::from("rewrite_arguments")), ("patch", patch)])
    };
    assert!(parse(&patch(PATCH_OPERATIONS_MAX)).is_ok());
    assert_eq!(
        parse(&patch(PATCH_OPERATIONS_MAX + 1)).unwrap_err().message,
        "`patch` of `rewrite_arguments` may have at most 64 items"
    );
}
