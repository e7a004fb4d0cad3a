//! What is never forwarded.

use super::*;

#[test]
fn withholds_text_that_cannot_be_read() {
    let masks = [
        "call Ann at 555",
        "42",
        "\"x\"",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1,}",
        "{\"a\":1} {\"a\":2}",
        "id,email\n1,a@b.c",
        "{\"a\":1}\nnot json",
        "[1e1000]",
        "```json\n{\"email\":1}\n```",
        "true",
    ];
    for text in masks {
        for obligations in ["mask email", "drop /email", "mask email; rows 9"] {
            let given = tool_result("", &["{}", text]);
            assert_eq!(
                applied(&given, obligations),
                Err(Cause::Unreadable),
                "{obligations}: {text}"
            );
        }
        let error = read(&format!(
            r#"{{"isError":true,"content":[{{"type":"text","text":{}}}]}}"#,
            Json::from(text)
        ));
        assert_eq!(
            applied(&error, "mask email"),
            Err(Cause::Unreadable),
            "{text}"
        );
        let error = Json::object([("code", Json::from(1_u64)), ("message", text.into())]);
        assert_eq!(
            applied(&error, "mask email"),
            Err(Cause::Unreadable),
            "{text}"
        );
    }
    let rows = [
        "1\n2\n3",
        "rows: [{},{},{}]",
        "| a |",
        "<tr></tr>",
        "a\tb",
        "{\"a\":1,\"a\":2}",
    ];
    for text in rows {
        assert_eq!(
            applied(&tool_result("", &[text]), "rows 2"),
            Err(Cause::Unreadable),
            "{text}"
        );
    }
}

#[test]
fn withholds_strings_that_show_a_listed_field() {
    let cases = [
        ("email", r#"{"email": "a",}"#),
        ("email", "{'email': 'a'}"),
        ("email", "found: {\"email\": 1}"),
        ("email", "phone 5, Email : a@b.c"),
        ("email", "x?email=a"),
        ("email", "<p><email>a</email>"),
        ("email", "| id | **email** |\n|---|---|"),
        ("email", "\\\"email\\\": 1"),
        ("email", "{\"a\":1,\"a\":2}"),
        ("first name", "First name Ann"),
        ("straße", "straße: 1"),
        ("e.mail", "his e.mail is x"),
        ("email", " \u{feff}{\"a\":"),
        ("email", "[ [{\"a\""),
        // Two cells of a table, in a string of a string.
        ("ssn", "\"ssn  a\""),
    ];
    for (name, text) in cases {
        let structured = Json::object([("note", text)]).to_string();
        let given = tool_result(&structured, &[]);
        assert_eq!(
            applied(&given, &format!("mask {name}")),
            Err(Cause::Unreadable),
            "{text}"
        );
        let key = Json::object([(text, 1_u64)]).to_string();
        if text.starts_with("{\"") {
            let given = tool_result(&key, &[]);
            assert_eq!(
                applied(&given, "mask email"),
                Err(Cause::Unreadable),
                "{key}"
            );
        }
    }
    let passes = ["customer_email: x", "emails: x", "an email", "email"];
    for text in passes {
        let given = tool_result(&Json::object([("note", text)]).to_string(), &[]);
        assert_eq!(applied(&given, "mask email"), Ok(given.clone()), "{text}");
    }
}

#[test]
fn withholds_content_that_is_not_text() {
    let cases = [
        (
            r#"{"type":"image","data":"AA==","mimeType":"image/png"}"#,
            Cause::Binary,
        ),
        (
            r#"{"type":"audio","data":"AA==","mimeType":"audio/wav"}"#,
            Cause::Binary,
        ),
        (
            r#"{"type":"resource","resource":{"uri":"x","blob":"AA=="}}"#,
            Cause::Binary,
        ),
        (
            r#"{"type":"resource","resource":{"uri":"x"}}"#,
            Cause::UnknownContent,
        ),
        (
            r#"{"type":"resource","resource":"free"}"#,
            Cause::UnknownContent,
        ),
        (
            r#"{"type":"resource","resource":{"text":"free"}}"#,
            Cause::Unreadable,
        ),
        (r#"{"type":"text"}"#, Cause::UnknownContent),
        (r#"{"type":"text","text":1}"#, Cause::UnknownContent),
        (r#"{"type":"video","text":"{}"}"#, Cause::UnknownContent),
        (r#"{"text":"{}"}"#, Cause::UnknownContent),
        ("null", Cause::UnknownContent),
        (r#""{}""#, Cause::UnknownContent),
    ];
    for (item, cause) in cases {
        let given = read(&format!(r#"{{"content":[{item}]}}"#));
        assert_eq!(applied(&given, "mask email"), Err(cause), "{item}");
        assert_eq!(applied(&given, "bytes 999"), Ok(given.clone()), "{item}");
    }
}

#[test]
fn withholds_what_a_pointer_finds_in_one_layout_alone() {
    let wrapped = r#"{"result":[{"email":"a"}]}"#;
    let cases = [
        (
            "mask /result/0/email",
            wrapped,
            r#"{"email":"a"}"#,
            Err(Cause::Ambiguous),
        ),
        (
            "mask /email",
            wrapped,
            r#"{"email":"a"}"#,
            Err(Cause::Ambiguous),
        ),
        (
            "drop /structuredContent/result",
            wrapped,
            r#"[{"email":"a"}]"#,
            Err(Cause::Ambiguous),
        ),
        ("mask email", wrapped, r#"{"email":"a"}"#, Ok(())),
        ("mask /other", wrapped, r#"{"email":"a"}"#, Ok(())),
        ("mask /email", r#"{"email":null}"#, "{}", Ok(())),
    ];
    for (obligations, structured, text, expected) in cases {
        let given = tool_result(structured, &[text]);
        assert_eq!(
            applied(&given, obligations).map(drop),
            expected,
            "{obligations}: {text}"
        );
    }
}
