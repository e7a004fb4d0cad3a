//! Asking a PDP over gRPC.

use super::Answer;
use crate::cli::{CliError, document};
use crate::model::call::{Given, Phase, Request};
use crate::model::json::{Json, Object};
use crate::shim::remote::token_file::TokenFile;
use crate::shim::remote::with_token;
use crate::wire::v1::audit_service_client::AuditServiceClient;
use crate::wire::v1::decision_service_client::DecisionServiceClient;
use crate::wire::v1::policy_service_client::PolicyServiceClient;
use crate::wire::{self, Tls, v1};
use clap::Args;
use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tonic::transport::{Channel, Endpoint};

/// How long a connection may take, in seconds.
const CONNECT_SECONDS_MAX: u64 = 2;
/// How long an answer may take, in seconds: as long as a PDP takes at most.
const ANSWER_SECONDS_MAX: u64 = 30;
/// Largest answer, in bytes: a result at its limit, and the rest.
const ANSWER_BYTES_MAX: usize = 12 << 20;

/// How a PDP is known, and this command to it.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct TlsArgs {
    /// PEM of the authorities that the PDP's certificate comes from; needed for `https`.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM of this client's certificate chain.
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// PEM of its key.
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// A file with the bearer token that this client is known by.
    #[arg(long, value_name = "FILE", conflicts_with = "cert")]
    token_file: Option<PathBuf>,
}

/// A PDP over gRPC.
pub(in crate::cli) struct Remote {
    url: String,
    runtime: Runtime,
    channel: Channel,
    token: Option<TokenFile>,
    call_id: Option<String>,
}

impl Remote {
    /// A PDP at this address; connects at the first question.
    pub(in crate::cli) fn new(
        url: &str,
        tls: &TlsArgs,
        call_id: Option<String>,
    ) -> Result<Self, CliError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(CliError::failure)?;
        let endpoint = endpoint(url, tls)?;
        let token = tls.token_file.as_deref().map(TokenFile::open).transpose();
        let token = token.map_err(CliError::unusable)?;
        let entered = runtime.enter();
        let channel = endpoint.connect_lazy();
        drop(entered);
        Ok(Self {
            url: url.to_owned(),
            runtime,
            channel,
            token,
            call_id,
        })
    }

    /// A request, with the token where this client is known by one.
    pub(in crate::cli) fn request<T>(&self, message: T) -> tonic::Request<T> {
        match &self.token {
            Some(file) => with_token(message, file),
            None => tonic::Request::new(message),
        }
    }

    /// Asks. What the input says and a question cannot is an error.
    pub(super) fn decide(&self, given: Given, explain: bool) -> Result<Answer, CliError> {
        let question = question(given, self.call_id.clone())?;
        let asking = async {
            match explain {
                true => self.explain(question).await,
                false => self.ask(question).await,
            }
        };
        self.wait(asking)
    }

    /// The service that shows and steers policies.
    pub(in crate::cli) fn policies(&self) -> PolicyServiceClient<Channel> {
        let client = PolicyServiceClient::new(self.channel.clone());
        client.max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// The service that takes and gives evidence.
    pub(in crate::cli) fn audit(&self) -> AuditServiceClient<Channel> {
        let client = AuditServiceClient::new(self.channel.clone());
        client.max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// Waits for what comes when it comes.
    pub(in crate::cli) fn wait_on<T>(
        &self,
        coming: impl Future<Output = Result<T, tonic::Status>>,
    ) -> Result<T, CliError> {
        let came = self.runtime.block_on(coming);
        came.map_err(|status| CliError::failure(self.told(&status)))
    }

    /// Waits for an answer, for as long as one may take.
    pub(in crate::cli) fn wait<T>(
        &self,
        asking: impl Future<Output = Result<T, tonic::Status>>,
    ) -> Result<T, CliError> {
        let limit = Duration::from_secs(ANSWER_SECONDS_MAX);
        let answer = self
            .runtime
            .block_on(async { tokio::time::timeout(limit, asking).await });
        let url = &self.url;
        match answer {
            Err(_elapsed) => Err(CliError::failure(format!(
                "`{url}` did not answer within {ANSWER_SECONDS_MAX} s"
            ))),
            Ok(Err(status)) => Err(CliError::failure(self.told(&status))),
            Ok(Ok(answer)) => Ok(answer),
        }
    }

    async fn ask(&self, question: v1::DecideRequest) -> Result<Answer, tonic::Status> {
        let client = DecisionServiceClient::new(self.channel.clone());
        let mut client = client.max_decoding_message_size(ANSWER_BYTES_MAX);
        Ok(Answer {
            decision: client.decide(self.request(question)).await?.into_inner(),
            packages: None,
            rules_left_out: 0,
        })
    }

    async fn explain(&self, question: v1::DecideRequest) -> Result<Answer, tonic::Status> {
        let mut client = self.policies();
        let request = v1::ExplainRequest {
            request: Some(question),
        };
        let reply = client.explain(self.request(request)).await?.into_inner();
        Ok(Answer {
            decision: reply.decision.unwrap_or_default(),
            packages: Some(reply.packages),
            rules_left_out: reply.rules_left_out,
        })
    }

    fn told(&self, status: &tonic::Status) -> String {
        let url = &self.url;
        // What this side makes of a connection has a source, what a PDP says has none.
        if status.source().is_some() {
            return wire::unreachable(url, status);
        }
        match status.code() {
            tonic::Code::Unavailable | tonic::Code::Unknown => wire::unreachable(url, status),
            tonic::Code::PermissionDenied => format!("`{url}` refuses: {}", status.message()),
            tonic::Code::NotFound
            | tonic::Code::InvalidArgument
            | tonic::Code::FailedPrecondition => format!("`{url}`: {}", status.message()),
            tonic::Code::Unauthenticated => format!(
                "`{url}` does not know this caller: {}; name it under `callers` in its configuration",
                status.message()
            ),
            code => format!("`{url}` made no decision: {code:?}: {}", status.message()),
        }
    }
}

fn endpoint(url: &str, args: &TlsArgs) -> Result<Endpoint, CliError> {
    let read = |file: &Option<PathBuf>| file.as_deref().map(document::read_bytes).transpose();
    let tls = Tls {
        ca_pem: read(&args.ca)?,
        identity_pem: read(&args.cert)?.zip(read(&args.key)?),
    };
    let endpoint = wire::endpoint(url, &tls).map_err(CliError::unusable)?;
    Ok(endpoint.connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX)))
}

/// The question that has this input.
pub(super) fn question(
    given: Given,
    call_id: Option<String>,
) -> Result<v1::DecideRequest, CliError> {
    if let Some(member) = not_sent(&given) {
        return Err(CliError::unusable(format!(
            "`{member}` cannot be sent: the PDP works it out itself; leave it out, or decide with `--bundle`"
        )));
    }
    let Request {
        phase,
        principal,
        mcp,
        params,
        result,
        mut context,
        ..
    } = given.request;
    if (phase == Phase::Result) != call_id.is_some() {
        return Err(CliError::unusable(
            "phase `result` needs `--call-id` with what the call's decision gave, and no other phase has one",
        ));
    }
    let mut own = |name| match context.remove(name) {
        None => Ok(String::new()),
        Some(Json::String(text)) => Ok(text),
        Some(other) => Err(not_text(name, &other)),
    };
    let (client_session, correlation_id) = (own("client_session")?, own("correlation_id")?);
    let asserted = v1::AssertedSubject {
        id: principal.id,
        user: principal.user.unwrap_or_default(),
        agent: principal.agent.unwrap_or_default(),
        client: principal.client.unwrap_or_default(),
        roles: principal.roles,
        attributes_json: Json::Object(principal.attributes).to_bytes(),
        delegation: principal.delegation,
    };
    Ok(v1::DecideRequest {
        phase: sent_phase(phase).into(),
        subject: Some(v1::decide_request::Subject::Asserted(asserted)),
        mcp: Some(v1::Mcp {
            server: mcp.server,
            method: mcp.method,
            name: mcp.name,
            protocol_version: mcp.protocol,
        }),
        params_json: Json::Object(params).to_bytes(),
        result_json: result.map(|result| result.to_bytes()).unwrap_or_default(),
        call_id: call_id.unwrap_or_default(),
        client_session,
        correlation_id,
        context: sent_context(context)?,
        ..v1::DecideRequest::default()
    })
}

/// The first member that would change the decision and has no place in a question.
fn not_sent(given: &Given) -> Option<&'static str> {
    let request = &given.request;
    let present = [
        ("facts", !given.facts.facts.is_empty()),
        ("session.labels", !given.facts.labels.is_empty()),
        (
            "tool.definition_digest",
            request.definition_digest.is_some(),
        ),
        (
            "tool.untrusted_annotations",
            !request.untrusted_annotations.is_empty(),
        ),
    ];
    let mut present = present.into_iter();
    present
        .find(|(_, is_there)| *is_there)
        .map(|(name, _)| name)
}

fn not_text(name: &str, value: &Json) -> CliError {
    CliError::unusable(format!(
        "`context.{name}` cannot be sent: it must be a string, is {}",
        value.kind()
    ))
}

fn sent_context(context: Object) -> Result<HashMap<String, String>, CliError> {
    let members = context.into_iter().map(|(name, value)| match value {
        Json::String(text) => Ok((name, text)),
        other => Err(not_text(&name, &other)),
    });
    members.collect()
}

const fn sent_phase(phase: Phase) -> v1::Phase {
    match phase {
        Phase::Call => v1::Phase::Call,
        Phase::Result => v1::Phase::Result,
        Phase::List => v1::Phase::List,
        Phase::Notification => v1::Phase::Notification,
        Phase::ServerRequest => v1::Phase::ServerRequest,
        Phase::ClientAnswer => v1::Phase::ClientAnswer,
    }
}
