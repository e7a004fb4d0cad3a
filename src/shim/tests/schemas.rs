//! What a mask leaves of a structured result has to be what the tool promised.

use super::calls::call;
use crate::shim::event::Status;
use crate::shim::testing::{Harness, Rule, Server, TablePdp};

const RESULT: &str = r#""result":{"content":[],"structuredContent":{"email":"a@b","age":7}}"#;

/// The client's answer, the outcome's status and what it says was masked, for a tool with this
/// schema whose result has `from` replaced.
async fn answer(
    schema: &str,
    from: &'static str,
    to: &'static str,
) -> (String, Status, Vec<String>) {
    let page = format!(r#"{{"tools":[{{"name":"read"{schema}}}]}}"#);
    let pdp = TablePdp::new(&[("read", Rule::Replace(from, to))]);
    let mut shim = Harness::start(pdp, Server::new(&page, &[("read", RESULT)]));
    let answer = shim.ask(call(1, "read")).await;
    let outcome = shim.outcomes().await.pop().unwrap();
    (answer, outcome.status, outcome.masked)
}

#[tokio::test]
async fn a_masked_result_that_fits_its_schema_no_longer_is_withheld() {
    let strict = r#","outputSchema":{"type":"object","properties":{"email":{"type":"string"},"age":{"type":"integer"}},"required":["email","age"]}"#;
    let dynamic = r#","outputSchema":{"$dynamicRef":"x"}"#;
    // The schema, what becomes what, and whether the client gets that.
    let cases = [
        (strict, "\"a@b\"", "\"***\"", true),
        (strict, "7", "null", false),
        (strict, ",\"age\":7", "", false),
        ("", "7", "null", true),
        (
            r#","outputSchema":{"properties":{"age":{"type":["integer","null"]}}}"#,
            "7",
            "null",
            true,
        ),
        // What cannot be checked is not passed on.
        (dynamic, "7", "null", false),
        (r#","outputSchema":7"#, "7", "null", false),
    ];
    for (schema, from, to, passes) in cases {
        let (answer, status, masked) = answer(schema, from, to).await;
        if passes {
            assert!(
                answer.contains(&RESULT.replace(from, to)),
                "{schema}: {answer}"
            );
            let name = if from == "7" { "age" } else { "email" };
            assert!(masked.contains(&name.to_owned()), "{schema}: {masked:?}");
            assert_eq!(status, Status::Ok);
        } else {
            let text = "Denied by policy (result_withheld). What obligations left of the result does not fit the tool's output schema. Decision d2.";
            assert!(answer.contains(text), "{schema}: {answer}");
            assert!(!answer.contains("a@b"), "{schema}: {answer}");
            assert_eq!(status, Status::Withheld);
        }
    }
}

/// A result that nobody changed is the server's own affair: it passes as it came.
#[tokio::test]
async fn a_result_that_is_not_changed_is_not_checked() {
    let page = r#"{"tools":[{"name":"read","outputSchema":{"type":"string"}}]}"#;
    let pdp = TablePdp::new(&[("read", Rule::Allow)]);
    let mut shim = Harness::start(pdp, Server::new(page, &[("read", RESULT)]));
    let expected = format!(r#"{{"jsonrpc":"2.0","id":1,{RESULT}}}"#);
    assert_eq!(shim.ask(call(1, "read")).await, expected);
}
