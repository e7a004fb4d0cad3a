//! What one tenant asks too much is none of the others' loss.

use super::scene::*;
use crate::overload::reason;
use crate::server::asking::{Decisions, call, codes, get};
use crate::server::{Server, block_on, until};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tokio::task::JoinHandle;
use tonic::{Code, Status};
use toolgate::server::LARGE_QUESTION_BYTES;
use toolgate::wire::v1::{DecideRequest, Effect};

/// Evaluated until its time is over.
const SLOW: &str = r#"package policies.crm
allow contains "slow" if {
	count([1 | some a in data.granted; some b in data.granted; some c in data.granted; a == b; b == c; c == -1]) == 0
}
"#;

/// Callers that ask the same over and over, until it is over.
#[derive(Default)]
struct Flood {
    over: Arc<AtomicBool>,
    refused: Arc<AtomicU32>,
    callers: Vec<JoinHandle<()>>,
}

impl Flood {
    /// One caller more; `check` looks at each refusal.
    fn join(&mut self, mut client: Decisions, question: DecideRequest, check: fn(&Status)) {
        let (over, refused) = (Arc::clone(&self.over), Arc::clone(&self.refused));
        self.callers.push(tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                if let Err(status) = client.decide(question.clone()).await {
                    check(&status);
                    refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        }));
    }

    /// Beside the flood, which is refused at least once, `globex` has so many answers; then it ends.
    async fn spares_globex(self, server: &Server, answers: u32) {
        let mut quiet = decisions(server, "globex").await;
        let mut answered = 0;
        while answered < answers || self.refused.load(Ordering::Relaxed) == 0 {
            let reply = ask(&mut quiet, call("crm/write")).await;
            assert_eq!(reply.effect(), Effect::Allow);
            answered += 1;
        }
        self.over.store(true, Ordering::Relaxed);
        for caller in self.callers {
            caller.await.unwrap();
        }
    }
}

#[test]
fn a_flood_of_one_tenant_is_no_other_tenant_s_loss() {
    block_on(async {
        let more = format!("{AUDIT}mode = \"durable\"\n[limits]\nin_flight_decisions_max = 8\n");
        let acme = "in_flight_decisions_max = 1";
        let server = Server::start(files(), &config(acme, &more)).await;
        let loud = channel(&server, "acme").await;
        let mut flood = Flood::default();
        for _ in 0..32 {
            flood.join(Decisions::new(loud.clone()), call("crm/read"), |status| {
                assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
                let (reason, metadata) = reason(status);
                assert_eq!(reason, "TENANT_SHARE_REACHED");
                let named = "by the tenant `acme`: the limit is 1";
                assert!(status.message().contains(named), "{status}");
                assert_eq!(metadata["tenant"], "acme");
                assert_eq!(metadata["limit"], "1");
                assert_eq!(metadata["setting"], "tenants[].in_flight_decisions_max");
            });
        }
        flood.spares_globex(&server, 100).await;
        server.stop().await;
    });
}

/// A tenant that floods what all share has its share of it, however many callers it has.
#[test]
fn the_limit_of_all_is_shared_by_tenants_and_not_by_callers() {
    block_on(async {
        let more = format!("{AUDIT}mode = \"durable\"\n[limits]\nin_flight_decisions_max = 2\n");
        let acme = "in_flight_decisions_max = 100";
        let server = Server::start(files(), &config(acme, &more)).await;
        let mut flood = Flood::default();
        for number in 0..16 {
            let caller = if number % 2 == 0 { "acme" } else { "gateway" };
            let client = decisions(&server, caller).await;
            flood.join(client, call_for("acme", "crm/read"), |status| {
                let (reason, metadata) = reason(status);
                let setting = metadata["setting"].as_str();
                assert_eq!(setting, "limits.in_flight_decisions_max", "{reason}");
            });
        }
        flood.spares_globex(&server, 50).await;
        server.stop().await;
    });
}

fn large(tool: &str) -> DecideRequest {
    let (_, name) = tool.split_once('/').unwrap();
    let note = "x".repeat(LARGE_QUESTION_BYTES);
    let params = json!({"name": name, "arguments": {"note": note}});
    DecideRequest {
        params_json: params.to_string().into_bytes(),
        ..call(tool)
    }
}

/// How many decisions of `acme` are under way.
async fn under_way(server: &Server) -> u64 {
    let status = get(server.http.unwrap(), "/statusz").await.unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    status["tenants"][0]["decisions_under_way"]
        .as_u64()
        .unwrap()
}

/// Askers of `acme`, one of whose large questions is decided at a time.
const LOUD: u32 = 8;
/// Answers to them that another tenant may have to wait for: what is being decided, what is next,
/// and what was answered while its own question was on its way.
const WAITED_FOR_MAX: u32 = 4;

#[test]
fn large_questions_of_one_tenant_are_no_queue_for_another_s() {
    block_on(async {
        let limits = "[limits]\nevaluation_milliseconds_max = 200\nevaluation_instructions_max = 1000000000\n";
        let dir = files();
        let numbers: Vec<u32> = (0..256).collect();
        let data = json!({"granted": numbers, "directory": {}});
        write_bundle(dir.path(), "acme", SLOW, &data);
        let server = Server::start(dir, &config("", &format!("{AUDIT}{limits}"))).await;
        let over = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicU32::new(0));
        let mut flood = Vec::new();
        for _ in 0..LOUD {
            let mut client = decisions(&server, "acme").await;
            let (over, answered) = (Arc::clone(&over), Arc::clone(&answered));
            flood.push(tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let reply = ask(&mut client, large("crm/slow")).await;
                    assert!(codes(&reply).contains(&"evaluation_limit"));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            }));
        }
        let all_ask = async || (under_way(&server).await == u64::from(LOUD)).then_some(());
        until("every asker of acme", all_ask).await;
        let mut quiet = decisions(&server, "globex").await;
        let before = answered.load(Ordering::Relaxed);
        let reply = ask(&mut quiet, large("crm/write")).await;
        let waited_for = answered.load(Ordering::Relaxed) - before;
        over.store(true, Ordering::Relaxed);
        assert_eq!(reply.effect(), Effect::Allow);
        assert!(waited_for <= WAITED_FOR_MAX, "waited for {waited_for}");
        for one in flood {
            one.await.unwrap();
        }
        server.stop().await;
    });
}
