//! A PDP that breaks its word, in the way that the tool's name says.

use crate::server::pki;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;
use tokio::net::TcpListener;
use tokio_stream::Pending;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};
use toolgate::wire::digest;
use toolgate::wire::v1::decision_service_server::{DecisionService, DecisionServiceServer};
use toolgate::wire::v1::{self, Effect, FulfilledBy};

/// One that runs as long as the tests do.
pub struct Misbehaving {
    pub address: String,
}

impl Misbehaving {
    /// Starts one, with the server's certificate in `dir`.
    pub async fn start(dir: &Path) -> Self {
        let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(read("server.pem"), read("server.key")))
            .client_ca_root(pki::authority());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let service = DecisionServiceServer::new(Decisions::default());
        let server = Server::builder().tls_config(tls).unwrap();
        let served = { server }
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(served);
        Self {
            address: format!("localhost:{port}"),
        }
    }
}

/// Knows the ids of requests that it did not answer.
#[derive(Default)]
struct Decisions {
    unanswered: Mutex<HashSet<String>>,
}

type Handled<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl DecisionService for Decisions {
    type DecideStreamStream = Pending<Result<v1::DecideStreamResponse, Status>>;
    type WatchRevisionStream = Pending<Result<v1::WatchRevisionResponse, Status>>;

    async fn decide(&self, request: Request<v1::DecideRequest>) -> Handled<v1::DecideResponse> {
        let request = request.into_inner();
        let how = request.mcp.as_ref().map_or("", |mcp| mcp.name.as_str());
        let mut reply = granted(&request);
        match how {
            "effect_unspecified" => reply.effect = Effect::Unspecified.into(),
            "effect_unknown" => reply.effect = 99,
            "other_digest" => reply.judged_digest = digest(b"{}"),
            "left_to_nobody" => owe(&mut reply, FulfilledBy::Unspecified),
            "left_to_the_shim" => owe(&mut reply, FulfilledBy::Shim),
            "broken" => return Err(Status::internal("broken")),
            "never_answers" => std::future::pending().await,
            "away" => return Err(Status::unavailable("away")),
            "away_once" => {
                let id = request.request_id.clone();
                // Of the first question only: the second is another one, with an id of its own.
                let is_first = request.phase() == v1::Phase::Call;
                if id.is_empty() || is_first && self.unanswered.lock().unwrap().insert(id) {
                    return Err(Status::unavailable("away"));
                }
            }
            other => return Err(Status::invalid_argument(other)),
        }
        Ok(Response::new(reply))
    }

    async fn decide_batch(
        &self,
        _: Request<v1::DecideBatchRequest>,
    ) -> Handled<v1::DecideBatchResponse> {
        Err(Status::unimplemented(""))
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
        Err(Status::unimplemented(""))
    }
}

/// A grant of what was asked.
fn granted(request: &v1::DecideRequest) -> v1::DecideResponse {
    let judged = match request.phase() {
        v1::Phase::Result => &request.result_json,
        _ => &request.params_json,
    };
    v1::DecideResponse {
        decision_id: "d".to_owned(),
        call_id: "c".to_owned(),
        effect: Effect::Allow.into(),
        judged_digest: digest(judged),
        ..v1::DecideResponse::default()
    }
}

fn owe(reply: &mut v1::DecideResponse, by: FulfilledBy) {
    reply.effect = Effect::Constrain.into();
    reply.obligations.push(v1::Obligation {
        r#type: "mask_fields".to_owned(),
        properties_json: b"{\"fields\":[\"email\"]}".to_vec(),
        fulfilled_by: by.into(),
    });
}
