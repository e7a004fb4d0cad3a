//! Log lines, on standard error: standard output belongs to a command's result, or to MCP.

use super::sampling::Sampling;
use crate::model::secret;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;
use tracing_subscriber::reload::Handle;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, layer::SubscriberExt, reload};

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people; coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

static FILTER: OnceLock<Handle<EnvFilter, Registry>> = OnceLock::new();

/// Starts logging at this level (`error`, `warn`, `info`, `debug`, `trace`). Once a process; a
/// second call changes nothing.
pub fn init(level: &str, format: LogFormat) {
    let (filter, handle) = reload::Layer::new(filter(level));
    let registry = tracing_subscriber::registry().with(filter).with(Sampling);
    let lines = fmt::layer().with_writer(|| Redacting(io::stderr()));
    let is_first = match format {
        LogFormat::Text => registry
            .with(
                lines
                    .with_target(false)
                    .with_ansi(io::stderr().is_terminal()),
            )
            .try_init()
            .is_ok(),
        LogFormat::Json => registry
            .with(lines.json().flatten_event(true))
            .try_init()
            .is_ok(),
    };
    if is_first {
        // Set once, since logging starts once.
        let _first = FILTER.set(handle);
    }
}

/// Logs at another level from now on. Without `init` nothing is logged, and this changes nothing.
pub fn set_level(level: &str) {
    if let Some(handle) = FILTER.get() {
        // Gone is the subscriber only at the end of the process.
        let _gone = handle.reload(filter(level));
    }
}

/// Other crates stay quiet whatever the level: a file watcher that logs what it watches never comes
/// to an end where the log is among it.
fn filter(level: &str) -> EnvFilter {
    EnvFilter::try_new(format!("warn,toolgate={level}")).unwrap_or_else(|_| EnvFilter::new("info"))
}

/// Takes secrets out of what is written: a name or an error that somebody sent may be one. Whoever
/// writes a line writes it in one piece.
struct Redacting<W>(W);

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match secret::may_hold(line) {
            false => self.0.write_all(line)?,
            true => {
                let text = String::from_utf8_lossy(line);
                self.0.write_all(secret::redacted(&text).as_bytes())?;
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests;
