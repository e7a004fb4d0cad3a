//! `toolgate demo --interactive`: what to type next, while the PDP runs on.

use super::client::shim_arguments;
use super::pdp::DemoPdp;
use super::workspace::Workspace;
use crate::cli::CliError;
use crate::cli::output::Output;
use crate::model::json::{Json, Object};
use crate::telemetry;
use tokio::signal::unix::{SignalKind, signal};

/// What asks for a decision.
const QUESTION: &str = r#"{"phase": "PHASE_CALL", "asserted": {"id": "agent_analytics"}, "mcp": {"server": "crm", "method": "tools/call", "name": "delete_customer_record"}}"#;

/// Says what can be done, and waits for Ctrl-C.
pub async fn wait(output: &Output, workspace: &Workspace, pdp: DemoPdp) -> Result<(), CliError> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(CliError::failure)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::failure)?;
    telemetry::init("info", telemetry::LogFormat::Text);
    // With `--output json` standard output holds one document.
    let say = |text: String| match output.is_json() {
        true => output.note(text),
        false => output.line(text),
    };
    for (title, text) in hints(workspace)? {
        say(format!("\n{title}\n{text}"));
    }
    say("\nThe PDP runs until Ctrl-C; then its directory is removed.\n".to_owned());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    pdp.stop().await
}

fn hints(workspace: &Workspace) -> Result<Vec<(&'static str, String)>, CliError> {
    let program = std::env::current_exe().map_err(CliError::failure)?;
    let shown = program.display();
    let socket = workspace.socket();
    let grpcurl = "  grpcurl -plaintext -unix";
    let socket = socket.display();
    let arguments = shim_arguments(workspace, "agent_customer", &program);
    let arguments = arguments.iter().map(|it| it.to_string_lossy().into_owned());
    let shim = Json::object([
        ("command", Json::from(shown.to_string())),
        ("args", Json::array(arguments)),
    ]);
    let audit = workspace.audit();
    let audit = audit.display();
    let key = format!("  {shown} audit keygen --show {audit}/signing.key > log.vkey");
    let servers = Object::from_iter([("demo", shim)]);
    let client = Json::object([("mcpServers", servers)]);
    Ok(vec![
        (
            "What is in force:",
            format!("{grpcurl} {socket} toolgate.v1.PolicyService/GetStatus"),
        ),
        (
            "A decision:",
            format!("{grpcurl} -d '{QUESTION}' {socket} toolgate.v1.DecisionService/Decide"),
        ),
        (
            "The demo's MCP server behind a shim, for a client's configuration:",
            format!("  {client}"),
        ),
        (
            "Policies to edit; what is saved is in force within a second:",
            format!("  {}", workspace.bundle().display()),
        ),
        ("The log's key, for whoever is to check it:", key),
        (
            "Is it whole, and signed by that key?",
            format!("  {shown} audit verify {audit} --key log.vkey"),
        ),
        (
            "Who called read_contract, and why was it allowed?",
            format!("  {shown} audit query --dir {audit} --tool read_contract --since yesterday"),
        ),
    ])
}
