//! What enforcement points report is held against what was decided: outcomes belong to decisions
//! for their caller, numbers to one event each, and what is doubtful is recorded as such.

use crate::server::asking::{Decisions, call, codes, get};
use crate::server::publishing::{Shim, event};
use crate::server::{Server, block_on, config, of_type, pki, tokens, write_files};
use serde_json::{Value, json};
use tonic::Code;
use toolgate::wire::v1::publish_request::Event;
use toolgate::wire::v1::{
    DecideRequest, DecideResponse, Heartbeat, LocalDenial, Outcome, OutcomeStatus, Phase,
    PublishRequest,
};
use uuid::Uuid;

const MORE: &str = r#"
tenant = "acme"
[[callers]]
name = "other"
servers = ["*"]
token_subject = "other"
[audit]
dir = "audit"
[limits]
evaluation_milliseconds_max = 5000
[jwt]
jwks_file = "keys.json"
issuer = "https://issuer.example"
audience = "toolgate"
algorithms = ["ES256"]
"#;
const POLICY: &str = r#"package policies.crm
allow contains "ok"
constrain contains {"type": "mask_fields", "fields": ["email"]} if input.mcp.name == "masked"
constrain contains {"type": "drop_fields", "fields": ["phone"]} if input.mcp.name == "masked"
constrain contains {"type": "limit_rows", "rows": 1} if input.mcp.name == "masked"
"#;
const RESULT: &str = r#"{"content":[],"structuredContent":{"rows":[{"email":"a@b.c","phone":"1"},{"email":"d@e.f"},{"email":"x@y.z"}]}}"#;

async fn start() -> Server {
    let dir = tempfile::tempdir().unwrap();
    write_files(&dir.path().join("main"), [("p.rego", POLICY)]);
    pki::write_server_files(dir.path());
    tokens::write_key_set(dir.path());
    Server::start(dir, &config(MORE)).await
}

/// A call that is granted, and its result.
async fn granted(server: &Server, tool: &str) -> (DecideResponse, DecideResponse) {
    let mut decisions = Decisions::new(server.unix().await);
    let granted = decisions.decide(call(tool)).await.unwrap().into_inner();
    assert!(!granted.call_id.is_empty(), "{:?}", codes(&granted));
    let result = DecideRequest {
        phase: Phase::Result.into(),
        call_id: granted.call_id.clone(),
        result_json: RESULT.into(),
        ..call(tool)
    };
    let judged = decisions.decide(result).await.unwrap().into_inner();
    assert_eq!(codes(&judged), ["ok"]);
    (granted, judged)
}

fn outcome(granted: &DecideResponse) -> Outcome {
    Outcome {
        decision_id: granted.decision_id.clone(),
        call_id: granted.call_id.clone(),
        status: OutcomeStatus::Ok.into(),
        response_bytes: 100,
        ..Outcome::default()
    }
}

/// The log's last record of this type.
async fn last(server: &Server, kind: &str) -> Value {
    of_type(&server.records().await, kind).pop().unwrap()
}

async fn doubts(server: &Server, what: &str) -> u64 {
    let metrics = get(server.http.unwrap(), "/metrics").await.unwrap();
    let name = format!("toolgate_audit_doubts_total{{what=\"{what}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn the_hashes_of_a_decision_and_its_outcome_can_be_compared() {
    block_on(async {
        let server = start().await;
        let mut shim = Shim::connect(&server).await.unwrap();
        for (seq, tool, hashed) in [(1, "crm/plain", "response"), (2, "crm/masked", "released")] {
            let (granted, judged) = granted(&server, tool).await;
            let decision = last(&server, "decision").await;
            let reported = Outcome {
                response_digest: judged.judged_digest.clone(),
                ..outcome(&granted)
            };
            shim.send(event(1, seq, Event::Outcome(reported)))
                .await
                .unwrap();
            let outcome = last(&server, "outcome").await;
            assert_eq!(outcome["decision_known"], true);
            assert_eq!(
                (&outcome["tenant"], &decision["tenant"]),
                (&"acme".into(), &"acme".into())
            );
            assert_eq!(outcome["response"]["judged"], true);
            assert_eq!(
                outcome["response"]["hash"], decision[hashed]["hash"],
                "{tool}"
            );
            assert_eq!(outcome["response"]["size"], 100);
            assert_eq!(outcome.get("filtered"), decision.get("filtered"));
            let filtered = json!({"masked": ["email"], "dropped": ["phone"], "rows_removed": 2});
            let expected = (tool == "crm/masked").then_some(&filtered);
            assert_eq!(decision.get("filtered"), expected);
            assert_eq!(decision.get("released").is_some(), expected.is_some());
        }
        server.stop().await;
    });
}

#[test]
fn a_result_that_was_not_judged_is_recorded_by_its_digest_alone() {
    block_on(async {
        let server = start().await;
        let (granted, _) = granted(&server, "crm/plain").await;
        let mut shim = Shim::connect(&server).await.unwrap();
        let reported = Outcome {
            response_digest: "sha256:00".to_owned(),
            secret_present: Some(true),
            secret_valid: Some(false),
            dropped: vec!["phone".to_owned()],
            rows_removed: 4,
            ..outcome(&granted)
        };
        shim.send(event(1, 1, Event::Outcome(reported)))
            .await
            .unwrap();
        let record = last(&server, "outcome").await;
        assert_eq!(record["response"]["judged"], false);
        assert_eq!(record["response"].get("secret_present"), None);
        assert_eq!(
            (&record["secret_present"], &record["secret_valid"]),
            (&true.into(), &false.into())
        );
        let own = json!({"masked": [], "dropped": ["phone"], "rows_removed": 4});
        assert_eq!(record["filtered"], own);
        shim.send(event(1, 2, Event::Outcome(outcome(&granted))))
            .await
            .unwrap();
        let record = last(&server, "outcome").await;
        for absent in ["response", "secret_present", "secret_valid", "filtered"] {
            assert_eq!(record.get(absent), None, "{absent}");
        }
        server.stop().await;
    });
}

#[test]
fn an_outcome_of_a_decision_that_is_not_its_callers_is_recorded_and_marked() {
    block_on(async {
        let server = start().await;
        let (first, judged) = granted(&server, "crm/plain").await;
        let (second, _) = granted(&server, "crm/plain").await;
        let digest = judged.judged_digest.as_str();
        let made_up = Uuid::now_v7().to_string();
        let own = Shim::connect(&server).await.unwrap();
        let token = tokens::token(&json!({"sub": "other"}));
        let other = Shim::connect_with(&server, Some(&token)).await.unwrap();
        let mut shims = [own, other];
        let elsewhere = "another-log".to_owned();
        let cases = [
            (0, 1, outcome(&first), true),
            (
                0,
                2,
                Outcome {
                    call_id: String::new(),
                    ..outcome(&first)
                },
                true,
            ),
            (
                0,
                3,
                Outcome {
                    decision_origin: "toolgate".to_owned(),
                    ..outcome(&first)
                },
                true,
            ),
            (
                0,
                4,
                Outcome {
                    call_id: second.call_id.clone(),
                    ..outcome(&first)
                },
                false,
            ),
            (
                0,
                5,
                Outcome {
                    decision_id: made_up,
                    ..outcome(&first)
                },
                false,
            ),
            (
                0,
                6,
                Outcome {
                    decision_origin: elsewhere,
                    ..outcome(&first)
                },
                false,
            ),
            (
                0,
                7,
                Outcome {
                    decision_id: judged.decision_id.clone(),
                    ..outcome(&first)
                },
                false,
            ),
            (1, 1, outcome(&first), false),
        ];
        let mut unknown = 0;
        for (shim, seq, mut reported, known) in cases {
            reported.response_digest = digest.to_owned();
            let shown = format!("{reported:?}");
            let sent = event(1, seq, Event::Outcome(reported));
            assert_eq!(shims[shim].send(sent).await.unwrap(), seq, "it is durable");
            let record = last(&server, "outcome").await;
            assert_eq!(record["decision_known"], known, "{shown}");
            assert_eq!(record.get("tenant").is_some(), known, "{shown}");
            assert_eq!(record["response"]["judged"], known, "{shown}");
            unknown += u64::from(!known);
            assert_eq!(doubts(&server, "decision_unknown").await, unknown);
        }
        server.stop().await;
    });
}

#[test]
fn an_outcome_finds_its_decision_after_a_restart() {
    block_on(async {
        let server = start().await;
        let (granted, _) = granted(&server, "crm/plain").await;
        let mut decisions = Decisions::new(server.unix().await);
        let dry = DecideRequest {
            dry_run: true,
            ..call("crm/plain")
        };
        let dry = decisions.decide(dry).await.unwrap().into_inner();
        let server = server.restart(&config(MORE)).await;
        let mut shim = Shim::connect(&server).await.unwrap();
        for (seq, decision, known) in [(1, &granted, true), (2, &dry, false)] {
            let sent = event(1, seq, Event::Outcome(outcome(decision)));
            shim.send(sent).await.unwrap();
            assert_eq!(last(&server, "outcome").await["decision_known"], known);
        }
        // What its result owes is not known any more: it is denied.
        let result = DecideRequest {
            phase: Phase::Result.into(),
            call_id: granted.call_id.clone(),
            result_json: RESULT.into(),
            ..call("crm/plain")
        };
        let mut decisions = Decisions::new(server.unix().await);
        let denied = decisions.decide(result).await.unwrap().into_inner();
        assert_eq!(codes(&denied), ["call_unknown"]);
        server.stop().await;
    });
}

#[test]
fn a_local_denial_without_a_known_code_is_recorded_as_that() {
    block_on(async {
        let server = start().await;
        let mut shim = Shim::connect(&server).await.unwrap();
        let unknown = "local_denial_unknown";
        let cases = [
            ("pdp_unavailable", "pdp_unavailable", "availability", None),
            (
                "obligation_unsupported",
                "obligation_unsupported",
                "engine",
                None,
            ),
            ("", unknown, "availability", None),
            (
                "vendor.offline",
                unknown,
                "availability",
                Some("vendor.offline"),
            ),
        ];
        for (seq, (code, recorded, origin, reported)) in (1..).zip(cases) {
            let mcp = call("crm/plain").mcp;
            let denial = LocalDenial {
                code: code.to_owned(),
                mcp,
            };
            shim.send(event(1, seq, Event::LocalDenial(denial)))
                .await
                .unwrap();
            let record = last(&server, "decision").await;
            assert_eq!(
                record["reasons"],
                json!([{"code": recorded, "origin": origin}])
            );
            let found = record
                .get("reported_code")
                .map(|code| code.as_str().unwrap());
            assert_eq!(found, reported);
        }
        server.stop().await;
    });
}

fn heartbeat(seq: u64) -> PublishRequest {
    event(1, seq, Event::Heartbeat(Heartbeat { spooled: 0 }))
}

#[test]
fn an_event_under_a_used_number_is_recorded_and_marked_and_a_resent_one_is_not() {
    block_on(async {
        let server = start().await;
        let mut shim = Shim::connect(&server).await.unwrap();
        let (first, second) = (heartbeat(1), heartbeat(1));
        for (sent, records) in [
            (&first, 1),
            (&first, 1),
            (&second, 2),
            (&second, 2),
            (&first, 2),
        ] {
            assert_eq!(shim.send(sent.clone()).await.unwrap(), 1);
            let beats = of_type(&server.records().await, "heartbeat");
            assert_eq!(beats.len(), records);
        }
        let beats = of_type(&server.records().await, "heartbeat");
        assert_eq!(beats[0]["shim"].get("seq_reused"), None);
        assert_eq!(beats[1]["shim"]["seq_reused"], true);
        assert_eq!(doubts(&server, "seq_reused").await, 1);
        // Also by a process that has it from the log.
        drop(shim);
        let server = server.restart(&config(MORE)).await;
        let mut shim = Shim::connect(&server).await.unwrap();
        for (sent, records) in [(first, 2), (second, 2), (heartbeat(1), 3)] {
            assert_eq!(shim.send(sent).await.unwrap(), 1);
            let beats = of_type(&server.records().await, "heartbeat");
            assert_eq!(beats.len(), records);
        }
        server.stop().await;
    });
}

#[test]
fn a_leap_is_one_gap_and_beyond_all_numbers_it_is_refused() {
    block_on(async {
        const LAST: u64 = (1 << 53) - 1;
        let server = start().await;
        let mut shim = Shim::connect(&server).await.unwrap();
        assert_eq!(shim.send(heartbeat(1)).await.unwrap(), 1);
        assert_eq!(shim.send(heartbeat(LAST)).await.unwrap(), LAST);
        let gap = last(&server, "gap").await;
        assert_eq!(
            (&gap["first_seq"], &gap["last_seq"]),
            (&2.into(), &(LAST - 1).into())
        );
        assert_eq!(doubts(&server, "gap").await, 1);
        let (code, message) = shim.refused(heartbeat(1 << 60)).await;
        assert_eq!(code, Code::InvalidArgument, "{message}");
        // The next start of the shim counts anew.
        let mut shim = Shim::connect(&server).await.unwrap();
        let next = event(2, 1, Event::Heartbeat(Heartbeat { spooled: 0 }));
        assert_eq!(shim.send(next).await.unwrap(), 1);
        server.stop().await;
    });
}
