//! A PDP over gRPC.

pub mod convert;
#[cfg(test)]
mod tests;

use crate::model::subject::Subject;
use crate::shim::event::Event;
use crate::shim::pdp::{Acknowledged, Answer, BoxFuture, Pdp, PdpError, Question};
use crate::wire::v1;
use crate::wire::v1::audit_service_client::AuditServiceClient;
use crate::wire::v1::decision_service_client::DecisionServiceClient;
use crate::wire::v1::policy_service_client::PolicyServiceClient;
use std::time::Duration;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

/// How long the PDP has to decide, in milliseconds, where nothing else is configured.
pub const PDP_DEADLINE_MS: u64 = 250;
/// How long the PDP has to make a batch of events durable, in milliseconds.
pub const REPORT_MS: u64 = 5_000;
/// How long a connection may take, in milliseconds.
const CONNECT_MS: u64 = 200;
/// A connection that is silent for so long is probed, in milliseconds.
const KEEP_ALIVE_MS: u64 = 10_000;
/// Largest message of the PDP's, in bytes: a result at its limit, and the rest of the answer.
const REPLY_BYTES_MAX: usize = 8 << 20;

/// Where the PDP is, and who speaks to it for whom.
#[derive(Clone, Debug)]
pub struct RemoteConfig {
    /// `unix:/path`, `http://host:port` or `https://host:port`.
    pub url: String,
    /// Who the calls are for.
    pub subject: Subject,
    /// PEM of the authorities that the PDP's certificate must come from; needed for `https`.
    pub ca_pem: Option<Vec<u8>>,
    /// PEM of this shim's certificate chain and its key.
    pub identity_pem: Option<(Vec<u8>, Vec<u8>)>,
}

/// Why there can be no connection to a PDP.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The address is of no known form.
    #[error(
        "`{url}` is not an address of a PDP; write unix:/path, http://host:port or https://host:port"
    )]
    Url {
        /// The address.
        url: String,
    },
    /// Something about TLS.
    #[error("TLS to `{url}`: {problem}")]
    Tls {
        /// The address.
        url: String,
        /// What is wrong.
        problem: String,
    },
}

/// A PDP over gRPC: connects at the first question and again whenever the connection is lost.
#[derive(Clone, Debug)]
pub struct RemotePdp {
    decisions: DecisionServiceClient<Channel>,
    audit: AuditServiceClient<Channel>,
    policies: PolicyServiceClient<Channel>,
    url: String,
    subject: Subject,
}

impl RemotePdp {
    /// A PDP at this address. Nothing is sent yet.
    ///
    /// # Errors
    /// The address or the certificates cannot be used.
    pub fn new(config: RemoteConfig) -> Result<Self, RemoteError> {
        let channel = endpoint(&config)?.connect_lazy();
        let decisions = DecisionServiceClient::new(channel.clone());
        Ok(Self {
            decisions: decisions.max_decoding_message_size(REPLY_BYTES_MAX),
            audit: AuditServiceClient::new(channel.clone()),
            policies: PolicyServiceClient::new(channel),
            url: config.url,
            subject: config.subject,
        })
    }

    async fn ask(&self, question: Question) -> Result<Answer, PdpError> {
        let request = convert::request(question, &self.subject);
        let reply = self.decisions.clone().decide(request).await;
        convert::answer(reply.map_err(unavailable)?.into_inner())
    }

    async fn ask_batch(&self, questions: Vec<Question>) -> Result<Vec<Answer>, PdpError> {
        let requests = questions
            .into_iter()
            .map(|question| convert::request(question, &self.subject));
        let request = v1::DecideBatchRequest {
            requests: requests.collect(),
        };
        let reply = self.decisions.clone().decide_batch(request).await;
        let replies = reply.map_err(unavailable)?.into_inner().responses;
        replies.into_iter().map(convert::answer).collect()
    }

    async fn digest(&self) -> Result<String, PdpError> {
        let mut policies = self.policies.clone();
        let status = policies.get_status(v1::GetStatusRequest {}).await;
        let active = status.map_err(unavailable)?.into_inner().active;
        let policy = active.and_then(|active| active.policy);
        Ok(policy.map(|policy| policy.digest).unwrap_or_default())
    }

    /// Sends the events as one stream and waits until the last is durable or the stream ends.
    async fn publish(&self, events: Vec<Event>) -> Result<Acknowledged, PdpError> {
        let last = events.last().map_or(0, |event| event.seq);
        let requests: Vec<_> = events.into_iter().map(convert::event).collect();
        let stream = Request::new(tokio_stream::iter(requests));
        let replies = self.audit.clone().publish(stream).await;
        let mut replies = replies.map_err(unavailable)?.into_inner();
        let mut acknowledged = Acknowledged::default();
        while acknowledged.durable_seq < last {
            let Some(reply) = replies.message().await.map_err(unavailable)? else {
                break;
            };
            acknowledged = Acknowledged {
                durable_seq: reply.durable_seq.max(acknowledged.durable_seq),
                origin: reply.origin,
                checkpoint: reply.checkpoint,
            };
        }
        Ok(acknowledged)
    }
}

fn endpoint(config: &RemoteConfig) -> Result<Endpoint, RemoteError> {
    let url = config.url.clone();
    let known = ["unix:/", "http://", "https://"];
    if !known.iter().any(|scheme| url.starts_with(scheme)) {
        return Err(RemoteError::Url { url });
    }
    let endpoint = Endpoint::from_shared(url.clone());
    let endpoint = endpoint.map_err(|_| RemoteError::Url { url: url.clone() })?;
    let endpoint = endpoint
        .connect_timeout(Duration::from_millis(CONNECT_MS))
        .http2_keep_alive_interval(Duration::from_millis(KEEP_ALIVE_MS))
        .tcp_nodelay(true);
    if !url.starts_with("https://") {
        return Ok(endpoint);
    }
    let tls = endpoint.tls_config(tls(config)?);
    tls.map_err(|error| RemoteError::Tls {
        url,
        problem: error.to_string(),
    })
}

fn tls(config: &RemoteConfig) -> Result<ClientTlsConfig, RemoteError> {
    let Some(ca) = &config.ca_pem else {
        return Err(RemoteError::Tls {
            url: config.url.clone(),
            problem: "no authority is named that its certificate must come from; give `--ca FILE`"
                .to_owned(),
        });
    };
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
    Ok(match &config.identity_pem {
        Some((chain, key)) => tls.identity(Identity::from_pem(chain, key)),
        None => tls,
    })
}

/// The status' message is the PDP's own and names no arguments.
fn unavailable(status: Status) -> PdpError {
    PdpError::Unavailable(format!("{:?}: {}", status.code(), status.message()))
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

    fn address(&self) -> &str {
        &self.url
    }

    fn report(&self, events: Vec<Event>) -> BoxFuture<'_, Result<Acknowledged, PdpError>> {
        Box::pin(async move {
            let at_most = Duration::from_millis(REPORT_MS);
            tokio::time::timeout(at_most, self.publish(events))
                .await
                .unwrap_or(Err(PdpError::Deadline {
                    deadline_ms: REPORT_MS,
                }))
        })
    }
}
