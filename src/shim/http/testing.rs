//! A proxy between a client, whose part the test plays, and a server that writes what it is told.

use crate::shim::event::Outcome;
use crate::shim::http::guard::Guard;
use crate::shim::http::proxy::{Ending, Proxy};
use crate::shim::http::run::accept;
use crate::shim::http::speaker::Bearers;
use crate::shim::http::upstream::UpstreamServer;
use crate::shim::pdp::Pdp;
use crate::shim::report::{ReportConfig, Reporter};
use crate::shim::session::{Core, SessionConfig};
use crate::shim::testing::{TablePdp, clock, outcomes_of};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the server was sent: head and body.
#[derive(Clone, Debug)]
pub struct Got {
    pub head: String,
    pub body: String,
}

impl Got {
    /// A header's value; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

/// Gives what the server writes to a request, whole; `None`: it hangs.
pub type Script = Arc<dyn Fn(&Got) -> Option<Vec<u8>> + Send + Sync>;

pub struct Scene {
    pub pdp: Arc<TablePdp>,
    pub proxy: Arc<Proxy>,
    pub address: SocketAddr,
    pub got: Arc<Mutex<Vec<Got>>>,
    reporter: Reporter,
    tasks: Vec<JoinHandle<()>>,
    _state: TempDir,
}

/// What a client got.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// An answer of the server's with a body of this type.
pub fn answer(status: u16, kind: &str, more: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n{more}\r\n{body}"
    )
    .into_bytes()
}

pub fn json(body: &str) -> Option<Vec<u8>> {
    Some(answer(200, "application/json", "", body))
}

pub fn events(body: &str) -> Option<Vec<u8>> {
    Some(answer(200, "text/event-stream", "", body))
}

async fn read_request(socket: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let (head, body) = (head.to_owned(), body.to_owned());
            let got = Got { head, body };
            let length: usize = got.header("content-length").parse().unwrap_or(0);
            if got.body.len() >= length {
                return Some(got);
            }
        }
        if socket.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

async fn serve(listener: TcpListener, script: Script, got: Arc<Mutex<Vec<Got>>>) {
    while let Ok((mut socket, _)) = listener.accept().await {
        let (script, got) = (Arc::clone(&script), Arc::clone(&got));
        tokio::spawn(async move {
            let Some(request) = read_request(&mut socket).await else {
                return;
            };
            got.lock().unwrap().push(request.clone());
            match script(&request) {
                Some(answer) => drop(socket.write_all(&answer).await),
                None => drop(socket.read_buf(&mut Vec::new()).await),
            }
        });
    }
}

impl Scene {
    pub async fn start(pdp: Arc<TablePdp>, script: Script) -> Self {
        Self::start_with(pdp, script, None, Duration::from_secs(60)).await
    }

    pub async fn start_with(
        pdp: Arc<TablePdp>,
        script: Script,
        bearers: Option<Bearers>,
        call_timeout: Duration,
    ) -> Self {
        let state = tempfile::tempdir().unwrap();
        let reporter = Reporter::open(state.path(), ReportConfig::default(), clock()).unwrap();
        let config = SessionConfig {
            server: "crm".to_owned(),
            context: BTreeMap::new(),
            pdp_deadline: Duration::from_secs(5),
            call_timeout,
        };
        let shared: Arc<dyn Pdp> = Arc::clone(&pdp) as _;
        let core = Core::new(config, shared, reporter.clone(), clock());
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/mcp", upstream.local_addr().unwrap());
        let server = UpstreamServer::new(&url, None, None).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let guard = Guard::new(address, &[], &[]);
        let proxy = Proxy::new(&core, server, guard, bearers);
        let got = Arc::default();
        let tasks = vec![
            tokio::spawn(serve(upstream, script, Arc::clone(&got))),
            tokio::spawn(accept(Arc::clone(&proxy), listener)),
        ];
        Self {
            pdp,
            proxy,
            address,
            got,
            reporter,
            tasks,
            _state: state,
        }
    }

    /// Sends a request with these headers beside the ones that every client sends.
    pub async fn open(&self, method: &str, headers: &str, body: &str) -> TcpStream {
        let (address, length) = (self.address, body.len());
        let mut socket = TcpStream::connect(address).await.unwrap();
        let request = format!(
            "{method} /mcp HTTP/1.0\r\nhost: {address}\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        socket
    }

    pub async fn ask(&self, method: &str, headers: &str, body: &str) -> Reply {
        let socket = self.open(method, headers, body).await;
        reply(socket).await
    }

    /// Sends exactly this.
    pub async fn raw(&self, request: &str) -> Reply {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        reply(socket).await
    }

    pub async fn post(&self, headers: &str, body: &str) -> Reply {
        self.ask("POST", headers, body).await
    }

    /// The messages that the server was sent, but for the proxy's own questions.
    pub fn server_got(&self) -> Vec<String> {
        let got = self.got.lock().unwrap();
        let messages = got.iter().map(|it| it.body.clone());
        messages.filter(|it| !it.contains("\"toolgate-")).collect()
    }

    /// The outcomes, once everything was handed over.
    pub async fn outcomes(&self) -> Vec<Outcome> {
        outcomes_of(&self.reporter, &self.pdp).await
    }

    /// Waits until no request is under way.
    pub async fn idle(&self) {
        let idle = tokio::time::timeout(Duration::from_secs(30), self.proxy.idle());
        idle.await.expect("a request is under way for ever");
    }

    pub fn end(&self, ending: Ending) {
        self.proxy.ending.send_replace(ending);
    }
}

async fn reply(mut socket: TcpStream) -> Reply {
    let mut bytes = Vec::new();
    let read = socket.read_to_end(&mut bytes);
    let read = tokio::time::timeout(Duration::from_secs(30), read).await;
    read.expect("no answer").unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply {
        status,
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
