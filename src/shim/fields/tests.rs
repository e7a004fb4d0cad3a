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
    let mut found = Names::default();
    found.add_changed(&read(before), &read(before));
    assert!(names(found.clone()).is_empty());
    found.add_changed(&read(before), &read(after));
    assert_eq!(names(found), ["E-Mail", "e_mail", "phone", "ssn", "tags"]);
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
