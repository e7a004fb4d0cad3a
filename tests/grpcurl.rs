//! The PDP as a stranger meets it: `grpcurl`, which knows no proto, asks by reflection.

use crate::server::process::Process;
use crate::server::{block_on, config, write_files};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const QUESTION: &str = r#"{
  "phase": "PHASE_CALL",
  "asserted": {"id": "agent_a"},
  "mcp": {"server": "crm", "method": "tools/call", "name": "read"},
  "paramsJson": "eyJuYW1lIjoicmVhZCIsImFyZ3VtZW50cyI6eyJpZCI6IkstNyJ9fQ=="
}"#;

fn directory() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let policy =
        "package policies.crm\nallow contains \"crm.read\" if input.arguments.id == \"K-7\"\n";
    write_files(&dir.path().join("main"), [("p.rego", policy)]);
    let more = "[audit]\ndir = \"audit\"\n[limits]\nevaluation_milliseconds_max = 5000\n";
    write_files(dir.path(), [("toolgate.toml", config(more).as_str())]);
    dir
}

fn grpcurl(dir: &Path, before: &[&str], after: &[&str]) -> String {
    let socket = format!("unix://{}", dir.join("run.sock").display());
    let mut command = Command::new(crate::programs::tool("bin/grpcurl"));
    command
        .arg("-plaintext")
        .args(before)
        .arg(socket)
        .args(after);
    let output = command
        .output()
        .expect("grpcurl is not there: run `make tools`");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn grpcurl_needs_no_files() {
    block_on(async {
        let dir = directory();
        let process = Process::start(dir.path()).await;
        let ask = |before: &[&str], after: &[&str]| grpcurl(dir.path(), before, after);

        let listed = ask(&[], &["list"]);
        for service in [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "toolgate.v1.AuditService",
            "toolgate.v1.DecisionService",
            "toolgate.v1.PolicyService",
        ] {
            assert!(
                listed.lines().any(|line| line == service),
                "{service}: {listed}"
            );
        }
        let methods = ask(&[], &["list", "toolgate.v1.DecisionService"]);
        assert!(
            methods.contains("toolgate.v1.DecisionService.DecideBatch\n"),
            "{methods}"
        );
        let described = ask(&[], &["describe", "toolgate.v1.DecideRequest"]);
        assert!(described.contains("bytes params_json = 7;"), "{described}");

        let decided = ask(&["-d", QUESTION], &["toolgate.v1.DecisionService/Decide"]);
        let decided = json(&decided);
        assert_eq!(decided["effect"], "EFFECT_ALLOW");
        assert_eq!(decided["reasons"][0]["code"], "crm.read");
        assert_eq!(decided["policy"]["engine"], "ENGINE_RVM");
        assert_eq!(decided["audit"]["origin"], "toolgate");

        let batch = format!(r#"{{"requests": [{QUESTION}, {QUESTION}]}}"#);
        let batch = ask(
            &["-d", &batch],
            &["toolgate.v1.DecisionService/DecideBatch"],
        );
        assert_eq!(json(&batch)["responses"].as_array().unwrap().len(), 2);
        let status = json(&ask(&[], &["toolgate.v1.PolicyService/GetStatus"]));
        assert_eq!(status["active"]["packages"][0]["name"], "crm");
        let health = ask(
            &["-d", r#"{"service": "toolgate.ready"}"#],
            &["grpc.health.v1.Health/Check"],
        );
        assert_eq!(json(&health)["status"], "SERVING");

        process.terminate();
        assert!(process.ended().await.success());
    });
}

#[test]
fn an_explanation_shows_each_package() {
    block_on(async {
        let dir = directory();
        let process = Process::start(dir.path()).await;
        let question = format!(r#"{{"request": {QUESTION}}}"#);
        let explained = grpcurl(
            dir.path(),
            &["-d", &question],
            &["toolgate.v1.PolicyService/Explain"],
        );
        let explained = json(&explained);
        assert_eq!(explained["decision"]["effect"], "EFFECT_ALLOW");
        assert_eq!(explained["decision"]["callId"], Value::Null);
        assert_eq!(explained["packages"][0]["name"], "crm");
        assert_eq!(
            explained["packages"][0]["setsJson"],
            "eyJhbGxvdyI6WyJjcm0ucmVhZCJdfQ=="
        );
        process.terminate();
        assert!(process.ended().await.success());
    });
}

/// Each version of reflection answers by itself.
#[test]
fn both_versions_of_reflection_answer() {
    use crate::server::Server;
    use tokio_stream::{StreamExt, once};
    use tonic_reflection::pb::{v1, v1alpha};

    block_on(async {
        let dir = directory();
        let config = std::fs::read_to_string(dir.path().join("toolgate.toml")).unwrap();
        let server = Server::start(dir, &config).await;
        let name = "toolgate.v1.DecisionService".to_owned();
        let question = v1::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(
                v1::server_reflection_request::MessageRequest::FileContainingSymbol(name.clone()),
            ),
        };
        let mut client =
            v1::server_reflection_client::ServerReflectionClient::new(server.unix().await);
        let answers = client.server_reflection_info(once(question)).await.unwrap();
        let answer = answers.into_inner().next().await.unwrap().unwrap();
        let Some(v1::server_reflection_response::MessageResponse::FileDescriptorResponse(files)) =
            answer.message_response
        else {
            panic!("no files")
        };
        assert!(!files.file_descriptor_proto.is_empty());

        let question = v1alpha::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(
                v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(name),
            ),
        };
        let mut client =
            v1alpha::server_reflection_client::ServerReflectionClient::new(server.unix().await);
        let answers = client.server_reflection_info(once(question)).await.unwrap();
        let answer = answers.into_inner().next().await.unwrap().unwrap();
        let Some(v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(
            files,
        )) = answer.message_response
        else {
            panic!("no files")
        };
        assert!(!files.file_descriptor_proto.is_empty());
        server.stop().await;
    });
}
