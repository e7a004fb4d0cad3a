use super::*;
use crate::obligation::parse;

fn read(text: &str) -> Json {
    json::parse(text.as_bytes(), Limits::REQUEST).unwrap()
}

fn rewritten(params: &str, patches: &[&str]) -> Result<Option<String>, String> {
    let obligation = |patch: &&str| {
        let kind = ("type", Json::from("rewrite_arguments"));
        parse(&Json::object([kind, ("patch", read(patch))])).unwrap()
    };
    let mut obligations: Vec<_> = patches.iter().map(obligation).collect();
    obligations.push(Obligation::LimitRows { rows: 1 });
    let params = read(params);
    let after = rewrite(params.as_object().unwrap(), &obligations);
    let text = after.map(|after| after.map(|params| Json::Object(params).to_string()));
    text.map_err(|reason| {
        assert_eq!(reason.code, Code::ObligationFailed.as_str());
        reason.message
    })
}

#[test]
fn rewrites_the_arguments_alone() {
    let set = r#"[{"op":"add","path":"/limit","value":10}]"#;
    let none: Result<Option<String>, String> = Ok(None);
    let some = |text: &str| Ok(Some(text.to_owned()));
    let failed = |why: &str| Err(format!("the arguments could not be rewritten: {why}"));
    let cases = [
        (
            r#"{"name":"q","arguments":{"a":1},"_meta":{}}"#,
            vec![set],
            some(r#"{"name":"q","arguments":{"a":1,"limit":10},"_meta":{}}"#),
        ),
        (
            r#"{"name":"q"}"#,
            vec![set],
            some(r#"{"name":"q","arguments":{"limit":10}}"#),
        ),
        (r#"{"arguments":{"limit":10}}"#, vec![set], none.clone()),
        (
            r#"{"name":"q"}"#,
            vec![r#"[{"op":"test","path":"","value":{}}]"#],
            none.clone(),
        ),
        (r#"{"name":"q"}"#, vec![], none),
        (
            r#"{"arguments":{}}"#,
            vec![set, r#"[{"op":"move","from":"/limit","path":"/top"}]"#],
            some(r#"{"arguments":{"top":10}}"#),
        ),
        (
            r#"{"arguments":{"a":1}}"#,
            vec![r#"[{"op":"remove","path":"/a"},{"op":"test","path":"/a","value":1}]"#],
            failed("operation 1 of the patch has no target"),
        ),
        (
            r#"{"arguments":{}}"#,
            vec![r#"[{"op":"replace","path":"","value":[]}]"#],
            failed("they would not be an object"),
        ),
        (
            r#"{"arguments":[]}"#,
            vec![set],
            failed("they are not an object"),
        ),
        (
            r#"{"arguments":null}"#,
            vec![set],
            failed("they are not an object"),
        ),
    ];
    for (params, patches, expected) in cases {
        assert_eq!(
            rewritten(params, &patches),
            expected,
            "{params} {patches:?}"
        );
    }
}

#[test]
fn checks_the_limits_of_what_it_made() {
    let deep = format!("{}1{}", "[".repeat(62), "]".repeat(62));
    let patch = format!(r#"[{{"op":"add","path":"/a","value":{deep}}}]"#);
    assert!(rewritten("{}", &[&patch]).is_ok());
    let patch = format!(
        r#"[{{"op":"add","path":"/a","value":{{}}}},{{"op":"add","path":"/a/b","value":{deep}}}]"#
    );
    let message = rewritten("{}", &[&patch]).unwrap_err();
    assert!(
        message.ends_with("is deeper than the limit of 64"),
        "{message}"
    );

    let half = format!(r#"{{"arguments":{{"a":"{}"}}}}"#, "x".repeat(3 << 20));
    let message = rewritten(&half, &[r#"[{"op":"copy","from":"/a","path":"/b"}]"#]).unwrap_err();
    assert!(
        message.ends_with("is over the limit of 4194304"),
        "{message}"
    );
}
