//! A shim that is known by nothing but its token, over TLS that proves the server alone.

use crate::admission::{TLS, policies};
use crate::server::{Server, block_on, of_type, pki, tokens};
use serde_json::json;
use std::path::Path;
use tokio_stream::StreamExt;
use toolgate::model::call::{Mcp, Phase};
use toolgate::model::verdict::Effect;
use toolgate::shim::event::{DecisionRef, Event, EventBody, Outcome, Status};
use toolgate::shim::pdp::{Answer, Pdp, Question};
use toolgate::shim::remote::token_file::TokenFile;
use toolgate::shim::remote::{RemoteConfig, RemotePdp, Speaker};
use toolgate::telemetry::now;
use toolgate::wire::Tls;
use uuid::Uuid;

/// More than somebody may send who is not known.
const ARGUMENT_BYTES: usize = 70_000;

fn shim(server: &Server, token: &Path) -> RemotePdp {
    let port = server.tcp.unwrap().port();
    let ca_pem = Some(pki::authority().get_ref().to_vec());
    let config = RemoteConfig {
        url: format!("https://localhost:{port}"),
        speaker: Speaker::Token(TokenFile::open(token).unwrap()),
        tls: Tls {
            ca_pem,
            identity_pem: None,
        },
    };
    RemotePdp::new(config).unwrap()
}

fn question(argument_bytes: usize) -> Question {
    let note = "x".repeat(argument_bytes);
    let params = json!({"name": "read", "arguments": {"note": note}});
    Question {
        phase: Phase::Call,
        mcp: Mcp {
            server: "crm".to_owned(),
            method: "tools/call".to_owned(),
            name: "read".to_owned(),
            protocol: String::new(),
        },
        params_json: params.to_string().into_bytes(),
        ..Question::default()
    }
}

fn outcome(decision: DecisionRef) -> Event {
    Event {
        shim_id: Uuid::now_v7().to_string(),
        epoch: 1,
        seq: 1,
        event_id: Uuid::now_v7().to_string(),
        time: now(),
        body: EventBody::Outcome(Outcome::unanswered(decision, Status::Withheld, 1)),
    }
}

async fn granted(shim: &RemotePdp) -> Answer {
    let answer = shim.decide(question(ARGUMENT_BYTES)).await.unwrap();
    assert_eq!(answer.effect, Effect::Allow, "{:?}", answer.reasons);
    answer
}

#[test]
fn its_large_calls_are_decided_and_its_outcomes_recorded() {
    block_on(async {
        let server = Server::start(policies(), TLS).await;
        let path = server.dir.path().join("token");
        let token = tokens::token(&json!({"sub": "agent_a"}));
        std::fs::write(&path, token).unwrap();
        let shim = shim(&server, &path);
        let answer = granted(&shim).await;
        let batch = vec![question(0), question(ARGUMENT_BYTES)];
        let answers = shim.decide_batch(batch).await.unwrap();
        assert!(answers.iter().all(|it| it.effect == Effect::Allow));
        assert!(!shim.revision().await.unwrap().is_empty());
        let mut revisions = shim.revisions().await.unwrap().unwrap();
        assert!(!revisions.next().await.unwrap().unwrap().is_empty());
        let event = outcome(answer.reference());
        let events = vec![event.clone()];
        let acknowledged = shim.report(Box::new(|_| Ok(events))).await.unwrap();
        assert_eq!(acknowledged.durable_seq, 1);
        let records = server.stopped_records().await;
        let outcomes = of_type(&records, "outcome");
        let [recorded] = outcomes.as_slice() else {
            panic!("{outcomes:?}");
        };
        assert_eq!(recorded["event_id"], json!(event.event_id));
        assert_eq!(recorded["decision_known"], json!(true));
        // The decision is for whom the token names, not for the entry.
        let decided = of_type(&records, "decision");
        assert_eq!(decided[0]["principal"]["id"], json!("agent_a"));
    });
}
