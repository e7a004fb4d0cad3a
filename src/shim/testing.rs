//! A PDP with a policy table, a small MCP server, and pipes between them and a session.

mod server;

pub use server::Server;

use crate::model::call::Phase;
use crate::model::json::{Json, Object};
use crate::model::obligation::FulfilledBy;
use crate::model::reason::{Code, Origin, Reason};
use crate::model::time::Timestamp;
use crate::model::verdict::Effect;
use crate::shim::event::{DecisionRef, Event, EventBody, Outcome, Status};
use crate::shim::pdp::{Acknowledged, Answer, BoxFuture, Owed, Pdp, PdpError, Question};
use crate::shim::report::Reporter;
use crate::shim::session::{Session, SessionConfig};
use crate::shim::spool::SyncPolicy;
use crate::shim::{Clock, down, run, up};
use crate::wire::digest;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, WriteHalf};
use tokio::task::JoinHandle;

/// The time in tests.
pub const NOW: i64 = 1_795_190_400_000_000_000;

/// What the policy says of one tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    Allow,
    /// Denied and not listed.
    Hidden,
    /// Denied and listed.
    Deny,
    Approve,
    /// The call goes on with these `params`.
    Rewrite(&'static str),
    /// Allowed; every `from` in the result becomes `to`.
    Replace(&'static str, &'static str),
    /// Allowed; the result is not.
    Withhold,
    /// Allowed, but other bytes were judged.
    OtherDigest,
    /// Allowed, with an obligation for the shim.
    ForShim,
    /// Allowed; so many answers come with a verdict that has run out.
    Stale(u32),
    /// Nobody decides.
    Down,
    /// Nobody answers.
    Silent,
}

/// A PDP whose policy is a table.
pub struct TablePdp {
    rules: HashMap<&'static str, Rule>,
    pub asked: Mutex<Vec<Question>>,
    pub reported: Mutex<Vec<Event>>,
}

impl TablePdp {
    pub fn new(rules: &[(&'static str, Rule)]) -> Arc<Self> {
        Arc::new(Self {
            rules: rules.iter().cloned().collect(),
            asked: Mutex::default(),
            reported: Mutex::default(),
        })
    }

    pub fn asked(&self, phase: Phase) -> Vec<Question> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|it| it.phase == phase)
            .cloned()
            .collect()
    }

    fn judge(&self, question: Question) -> Result<Answer, PdpError> {
        let rule = self
            .rules
            .get(question.mcp.name.as_str())
            .unwrap_or(&Rule::Hidden);
        let mut asked = self.asked.lock().unwrap();
        let number = asked.len() + 1;
        let name = &question.mcp.name;
        let earlier = asked
            .iter()
            .filter(|it| it.mcp.name == *name && it.phase == Phase::Call);
        let earlier = u32::try_from(earlier.count()).unwrap();
        let is_result = question.phase == Phase::Result;
        let subject = match is_result {
            true => question.result_json.clone().unwrap(),
            false => question.params_json.clone(),
        };
        if is_result {
            assert!(question.call_id.is_some(), "a result without its call");
        }
        asked.push(question);
        let mut answer = Answer {
            decision_id: format!("d{number}"),
            call_id: Some(format!("c{number}")),
            effect: Effect::Allow,
            visible: true,
            reasons: Vec::new(),
            obligations: Vec::new(),
            params_json: None,
            result_json: None,
            judged_digest: digest(&subject),
            valid_until: Timestamp::from_nanos(NOW + 30_000_000_000),
            revision: "r1".to_owned(),
            audit_origin: "test/1".to_owned(),
        };
        apply(rule, &mut answer, is_result, &subject, earlier)?;
        Ok(answer)
    }
}

fn reason(code: &str, message: &str) -> Reason {
    Reason {
        code: code.to_owned(),
        message: message.to_owned(),
        policy: "test".to_owned(),
        origin: Origin::Policy,
        retryable: false,
    }
}

fn apply(
    rule: &Rule,
    answer: &mut Answer,
    is_result: bool,
    subject: &[u8],
    earlier: u32,
) -> Result<(), PdpError> {
    let deny = |answer: &mut Answer, reason: Reason, visible: bool| {
        answer.effect = Effect::Deny;
        answer.visible = visible;
        answer.reasons = vec![reason];
        answer.call_id = None;
    };
    match rule {
        Rule::Allow => {}
        Rule::Hidden => deny(answer, Code::NoMatchingAllow.reason(), false),
        Rule::Deny => deny(answer, reason("region.mismatch", "wrong region"), true),
        Rule::Approve => {
            answer.effect = Effect::RequireApproval;
            answer.reasons = vec![reason("contracts.sign", "Legal has to approve.")];
        }
        Rule::Rewrite(params) if !is_result => {
            answer.effect = Effect::Constrain;
            answer.params_json = Some(params.as_bytes().to_vec());
            answer.judged_digest = digest(params.as_bytes());
        }
        Rule::Rewrite(_) => {}
        Rule::Replace(from, to) if is_result => {
            let text = std::str::from_utf8(subject).unwrap().replace(from, to);
            answer.effect = Effect::Constrain;
            answer.judged_digest = digest(text.as_bytes());
            answer.result_json = Some(text.into_bytes());
            answer.obligations = vec![masks("email", FulfilledBy::Pdp)];
        }
        Rule::Replace(..) => answer.effect = Effect::Constrain,
        Rule::Withhold if is_result => deny(answer, Code::ResultWithheld.reason(), true),
        Rule::Withhold => {}
        Rule::OtherDigest => answer.judged_digest = digest(b"something else"),
        Rule::ForShim => answer.obligations = vec![masks("email", FulfilledBy::Shim)],
        Rule::Stale(times) => {
            if earlier < *times {
                answer.valid_until = Timestamp::from_nanos(NOW - 1);
            }
        }
        Rule::Down => return Err(PdpError::Unavailable("no connection".to_owned())),
        Rule::Silent => {}
    }
    Ok(())
}

fn masks(field: &str, by: FulfilledBy) -> Owed {
    let mut properties = Object::new();
    properties.insert("fields", Json::array([field]));
    Owed {
        kind: "mask_fields".to_owned(),
        properties,
        by,
    }
}

impl Pdp for TablePdp {
    fn decide(&self, question: Question) -> BoxFuture<'_, Result<Answer, PdpError>> {
        Box::pin(async move {
            if self.rules.get(question.mcp.name.as_str()) == Some(&Rule::Silent) {
                return std::future::pending().await;
            }
            self.judge(question)
        })
    }

    fn decide_batch(
        &self,
        questions: Vec<Question>,
    ) -> BoxFuture<'_, Result<Vec<Answer>, PdpError>> {
        Box::pin(async move { questions.into_iter().map(|it| self.judge(it)).collect() })
    }

    fn report(&self, events: Vec<Event>) -> BoxFuture<'_, Result<Acknowledged, PdpError>> {
        Box::pin(async move {
            let durable_seq = events.last().map_or(0, |event| event.seq);
            self.reported.lock().unwrap().extend(events);
            Ok(Acknowledged {
                durable_seq,
                ..Acknowledged::default()
            })
        })
    }
}

/// A session between a client, whose part the test plays, and a server.
pub struct Harness {
    pub session: Arc<Session>,
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
        let reporter = Reporter::open(state.path(), SyncPolicy::Background, clock()).unwrap();
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
        let (session, own) = Session::new(
            config,
            shared,
            reporter.clone(),
            clock_after(&seconds),
            client_out,
            to_server,
        );
        let (say, said) = tokio::sync::mpsc::channel(64);
        let (a, b, c) = (
            Arc::clone(&session),
            Arc::clone(&session),
            Arc::clone(&session),
        );
        let tasks = vec![
            tokio::spawn(server.clone().run(server_in, said, server_out)),
            tokio::spawn(async move { up::pump(&a, BufReader::new(client_in)).await.unwrap() }),
            tokio::spawn(async move { down::pump(&b, BufReader::new(from_server)).await.unwrap() }),
            tokio::spawn(async move { run::send_own(&c, own).await }),
        ];
        Self {
            session,
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
        let pdp: Arc<dyn Pdp> = Arc::clone(&self.pdp) as _;
        let reporting = tokio::spawn(self.reporter.clone().run(pdp));
        self.reporter.drain(Duration::from_secs(10)).await;
        reporting.abort();
        assert_eq!(self.reporter.waiting(), 0);
        let events = self.pdp.reported.lock().unwrap();
        events.iter().map(|event| event.body.clone()).collect()
    }

    pub async fn outcomes(&self) -> Vec<Outcome> {
        let outcome = |body| match body {
            EventBody::Outcome(outcome) => Some(outcome),
            _ => None,
        };
        self.events()
            .await
            .into_iter()
            .filter_map(outcome)
            .collect()
    }
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
        masked: vec!["c".to_owned()],
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
