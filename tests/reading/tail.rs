//! Streams of records.

use super::scene::*;
use crate::server::{DEADLINE, block_on, of_type};
use serde_json::Value;
use tonic::{Code, Streaming};
use toolgate::wire::v1::{QueryRequest, TailRequest, TailResponse};

fn tail(from_index: u64, matching: Option<QueryRequest>) -> TailRequest {
    TailRequest {
        justification: "a test".to_owned(),
        from_index,
        matching,
    }
}

async fn next(records: &mut Streaming<TailResponse>) -> Value {
    let message = tokio::time::timeout(DEADLINE, records.message()).await;
    let line = message.unwrap().unwrap().unwrap().record_json;
    serde_json::from_slice(&line).unwrap()
}

#[test]
fn records_are_streamed_from_a_place_on_and_as_they_come() {
    block_on(async {
        let scene = Scene::start().await;
        for _ in 0..5 {
            scene.decide("crm/read").await;
        }
        let mut auditor = scene.auditor().await;
        let mut streamed = auditor.tail(tail(2, None)).await.unwrap().into_inner();
        let before = scene.server.records().await;
        for (seq, record) in before.iter().enumerate().skip(2) {
            let next = next(&mut streamed).await;
            assert_eq!((&next["seq"], &next), (&seq.into(), record));
        }
        assert_eq!(before.last().unwrap()["type"], "audit_read");
        for _ in 0..3 {
            let decided = scene.decide("crm/other").await;
            let next = next(&mut streamed).await;
            assert_eq!(next["decision_id"], *decided.decision_id);
        }
        scene.stop().await;
    });
}

#[test]
fn a_stream_from_now_on_has_what_matches() {
    block_on(async {
        let scene = Scene::start().await;
        scene.decide("crm/read").await;
        let matching = QueryRequest {
            tool: "read".to_owned(),
            ..QueryRequest::default()
        };
        let mut auditor = scene.auditor().await;
        let streamed = auditor.tail(tail(0, Some(matching))).await;
        let mut streamed = streamed.unwrap().into_inner();
        scene.decide("crm/other").await;
        let decided = scene.decide("crm/read").await;
        let record = next(&mut streamed).await;
        assert_eq!(record["decision_id"], *decided.decision_id);
        let reads = of_type(&scene.server.records().await, "audit_read");
        let told = (
            &reads[0]["rpc"],
            &reads[0]["query"]["tool"],
            &reads[0]["by"],
        );
        assert_eq!(told, (&"Tail".into(), &"read".into(), &"auditor".into()));
        scene.stop().await;
    });
}

#[test]
fn a_stream_that_makes_no_sense_is_refused() {
    block_on(async {
        let scene = Scene::start().await;
        let mut auditor = scene.auditor().await;
        let paged = QueryRequest {
            page_size: 3,
            ..QueryRequest::default()
        };
        let silent = TailRequest {
            justification: String::new(),
            ..tail(0, None)
        };
        for (asked, expected) in [
            (tail(1_000, None), "beyond the log"),
            (tail(0, Some(paged)), "`matching.page_size` means nothing"),
            (silent, "`justification` is required"),
        ] {
            let refused = auditor.tail(asked).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument);
            assert!(refused.message().contains(expected), "{refused}");
        }
        let refused = scene.shim().await.tail(tail(0, None)).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        scene.stop().await;
    });
}

#[test]
fn a_stream_ends_with_the_process() {
    block_on(async {
        let scene = Scene::start().await;
        let mut auditor = scene.auditor().await;
        let mut streamed = auditor.tail(tail(0, None)).await.unwrap().into_inner();
        let reading =
            tokio::spawn(async move { while let Ok(Some(_)) = streamed.message().await {} });
        scene.stop().await;
        let ended = tokio::time::timeout(DEADLINE, reading).await;
        ended.unwrap().unwrap();
    });
}
