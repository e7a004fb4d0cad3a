//! Results that try to carry a value past a mask: each is masked or withheld, never passed on.

use super::*;
use items::items;
use paths::paths;

mod items;
mod paths;

/// The value that must not get through, in whatever spelling.
const SECRET: &str = "ann@example.com";

/// What must become of a result.
#[derive(Clone, Copy, Debug)]
enum End {
    Masked,
    Withheld,
}
use End::{Masked, Withheld};

/// A result with one text item.
fn text(text: &str) -> Json {
    tool_result("", &[text])
}

/// A result with one field of this value.
fn field(text: &str) -> Json {
    tool_result(&Json::object([("note", text)]).to_string(), &[])
}

fn structured(document: &str) -> Json {
    tool_result(document, &[])
}

fn item(item: &str) -> Json {
    read(&format!(r#"{{"content":[{item}]}}"#))
}

/// Names that a reader takes for the listed one, and documents in text.
fn names_and_documents() -> Vec<(&'static str, Json, End)> {
    let json = r#"{"email":"ann@example.com"}"#;
    vec![
        (
            "escaped name",
            text(r#"{"\u0065mail":"ann@example.com"}"#),
            Masked,
        ),
        (
            "escaped name, structured",
            structured(r#"{"\u0065\u006dail":"ann@example.com"}"#),
            Masked,
        ),
        (
            "name escaped twice",
            structured(r#"{"\\u0065mail":"ann@example.com"}"#),
            Masked,
        ),
        (
            "upper case",
            structured(r#"{"EMAIL":"ann@example.com"}"#),
            Masked,
        ),
        (
            "separators",
            structured(r#"{"e_mail":"ann@example.com","e-Mail":"ann@example.com"}"#),
            Masked,
        ),
        (
            "spaces around",
            structured(r#"{" email ":"ann@example.com"}"#),
            Masked,
        ),
        (
            "zero-width space",
            structured("{\"e\u{200b}mail\":\"ann@example.com\"}"),
            Masked,
        ),
        (
            "soft hyphen",
            structured("{\"e\u{ad}mail\":\"ann@example.com\"}"),
            Masked,
        ),
        (
            "byte order mark",
            structured("{\"\u{feff}email\":\"ann@example.com\"}"),
            Masked,
        ),
        (
            "right-to-left override",
            structured("{\"\u{202e}email\":\"ann@example.com\"}"),
            Masked,
        ),
        (
            "NUL",
            structured(r#"{"email\u0000":"ann@example.com"}"#),
            Masked,
        ),
        (
            "fullwidth",
            structured("{\"ｅｍａｉｌ\":\"ann@example.com\"}"),
            Masked,
        ),
        (
            "mathematical",
            structured("{\"𝖾𝗆𝖺𝗂𝗅\":\"ann@example.com\"}"),
            Masked,
        ),
        (
            "Cyrillic",
            structured("{\"еmаil\":\"ann@example.com\"}"),
            Masked,
        ),
        (
            "Greek",
            structured("{\"emαιl\":\"ann@example.com\"}"),
            Masked,
        ),
        (
            "dotted capital I",
            structured("{\"EMAİL\":\"ann@example.com\"}"),
            Masked,
        ),
        (
            "combining mark",
            structured("{\"e\u{301}mail\":\"ann@example.com\"}"),
            Masked,
        ),
        (
            "path",
            structured(r#"{"user.email":"ann@example.com","contact[email]":"ann@example.com"}"#),
            Masked,
        ),
        (
            "prefix",
            structured(r#"{"@email":"ann@example.com","ns:email":"ann@example.com"}"#),
            Masked,
        ),
        (
            "percent",
            structured(r#"{"%65mail":"ann@example.com"}"#),
            Masked,
        ),
        (
            "duplicate names in text",
            text(r#"{"email":"***","email":"ann@example.com"}"#),
            Withheld,
        ),
        (
            "document below",
            structured(r#"{"a":{"b":[{"email":{"c":"ann@example.com"}}]}}"#),
            Masked,
        ),
        ("document in a string", field(json), Masked),
        (
            "document in strings",
            field(&Json::from(Json::from(json).to_string()).to_string()),
            Masked,
        ),
        (
            "lines in a string",
            field("{\"a\":1}\n{\"email\":\"ann@example.com\"}"),
            Masked,
        ),
        (
            "document as a name",
            structured(r#"{"{\"email\":\"ann@example.com\"}":1}"#),
            Withheld,
        ),
        (
            "label as a name",
            structured(r#"{"email: ann@example.com":1}"#),
            Withheld,
        ),
        (
            "JSON lines",
            text("{\"a\":1}\n{\"email\":\"ann@example.com\"}\n"),
            Masked,
        ),
        (
            "bare string",
            text(r#""{\"email\":\"ann@example.com\"}""#),
            Masked,
        ),
        (
            "structured string",
            read(r#"{"structuredContent":"{\"email\":\"ann@example.com\"}"}"#),
            Masked,
        ),
        (
            "copy otherwise spelled",
            tool_result(json, &[r#"{ "E-MAIL" : "ann@example.com" }"#]),
            Masked,
        ),
        (
            "copy in prose",
            tool_result(json, &["Ann's address is ann@example.com"]),
            Withheld,
        ),
    ]
}

/// Text that is no JSON document.
fn texts() -> Vec<(&'static str, Json, End)> {
    vec![
        (
            "fenced",
            text("```json\n{\"email\":\"ann@example.com\"}\n```"),
            Withheld,
        ),
        (
            "after prose",
            text("Found: {\"email\":\"ann@example.com\"}"),
            Withheld,
        ),
        (
            "two documents",
            text("{} {\"email\":\"ann@example.com\"}"),
            Withheld,
        ),
        (
            "comment",
            text("{\"email\":\"ann@example.com\"} // x"),
            Withheld,
        ),
        (
            "trailing comma",
            text("{\"email\":\"ann@example.com\",}"),
            Withheld,
        ),
        (
            "single quotes",
            text("{'email':'ann@example.com'}"),
            Withheld,
        ),
        ("CSV", text("id,email\n1,ann@example.com"), Withheld),
        ("YAML", text("email: ann@example.com"), Withheld),
        ("XML", text("<email>ann@example.com</email>"), Withheld),
        ("prose", text("write to ann@example.com"), Withheld),
        (
            "text in an error",
            read(r#"{"code":-1,"message":"no ann@example.com"}"#),
            Withheld,
        ),
        (
            "text in an error's data",
            read(r#"{"code":-1,"message":"{}","data":"ann@example.com"}"#),
            Withheld,
        ),
        (
            "fenced in a field",
            field("```json\n{\"email\":\"ann@example.com\"}\n```"),
            Withheld,
        ),
        (
            "escaped after prose in a field",
            field(r#"x {"\u0065mail":"ann@example.com"}"#),
            Withheld,
        ),
        (
            "two documents in a field",
            field(r#"{}{"\u0065mail":"ann@example.com"}"#),
            Withheld,
        ),
        (
            "CSV in a field",
            field("id,email\n1,ann@example.com"),
            Withheld,
        ),
        (
            "quoted CSV in a field",
            field("\"id\";\"E-Mail\"\n\"1\";\"ann@example.com\""),
            Withheld,
        ),
        (
            "TSV in a field",
            field("id\temail\n1\tann@example.com"),
            Withheld,
        ),
        (
            "aligned in a field",
            field("id  email\n1   ann@example.com"),
            Withheld,
        ),
        (
            "spaced in a field",
            field("id email\n1 ann@example.com"),
            Withheld,
        ),
        (
            "Markdown in a field",
            field("| id | email |\n|--|--|\n| 1 | ann@example.com |"),
            Withheld,
        ),
        (
            "heading in a field",
            field("## Email\nann@example.com"),
            Withheld,
        ),
        (
            "attribute in a field",
            field("<a email=ann@example.com>"),
            Withheld,
        ),
        (
            "fullwidth colon in a field",
            field("email：ann@example.com"),
            Withheld,
        ),
        (
            "zero-width in a label",
            field("e\u{200b}mail: ann@example.com"),
            Withheld,
        ),
        ("Cyrillic label", field("еmail: ann@example.com"), Withheld),
        ("entity", field("&#101;mail: ann@example.com"), Withheld),
        (
            "query",
            field("https://x/?%65mail=ann@example.com"),
            Withheld,
        ),
        (
            "columns",
            structured(r#"{"columns":["id","email"],"rows":[[1,"ann@example.com"]]}"#),
            Withheld,
        ),
        (
            "column objects",
            structured(r#"{"columns":[{"name":"email"}],"rows":[["ann@example.com"]]}"#),
            Withheld,
        ),
        (
            "pairs",
            structured(r#"[["email","ann@example.com"]]"#),
            Withheld,
        ),
        (
            "name and value",
            structured(r#"{"system":"email","value":"ann@example.com"}"#),
            Withheld,
        ),
        (
            "named in text",
            text(r#"[{"key":"Email","x":"ann@example.com"}]"#),
            Withheld,
        ),
    ]
}

#[test]
fn no_hostile_result_gets_a_listed_value_through() {
    let cases = [names_and_documents(), texts(), items(), paths()].concat();
    assert!(cases.len() >= 60);
    for (what, given, end) in cases {
        for obligations in ["mask email", "drop E-Mail"] {
            match (applied(&given, obligations), end) {
                (Ok(after), Masked) => {
                    let after = after.to_string().replace('\\', "");
                    assert!(!after.contains(SECRET), "{what}, {obligations}: {after}");
                }
                (Err(_), Withheld) => {}
                (other, end) => panic!("{what}, {obligations}: {end:?} expected, not {other:?}"),
            }
        }
    }
}

/// The documentation says what a mask by name does not hold: a server that lies about its fields.
#[test]
fn a_server_that_renames_a_field_is_not_held_by_names() {
    let renamed = structured(r#"{"contact":"ann@example.com"}"#);
    assert_eq!(applied(&renamed, "mask email"), Ok(renamed.clone()));
    assert_eq!(applied(&renamed, "bytes 10"), Err(Cause::TooLarge));
}

#[test]
fn honest_results_are_not_withheld() {
    let cases = [
        r#"{"id":"0199c4f2-7a3e-7d10-9c3b-1f2e3d4c5b6a","status":"active","tags":["a","b"]}"#,
        r#"{"note":"called twice: prefers mornings; send an email, or call","at":"2026-11-21T10:00:00Z"}"#,
        r#"{"url":"https://example.com/users/17?tab=orders#top","sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}"#,
        r#"{"channel":"email","count":3}"#,
        r#"{"name":"Größe","größe":"12 cm","straße":"Hauptstraße 1"}"#,
        r#"{"signature":"MEUCIQDx4b8t6y5bH1m0vQ7eYk6c2dJ8z3w1mN0p9q8r7s6t5gIgYzX"}"#,
    ];
    for document in cases {
        let given = tool_result(document, &[document]);
        assert_eq!(
            applied(&given, "mask email,ssn"),
            Ok(given.clone()),
            "{document}"
        );
    }
    let roles = read(
        r#"{"messages":[{"role":"user","content":{"type":"text","text":"{}","annotations":{"audience":["user","assistant"]}}}]}"#,
    );
    assert_eq!(applied(&roles, "mask user"), Ok(roles.clone()));
}
