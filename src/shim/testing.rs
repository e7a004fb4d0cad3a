//! A PDP with a policy table, a small MCP server, and pipes between them and a session.

pub mod log;
mod policy;
mod server;

pub use policy::{Rule, TablePdp, Teller};
pub use server::Server;

use crate::model::time::Timestamp;
use crate::shim::Clock;
use crate::shim::event::{DecisionRef, Event, EventBody, Outcome, Status};
use crate::shim::pdp::Pdp;
use crate::shim::report::{ReportConfig, Reporter};
use crate::shim::session::{Core, SessionConfig};
use crate::shim::stdio::link::Link;
use crate::shim::stdio::send_own;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, WriteHalf};
use tokio::task::JoinHandle;

/// The time in tests.
pub const NOW: i64 = 1_795_190_400_000_000_000;

/// A session between a client, whose part the test plays, and a server.
pub struct Harness {
    pub core: Arc<Core>,
    pub link: Arc<Link>,
    pub pdp: Arc<TablePdp>,
    pub server: Server,
    pub reporter: Reporter,
    client: WriteHalf<DuplexStream>,
    answers: Lines<BufReader<DuplexStream>>,
    say: tokio::sync::mpsc::Sender<String>,
    tasks: Vec<JoinHandle<()>>,
    seconds: Arc<AtomicI64>,
    _state: TempDir,
}

pub fn clock() -> Clock {
    Arc::new(|| Timestamp::from_nanos(NOW))
}

fn clock_after(seconds: &Arc<AtomicI64>) -> Clock {
    let seconds = Arc::clone(seconds);
    Arc::new(move || Timestamp::from_nanos(NOW + seconds.load(Ordering::SeqCst) * 1_000_000_000))
}

impl Harness {
    pub fn start(pdp: Arc<TablePdp>, server: Server) -> Self {
        let state = tempfile::tempdir().unwrap();
        let reporter = Reporter::open(state.path(), ReportConfig::default(), clock()).unwrap();
        let seconds = Arc::new(AtomicI64::new(0));
        let (client, client_in) = tokio::io::duplex(8 << 20);
        let (client_out, answers) = tokio::io::duplex(8 << 20);
        let (to_server, server_in) = tokio::io::duplex(8 << 20);
        let (server_out, from_server) = tokio::io::duplex(8 << 20);
        let config = SessionConfig {
            server: "crm".to_owned(),
            context: BTreeMap::from([("purpose".to_owned(), "test".to_owned())]),
            pdp_deadline: Duration::from_millis(250),
            call_timeout: Duration::from_secs(60),
        };
        let shared: Arc<dyn Pdp> = Arc::clone(&pdp) as _;
        let core = Core::new(config, shared, reporter.clone(), clock_after(&seconds));
        let (link, own) = Link::new(&core, client_out, to_server);
        let (say, said) = tokio::sync::mpsc::channel(64);
        let (a, b, c) = (Arc::clone(&link), Arc::clone(&link), Arc::clone(&link));
        let tasks = vec![
            tokio::spawn(server.clone().run(server_in, said, server_out)),
            tokio::spawn(async move { a.pump_up(BufReader::new(client_in)).await.unwrap() }),
            tokio::spawn(async move { b.pump_down(BufReader::new(from_server)).await.unwrap() }),
            tokio::spawn(async move { send_own(&c, own).await }),
        ];
        Self {
            core,
            link,
            pdp,
            server,
            reporter,
            client: tokio::io::split(client).1,
            answers: BufReader::new(answers).lines(),
            say,
            tasks,
            seconds,
            _state: state,
        }
    }

    /// Time passes.
    pub fn advance(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The client writes a line.
    pub async fn send(&mut self, line: impl AsRef<[u8]>) {
        self.client.write_all(line.as_ref()).await.unwrap();
        self.client.write_all(b"\n").await.unwrap();
    }

    /// The next line that the client gets.
    pub async fn receive(&mut self) -> String {
        let line = tokio::time::timeout(Duration::from_secs(10), self.answers.next_line());
        line.await
            .expect("no answer")
            .unwrap()
            .expect("the pipe has closed")
    }

    pub async fn ask(&mut self, line: impl AsRef<[u8]>) -> String {
        self.send(line).await;
        self.receive().await
    }

    /// Everything sent before has been dealt with, both ways: a ping and its answer passed.
    pub async fn settle(&mut self) {
        let ping = r#"{"jsonrpc":"2.0","id":"settle","method":"ping"}"#;
        assert_eq!(
            self.ask(ping).await,
            r#"{"jsonrpc":"2.0","id":"settle","result":{}}"#
        );
    }

    /// The server writes a line of its own accord.
    pub async fn server_says(&self, line: &str) {
        self.say.send(line.to_owned()).await.unwrap();
    }

    /// What the server got, without pings.
    pub fn server_got(&self) -> Vec<String> {
        let got = self.server.got.lock().unwrap();
        got.iter()
            .filter(|line| !line.contains("\"settle\""))
            .cloned()
            .collect()
    }

    /// Outcomes and local denials, in order, once everything was handed over.
    pub async fn events(&self) -> Vec<EventBody> {
        events_of(&self.reporter, &self.pdp).await
    }

    pub async fn outcomes(&self) -> Vec<Outcome> {
        outcomes_of(&self.reporter, &self.pdp).await
    }
}

/// What was reported, in order, once everything was handed over.
pub async fn events_of(reporter: &Reporter, pdp: &Arc<TablePdp>) -> Vec<EventBody> {
    let shared: Arc<dyn Pdp> = Arc::clone(pdp) as _;
    let reporting = tokio::spawn(reporter.clone().run(shared));
    reporter.drain(Duration::from_secs(10)).await;
    reporting.abort();
    assert_eq!(reporter.waiting(), 0);
    let events = pdp.reported.lock().unwrap();
    events.iter().map(|event| event.body.clone()).collect()
}

pub async fn outcomes_of(reporter: &Reporter, pdp: &Arc<TablePdp>) -> Vec<Outcome> {
    let outcome = |body| match body {
        EventBody::Outcome(outcome) => Some(outcome),
        _ => None,
    };
    let events = events_of(reporter, pdp).await;
    events.into_iter().filter_map(outcome).collect()
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// An outcome with something in every field.
pub fn an_outcome(status: Status) -> Outcome {
    Outcome {
        decision: DecisionRef {
            decision_id: "d".to_owned(),
            call_id: "c".to_owned(),
            origin: "o/1".to_owned(),
        },
        status,
        response_bytes: 9_007_199_254_740_993,
        response_digest: "sha256:00".to_owned(),
        fields_returned: vec!["a".to_owned(), "b".to_owned()],
        masked: vec!["c".to_owned(), "d".to_owned()],
        dropped: vec!["d".to_owned()],
        rows_removed: 7,
        secret_present: Some(true),
        latency_us: 1,
    }
}

/// An event of one shim.
pub fn an_event(epoch: u64, seq: u64, status: Status) -> Event {
    Event {
        shim_id: "s".to_owned(),
        epoch,
        seq,
        event_id: "e".to_owned(),
        time: Timestamp::from_nanos(NOW),
        body: EventBody::Outcome(an_outcome(status)),
    }
}
