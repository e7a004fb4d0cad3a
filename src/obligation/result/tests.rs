use super::*;
use crate::model::json::{self, Limits};
use crate::obligation::{NESTING_MAX, parse};

mod hostile;
mod withheld;

fn read(text: &str) -> Json {
    json::parse(text.as_bytes(), Limits::REQUEST).unwrap()
}

/// Obligations in short: `mask a,b`, `drop a`, `rows 3`, `bytes 9`, joined by `;`.
fn owed(text: &str) -> Vec<Obligation> {
    let one = |part: &str| {
        let (kind, rest) = part.trim().split_once(' ').unwrap();
        let fields = || rest.split(',').map(str::to_owned).collect();
        match kind {
            "mask" => Obligation::MaskFields { fields: fields() },
            "drop" => Obligation::DropFields { fields: fields() },
            "rows" => Obligation::LimitRows {
                rows: rest.parse().unwrap(),
            },
            "bytes" => Obligation::LimitBytes {
                bytes: rest.parse().unwrap(),
            },
            other => panic!("no such kind: {other}"),
        }
    };
    text.split(';').map(one).collect()
}

/// A tool result with these texts as `content`, and `structuredContent` unless it is empty.
fn tool_result(structured: &str, texts: &[&str]) -> Json {
    let item = |text: &&str| Json::object([("type", "text"), ("text", text)]);
    let mut result = json::Object::new();
    result.insert("content", Json::array(texts.iter().map(item)));
    if !structured.is_empty() {
        result.insert("structuredContent", read(structured));
    }
    result.into()
}

fn applied(result: &Json, obligations: &str) -> Result<Json, Cause> {
    let obligations = owed(obligations);
    let once = apply(result, &obligations).map_err(|withheld| withheld.cause)?;
    let after = once.result.unwrap_or_else(|| result.clone());
    let again = apply(&after, &obligations).unwrap();
    assert_eq!(again, Applied::default(), "applied twice: {result}");
    Ok(after)
}

#[test]
fn edits_structured_content_and_its_copies() {
    let person = r#"{"name":"Ann","Email":"a@b.c","phone":5,"more":{"email":{"x":"a@b.c"}}}"#;
    let masked = r#"{"name":"Ann","Email":"***","phone":5,"more":{"email":null}}"#;
    let dropped = r#"{"name":"Ann","phone":5,"more":{}}"#;
    let list = r#"[{"id":1,"email":"a"},{"id":2,"email":"b"},{"id":3,"email":"c"}]"#;
    let cases = [
        ("mask email", person, masked),
        ("drop EMAIL", person, dropped),
        ("mask email; drop email", person, dropped),
        (
            "mask /more/email",
            person,
            r#"{"name":"Ann","Email":"a@b.c","phone":5,"more":{"email":null}}"#,
        ),
        (
            "drop /structuredContent/more",
            person,
            r#"{"name":"Ann","Email":"a@b.c","phone":5}"#,
        ),
        ("mask /email", person, person),
        ("mask absent", person, person),
        (
            "mask /structuredContent/1/email",
            list,
            r#"[{"id":1,"email":"a"},{"id":2,"email":"***"},{"id":3,"email":"c"}]"#,
        ),
        (
            "drop /1; mask email",
            list,
            r#"[{"id":1,"email":"***"},null,{"id":3,"email":"***"}]"#,
        ),
        (
            "rows 2",
            list,
            r#"[{"id":1,"email":"a"},{"id":2,"email":"b"}]"#,
        ),
        ("rows 1; mask /2/email", list, r#"[{"id":1,"email":"a"}]"#),
        ("rows 3", list, list),
        (
            "rows 1",
            r#"{"columns":["a","b"],"rows":[[1,2],[3,4]],"data":{"deep":[{"x":[{},{}]},{}]}}"#,
            r#"{"columns":["a","b"],"rows":[[1,2]],"data":{"deep":[{"x":[{}]}]}}"#,
        ),
        // Documents within the strings of a document, as `json.dumps` in a tool makes them.
        (
            "mask email",
            r#"{"result":"{\"email\":\"a\",\"in\":\"[{\\\"email\\\":1}]\"}"}"#,
            r#"{"result":"{\"email\":\"***\",\"in\":\"[{\\\"email\\\":null}]\"}"}"#,
        ),
        (
            "drop email; rows 1",
            r#"{"result":"{\"email\":1}\n{\"email\":2}\n"}"#,
            r#"{"result":"{}\n"}"#,
        ),
        // What was masked is not taken for a name, though no other letters are left.
        (
            "mask email",
            r#"{"result":["{\"email\":\"a\"}",1],"name":"[{\"email\":1}]"}"#,
            r#"{"result":["{\"email\":\"***\"}",1],"name":"[{\"email\":null}]"}"#,
        ),
        (
            "mask email",
            r#"["\"{\\\"email\\\":\\\"a\\\"}\"",null]"#,
            r#"["\"{\\\"email\\\":\\\"***\\\"}\"",null]"#,
        ),
        // Strings that are not JSON are the values of their own fields.
        (
            "mask email",
            r#"{"note":"[draft] send email to {name}, at 10:30 https://x"}"#,
            r#"{"note":"[draft] send email to {name}, at 10:30 https://x"}"#,
        ),
        (
            "mask result",
            r#"{"result":"[{broken"}"#,
            r#"{"result":"***"}"#,
        ),
        // Members of the frame are names like any other within a document.
        (
            "mask text,content,type",
            r#"{"text":"t","content":[1],"type":2,"kept":3}"#,
            r#"{"text":"***","content":null,"type":null,"kept":3}"#,
        ),
    ];
    for (obligations, before, after) in cases {
        let given = tool_result(before, &[before]);
        let expected = tool_result(after, &[after]);
        assert_eq!(
            applied(&given, obligations),
            Ok(expected),
            "{obligations}: {before}"
        );
    }
}

#[test]
fn edits_every_text() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        // What does not change keeps its bytes, even beside what does.
        (
            "mask email",
            &["{ \"a\" : 1 }", "{ \"email\" : 1 }", " \n", "***"],
            &["{ \"a\" : 1 }", "{\"email\":null}", " \n", "***"],
        ),
        (
            "mask email",
            &["{\"email\":1}\r\n\r\n[ {\"a\":2} ]\n"],
            &["{\"email\":null}\n\r\n[ {\"a\":2} ]\n"],
        ),
        (
            "mask email",
            &[r#""{\"email\":1}""#],
            &[r#""{\"email\":null}""#],
        ),
        (
            "mask /email",
            &[r#"{"email":1}"#, r#"{"other":1}"#],
            &[r#"{"email":null}"#, r#"{"other":1}"#],
        ),
        ("rows 2", &["{}\n{}\n{}\n"], &["{}\n{}\n"]),
        (
            "rows 2",
            &[r#"{"a":1}"#, "[]", r#"{"a":2}"#, "plain"],
            &[r#"{"a":1}"#, "[]"],
        ),
        ("rows 2", &["two\nlines"], &["two\nlines"]),
        ("rows 2", &["42"], &["42"]),
        ("bytes 1000", &["plain"], &["plain"]),
    ];
    for (obligations, before, after) in cases {
        let expected = tool_result("", after);
        assert_eq!(
            applied(&tool_result("", before), obligations),
            Ok(expected),
            "{obligations} {before:?}"
        );
    }
}

#[test]
fn edits_every_surface() {
    let cases = [
        (
            "mask email",
            r#"{"content":[{"type":"text","text":"{\"email\":1}","email":"x","annotations":{"email":"y"}}],"_meta":{"email":"z"},"isError":true}"#,
            r#"{"content":[{"type":"text","text":"{\"email\":null}","email":"***","annotations":{"email":"***"}}],"_meta":{"email":"***"},"isError":true}"#,
        ),
        (
            "drop email,uri",
            r#"{"content":[{"type":"resource","resource":{"uri":"x","text":"[{\"email\":1,\"a\":2}]"}}]}"#,
            r#"{"content":[{"type":"resource","resource":{"text":"[{\"a\":2}]"}}]}"#,
        ),
        (
            "mask name,type",
            r#"{"content":[{"type":"resource_link","uri":"x","name":"n","description":"d"}]}"#,
            r#"{"content":[{"type":"resource_link","uri":"x","name":"***","description":"d"}]}"#,
        ),
        (
            "drop content,structuredContent,isError,type,text,resource,_meta",
            r#"{"content":[{"type":"text","text":"{\"text\":1}"}],"structuredContent":{},"isError":false,"_meta":{}}"#,
            r#"{"content":[{"type":"text","text":"{}"}],"structuredContent":{},"isError":false}"#,
        ),
        (
            "mask /_meta/trace",
            r#"{"content":[],"_meta":{"trace":"t","a":1}}"#,
            r#"{"content":[],"_meta":{"trace":"***","a":1}}"#,
        ),
        (
            "mask /content/0/text",
            r#"{"content":[{"type":"text","text":"free"}]}"#,
            r#"{"content":[{"type":"text","text":"***"}]}"#,
        ),
        (
            "mask email",
            r#"{"contents":[{"uri":"x","text":"{\"email\":1}"}]}"#,
            r#"{"contents":[{"uri":"x","text":"{\"email\":null}"}]}"#,
        ),
        (
            "mask email",
            r#"{"messages":[{"role":"user","content":{"type":"text","text":"{\"email\":1}"}}]}"#,
            r#"{"messages":[{"role":"user","content":{"type":"text","text":"{\"email\":null}"}}]}"#,
        ),
        (
            "mask email",
            r#"{"code":-1,"message":"{}","data":{"email":"x"}}"#,
            r#"{"code":-1,"message":"{}","data":{"email":"***"}}"#,
        ),
        (
            "mask email",
            r#"{"content":[],"structuredContent":"{\"email\":1}"}"#,
            r#"{"content":[],"structuredContent":"{\"email\":null}"}"#,
        ),
        (
            "mask email,/0/a",
            r#"[{"email":1,"a":"x"}]"#,
            r#"[{"email":null,"a":"***"}]"#,
        ),
        ("mask email", r#""{\"email\":1}""#, r#""{\"email\":null}""#),
        ("mask email", "7", "7"),
    ];
    for (obligations, before, after) in cases {
        assert_eq!(
            applied(&read(before), obligations),
            Ok(read(after)),
            "{obligations}: {before}"
        );
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| {
        (0..levels).fold(r#"{"email":"a"}"#.to_owned(), |inner, _| {
            Json::object([("in", inner)]).to_string()
        })
    };
    let given = tool_result(&nested(NESTING_MAX), &[]);
    let after = applied(&given, "drop email").unwrap();
    assert!(!after.to_string().contains("email"));
    let given = tool_result(&nested(NESTING_MAX + 1), &[]);
    assert_eq!(applied(&given, "drop email"), Err(Cause::TooNested));
}

#[test]
fn limits_bytes_of_what_is_forwarded() {
    let given = read(r#"{"email":"0123456789"}"#);
    assert_eq!(applied(&given, "bytes 22"), Ok(given.clone()));
    assert_eq!(applied(&given, "bytes 21"), Err(Cause::TooLarge));
    assert_eq!(
        applied(&given, "bytes 15; mask email"),
        Ok(read(r#"{"email":"***"}"#))
    );
    assert_eq!(
        applied(&given, "bytes 14; mask email"),
        Err(Cause::TooLarge)
    );
    assert_eq!(applied(&given, "bytes 21; bytes 22"), Err(Cause::TooLarge));
}

#[test]
fn reports_what_took_effect() {
    let structured = r#"{"rows":[{"email":"a","ssn":1},{"email":"b"},{"email":"c"}],"x":null}"#;
    let given = tool_result(structured, &[structured]);
    let done = apply(&given, &owed("mask eMail,phone,x; drop ssn,/none; rows 2")).unwrap();
    assert_eq!(done.masked, ["eMail"]);
    assert_eq!(done.dropped, ["ssn"]);
    assert_eq!(done.rows_removed, 1);
    let texts: Vec<_> = vec![r#"{"a":1}"#; 5];
    let done = apply(
        &tool_result(r#"{"result":[{},{},{}]}"#, &texts),
        &owed("rows 2"),
    )
    .unwrap();
    assert_eq!(done.rows_removed, 3);
}

#[test]
fn other_obligations_do_not_concern_the_result() {
    let audit = parse(&read(r#"{"type":"audit","level":"full"}"#)).unwrap();
    let given = tool_result("", &["free text"]);
    assert_eq!(apply(&given, &[audit]), Ok(Applied::default()));
    assert_eq!(apply(&given, &[]), Ok(Applied::default()));
}

#[test]
fn reasons_are_public_and_echo_nothing() {
    let withheld = apply(&tool_result("", &["secret"]), &owed("mask email")).unwrap_err();
    assert_eq!(withheld.reason.code, "result_withheld");
    let message = "the result is withheld: it holds text that an obligation cannot read";
    assert_eq!(withheld.to_string(), message);
    let withheld = apply(&Json::Null, &owed("mask /~")).unwrap_err();
    assert_eq!(withheld.reason.code, "obligation_invalid");
}
