//! Events of enforcement points: acknowledged once they are durable, recorded once.

use crate::server::asking::{Decisions, decide};
use crate::server::publishing::{Shim, event};
use crate::server::{Server, block_on, config, of_type, write_files};
use serde_json::Value;
use tonic::Code;
use toolgate::wire::v1::publish_request::Event;
use toolgate::wire::v1::{
    Heartbeat, LocalDenial, Mcp, Outcome, OutcomeStatus, PublishRequest, ShimConnected,
};

const AUDIT: &str = "[audit]\ndir = \"audit\"\n[limits]\nevaluation_milliseconds_max = 5000\n";

async fn start() -> Server {
    start_with(&config(AUDIT)).await
}

async fn start_with(config: &str) -> Server {
    let dir = tempfile::tempdir().unwrap();
    let policy = "package policies.crm\nallow contains \"crm.read\"\n";
    write_files(&dir.path().join("main"), [("p.rego", policy)]);
    Server::start(dir, config).await
}

fn heartbeat(seq: u64) -> PublishRequest {
    event(1, seq, Event::Heartbeat(Heartbeat { spooled: seq }))
}

fn seqs(records: &[Value]) -> Vec<u64> {
    let of_shim = records
        .iter()
        .filter(|record| record.get("event_id").is_some());
    of_shim
        .map(|record| record["shim"]["seq"].as_u64().unwrap())
        .collect()
}

/// The records as they are in the files now, without flushing: what was acknowledged is there.
fn on_disk(server: &Server) -> Vec<Value> {
    crate::server::records(&server.audit_dir)
}

#[test]
fn an_acknowledged_event_is_in_the_file() {
    block_on(async {
        let server = start().await;
        let mut shim = Shim::connect(&server).await.unwrap();
        for seq in 1..=20 {
            assert_eq!(shim.send(heartbeat(seq)).await.unwrap(), seq);
            assert_eq!(seqs(&on_disk(&server)), (1..=seq).collect::<Vec<_>>());
        }
        server.stop().await;
    });
}

#[test]
fn events_that_are_sent_together_are_all_acknowledged() {
    block_on(async {
        let server = start().await;
        let mut shim = Shim::connect(&server).await.unwrap();
        let events = shim.events.clone();
        tokio::spawn(async move {
            for seq in 1..=200 {
                events.send(heartbeat(seq)).await.unwrap();
            }
        });
        let mut last = 0;
        while last < 200 {
            let answer = shim.answers.message().await.unwrap().unwrap();
            assert!(answer.durable_seq >= last);
            last = answer.durable_seq;
            assert!(seqs(&on_disk(&server)).len() as u64 >= last);
        }
        assert_eq!(seqs(&on_disk(&server)), (1..=200).collect::<Vec<_>>());
        server.stop().await;
    });
}

#[test]
fn a_repeated_event_is_acknowledged_and_not_recorded_again() {
    block_on(async {
        let server = start().await;
        let mut shim = Shim::connect(&server).await.unwrap();
        let first = heartbeat(1);
        assert_eq!(shim.send(first.clone()).await.unwrap(), 1);
        assert_eq!(shim.send(heartbeat(2)).await.unwrap(), 2);
        assert_eq!(shim.send(first).await.unwrap(), 2);
        assert_eq!(seqs(&on_disk(&server)), [1, 2]);
        // Another epoch counts from 1 again.
        drop(shim);
        let mut shim = Shim::connect(&server).await.unwrap();
        let restarted = event(2, 1, Event::Heartbeat(Heartbeat { spooled: 0 }));
        assert_eq!(shim.send(restarted).await.unwrap(), 1);
        assert_eq!(seqs(&on_disk(&server)), [1, 2, 1]);
        server.stop().await;
    });
}

#[test]
fn missing_events_are_recorded_as_missing() {
    block_on(async {
        let server = start().await;
        let mut shim = Shim::connect(&server).await.unwrap();
        assert_eq!(shim.send(heartbeat(1)).await.unwrap(), 1);
        assert_eq!(shim.send(heartbeat(5)).await.unwrap(), 5);
        let gaps = of_type(&on_disk(&server), "gap");
        assert_eq!(gaps.len(), 1);
        assert_eq!(
            (&gaps[0]["first_seq"], &gaps[0]["last_seq"]),
            (&2.into(), &4.into())
        );
        // One that comes late after all is recorded, and the gap stands.
        assert_eq!(shim.send(heartbeat(3)).await.unwrap(), 5);
        assert_eq!(seqs(&on_disk(&server)), [1, 5, 3]);
        assert_eq!(of_type(&on_disk(&server), "gap").len(), 1);
        server.stop().await;
    });
}

#[test]
fn a_second_connection_resumes_also_after_a_restart() {
    block_on(async {
        let server = start().await;
        let (second, third) = (heartbeat(2), heartbeat(3));
        let mut shim = Shim::connect(&server).await.unwrap();
        assert_eq!(shim.send(heartbeat(1)).await.unwrap(), 1);
        assert_eq!(shim.send(second.clone()).await.unwrap(), 2);
        drop(shim);
        let mut shim = Shim::connect(&server).await.unwrap();
        assert_eq!(shim.send(second).await.unwrap(), 2);
        assert_eq!(shim.send(third.clone()).await.unwrap(), 3);
        drop(shim);
        let server = server.restart(&config(AUDIT)).await;
        let mut shim = Shim::connect(&server).await.unwrap();
        assert_eq!(shim.send(third).await.unwrap(), 3);
        assert_eq!(shim.send(heartbeat(4)).await.unwrap(), 4);
        assert_eq!(seqs(&on_disk(&server)), [1, 2, 3, 4]);
        assert_eq!(of_type(&on_disk(&server), "gap").len(), 0);
        server.stop().await;
    });
}

#[test]
fn a_stream_ends_with_the_server_and_what_was_sent_is_durable() {
    block_on(async {
        let server = start().await;
        let mut shim = Shim::connect(&server).await.unwrap();
        for seq in 1..=3 {
            shim.events.send(heartbeat(seq)).await.unwrap();
        }
        let mut durable = shim.answers.message().await.unwrap().unwrap().durable_seq;
        let stopping = tokio::spawn(server.stop());
        while let Some(answer) = shim.answers.message().await.unwrap() {
            durable = answer.durable_seq;
        }
        let report = stopping.await.unwrap();
        assert!(report.by_type["heartbeat"] >= durable, "{report:?}");
    });
}

#[test]
fn an_outcome_names_its_decision() {
    block_on(async {
        let server = start().await;
        let mut client = Decisions::new(server.unix().await);
        let reply = decide(&mut client, "crm/read").await;
        let mut shim = Shim::connect(&server).await.unwrap();
        let connected = ShimConnected {
            kind: "stdio".to_owned(),
            version: "0.1.0".to_owned(),
            server: "crm".to_owned(),
        };
        shim.send(event(1, 1, Event::ShimConnected(connected)))
            .await
            .unwrap();
        let outcome = Outcome {
            decision_id: reply.decision_id.clone(),
            status: OutcomeStatus::Ok.into(),
            response_bytes: 120,
            response_digest: "sha256:00".to_owned(),
            fields_returned: vec!["name".to_owned()],
            masked: vec!["email".to_owned()],
            latency_us: 1_500,
            call_id: reply.call_id.clone(),
            ..Outcome::default()
        };
        shim.send(event(1, 2, Event::Outcome(outcome)))
            .await
            .unwrap();
        let denial = LocalDenial {
            code: "pdp_unavailable".to_owned(),
            mcp: Some(Mcp {
                server: "crm".to_owned(),
                method: "tools/call".to_owned(),
                name: "read".to_owned(),
                protocol_version: String::new(),
            }),
        };
        shim.send(event(1, 3, Event::LocalDenial(denial)))
            .await
            .unwrap();

        let records = on_disk(&server);
        let [connected] = &of_type(&records, "shim_connected")[..] else {
            panic!("{records:?}")
        };
        assert_eq!(
            (&connected["caller"], &connected["tool_server"]),
            (&"shim".into(), &"crm".into())
        );
        let [outcome] = &of_type(&records, "outcome")[..] else {
            panic!("{records:?}")
        };
        let decisions = of_type(&records, "decision");
        assert_eq!(outcome["decision_id"], decisions[0]["decision_id"]);
        assert_eq!(outcome["call_id"], decisions[0]["call_id"]);
        assert_eq!(
            (&outcome["status"], &outcome["latency_ms"]),
            (&"ok".into(), &2.into())
        );
        assert_eq!(outcome["response"]["size"], 120);
        assert_eq!(outcome["decision_known"], true);
        assert_eq!(outcome["response"]["masked"], serde_json::json!(["email"]));
        let hash = outcome["response"]["hash"].as_str().unwrap();
        assert!(hash.starts_with("hmac-sha256:"), "{hash}");
        let denied = &decisions[1];
        assert_eq!(
            (&denied["effect"], &denied["caller"]),
            (&"deny".into(), &"shim".into())
        );
        assert_eq!(denied["reasons"][0]["code"], "pdp_unavailable");
        assert_eq!(denied["shim"]["seq"], 3);
        server.stop().await;
    });
}

#[test]
fn what_makes_no_sense_is_refused() {
    block_on(async {
        let server = start().await;
        let sound = heartbeat(1);
        let outcome = |decision_id: &str, status: OutcomeStatus| {
            let (decision_id, status) = (decision_id.to_owned(), status.into());
            Some(Event::Outcome(Outcome {
                decision_id,
                status,
                ..Outcome::default()
            }))
        };
        let many = Outcome {
            decision_id: "x".to_owned(),
            status: OutcomeStatus::Ok.into(),
            masked: vec![String::new(); 257],
            ..Outcome::default()
        };
        let cases = [
            (
                PublishRequest {
                    event: None,
                    ..sound.clone()
                },
                "`event` is required",
            ),
            (
                PublishRequest {
                    event_id: "1".into(),
                    ..sound.clone()
                },
                "`event_id` is not a UUID",
            ),
            (
                PublishRequest {
                    seq: 0,
                    ..sound.clone()
                },
                "from 1 to",
            ),
            (
                PublishRequest {
                    epoch: 0,
                    ..sound.clone()
                },
                "from 1 to",
            ),
            (
                PublishRequest {
                    shim_id: String::new(),
                    ..sound.clone()
                },
                "shim id must have 1 to",
            ),
            (
                PublishRequest {
                    shim_id: "a\nb".into(),
                    ..sound.clone()
                },
                "control character",
            ),
            (
                PublishRequest {
                    event: outcome("", OutcomeStatus::Ok),
                    ..sound.clone()
                },
                "`outcome.decision_id` is required",
            ),
            (
                PublishRequest {
                    event: outcome("x", OutcomeStatus::Unspecified),
                    ..sound.clone()
                },
                "`outcome.status` is not known",
            ),
            (
                PublishRequest {
                    event: Some(Event::Outcome(many)),
                    ..sound.clone()
                },
                "more than 256 names",
            ),
        ];
        for (event, message) in cases {
            let shim = Shim::connect(&server).await.unwrap();
            let (code, found) = shim.refused(event).await;
            assert_eq!(code, Code::InvalidArgument, "{found}");
            assert!(found.contains(message), "{found}");
        }
        let mut shim = Shim::connect(&server).await.unwrap();
        shim.send(sound.clone()).await.unwrap();
        let other = PublishRequest {
            shim_id: "shim-2".into(),
            seq: 2,
            ..sound
        };
        let (code, found) = shim.refused(other).await;
        assert!(
            code == Code::InvalidArgument && found.contains("differ"),
            "{found}"
        );
        assert_eq!(seqs(&on_disk(&server)), [1]);
        server.stop().await;
    });
}

#[test]
fn nobody_publishes_who_is_not_known() {
    block_on(async {
        let stranger = config(AUDIT).replace("uid = ", "uid = 1");
        let server = start_with(&stranger).await;
        let refused = Shim::connect(&server).await.err().unwrap();
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert_eq!(seqs(&on_disk(&server)), [0; 0]);
        server.stop().await;
    });
}
