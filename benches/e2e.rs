//! The two ends of the end-to-end comparison; `benches/run` starts them, each on its own core.
//!
//! - `e2e echo SOCKET` answers each `Decide` with its own `params`: what gRPC alone costs.
//! - `e2e load SOCKET CASE CALLERS SECONDS` calls `Decide` in a closed loop.
//! - `e2e load-opa SOCKET CASE CALLERS SECONDS` posts the same input to OPA's REST interface.
//!
//! A load prints one line of JSON: calls, seconds, p50 and p99 in microseconds, effects.

mod inputs;

use hyper_util::rt::TokioIo;
use inputs::{CASES, Case, Result, directory, input, request};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Endpoint, Server, Uri};
use tonic::{Request, Response, Status};
use toolgate::wire::v1;
use toolgate::wire::v1::decision_service_client::DecisionServiceClient;
use toolgate::wire::v1::decision_service_server::{DecisionService, DecisionServiceServer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Callers that share a connection.
const CALLERS_A_CONNECTION: usize = 16;
const WARM_UP: Duration = Duration::from_millis(700);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match arguments.as_slice() {
        ["echo", socket] => runtime.block_on(echo(socket)),
        ["load", socket, case, callers, seconds] => {
            let plan = Plan::new(socket, case, callers, seconds)?;
            runtime.block_on(plan.run(decisions))
        }
        ["load-opa", socket, case, callers, seconds] => {
            let plan = Plan::new(socket, case, callers, seconds)?;
            runtime.block_on(plan.run(documents))
        }
        // `cargo bench` starts every bench; this one needs its other end.
        _ => {
            println!("e2e: run benches/run");
            Ok(())
        }
    }
}

/// What is to be called, and how.
struct Plan {
    socket: String,
    case: Case,
    callers: usize,
    measure: Duration,
}

/// What one caller saw: the time of each call and how often which effect came back.
#[derive(Default)]
struct Seen {
    nanos: Vec<u64>,
    effects: BTreeMap<String, u64>,
}

/// One call: gives the effect.
trait Call: Send + 'static {
    fn call(&mut self) -> impl Future<Output = Result<String>> + Send;
}

impl Plan {
    fn new(socket: &str, case: &str, callers: &str, seconds: &str) -> Result<Self> {
        let case = CASES.into_iter().find(|it| it.name == case);
        Ok(Self {
            socket: socket.to_owned(),
            case: case.ok_or("no such case")?,
            callers: callers.parse()?,
            measure: Duration::from_secs_f64(seconds.parse()?),
        })
    }

    async fn run<C: Call>(self, callers: impl AsyncFnOnce(&Self) -> Result<Vec<C>>) -> Result<()> {
        let callers = callers(&self).await?;
        let start = Instant::now() + WARM_UP;
        let end = start + self.measure;
        let mut running = JoinSet::new();
        for caller in callers {
            running.spawn(async move {
                let seen = repeat(caller, start, end).await;
                seen.map_err(|error| error.to_string())
            });
        }
        let mut all = Seen::default();
        while let Some(seen) = running.join_next().await {
            let seen = seen??;
            all.nanos.extend(seen.nanos);
            for (effect, count) in seen.effects {
                *all.effects.entry(effect).or_default() += count;
            }
        }
        all.print(self.measure, self.case);
        Ok(())
    }
}

async fn repeat(mut caller: impl Call, start: Instant, end: Instant) -> Result<Seen> {
    let mut seen = Seen::default();
    loop {
        let before = Instant::now();
        let effect = caller.call().await?;
        let after = Instant::now();
        if after >= end {
            return Ok(seen);
        }
        if before >= start {
            let nanos = after.duration_since(before).as_nanos();
            seen.nanos.push(u64::try_from(nanos).unwrap_or(u64::MAX));
            *seen.effects.entry(effect).or_default() += 1;
        }
    }
}

impl Seen {
    fn print(mut self, measured: Duration, case: Case) {
        self.nanos.sort_unstable();
        let at = |share: f64| {
            let index = (self.nanos.len() as f64 * share) as usize;
            self.nanos
                .get(index)
                .map_or(0.0, |nanos| *nanos as f64 / 1000.0)
        };
        let line = serde_json::json!({
            "calls": self.nanos.len(),
            "seconds": measured.as_secs_f64(),
            "p50_us": at(0.5),
            "p99_us": at(0.99),
            "effects": self.effects,
            "expected": case.effect,
        });
        println!("{line}");
    }
}

/// A caller of `Decide`.
struct Decider {
    client: DecisionServiceClient<Channel>,
    request: v1::DecideRequest,
}

impl Call for Decider {
    async fn call(&mut self) -> Result<String> {
        let response = self.client.decide(self.request.clone()).await?;
        let effect = response.into_inner().effect();
        Ok(effect
            .as_str_name()
            .trim_start_matches("EFFECT_")
            .to_lowercase())
    }
}

async fn decisions(plan: &Plan) -> Result<Vec<Decider>> {
    let request = request(&input(&directory()?, plan.case)?)?;
    let mut callers = Vec::new();
    while callers.len() < plan.callers {
        let client = DecisionServiceClient::new(connect(&plan.socket).await?);
        let count = CALLERS_A_CONNECTION.min(plan.callers - callers.len());
        callers.extend((0..count).map(|_| Decider {
            client: client.clone(),
            request: request.clone(),
        }));
    }
    Ok(callers)
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
struct Document {
    stream: BufReader<UnixStream>,
    request: Vec<u8>,
    body: Vec<u8>,
}

impl Call for Document {
    async fn call(&mut self) -> Result<String> {
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
        Ok(String::from_utf8_lossy(effect.unwrap_or_default()).into_owned())
    }
}

async fn documents(plan: &Plan) -> Result<Vec<Document>> {
    let input = String::from_utf8(input(&directory()?, plan.case)?)?;
    let body = format!("{{\"input\":{input}}}");
    let request = format!(
        "POST /v1/data/toolgate/main/decision HTTP/1.1\r\nHost: opa\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len(),
    );
    let mut callers = Vec::new();
    for _ in 0..plan.callers {
        callers.push(Document {
            stream: BufReader::new(UnixStream::connect(&plan.socket).await?),
            request: request.clone().into_bytes(),
            body: Vec::new(),
        });
    }
    Ok(callers)
}

struct Echo;

async fn echo(socket: &str) -> Result<()> {
    let incoming = UnixListenerStream::new(UnixListener::bind(socket)?);
    let service = DecisionServiceServer::new(Echo);
    let serving = Server::builder().add_service(service);
    Ok(serving.serve_with_incoming(incoming).await?)
}

type Answers<T> = Pin<Box<dyn tokio_stream::Stream<Item = std::result::Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl DecisionService for Echo {
    type DecideStreamStream = Answers<v1::DecideStreamResponse>;
    type WatchRevisionStream = Answers<v1::WatchRevisionResponse>;

    async fn decide(
        &self,
        request: Request<v1::DecideRequest>,
    ) -> std::result::Result<Response<v1::DecideResponse>, Status> {
        Ok(Response::new(v1::DecideResponse {
            params_json: Some(request.into_inner().params_json),
            ..v1::DecideResponse::default()
        }))
    }

    async fn decide_batch(
        &self,
        _: Request<v1::DecideBatchRequest>,
    ) -> std::result::Result<Response<v1::DecideBatchResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn decide_stream(
        &self,
        _: Request<tonic::Streaming<v1::DecideStreamRequest>>,
    ) -> std::result::Result<Response<Self::DecideStreamStream>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn watch_revision(
        &self,
        _: Request<v1::WatchRevisionRequest>,
    ) -> std::result::Result<Response<Self::WatchRevisionStream>, Status> {
        Err(Status::unimplemented("an echo"))
    }
}
