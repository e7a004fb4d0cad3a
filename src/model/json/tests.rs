use super::*;

const LIMITS: Limits = Limits {
    bytes_max: 1000,
    depth_max: 4,
    values_max: 1000,
};

fn error(text: &[u8]) -> String {
    parse(text, LIMITS).unwrap_err().to_string()
}

#[test]
fn keeps_what_was_written() {
    for text in [
        "null",
        "[]",
        "{}",
        r#"{"b":1,"a":[true,false,null,"x"]}"#,
        "9007199254740993",
        "-0",
        "1e400",
        "1.50",
        r#""\"\\\n\u0001é😀""#,
    ] {
        assert_eq!(parse(text.as_bytes(), LIMITS).unwrap().to_string(), text);
    }
    assert_eq!(
        parse(br#""\ud83d\ude00\/""#, LIMITS).unwrap(),
        Json::from("😀/")
    );
}

#[test]
fn refuses_what_is_not_strict() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "expected a value at byte 0"),
        (b"NaN", "expected a value at byte 0"),
        (b"01", "expected the end at byte 1"),
        (b"1.", "expected a digit at byte 2"),
        (b"-", "expected a digit at byte 1"),
        (b"+1", "expected a value at byte 0"),
        (b"[1,]", "expected a value at byte 3"),
        (b"{\"a\":1,}", "expected a key at byte 7"),
        (b"{a:1}", "expected a key at byte 1"),
        (b"{\"a\" 1}", "expected `:` at byte 5"),
        (b"[1 2]", "expected `,` or `]` at byte 3"),
        (b"{} {}", "expected the end at byte 3"),
        (b"\"a", "expected `\"` at byte 2"),
        (
            b"\"a\nb\"",
            "expected no control character in a string at byte 2",
        ),
        (b"\"\\x\"", "expected an escape at byte 2"),
        (b"\"\\u12g4\"", "expected four hexadecimal digits at byte 2"),
        (b"\"\\ud800\"", "lone surrogate at byte 1"),
        (b"\"\\udc00\"", "lone surrogate at byte 1"),
        (b"\"\\ud800\\u0041\"", "lone surrogate at byte 1"),
        (b"\xff", "invalid UTF-8 at byte 0"),
        (
            b"{\"a\":1,\"b\":{\"c\":1,\"\\u0063\":2}}",
            "duplicate key in the object at byte 11",
        ),
        (
            b"[[[[[1]]]]]",
            "nesting at byte 4 is deeper than the limit of 4",
        ),
        (b"1e1000", "number at byte 0 is out of range"),
        (b"\xef\xbb\xbf{}", "expected a value at byte 0"),
    ];
    for (text, expected) in cases {
        assert_eq!(error(text), *expected, "{}", String::from_utf8_lossy(text));
    }
    assert_eq!(
        error(&[b' '; 1001]),
        "document of 1001 bytes is over the limit of 1000"
    );
    let few = Limits {
        values_max: 3,
        ..LIMITS
    };
    assert!(parse(br#"{"a":[1]}"#, few).is_ok());
    assert_eq!(
        parse(br#"{"a":[1,2]}"#, few).unwrap_err().to_string(),
        "the value at byte 8 is beyond the limit of 3 values"
    );
    let many: String = (0..40).map(|n| format!("\"k{}\":0,", n % 39)).collect();
    let text = format!("{{{}\"z\":0}}", many);
    assert_eq!(
        error(text.as_bytes()),
        "duplicate key in the object at byte 0"
    );
}

#[test]
fn members_are_raw() {
    let text = br#" {"a": 1.0, "b":{"x": [ 1 ]} } "#;
    let found = members(text, LIMITS).unwrap();
    assert_eq!(
        found,
        [
            ("a".into(), &b"1.0"[..]),
            ("b".into(), &br#"{"x": [ 1 ]}"#[..])
        ]
    );
    assert_eq!(
        members(b"[]", LIMITS).unwrap_err().to_string(),
        "expected an object at byte 0"
    );
}

#[test]
fn canonical_sorts_by_utf16_and_keeps_numbers() {
    let text = r#"{"\ud83d\ude00": 1.0, "\uffee": {"b": 2, "a": "x\/"}, "1": 1e2}"#;
    let canonical = parse(text.as_bytes(), LIMITS).unwrap().canonical();
    let expected = "{\"1\":1e2,\"\u{1f600}\":1.0,\"\u{ffee}\":{\"a\":\"x/\",\"b\":2}}";
    assert_eq!(String::from_utf8(canonical).unwrap(), expected);
}
