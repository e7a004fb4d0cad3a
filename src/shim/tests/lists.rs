//! `tools/list`.

use crate::model::call::Phase;
use crate::shim::testing::{Harness, NOW, Rule, Server, TablePdp};

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

fn shim(page: &str, rules: &[(&'static str, Rule)]) -> Harness {
    Harness::start(TablePdp::new(rules), Server::new(page, &[]))
}

#[tokio::test]
async fn hidden_tools_leave_the_list_and_all_else_stays() {
    let rules = [("a", Rule::Allow), ("b", Rule::Deny), ("c", Rule::Hidden)];
    let cases = [
        (r#"{"tools":[]}"#, r#"{"tools":[]}"#),
        // Nothing is hidden: the original bytes.
        (
            r#"{ "tools": [ {"name":"a"} , {"name":"b"} ] }"#,
            r#"{ "tools": [ {"name":"a"} , {"name":"b"} ] }"#,
        ),
        (r#"{"tools":[{"name":"c"}]}"#, r#"{"tools":[]}"#),
        (
            r#"{ "tools" : [{"name":"c"}, {"name":"b","x":[1,{"y":"],{"}]},{ "name":"a" }], "nextCursor":"n", "extra":1e400}"#,
            r#"{ "tools" : [{"name":"b","x":[1,{"y":"],{"}]},{ "name":"a" }], "nextCursor":"n", "extra":1e400}"#,
        ),
        // Without a usable name: shown to nobody.
        (
            r#"{"tools":[{"title":"a"},{"name":1},7,{"name":"a\u0007"},{"name":"a"}]}"#,
            r#"{"tools":[{"name":"a"}]}"#,
        ),
        // Two of one name: neither.
        (
            r#"{"tools":[{"name":"a"},{"name":"b"},{"name":"\u0061"}]}"#,
            r#"{"tools":[{"name":"b"}]}"#,
        ),
        // An escaped name is the name.
        (r#"{"tools":[{"name":"\u0063"}]}"#, r#"{"tools":[]}"#),
    ];
    for (page, expected) in cases {
        let mut shim = shim(page, &rules);
        assert_eq!(
            shim.ask(LIST).await,
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{expected}}}"#)
        );
        assert_eq!(shim.server_got(), [LIST]);
    }
}

#[tokio::test]
async fn each_tool_is_asked_about_with_its_definition() {
    let mut shim = shim(
        r#"{"tools":[{"name":"a","description":"d"}]}"#,
        &[("a", Rule::Allow)],
    );
    shim.ask(LIST).await;
    let asked = shim.pdp.asked(Phase::List);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].mcp.name, "a");
    assert_eq!(
        asked[0].definition_json.as_deref(),
        Some(br#"{"name":"a","description":"d"}"#.as_slice())
    );
}

#[tokio::test]
async fn modern_lists_are_private_and_no_longer_kept_than_the_verdicts_hold() {
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
    // The verdicts hold for 30 s.
    let cases = [
        (
            r#"{"tools":[{"name":"a"}],"ttlMs":1000,"cacheScope":"private"}"#,
            r#"{"tools":[{"name":"a"}],"ttlMs":1000,"cacheScope":"private"}"#,
        ),
        (
            r#"{"tools":[{"name":"a"}],"ttlMs":60000,"cacheScope":"public"}"#,
            r#"{"tools":[{"name":"a"}],"ttlMs":30000,"cacheScope":"private"}"#,
        ),
        (
            r#"{"cacheScope":"public","ttlMs":-1,"tools":[{"name":"c"},{"name":"a"}]}"#,
            r#"{"cacheScope":"private","ttlMs":30000,"tools":[{"name":"a"}]}"#,
        ),
        (
            r#"{"tools":[{"name":"c"},{"name":"a"}],"ttlMs":0}"#,
            r#"{"tools":[{"name":"a"}],"cacheScope":"private","ttlMs":0}"#,
        ),
        (
            r#"{"ttlMs":"x","tools":[]}"#,
            r#"{"ttlMs":"x","tools":[],"cacheScope":"private"}"#,
        ),
    ];
    assert_ne!(NOW, 0);
    for (page, expected) in cases {
        let mut shim = shim(page, &[("a", Rule::Allow), ("c", Rule::Hidden)]);
        assert_eq!(
            shim.ask(request).await,
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{expected}}}"#)
        );
    }
}

#[tokio::test]
async fn a_list_is_denied_when_nobody_decides() {
    let mut shim = shim(r#"{"tools":[{"name":"a"}]}"#, &[("a", Rule::Down)]);
    let answer = shim.ask(LIST).await;
    assert!(answer.starts_with(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-31001,"message":"Denied by policy (pdp_unavailable)."#), "{answer}");
}

#[tokio::test]
async fn malformed_lists_are_not_forwarded() {
    for page in [
        r#"{}"#,
        r#"{"tools":{}}"#,
        r#"{"tools":null}"#,
        r#"{"tools":"[]"}"#,
    ] {
        let mut shim = shim(page, &[]);
        let expected = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Internal error: the server's answer cannot be used"}}"#;
        assert_eq!(shim.ask(LIST).await, expected);
    }
}

#[tokio::test]
async fn the_clients_own_list_serves_for_its_calls() {
    let mut shim = shim(
        r#"{"tools":[{"name":"a"}],"nextCursor":"2"}"#,
        &[("a", Rule::Deny), ("b", Rule::Deny)],
    );
    shim.server
        .pages
        .lock()
        .unwrap()
        .insert("2".to_owned(), r#"{"tools":[{"name":"b"}]}"#.to_owned());
    shim.ask(LIST).await;
    shim.ask(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":"2"}}"#)
        .await;
    for name in ["a", "b"] {
        let call = format!(
            r#"{{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{{"name":"{name}"}}}}"#
        );
        assert!(
            shim.ask(call)
                .await
                .contains("Denied by policy (region.mismatch)")
        );
    }
    assert_eq!(shim.server_got().len(), 2);
    // A change: the shim looks itself, at every page.
    shim.server_says(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#)
        .await;
    assert_eq!(
        shim.receive().await,
        r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#
    );
    let call = r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"b"}}"#;
    assert!(
        shim.ask(call)
            .await
            .contains("Denied by policy (region.mismatch)")
    );
    assert_eq!(shim.server_got().len(), 4);
}

#[tokio::test]
async fn a_page_alone_is_not_taken_for_the_whole() {
    let mut shim = shim(
        r#"{"tools":[{"name":"a"}],"nextCursor":"2"}"#,
        &[("a", Rule::Deny), ("b", Rule::Deny)],
    );
    shim.server
        .pages
        .lock()
        .unwrap()
        .insert("2".to_owned(), r#"{"tools":[{"name":"b"}]}"#.to_owned());
    shim.ask(r#"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":"2"}}"#)
        .await;
    let call = r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"a"}}"#;
    assert!(
        shim.ask(call)
            .await
            .contains("Denied by policy (region.mismatch)")
    );
    assert_eq!(shim.server_got().len(), 3);
}
