use super::*;
use crate::model::json::{self, Limits};
use crate::obligation::parse;

fn obligations(text: &str) -> Vec<Obligation> {
    let elements = json::parse(text.as_bytes(), Limits::REQUEST).unwrap();
    let elements = elements.as_array().unwrap();
    elements.iter().map(|one| parse(one).unwrap()).collect()
}

fn patches(paths: &[&str]) -> Vec<Obligation> {
    let one = |operation: &&str| {
        let text = format!(r#"[{{"type":"rewrite_arguments","patch":[{operation}]}}]"#);
        obligations(&text).remove(0)
    };
    paths.iter().map(one).collect()
}

#[test]
fn merges_by_type() {
    let cases = [
        ("[]", "[]"),
        (
            r#"[{"type":"audit","level":"basic","durable":true},{"type":"limit_rows","rows":9},{"type":"mask_fields","fields":["phone","Email"]},
                {"type":"audit","level":"full"},{"type":"limit_rows","rows":5},{"type":"limit_bytes","bytes":7},{"type":"limit_bytes","bytes":8},
                {"type":"mask_fields","fields":["email","EMAIL","ssn"]},{"type":"drop_fields","fields":["SSN"]}]"#,
            r#"[{"type":"drop_fields","fields":["SSN"]},{"type":"mask_fields","fields":["EMAIL","phone"]},{"type":"limit_rows","rows":5},
                {"type":"limit_bytes","bytes":7},{"type":"audit","level":"full","durable":true}]"#,
        ),
        (
            r#"[{"type":"mask_fields","fields":["/a/b","/a","/a/b/c","/ab","/c"]},{"type":"drop_fields","fields":["/c","/d/e"]},
                {"type":"mask_fields","fields":["/d/e/f","/d","/c/x","c"]}]"#,
            r#"[{"type":"drop_fields","fields":["/c","/d/e"]},{"type":"mask_fields","fields":["/a","/ab","/d","c"]}]"#,
        ),
        (
            r#"[{"type":"mask_fields","fields":["a"]},{"type":"drop_fields","fields":["A"]}]"#,
            r#"[{"type":"drop_fields","fields":["A"]}]"#,
        ),
    ];
    for (given, expected) in cases {
        let expected = Ok(obligations(expected));
        assert_eq!(merge(obligations(given)), expected, "{given}");
        let reversed = obligations(given).into_iter().rev().collect();
        assert_eq!(merge(reversed), expected, "{given}");
    }
}

#[test]
fn joins_patches_that_do_not_meet() {
    let remove = |path: &str| format!(r#"{{"op":"remove","path":"{path}"}}"#);
    let replace = |path: &str| format!(r#"{{"op":"replace","path":"{path}","value":1}}"#);
    let test = |path: &str| format!(r#"{{"op":"test","path":"{path}","value":1}}"#);
    let moved =
        |from: &str, path: &str| format!(r#"{{"op":"move","from":"{from}","path":"{path}"}}"#);
    let copied =
        |from: &str, path: &str| format!(r#"{{"op":"copy","from":"{from}","path":"{path}"}}"#);
    let cases = [
        (remove("/a"), remove("/b"), true),
        (remove("/a"), remove("/ab"), true),
        (remove("/a"), remove("/a"), true),
        (replace("/a"), remove("/a"), false),
        (replace("/a"), remove("/a/b"), false),
        (replace(""), replace("/a"), false),
        (test("/a"), replace("/a"), false),
        (test("/a"), test("/a/b"), true),
        (copied("/a", "/b"), copied("/a", "/c"), true),
        (copied("/a", "/b"), replace("/a"), false),
        (moved("/a", "/b"), test("/a"), false),
        (moved("/a", "/b"), test("/b/c"), false),
        (remove("/list/0"), replace("/list/1"), false),
        (remove("/list/0"), test("/list/1/x"), false),
        (replace("/list/0"), replace("/list/1"), true),
        (remove("/list/0/x"), remove("/list/1/x"), true),
        (remove("/list/0"), replace("/list/x"), true),
        (
            r#"{"op":"add","path":"/list/-","value":1}"#.into(),
            replace("/list/0"),
            false,
        ),
    ];
    for (one, other, joins) in cases {
        let merged = merge(patches(&[&one, &other]));
        assert_eq!(merged, merge(patches(&[&other, &one])), "{one} {other}");
        let expected = if one == other { 1 } else { 2 };
        match merged.as_deref() {
            Ok([Obligation::RewriteArguments { patch }]) if joins => {
                assert_eq!(patch.len(), expected, "{one} {other}");
            }
            other_outcome => {
                assert_eq!(
                    other_outcome,
                    Err(&Code::ObligationConflict.reason()),
                    "{one} {other}"
                );
            }
        }
    }
}

#[test]
fn the_same_patch_twice_is_one() {
    let written = r#"[{"type":"rewrite_arguments","patch":[{"op":"add","path":"/a","value":{"x":1,"y":2}}]},
        {"type":"rewrite_arguments","patch":[{"path":"/a","value":{"y":2,"x":1},"op":"add"}]}]"#;
    let merged = merge(obligations(written)).unwrap();
    assert_eq!(merged.len(), 1);
    assert_eq!(merge(merged.clone()), Ok(merged));
}

#[test]
fn refuses_a_union_over_the_limits() {
    let mask = |from: usize, count: usize| Obligation::MaskFields {
        fields: (from..from + count).map(|n| format!("f{n}")).collect(),
    };
    assert!(merge(vec![mask(0, 200), mask(56, 200)]).is_ok());
    let invalid = |message: &str| Err(Code::ObligationInvalid.with_message(message));
    assert_eq!(
        merge(vec![mask(0, 200), mask(57, 200)]),
        invalid("the policies name more than 256 `fields` together")
    );
    let tests = |from: usize, count: usize| Obligation::RewriteArguments {
        patch: (from..from + count)
            .map(|n| Json::object([("op", "remove".to_owned()), ("path", format!("/f{n}"))]))
            .collect(),
    };
    assert!(merge(vec![tests(0, 32), tests(32, 32)]).is_ok());
    assert_eq!(
        merge(vec![tests(0, 32), tests(32, 33)]),
        invalid("the policies patch with more than 64 operations")
    );
    let broken = Obligation::DropFields {
        fields: vec!["/~".into()],
    };
    assert_eq!(
        merge(vec![broken]),
        invalid("`fields` holds a malformed JSON Pointer")
    );
}
