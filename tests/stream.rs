//! Streams: many questions on one, and the news of what is in force.

use crate::server::asking::{Decisions, call, codes};
use crate::server::{DEADLINE, Server, block_on, config, until, write_files};
use std::collections::BTreeMap;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;
use tonic::{Code, Streaming};
use toolgate::wire::v1::{
    DecideRequest, DecideStreamRequest, DecideStreamResponse, WatchRevisionRequest,
    WatchRevisionResponse,
};

const POLICY: &str = r#"package policies.crm
allow contains "crm.read" if input.mcp.name == "read"
constrain contains {"type": "audit", "level": "full", "durable": true} if {
	input.context.correlation_id
	input.context.correlation_id == "durable"
}
"#;
const AUDIT: &str = "[audit]\ndir = \"audit\"\n";

async fn serve() -> Server {
    let dir = tempfile::tempdir().unwrap();
    write_files(&dir.path().join("main"), [("p.rego", POLICY)]);
    Server::start(dir, &config(AUDIT)).await
}

fn question(id: &str, tool: &str) -> DecideStreamRequest {
    let request = DecideRequest {
        request_id: id.to_owned(),
        ..call(tool)
    };
    DecideStreamRequest {
        request: Some(request),
    }
}

struct Stream {
    questions: Option<mpsc::Sender<DecideStreamRequest>>,
    answers: Streaming<DecideStreamResponse>,
}

impl Stream {
    async fn open(server: &Server) -> Self {
        let (questions, asked) = mpsc::channel(1024);
        let mut client = Decisions::new(server.unix().await);
        let opened = client.decide_stream(ReceiverStream::new(asked)).await;
        Self {
            questions: Some(questions),
            answers: opened.unwrap().into_inner(),
        }
    }

    async fn ask(&self, question: DecideStreamRequest) {
        self.questions
            .as_ref()
            .unwrap()
            .send(question)
            .await
            .unwrap();
    }

    /// Every answer to the end, the effect's first reason by request id.
    async fn rest(mut self) -> BTreeMap<String, String> {
        self.questions = None;
        let mut all = BTreeMap::new();
        while let Some(answer) = self.answers.message().await.unwrap() {
            let response = answer.response.unwrap();
            let code = codes(&response)
                .first()
                .copied()
                .unwrap_or_default()
                .to_owned();
            let again = all.insert(answer.request_id, code);
            assert_eq!(again, None, "answered twice");
        }
        all
    }
}

#[test]
fn every_question_is_answered_under_its_id_whatever_waits_for_the_disk() {
    block_on(async {
        let server = serve().await;
        let stream = Stream::open(&server).await;
        let count = 256;
        let asked: BTreeMap<String, String> = (0..count)
            .map(|number| match number % 3 {
                0 => (format!("{number}"), "no_matching_allow".to_owned()),
                _ => (format!("{number}"), "crm.read".to_owned()),
            })
            .collect();
        for (id, code) in &asked {
            let tool = if code == "crm.read" {
                "crm/read"
            } else {
                "crm/drop"
            };
            let mut question = question(id, tool);
            if id.len() == 2 {
                question.request.as_mut().unwrap().correlation_id = "durable".to_owned();
            }
            stream.ask(question).await;
        }
        assert_eq!(stream.rest().await, asked);
        let report = server.stop().await;
        // Each decision, and the set that was loaded.
        assert_eq!(report.records, count as u64 + 1);
    });
}

#[test]
fn a_question_without_an_id_ends_the_stream() {
    block_on(async {
        let server = serve().await;
        let mut stream = Stream::open(&server).await;
        stream.ask(question("a", "crm/read")).await;
        stream.ask(question("", "crm/read")).await;
        let first = stream.answers.message().await.unwrap().unwrap();
        assert_eq!(first.request_id, "a");
        let refused = stream.answers.message().await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.message()),
            (Code::InvalidArgument, "`request.request_id` is required")
        );
        server.stop().await;
    });
}

#[test]
fn more_than_a_window_is_not_read_until_answers_are() {
    block_on(async {
        let server = serve().await;
        let stream = Stream::open(&server).await;
        // Far more than the window and the buffers of the connection hold, while nobody reads.
        let questions = stream.questions.clone().unwrap();
        let asking = tokio::spawn(async move {
            for number in 0..2000 {
                let question = question(&format!("{number}"), "crm/read");
                questions.send(question).await.unwrap();
            }
        });
        assert_eq!(stream.rest().await.len(), 2000);
        asking.await.unwrap();
        server.stop().await;
    });
}

/// With a window of a thousand so many are decided for somebody who reads no answer; else it would
/// be what the connection holds, which is a byte here, and the messages of one frame.
#[test]
fn the_window_is_as_configured() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        write_files(&dir.path().join("main"), [("p.rego", POLICY)]);
        let limits = "[limits]\nstream_window_decisions_max = 1000\n";
        let server = Server::start(dir, &config(&format!("{AUDIT}{limits}"))).await;
        let socket = server.dir.path().join("run.sock");
        let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).unwrap();
        let channel = endpoint.initial_stream_window_size(1).connect().await;
        let questions = (0..2000).map(|number| question(&format!("{number}"), "crm/read"));
        let mut client = Decisions::new(channel.unwrap());
        let answers = client.decide_stream(tokio_stream::iter(questions)).await;
        until("a thousand decisions", async || {
            let metrics = server.decider.metrics.text();
            let counted = metrics
                .lines()
                .find_map(|line| line.strip_prefix("toolgate_decisions_total{effect=\"allow\"} "));
            (counted.unwrap().parse::<u64>().unwrap() >= 1000).then_some(())
        })
        .await;
        drop(answers);
        server.stop().await;
    });
}

/// A stream whose answers nobody reads comes to a halt; what it decides no more takes no room.
#[test]
fn who_reads_no_answers_keeps_no_room_from_others() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        write_files(&dir.path().join("main"), [("p.rego", POLICY)]);
        // One alone has half.
        let limits = "[limits]\nin_flight_decisions_max = 2\n";
        let server = Server::start(dir, &config(&format!("{AUDIT}{limits}"))).await;
        let socket = server.dir.path().join("run.sock");
        let endpoint = Endpoint::from_shared(format!("unix://{}", socket.display())).unwrap();
        let channel = endpoint.initial_stream_window_size(1).connect().await;
        let questions = (0..5000).map(|number| question(&format!("{number}"), "crm/read"));
        let mut client = Decisions::new(channel.unwrap());
        let answers = client.decide_stream(tokio_stream::iter(questions)).await;
        let other = Decisions::new(server.unix().await);
        // More often than the stream has room for answers, so that it stands in the end.
        for _ in 0..500 {
            until("room for a decision", async || {
                other.clone().decide(call("crm/read")).await.ok()
            })
            .await;
        }
        drop(answers);
        server.stop().await;
    });
}

#[test]
fn a_drain_answers_what_was_read_and_ends_the_stream() {
    block_on(async {
        let server = serve().await;
        let mut stream = Stream::open(&server).await;
        stream.ask(question("a", "crm/read")).await;
        let first = stream.answers.message().await.unwrap().unwrap();
        assert_eq!(first.request_id, "a");
        let mut watching = Watching::open(&server).await;
        watching.next().await;
        server.stop().await;
        assert!(stream.answers.message().await.unwrap().is_none());
        assert!(watching.0.message().await.unwrap().is_none());
    });
}

struct Watching(Streaming<WatchRevisionResponse>);

impl Watching {
    async fn open(server: &Server) -> Self {
        let mut client = Decisions::new(server.unix().await);
        let opened = client.watch_revision(WatchRevisionRequest {}).await;
        Self(opened.unwrap().into_inner())
    }

    async fn next(&mut self) -> WatchRevisionResponse {
        let next = tokio::time::timeout(DEADLINE, self.0.message());
        next.await.unwrap().unwrap().unwrap()
    }
}

#[test]
fn a_watcher_hears_of_each_set_and_of_silence() {
    block_on(async {
        let server = serve().await;
        let mut watching = Watching::open(&server).await;
        let first = watching.next().await;
        assert_eq!((first.policy.unwrap().version, first.heartbeat), (1, false));
        let alive = watching.next().await;
        assert_eq!((alive.policy.unwrap().version, alive.heartbeat), (1, true));
        let changed = POLICY.replace("\"read\"", "\"write\"");
        write_files(
            &server.dir.path().join("main"),
            [("p.rego", changed.as_str())],
        );
        let second = until("another set", async || {
            let told = watching.next().await;
            (!told.heartbeat).then_some(told)
        })
        .await;
        assert_eq!(second.policy.unwrap().version, 2);
        server.stop().await;
    });
}
