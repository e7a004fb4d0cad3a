//! Golden cases: `tests/data/decide/*.yaml`, each on both engines and over both transports, with
//! the answer and the record as they are at the client and in the log's file.
//!
//! A file has two documents: what is given, and what comes of it. `TOOLGATE_BLESS=1` writes the
//! second one anew, to be read through before it is committed.

mod case;
mod request;
mod shown;
pub mod yaml;

use crate::server::{self, Server, block_on, pki, tokens};
use case::{Case, Step, Variant};
use request::Asked;
use serde_json::{Value, json};
use shown::Shower;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};
use toolgate::wire::v1::decision_service_client::DecisionServiceClient;
use toolgate::wire::v1::{DecideBatchRequest, DecideResponse};

const SPIFFE_ID: &str = "spiffe://acme.example/shim/crm";
const MESSAGE_BYTES_MAX: usize = 12 << 20;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/decide")
}

macro_rules! golden {
    ($($name:ident)*) => {
        const CASES: &[&str] = &[$(stringify!($name)),*];
        $(#[test] fn $name() { check(stringify!($name)); })*
    };
}

golden! {
    allow
    approve
    approve_grants_nobody
    asserted_roles
    asserted_roles_dropped
    audit_obligation
    batch
    bearer_subject
    configured_limits
    context
    definition
    demo_bundle
    deny
    directory_roles
    disabled_principal
    drop_fields
    dry_run
    evaluation_limit
    limit_bytes
    limit_rows
    list_by_allow
    list_visible
    malformed_fields
    malformed_params
    mask_fields
    min_policy_version
    no_package_applies
    no_policy_set
    numbers
    obligation_refused
    operator_grants
    other_messages
    output_too_large
    policy_error
    policy_result_invalid
    result_belongs_to_its_call
    result_withheld
    rewrite_arguments
    rewrite_conflict
    rewritten_is_judged_again
    scope
    server_not_allowed
    shadow
    subject_not_allowed
    tenant
    token_connection
    unauthenticated
}

#[test]
fn every_file_is_a_test() {
    let files = std::fs::read_dir(directory()).unwrap();
    let stem = |file: std::io::Result<std::fs::DirEntry>| {
        let path = file.unwrap().path();
        path.file_stem().unwrap().to_str().unwrap().to_owned()
    };
    let mut files: Vec<_> = files.map(stem).collect();
    files.sort();
    let mut cases = CASES.to_vec();
    cases.sort_unstable();
    assert_eq!(files, cases);
}

fn check(name: &str) {
    let path = directory().join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(&path).unwrap();
    let (given, expected) = text.split_once("\n---\n").unwrap_or((&text, "[]"));
    let case: Case = serde_saphyr::from_str(given).unwrap();
    let outcomes: Vec<_> = Variant::all()
        .map(|variant| (variant, run(&case, variant)))
        .collect();
    let (_, first) = &outcomes[0];
    for (variant, outcome) in &outcomes {
        assert_same(
            outcome,
            first,
            &format!("{name} on {variant:?} and on the first variant"),
        );
    }
    if std::env::var_os("TOOLGATE_BLESS").is_some() {
        let text = format!("{}\n---\n{}", given.trim_end(), yaml::write(first));
        std::fs::write(&path, text).unwrap();
        return;
    }
    let expected: Value = serde_saphyr::from_str(expected).unwrap();
    assert_same(first, &expected, &format!("{name}: {}", case.title));
}

fn assert_same(found: &Value, expected: &Value, what: &str) {
    let (found_text, expected_text) = (yaml::write(found), yaml::write(expected));
    if found != expected {
        panic!("{what}\n--- expected\n{expected_text}\n--- found\n{found_text}");
    }
}

fn run(case: &Case, variant: Variant) -> Value {
    block_on(async {
        let server = start(case, variant).await;
        let mut session = Session {
            server: &server,
            variant,
            channel: variant.connect(&server).await,
            answered: HashMap::new(),
            replies: Vec::new(),
        };
        let mut outcomes = Vec::new();
        for (step, number) in case.steps.iter().zip(1..) {
            outcomes.push(session.take(step, number).await);
        }
        let replies = std::mem::take(&mut session.replies);
        let records = server::of_type(&server.records().await, "decision");
        assert_eq!(replies.len(), records.len(), "one record for each answer");
        let shower = Shower::new(&server.audit_dir, variant, variant.engine_name(case));
        let mut answers = replies.iter().zip(&records);
        let shown = case
            .steps
            .iter()
            .zip(outcomes)
            .map(|(step, outcome)| match outcome {
                Err(status) => json!({"step": step.step, "status": shown::status(&status)}),
                Ok(count) => {
                    let answers = answers.by_ref().take(count);
                    let answers =
                        answers.map(|((asked, reply), record)| shower.show(asked, reply, record));
                    json!({"step": step.step, "answers": answers.collect::<Vec<_>>()})
                }
            });
        let shown = shown.collect();
        let report = server.stop().await;
        assert_eq!(report.by_type["decision"], records.len() as u64);
        shown
    })
}

async fn start(case: &Case, variant: Variant) -> Server {
    let dir = tempfile::tempdir().unwrap();
    case.write_policies(dir.path());
    pki::write_server_files(dir.path());
    tokens::write_key_set(dir.path());
    let server = Server::start(dir, &case.config(variant)).await;
    let refused = server.decider.tenants.process().policies.status().refused;
    assert_eq!(refused.is_some(), case.refused, "{refused:#?}");
    server
}

/// The connections of one run, and what was answered so far.
struct Session<'a> {
    server: &'a Server,
    variant: Variant,
    channel: Channel,
    /// By number of the step, from 1: those of one answer.
    answered: HashMap<usize, (Asked, DecideResponse)>,
    replies: Vec<(Asked, DecideResponse)>,
}

impl Session<'_> {
    /// Takes a step; gives the number of answers.
    async fn take(&mut self, step: &Step, number: usize) -> Result<usize, Status> {
        let asks = step.batch.iter().flatten().chain(&step.ask);
        let asked: Vec<_> = asks.map(|ask| Asked::new(ask, &self.answered)).collect();
        let (channel, token) = match &step.token {
            None => (self.channel.clone(), None),
            Some(claims) => (
                self.variant.anonymous(self.server).await,
                Some(tokens::token(claims)),
            ),
        };
        let mut client =
            DecisionServiceClient::new(channel).max_encoding_message_size(MESSAGE_BYTES_MAX);
        let responses = if step.batch.is_some() {
            let requests = asked.iter().map(|asked| asked.request.clone()).collect();
            let batch = authorized(DecideBatchRequest { requests }, token);
            client.decide_batch(batch).await?.into_inner().responses
        } else {
            let request = authorized(asked[0].request.clone(), token);
            vec![client.decide(request).await?.into_inner()]
        };
        assert_eq!(responses.len(), asked.len(), "one answer for each request");
        let count = responses.len();
        let answers: Vec<_> = asked.into_iter().zip(responses).collect();
        if let [answer] = answers.as_slice() {
            self.answered.insert(number, answer.clone());
        }
        self.replies.extend(answers);
        Ok(count)
    }
}

fn authorized<T>(message: T, token: Option<String>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        let value = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    request
}
