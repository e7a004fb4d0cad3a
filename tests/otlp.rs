//! Records as they arrive at a receiver of OTLP, and that one that is away or slow costs nothing but
//! copies.

mod receiver;

use crate::admission::policies;
use crate::server::asking::{Decisions, decide, get};
use crate::server::{Server, block_on, config, until};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use receiver::{Mood, Receiver, value};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tonic::Code;
use toolgate::wire::v1::Effect;

/// Far less than a receiver may take.
const DECISION_MAX: Duration = Duration::from_secs(5);
const DECISIONS: u64 = 30;

fn toml(address: SocketAddr) -> String {
    config(&format!(
        "[audit]\ndir = \"audit\"\n[audit.otlp]\nendpoint = \"http://{address}\"\nqueue_records_max = 10\n"
    ))
}

async fn loopback() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn counted(server: &Server, what: &str) -> u64 {
    let metrics = get(server.http.unwrap(), "/metrics").await.unwrap();
    let name = format!("toolgate_audit_otlp_records_total{{what=\"{what}\"}} ");
    let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
    line.unwrap_or_else(|| panic!("{name} is not in {metrics}"))
        .parse()
        .unwrap()
}

/// The records of the log.
fn records(server: &Server) -> u64 {
    let head = server.decider.tenants.process().evidence.log().head();
    head.map_or(0, |head| head.seq + 1)
}

/// Asks, and nothing waits for the receiver.
async fn decisions(server: &Server) {
    let mut client = Decisions::new(server.unix().await);
    for _ in 0..DECISIONS {
        let started = Instant::now();
        let reply = decide(&mut client, "crm/read").await;
        assert_eq!(reply.effect(), Effect::Allow);
        assert!(started.elapsed() < DECISION_MAX);
    }
    server.records().await;
}

/// Until every record since the start was exported or dropped; gives how many of each.
async fn settled(server: &Server, before: u64) -> (u64, u64) {
    until("every record is accounted for", async || {
        let counts = (
            counted(server, "exported").await,
            counted(server, "dropped").await,
        );
        (counts.0 + counts.1 == records(server) - before).then_some(counts)
    })
    .await
}

#[test]
fn each_record_arrives_once_and_in_order() {
    block_on(async {
        let receiver = Receiver::new(Mood::Sound);
        let address = receiver.serve(loopback().await);
        let toml = toml(address).replace("queue_records_max = 10", "queue_records_max = 1000");
        let server = Server::start(policies(), &toml).await;
        let mut client = Decisions::new(server.unix().await);
        // The first metrics say from where on it is exported.
        let exported = counted(&server, "exported").await;
        assert_eq!(exported, 0);
        let reply = decide(&mut client, "crm/read").await;
        decisions(&server).await;
        let last = i64::try_from(records(&server) - 1).unwrap();
        until("the last record", async || {
            (receiver.seqs().last() == Some(&last)).then_some(())
        })
        .await;
        let seqs = receiver.seqs();
        let expected: Vec<_> = (seqs[0]..=last).collect();
        assert_eq!(seqs, expected);
        assert!(seqs.len() as u64 > DECISIONS);
        let taken = receiver.taken.lock().unwrap().clone();
        let id = Value::StringValue(reply.decision_id.clone());
        let of_call =
            |it: &&_| value(it, "toolgate.audit.type") == Value::StringValue("decision".to_owned());
        let first = taken.iter().find(of_call).unwrap();
        assert_eq!(value(first, "toolgate.decision_id"), id);
        assert_eq!(
            value(first, "gen_ai.tool.name"),
            Value::StringValue("read".to_owned())
        );
        assert_eq!(first.severity_text, "INFO");
        assert!(first.time_unix_nano > 0 && first.observed_time_unix_nano > 0);
        assert_eq!(counted(&server, "dropped").await, 0);
        server.stop().await;
    });
}

#[test]
fn a_receiver_that_is_away_costs_copies_that_are_counted_and_no_decision() {
    block_on(async {
        let listener = loopback().await;
        let address = listener.local_addr().unwrap();
        drop(listener);
        let server = Server::start(policies(), &toml(address)).await;
        assert_eq!(counted(&server, "exported").await, 0);
        let before = records(&server);
        decisions(&server).await;
        until("drops", async || {
            (counted(&server, "dropped").await > 0).then_some(())
        })
        .await;
        let receiver = Receiver::new(Mood::Sound);
        receiver.serve(TcpListener::bind(address).await.unwrap());
        let (exported, dropped) = settled(&server, before).await;
        assert!(exported > 0 && dropped > 0, "{exported}, {dropped}");
        assert_eq!(receiver.seqs().len() as u64, exported);
        server.stop().await;
    });
}

#[test]
fn a_receiver_that_refuses_or_hangs_costs_copies_that_are_counted_and_no_decision() {
    block_on(async {
        let receiver = Receiver::new(Mood::Fails(Code::InvalidArgument));
        let address = receiver.serve(loopback().await);
        let server = Server::start(policies(), &toml(address)).await;
        let before = records(&server);
        decisions(&server).await;
        let (exported, dropped) = settled(&server, before).await;
        assert!(
            exported == 0 && dropped >= DECISIONS,
            "{exported}, {dropped}"
        );
        receiver.set(Mood::TakesNotAll);
        let before_partly = *receiver.requests.lock().unwrap();
        decisions(&server).await;
        let (exported, dropped_then) = settled(&server, before).await;
        let requests = *receiver.requests.lock().unwrap() - before_partly;
        assert!(requests > 0 && exported > 0);
        assert!(dropped_then >= dropped + requests, "{dropped_then}");
        // What may pass is tried again.
        receiver.set(Mood::Fails(Code::Unavailable));
        let asked = *receiver.requests.lock().unwrap();
        decisions(&server).await;
        until("another try", async || {
            (*receiver.requests.lock().unwrap() > asked + 1).then_some(())
        })
        .await;
        receiver.set(Mood::Silent);
        let asked = *receiver.requests.lock().unwrap();
        decisions(&server).await;
        until("a request without an answer", async || {
            (*receiver.requests.lock().unwrap() > asked).then_some(())
        })
        .await;
        receiver.set(Mood::Sound);
        let (exported_last, _) = settled(&server, before).await;
        assert!(exported_last > exported);
        server.stop().await;
    });
}
