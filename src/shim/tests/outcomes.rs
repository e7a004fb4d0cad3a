//! What the record says of an answer: what is missing, and whether it held a credential.

use super::calls::{call, harness};
use crate::shim::event::Status;
use crate::shim::testing::Rule;

#[tokio::test]
async fn an_outcome_says_what_is_missing() {
    let rows = r#""result":{"structuredContent":{"rows":[{"id":1,"api_key":"k","mail":"a"},{"id":2},{"id":3}]}}"#;
    let left = r#"{"structuredContent":{"rows":[{"id":1,"mail":"***"}]}}"#;
    let whole = rows.strip_prefix("\"result\":").unwrap();
    let mut shim = harness(&[("read", Rule::Replace(whole, left))], &[("read", rows)]);
    shim.ask(call(1, "read")).await;
    let outcome = shim.outcomes().await.remove(0);
    assert_eq!(outcome.status, Status::Ok);
    assert_eq!(outcome.masked, ["api_key", "mail"]);
    assert_eq!(outcome.dropped, ["api_key"]);
    assert_eq!(outcome.rows_removed, 2);
    assert_eq!(outcome.secret_present, Some(true));
}

#[tokio::test]
async fn an_untouched_answer_misses_nothing() {
    let answer = r#""result":{"content":[{"type":"text","text":"{\"token_type\":1}"}]}"#;
    let mut shim = harness(&[("read", Rule::Allow)], &[("read", answer)]);
    shim.ask(call(1, "read")).await;
    let outcome = shim.outcomes().await.remove(0);
    assert!(outcome.masked.is_empty() && outcome.dropped.is_empty());
    assert_eq!(outcome.rows_removed, 0);
    assert_eq!(outcome.secret_present, Some(false));
}

/// The tool gave it, whoever gets it.
#[tokio::test]
async fn a_credential_in_a_withheld_answer_is_on_record() {
    let error = r#""error":{"code":1,"message":"m","data":{"password":"p"}}"#;
    let mut shim = harness(&[("read", Rule::Withhold)], &[("read", error)]);
    shim.ask(call(1, "read")).await;
    let outcome = shim.outcomes().await.remove(0);
    assert_eq!(outcome.status, Status::Withheld);
    assert_eq!(outcome.secret_present, Some(true));
}

#[tokio::test]
async fn without_an_answer_nothing_is_said_of_it() {
    let mut shim = harness(&[("slow", Rule::Allow)], &[]);
    shim.send(call(5, "slow")).await;
    shim.settle().await;
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#;
    shim.send(cancel).await;
    shim.settle().await;
    let outcome = shim.outcomes().await.remove(0);
    assert_eq!(outcome.status, Status::Cancelled);
    assert_eq!(outcome.secret_present, None);
}
