use super::*;
use crate::model::json::Object;
use crate::model::obligation::FulfilledBy;

const RESULT: &str = r#"{"content":[{"type":"text","text":"[{\"email\":\"x\",\"deep\":{\"a/b\":1}}]"},{"type":"text","text":"email: x"},{"type":"image","data":"…"}],"structuredContent":{"rows":[{"id":1,"phone":"2"}]},"_meta":{"not":"a field"}}"#;

fn names(names: Names) -> Vec<String> {
    names.recorded()
}

fn of(result: &str) -> Names {
    Names::of_result(&parse(result.as_bytes(), Limits::REQUEST).unwrap())
}

fn owed(kind: &str, fields: &[&str]) -> Owed {
    let mut properties = Object::new();
    properties.insert("fields", Json::array(fields.iter().copied()));
    Owed {
        kind: kind.to_owned(),
        properties,
        by: FulfilledBy::Pdp,
    }
}

#[test]
fn names_come_from_structured_content_and_json_in_text() {
    let found = names(of(RESULT));
    assert_eq!(found, ["a/b", "deep", "email", "id", "phone", "rows"]);
    for other in [
        "{}",
        "[]",
        r#"{"content":{}}"#,
        r#"{"content":[{"text":"{"}]}"#,
    ] {
        assert!(names(of(other)).is_empty(), "{other}");
    }
}

#[test]
fn hidden_names_are_those_that_were_there() {
    let all = of(RESULT);
    let obligations = [
        owed("mask_fields", &["email", "fax"]),
        owed("drop_fields", &["/deep/a~1b", "/rows/0/nothing"]),
        owed("limit_rows", &["id"]),
    ];
    let hidden = all.hidden_by(&obligations);
    assert_eq!(names(hidden.clone()), ["a/b", "email"]);
    assert_eq!(names(all.without(&hidden)), ["deep", "id", "phone", "rows"]);
}

#[test]
fn what_changed_is_named_as_the_server_named_it() {
    let before = r#"{"content":[{"type":"text","text":"[{\"E-Mail\":\"x\",\"id\":1,\"in\":{\"ssn\":2}},{\"cut\":1}]"},{"type":"text","text":"free"}],"structuredContent":{"rows":[{"id":1,"phone":"2","note":"{\"e_mail\":1}"}],"tags":["a","b"]}}"#;
    let after = r#"{"content":[{"type":"text","text":"[{\"E-Mail\":\"***\",\"id\":1,\"in\":{}}]"},{"type":"text","text":"other"}],"structuredContent":{"rows":[{"id":1,"phone":null,"note":"{\"e_mail\":null}"}],"tags":["a","***"]}}"#;
    let read = |text: &str| parse(text.as_bytes(), Limits::REQUEST).unwrap();
    let same = Changes::between(&read(before), &read(before));
    assert_eq!(same, Changes::default());
    let found = Changes::between(&read(before), &read(after));
    assert_eq!(names(found.masked), ["E-Mail", "e_mail", "phone", "tags"]);
    assert_eq!(names(found.dropped), ["ssn"]);
    assert_eq!(found.rows_removed, 1);
}

#[test]
fn rows_are_counted_once() {
    let text = |text: &str| format!(r#"{{"type":"text","text":{}}}"#, Json::from(text));
    let result = |structured: &str, texts: &[&str]| {
        let items: Vec<_> = texts.iter().map(|it| text(it)).collect();
        let content = items.join(",");
        let result = format!(r#"{{"content":[{content}],"structuredContent":{structured}}}"#);
        parse(result.as_bytes(), Limits::REQUEST).unwrap()
    };
    let cases = [
        (result("[1,2,3]", &[]), result("[1]", &[]), 2),
        // A copy in a text.
        (result("[1,2,3]", &["[1,2,3]"]), result("[1]", &["[1]"]), 2),
        // JSON lines, and a text an element.
        (result("{}", &["{}\n[]\n\n{}"]), result("{}", &["{}"]), 2),
        (result("{}", &["{}", "{}", "x"]), result("{}", &["{}"]), 2),
        // Lists within rows.
        (
            result(r#"[{"a":[1,2]},{"a":[3,4]}]"#, &[]),
            result(r#"[{"a":[1]}]"#, &[]),
            2,
        ),
        (result("[1]", &["other"]), result("[2]", &["text"]), 0),
    ];
    for (before, after, expected) in cases {
        let found = Changes::between(&before, &after);
        assert_eq!(found.rows_removed, expected, "{before}");
    }
}

#[test]
fn credentials_are_found_by_their_names() {
    let cases = [
        (r#"{"structuredContent":{"a":[{"api_key":"k"}]}}"#, true),
        (
            r#"{"content":[{"type":"text","text":"{\"accessToken\":\"t\"}"}]}"#,
            true,
        ),
        (
            r#"{"content":[{"type":"text","text":"{}\n{\"password\":\"p\"}"}]}"#,
            true,
        ),
        (r#"{"code":1,"message":"m","data":{"secret":1}}"#, true),
        (
            r#"{"content":[{"type":"text","text":"the password is x"}]}"#,
            false,
        ),
        (r#"{"structuredContent":{"password":null}}"#, false),
    ];
    for (answer, expected) in cases {
        let answer = parse(answer.as_bytes(), Limits::REQUEST).unwrap();
        assert_eq!(holds_secret(&answer), expected, "{answer}");
    }
}

#[test]
fn records_are_bounded() {
    let of_members = |count: usize, rest: &str| {
        let members = (0..count).map(|at| format!("\"{at:03}{rest}\":1"));
        let members = members.collect::<Vec<_>>().join(",");
        names(of(&format!("{{\"structuredContent\":{{{members}}}}}")))
    };
    assert_eq!(of_members(300, "").len(), FIELD_NAMES_MAX);
    let long = of_members(300, &"é".repeat(100));
    assert!(long.iter().all(|name| name.len() == 127));
    assert_eq!(long.len(), FIELD_NAMES_BYTES_MAX / 127);
    // A log takes no control characters.
    assert_eq!(of_members(1, "\\n\\u0085"), ["000\u{fffd}\u{fffd}"]);
}
