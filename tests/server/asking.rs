//! Plain questions, and how to read the answers.

use tonic::transport::Channel;
use toolgate::wire::v1::decide_request::Subject;
use toolgate::wire::v1::decision_service_client::DecisionServiceClient;
use toolgate::wire::v1::{AssertedSubject, DecideRequest, DecideResponse, Mcp, Phase};

pub type Decisions = DecisionServiceClient<Channel>;

/// `agent_a` calls a tool, as `server/name`, with empty arguments.
pub fn call(tool: &str) -> DecideRequest {
    let (server, name) = tool.split_once('/').unwrap();
    DecideRequest {
        phase: Phase::Call.into(),
        subject: Some(Subject::Asserted(AssertedSubject {
            id: "agent_a".to_owned(),
            ..AssertedSubject::default()
        })),
        mcp: Some(Mcp {
            server: server.to_owned(),
            method: "tools/call".to_owned(),
            name: name.to_owned(),
            protocol_version: String::new(),
        }),
        params_json: format!(r#"{{"name":"{name}","arguments":{{}}}}"#).into_bytes(),
        ..DecideRequest::default()
    }
}

/// Asks, and takes the answer.
pub async fn decide(client: &mut Decisions, tool: &str) -> DecideResponse {
    client.decide(call(tool)).await.unwrap().into_inner()
}

/// The codes of the reasons.
pub fn codes(reply: &DecideResponse) -> Vec<&str> {
    reply
        .reasons
        .iter()
        .map(|reason| reason.code.as_str())
        .collect()
}

/// A plain HTTP GET; gives the body of a 200.
pub async fn get(address: std::net::SocketAddr, path: &str) -> Option<String> {
    let (code, body) = answer(address, path).await;
    (code == 200).then_some(body)
}

/// A plain HTTP GET; gives the status code and the body.
pub async fn answer(address: std::net::SocketAddr, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let code = head.strip_prefix("HTTP/1.1 ").unwrap().get(..3).unwrap();
    (code.parse().unwrap(), body.to_owned())
}
