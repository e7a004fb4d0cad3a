//! A small MCP server in this process.

use crate::model::json::{Limits, parse};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream};

/// A small MCP server: answers from tables, writes what it is told to, remembers what it got.
#[derive(Clone)]
pub struct Server {
    /// Results of `tools/list` by cursor.
    pub pages: Arc<Mutex<HashMap<String, String>>>,
    /// Responses' rest (`"result":…` or `"error":…`) by tool; a tool that is missing stays silent.
    pub calls: HashMap<&'static str, &'static str>,
    pub got: Arc<Mutex<Vec<String>>>,
    /// What it says in the handshake.
    pub capabilities: &'static str,
}

impl Server {
    pub fn new(page: &str, calls: &[(&'static str, &'static str)]) -> Self {
        let pages = HashMap::from([(String::new(), page.to_owned())]);
        Self {
            pages: Arc::new(Mutex::new(pages)),
            calls: calls.iter().copied().collect(),
            got: Arc::default(),
            capabilities: "{}",
        }
    }

    fn answer(&self, line: &str) -> Option<String> {
        let message = parse(line.as_bytes(), Limits::REQUEST).unwrap();
        let id = message.get("id")?;
        let text = |name: &str| Some(message.get("params")?.get(name)?.as_str()?.to_owned());
        let rest = match message.get("method")?.as_str()? {
            "initialize" => format!(
                r#""result":{{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{{"name":"s","version":"1"}}}}"#,
                self.capabilities
            ),
            "tools/list" => {
                let cursor = text("cursor").unwrap_or_default();
                format!("\"result\":{}", self.pages.lock().unwrap().get(&cursor)?)
            }
            "tools/call" => (*self.calls.get(text("name")?.as_str())?).to_owned(),
            _ => "\"result\":{}".to_owned(),
        };
        Some(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},{rest}}}"))
    }

    pub async fn run(
        self,
        input: DuplexStream,
        mut output: tokio::sync::mpsc::Receiver<String>,
        pipe: DuplexStream,
    ) {
        let mut lines = BufReader::new(input).lines();
        let mut pipe = pipe;
        loop {
            let say = tokio::select! {
                line = lines.next_line() => match line.unwrap() {
                    Some(line) => {
                        self.got.lock().unwrap().push(line.clone());
                        self.answer(&line)
                    }
                    None => return,
                },
                said = output.recv() => said,
            };
            if let Some(say) = say {
                pipe.write_all(format!("{say}\n").as_bytes()).await.unwrap();
            }
        }
    }
}
