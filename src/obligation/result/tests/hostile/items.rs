//! Surfaces of a result that are no text items.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

/// Members of items, and content that is no text.
pub(super) fn items() -> Vec<(&'static str, Json, End)> {
    let json = r#"{"email":"ann@example.com"}"#;
    let link = |member: &str, value: &str| {
        let mut link = read(r#"{"type":"resource_link","uri":"x","name":"n"}"#);
        link.as_object_mut().unwrap().insert(member, value);
        item(&link.to_string())
    };
    let token = format!("h.{}.s", URL_SAFE_NO_PAD.encode(json));
    let png = STANDARD.encode([b"\x89PNG\r\n\x1a\n".as_slice(), SECRET.as_bytes()].concat());
    vec![
        (
            "label in a description",
            link("description", "email: ann@example.com"),
            Withheld,
        ),
        (
            "document in a description",
            link("description", json),
            Masked,
        ),
        (
            "label in a title",
            link("title", "Email = ann@example.com"),
            Withheld,
        ),
        (
            "query in a uri",
            link("uri", "crm://x?email=ann@example.com"),
            Withheld,
        ),
        (
            "data uri",
            link("uri", "data:text/plain,ann@example.com"),
            Withheld,
        ),
        (
            "data uri, base64",
            link(
                "uri",
                &format!("data:application/json;base64,{}", encoded(json)),
            ),
            Withheld,
        ),
        (
            "parameter of a mimeType",
            link("mimeType", "text/plain; email=ann@example.com"),
            Withheld,
        ),
        ("listed name of a link", link("name", "email"), Withheld),
        ("unknown member", link("email", "ann@example.com"), Masked),
        (
            "annotations",
            item(r#"{"type":"text","text":"{}","annotations":{"email":"ann@example.com"}}"#),
            Masked,
        ),
        (
            "_meta of an item",
            item(r#"{"type":"text","text":"{}","_meta":{"x/email":"ann@example.com"}}"#),
            Masked,
        ),
        (
            "_meta",
            read(r#"{"content":[],"_meta":{"a":{"email":"ann@example.com"}}}"#),
            Masked,
        ),
        (
            "label in _meta",
            read(r#"{"content":[],"_meta":{"a":"email: ann@example.com"}}"#),
            Withheld,
        ),
        (
            "image",
            item(r#"{"type":"image","data":"YW5u","mimeType":"image/png"}"#),
            Withheld,
        ),
        (
            "audio",
            item(r#"{"type":"audio","data":"YW5u","mimeType":"audio/wav"}"#),
            Withheld,
        ),
        (
            "blob",
            item(r#"{"type":"resource","resource":{"uri":"x","blob":"YW5u"}}"#),
            Withheld,
        ),
        (
            "embedded text",
            item(r#"{"type":"resource","resource":{"uri":"x","text":"ann@example.com"}}"#),
            Withheld,
        ),
        (
            "embedded document",
            item(
                r#"{"type":"resource","resource":{"uri":"x","text":"{\"email\":\"ann@example.com\"}"}}"#,
            ),
            Masked,
        ),
        (
            "second text",
            item(r#"{"type":"text","text":"{}","Text":"ann@example.com"}"#),
            Withheld,
        ),
        (
            "second embedded text",
            item(
                r#"{"type":"resource","resource":{"uri":"x","text":"{}","te\u200bxt":"ann@example.com"}}"#,
            ),
            Withheld,
        ),
        (
            "unknown type",
            item(r#"{"type":"video","data":"ann@example.com"}"#),
            Withheld,
        ),
        (
            "text that is no string",
            item(r#"{"type":"text","text":["ann@example.com"]}"#),
            Withheld,
        ),
        (
            "content that is no array",
            read(r#"{"content":{"type":"text","text":"ann@example.com"}}"#),
            Withheld,
        ),
        (
            "second content",
            read(r#"{"content":[],"Content":[{"type":"text","text":"ann@example.com"}]}"#),
            Withheld,
        ),
        ("base64 in a field", field(&encoded(json)), Withheld),
        ("token in a field", field(&token), Withheld),
        (
            "base64 within prose in a field",
            field(&format!("see {} there", encoded(json))),
            Withheld,
        ),
        ("picture in a field", field(&png), Withheld),
        (
            "bytes in a field",
            field(&encoded(&"\u{1}ann@example.com".repeat(100))),
            Withheld,
        ),
    ]
}
