//! Who calls: `Decide` over gRPC, or OPA's REST interface.

use crate::inputs::{Result, directory, input, request};
use crate::plan::{Call, Plan};
use hyper_util::rt::TokioIo;
use prost::Message;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tonic::transport::{Channel, Endpoint, Uri};
use toolgate::wire::v1::decision_service_client::DecisionServiceClient;
use toolgate::wire::v1::{self, Effect};

/// Questions of one stream at once: the default of `limits.stream_window_decisions_max`.
const STREAM_WINDOW: usize = 64;

/// Callers that share a connection.
const CALLERS_A_CONNECTION: usize = 16;

/// A caller of `Decide`.
#[derive(Clone)]
pub struct Decider {
    client: DecisionServiceClient<Channel>,
    request: v1::DecideRequest,
}

impl Call for Decider {
    async fn call(&mut self) -> Result<Effect> {
        let response = self.client.decide(self.request.clone()).await?;
        Ok(response.into_inner().effect())
    }
}

pub async fn decisions(plan: &Plan, count: usize) -> Result<Vec<Decider>> {
    let request = request(&input(&directory()?, plan.case)?)?;
    let mut callers = Vec::new();
    while callers.len() < count {
        let client = DecisionServiceClient::new(connect(&plan.socket).await?);
        let count = CALLERS_A_CONNECTION.min(count - callers.len());
        callers.extend((0..count).map(|_| Decider {
            client: client.clone(),
            request: request.clone(),
        }));
    }
    Ok(callers)
}

pub async fn reply_bytes(plan: &Plan) -> Result<()> {
    let request = request(&input(&directory()?, plan.case)?)?;
    let mut client = DecisionServiceClient::new(connect(&plan.socket).await?);
    let response = client.decide(request).await?.into_inner();
    println!("{{\"bytes\":{}}}", response.encoded_len());
    Ok(())
}

/// A caller on a stream: as many questions are under way as the stream's window holds.
pub struct Asker {
    questions: mpsc::Sender<v1::DecideStreamRequest>,
    answers: Streaming<v1::DecideStreamResponse>,
    question: v1::DecideStreamRequest,
    asked: u64,
}

impl Asker {
    async fn ask(&mut self) -> Result<()> {
        self.asked += 1;
        let mut question = self.question.clone();
        if let Some(request) = &mut question.request {
            request.request_id = self.asked.to_string();
        }
        Ok(self.questions.send(question).await?)
    }
}

impl Call for Asker {
    async fn call(&mut self) -> Result<Effect> {
        let answer = self.answers.message().await?.ok_or("the stream ended")?;
        self.ask().await?;
        Ok(answer.response.ok_or("no response")?.effect())
    }
}

pub async fn streams(plan: &Plan, count: usize) -> Result<Vec<Asker>> {
    let request = request(&input(&directory()?, plan.case)?)?;
    let mut askers = Vec::new();
    for _ in 0..count {
        let mut client = DecisionServiceClient::new(connect(&plan.socket).await?);
        let (questions, asked) = mpsc::channel(STREAM_WINDOW);
        let answers = client.decide_stream(ReceiverStream::new(asked)).await?;
        let mut asker = Asker {
            questions,
            answers: answers.into_inner(),
            question: v1::DecideStreamRequest {
                request: Some(request.clone()),
            },
            asked: 0,
        };
        for _ in 0..STREAM_WINDOW {
            asker.ask().await?;
        }
        askers.push(asker);
    }
    Ok(askers)
}

async fn connect(socket: &str) -> Result<Channel> {
    let socket = socket.to_owned();
    // The address is a name only: the connection is the socket's.
    let endpoint = Endpoint::from_static("http://toolgate");
    let connector = tower::service_fn(move |_: Uri| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    Ok(endpoint.connect_with_connector(connector).await?)
}

/// A caller of OPA: HTTP/1.1 by hand, one connection each, as little work as can be.
pub struct Document {
    stream: BufReader<UnixStream>,
    request: Vec<u8>,
    body: Vec<u8>,
}

impl Call for Document {
    async fn call(&mut self) -> Result<Effect> {
        self.stream.get_mut().write_all(&self.request).await?;
        let (mut line, mut length) = (String::new(), 0);
        loop {
            line.clear();
            self.stream.read_line(&mut line).await?;
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        if length == 0 {
            return Err("an answer without a length".into());
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body).await?;
        let key = b"\"effect\":\"";
        let at = self.body.windows(key.len()).position(|it| it == key);
        let rest = at.and_then(|at| self.body.get(at + key.len()..));
        let effect = rest.and_then(|rest| rest.split(|byte| *byte == b'"').next());
        let effect = String::from_utf8_lossy(effect.unwrap_or_default()).to_uppercase();
        Effect::from_str_name(&format!("EFFECT_{effect}")).ok_or("no effect".into())
    }
}

pub async fn documents(plan: &Plan, count: usize) -> Result<Vec<Document>> {
    let input = String::from_utf8(input(&directory()?, plan.case)?)?;
    let body = format!("{{\"input\":{input}}}");
    let request = format!(
        "POST /v1/data/toolgate/main/decision HTTP/1.1\r\nHost: opa\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len(),
    );
    let mut callers = Vec::new();
    for _ in 0..count {
        callers.push(Document {
            stream: BufReader::new(UnixStream::connect(&plan.socket).await?),
            request: request.clone().into_bytes(),
            body: Vec::new(),
        });
    }
    Ok(callers)
}
