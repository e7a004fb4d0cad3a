//! Checkpoints and proofs over the wire: what a shim is acknowledged with is signed, continues what
//! was signed before, and has the records that there are.

use crate::server::publishing::{Shim, event};
use crate::server::{Server, block_on, config, until, write_files};
use std::path::Path;
use tonic::Code;
use toolgate::audit::sign::SigningKey;
use toolgate::files::OsFiles;
use toolgate::tlog::{
    Checkpoint, Hash, Note, TlogProof, VerifierKey, check_consistency, check_inclusion,
};
use toolgate::wire::v1::audit_service_client::AuditServiceClient;
use toolgate::wire::v1::publish_request::Event;
use toolgate::wire::v1::{
    GetCheckpointRequest, GetConsistencyProofRequest, GetInclusionProofRequest, Heartbeat,
};

const AUDIT: &str = "[audit]\ndir = \"audit\"\n[audit.signing]\ncheckpoint_ms_max = 10\n";
const POLICY: &str = "package policies.crm\nallow contains \"crm.read\"\n";

async fn start(config: &str) -> Server {
    let dir = tempfile::tempdir().unwrap();
    write_files(&dir.path().join("main"), [("p.rego", POLICY)]);
    Server::start(dir, config).await
}

fn key(audit_dir: &Path) -> VerifierKey {
    let key = SigningKey::read(&audit_dir.join("signing.key"), &OsFiles).unwrap();
    key.verifier("toolgate").unwrap()
}

fn signed(note: &Note, key: &VerifierKey) -> Checkpoint {
    assert_eq!(note.check(key), Ok(None));
    let checkpoint: Checkpoint = note.text().parse().unwrap();
    assert_eq!(checkpoint.origin, "toolgate");
    checkpoint
}

fn line(audit_dir: &Path, seq: u64) -> String {
    let file = audit_dir.join("log-00000000000000000000.jsonl");
    let content = std::fs::read_to_string(file).unwrap();
    content.lines().nth(seq as usize).unwrap().to_owned()
}

#[test]
fn acknowledgements_carry_checkpoints_that_continue_each_other() {
    block_on(async {
        let server = start(&config(AUDIT)).await;
        let key = key(&server.audit_dir);
        let mut shim = Shim::connect(&server).await.unwrap();
        let mut audit = AuditServiceClient::new(server.unix().await);
        let mut held: Option<Checkpoint> = None;
        for seq in 1..=12 {
            let beat = Event::Heartbeat(Heartbeat { spooled: seq });
            shim.events.send(event(1, seq, beat)).await.unwrap();
            let answer = shim.answers.message().await.unwrap().unwrap();
            if answer.checkpoint.is_empty() {
                continue;
            }
            let later = signed(&Note::parse(answer.checkpoint.as_bytes()).unwrap(), &key);
            if let Some(held) = held.filter(|held| held.size < later.size) {
                let asked = GetConsistencyProofRequest {
                    from_size: held.size,
                    to_size: later.size,
                };
                let proof = audit
                    .get_consistency_proof(asked)
                    .await
                    .unwrap()
                    .into_inner();
                let hashes = proof
                    .hashes
                    .iter()
                    .map(|hash| Hash::from_slice(hash).unwrap());
                let (old, new) = ((held.size, &held.root), (later.size, &later.root));
                assert_eq!(
                    check_consistency(old, new, &hashes.collect::<Vec<_>>()),
                    Ok(())
                );
                assert_eq!(proof.origin, "toolgate");
            }
            held = Some(later);
        }
        server.stop().await;
    });
}

#[test]
fn each_record_is_proved_to_who_holds_the_key() {
    block_on(async {
        let server = start(&config(AUDIT)).await;
        let key = key(&server.audit_dir);
        let mut shim = Shim::connect(&server).await.unwrap();
        for seq in 1..=5 {
            let beat = Event::Heartbeat(Heartbeat { spooled: seq });
            shim.send(event(1, seq, beat)).await.unwrap();
        }
        let mut audit = AuditServiceClient::new(server.unix().await);
        let checkpoint = until("a checkpoint over all events", async || {
            let answer = audit.get_checkpoint(GetCheckpointRequest {}).await.ok()?;
            let note = Note::parse(answer.into_inner().checkpoint.as_bytes()).unwrap();
            let checkpoint = signed(&note, &key);
            (checkpoint.size >= 6).then_some(checkpoint)
        })
        .await;
        for index in 0..checkpoint.size {
            let asked = GetInclusionProofRequest {
                index,
                tree_size: 0,
            };
            let proof = audit
                .get_inclusion_proof(asked)
                .await
                .unwrap()
                .into_inner()
                .proof;
            let proof: TlogProof = proof.parse().unwrap();
            let signed = signed(&proof.checkpoint, &key);
            let leaf = line(&server.audit_dir, index);
            let is_in = |leaf: &str| {
                check_inclusion(
                    leaf.as_bytes(),
                    proof.index,
                    signed.size,
                    &proof.hashes,
                    &signed.root,
                )
            };
            assert_eq!((proof.index, is_in(&leaf)), (index, Ok(())));
            assert!(is_in(&leaf.replace("toolgate", "Toolgate")).is_err());
        }
        for (index, tree_size) in [(1_000, 0), (0, 1_000)] {
            let asked = GetInclusionProofRequest { index, tree_size };
            let refused = audit.get_inclusion_proof(asked).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        }
        server.stop().await;
    });
}

#[test]
fn who_neither_reads_nor_sends_gets_no_checkpoint() {
    block_on(async {
        for (may, is_given) in [("publish", true), ("audit.read", true), ("decide", false)] {
            let config = config(AUDIT).replace("uid = ", &format!("may = [\"{may}\"]\nuid = "));
            let server = start(&config).await;
            let mut audit = AuditServiceClient::new(server.unix().await);
            let given = until("an answer", async || {
                match audit.get_checkpoint(GetCheckpointRequest {}).await {
                    Err(status) if status.code() == Code::InvalidArgument => None,
                    other => Some(other),
                }
            })
            .await;
            match given {
                Ok(_) => assert!(is_given, "{may}"),
                Err(status) => {
                    assert!(
                        !is_given && status.code() == Code::PermissionDenied,
                        "{may}: {status}"
                    );
                }
            }
            server.stop().await;
        }
    });
}
