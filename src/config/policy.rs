//! `[[bundles]]`, `[policy]` and `[limits]`.

use super::read::Section;
use super::{is_short_name, problem::Place};
use crate::model::revision::EngineChoice;
use std::path::{Path, PathBuf};

/// One bundle of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleConfig {
    /// Its name in errors, records and status.
    pub name: String,
    /// A directory, a Rego file or a `tar.gz`.
    pub path: PathBuf,
    /// Servers for which it may grant; `None`: every server. It may deny for any.
    pub servers: Option<Vec<String>>,
}

impl BundleConfig {
    pub(super) fn read(section: Section<'_>, base: &Path) -> Option<(Self, Place)> {
        let name = section.required_text("name");
        let path = section.required_text("path");
        let servers = section.texts("servers");
        for server in servers.iter().flatten().filter(|it| it.value.contains('*')) {
            let message = format!(
                "`bundles[].servers` lists exact names, not `{}`; leave it out for every server",
                server.value
            );
            section.problem(&server.place, message);
        }
        let place = section.place().clone();
        if let Some(name) = name.as_ref().filter(|name| !is_short_name(&name.value)) {
            section.problem(&name.place, not_a_name("bundles[].name", &name.value));
        }
        section.end();
        let names = |servers: Vec<super::read::Located<String>>| {
            servers.into_iter().map(|server| server.value).collect()
        };
        let bundle = Self {
            name: name?.value,
            path: base.join(path?.value),
            servers: servers.map(names),
        };
        Some((bundle, place))
    }
}

pub(super) fn not_a_name(key: &str, given: &str) -> String {
    format!("`{key}` must be 1 to 64 letters, digits, `.`, `_`, `:` or `-`, not `{given}`")
}

/// How policies are compiled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyConfig {
    /// Which evaluator runs them.
    pub engine: EngineChoice,
    /// What becomes of a deny that may fail open.
    pub fail_open: FailOpen,
}

/// What becomes of a policy whose deny may fail open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailOpen {
    /// The set is refused.
    #[default]
    Error,
    /// The set is loaded, with a warning.
    Warn,
}

impl PolicyConfig {
    pub(super) fn read(section: Section<'_>) -> Self {
        let engines = [
            ("auto", EngineChoice::Auto),
            ("rvm", EngineChoice::Rvm),
            ("interpreter", EngineChoice::Interpreter),
        ];
        let engine = section.choice("engine", &engines).unwrap_or_default();
        let lint = section.section("lint");
        let words = [("error", FailOpen::Error), ("warn", FailOpen::Warn)];
        let fail_open = lint.choice("fail_open", &words).unwrap_or_default();
        lint.end();
        section.end();
        Self { engine, fail_open }
    }
}

/// The limits of `docs/configuration.md`, each with its unit in its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest request.
    pub request_bytes_max: usize,
    /// Deepest JSON.
    pub json_depth_max: usize,
    /// Most calls in one `DecideBatch`.
    pub batch_calls_max: usize,
    /// Longest evaluation.
    pub evaluation_milliseconds_max: u64,
    /// Most instructions of one evaluation.
    pub evaluation_instructions_max: u64,
    /// Largest answer of the policies.
    pub evaluation_output_bytes_max: usize,
    /// Most decisions at once; beyond it `RESOURCE_EXHAUSTED`.
    pub in_flight_decisions_max: usize,
    /// Most unanswered decisions of one stream.
    pub stream_window_decisions_max: usize,
    /// How long a verdict may be used.
    pub verdict_valid_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes_max: 4 << 20,
            json_depth_max: 64,
            batch_calls_max: 512,
            evaluation_milliseconds_max: 20,
            evaluation_instructions_max: 200_000,
            evaluation_output_bytes_max: 1 << 20,
            in_flight_decisions_max: 4096,
            stream_window_decisions_max: 64,
            verdict_valid_seconds: 30,
        }
    }
}

impl Limits {
    pub(super) fn read(section: Section<'_>) -> Self {
        let default = Self::default();
        let size = |key, default: usize, range| {
            let read = section.count(key, default as u64, range);
            usize::try_from(read).unwrap_or(default)
        };
        let limits = Self {
            request_bytes_max: size(
                "request_bytes_max",
                default.request_bytes_max,
                1024..=64 << 20,
            ),
            json_depth_max: size("json_depth_max", default.json_depth_max, 4..=128),
            batch_calls_max: size("batch_calls_max", default.batch_calls_max, 1..=10_000),
            evaluation_milliseconds_max: section.count(
                "evaluation_milliseconds_max",
                default.evaluation_milliseconds_max,
                1..=10_000,
            ),
            evaluation_instructions_max: section.count(
                "evaluation_instructions_max",
                default.evaluation_instructions_max,
                1_000..=1_000_000_000,
            ),
            evaluation_output_bytes_max: size(
                "evaluation_output_bytes_max",
                default.evaluation_output_bytes_max,
                1024..=64 << 20,
            ),
            in_flight_decisions_max: size(
                "in_flight_decisions_max",
                default.in_flight_decisions_max,
                1..=1_000_000,
            ),
            stream_window_decisions_max: size(
                "stream_window_decisions_max",
                default.stream_window_decisions_max,
                1..=10_000,
            ),
            verdict_valid_seconds: section.count(
                "verdict_valid_seconds",
                default.verdict_valid_seconds,
                1..=3600,
            ),
        };
        section.end();
        limits
    }
}
