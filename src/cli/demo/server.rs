//! The demo's MCP server on standard input and output. It knows nothing of policy.

#[cfg(test)]
mod tests;

use super::client::PROTOCOL;
use crate::cli::{CliError, Exit};
use crate::model::json::{Json, Limits, Object, parse};
use std::io::{self, BufRead, Write};

/// The tools, as `tools/list` gives them.
const TOOLS: &str = include_str!("tools.json");
/// What `read_contract` reads.
const CONTRACTS: &str = include_str!("contracts.json");
/// Revisions of the protocol that the server speaks.
const PROTOCOLS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", PROTOCOL];

/// JSON-RPC: not JSON.
const PARSE_ERROR: i64 = -32700;
/// JSON-RPC: no such method.
const METHOD_NOT_FOUND: i64 = -32601;
/// JSON-RPC: wrong parameters; of an unknown tool.
const INVALID_PARAMS: i64 = -32602;

/// `toolgate demo-server`: serves until its input ends.
pub fn run() -> Result<Exit, CliError> {
    let server = Server::new().map_err(CliError::failure)?;
    let served = server.serve(io::stdin().lock(), io::stdout().lock());
    served.map_err(CliError::failure)?;
    Ok(Exit::Done)
}

struct Server {
    tools: Json,
    contracts: Json,
}

/// A JSON-RPC error: its code and message.
type Failure = (i64, String);

impl Server {
    fn new() -> Result<Self, crate::model::json::JsonError> {
        Ok(Self {
            tools: parse(TOOLS.as_bytes(), Limits::REQUEST)?,
            contracts: parse(CONTRACTS.as_bytes(), Limits::REQUEST)?,
        })
    }

    fn serve(&self, input: impl BufRead, mut output: impl Write) -> io::Result<()> {
        for line in input.split(b'\n') {
            if let Some(answer) = self.answer(&line?) {
                let mut bytes = answer.to_bytes();
                bytes.push(b'\n');
                output.write_all(&bytes)?;
                output.flush()?;
            }
        }
        Ok(())
    }

    /// The answer to a message; `None` where there is none to give.
    fn answer(&self, line: &[u8]) -> Option<Json> {
        let Ok(message) = parse(line, Limits::REQUEST) else {
            let failure = (PARSE_ERROR, "Parse error".to_owned());
            return Some(response(Json::Null, Err(failure)));
        };
        let id = message.get("id")?.clone();
        let method = message.get("method")?.as_str()?;
        Some(response(id, self.call(method, message.get("params"))))
    }

    fn call(&self, method: &str, params: Option<&Json>) -> Result<Json, Failure> {
        match method {
            "initialize" => Ok(initialize(params)),
            "ping" => Ok(Object::new().into()),
            "tools/list" => Ok(Json::object([("tools", self.tools.clone())])),
            "tools/call" => self.call_tool(params),
            _ => Err((METHOD_NOT_FOUND, format!("Method not found: {method}"))),
        }
    }

    fn call_tool(&self, params: Option<&Json>) -> Result<Json, Failure> {
        let name = params.and_then(|it| it.get("name")?.as_str());
        let arguments = params.and_then(|it| it.get("arguments"));
        let text = |argument: &str| {
            let value = arguments.and_then(|it| it.get(argument)?.as_str());
            value.unwrap_or_default()
        };
        let structured = match name.unwrap_or_default() {
            "read_contract" => self.contract(text("contract_id")).cloned(),
            "sign_contract" => self.contract(text("contract_id")).map(|_| {
                Json::object([("contract_id", text("contract_id")), ("status", "signed")])
            }),
            "send_email" => Some(sent(arguments)),
            "log_event" => Some(Json::object([("logged", text("message"))])),
            name => return Err((INVALID_PARAMS, format!("Unknown tool: {name}"))),
        };
        Ok(structured.map_or_else(no_contract, tool_result))
    }

    fn contract(&self, id: &str) -> Option<&Json> {
        let mut contracts = self.contracts.as_array()?.iter();
        contracts.find(|it| it.get("contract_id").and_then(Json::as_str) == Some(id))
    }
}

fn initialize(params: Option<&Json>) -> Json {
    let asked = params.and_then(|it| it.get("protocolVersion")?.as_str());
    let spoken = asked.filter(|asked| PROTOCOLS.contains(asked));
    let info = [("name", "demo"), ("version", env!("CARGO_PKG_VERSION"))];
    Json::object([
        ("protocolVersion", Json::from(spoken.unwrap_or(PROTOCOL))),
        ("capabilities", Json::object([("tools", Object::new())])),
        ("serverInfo", Json::object(info)),
    ])
}

/// All that the server was told to send, so that one sees what arrived.
fn sent(arguments: Option<&Json>) -> Json {
    let arguments = arguments.and_then(Json::as_object).cloned();
    let mut sent = arguments.unwrap_or_default();
    sent.remove("body");
    sent.insert("sent", true);
    sent.into()
}

/// The result as structure and, as the protocol asks for, as text too.
fn tool_result(structured: Json) -> Json {
    Json::object([
        ("content", content(structured.to_string())),
        ("structuredContent", structured),
        ("isError", false.into()),
    ])
}

fn no_contract() -> Json {
    Json::object([
        ("content", content("There is no such contract.".to_owned())),
        ("isError", true.into()),
    ])
}

fn content(text: String) -> Json {
    let item = [("type", Json::from("text")), ("text", text.into())];
    Json::array([Json::object(item)])
}

fn response(id: Json, outcome: Result<Json, Failure>) -> Json {
    let (part, value) = match outcome {
        Ok(result) => ("result", result),
        Err((code, message)) => {
            let error = [("code", Json::from(code)), ("message", message.into())];
            ("error", Json::object(error))
        }
    };
    Json::object([("jsonrpc", Json::from("2.0")), ("id", id), (part, value)])
}
