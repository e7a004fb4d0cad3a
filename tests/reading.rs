//! Auditors read the log: what is found, in which order, whose log it is, and that each read is
//! recorded before anything is given.

mod harmed;
mod scene;
mod tail;

use crate::server::{block_on, of_type, until};
use scene::*;
use serde_json::{Value, json};
use tonic::Code;
use toolgate::wire::v1::{Effect, OutcomeStatus, QueryOrder, QueryRequest, QueryResponse};

fn lines(found: &QueryResponse) -> Vec<Value> {
    let lines = found.records_json.iter();
    lines
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

fn seqs(found: &QueryResponse) -> Vec<u64> {
    let records = lines(found);
    records
        .iter()
        .map(|record| record["seq"].as_u64().unwrap())
        .collect()
}

#[test]
fn a_record_is_found_by_each_of_its_fields_as_soon_as_it_is_durable() {
    block_on(async {
        let scene = Scene::start().await;
        let decided = scene.decide("crm/read").await;
        scene.decide("crm/other").await;
        scene.report(&decided.decision_id, OutcomeStatus::Ok).await;
        let mut auditor = scene.auditor().await;
        let policy = decided.policy.clone().unwrap();
        let by = |set: fn(&mut QueryRequest, &str), value: &str| {
            let mut query = query();
            set(&mut query, value);
            query
        };
        let id = &decided.decision_id;
        let cases = [
            ("principal", by(|q, v| q.principal = v.into(), "agent_a"), 2),
            ("server", by(|q, v| q.server = v.into(), "crm"), 2),
            ("tool", by(|q, v| q.tool = v.into(), "read"), 1),
            ("caller", by(|q, v| q.caller = v.into(), "shim"), 2),
            ("reason", by(|q, v| q.reason_code = v.into(), "crm.read"), 1),
            (
                "revision",
                by(|q, v| q.revision = v.into(), &policy.revision),
                3,
            ),
            (
                "digest",
                by(|q, v| q.revision = v.into(), &policy.digest),
                3,
            ),
            ("decision", by(|q, v| q.decision_id = v.into(), id), 2),
            (
                "correlation",
                by(|q, v| q.correlation_id = v.into(), "corr-7"),
                1,
            ),
            (
                "type",
                by(|q, v| q.types = vec![v.into()], "policy_loaded"),
                1,
            ),
            ("nobody", by(|q, v| q.user = v.into(), "nobody"), 0),
            ("no agent", by(|q, v| q.agent = v.into(), "nobody"), 0),
        ];
        for (what, query, expected) in cases {
            let found = auditor.query(query).await.unwrap().into_inner();
            assert_eq!(found.records_json.len(), expected, "{what}");
        }
        let denied = QueryRequest {
            effect: Effect::Deny.into(),
            ..query()
        };
        let found = auditor.query(denied).await.unwrap().into_inner();
        assert_eq!(lines(&found)[0]["tool_name"], "other");
        let ended = QueryRequest {
            status: OutcomeStatus::Ok.into(),
            ..query()
        };
        let found = auditor.query(ended).await.unwrap().into_inner();
        assert_eq!(lines(&found)[0]["decision_id"], *id);
        // Newest first, unless it is said otherwise; and each line is the log's.
        let records = scene.server.records().await;
        let found = auditor.query(query()).await.unwrap().into_inner();
        let mut newest_first: Vec<_> = (0..found.before_seq).collect();
        newest_first.reverse();
        assert_eq!(seqs(&found), newest_first);
        assert_eq!(lines(&found).last(), records.first());
        let oldest = QueryRequest {
            order: QueryOrder::OldestFirst.into(),
            page_size: 2,
            ..query()
        };
        let found = auditor.query(oldest).await.unwrap().into_inner();
        assert_eq!(seqs(&found), [0, 1]);
        scene.stop().await;
    });
}

#[test]
fn each_read_is_recorded_with_its_reason_before_the_answer() {
    block_on(async {
        let scene = Scene::start().await;
        scene.decide("crm/read").await;
        let mut auditor = scene.auditor().await;
        let asked = QueryRequest {
            justification: "  complaint 17 ".to_owned(),
            tool: "read".to_owned(),
            from: Some(prost_types::Timestamp {
                seconds: 1_700_000_000,
                nanos: 0,
            }),
            ..QueryRequest::default()
        };
        let found = auditor.query(asked).await.unwrap().into_inner();
        assert_eq!(found.records_json.len(), 1);
        // On disk when the answer is there: nothing is flushed before.
        let reads = of_type(
            &crate::server::records(&scene.server.audit_dir),
            "audit_read",
        );
        let [read] = reads.as_slice() else {
            panic!("{reads:?}");
        };
        let expected = json!({"by": "auditor", "justification": "complaint 17", "rpc": "Query",
            "records": 1, "query": {"tool": "read", "order": "newest_first",
            "from": "2023-11-14T22:13:20.000000Z"}});
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(read[name], *value, "{name}");
        }
        // And a read is found as what it is.
        let reads = QueryRequest {
            caller: "auditor".to_owned(),
            ..query()
        };
        let found = auditor.query(reads).await.unwrap().into_inner();
        assert_eq!(lines(&found)[0]["justification"], "complaint 17");
        scene.stop().await;
    });
}

#[test]
fn what_is_no_question_is_refused_and_leaves_no_record() {
    block_on(async {
        let scene = Scene::start().await;
        let mut auditor = scene.auditor().await;
        let token = |token: &str| QueryRequest {
            page_token: token.to_owned(),
            ..query()
        };
        let cases = [
            (QueryRequest::default(), "`justification` is required"),
            (
                QueryRequest {
                    justification: " ".to_owned(),
                    ..query()
                },
                "`justification` is required",
            ),
            (
                QueryRequest {
                    justification: "j".repeat(513),
                    ..query()
                },
                "`justification` is longer than 512 bytes",
            ),
            (
                QueryRequest {
                    tool: "a\nb".to_owned(),
                    ..query()
                },
                "`tool` has a control character",
            ),
            (
                QueryRequest {
                    effect: 77,
                    ..query()
                },
                "`effect` has the unknown value `77`",
            ),
            (
                QueryRequest {
                    types: vec![String::new(); 17],
                    ..query()
                },
                "`types` has more than 16",
            ),
            (token("AA"), "`page_token` is not from an answer"),
        ];
        for (asked, expected) in cases {
            let refused = auditor.query(asked).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
            assert!(refused.message().contains(expected), "{refused}");
        }
        let mut shim = scene.shim().await;
        let refused = shim.query(query()).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert!(refused.message().contains("`audit.read`"), "{refused}");
        let reads = of_type(&scene.server.records().await, "audit_read");
        assert_eq!(
            reads.len(),
            1,
            "the one that may not is recorded: {reads:?}"
        );
        let why = reads[0]["refused"].as_str().unwrap();
        assert!(why.contains("`audit.read`"), "{why}");
        scene.stop().await;
    });
}

#[test]
fn pages_are_stable_while_records_arrive_and_over_a_restart() {
    block_on(async {
        let scene = Scene::start().await;
        for _ in 0..10 {
            scene.decide("crm/read").await;
        }
        let mut auditor = scene.auditor().await;
        let asked = QueryRequest {
            tool: "read".to_owned(),
            page_size: 3,
            ..query()
        };
        let mut found = auditor.query(asked.clone()).await.unwrap().into_inner();
        let before = found.before_seq;
        let mut all = seqs(&found);
        let mut scene = scene;
        while !found.next_page_token.is_empty() {
            scene.decide("crm/read").await;
            if all.len() == 3 {
                scene = scene.restart().await;
                auditor = scene.auditor().await;
            }
            let next = QueryRequest {
                page_token: found.next_page_token,
                ..asked.clone()
            };
            found = auditor.query(next).await.unwrap().into_inner();
            assert_eq!(found.before_seq, before);
            all.extend(seqs(&found));
        }
        assert_eq!(all.len(), 10);
        assert!(all.is_sorted_by(|one, next| one > next), "{all:?}");
        let reads = of_type(&scene.server.records().await, "audit_read");
        assert!(reads[0]["query"].get("at_seq").is_none());
        assert_eq!(reads[1]["query"]["at_seq"], all[2]);
        scene.stop().await;
    });
}

#[test]
fn without_an_index_there_is_no_query_and_decisions_are_made() {
    block_on(async {
        let scene = Scene::start_with("index = false\n").await;
        scene.decide("crm/read").await;
        let mut auditor = scene.auditor().await;
        let refused = auditor.query(query()).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("`audit.index`"), "{refused}");
        assert!(!scene.server.audit_dir.join("index.sqlite").exists());
        scene.stop().await;
    });
}

/// Asks until the index answers.
async fn eventually(scene: &Scene, asked: QueryRequest) -> QueryResponse {
    until("an answer of the index", async || {
        let answer = scene.auditor().await.query(asked.clone()).await;
        answer.ok().map(tonic::Response::into_inner)
    })
    .await
}
