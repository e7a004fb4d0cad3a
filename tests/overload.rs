//! Too much at once, and the end of a process that is still asked.

use crate::server::asking::{Decisions, call, codes, decide};
use crate::server::process::Process;
use crate::server::{Server, block_on, config, of_type, records, write_files};
use prost::Message;
use std::collections::BTreeMap;
use std::path::Path;
use tonic::{Code, Status};
use toolgate::audit::verify::verify;
use toolgate::wire::v1::policy_service_client::PolicyServiceClient;
use toolgate::wire::v1::{DecideBatchRequest, Effect, ExplainRequest};
use toolgate::wire::{ErrorInfo, RetryInfo, RpcStatus};

/// `crm/slow` is evaluated until its time is over.
const POLICY: &str = r#"package policies.crm
allow contains "crm.read"
allow contains "slow" if {
	input.mcp.name == "slow"
	count([1 | some a in data.numbers; some b in data.numbers; some c in data.numbers; a == b; b == c; c == -1]) == 0
}
"#;
const AUDIT: &str = "[audit]\ndir = \"audit\"\n";

fn write_policies(dir: &Path) {
    let numbers: Vec<String> = (0..256).map(|number: u32| number.to_string()).collect();
    let data = format!(r#"{{"numbers": [{}]}}"#, numbers.join(","));
    write_files(
        &dir.join("main"),
        [("p.rego", POLICY), ("data.json", &data)],
    );
}

fn limits(milliseconds: u32, in_flight: u32) -> String {
    format!(
        "{AUDIT}[limits]\nevaluation_milliseconds_max = {milliseconds}\n\
         evaluation_instructions_max = 1000000000\nin_flight_decisions_max = {in_flight}\n"
    )
}

/// The reason of an overload and what is said with it; checks when to come back.
pub fn reason(status: &Status) -> (String, BTreeMap<String, String>) {
    let details = RpcStatus::decode(status.details()).unwrap();
    assert_eq!(details.code, i32::from(status.code()));
    assert_eq!(details.message, status.message());
    let [retry, info] = &details.details[..] else {
        panic!("{details:?}");
    };
    assert_eq!(retry.type_url, "type.googleapis.com/google.rpc.RetryInfo");
    assert_eq!(info.type_url, "type.googleapis.com/google.rpc.ErrorInfo");
    let retry = RetryInfo::decode(&*retry.value).unwrap();
    assert!(retry.retry_delay.is_some());
    let info = ErrorInfo::decode(&*info.value).unwrap();
    assert_eq!(info.domain, "toolgate");
    (info.reason, info.metadata)
}

fn assert_overloaded(status: &Status) {
    assert_eq!(status.code(), Code::ResourceExhausted);
    let pushback = status.metadata().get("grpc-retry-pushback-ms").unwrap();
    assert_eq!(pushback, "50");
    let (reason, metadata) = reason(status);
    assert_eq!(reason, "LIMIT_REACHED");
    assert_eq!(metadata["limit"], "1");
    assert_eq!(metadata["setting"], "limits.in_flight_decisions_max");
    assert!(
        status.message().contains("the limit is 1"),
        "{}",
        status.message()
    );
}

#[test]
fn beyond_the_limit_callers_are_told_when_to_come_back() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        write_policies(dir.path());
        let server = Server::start(dir, &config(&limits(300, 1))).await;
        let mut asking = Vec::new();
        for _ in 0..8 {
            let mut client = Decisions::new(server.unix().await);
            asking.push(tokio::spawn(async move {
                client.decide(call("crm/slow")).await
            }));
        }
        // To explain is to decide, and has the same limit.
        for _ in 0..4 {
            let mut client = PolicyServiceClient::new(server.unix().await);
            asking.push(tokio::spawn(async move {
                let request = Some(call("crm/slow"));
                let explained = client.explain(ExplainRequest { request }).await?;
                let decision = explained.into_inner().decision.unwrap();
                Ok(tonic::Response::new(decision))
            }));
        }
        let (mut answered, mut refused) = (0, 0);
        for one in asking {
            match one.await.unwrap() {
                Ok(reply) => {
                    assert!(codes(reply.get_ref()).contains(&"evaluation_limit"));
                    answered += 1;
                }
                Err(status) => {
                    assert_overloaded(&status);
                    refused += 1;
                }
            }
        }
        assert!(
            answered > 0 && refused > 0,
            "{answered} answered, {refused} refused"
        );
        // A batch larger than the limit takes all of it, or it could never be admitted.
        let mut client = Decisions::new(server.unix().await);
        let batch = |count| DecideBatchRequest {
            requests: vec![call("crm/read"); count],
        };
        let two = client.decide_batch(batch(2)).await.unwrap().into_inner();
        assert!(
            two.responses
                .iter()
                .all(|one| one.effect() == Effect::Allow)
        );
        // What was refused is no decision, and leaves no record.
        let decisions = of_type(&server.records().await, "decision");
        assert_eq!(decisions.len(), answered + 2);
        server.stop().await;
    });
}

#[test]
fn a_drain_answers_what_is_under_way() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        write_policies(dir.path());
        write_files(
            dir.path(),
            [("toolgate.toml", config(&limits(1500, 100)).as_str())],
        );
        let process = Process::start(dir.path()).await;
        let channel = process.connect().await;
        let mut slow = Decisions::new(channel.clone());
        let slow = tokio::spawn(async move { slow.decide(call("crm/slow")).await });
        // On one connection requests arrive in the order in which they are sent: once a later one
        // is answered, the slow one is under way.
        let mut quick = Decisions::new(channel);
        tokio::task::yield_now().await;
        let quick = decide(&mut quick, "crm/read").await;
        assert_eq!(quick.effect(), Effect::Allow);
        process.terminate();
        let answered = slow.await.unwrap().unwrap().into_inner();
        assert_eq!(codes(&answered), ["evaluation_limit"]);
        assert!(process.ended().await.success());
        assert!(!dir.path().join("run.sock").exists());
        let decisions = of_type(&records(&dir.path().join("audit")), "decision");
        let ids: Vec<_> = decisions
            .iter()
            .map(|record| &record["decision_id"])
            .collect();
        assert!(ids.contains(&&answered.decision_id.into()), "{ids:?}");
        verify(&dir.path().join("audit")).unwrap();
    });
}

#[test]
fn a_socket_has_one_process() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        write_policies(dir.path());
        let toml = config(&limits(1500, 100));
        write_files(dir.path(), [("toolgate.toml", toml.as_str())]);
        let process = Process::start(dir.path()).await;
        let second = std::process::Command::new(env!("CARGO_BIN_EXE_toolgate"))
            .args(["serve", "--config", "toolgate.toml"])
            .env("TOOLGATE_AUDIT_DIR", "other")
            .current_dir(dir.path())
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&second.stderr);
        assert!(!second.status.success());
        assert!(errors.contains("is in use by another process"), "{errors}");
        // What a crash leaves behind is in nobody's way.
        process.kill();
        assert!(dir.path().join("run.sock").exists());
        let process = Process::start(dir.path()).await;
        process.terminate();
        assert!(process.ended().await.success());
    });
}

/// Documents that take long to read keep no thread from small questions.
#[test]
fn large_questions_wait_for_one_another_and_not_the_small_ones_for_them() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        write_policies(dir.path());
        let server = Server::start(dir, &config(&limits(300, 512))).await;
        let keys: String = (0..200_000).map(|n| format!("\"k{n}\":0,")).collect();
        let params = format!(r#"{{"name":"read","arguments":{{{keys}"z":0}}}}"#);
        let mut asking = Vec::new();
        for _ in 0..8 {
            let mut client = Decisions::new(server.unix().await);
            let mut question = call("crm/read");
            question.params_json = params.clone().into_bytes();
            asking.push(tokio::spawn(async move { client.decide(question).await }));
        }
        let mut client = Decisions::new(server.unix().await);
        let mut small = 0;
        // Small ones are answered all the while.
        while !asking.iter().all(tokio::task::JoinHandle::is_finished) {
            assert_eq!(codes(&decide(&mut client, "crm/read").await), ["crm.read"]);
            small += 1;
        }
        for asked in asking {
            let reply = asked.await.unwrap().unwrap().into_inner();
            assert_eq!(codes(&reply), ["crm.read"]);
        }
        assert!(
            small > 8,
            "{small} small questions in the time of 8 large ones"
        );
        server.stop().await;
    });
}
