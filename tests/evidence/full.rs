//! A disk that is really full, under everything that a log has, while calls come in.

use super::room::Room;
use super::{assert_recorded, http};
use crate::server::asking::{Decisions, answer, call, codes};
use crate::server::process::Process;
use crate::server::{block_on, config, uid, until, write_files};
use crate::util::Workplace;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use toolgate::wire::v1::{DecideResponse, Effect};

/// The whole file system, what there has to be of it, and what is left in the first place: more
/// than what is written until somebody looks.
const ROOM_MIB: u32 = 64;
const FREE_MIB_MIN: u64 = 16;
const FREE_BYTES: u64 = 12 << 20;
const CALLERS: usize = 2;
/// Calls of one caller come so far apart.
const PACE: Duration = Duration::from_millis(10);
/// Answers that tell enough.
const ENOUGH: usize = 40;

/// A PDP on a small disk, those who ask it, and what they were answered.
struct Scene {
    dir: TempDir,
    room: Room,
    process: Option<Process>,
    http: SocketAddr,
    replies: Arc<Mutex<Vec<DecideResponse>>>,
    is_over: Arc<AtomicBool>,
    asking: JoinSet<()>,
}

impl Scene {
    /// An error says why there is no small disk here.
    async fn new(on_failure: &str) -> Result<Self, String> {
        let dir = tempfile::tempdir().unwrap();
        let room = Room::new(&dir.path().join("audit"), ROOM_MIB)?;
        let policy = "package policies.crm\nallow contains \"crm.read\"\n";
        write_files(&dir.path().join("main"), [("p.rego", policy)]);
        let text = config(&format!(
            "[limits]\nevaluation_milliseconds_max = 5000\n\
             [audit]\ndir = \"audit\"\nmode = \"durable\"\non_failure = \"{on_failure}\"\n\
             disk_free_mib_min = {FREE_MIB_MIN}\n\
             [audit.signing]\ncheckpoint_ms_max = 20\n[audit.content]\nenabled = true\n"
        ));
        let text = text.replace(
            &format!("uid = {}\n", uid()),
            &format!("uid = {}\n", room.uid()),
        );
        write_files(dir.path(), [("toolgate.toml", text.as_str())]);
        let process = room.start(dir.path()).await;
        let mut scene = Self {
            http: http(dir.path()).await,
            dir,
            room,
            process: Some(process),
            replies: Arc::default(),
            is_over: Arc::default(),
            asking: JoinSet::new(),
        };
        scene.ask().await;
        Ok(scene)
    }

    /// Has everybody ask, each time about other content.
    async fn ask(&mut self) {
        self.is_over = Arc::default();
        for caller in 0..CALLERS {
            let mut client = Decisions::new(self.process.as_ref().unwrap().connect().await);
            let (replies, is_over) = (Arc::clone(&self.replies), Arc::clone(&self.is_over));
            self.asking.spawn(async move {
                let mut pace = tokio::time::interval(PACE);
                let mut number = 0;
                while !is_over.load(Ordering::Relaxed) {
                    pace.tick().await;
                    number += 1;
                    let mut question = call("crm/read");
                    let params = format!(
                        r#"{{"name":"read","arguments":{{"caller":{caller},"id":{number}}}}}"#
                    );
                    question.params_json = params.into_bytes();
                    let reply = client.decide(question).await.unwrap().into_inner();
                    replies.lock().unwrap().push(reply);
                }
            });
        }
    }

    /// What was answered, once there are so many more answers of that kind.
    async fn answered(&self, what: &str, is_one: fn(&DecideResponse) -> bool) -> usize {
        let before = self.replies.lock().unwrap().len();
        until(what, async || {
            let replies = self.replies.lock().unwrap();
            let found = replies.iter().skip(before).filter(|reply| is_one(reply));
            (found.count() >= ENOUGH).then_some(())
        })
        .await;
        before
    }

    /// Everything that was answered.
    async fn replies(&mut self) -> Vec<DecideResponse> {
        self.is_over.store(true, Ordering::Relaxed);
        while let Some(asked) = self.asking.join_next().await {
            asked.unwrap();
        }
        self.replies.lock().unwrap().clone()
    }

    /// Waits until probes over HTTP and gRPC answer so.
    async fn ready(&self, code: u16, text: &str) {
        until(text, async || {
            let (answered, body) = answer(self.http, "/readyz").await;
            (answered == code && body.contains(text)).then_some(())
        })
        .await;
        let mut health = HealthClient::new(self.process.as_ref().unwrap().connect().await);
        let asked = HealthCheckRequest {
            service: "toolgate.ready".to_owned(),
        };
        until("the same of health", async || {
            let status = health
                .check(asked.clone())
                .await
                .unwrap()
                .into_inner()
                .status();
            ((status == ServingStatus::Serving) == (code == 200)).then_some(())
        })
        .await;
    }

    async fn assert_failures(&self, count: usize) {
        let (_, metrics) = answer(self.http, "/metrics").await;
        let counted = format!("toolgate_audit_failures_total {count}\n");
        assert!(metrics.contains(&counted), "{counted}{metrics}");
    }

    async fn restart(&mut self) {
        let process = self.process.take().unwrap();
        process.terminate();
        assert!(process.ended().await.success());
        self.process = Some(self.room.start(self.dir.path()).await);
        self.http = http(self.dir.path()).await;
    }
}

fn is_recorded(reply: &DecideResponse) -> bool {
    reply.audit.is_some()
}

/// Everything that was recorded is durable and granted; all else is as it is set to be.
fn assert_as_set(replies: &[DecideResponse], unrecorded: Effect) {
    for reply in replies {
        match &reply.audit {
            Some(position) => {
                assert_eq!(reply.effect(), Effect::Allow);
                assert!(position.index.is_some());
            }
            None if unrecorded == Effect::Allow => assert_eq!(reply.effect(), Effect::Allow),
            None => assert_eq!(codes(reply), ["audit_unavailable"]),
        }
    }
}

/// Fills the disk under a PDP, first so far that there is still room, then wholly.
async fn fill(on_failure: &str, unrecorded: Effect) -> Result<(), String> {
    let mut scene = Scene::new(on_failure).await?;
    scene.ready(200, "policy ").await;
    scene.answered("answers", is_recorded).await;

    // Seen ahead: whoever can goes elsewhere, and whoever comes is recorded as before.
    scene.room.fill(FREE_BYTES);
    scene.ready(503, "nearly full").await;
    scene.answered("answers on little room", is_recorded).await;
    assert!(scene.replies.lock().unwrap().iter().all(is_recorded));
    scene.room.free();
    scene.ready(200, "policy ").await;
    scene.answered("answers with room", is_recorded).await;
    assert!(scene.replies.lock().unwrap().iter().all(is_recorded));

    scene.room.fill(0);
    scene
        .answered("unrecorded answers", |it| !is_recorded(it))
        .await;
    scene
        .ready(503, "takes no more records until it is opened again")
        .await;
    // Room alone does not mend it: nobody knows what is on the disk.
    scene.room.free();
    let after = scene
        .answered("answers with room again", |it| !is_recorded(it))
        .await;
    scene
        .ready(503, "takes no more records until it is opened again")
        .await;
    let replies = scene.replies().await;
    assert!(!replies[after..].iter().any(is_recorded));
    assert_as_set(&replies, unrecorded);
    let failures = replies.iter().filter(|reply| !is_recorded(reply)).count();
    scene.assert_failures(failures).await;

    scene.restart().await;
    scene.ready(200, "policy ").await;
    scene.ask().await;
    scene
        .answered("answers after the restart", is_recorded)
        .await;
    let replies = scene.replies().await;
    scene.assert_failures(0).await;
    assert_eq!(
        replies.iter().filter(|reply| !is_recorded(reply)).count(),
        failures
    );
    scene.stopped(&replies).await;
    Ok(())
}

impl Scene {
    /// Stops the PDP, and checks its log and what else is on the disk.
    async fn stopped(mut self, replies: &[DecideResponse]) {
        let process = self.process.take().unwrap();
        process.terminate();
        assert!(process.ended().await.success());
        let recorded: Vec<_> = replies.iter().filter(|reply| is_recorded(reply)).collect();
        let last = recorded[recorded.len() - 1].decision_id.clone();
        let recorded: Vec<_> = recorded.into_iter().cloned().collect();
        assert_recorded(&self.room.path(), &recorded);
        let place = Workplace::new();
        let log = self.room.path().display().to_string();
        let key = self.room.path().join("signing.key").display().to_string();
        let keygen = ["audit", "keygen", "--show", &key, "--origin", "toolgate"];
        let key = place.run(&keygen).expect(0).out;
        place
            .run(&["audit", "verify", &log, "--key", key.trim()])
            .expect(0);
        let shown = place
            .run(&["audit", "show", "--dir", &log, &last])
            .expect(0);
        assert!(shown.out.contains("\nallow:\n"), "{shown:?}");
    }
}

fn fill_or_skip(on_failure: &str, unrecorded: Effect) {
    if let Err(why) = block_on(fill(on_failure, unrecorded)) {
        // Not by `println`, which nobody sees of a test that passes.
        let skipped = format!("SKIPPED: a full disk: nothing can be mounted here: {why}\n");
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
    }
}

#[test]
fn a_full_disk_is_seen_ahead_and_denies() {
    fill_or_skip("deny", Effect::Deny);
}

#[test]
fn a_full_disk_is_seen_ahead_and_lets_calls_pass_where_that_is_wanted() {
    fill_or_skip("allow_and_alert", Effect::Allow);
}
