//! From the client's pipes to a child process and back.

use crate::shim::event::{EventBody, Status, Transport};
use crate::shim::report::ReportConfig;
use crate::shim::session::SessionConfig;
use crate::shim::stdio::{Config, run};
use crate::shim::testing::{Rule, TablePdp, clock};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

fn config(script: &str, state_dir: &Path) -> Config {
    Config {
        session: SessionConfig {
            server: "crm".to_owned(),
            context: BTreeMap::new(),
            pdp_deadline: Duration::from_millis(250),
            call_timeout: Duration::from_secs(60),
        },
        command: ["sh", "-c", script].map(Into::into).to_vec(),
        state_dir: state_dir.to_owned(),
        report: ReportConfig::default(),
    }
}

const PING: &[u8] = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";

#[tokio::test]
async fn the_servers_last_words_and_exit_code_get_through() {
    let state = tempfile::tempdir().unwrap();
    let script = r#"read line; echo '{"jsonrpc":"2.0","id":1,"result":{}}'; exit 5"#;
    let (mut client, client_in) = tokio::io::duplex(4096);
    let (client_out, answers) = tokio::io::duplex(4096);
    let pdp = TablePdp::new(&[]);
    let shared = Arc::clone(&pdp);
    let running = tokio::spawn(run(
        config(script, state.path()),
        shared,
        clock(),
        client_in,
        client_out,
    ));
    client.write_all(PING).await.unwrap();
    let mut answers = BufReader::new(answers).lines();
    let answer = answers.next_line().await.unwrap().unwrap();
    assert_eq!(answer, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert_eq!(running.await.unwrap().unwrap(), 5);
    let server = "crm".to_owned();
    let reported = pdp.reported.lock().unwrap();
    assert_eq!(
        reported[0].body,
        EventBody::Connected {
            kind: Transport::Stdio,
            server
        }
    );
    assert_eq!((reported[0].epoch, reported[0].seq), (1, 1));
}

#[tokio::test]
async fn the_end_of_the_clients_input_is_the_servers() {
    let state = tempfile::tempdir().unwrap();
    let (client, client_in) = tokio::io::duplex(4096);
    let (client_out, _answers) = tokio::io::duplex(4096);
    drop(client);
    let config = config("cat >/dev/null; exit 3", state.path());
    let code = run(config, TablePdp::new(&[]), clock(), client_in, client_out).await;
    assert_eq!(code.unwrap(), 3);
}

#[tokio::test]
async fn a_server_that_does_not_read_does_not_keep_the_shim() {
    let state = tempfile::tempdir().unwrap();
    let script = "read line; exec 1>&-; exec sleep 60";
    let (mut client, client_in) = tokio::io::duplex(4 << 20);
    let (client_out, _answers) = tokio::io::duplex(4096);
    client.write_all(PING).await.unwrap();
    let text = "x".repeat(1 << 20);
    let large = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"ping\",\"params\":{{\"x\":\"{text}\"}}}}\n"
    );
    client.write_all(large.as_bytes()).await.unwrap();
    let config = config(script, state.path());
    let running = run(config, TablePdp::new(&[]), clock(), client_in, client_out);
    let code = tokio::time::timeout(Duration::from_secs(20), running).await;
    assert_eq!(code.unwrap().unwrap(), 143);
}

/// The server takes the call and ends: the client is told, and the call has an outcome.
#[tokio::test]
async fn a_call_in_flight_when_the_server_ends_is_answered_and_has_an_outcome() {
    let state = tempfile::tempdir().unwrap();
    let script = r#"read a; echo '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"slow"}]}}'; read b; exit 7"#;
    let (mut client, client_in) = tokio::io::duplex(4096);
    let (client_out, answers) = tokio::io::duplex(4096);
    let pdp = TablePdp::new(&[("slow", Rule::Allow)]);
    let shared = Arc::clone(&pdp);
    let config = config(script, state.path());
    let running = tokio::spawn(run(config, shared, clock(), client_in, client_out));
    let mut answers = BufReader::new(answers).lines();
    let list = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}\n";
    client.write_all(list).await.unwrap();
    answers.next_line().await.unwrap().unwrap();
    let call = b"{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"slow\"}}\n";
    client.write_all(call).await.unwrap();
    let answer = answers.next_line().await.unwrap().unwrap();
    let ended = r#"{"jsonrpc":"2.0","id":2,"error":{"code":-32603,"message":"Internal error: the server has ended"}}"#;
    assert_eq!(answer, ended);
    assert_eq!(running.await.unwrap().unwrap(), 7);
    let reported = pdp.reported.lock().unwrap();
    let statuses = reported.iter().filter_map(|event| match &event.body {
        EventBody::Outcome(outcome) => Some(outcome.status),
        _ => None,
    });
    assert_eq!(statuses.collect::<Vec<_>>(), [Status::ProtocolError]);
}
