use super::*;
use crate::model::json::{Limits, parse};

fn read(text: &str) -> Json {
    parse(text.as_bytes(), Limits::REQUEST).unwrap()
}

#[test]
fn a_document_fits_or_not() {
    // The schema, documents that fit, documents that do not.
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("true", &["1"], &[]),
        ("{}", &["1", "null"], &[]),
        ("false", &[], &["1"]),
        (r#"{"type":"string"}"#, &[r#""***""#], &["null", "1"]),
        (r#"{"type":["string","null"]}"#, &["null", r#""a""#], &["1"]),
        (
            r#"{"type":"integer"}"#,
            &["1", "1.0", "18446744073709551615"],
            &["1.5", "null"],
        ),
        (
            r#"{"type":"number","minimum":0,"maximum":5}"#,
            &["0", "5"],
            &["-1", "6", "null"],
        ),
        (
            r#"{"exclusiveMinimum":0,"exclusiveMaximum":5,"multipleOf":0.1}"#,
            &["0.3"],
            &["0", "5", "0.35"],
        ),
        (
            r#"{"enum":["a",1,{"b":2,"c":3}]}"#,
            &[r#""a""#, "1.0", r#"{"c":3,"b":2}"#],
            &[r#""***""#],
        ),
        (r#"{"const":null}"#, &["null"], &["0"]),
        (
            r#"{"type":"object","properties":{"email":{"type":"string"}},"required":["email"]}"#,
            &[r#"{"email":"***"}"#, r#"{"email":"***","x":1}"#],
            &["{}", r#"{"email":null}"#],
        ),
        (
            r#"{"properties":{"a":{}},"patternProperties":{"^x-":{"type":"number"}},"additionalProperties":false}"#,
            &[r#"{"a":1,"x-b":2}"#],
            &[r#"{"b":1}"#, r#"{"x-b":null}"#],
        ),
        (
            r#"{"additionalProperties":{"type":"number"}}"#,
            &[r#"{"a":1}"#],
            &[r#"{"a":null}"#],
        ),
        (
            r#"{"minProperties":1,"maxProperties":1}"#,
            &[r#"{"a":1}"#],
            &["{}", r#"{"a":1,"b":2}"#],
        ),
        (
            r#"{"propertyNames":{"maxLength":1}}"#,
            &[r#"{"a":1}"#],
            &[r#"{"ab":1}"#],
        ),
        (
            r#"{"dependentRequired":{"a":["b"]}}"#,
            &["{}", r#"{"a":1,"b":2}"#],
            &[r#"{"a":1}"#],
        ),
        (
            r#"{"items":{"type":"number"},"minItems":1,"maxItems":2}"#,
            &["[1]"],
            &["[]", "[null]", "[1,2,3]"],
        ),
        (
            r#"{"prefixItems":[{"type":"number"}],"items":{"type":"string"}}"#,
            &[r#"[1,"a"]"#],
            &["[1,1]", r#"["a"]"#],
        ),
        (
            r#"{"items":[{"type":"number"}],"additionalItems":false}"#,
            &["[1]"],
            &["[1,1]"],
        ),
        (
            r#"{"uniqueItems":true}"#,
            &["[1,2]"],
            &["[null,null]", r#"[{"a":1,"b":2},{"b":2,"a":1}]"#],
        ),
        (
            r#"{"minLength":3,"maxLength":3}"#,
            &[r#""***""#, r#""äöü""#],
            &[r#""**""#, r#""****""#],
        ),
        (r#"{"pattern":"@"}"#, &[r#""a@b""#, "1"], &[r#""***""#]),
        (r#"{"format":"email"}"#, &[r#""***""#], &[]),
        (
            r#"{"allOf":[{"type":"string"},{"minLength":2}]}"#,
            &[r#""ab""#],
            &["1", r#""a""#],
        ),
        (
            r#"{"anyOf":[{"type":"string"},{"type":"null"}]}"#,
            &["null"],
            &["1"],
        ),
        (
            r#"{"oneOf":[{"type":"number"},{"type":"integer"}]}"#,
            &["1.5"],
            &["1", "null"],
        ),
        (r#"{"not":{"type":"null"}}"#, &["1"], &["null"]),
        (
            r#"{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}"#,
            &[r#"{"a":1,"b":2}"#, r#"{"c":3}"#],
            &[r#"{"a":1}"#, "{}"],
        ),
        (
            r##"{"$ref":"#/$defs/a~1b","$defs":{"a/b":{"properties":{"in":{"$ref":"#"}},"type":"object"}}}"##,
            &[r#"{"in":{"in":{}}}"#],
            &[r#"{"in":{"in":null}}"#],
        ),
    ];
    for (schema, fitting, others) in cases {
        let schema = read(schema);
        for document in *fitting {
            assert_eq!(
                fits(&schema, &read(document)),
                Ok(()),
                "{schema} {document}"
            );
        }
        for document in *others {
            let found = fits(&schema, &read(document));
            assert_eq!(found, Err(Unfit::Differs), "{schema} {document}");
        }
    }
}

#[test]
fn what_is_not_understood_does_not_fit() {
    let cases = [
        (r#"{"$ref":"https://example.com/x.json"}"#, "$ref"),
        (r##"{"$ref":"#/absent"}"##, "$ref"),
        (
            r#"{"unevaluatedProperties":false}"#,
            "unevaluatedProperties",
        ),
        (r#"{"contains":{}}"#, "contains"),
        (r#"{"type":7}"#, "type"),
        (r#"{"allOf":{}}"#, "allOf"),
        (r#"{"properties":[]}"#, "properties"),
        (r#"{"not":{"$dynamicRef":"x"}}"#, "$dynamicRef"),
        ("7", "schema"),
    ];
    for (schema, keyword) in cases {
        let found = fits(&read(schema), &read("{}"));
        assert_eq!(found, Err(Unfit::NotUnderstood(keyword)), "{schema}");
    }
    let patterns = ["(?=a)", "(", "(a{1000}){1000}"];
    for pattern in patterns {
        let schema = Json::object([("pattern", pattern)]);
        let found = fits(&schema, &Json::from("a"));
        assert_eq!(found, Err(Unfit::NotUnderstood("pattern")), "{pattern}");
    }
}

#[test]
fn size_and_complexity_are_bounded() {
    let endless = read(r##"{"$ref":"#"}"##);
    assert_eq!(fits(&endless, &Json::Null), Err(Unfit::TooComplex));
    // Each level doubles the work.
    let levels = (0..40).map(|level| {
        let next = Json::object([("$ref", format!("#/$defs/{}", level + 1))]);
        (
            level.to_string(),
            Json::object([("allOf", Json::array([next.clone(), next]))]),
        )
    });
    let mut definitions: crate::model::json::Object = levels.collect();
    definitions.insert("40", true);
    let doubling = Json::object([
        ("$ref", Json::from("#/$defs/0")),
        ("$defs", definitions.into()),
    ]);
    assert_eq!(fits(&doubling, &Json::Null), Err(Unfit::TooComplex));
    let large = Json::object([("title", "x".repeat(SCHEMA_BYTES_MAX))]);
    assert_eq!(fits(&large, &Json::Null), Err(Unfit::TooComplex));
}
