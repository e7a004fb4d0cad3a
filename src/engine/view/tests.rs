use super::*;
use crate::model::json::{Limits, parse};

fn data(text: &str) -> Object {
    match parse(text.as_bytes(), Limits::REQUEST).unwrap() {
        Json::Object(object) => object,
        other => panic!("no object: {other}"),
    }
}

fn path(text: &str) -> Vec<String> {
    text.split('.')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

const DATA: &str = r#"{
    "a": {"null": null, "truth": true, "number": 1, "text": "", "array": [], "object": {}},
    "directory": {"principals": {"u": {"roles": ["analyst"]}}, "role_ranks": {"boss": 1}}
}"#;

#[test]
fn says_what_stands_at_a_path() {
    let data = data(DATA);
    let view = DataView::new(&data);
    for (at, expected) in [
        ("", Stands::Object),
        ("b", Stands::Nothing),
        ("a.b.c", Stands::Nothing),
        ("a.null", Stands::Null),
        ("a.truth", Stands::Truth),
        ("a.number", Stands::Number),
        ("a.text", Stands::Text),
        ("a.array", Stands::Array),
        ("a.object", Stands::Object),
        ("a.object.x", Stands::Nothing),
        ("a.text.x", Stands::BelowValue),
        ("a.null.x.y", Stands::BelowValue),
    ] {
        assert_eq!(view.stands(&path(at)), expected, "{at}");
    }
}

#[test]
fn answers_hold_for_data_that_answers_the_same() {
    let before = data(DATA);
    let view = DataView::new(&before);
    for at in ["a.number", "a.object.x", "b"] {
        view.stands(&path(at));
    }
    view.names(&path("a.object"));
    view.role("analyst");
    view.role("anlyst");
    let answers = view.into_answers();
    assert!(answers.hold_for(&before));
    for (from, to, expected) in [
        (r#""number": 1"#, r#""number": 2"#, true),
        (r#""number": 1"#, r#""number": "1""#, false),
        (r#""number": 1"#, r#""other": 1"#, false),
        (r#""array": []"#, r#""array": {}"#, true),
        (r#""object": {}"#, r#""object": {"x": 1}"#, false),
        (r#""object": {}"#, r#""object": {"y": 1}"#, false),
        (r#""object": {}"#, r#""object": []"#, false),
        (r#""analyst""#, r#""analyst", "other""#, true),
        (r#""analyst""#, r#""anlyst""#, false),
        (r#""analyst""#, r#""annalist""#, false),
        (r#""boss""#, r#""chief""#, true),
        (r#""a": {"#, r#""b": 1, "a": {"#, false),
    ] {
        let after = data(&DATA.replace(from, to));
        assert_eq!(answers.hold_for(&after), expected, "{from} to {to}");
    }
}
