//! Content that was kept: who reads it, and what is left once it is erased.

use super::{Planted, assert_without, run};
use crate::server::process::Process;
use crate::server::{block_on, of_type, records, until};
use base64::Engine as _;
use serde_json::{Value, json};
use std::path::Path;
use tonic::Code;
use toolgate::wire::v1::audit_service_client::AuditServiceClient;
use toolgate::wire::v1::{GetContentRequest, GetContentResponse};

async fn content(
    process: &Process,
    reference: &str,
    justification: &str,
    grant: &str,
) -> Result<GetContentResponse, (Code, String)> {
    let mut audit = AuditServiceClient::new(process.connect().await);
    let request = GetContentRequest {
        r#ref: reference.to_owned(),
        justification: justification.to_owned(),
        grant: grant.to_owned(),
    };
    let answer = audit.get_content(request).await;
    answer
        .map(tonic::Response::into_inner)
        .map_err(|status| (status.code(), status.message().to_owned()))
}

/// The reference of the arguments that went through the shim.
pub(super) fn kept(dir: &Path) -> String {
    let decisions = of_type(&records(&dir.join("audit")), "decision");
    let called = decisions
        .iter()
        .find(|it| it["arguments"]["size"].as_u64() > Some(50));
    called.unwrap()["arguments"]["ref"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Content is read with a second person's word alone, and without the secrets.
pub(super) async fn reading(process: &Process, dir: &Path, planted: &Planted) {
    let reference = kept(dir);
    let grant = |reference: &str, reader: &str| {
        let grant = [
            "audit",
            "grant",
            "--key",
            "legal.pem",
            "--approver",
            "legal",
            "--ref",
            reference,
            "--reader",
            reader,
            "--justification",
            "complaint 17",
        ];
        run(dir, &grant)
    };
    let good = grant(&reference, "shim");
    let other = reference.replace(|digit: char| digit.is_ascii_digit(), "1");
    let cases = [
        (reference.as_str(), "", good.as_str(), Code::InvalidArgument),
        (
            reference.as_str(),
            "complaint 17",
            "",
            Code::PermissionDenied,
        ),
        (
            reference.as_str(),
            "complaint 18",
            &good,
            Code::PermissionDenied,
        ),
        (
            reference.as_str(),
            "complaint 17",
            &grant(&reference, "other"),
            Code::PermissionDenied,
        ),
        (
            reference.as_str(),
            "complaint 17",
            &grant(&other, "shim"),
            Code::PermissionDenied,
        ),
        (
            reference.as_str(),
            "complaint 17",
            &planted.jwt,
            Code::PermissionDenied,
        ),
        (
            planted.github.as_str(),
            "complaint 17",
            &good,
            Code::InvalidArgument,
        ),
        (
            "default/2026-11/keys",
            "complaint 17",
            &good,
            Code::InvalidArgument,
        ),
    ];
    for (reference, justification, grant, code) in &cases {
        let refused = content(process, reference, justification, grant)
            .await
            .unwrap_err();
        assert_eq!(refused.0, *code, "{refused:?}");
        assert_without(planted, "an error", refused.1.as_bytes());
    }
    let reads = of_type(&records(&dir.join("audit")), "audit_read");
    let denied = cases.iter().filter(|case| case.3 == Code::PermissionDenied);
    assert_eq!(
        reads.len(),
        denied.count(),
        "those without a grant are recorded"
    );
    assert!(reads.iter().all(|read| read["refused"].is_string()));
    // Written by a thread of its own, so soon and not at once.
    let read = until("the content", async || {
        content(process, &reference, "complaint 17", &good)
            .await
            .ok()
    })
    .await;
    let read: Value = serde_json::from_slice(&read.content_json).unwrap();
    let replaced = |detector: &str| json!({"secret": detector, "present": true});
    assert_eq!(read["password"], replaced("name"));
    assert_eq!(read["note"], replaced("generic-api-key"));
    assert_eq!(read["deep"][0]["text"], replaced("github-pat"));
    let reads = of_type(&records(&dir.join("audit")), "audit_read");
    let last = reads.last().unwrap();
    assert_eq!(last["by"], "shim");
    assert_eq!(last["rpc"], "GetContent");
    assert_eq!(last["ref"], reference);
    assert_eq!(last["approved_by"], "legal");
    assert_eq!(last["justification"], "complaint 17");
}

/// Erased content is told to be, and the log still checks.
pub(super) fn erased(dir: &Path, reference: &str) {
    let month = reference.split('/').nth(1).unwrap();
    let erase = [
        "audit",
        "erase",
        "audit",
        "--tenant",
        "default",
        "--month",
        month,
        "--by",
        "ann",
        "--reason",
        "they asked for it",
    ];
    run(dir, &erase);
    let recorded = of_type(&records(&dir.join("audit")), "content_erased");
    assert_eq!(recorded[0]["month"], month);
    assert_eq!(recorded[0]["by"], "ann");
    let grant = [
        "audit",
        "grant",
        "--key",
        "legal.pem",
        "--approver",
        "legal",
        "--ref",
        "default/*",
        "--reader",
        "shim",
        "--justification",
        "complaint 17",
    ];
    let grant = run(dir, &grant);
    let engine = base64::engine::general_purpose::STANDARD;
    assert!(
        engine
            .decode(&grant)
            .unwrap()
            .starts_with(b"toolgate audit grant 1\n")
    );
    let first = std::fs::read(dir.join("stderr.log")).unwrap();
    let process = block_on(Process::start(dir));
    let refused = block_on(content(&process, reference, "complaint 17", &grant)).unwrap_err();
    assert_eq!(refused.0, Code::FailedPrecondition);
    assert!(refused.1.starts_with("erased: "), "{}", refused.1);
    process.terminate();
    assert!(block_on(process.ended()).success());
    // The first process' lines are looked through, too.
    std::fs::write(dir.join("stderr.first.log"), first).unwrap();
}
