//! Time, room and bytes of calls.

use super::calls::{OK, PAGE, call, harness};
use crate::model::call::Phase;
use crate::shim::event::{EventBody, Status};
use crate::shim::stdio::end_overdue_at;
use crate::shim::testing::{Harness, Rule, Server, TablePdp, an_outcome};

#[tokio::test]
async fn a_call_that_is_not_answered_in_time_ends_for_both_sides() {
    let mut shim = harness(&[("slow", Rule::Allow)], &[]);
    shim.send(call(5, "slow")).await;
    shim.settle().await;
    let now = tokio::time::Instant::now();
    end_overdue_at(&shim.link, now).await.unwrap();
    shim.settle().await;
    let later = now + std::time::Duration::from_secs(60);
    end_overdue_at(&shim.link, later).await.unwrap();
    let expected = r#"{"jsonrpc":"2.0","id":5,"error":{"code":-32603,"message":"Internal error: the server did not answer in time"}}"#;
    assert_eq!(shim.receive().await, expected);
    let cancelled =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#;
    while shim.server_got().last().unwrap() != cancelled {
        tokio::task::yield_now().await;
    }
    let statuses: Vec<_> = shim.outcomes().await.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Status::Timeout]);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_called() {
    let mut shim = harness(&[("read", Rule::Allow)], &[("read", OK)]);
    assert!(shim.ask(call(1, "read")).await.contains("email"));
    while shim.reporter.has_room(4) {
        shim.reporter
            .record(EventBody::Outcome(an_outcome(Status::Ok)));
    }
    let denied = r#"{"jsonrpc":"2.0","id":2,"result":{"content":[{"type":"text","text":"Denied by policy (audit_unavailable). The audit log cannot be written."}],"isError":true,"_meta":{"toolgate/decision":{"effect":"deny","code":"audit_unavailable","retryable":true,"reasons":[{"code":"audit_unavailable","message":"the audit log cannot be written","retryable":true}]}}}}"#;
    assert_eq!(shim.ask(call(2, "read")).await, denied);
    assert_eq!(shim.pdp.asked(Phase::Call).len(), 1);
    // Once the log has taken the events, calls go on.
    shim.events().await;
    assert!(shim.ask(call(3, "read")).await.contains("email"));
}

#[test]
fn random_calls_and_results_pass_byte_for_byte() {
    use proptest::prelude::*;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let space = || prop::sample::select(vec!["", " ", "\t", "  "]);
    let text = || "([a-zé\u{2028}\u{1F600}]|\\\\[nrt\"\\\\]|\\\\u00[0-9]{2}|[\\[\\]{},:]){0,12}";
    let number = || "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?";
    let inputs = (
        any::<u32>(),
        [space(), space(), space()],
        text(),
        number(),
        text(),
    );
    let runner = |(id, [a, b, c], text, number, result): (
        u32,
        [&str; 3],
        String,
        String,
        String,
    )| {
        runtime.block_on(async {
            let mut server = Server::new(PAGE, &[]);
            let result = format!("\"result\":{a}{{{b}\"content\":[{{\"type\":\"text\",\"text\":\"{result}\"}}],{c}\"x\":{number}}}");
            server.calls.insert("read", String::leak(result.clone()));
            let mut shim = Harness::start(TablePdp::new(&[("read", Rule::Allow)]), server);
            let call = format!("{a}{{\"method\":\"tools/call\",{b}\"params\":{c}{{\"arguments\":{{\"t\":\"{text}\",\"n\":{number}}},\"name\":\"read\"}}{a},\"id\":{id}{c},\"jsonrpc\":\"2.0\"{b}}}{c}");
            let answer = shim.ask(&call).await;
            prop_assert_eq!(answer, format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},{result}}}"));
            prop_assert_eq!(shim.server_got().pop().unwrap(), call);
            Ok(())
        })
    };
    let cases = ProptestConfig::with_cases(64);
    let mut runs = proptest::test_runner::TestRunner::new(cases);
    runs.run(&inputs, runner).unwrap();
}
