use super::*;

const DEFINITION: &[u8] = br#"{"name":"sql","inputSchema":{"type":"object","properties":{
    "region":{"type":"string","x-mcp-header":"Region"},
    "where":{"type":"object","properties":{"limit":{"type":"integer","x-mcp-header":"Limit"}}},
    "dry":{"type":"boolean","x-mcp-header":"Dry"},
    "query":{"type":"string"}}}}"#;

/// What is called, with which headers, and what comes of it.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Result<(), Mismatch>);

fn headers(lines: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::try_from(*name).unwrap();
        headers.append(name, value.parse().unwrap());
    }
    headers
}

fn call<'a>(name: &'a str, params: &'a str) -> Mirrored<'a> {
    Mirrored {
        method: "tools/call",
        name: name.to_owned(),
        params: Some(params.as_bytes()),
        definition: Some(DEFINITION),
    }
}

#[test]
fn method_and_name_have_to_be_repeated() {
    use Mismatch::{Different, Missing, Unreadable};
    let name = || "mcp-name".to_owned();
    let method = || "mcp-method".to_owned();
    let cases: [Case<'_>; 11] = [
        (
            "a",
            &[("mcp-method", "tools/call"), ("Mcp-Name", "a")],
            Ok(()),
        ),
        (
            "ä",
            &[
                ("mcp-method", "tools/call"),
                ("mcp-name", "=?base64?w6Q=?="),
            ],
            Ok(()),
        ),
        (
            "=?base64?w6Q=?=",
            &[
                ("mcp-method", "tools/call"),
                ("mcp-name", "=?base64?w6Q=?="),
            ],
            Err(Different(name())),
        ),
        ("a", &[("mcp-name", "a")], Err(Missing(method()))),
        ("a", &[("mcp-method", "tools/call")], Err(Missing(name()))),
        (
            "a",
            &[("mcp-method", "tools/list"), ("mcp-name", "a")],
            Err(Different(method())),
        ),
        (
            "a",
            &[("mcp-method", "Tools/call"), ("mcp-name", "a")],
            Err(Different(method())),
        ),
        (
            "a",
            &[("mcp-method", "tools/call"), ("mcp-name", "A")],
            Err(Different(name())),
        ),
        (
            "a",
            &[
                ("mcp-method", "tools/call"),
                ("mcp-name", "a"),
                ("mcp-name", "b"),
            ],
            Err(Unreadable(name())),
        ),
        (
            "1",
            &[("mcp-method", "tools/call"), ("mcp-name", "2")],
            Err(Different(name())),
        ),
        (
            "a",
            &[("mcp-method", "tools/call"), ("mcp-name", "=?base64?w6Q?=")],
            Err(Different(name())),
        ),
    ];
    for (tool, lines, expected) in cases {
        assert_eq!(
            call(tool, "{}").check(&headers(lines)),
            expected,
            "{tool} {lines:?}"
        );
    }
    let list = Mirrored {
        method: "tools/list",
        name: String::new(),
        params: None,
        definition: None,
    };
    assert_eq!(
        list.check(&headers(&[("mcp-method", "tools/list")])),
        Ok(())
    );
}

#[test]
fn arguments_have_to_be_repeated_where_the_tool_says_so() {
    use Mismatch::{Different, Missing};
    let region = || "mcp-param-region".to_owned();
    let limit = || "mcp-param-limit".to_owned();
    let cases: [Case<'_>; 10] = [
        (r#"{"query":"x"}"#, &[], Ok(())),
        (r#"{"query":"x"}"#, &[("mcp-param-other", "y")], Ok(())),
        (r#"{"region":"eu"}"#, &[("Mcp-Param-Region", "eu")], Ok(())),
        (r#"{"region":"eu"}"#, &[], Err(Missing(region()))),
        (
            r#"{"region":"eu"}"#,
            &[("mcp-param-region", "us")],
            Err(Different(region())),
        ),
        (
            r#"{}"#,
            &[("mcp-param-region", "us")],
            Err(Different(region())),
        ),
        (r#"{"region":null}"#, &[], Ok(())),
        (
            r#"{"where":{"limit":42},"dry":true}"#,
            &[("mcp-param-limit", "42.0"), ("mcp-param-dry", "true")],
            Ok(()),
        ),
        (
            r#"{"where":{"limit":42}}"#,
            &[("mcp-param-limit", "43")],
            Err(Different(limit())),
        ),
        (
            r#"{"region":" padded "}"#,
            &[("mcp-param-region", "=?base64?IHBhZGRlZCA=?=")],
            Ok(()),
        ),
    ];
    for (arguments, lines, expected) in cases {
        let params = format!(r#"{{"name":"sql","arguments":{arguments}}}"#);
        let found = call("sql", &params).check_arguments(&headers(lines));
        assert_eq!(found, expected, "{arguments} {lines:?}");
    }
}

/// The encodings that the specification gives as examples.
#[test]
fn values_are_written_as_the_specification_has_them() {
    for (value, header) in [
        ("us-west1", "us-west1"),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ] {
        let params = Json::object([("region", value)]);
        let params = Json::object([("arguments", params)]).to_bytes();
        let params = String::from_utf8(params).unwrap();
        let message = call("sql", &params);
        let written = message.headers().unwrap();
        let written: HeaderMap = written.into_iter().collect();
        assert_eq!(written["mcp-method"], "tools/call");
        assert_eq!(written["mcp-name"], "sql");
        assert_eq!(written["mcp-param-region"], header);
        assert_eq!(message.check(&written), Ok(()));
        assert_eq!(message.check_arguments(&written), Ok(()));
    }
}

#[test]
fn a_value_that_is_too_long_is_not_repeated() {
    let params = format!(
        r#"{{"arguments":{{"region":"{}"}}}}"#,
        "x".repeat(VALUE_BYTES_MAX + 1)
    );
    let region = "mcp-param-region".to_owned();
    assert_eq!(
        call("sql", &params).headers(),
        Err(Mismatch::TooMuch(region))
    );
}
