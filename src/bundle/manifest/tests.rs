use super::*;

fn root(text: &str) -> Root {
    Root::parse(text)
}

#[test]
fn a_manifest_is_read() {
    let text = br#"{"revision": "r1", "roots": ["/b/", "a/b"], "rego_version": 1,
        "file_rego_versions": {"/x.rego": 1}, "wasm": [], "metadata": {"k": [1]}}"#;
    let manifest = parse(text).unwrap();
    assert_eq!(manifest.revision, "r1");
    assert_eq!(manifest.roots, [root("a/b"), root("b")]);
    assert_eq!(parse(b"{}").unwrap(), Manifest::default());
    assert_eq!(Manifest::default().roots, [root("")]);
}

#[test]
fn a_bad_manifest_is_refused_and_the_reason_says_what_to_do() {
    let long = format!(r#"{{"revision": "{}"}}"#, "x".repeat(257));
    for (text, expected) in [
        ("", "no valid JSON: expected a value at byte 0"),
        ("[]", "must be an object, is array"),
        (
            r#"{"roots": [], "roots": ["a"]}"#,
            "no valid JSON: duplicate key in the object at byte 0",
        ),
        (
            r#"{"root": ["a"]}"#,
            "unknown key `root`: did you mean `roots`?",
        ),
        (
            r#"{"Revision": "a"}"#,
            "unknown key `Revision`: did you mean `revision`?",
        ),
        (
            r#"{"rego-version": 1}"#,
            "unknown key `rego-version`: did you mean `rego_version`?",
        ),
        (
            r#"{"signatures": 1}"#,
            "unknown key `signatures`: the keys are `file_rego_versions`, `metadata`, `rego_version`, `revision`, `roots`, `wasm`",
        ),
        (
            r#"{"revision": 1}"#,
            "`revision` must be a string, is number",
        ),
        (
            r#"{"revision": "a\u0000"}"#,
            "`revision` has control characters or more than 256 bytes",
        ),
        (
            &long,
            "`revision` has control characters or more than 256 bytes",
        ),
        (
            r#"{"roots": "a"}"#,
            "`roots` must be an array of strings, is string",
        ),
        (
            r#"{"roots": [1]}"#,
            "`roots` must be an array of strings, is array",
        ),
        (
            r#"{"roots": []}"#,
            "`roots` is empty: name what the bundle owns, or leave `roots` out",
        ),
        (
            r#"{"roots": ["a/b", "c", "a"]}"#,
            "roots `a` and `a/b` overlap: keep the shorter one",
        ),
        (
            r#"{"roots": ["a/b", "a-b", "a"]}"#,
            "roots `a` and `a/b` overlap: keep the shorter one",
        ),
        (
            r#"{"roots": ["", "a"]}"#,
            "roots `` and `a` overlap: keep the shorter one",
        ),
        (
            r#"{"wasm": [{"entrypoint": "a"}]}"#,
            "`wasm` is not run here: build the bundle with `opa build --target rego`",
        ),
        (
            r#"{"metadata": "x"}"#,
            "`metadata` must be an object, is string",
        ),
    ] {
        assert_eq!(
            parse(text.as_bytes()).unwrap_err().to_string(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn roots_overlap_name_by_name() {
    for (a, b, expected) in [
        ("a/b", "a/bc", false),
        ("a", "a/b", true),
        ("a/b", "a", true),
        ("a", "a", true),
        ("", "a", true),
        ("a", "b", false),
    ] {
        assert_eq!(root(a).overlaps(&root(b)), expected, "{a} {b}");
    }
}

#[test]
fn a_distance_counts_edits() {
    for (a, b, expected) in [
        ("", "abc", 3),
        ("abc", "", 3),
        ("roots", "root", 1),
        ("kitten", "sitting", 3),
        ("a", "a", 0),
    ] {
        assert_eq!(distance(a, b), expected, "{a} {b}");
    }
}
