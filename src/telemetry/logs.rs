//! Log lines, on standard error: standard output belongs to a command's result, or to MCP.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging at this level (`error`, `warn`, `info`, `debug`, `trace`). Once a process; a
/// second call changes nothing.
pub fn init(level: &str, format: LogFormat) {
    // Other crates stay quiet whatever the level: a file watcher that logs what it watches never
    // comes to an end where the log is among it.
    let filter = EnvFilter::try_new(format!("warn,toolgate={level}"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let _first = match format {
        LogFormat::Text => builder
            .with_target(false)
            .with_ansi(std::io::stderr().is_terminal())
            .try_init()
            .is_ok(),
        LogFormat::Json => builder.json().flatten_event(true).try_init().is_ok(),
    };
}
