//! A stream of events into the log, as a shim keeps one.

use super::Server;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status, Streaming};
use toolgate::wire::v1::audit_service_client::AuditServiceClient;
use toolgate::wire::v1::publish_request::Event;
use toolgate::wire::v1::{PublishRequest, PublishResponse};
use uuid::Uuid;

/// One stream of events.
pub struct Shim {
    pub events: mpsc::Sender<PublishRequest>,
    pub answers: Streaming<PublishResponse>,
}

impl Shim {
    pub async fn connect(server: &Server) -> Result<Self, Status> {
        Self::connect_with(server, None).await
    }

    /// Known by a token, if there is one, else by its uid.
    pub async fn connect_with(server: &Server, token: Option<&str>) -> Result<Self, Status> {
        let (events, receiver) = mpsc::channel(64);
        let mut client = AuditServiceClient::new(server.unix().await);
        let mut request = Request::new(ReceiverStream::new(receiver));
        if let Some(token) = token {
            let value = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", value);
        }
        let answers = client.publish(request).await?.into_inner();
        Ok(Self { events, answers })
    }

    pub async fn send(&mut self, event: PublishRequest) -> Result<u64, Status> {
        self.events.send(event).await.unwrap();
        let answer = self.answers.message().await?.unwrap();
        assert_eq!(answer.origin, "toolgate");
        Ok(answer.durable_seq)
    }

    pub async fn refused(mut self, event: PublishRequest) -> (Code, String) {
        let status = self.send(event).await.unwrap_err();
        (status.code(), status.message().to_owned())
    }
}

pub fn event(epoch: u64, seq: u64, event: Event) -> PublishRequest {
    PublishRequest {
        shim_id: "shim-1".to_owned(),
        epoch,
        seq,
        event_id: Uuid::now_v7().to_string(),
        time: None,
        event: Some(event),
    }
}
