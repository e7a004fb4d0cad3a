//! A PDP over gRPC.

pub mod convert;
#[cfg(test)]
mod tests;
pub mod token_file;

use crate::model::subject::{Subject, Token};
use crate::shim::pdp::{Acknowledged, Answer, BoxFuture, Consistency, Numbering};
use crate::shim::pdp::{Pdp, PdpError, Question, Revisions};
use crate::tlog::{Hash, PROOF_HASHES_MAX};
use crate::wire::v1::audit_service_client::AuditServiceClient;
use crate::wire::v1::decision_service_client::DecisionServiceClient;
use crate::wire::v1::policy_service_client::PolicyServiceClient;
use crate::wire::{self, EndpointError, ORIGIN_METADATA, Tls, v1};
use std::time::Duration;
use token_file::TokenFile;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

/// How long the PDP has to decide, in milliseconds, where nothing else is configured.
pub const PDP_DEADLINE_MS: u64 = 250;
/// How long the PDP has to make a batch of events durable, in milliseconds.
pub const REPORT_MS: u64 = 5_000;
/// How long a connection may take, in milliseconds.
const CONNECT_MS: u64 = 200;
/// A connection that is silent for so long is probed, in milliseconds.
const KEEP_ALIVE_MS: u64 = 10_000;
/// How long a probe may go unanswered before the connection counts as lost, in milliseconds.
const KEEP_ALIVE_ANSWER_MS: u64 = 5_000;
/// Largest message of the PDP's, in bytes: a result at its limit, and the rest of the answer.
const REPLY_BYTES_MAX: usize = 8 << 20;

/// Where the PDP is, and who speaks to it for whom.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// `unix:/path`, `http://host:port` or `https://host:port`.
    pub url: String,
    /// Who the calls are for.
    pub speaker: Speaker,
    /// How the PDP proves what it is, and the shim to it.
    pub tls: Tls,
}

/// Who the calls of a shim are for.
#[derive(Clone, Debug)]
pub enum Speaker {
    /// Whom the shim names, or itself.
    Subject(Subject),
    /// Whom the token in this file names.
    Token(TokenFile),
}

/// How the PDP comes to know the speaker.
#[derive(Clone, Debug)]
enum Shown {
    /// By what each question says; the shim itself is known by its certificate or its uid.
    InMessage(Speaker),
    /// By the token that comes with every RPC: nothing else says who the shim is.
    WithRpc(TokenFile),
}

impl Shown {
    fn new(config: &RemoteConfig) -> Self {
        let proves_itself = config.url.starts_with("unix:") || config.tls.identity_pem.is_some();
        match &config.speaker {
            Speaker::Token(file) if !proves_itself => Self::WithRpc(file.clone()),
            speaker => Self::InMessage(speaker.clone()),
        }
    }

    /// What a question says.
    fn subject(&self) -> Subject {
        match self {
            Self::InMessage(Speaker::Subject(subject)) => subject.clone(),
            Self::InMessage(Speaker::Token(file)) => Subject::BearerToken(file.token()),
            Self::WithRpc(_) => Subject::None,
        }
    }

    /// The request, with the token where that is how the shim is known.
    fn with<T>(&self, message: T) -> Request<T> {
        match self {
            Self::InMessage(_) => Request::new(message),
            Self::WithRpc(file) => with_token(message, file),
        }
    }
}

/// A request whose sender is known by the token in this file.
pub(crate) fn with_token<T>(message: T, file: &TokenFile) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(value) = authorization(&file.token()) {
        request.metadata_mut().insert("authorization", value);
    }
    request
}

/// Marked as sensitive: it is neither logged nor kept in a header table. A token of a file is always
/// one: it is graphic ASCII.
fn authorization(token: &Token) -> Option<MetadataValue<Ascii>> {
    let text = zeroize::Zeroizing::new(format!("Bearer {}", token.text()));
    let mut value: MetadataValue<Ascii> = text.parse().ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// A PDP over gRPC: connects at the first question and again whenever the connection is lost.
#[derive(Clone, Debug)]
pub struct RemotePdp {
    decisions: DecisionServiceClient<Channel>,
    audit: AuditServiceClient<Channel>,
    policies: PolicyServiceClient<Channel>,
    url: String,
    shown: Shown,
}

impl RemotePdp {
    /// A PDP at this address. Nothing is sent yet.
    ///
    /// # Errors
    /// The address or the certificates cannot be used.
    pub fn new(config: RemoteConfig) -> Result<Self, EndpointError> {
        let channel = endpoint(&config)?.connect_lazy();
        let decisions = DecisionServiceClient::new(channel.clone());
        Ok(Self {
            decisions: decisions.max_decoding_message_size(REPLY_BYTES_MAX),
            audit: AuditServiceClient::new(channel.clone()),
            policies: PolicyServiceClient::new(channel),
            shown: Shown::new(&config),
            url: config.url,
        })
    }

    async fn ask(&self, question: Question) -> Result<Answer, PdpError> {
        let request = convert::request(question, &self.shown.subject());
        let reply = self
            .decisions
            .clone()
            .decide(self.shown.with(request))
            .await;
        convert::answer(reply.map_err(unavailable)?.into_inner())
    }

    async fn ask_batch(&self, questions: Vec<Question>) -> Result<Vec<Answer>, PdpError> {
        let subject = self.shown.subject();
        let requests = questions
            .into_iter()
            .map(|question| convert::request(question, &subject));
        let request = v1::DecideBatchRequest {
            requests: requests.collect(),
        };
        let request = self.shown.with(request);
        let reply = self.decisions.clone().decide_batch(request).await;
        let replies = reply.map_err(unavailable)?.into_inner().responses;
        replies.into_iter().map(convert::answer).collect()
    }

    async fn digest(&self) -> Result<String, PdpError> {
        let mut policies = self.policies.clone();
        let request = self.shown.with(v1::GetStatusRequest {});
        let status = policies.get_status(request).await;
        let active = status.map_err(unavailable)?.into_inner().active;
        let policy = active.and_then(|active| active.policy);
        Ok(policy.map(|policy| policy.digest).unwrap_or_default())
    }

    /// The stream of what is in force; `None` if the PDP is older than that.
    async fn watch(&self) -> Result<Option<Revisions>, PdpError> {
        let mut decisions = self.decisions.clone();
        let request = self.shown.with(v1::WatchRevisionRequest {});
        let stream = match decisions.watch_revision(request).await {
            Ok(reply) => reply.into_inner(),
            Err(status) if status.code() == Code::Unimplemented => return Ok(None),
            Err(status) => return Err(unavailable(status)),
        };
        let digest = |message: v1::WatchRevisionResponse| {
            message.policy.map(|it| it.digest).unwrap_or_default()
        };
        let revisions = stream.map(move |message| message.map(digest).map_err(unavailable));
        Ok(Some(Box::pin(revisions)))
    }

    /// Opens a stream, which says what log it is of, sends the events that are numbered for that
    /// log, and waits until the last is durable or the stream ends.
    async fn publish(&self, numbering: Numbering<'_>) -> Result<Acknowledged, PdpError> {
        let (requests, receiver) = mpsc::channel(1);
        let stream = self.shown.with(ReceiverStream::new(receiver));
        let opened = self.audit.clone().publish(stream).await;
        let opened = opened.map_err(unavailable)?;
        let origin = opened.metadata().get(ORIGIN_METADATA);
        let origin = origin.and_then(|origin| origin.to_str().ok());
        let origin = origin.ok_or(PdpError::Invalid("it does not name its log"))?;
        let events = numbering(origin)?;
        let last = events.last().map_or(0, |event| event.seq);
        let send = async {
            for event in events {
                if requests.send(convert::event(event)).await.is_err() {
                    break;
                }
            }
            // The stream stays open until the last is acknowledged.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            acknowledged = acknowledged(opened.into_inner(), last) => acknowledged,
            () = send => Err(PdpError::Invalid("it never ends")),
        }
    }

    async fn prove(&self, from_size: u64, to_size: u64) -> Result<Consistency, PdpError> {
        let request = v1::GetConsistencyProofRequest { from_size, to_size };
        let request = self.shown.with(request);
        let reply = self.audit.clone().get_consistency_proof(request).await;
        let reply = reply.map_err(unavailable)?.into_inner();
        let hashes = reply.hashes.iter().map(|hash| Hash::from_slice(hash));
        let hashes: Option<Vec<_>> = hashes.take(PROOF_HASHES_MAX + 1).collect();
        Ok(Consistency {
            origin: reply.origin,
            hashes: hashes.ok_or(PdpError::Invalid("a hash of a proof has not 32 bytes"))?,
        })
    }
}

/// The latest acknowledgement, once it is of the last event or the stream has ended.
async fn acknowledged(
    mut replies: Streaming<v1::PublishResponse>,
    last: u64,
) -> Result<Acknowledged, PdpError> {
    let mut acknowledged = Acknowledged::default();
    while acknowledged.durable_seq < last {
        let Some(reply) = replies.message().await.map_err(unavailable)? else {
            break;
        };
        acknowledged = Acknowledged {
            durable_seq: reply.durable_seq.max(acknowledged.durable_seq),
            replica: 0,
            origin: reply.origin,
            checkpoint: reply.checkpoint,
        };
    }
    Ok(acknowledged)
}

fn endpoint(config: &RemoteConfig) -> Result<Endpoint, EndpointError> {
    let endpoint = wire::endpoint(&config.url, &config.tls)?;
    Ok(endpoint
        .connect_timeout(Duration::from_millis(CONNECT_MS))
        .http2_keep_alive_interval(Duration::from_millis(KEEP_ALIVE_MS))
        .keep_alive_timeout(Duration::from_millis(KEEP_ALIVE_ANSWER_MS))
        .tcp_nodelay(true))
}

/// The status' message is the PDP's own and names no arguments.
fn unavailable(status: Status) -> PdpError {
    let text = format!("{:?}: {}", status.code(), status.message());
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => PdpError::Refused(text),
        _ => PdpError::Unavailable(text),
    }
}

impl Pdp for RemotePdp {
    fn decide(&self, question: Question) -> BoxFuture<'_, Result<Answer, PdpError>> {
        Box::pin(self.ask(question))
    }

    fn decide_batch(
        &self,
        questions: Vec<Question>,
    ) -> BoxFuture<'_, Result<Vec<Answer>, PdpError>> {
        Box::pin(self.ask_batch(questions))
    }

    fn revision(&self) -> BoxFuture<'_, Result<String, PdpError>> {
        Box::pin(self.digest())
    }

    fn revisions(&self) -> BoxFuture<'_, Result<Option<Revisions>, PdpError>> {
        Box::pin(self.watch())
    }

    fn address(&self) -> &str {
        &self.url
    }

    fn report<'a>(
        &'a self,
        numbering: Numbering<'a>,
    ) -> BoxFuture<'a, Result<Acknowledged, PdpError>> {
        Box::pin(in_time(self.publish(numbering)))
    }

    fn consistency(
        &self,
        _replica: usize,
        from: u64,
        to: u64,
    ) -> BoxFuture<'_, Result<Consistency, PdpError>> {
        Box::pin(in_time(self.prove(from, to)))
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, PdpError>>) -> Result<T, PdpError> {
    let at_most = Duration::from_millis(REPORT_MS);
    let deadline_ms = REPORT_MS;
    tokio::time::timeout(at_most, asked)
        .await
        .unwrap_or(Err(PdpError::Deadline { deadline_ms }))
}
