mod revisions;

use super::*;
use crate::model::call::{Mcp, Phase};
use crate::model::obligation::FulfilledBy;
use crate::model::reason::Origin;
use crate::model::subject::Asserted;
use crate::model::time::Timestamp;
use crate::model::verdict::Effect;
use crate::shim::event::Status as Ended;
use crate::shim::testing::an_event;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Response, Streaming};
use v1::audit_service_server::{AuditService, AuditServiceServer};
use v1::decision_service_server::{DecisionService, DecisionServiceServer};

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Handled<T> = Result<Response<T>, Status>;

/// A PDP that gives one answer to everything, and keeps what it was asked and told.
#[derive(Clone, Default)]
struct Fixed {
    answer: v1::DecideResponse,
    asked: Arc<Mutex<Vec<v1::DecideRequest>>>,
    told: Arc<Mutex<Vec<v1::PublishRequest>>>,
    /// What it says is in force, one after the other; `None`: it has no such stream.
    in_force: Option<Vec<v1::WatchRevisionResponse>>,
}

#[tonic::async_trait]
impl DecisionService for Fixed {
    type DecideStreamStream = Replies<v1::DecideStreamResponse>;
    type WatchRevisionStream = Replies<v1::WatchRevisionResponse>;

    async fn decide(&self, request: Request<v1::DecideRequest>) -> Handled<v1::DecideResponse> {
        self.asked.lock().unwrap().push(request.into_inner());
        Ok(Response::new(self.answer.clone()))
    }

    async fn decide_batch(
        &self,
        request: Request<v1::DecideBatchRequest>,
    ) -> Handled<v1::DecideBatchResponse> {
        let requests = request.into_inner().requests;
        let responses = vec![self.answer.clone(); requests.len()];
        self.asked.lock().unwrap().extend(requests);
        Ok(Response::new(v1::DecideBatchResponse { responses }))
    }

    async fn decide_stream(
        &self,
        _: Request<Streaming<v1::DecideStreamRequest>>,
    ) -> Handled<Self::DecideStreamStream> {
        Err(Status::unimplemented(""))
    }

    async fn watch_revision(
        &self,
        _: Request<v1::WatchRevisionRequest>,
    ) -> Handled<Self::WatchRevisionStream> {
        let messages = self.in_force.clone();
        let messages = messages.ok_or_else(|| Status::unimplemented(""))?;
        let stream = tokio_stream::iter(messages.into_iter().map(Ok));
        Ok(Response::new(Box::pin(stream)))
    }
}

#[tonic::async_trait]
impl AuditService for Fixed {
    type PublishStream = Replies<v1::PublishResponse>;
    type TailStream = Replies<v1::TailResponse>;

    async fn publish(
        &self,
        request: Request<Streaming<v1::PublishRequest>>,
    ) -> Handled<Self::PublishStream> {
        let told = Arc::clone(&self.told);
        let replies = request.into_inner().map(move |event| {
            let event = event?;
            let durable_seq = event.seq;
            told.lock().unwrap().push(event);
            Ok(v1::PublishResponse {
                durable_seq,
                origin: "log/1".to_owned(),
                checkpoint: "c".to_owned(),
            })
        });
        let replies: Self::PublishStream = Box::pin(replies);
        let mut response = Response::new(replies);
        let origin = "log/1".parse().unwrap();
        response.metadata_mut().insert(ORIGIN_METADATA, origin);
        Ok(response)
    }

    async fn query(&self, _: Request<v1::QueryRequest>) -> Handled<v1::QueryResponse> {
        Err(Status::unimplemented(""))
    }

    async fn get_checkpoint(
        &self,
        _: Request<v1::GetCheckpointRequest>,
    ) -> Handled<v1::GetCheckpointResponse> {
        Err(Status::unimplemented(""))
    }

    async fn get_inclusion_proof(
        &self,
        _: Request<v1::GetInclusionProofRequest>,
    ) -> Handled<v1::GetInclusionProofResponse> {
        Err(Status::unimplemented(""))
    }

    async fn get_consistency_proof(
        &self,
        _: Request<v1::GetConsistencyProofRequest>,
    ) -> Handled<v1::GetConsistencyProofResponse> {
        Err(Status::unimplemented(""))
    }

    async fn get_content(
        &self,
        _: Request<v1::GetContentRequest>,
    ) -> Handled<v1::GetContentResponse> {
        Err(Status::unimplemented(""))
    }

    async fn tail(&self, _: Request<v1::TailRequest>) -> Handled<Self::TailStream> {
        Err(Status::unimplemented(""))
    }
}

fn serve(fixed: &Fixed, socket: &Path) -> tokio::task::JoinHandle<()> {
    let listener = UnixListenerStream::new(UnixListener::bind(socket).unwrap());
    let server = tonic::transport::Server::builder()
        .add_service(DecisionServiceServer::new(fixed.clone()))
        .add_service(AuditServiceServer::new(fixed.clone()))
        .serve_with_incoming(listener);
    tokio::spawn(async move { server.await.unwrap() })
}

fn config(url: &str) -> RemoteConfig {
    RemoteConfig {
        url: url.to_owned(),
        speaker: Speaker::Subject(Subject::Asserted(Asserted {
            id: "agent".to_owned(),
            user: Some("u:ann".to_owned()),
            ..Asserted::default()
        })),
        tls: Tls::default(),
    }
}

fn remote(socket: &Path) -> RemotePdp {
    RemotePdp::new(config(&format!("unix:{}", socket.display()))).unwrap()
}

fn question() -> Question {
    Question {
        phase: Phase::Result,
        mcp: Mcp {
            server: "crm".to_owned(),
            method: "tools/call".to_owned(),
            name: "read".to_owned(),
            protocol: "2025-11-25".to_owned(),
        },
        params_json: b"{ }".to_vec(),
        result_json: Some(b"{\"n\": 1e400}".to_vec()),
        definition_json: Some(b"{}".to_vec()),
        call_id: Some("c1".to_owned()),
        client_session: "session".to_owned(),
        correlation_id: "session:1".to_owned(),
        traceparent: Some("00-1".to_owned()),
        context: [("purpose".to_owned(), "billing".to_owned())].into(),
        speaker: None,
        dry_run: false,
    }
}

fn constrained() -> v1::DecideResponse {
    v1::DecideResponse {
        decision_id: "d1".to_owned(),
        call_id: "c1".to_owned(),
        effect: v1::Effect::Constrain.into(),
        visibility: v1::Visibility::Visible.into(),
        reasons: vec![v1::Reason {
            code: "a".to_owned(),
            message: "m".to_owned(),
            policy: "p".to_owned(),
            origin: v1::Origin::Limit.into(),
            retryable: true,
        }],
        obligations: vec![v1::Obligation {
            r#type: "mask_fields".to_owned(),
            properties_json: b"{\"fields\":[\"a\"]}".to_vec(),
            fulfilled_by: v1::FulfilledBy::Pdp.into(),
        }],
        result_json: Some(b"{}".to_vec()),
        judged_digest: "sha256:1".to_owned(),
        valid_until: Some(prost_types::Timestamp {
            seconds: 1,
            nanos: 2,
        }),
        policy: Some(v1::Policy {
            revision: "r".to_owned(),
            ..v1::Policy::default()
        }),
        audit: Some(v1::AuditPosition {
            origin: "log/1".to_owned(),
            index: None,
        }),
        ..v1::DecideResponse::default()
    }
}

#[tokio::test]
async fn a_question_and_its_answer_cross_the_wire_whole() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("pdp");
    let fixed = Fixed {
        answer: constrained(),
        ..Fixed::default()
    };
    let serving = serve(&fixed, &socket);
    let pdp = remote(&socket);
    let answer = pdp.decide(question()).await.unwrap();
    assert_eq!(answer.effect, Effect::Constrain);
    assert!(answer.visible);
    assert_eq!(
        (answer.reasons[0].code.as_str(), answer.reasons[0].origin),
        ("a", Origin::Limit)
    );
    assert_eq!(answer.obligations[0].by, FulfilledBy::Pdp);
    assert!(answer.obligations[0].properties.get("fields").is_some());
    assert_eq!(
        (answer.params_json, answer.result_json.as_deref()),
        (None, Some(b"{}".as_slice()))
    );
    assert_eq!(answer.valid_until, Timestamp::from_nanos(1_000_000_002));
    assert_eq!(
        (answer.revision.as_str(), answer.audit_origin.as_str()),
        ("r", "log/1")
    );
    let answers = pdp.decide_batch(vec![question(); 3]).await.unwrap();
    assert_eq!(answers.len(), 3);
    let asked = fixed.asked.lock().unwrap();
    assert_eq!(asked.len(), 4);
    let request = asked[0].clone();
    assert_eq!(request.phase(), v1::Phase::Result);
    assert_eq!(request.params_json, b"{ }");
    assert_eq!(request.result_json, b"{\"n\": 1e400}");
    assert_eq!(request.tool.unwrap().definition_json, b"{}");
    assert_eq!(
        (request.call_id.as_str(), request.traceparent.as_str()),
        ("c1", "00-1")
    );
    assert_eq!(request.context.get("purpose").unwrap(), "billing");
    let Some(v1::decide_request::Subject::Asserted(subject)) = request.subject else {
        panic!("no subject");
    };
    assert_eq!(
        (subject.id.as_str(), subject.user.as_str()),
        ("agent", "u:ann")
    );
    serving.abort();
}

#[test]
fn what_is_not_said_denies() {
    let mut reply = constrained();
    for (effect, expected) in [
        (0, Effect::Deny),
        (99, Effect::Deny),
        (v1::Effect::Allow.into(), Effect::Allow),
        (v1::Effect::RequireApproval.into(), Effect::RequireApproval),
    ] {
        reply.effect = effect;
        assert_eq!(convert::answer(reply.clone()).unwrap().effect, expected);
    }
    reply.visibility = 0;
    reply.valid_until = None;
    reply.obligations[0].fulfilled_by = 0;
    let answer = convert::answer(reply.clone()).unwrap();
    assert!(!answer.visible);
    assert_eq!(answer.valid_until, Timestamp::from_nanos(0));
    assert_eq!(answer.obligations[0].by, FulfilledBy::Shim);
    reply.obligations[0].properties_json = b"[]".to_vec();
    assert!(convert::answer(reply.clone()).is_err());
    reply.obligations.clear();
    reply.decision_id.clear();
    assert!(convert::answer(reply).is_err());
}

#[tokio::test]
async fn events_are_told_in_order_and_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("pdp");
    let fixed = Fixed::default();
    let serving = serve(&fixed, &socket);
    let events: Vec<_> = (1..=300)
        .map(|seq| an_event(1, seq, Ended::Withheld))
        .collect();
    let numbering: Numbering<'_> = Box::new(|origin| {
        assert_eq!(origin, "log/1");
        Ok(events)
    });
    let acknowledged = remote(&socket).report(numbering).await.unwrap();
    let expected = Acknowledged {
        durable_seq: 300,
        replica: 0,
        origin: "log/1".to_owned(),
        checkpoint: "c".to_owned(),
    };
    assert_eq!(acknowledged, expected);
    let told = fixed.told.lock().unwrap();
    let seqs: Vec<_> = told.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=300).collect::<Vec<_>>());
    let Some(v1::publish_request::Event::Outcome(outcome)) = &told[0].event else {
        panic!("no outcome");
    };
    assert_eq!(outcome.status(), v1::OutcomeStatus::Withheld);
    assert_eq!(
        (outcome.call_id.as_str(), outcome.decision_origin.as_str()),
        ("c", "o/1")
    );
    serving.abort();
}

#[tokio::test]
async fn a_pdp_that_was_away_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("pdp");
    let pdp = remote(&socket);
    let error = pdp.decide(question()).await.unwrap_err();
    assert!(matches!(error, PdpError::Unavailable(_)), "{error}");
    let fixed = Fixed {
        answer: constrained(),
        ..Fixed::default()
    };
    let serving = serve(&fixed, &socket);
    assert!(pdp.decide(question()).await.is_ok());
    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
}

#[test]
fn addresses_that_cannot_be_used_are_named() {
    let cases = [
        (
            "",
            "`` is not an address of a PDP: write unix:/path, http://host:port or https://host:port",
        ),
        (
            "/run/pdp",
            "`/run/pdp` is not an address of a PDP: write unix:/path, http://host:port or https://host:port",
        ),
        (
            "ftp://x",
            "`ftp://x` is not an address of a PDP: write unix:/path, http://host:port or https://host:port",
        ),
        (
            "http://",
            "`http://` is not an address of a PDP: write unix:/path, http://host:port or https://host:port",
        ),
        (
            "https://pdp:1",
            "`https://pdp:1` needs `--ca FILE`: the authorities that its certificate comes from",
        ),
    ];
    for (url, expected) in cases {
        assert_eq!(
            RemotePdp::new(config(url)).unwrap_err().to_string(),
            expected
        );
    }
}

#[test]
fn a_refusal_is_not_taken_for_an_absence() {
    for (code, expected) in [
        (
            Code::Unauthenticated,
            "refused by the PDP: Unauthenticated: x",
        ),
        (
            Code::PermissionDenied,
            "refused by the PDP: PermissionDenied: x",
        ),
        (
            Code::Unavailable,
            "the policy decision point cannot be reached: Unavailable: x",
        ),
    ] {
        assert_eq!(unavailable(Status::new(code, "x")).to_string(), expected);
    }
}
