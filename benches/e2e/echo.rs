//! A server that decides nothing: what gRPC alone costs.

use crate::inputs::Result;
use std::pin::Pin;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use toolgate::wire::v1;
use toolgate::wire::v1::decision_service_server::{DecisionService, DecisionServiceServer};

/// Gives back as many bytes as a decision has.
struct Echo {
    reply_bytes: usize,
}

pub async fn echo(socket: &str, reply_bytes: usize) -> Result<()> {
    let incoming = UnixListenerStream::new(UnixListener::bind(socket)?);
    let service = DecisionServiceServer::new(Echo { reply_bytes });
    let serving = Server::builder().add_service(service);
    Ok(serving.serve_with_incoming(incoming).await?)
}

type Answers<T> = Pin<Box<dyn tokio_stream::Stream<Item = std::result::Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl DecisionService for Echo {
    type DecideStreamStream = Answers<v1::DecideStreamResponse>;
    type WatchRevisionStream = Answers<v1::WatchRevisionResponse>;

    async fn decide(
        &self,
        request: Request<v1::DecideRequest>,
    ) -> std::result::Result<Response<v1::DecideResponse>, Status> {
        let mut params_json = request.into_inner().params_json;
        params_json.resize(self.reply_bytes, b' ');
        Ok(Response::new(v1::DecideResponse {
            params_json: Some(params_json),
            ..v1::DecideResponse::default()
        }))
    }

    async fn decide_batch(
        &self,
        _: Request<v1::DecideBatchRequest>,
    ) -> std::result::Result<Response<v1::DecideBatchResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn decide_stream(
        &self,
        _: Request<tonic::Streaming<v1::DecideStreamRequest>>,
    ) -> std::result::Result<Response<Self::DecideStreamStream>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn watch_revision(
        &self,
        _: Request<v1::WatchRevisionRequest>,
    ) -> std::result::Result<Response<Self::WatchRevisionStream>, Status> {
        Err(Status::unimplemented("an echo"))
    }
}
