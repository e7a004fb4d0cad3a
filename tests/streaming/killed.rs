//! PDPs that are killed under load: what they acknowledged is there, once, whatever was under way.

use super::scene::{Pdp, Random};
use crate::server::asking::call;
use crate::server::publishing::event;
use crate::server::{block_on, until};
use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};
use toolgate::audit::sign::SigningKey;
use toolgate::audit::verify::{Directory, Expected, Pairs, Watch, check};
use toolgate::files::OsFiles;
use toolgate::model::json::Object;
use toolgate::wire::v1::audit_service_client::AuditServiceClient;
use toolgate::wire::v1::decision_service_client::DecisionServiceClient;
use toolgate::wire::v1::publish_request::Event;
use toolgate::wire::v1::{Heartbeat, PublishRequest, PublishResponse};

const ORIGIN: &str = "pdp/a";
/// How often, where `TOOLGATE_PDP_CRASHES` does not say.
const CRASHES: u64 = 6;
/// Crashes of one log.
const CRASHES_OF_A_LOG: u64 = 40;
const PUBLISHERS: u64 = 4;
const CALLERS: u64 = 2;
/// Events that one publisher waits for.
const EVENTS_WAITING: usize = 16;
/// Acknowledgements after which a PDP is killed, at most.
const ACKNOWLEDGED_MAX: u64 = 120;

/// An enforcement point that sends again what was not acknowledged, as a shim's spool has it.
struct Publisher {
    name: String,
    next_seq: u64,
    waiting: VecDeque<PublishRequest>,
    acknowledged: Vec<String>,
    checkpoint: String,
}

impl Publisher {
    fn new(number: u64) -> Self {
        Self {
            name: format!("shim-{number}"),
            next_seq: 1,
            waiting: VecDeque::new(),
            acknowledged: Vec::new(),
            checkpoint: String::new(),
        }
    }

    /// Publishes until the PDP is gone or `stop` says so.
    async fn run(mut self, socket: PathBuf, load: Arc<Load>) -> Self {
        let _gone = self.publish(&socket, &load).await;
        self
    }

    async fn publish(&mut self, socket: &Path, load: &Load) -> Option<()> {
        let (events, receiver) = mpsc::channel(2 * EVENTS_WAITING);
        for event in &self.waiting {
            events.send(event.clone()).await.ok()?;
        }
        let mut client = AuditServiceClient::new(connect(socket).await?);
        let request = Request::new(ReceiverStream::new(receiver));
        let mut answers = client.publish(request).await.ok()?.into_inner();
        loop {
            while self.waiting.len() < EVENTS_WAITING && !load.is_over() {
                let event = self.next();
                self.waiting.push_back(event.clone());
                events.send(event).await.ok()?;
            }
            if self.waiting.is_empty() {
                return Some(());
            }
            let answer = answers.message().await.ok()??;
            self.acknowledge(answer, load);
        }
    }

    fn next(&mut self) -> PublishRequest {
        let seq = self.next_seq;
        self.next_seq += 1;
        let beat = Event::Heartbeat(Heartbeat { spooled: seq });
        PublishRequest {
            shim_id: self.name.clone(),
            ..event(1, seq, beat)
        }
    }

    fn acknowledge(&mut self, answer: PublishResponse, load: &Load) {
        let is_durable = |event: &PublishRequest| event.seq <= answer.durable_seq;
        while let Some(event) = self.waiting.pop_front_if(|event| is_durable(event)) {
            self.acknowledged.push(event.event_id);
            load.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        if !answer.checkpoint.is_empty() {
            self.checkpoint = answer.checkpoint;
        }
    }
}

#[derive(Default)]
struct Load {
    acknowledged: AtomicU64,
    is_over: AtomicBool,
}

impl Load {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }
}

async fn connect(socket: &Path) -> Option<Channel> {
    let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display()));
    endpoint.unwrap().connect().await.ok()
}

/// Asks until the PDP is gone; gives the ids of the decisions that it answered.
async fn ask(socket: PathBuf, load: Arc<Load>) -> Vec<String> {
    let mut decisions = Vec::new();
    let Some(channel) = connect(&socket).await else {
        return decisions;
    };
    let mut client = DecisionServiceClient::new(channel);
    while !load.is_over()
        && let Ok(answer) = client.decide(call("crm/read")).await
    {
        let answer = answer.into_inner();
        // A PDP that is about to end may answer without having decided.
        if !answer.decision_id.is_empty() {
            decisions.push(answer.decision_id);
            load.acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }
    decisions
}

/// One PDP with its log, and everything that was acknowledged to its callers.
struct Killed {
    pdp: Pdp,
    publishers: Vec<Publisher>,
    decisions: Vec<String>,
}

impl Killed {
    async fn new() -> Self {
        Self {
            pdp: Pdp::start(ORIGIN).await,
            publishers: (0..PUBLISHERS).map(Publisher::new).collect(),
            decisions: Vec::new(),
        }
    }

    /// Puts load on the PDP; with `kill_after`, kills it after so many acknowledgements.
    async fn load(&mut self, kill_after: Option<u64>) {
        let load = Arc::new(Load::default());
        let mut publishing = JoinSet::new();
        for publisher in self.publishers.drain(..) {
            publishing.spawn(publisher.run(self.pdp.socket(), Arc::clone(&load)));
        }
        let mut asking = JoinSet::new();
        for _ in 0..CALLERS {
            asking.spawn(ask(self.pdp.socket(), Arc::clone(&load)));
        }
        let enough = kill_after.unwrap_or(1);
        until("acknowledgements", async || {
            (load.acknowledged.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
        match kill_after {
            Some(_) => self.pdp.kill(),
            None => load.is_over.store(true, Ordering::Relaxed),
        }
        self.publishers = publishing.join_all().await;
        self.decisions
            .extend(asking.join_all().await.into_iter().flatten());
    }

    /// As an auditor with the key and an older checkpoint does; nothing is being written.
    fn verify(&self) {
        let log = self.pdp.log();
        let key = SigningKey::read(&log.join("signing.key"), &OsFiles).unwrap();
        let key = key.verifier(ORIGIN).unwrap();
        for publisher in &self.publishers {
            let held = publisher.checkpoint.as_bytes().to_vec();
            let held = (!held.is_empty()).then(|| (publisher.name.clone(), held));
            let expected = Expected {
                checkpoint: held,
                keys: vec![key.clone()],
                ..Expected::default()
            };
            let mut pairs = Pairs::default();
            let checked = check(&Directory(&log), &expected, &mut pairs, &mut Nobody);
            checked.unwrap_or_else(|fault| panic!("{fault}"));
        }
    }

    /// How much of what was acknowledged is lost, and how many events are there twice.
    fn lost_and_twice(&self) -> (usize, usize) {
        let records = self.pdp.records();
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for record in &records {
            let name = match record["type"].as_str() {
                Some("decision") => "decision_id",
                _ => "event_id",
            };
            if let Some(id) = record[name].as_str() {
                *seen.entry(id).or_default() += 1;
            }
        }
        let events = self
            .publishers
            .iter()
            .flat_map(|publisher| &publisher.acknowledged);
        let acknowledged = events.chain(&self.decisions);
        let lost = acknowledged.filter(|id| !seen.contains_key(id.as_str()));
        (
            lost.count(),
            seen.values().filter(|count| **count > 1).count(),
        )
    }

    fn acknowledged(&self) -> usize {
        let events = self
            .publishers
            .iter()
            .map(|publisher| publisher.acknowledged.len());
        events.sum::<usize>() + self.decisions.len()
    }
}

struct Nobody;

impl Watch for Nobody {
    fn passed(&mut self, _bytes: u64) {}

    fn notable(&mut self, _record: &Object) {}
}

#[test]
fn killed_pdps_lose_nothing_that_they_acknowledged() {
    let number =
        |name, default| std::env::var(name).map_or(default, |text| text.parse::<u64>().unwrap());
    let crashes = number("TOOLGATE_PDP_CRASHES", CRASHES);
    let mut random = Random(number("TOOLGATE_PDP_CRASH_SEED", 3));
    let (mut done, mut lost, mut twice, mut acknowledged) = (0, 0, 0, 0);
    block_on(async {
        while done < crashes {
            let mut killed = Killed::new().await;
            for _ in 0..CRASHES_OF_A_LOG.min(crashes - done) {
                killed.load(Some(1 + random.below(ACKNOWLEDGED_MAX))).await;
                // As the kill left it; a log that is being written changes under who reads it.
                killed.verify();
                killed.pdp.restart().await;
                done += 1;
            }
            // What was not acknowledged is sent again, and is there once, too.
            killed.load(None).await;
            assert!(killed.publishers.iter().all(|it| it.waiting.is_empty()));
            killed.pdp.stop().await;
            killed.verify();
            let found = killed.lost_and_twice();
            lost += found.0;
            twice += found.1;
            acknowledged += killed.acknowledged();
        }
    });
    println!("{acknowledged} acknowledged, {twice} twice");
    println!("{done} crashes, {lost} lost");
    assert_eq!((lost, twice), (0, 0));
}
