//! Whole requests: what a client and a server get, and what is recorded.

mod calls;
mod failing;
mod modern;
mod sessions;

use super::testing::{Got, Scene, Script, json};
use crate::shim::testing::{Rule, TablePdp};
use std::sync::Arc;

/// The server's tools.
const PAGE: &str = r#"{"tools":[{"name":"read","outputSchema":{"type":"object"}},{"name":"mask"},{"name":"secret"}]}"#;

fn call(id: u64, name: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{name}"}}}}"#)
}

/// Answers a list of tools, whoever asks; everything else is for the test to say.
fn script(more: impl Fn(&Got) -> Option<Vec<u8>> + Send + Sync + 'static) -> Script {
    Arc::new(move |got| {
        let message: serde_json::Value = serde_json::from_str(&got.body).unwrap_or_default();
        if message["method"] == "tools/list" {
            let id = &message["id"];
            return json(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{PAGE}}}"#));
        }
        more(got)
    })
}

fn rules() -> Arc<TablePdp> {
    TablePdp::new(&[
        ("read", Rule::Allow),
        ("mask", Rule::Replace("a@b", "***")),
        ("deny", Rule::Deny),
        ("down", Rule::Down),
        (
            "rewrite",
            Rule::Rewrite(r#"{"name":"rewrite","arguments":{"limit":10}}"#),
        ),
    ])
}

async fn scene(more: impl Fn(&Got) -> Option<Vec<u8>> + Send + Sync + 'static) -> Scene {
    Scene::start(rules(), script(more)).await
}
