//! A receiver of OTLP on loopback, which answers as it is told.

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Code, Request, Response, Status};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Sound,
    /// Takes nothing, and says so.
    Fails(Code),
    /// Takes all but one of a request.
    TakesNotAll,
    /// Never answers.
    Silent,
}

/// What came, and what is answered.
pub struct Receiver {
    pub mood: Mutex<Mood>,
    pub taken: Mutex<Vec<LogRecord>>,
    pub requests: Mutex<u64>,
}

#[derive(Clone)]
struct Service(Arc<Receiver>);

#[tonic::async_trait]
impl LogsService for Service {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let mood = *self.0.mood.lock().unwrap();
        *self.0.requests.lock().unwrap() += 1;
        let mut response = ExportLogsServiceResponse::default();
        match mood {
            Mood::Silent => std::future::pending().await,
            Mood::Fails(code) => return Err(Status::new(code, "no")),
            Mood::Sound => {}
            Mood::TakesNotAll => {
                response.partial_success = Some(ExportLogsPartialSuccess {
                    rejected_log_records: 1,
                    error_message: "one".to_owned(),
                });
            }
        }
        let resources = request.into_inner().resource_logs.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_logs);
        let records = scopes.flat_map(|scope| scope.log_records);
        self.0.taken.lock().unwrap().extend(records);
        Ok(Response::new(response))
    }
}

impl Receiver {
    pub fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self {
            mood: Mutex::new(mood),
            taken: Mutex::default(),
            requests: Mutex::default(),
        })
    }

    /// Listens from now on.
    pub fn serve(self: &Arc<Self>, listener: TcpListener) -> SocketAddr {
        let address = listener.local_addr().unwrap();
        let service = LogsServiceServer::new(Service(Arc::clone(self)));
        let serving = tonic::transport::Server::builder()
            .add_service(service)
            .serve_with_incoming(TcpListenerStream::new(listener));
        tokio::spawn(async move { serving.await.unwrap() });
        address
    }

    pub fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    /// The seqs that came, as they came.
    pub fn seqs(&self) -> Vec<i64> {
        let taken = self.taken.lock().unwrap();
        taken.iter().map(seq).collect()
    }
}

fn seq(record: &LogRecord) -> i64 {
    match value(record, "toolgate.audit.seq") {
        Value::IntValue(seq) => seq,
        other => panic!("{other:?}"),
    }
}

/// An attribute's value.
pub fn value(record: &LogRecord, key: &str) -> Value {
    let found = record.attributes.iter().find(|it| it.key == key);
    let found = found.unwrap_or_else(|| panic!("{key} is not in {record:?}"));
    found.value.clone().unwrap().value.unwrap()
}
