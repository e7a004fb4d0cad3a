//! `toolgate decide`.

mod explain;
mod local;
pub(super) mod remote;
mod show;
#[cfg(test)]
mod tests;

pub use explain::Explain;

use super::bundles::EngineArg;
use super::{CliError, Exit, Output, document};
use crate::model::call::Given;
use crate::model::json::{Json, Limits, parse};
use crate::wire::v1;
use clap::{ArgGroup, Args};
use local::Local;
use remote::Remote;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

/// Decide policy inputs, as a PDP or a bundle would.
///
/// Takes one policy input document of version 1 (docs/input.schema.json), or with `--lines` one a
/// line. Exits with 0 if all are granted (`allow` or `constrain`), with 3 if any is not, with 2 for
/// an input that cannot be used (the lines after it are decided all the same) and with 1 where the
/// PDP does not answer.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("judge").required(true).args(["pdp", "bundle"]).multiple(false))]
pub struct Decide {
    /// A PDP: `unix:/path`, `http://host:port` or `https://host:port`.
    #[arg(long, value_name = "URL")]
    pdp: Option<String>,
    /// A bundle, decided by in this process: nothing is recorded. Several decide together.
    #[arg(long, value_name = "PATH", conflicts_with_all = ["TlsArgs", "call_id"])]
    bundle: Vec<PathBuf>,
    #[command(flatten)]
    engine: EngineArg,
    #[command(flatten)]
    tls: remote::TlsArgs,
    /// With `--pdp`, in phase `result`: the call that the result belongs to.
    #[arg(long, value_name = "ID")]
    call_id: Option<String>,
    /// One document a line (NDJSON), one answer a line.
    #[arg(long)]
    lines: bool,
    /// Show each package's part in the decision. A PDP decides this as a dry run.
    #[arg(long)]
    explain: bool,
    /// The document: a JSON or YAML file, or `-` for JSON on standard input.
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
}

/// A decision, and each package's part in it where that was asked for.
struct Answer {
    decision: v1::DecideResponse,
    packages: Option<Vec<v1::PackageExplanation>>,
    /// Rules that a PDP does not tell of.
    rules_left_out: u32,
}

/// Who decides.
enum Judge {
    Local(Box<Local>),
    Remote(Remote),
}

impl Judge {
    fn decide(&self, given: Given, explain: bool) -> Result<Answer, CliError> {
        match self {
            Self::Local(local) => local.decide(&given, explain),
            Self::Remote(remote) => remote.decide(given, explain),
        }
    }
}

impl Decide {
    /// Decides and prints.
    ///
    /// # Errors
    /// Unusable inputs or bundles; a PDP that does not answer.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        match self.lines {
            true => self.decide_lines(output),
            false => self.decide_one(output),
        }
    }

    fn judge(&self, output: &Output) -> Result<Judge, CliError> {
        match &self.pdp {
            Some(url) => {
                let remote = Remote::new(url, &self.tls, self.call_id.clone())?;
                output.note("the PDP goes by its own time, tenant, session and roles: those of the input are only asked for");
                Ok(Judge::Remote(remote))
            }
            None => {
                let local = Local::new(&self.bundle, self.engine)?;
                output.note("decided in this process: nothing is recorded");
                Ok(Judge::Local(Box::new(local)))
            }
        }
    }

    fn decide_one(&self, output: &Output) -> Result<Exit, CliError> {
        let given = given(&document::read(&self.file)?)?;
        let answer = self.judge(output)?.decide(given, self.explain)?;
        match output.is_json() {
            true => output.json(&show::json(&answer)),
            false => show::whole(output, &answer),
        }
        Ok(exit(&answer))
    }

    fn decide_lines(&self, output: &Output) -> Result<Exit, CliError> {
        let shown = document::shown(&self.file);
        let unreadable = |error| CliError::unusable(format!("cannot read `{shown}`: {error}"));
        let mut lines = BufReader::new(document::open(&self.file).map_err(unreadable)?);
        let judge = self.judge(output)?;
        let mut all = Exit::Done;
        for number in 1_u64.. {
            let mut line = Vec::new();
            let most = u64::try_from(Limits::REQUEST.bytes_max).map_or(u64::MAX, |max| max + 1);
            let read = lines.by_ref().take(most).read_until(b'\n', &mut line);
            if read.map_err(unreadable)? == 0 {
                break;
            }
            if line.trim_ascii().is_empty() {
                continue;
            }
            // What is left of a line that is too long is no line of its own.
            if !line.ends_with(b"\n") {
                lines.skip_until(b'\n').map_err(unreadable)?;
            }
            let in_line = |error: CliError| CliError {
                message: format!("line {number}: {}", error.message),
                ..error
            };
            let answer = parse_line(&line)
                .and_then(|input| given(&input))
                .and_then(|given| judge.decide(given, self.explain))
                .map_err(in_line);
            all = match answer {
                Ok(answer) => {
                    match output.is_json() {
                        true => output.json(&show::json(&answer)),
                        false => show::line(output, &answer),
                    }
                    worse(all, exit(&answer))
                }
                // One that cannot be used does not keep the others from their answers.
                Err(error) if error.exit == Exit::Unusable => {
                    match output.is_json() {
                        true => output.json(&Json::object([("error", error.to_string())])),
                        false => output.line("unusable\t\t"),
                    }
                    output.error(error.to_string());
                    Exit::Unusable
                }
                Err(error) => return Err(error),
            };
        }
        Ok(all)
    }
}

fn parse_line(line: &[u8]) -> Result<Json, CliError> {
    parse(line, Limits::REQUEST)
        .map_err(|error| CliError::unusable(format!("no valid JSON: {error}")))
}

fn given(input: &Json) -> Result<Given, CliError> {
    Given::from_input(input).map_err(CliError::unusable)
}

/// How all end of which these are two: what cannot be used counts more than a deny.
const fn worse(one: Exit, other: Exit) -> Exit {
    match (one, other) {
        (Exit::Done, other) => other,
        (one, _) => one,
    }
}

fn exit(answer: &Answer) -> Exit {
    match answer.decision.effect() {
        v1::Effect::Allow | v1::Effect::Constrain => Exit::Done,
        v1::Effect::Deny | v1::Effect::RequireApproval | v1::Effect::Unspecified => Exit::No,
    }
}
