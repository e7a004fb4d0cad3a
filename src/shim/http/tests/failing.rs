//! Whatever fails, the client gets a defined answer and the log an outcome.

use super::{call, rules, scene, script};
use crate::shim::event::Status;
use crate::shim::http::proxy::Ending;
use crate::shim::http::testing::{Scene, answer, events, json};
use std::time::Duration;

const LEGACY: &str = "mcp-protocol-version: 2025-06-18\r\n";

/// What the server writes, what the client gets, and how it is recorded.
struct Case {
    writes: Vec<u8>,
    status: u16,
    says: &'static str,
    recorded: Status,
}

fn cases() -> Vec<Case> {
    let case = |writes: Vec<u8>, says: &'static str, recorded| Case {
        writes,
        status: 200,
        says,
        recorded,
    };
    let unusable = "the server's answer cannot be used";
    let of_status = |status| answer(status, "text/html", "", "<h1>no</h1>");
    let half = b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"jsonrpc\"".to_vec();
    let half_stream = events("data: {\"jsonrpc\":\"2.0\"").unwrap();
    let other = r#"{"jsonrpc":"2.0","id":8,"result":{}}"#;
    let twice = r#"{"jsonrpc":"2.0","id":7,"id":7,"result":{}}"#;
    let long = format!(
        r#"{{"jsonrpc":"2.0","id":7,"result":{{"content":"{}"}}}}"#,
        "x".repeat(5 << 20)
    );
    vec![
        case(of_status(500), unusable, Status::ProtocolError),
        case(of_status(401), unusable, Status::ProtocolError),
        case(of_status(307), unusable, Status::ProtocolError),
        case(of_status(200), unusable, Status::ProtocolError),
        case(
            answer(202, "application/json", "", ""),
            unusable,
            Status::ProtocolError,
        ),
        Case {
            status: 400,
            ..case(of_status(400), unusable, Status::ProtocolError)
        },
        case(
            b"nonsense\r\n\r\n".to_vec(),
            "cannot be reached",
            Status::ProtocolError,
        ),
        case(Vec::new(), "cannot be reached", Status::ProtocolError),
        case(half, unusable, Status::ProtocolError),
        case(
            half_stream,
            "ended the stream without an answer",
            Status::ProtocolError,
        ),
        case(json("{}").unwrap(), unusable, Status::ProtocolError),
        case(json(other).unwrap(), unusable, Status::ProtocolError),
        case(json(twice).unwrap(), unusable, Status::ProtocolError),
        case(json("[]").unwrap(), unusable, Status::ProtocolError),
        case(
            events(&format!("data: {twice}\n\n")).unwrap(),
            unusable,
            Status::ProtocolError,
        ),
        case(json(&long).unwrap(), "result_withheld", Status::Withheld),
        case(
            events(&format!("data: {long}\n\n")).unwrap(),
            "result_withheld",
            Status::Withheld,
        ),
    ]
}

#[tokio::test]
async fn a_server_that_fails_is_answered_for() {
    for case in cases() {
        let writes = case.writes.clone();
        let scene = scene(move |_| Some(writes.clone())).await;
        let reply = scene.post(LEGACY, &call(7, "read")).await;
        assert_eq!(reply.status, case.status, "{} {}", case.says, reply.body);
        assert!(
            reply.body.contains(case.says),
            "{} {}",
            case.says,
            reply.body
        );
        assert!(reply.body.contains(r#""id":7"#), "{}", reply.body);
        scene.idle().await;
        let outcomes = scene.outcomes().await;
        let statuses: Vec<_> = outcomes.iter().map(|it| it.status).collect();
        assert_eq!(statuses, [case.recorded], "{}", case.says);
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up() {
    let hanging = script(|_| None);
    let scene = Scene::start_with(rules(), hanging, None, Duration::from_millis(300)).await;
    let reply = scene.post(LEGACY, &call(7, "read")).await;
    assert_eq!(reply.status, 200);
    assert!(
        reply.body.contains("did not answer in time"),
        "{}",
        reply.body
    );
    assert_eq!(scene.outcomes().await[0].status, Status::Timeout);
}

#[tokio::test]
async fn a_stream_that_does_not_end_is_given_up() {
    let endless = script(|_| {
        let head = "HTTP/1.1 200 X\r\ncontent-type: text/event-stream\r\ncontent-length: 1000000\r\n\r\n: hello\n\n";
        Some(head.as_bytes().to_vec())
    });
    let scene = Scene::start_with(rules(), endless, None, Duration::from_millis(300)).await;
    let reply = scene.post(LEGACY, &call(7, "read")).await;
    // The server hangs up, or time is over: an answer either way.
    assert!(reply.body.contains(r#""id":7,"error""#), "{}", reply.body);
    scene.idle().await;
    assert_eq!(scene.outcomes().await.len(), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_ends_its_call() {
    let scene = scene(|_| None).await;
    let socket = scene.open("POST", LEGACY, &call(7, "read")).await;
    let sent = async {
        while scene.server_got().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), sent)
        .await
        .expect("nothing was sent");
    drop(socket);
    scene.idle().await;
    assert_eq!(scene.outcomes().await[0].status, Status::Cancelled);
}

#[tokio::test]
async fn a_pdp_that_is_down_denies() {
    let scene = scene(|_| None).await;
    let pdp = crate::shim::testing::TablePdp::new(&[("read", crate::shim::testing::Rule::Down)]);
    let scene = Scene::start(
        pdp,
        script(move |_| {
            let _unused = &scene;
            json("{}")
        }),
    )
    .await;
    let reply = scene.post(LEGACY, &call(7, "read")).await;
    assert_eq!(reply.status, 200);
    assert!(reply.body.contains("pdp_unavailable"), "{}", reply.body);
    assert_eq!(scene.server_got(), [] as [&str; 0]);
}

#[tokio::test]
async fn at_the_end_what_is_under_way_is_answered_and_nothing_begins() {
    let scene = scene(|_| None).await;
    let mut waiting = scene.open("POST", LEGACY, &call(7, "read")).await;
    let sent = async {
        while scene.server_got().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), sent)
        .await
        .expect("nothing was sent");
    let mut late = scene.open("POST", LEGACY, "").await;
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut late, &mut text)
        .await
        .unwrap();
    assert!(text.contains("400"), "{text}");
    scene.end(Ending::Draining);
    scene.end(Ending::Over);
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut waiting, &mut text)
        .await
        .unwrap();
    assert!(text.contains("the proxy is ending"), "{text}");
    scene.idle().await;
    assert_eq!(scene.outcomes().await[0].status, Status::ProtocolError);
}
