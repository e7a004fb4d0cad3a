//! A PDP whose log a witness signs: what is kept, and that a witness that fails harms nothing.

mod cosigner;

use crate::admission::policies;
use crate::server::asking::{Decisions, decide, get};
use crate::server::{Server, block_on, config, until};
use cosigner::{Cosigner, Mood};
use std::fs;
use std::sync::Arc;
use toolgate::tlog::{Checkpoint, Note};
use toolgate::wire::v1::Effect;

fn toml(address: std::net::SocketAddr, cosigners: &[&Arc<Cosigner>]) -> String {
    let entries = cosigners.iter().map(|cosigner| {
        let key = &cosigner.key;
        format!("[[audit.witnesses]]\nurl = \"http://{address}/submit/\"\nkey = \"{key}\"\n")
    });
    let entries: String = entries.collect();
    let audit =
        "[audit]\ndir = \"audit\"\nwitness_seconds = 1\n[audit.signing]\ncheckpoint_ms_max = 10\n";
    config(&format!("{audit}{entries}"))
}

fn introduce(cosigner: &Cosigner, server: &Server) {
    let log = server.decider.tenants.process().evidence.log();
    cosigner.state.lock().unwrap().log = Some(log.verifier().unwrap().clone());
}

async fn allowed(server: &Server) {
    let mut client = Decisions::new(server.unix().await);
    let reply = decide(&mut client, "crm/read").await;
    assert_eq!(reply.effect(), Effect::Allow);
}

/// How often showing a checkpoint came to this.
async fn outcomes(server: &Server, outcome: &str) -> u64 {
    let metrics = get(server.http.unwrap(), "/metrics").await.unwrap();
    let name = "toolgate_audit_witness_requests_total{";
    let of_outcome = format!("outcome=\"{outcome}\"");
    let mut lines = metrics.lines().filter(|line| line.starts_with(name));
    let line = lines.find(|line| line.contains(&of_outcome)).unwrap();
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}

async fn more(server: &Server, outcome: &str, before: u64) {
    until(outcome, async || {
        (outcomes(server, outcome).await > before).then_some(())
    })
    .await;
}

/// The checkpoint of a file and its size, if the witness signed it.
fn cosigned(server: &Server, name: &str, cosigner: &Cosigner) -> Option<u64> {
    let note = Note::parse(&fs::read(server.audit_dir.join(name)).ok()?).unwrap();
    let log = server.decider.tenants.process().evidence.log();
    note.check(log.verifier().unwrap()).unwrap();
    let checkpoint: Checkpoint = note.text().parse().unwrap();
    note.check(&cosigner.key).ok().flatten()?;
    Some(checkpoint.size)
}

async fn is_cosigned(server: &Server, cosigner: &Cosigner) -> u64 {
    until("a cosigned checkpoint", async || {
        let size = cosigned(server, "checkpoint", cosigner)?;
        let head = server.decider.tenants.process().evidence.log().head()?;
        (size == head.seq + 1).then_some(size)
    })
    .await
}

#[test]
fn a_witness_signs_what_continues_what_it_signed() {
    block_on(async {
        let cosigner = Cosigner::new("witness.example/w1");
        let address = cosigner.serve().await;
        let toml = toml(address, &[&cosigner]);
        let server = Server::start(policies(), &toml).await;
        // It does not know the log yet.
        allowed(&server).await;
        more(&server, "failed", 0).await;
        introduce(&cosigner, &server);
        let first = is_cosigned(&server, &cosigner).await;
        for _ in 0..3 {
            let before = cosigner.state.lock().unwrap().cosigned;
            allowed(&server).await;
            until("another cosigned one", async || {
                (cosigner.state.lock().unwrap().cosigned > before).then_some(())
            })
            .await;
        }
        let last = is_cosigned(&server, &cosigner).await;
        assert!(last > first && cosigner.state.lock().unwrap().proofs > 0);
        let metrics = get(server.http.unwrap(), "/metrics").await.unwrap();
        let gauge = "toolgate_audit_cosigned_records{witness=\"witness.example/w1\"}";
        assert!(metrics.contains(gauge), "{metrics}");
        // The first that was signed and the last are kept, and none between.
        let kept = fs::read_dir(server.audit_dir.join("checkpoints")).unwrap();
        let mut kept: Vec<_> = kept
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        kept.sort();
        assert_eq!(kept.len(), 2, "{kept:?}");
        assert_eq!(kept[1], format!("{last:020}"));
        for name in &kept {
            let name = format!("checkpoints/{name}");
            assert!(cosigned(&server, &name, &cosigner).is_some(), "{name}");
        }
        // Records after the last signature, and a process that does not know what was signed.
        cosigner.state.lock().unwrap().mood = Mood::Status(503);
        allowed(&server).await;
        let server = server.restart(&toml).await;
        introduce(&cosigner, &server);
        cosigner.state.lock().unwrap().mood = Mood::Sound;
        allowed(&server).await;
        assert!(is_cosigned(&server, &cosigner).await > last);
        assert!(cosigner.state.lock().unwrap().conflicts > 0);
        // The verifier reads signatures of others, and recovery does.
        server.stop().await;
    });
}

#[test]
fn two_witnesses_sign_the_same_checkpoint() {
    block_on(async {
        let (one, two) = (Cosigner::new("w.example/1"), Cosigner::new("w.example/2"));
        let (at_one, at_two) = (one.serve().await, two.serve().await);
        let second = format!(
            "[[audit.witnesses]]\nurl = \"http://{at_two}/submit\"\nkey = \"{}\"\n",
            two.key
        );
        let toml = toml(at_one, &[&one]) + &second;
        let server = Server::start(policies(), &toml).await;
        introduce(&one, &server);
        introduce(&two, &server);
        allowed(&server).await;
        let size = is_cosigned(&server, &one).await;
        assert_eq!(is_cosigned(&server, &two).await, size);
        assert_eq!(cosigned(&server, "checkpoint", &one), Some(size));
        let kept = format!("checkpoints/{size:020}");
        for cosigner in [&one, &two] {
            assert_eq!(cosigned(&server, &kept, cosigner), Some(size));
        }
        server.stop().await;
    });
}

#[test]
fn a_witness_that_fails_harms_nothing() {
    block_on(async {
        let cosigner = Cosigner::new("witness.example/w1");
        let address = cosigner.serve().await;
        let server = Server::start(policies(), &toml(address, &[&cosigner])).await;
        introduce(&cosigner, &server);
        allowed(&server).await;
        is_cosigned(&server, &cosigner).await;
        for (mood, outcome) in [
            (Mood::Status(500), "failed"),
            (Mood::Status(302), "failed"),
            (Mood::Garbage, "failed"),
            (Mood::Endless, "failed"),
            (Mood::Silent, "failed"),
            (Mood::Status(422), "disputed"),
        ] {
            let before = outcomes(&server, outcome).await;
            cosigner.state.lock().unwrap().mood = mood;
            allowed(&server).await;
            more(&server, outcome, before).await;
            assert_eq!(cosigned(&server, "checkpoint", &cosigner), None, "{mood:?}");
            cosigner.state.lock().unwrap().mood = Mood::Sound;
            is_cosigned(&server, &cosigner).await;
        }
        // It has signed more than there is: the log lost records.
        let before = outcomes(&server, "disputed").await;
        cosigner.state.lock().unwrap().size += 1_000;
        allowed(&server).await;
        more(&server, "disputed", before).await;
        allowed(&server).await;
        server.stop().await;
    });
}
