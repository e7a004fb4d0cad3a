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
fn records_are_bounded() {
    let members: Vec<_> = (0..300)
        .map(|at| format!("\"{at:03}{}\":1", "é".repeat(100)))
        .collect();
    let result = format!("{{\"structuredContent\":{{{}}}}}", members.join(","));
    let found = names(of(&result));
    assert_eq!(found.len(), FIELD_NAMES_MAX);
    assert!(
        found
            .iter()
            .all(|name| name.len() == 127 && name.is_char_boundary(127))
    );
}
