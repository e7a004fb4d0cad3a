use super::*;
use crate::model::json;

fn read(text: &str) -> Json {
    json::parse(text.as_bytes(), Limits::REQUEST).unwrap()
}

fn patched(document: &str, patch: &str) -> Result<String, String> {
    let patch = read(patch);
    let operations: Vec<_> = patch
        .as_array()
        .unwrap()
        .iter()
        .map(|operation| Operation::read(operation).map_err(str::to_owned))
        .collect::<Result<_, _>>()?;
    apply(read(document), &operations, Limits::REQUEST)
        .map(|after| after.to_string())
        .map_err(|error| error.to_string())
}

/// RFC 6902, appendix A: the section, the document, the patch, the outcome. Members that a patch
/// adds come last, or in the place of what they replace. A.13 (two members `op`) never gets here:
/// the strict parser refuses it.
const APPENDIX_A: &[(&str, &str, &str, Result<&str, &str>)] = &[
    (
        "A.1",
        r#"{"foo":"bar"}"#,
        r#"[{"op":"add","path":"/baz","value":"qux"}]"#,
        Ok(r#"{"foo":"bar","baz":"qux"}"#),
    ),
    (
        "A.2",
        r#"{"foo":["bar","baz"]}"#,
        r#"[{"op":"add","path":"/foo/1","value":"qux"}]"#,
        Ok(r#"{"foo":["bar","qux","baz"]}"#),
    ),
    (
        "A.3",
        r#"{"baz":"qux","foo":"bar"}"#,
        r#"[{"op":"remove","path":"/baz"}]"#,
        Ok(r#"{"foo":"bar"}"#),
    ),
    (
        "A.4",
        r#"{"foo":["bar","qux","baz"]}"#,
        r#"[{"op":"remove","path":"/foo/1"}]"#,
        Ok(r#"{"foo":["bar","baz"]}"#),
    ),
    (
        "A.5",
        r#"{"baz":"qux","foo":"bar"}"#,
        r#"[{"op":"replace","path":"/baz","value":"boo"}]"#,
        Ok(r#"{"baz":"boo","foo":"bar"}"#),
    ),
    (
        "A.6",
        r#"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#,
        r#"[{"op":"move","from":"/foo/waldo","path":"/qux/thud"}]"#,
        Ok(r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#),
    ),
    (
        "A.7",
        r#"{"foo":["all","grass","cows","eat"]}"#,
        r#"[{"op":"move","from":"/foo/1","path":"/foo/3"}]"#,
        Ok(r#"{"foo":["all","cows","eat","grass"]}"#),
    ),
    (
        "A.8",
        r#"{"baz":"qux","foo":["a",2,"c"]}"#,
        r#"[{"op":"test","path":"/baz","value":"qux"},{"op":"test","path":"/foo/1","value":2}]"#,
        Ok(r#"{"baz":"qux","foo":["a",2,"c"]}"#),
    ),
    (
        "A.9",
        r#"{"baz":"qux"}"#,
        r#"[{"op":"test","path":"/baz","value":"bar"}]"#,
        Err("operation 0 of the patch tests for another value"),
    ),
    (
        "A.10",
        r#"{"foo":"bar"}"#,
        r#"[{"op":"add","path":"/child","value":{"grandchild":{}}}]"#,
        Ok(r#"{"foo":"bar","child":{"grandchild":{}}}"#),
    ),
    (
        "A.11",
        r#"{"foo":"bar"}"#,
        r#"[{"op":"add","path":"/baz","value":"qux","xyz":123}]"#,
        Ok(r#"{"foo":"bar","baz":"qux"}"#),
    ),
    (
        "A.12",
        r#"{"foo":"bar"}"#,
        r#"[{"op":"add","path":"/baz/bat","value":"qux"}]"#,
        Err("operation 0 of the patch has no target"),
    ),
    (
        "A.14",
        r#"{"/":9,"~1":10}"#,
        r#"[{"op":"test","path":"/~01","value":10}]"#,
        Ok(r#"{"/":9,"~1":10}"#),
    ),
    (
        "A.15",
        r#"{"/":9,"~1":10}"#,
        r#"[{"op":"test","path":"/~01","value":"10"}]"#,
        Err("operation 0 of the patch tests for another value"),
    ),
    (
        "A.16",
        r#"{"foo":["bar"]}"#,
        r#"[{"op":"add","path":"/foo/-","value":["abc","def"]}]"#,
        Ok(r#"{"foo":["bar",["abc","def"]]}"#),
    ),
];

/// What the text of the RFC says beyond its examples.
const BEYOND: &[(&str, &str, &str, Result<&str, &str>)] = &[
    (
        "add replaces a member",
        r#"{"a":1,"b":2}"#,
        r#"[{"op":"add","path":"/a","value":3}]"#,
        Ok(r#"{"a":3,"b":2}"#),
    ),
    (
        "the whole document",
        "[1]",
        r#"[{"op":"replace","path":"","value":{"a":1}},{"op":"test","path":"","value":{"a":1}}]"#,
        Ok(r#"{"a":1}"#),
    ),
    (
        "the empty name",
        r#"{"":1}"#,
        r#"[{"op":"replace","path":"/","value":2}]"#,
        Ok(r#"{"":2}"#),
    ),
    (
        "an index at the end",
        "[1]",
        r#"[{"op":"add","path":"/1","value":2}]"#,
        Ok("[1,2]"),
    ),
    (
        "an index past the end",
        "[1]",
        r#"[{"op":"add","path":"/2","value":2}]"#,
        Err("operation 0 of the patch has no target"),
    ),
    (
        "an index with a leading zero",
        "[1,2]",
        r#"[{"op":"remove","path":"/01"}]"#,
        Err("operation 0 of the patch has no target"),
    ),
    (
        "`-` is no element",
        "[1]",
        r#"[{"op":"remove","path":"/-"}]"#,
        Err("operation 0 of the patch has no target"),
    ),
    (
        "replace needs a target",
        "{}",
        r#"[{"op":"replace","path":"/a","value":1}]"#,
        Err("operation 0 of the patch has no target"),
    ),
    (
        "a scalar has no members",
        r#"{"a":"x"}"#,
        r#"[{"op":"add","path":"/a/b","value":1}]"#,
        Err("operation 0 of the patch has no target"),
    ),
    (
        "into itself",
        r#"{"a":{"b":1}}"#,
        r#"[{"op":"move","from":"/a","path":"/a/b"}]"#,
        Err("operation 0 of the patch moves a value into itself"),
    ),
    (
        "to where it is",
        r#"{"a":1,"b":2}"#,
        r#"[{"op":"move","from":"/a","path":"/a"}]"#,
        Ok(r#"{"a":1,"b":2}"#),
    ),
    (
        "copy below itself",
        r#"{"a":{}}"#,
        r#"[{"op":"copy","from":"/a","path":"/a/b"}]"#,
        Ok(r#"{"a":{"b":{}}}"#),
    ),
    (
        "objects are equal in any order",
        r#"{"a":{"x":1,"y":[]}}"#,
        r#"[{"op":"test","path":"/a","value":{"y":[],"x":1.0}}]"#,
        Ok(r#"{"a":{"x":1,"y":[]}}"#),
    ),
    (
        "a null is not a missing value",
        r#"{"a":null}"#,
        r#"[{"op":"test","path":"/a","value":null},{"op":"test","path":"/b","value":null}]"#,
        Err("operation 1 of the patch has no target"),
    ),
    (
        "nothing is left of the root",
        "{}",
        r#"[{"op":"remove","path":""}]"#,
        Err("operation 0 of the patch removes the whole document"),
    ),
    (
        "no operation",
        "{}",
        r#"[{"op":"merge","path":""}]"#,
        Err("`op` must be `add`, `remove`, `replace`, `move`, `copy` or `test`"),
    ),
    (
        "no pointer",
        "{}",
        r#"[{"op":"remove","path":"a"}]"#,
        Err("`path` must be a JSON Pointer"),
    ),
    (
        "a bad escape",
        "{}",
        r#"[{"op":"remove","path":"/~2"}]"#,
        Err("`path` must be a JSON Pointer"),
    ),
    (
        "no value",
        "{}",
        r#"[{"op":"add","path":"/a"}]"#,
        Err("`value` is missing"),
    ),
    (
        "no from",
        "{}",
        r#"[{"op":"copy","path":"/a"}]"#,
        Err("`from` must be a JSON Pointer"),
    ),
];

#[test]
fn patches_as_the_rfc_has_it() {
    for (name, document, patch, expected) in APPENDIX_A.iter().chain(BEYOND) {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(patched(document, patch), expected, "{name}");
    }
}

#[test]
fn numbers_are_equal_by_value() {
    let cases = [
        ("1", "1.0", true),
        ("100", "1e2", true),
        ("0", "-0.00", true),
        ("0", "0e9", true),
        ("0.001", "1E-3", true),
        ("12.50", "1250e-2", true),
        ("1e+2", "100", true),
        ("9007199254740993", "9007199254740992", false),
        ("1", "-1", false),
        ("1", "10", false),
        ("1e400", "1e401", false),
    ];
    for (a, b, expected) in cases {
        assert_eq!(equal(&read(a), &read(b)), expected, "{a} {b}");
    }
}

#[test]
fn growth_is_bounded() {
    let double = r#"{"op":"copy","from":"","path":"/a"}"#;
    let deep = format!("[{}]", vec![double; 64].join(","));
    assert_eq!(
        patched(r#"{"b":0}"#, &deep),
        Err("operation 63 of the patch nests too deep".into())
    );
    let double =
        r#"{"op":"copy","from":"/a","path":"/a/-"},{"op":"copy","from":"/a/0","path":"/a/-"}"#;
    let wide = format!("[{}]", vec![double; 32].join(","));
    let document = format!(r#"{{"a":["{}"]}}"#, "x".repeat(1 << 20));
    assert_eq!(
        patched(&document, &wide),
        Err("operation 2 of the patch adds too much".into())
    );
}
