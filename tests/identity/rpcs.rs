//! Which caller may call which RPC.

use super::Pdp;
use super::asking::{Way, shown};
use crate::server::asking::{Decisions, call};
use crate::server::pki;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use tonic::transport::Channel;
use tonic::{Code, Status};
use toolgate::wire::v1::audit_service_client::AuditServiceClient;
use toolgate::wire::v1::policy_service_client::PolicyServiceClient;
use toolgate::wire::v1::{
    DecideBatchRequest, DecideResponse, DecideStreamRequest, ExplainRequest, GetStatusRequest,
    PublishRequest, QueryRequest, ReloadRequest, RollbackRequest, TailRequest,
    WatchRevisionRequest,
};

/// Every RPC but health and reflection, which are everybody's.
pub const RPCS: [&str; 11] = [
    "Decide",
    "DecideBatch",
    "DecideStream",
    "Explain",
    "WatchRevision",
    "GetStatus",
    "Publish",
    "Reload",
    "Rollback",
    "Query",
    "Tail",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Caller {
    caller: String,
    /// Its SPIFFE id; nobody if absent.
    id: Option<String>,
}

/// A question's answer, or that there was one of another kind.
type Answer = Result<Option<DecideResponse>, Status>;

async fn call_rpc(rpc: &str, channel: Channel) -> Answer {
    let mut decisions = Decisions::new(channel.clone());
    let mut policies = PolicyServiceClient::new(channel.clone());
    let question = call("crm/read");
    match rpc {
        "Decide" => {
            let reply = decisions.decide(question).await?;
            return Ok(Some(reply.into_inner()));
        }
        "DecideBatch" => {
            let requests = vec![question];
            let batch = DecideBatchRequest { requests };
            let mut reply = decisions.decide_batch(batch).await?.into_inner();
            return Ok(reply.responses.pop());
        }
        "DecideStream" => {
            let mut question = question;
            question.request_id = "q1".to_owned();
            let request = Some(question);
            let questions = tokio_stream::iter([DecideStreamRequest { request }]);
            let mut answers = decisions.decide_stream(questions).await?.into_inner();
            return Ok(answers.message().await?.unwrap().response);
        }
        "Explain" => {
            let request = Some(question);
            policies.explain(ExplainRequest { request }).await.map(drop)
        }
        "WatchRevision" => {
            let watched = decisions.watch_revision(WatchRevisionRequest {}).await;
            watched.map(drop)
        }
        "GetStatus" => policies.get_status(GetStatusRequest {}).await.map(drop),
        "Publish" => {
            let events = tokio_stream::iter(Vec::<PublishRequest>::new());
            let mut audit = AuditServiceClient::new(channel);
            audit.publish(events).await.map(drop)
        }
        "Reload" => policies.reload(ReloadRequest {}).await.map(drop),
        "Rollback" => {
            let asked = policies.rollback(RollbackRequest::default()).await;
            match asked {
                // It may be asked for, and a rollback to nothing in particular is none.
                Err(status) if status.code() == Code::InvalidArgument => Ok(()),
                asked => asked.map(drop),
            }
        }
        "Query" => {
            let query = QueryRequest {
                justification: "a test".to_owned(),
                ..QueryRequest::default()
            };
            let mut audit = AuditServiceClient::new(channel);
            audit.query(query).await.map(drop)
        }
        "Tail" => {
            let tail = TailRequest {
                justification: "a test".to_owned(),
                ..TailRequest::default()
            };
            let mut audit = AuditServiceClient::new(channel);
            audit.tail(tail).await.map(drop)
        }
        other => panic!("no RPC `{other}`"),
    }?;
    Ok(None)
}

/// Every caller and what each RPC answered it.
pub async fn ask(pdp: &Pdp) -> Vec<(String, Vec<Answer>)> {
    let mut asked = Vec::new();
    for caller in super::given::<Caller>("rpcs") {
        let mut answers = Vec::new();
        for rpc in RPCS {
            let certificate = caller.id.as_deref().map(pki::client_pem);
            let channel = pdp.connect(Way::Tls(certificate)).await.unwrap();
            answers.push(call_rpc(rpc, channel).await);
        }
        asked.push((caller.caller, answers));
    }
    asked
}

/// What came of each.
pub fn outcome(asked: Vec<(String, Vec<Answer>)>, records: &HashMap<String, Value>) -> Value {
    let of = |(caller, answers): (String, Vec<Answer>)| {
        let mut row = json!({"case": caller});
        for (rpc, answer) in RPCS.iter().zip(answers) {
            row[rpc] = match answer {
                Ok(Some(reply)) => shown(&Ok(reply), records)["verdict"].clone(),
                Ok(None) => "yes".into(),
                Err(status) => format!("{:?}", status.code()).into(),
            };
        }
        row
    };
    asked.into_iter().map(of).collect()
}
