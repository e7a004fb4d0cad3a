//! Bundles and evaluators as commands are given them.

use super::CliError;
use crate::bundle::load::read_and_verify;
use crate::bundle::source::Source;
use crate::bundle::verify::Verified;
use crate::decide;
use crate::engine::{EvaluationLimits, Options};
use crate::model::bundle::Sources;
use crate::model::finding::Severity;
use crate::model::revision::EngineChoice;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest that evaluating one package may take, in seconds. Nobody waits for a call here, and a
/// slow machine should not change an answer; the limit on instructions is that of a server.
const EVALUATION_SECONDS_MAX: u64 = 5;

/// Which evaluator runs policies.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct EngineArg {
    /// Which evaluator runs the policies: `auto` takes the register machine wherever the gate lets
    /// it.
    #[arg(long, default_value = "auto", value_parser = engine_parser())]
    engine: EngineChoice,
}

fn engine_parser() -> impl TypedValueParser<Value = EngineChoice> {
    let names = PossibleValuesParser::new(["auto", "rvm", "interpreter"]);
    names.map(|name| EngineChoice::parse(&name).unwrap_or_default())
}

impl EngineArg {
    /// How policies are compiled and run by a command.
    pub(super) fn options(self, fail_open: Severity) -> Options {
        options(self.engine, fail_open)
    }
}

/// How policies are compiled and run by a command.
pub(super) fn options(choice: EngineChoice, fail_open: Severity) -> Options {
    Options {
        choice,
        fail_open,
        replicas: NonZeroUsize::MIN,
        limits: EvaluationLimits {
            wall_time_max: Duration::from_secs(EVALUATION_SECONDS_MAX),
            ..EvaluationLimits::default()
        },
        // A command asks once, and a benchmark means what it asks.
        memo_answers_max: 0,
        element: decide::check_element,
    }
}

/// Reads bundles and puts them together into one set.
pub(super) fn read(paths: &[PathBuf]) -> Result<Verified<Sources>, CliError> {
    read_and_verify(&sources(paths)).map_err(CliError::unusable)
}

/// The bundles at these paths, each under a name of its own.
pub(super) fn sources(paths: &[PathBuf]) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for path in paths {
        let is_free = |name: &String| sources.iter().all(|source| source.name != *name);
        let own = bundle_name(path).filter(is_free);
        let numbered = || {
            let names = (1..).map(|number: u64| format!("bundle-{number}"));
            names.into_iter().find(is_free)
        };
        sources.push(Source {
            name: own.or_else(numbered).unwrap_or_default(),
            path: path.clone(),
            servers: None,
        });
    }
    sources
}

/// The file's name without its ending, if that does for a bundle.
fn bundle_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let endings = [".tar.gz", ".tgz", ".rego"];
    let stem = endings.iter().find_map(|ending| name.strip_suffix(ending));
    let name = stem.unwrap_or(name);
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let is_short = name.len() <= crate::bundle::verify::NAME_BYTES_MAX;
    (starts_well && is_short && name.chars().all(fits)).then(|| name.to_owned())
}
