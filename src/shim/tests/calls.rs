//! `tools/call` and its result.

use crate::model::call::Phase;
use crate::shim::event::{EventBody, Status};
use crate::shim::testing::{Harness, Rule, Server, TablePdp};
use crate::wire::digest;

pub(super) const PAGE: &str = r#"{"tools":[{"name":"read"},{"name":"sign"},{"name":"mask"},{"name":"secret"},{"name":"slow"}]}"#;
const READ: &str = r#"{ "jsonrpc":"2.0", "id":7,"method":"tools/call", "params":{"name":"read","arguments":{"n":9007199254740993}} }"#;

pub(super) fn call(id: u64, name: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{name}"}}}}"#)
}

pub(super) fn harness(
    rules: &[(&'static str, Rule)],
    answers: &[(&'static str, &'static str)],
) -> Harness {
    Harness::start(TablePdp::new(rules), Server::new(PAGE, answers))
}

/// An answer of a table's: the tool `read` under a rule, the server's answer, what the client gets
/// and how it is recorded.
struct Case {
    rule: Rule,
    server: &'static str,
    client: &'static str,
    recorded: &'static [Status],
}

pub(super) const OK: &str =
    r#""result":{"content":[{"type":"text","text":"{\"email\":\"a@b\",\"id\":1}"}]}"#;

fn cases() -> Vec<Case> {
    vec![
        Case {
            rule: Rule::Allow,
            server: OK,
            client: r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"{\"email\":\"a@b\",\"id\":1}"}]}}"#,
            recorded: &[Status::Ok],
        },
        Case {
            rule: Rule::Replace("a@b", "***"),
            server: OK,
            client: r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"{\"email\":\"***\",\"id\":1}"}]}}"#,
            recorded: &[Status::Ok],
        },
        Case {
            rule: Rule::Allow,
            server: r#""result":{"content":[],"isError":true}"#,
            client: r#"{"jsonrpc":"2.0","id":7,"result":{"content":[],"isError":true}}"#,
            recorded: &[Status::ToolError],
        },
        Case {
            rule: Rule::Replace("a@b", "***"),
            server: r#""result":{"content":[{"type":"text","text":"no a@b"}],"isError":true}"#,
            client: r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"no ***"}],"isError":true}}"#,
            recorded: &[Status::ToolError],
        },
        Case {
            rule: Rule::Replace("a@b", "***"),
            server: r#""error":{"code":-32000,"message":"no a@b","data":{"who":"a@b"}}"#,
            client: r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"no ***","data":{"who":"***"}}}"#,
            recorded: &[Status::ProtocolError],
        },
        Case {
            rule: Rule::Withhold,
            server: OK,
            client: r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"Denied by policy (result_withheld). The result cannot be shown and is withheld. Decision d2."}],"isError":true,"_meta":{"toolgate/decision":{"decision_id":"d2","effect":"deny","code":"result_withheld","retryable":false,"reasons":[{"code":"result_withheld","message":"the result cannot be shown and is withheld","retryable":false}],"revision":"r1"}}}}"#,
            recorded: &[Status::Withheld],
        },
        Case {
            rule: Rule::Withhold,
            server: r#""error":{"code":-32000,"message":"no a@b"}"#,
            client: r#"{"jsonrpc":"2.0","id":7,"error":{"code":-31001,"message":"Denied by policy (result_withheld). The result cannot be shown and is withheld. Decision d2.","data":{"toolgate/decision":{"decision_id":"d2","effect":"deny","code":"result_withheld","retryable":false,"reasons":[{"code":"result_withheld","message":"the result cannot be shown and is withheld","retryable":false}],"revision":"r1"}}}}"#,
            recorded: &[Status::Withheld],
        },
        // What the PDP makes of it is no error any more.
        Case {
            rule: Rule::Replace("\"code\":-32000,", ""),
            server: r#""error":{"code":-32000,"message":"no a@b"}"#,
            client: r#"{"jsonrpc":"2.0","id":7,"error":{"code":-31001,"message":"Denied by policy (result_withheld). The result cannot be shown and is withheld. Decision d2.","data":{"toolgate/decision":{"decision_id":"d2","effect":"deny","code":"result_withheld","retryable":false,"reasons":[{"code":"result_withheld","message":"the result cannot be shown and is withheld","retryable":false}],"revision":"r1"}}}}"#,
            recorded: &[Status::Withheld],
        },
        Case {
            rule: Rule::Allow,
            server: r#""result":{"resultType":"input_required","inputRequests":{}}"#,
            client: r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"Denied by policy (result_withheld). The server asked for something other than to answer the call."}],"isError":true,"_meta":{"toolgate/decision":{"effect":"deny","code":"result_withheld","retryable":false,"reasons":[{"code":"result_withheld","message":"the server asked for something other than to answer the call","retryable":false}]}}}}"#,
            recorded: &[Status::Withheld],
        },
        Case {
            rule: Rule::Allow,
            server: r#""result":[]"#,
            client: r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"Internal error: the server's answer cannot be used"}}"#,
            recorded: &[Status::ProtocolError],
        },
        Case {
            rule: Rule::Allow,
            server: r#""result":{},"error":{}"#,
            client: r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"Internal error: the server's answer cannot be used"}}"#,
            recorded: &[Status::ProtocolError],
        },
        Case {
            rule: Rule::Deny,
            server: OK,
            client: r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"Denied by policy (region.mismatch). Wrong region. Decision d1."}],"isError":true,"_meta":{"toolgate/decision":{"decision_id":"d1","effect":"deny","code":"region.mismatch","retryable":false,"reasons":[{"code":"region.mismatch","message":"wrong region","retryable":false}],"revision":"r1"}}}}"#,
            recorded: &[],
        },
        Case {
            rule: Rule::Approve,
            server: OK,
            client: r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"Denied by policy (contracts.sign). Legal has to approve. Decision d1."}],"isError":true,"_meta":{"toolgate/decision":{"decision_id":"d1","effect":"require_approval","code":"contracts.sign","retryable":false,"reasons":[{"code":"contracts.sign","message":"Legal has to approve.","retryable":false}],"revision":"r1"}}}}"#,
            recorded: &[],
        },
        Case {
            rule: Rule::OtherDigest,
            server: OK,
            client: r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"Denied by policy (internal). Something inside toolgate failed. Decision d1."}],"isError":true,"_meta":{"toolgate/decision":{"decision_id":"d1","effect":"deny","code":"internal","retryable":true,"reasons":[{"code":"internal","message":"something inside toolgate failed","retryable":true}],"revision":"r1"}}}}"#,
            recorded: &[Status::Withheld],
        },
        Case {
            rule: Rule::ForShim,
            server: OK,
            client: r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"Denied by policy (obligation_unsupported). The enforcement point does not support an obligation. Decision d1."}],"isError":true,"_meta":{"toolgate/decision":{"decision_id":"d1","effect":"deny","code":"obligation_unsupported","retryable":false,"reasons":[{"code":"obligation_unsupported","message":"the enforcement point does not support an obligation","retryable":false}],"revision":"r1"}}}}"#,
            recorded: &[Status::Withheld],
        },
        Case {
            rule: Rule::Hidden,
            server: OK,
            client: r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Unknown tool: read"}}"#,
            recorded: &[],
        },
        // Another tool's name in the PDP's params.
        Case {
            rule: Rule::Rewrite(r#"{"name":"sign"}"#),
            server: OK,
            client: r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"Denied by policy (obligation_failed). An obligation could not be applied. Decision d1."}],"isError":true,"_meta":{"toolgate/decision":{"decision_id":"d1","effect":"deny","code":"obligation_failed","retryable":false,"reasons":[{"code":"obligation_failed","message":"an obligation could not be applied","retryable":false}],"revision":"r1"}}}}"#,
            recorded: &[Status::Withheld],
        },
        // A line break would be a second message.
        Case {
            rule: Rule::Rewrite("{\"name\":\"read\",\n\"arguments\":{}}"),
            server: OK,
            client: r#"{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"Denied by policy (internal). Something inside toolgate failed. Decision d1."}],"isError":true,"_meta":{"toolgate/decision":{"decision_id":"d1","effect":"deny","code":"internal","retryable":true,"reasons":[{"code":"internal","message":"something inside toolgate failed","retryable":true}],"revision":"r1"}}}}"#,
            recorded: &[Status::Withheld],
        },
    ]
}

#[tokio::test]
async fn each_verdict_has_its_answer_and_its_outcome() {
    for case in cases() {
        let mut shim = harness(&[("read", case.rule.clone())], &[("read", case.server)]);
        assert_eq!(shim.ask(READ).await, case.client, "{:?}", case.rule);
        let statuses: Vec<_> = shim.outcomes().await.iter().map(|it| it.status).collect();
        assert_eq!(statuses, case.recorded, "{:?}", case.rule);
        let forwarded = shim
            .server_got()
            .iter()
            .any(|line| line.contains("tools/call"));
        let expected = !case.client.contains("Decision d1") && !case.client.contains("Unknown");
        assert_eq!(forwarded, expected, "{:?}", case.rule);
    }
}

#[tokio::test]
async fn an_allowed_call_and_its_result_keep_their_bytes() {
    let mut shim = harness(&[("read", Rule::Allow)], &[("read", OK)]);
    shim.ask(READ).await;
    assert_eq!(shim.server_got().last().unwrap(), READ);
    let asked = shim.pdp.asked(Phase::Call);
    let question = asked.first().unwrap();
    assert_eq!(
        question.params_json,
        br#"{"name":"read","arguments":{"n":9007199254740993}}"#
    );
    assert_eq!(
        question.definition_json.as_deref(),
        Some(br#"{"name":"read"}"#.as_slice())
    );
    assert_eq!(
        (question.mcp.server.as_str(), question.mcp.name.as_str()),
        ("crm", "read")
    );
    assert_eq!(question.context.get("purpose").unwrap(), "test");
    let result = shim.pdp.asked(Phase::Result).remove(0);
    assert_eq!(result.call_id.as_deref(), Some("c1"));
}

#[tokio::test]
async fn rewritten_params_replace_only_params() {
    let rule = Rule::Rewrite(r#"{"name":"read","arguments":{"n":1}}"#);
    let mut shim = harness(&[("read", rule)], &[("read", OK)]);
    shim.ask(READ).await;
    let expected = r#"{ "jsonrpc":"2.0", "id":7,"method":"tools/call", "params":{"name":"read","arguments":{"n":1}} }"#;
    assert_eq!(shim.server_got().last().unwrap(), expected);
    let result = shim.pdp.asked(Phase::Result).remove(0);
    assert_eq!(
        result.params_json,
        br#"{"name":"read","arguments":{"n":1}}"#
    );
}

#[tokio::test]
async fn an_outcome_names_fields_and_never_values() {
    let mut shim = harness(&[("read", Rule::Replace("a@b", "***"))], &[("read", OK)]);
    shim.ask(READ).await;
    let outcome = shim.outcomes().await.remove(0);
    assert_eq!(outcome.decision.decision_id, "d1");
    assert_eq!(outcome.decision.call_id, "c1");
    assert_eq!(outcome.decision.origin, "test/1");
    assert_eq!(outcome.fields_returned, ["id"]);
    assert_eq!(outcome.masked, ["email"]);
    let released = r#"{"content":[{"type":"text","text":"{\"email\":\"***\",\"id\":1}"}]}"#;
    assert_eq!(outcome.response_bytes, released.len() as u64);
    assert_eq!(outcome.response_digest, digest(released.as_bytes()));
}

#[tokio::test]
async fn a_hidden_tool_is_not_told_from_one_that_does_not_exist() {
    let mut shim = harness(
        &[("secret", Rule::Hidden), ("gone", Rule::Allow)],
        &[("read", OK)],
    );
    let hidden = shim.ask(call(7, "secret")).await;
    let missing = shim.ask(call(7, "absent")).await;
    let granted_but_missing = shim.ask(call(7, "gone")).await;
    assert_eq!(
        hidden.replace("secret", "X"),
        missing.replace("absent", "X")
    );
    assert_eq!(
        hidden.replace("secret", "X"),
        granted_but_missing.replace("gone", "X")
    );
    assert_eq!(
        hidden,
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"Unknown tool: secret"}}"#
    );
    // Each was asked about, none was forwarded, and the server was asked for its tools once.
    assert_eq!(shim.pdp.asked(Phase::Call).len(), 3);
    assert_eq!(shim.server_got().len(), 1);
    let statuses: Vec<_> = shim.outcomes().await.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Status::ProtocolError]);
}

#[tokio::test]
async fn an_old_table_is_refreshed_for_hidden_and_missing_tools_alike() {
    let rules = [("secret", Rule::Hidden), ("new", Rule::Allow)];
    let mut shim = harness(&rules, &[("new", OK)]);
    shim.ask(call(1, "secret")).await;
    for (name, lists) in [("secret", 2), ("absent", 3)] {
        shim.advance(6);
        let answer = shim.ask(call(2, name)).await;
        assert!(answer.contains("Unknown tool"), "{answer}");
        assert_eq!(shim.server_got().len(), lists);
    }
    shim.server
        .pages
        .lock()
        .unwrap()
        .insert(String::new(), r#"{"tools":[{"name":"new"}]}"#.to_owned());
    shim.advance(6);
    assert!(shim.ask(call(3, "new")).await.contains("email"));
}

#[tokio::test]
async fn nobody_decides_is_denied_alike_for_every_name() {
    for rule in [Rule::Down, Rule::Silent] {
        let mut shim = harness(&[("read", rule.clone()), ("absent", rule)], &[("read", OK)]);
        let expected = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Denied by policy (pdp_unavailable). The policy decision point cannot be reached."}],"isError":true,"_meta":{"toolgate/decision":{"effect":"deny","code":"pdp_unavailable","retryable":true,"reasons":[{"code":"pdp_unavailable","message":"the policy decision point cannot be reached","retryable":true}]}}}}"#;
        assert_eq!(shim.ask(call(1, "read")).await, expected);
        assert_eq!(shim.ask(call(1, "absent")).await, expected);
        let codes: Vec<_> = shim
            .events()
            .await
            .into_iter()
            .map(|body| match body {
                EventBody::LocalDenial { code, mcp } => (code, mcp.name),
                other => panic!("{other:?}"),
            })
            .collect();
        let code = || "pdp_unavailable".to_owned();
        assert_eq!(
            codes,
            [(code(), "read".to_owned()), (code(), "absent".to_owned())]
        );
    }
}

#[tokio::test]
async fn a_verdict_that_ran_out_is_asked_again_so_often_and_no_more() {
    for (stale, answered, asked) in [(1, true, 2), (2, true, 3), (3, false, 3)] {
        let mut shim = harness(&[("read", Rule::Stale(stale))], &[("read", OK)]);
        let answer = shim.ask(READ).await;
        assert_eq!(answer.contains("email"), answered, "{answer}");
        assert_eq!(answer.contains("pdp_unavailable"), !answered, "{answer}");
        assert_eq!(shim.pdp.asked(Phase::Call).len(), asked);
    }
}

#[tokio::test]
async fn modern_denials_say_that_they_are_complete() {
    let mut shim = harness(&[("read", Rule::Deny)], &[]);
    let answer = shim.ask(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#).await;
    assert!(
        answer
            .starts_with(r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","content""#),
        "{answer}"
    );
    // The shim asked for the list in the same era.
    let list = shim.server_got().remove(0);
    assert!(list.ends_with(r#""method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#), "{list}");
    assert_eq!(shim.pdp.asked(Phase::Call)[0].mcp.protocol, "2026-07-28");
}

#[tokio::test]
async fn a_cancelled_call_ends_and_its_late_answer_is_dropped() {
    let mut shim = harness(&[("slow", Rule::Allow)], &[]);
    shim.send(call(5, "slow")).await;
    shim.settle().await;
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5,"reason":"text"}}"#;
    shim.send(cancel).await;
    shim.settle().await;
    assert_eq!(
        shim.server_got().last().unwrap(),
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}"#
    );
    shim.server_says(
        r#"{"jsonrpc":"2.0","id":5,"result":{"content":[{"type":"text","text":"late"}]}}"#,
    )
    .await;
    // The id is not accepted again: the late answer could be taken for the new one's.
    let reused = shim.ask(call(5, "slow")).await;
    assert_eq!(
        reused,
        r#"{"jsonrpc":"2.0","id":5,"error":{"code":-32600,"message":"Invalid Request: the id is in use"}}"#
    );
    let statuses: Vec<_> = shim.outcomes().await.iter().map(|it| it.status).collect();
    assert_eq!(statuses, [Status::Cancelled]);
}

#[tokio::test]
async fn without_a_list_of_tools_nothing_is_called() {
    let server = Server::new(r#"{"tools":"none"}"#, &[("read", OK)]);
    let mut shim = Harness::start(TablePdp::new(&[("read", Rule::Allow)]), server);
    let answer = shim.ask(READ).await;
    assert!(
        answer.contains("Denied by policy (internal). The server's list of tools is malformed."),
        "{answer}"
    );
    assert_eq!(shim.server_got().len(), 1);
}

#[tokio::test]
async fn a_tool_that_was_shown_does_not_vanish_when_deciding_fails() {
    let rules = [("read", Rule::Failing), ("sign", Rule::Hidden)];
    let mut shim = harness(&rules, &[]);
    let unknown = |name: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":-32602,"message":"Unknown tool: {name}"}}}}"#
        )
    };
    // Before any list, the client need not know that the tool exists.
    assert_eq!(shim.ask(call(1, "read")).await, unknown("read"));
    shim.ask(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#)
        .await;
    let answer = shim.ask(call(1, "read")).await;
    assert!(
        answer.contains("Denied by policy (evaluation_limit)."),
        "{answer}"
    );
    assert_eq!(shim.ask(call(1, "sign")).await, unknown("sign"));
    assert_eq!(shim.ask(call(1, "absent")).await, unknown("absent"));
}

#[tokio::test]
async fn what_a_log_would_refuse_is_not_reported() {
    let name = format!("bell\\u0007{}", "é".repeat(300));
    let rule = String::leak(name.replace("\\u0007", "\u{7}"));
    let mut shim = harness(&[(rule, Rule::Down)], &[]);
    shim.ask(call(1, &name)).await;
    let Some(EventBody::LocalDenial { mcp, .. }) = shim.events().await.pop() else {
        panic!("no denial");
    };
    assert_eq!(mcp.name, format!("bell\u{fffd}{}", "é".repeat(60)));
}
