//! `toolgate bench`.

mod allocations;

use super::bundles::{self, EngineArg};
use super::{CliError, Exit, Output, document, findings};
use crate::bundle::compile::compile;
use crate::decide::decide;
use crate::engine::{Input, Options, Package, PolicySet, RuleCost, STACK_BYTES, rule_costs};
use crate::model::bundle::Sources;
use crate::model::call::Given;
use crate::model::finding::Severity;
use crate::model::json::Json;
use crate::telemetry::now;
use allocations::Allocations;
use clap::Args;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longest that one measurement may take, in seconds.
const SECONDS_MAX: u64 = 600;
/// Most decisions of which the time is kept.
const SAMPLES_MAX: usize = 1_000_000;
/// Rules that a table shows.
const RULES_SHOWN_MAX: usize = 10;
/// Decisions before the first that counts.
const WARM_UP_DECISIONS: usize = 100;

/// Measure how long your policies take for one input.
///
/// Decides in this process, on one thread, without gRPC and without a log. Says how long a
/// decision takes, and for each package its part, its instructions and its evaluator; then the
/// rules that take most instructions, each evaluated alone. Figures of one machine and one input;
/// compare runs on the same machine. Allocations are counted where the command was built with
/// `--features count-allocations`.
#[derive(Debug, Args)]
pub struct Bench {
    /// A bundle: a directory, a `.rego` file or an OPA `.tar.gz`; several decide together.
    #[arg(long, value_name = "PATH", required = true)]
    bundle: Vec<PathBuf>,
    /// The input: a JSON or YAML file, or `-` for JSON on standard input.
    #[arg(long, value_name = "FILE", required = true)]
    input: PathBuf,
    #[command(flatten)]
    engine: EngineArg,
    /// How long to decide, and as long again to evaluate the packages one by one.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=SECONDS_MAX))]
    seconds: u64,
}

/// Times of something that was done often, sorted.
struct Times(Vec<Duration>);

impl Times {
    /// Does it until the time is over, at least once.
    fn of(time: Duration, mut once: impl FnMut()) -> Self {
        (0..WARM_UP_DECISIONS).for_each(|_| once());
        let begin = Instant::now();
        let mut times = Vec::new();
        while times.len() < SAMPLES_MAX && (times.is_empty() || begin.elapsed() < time) {
            let started = Instant::now();
            once();
            times.push(started.elapsed());
        }
        times.sort_unstable();
        Self(times)
    }

    /// The time that so many of a hundred are not above.
    fn percentile(&self, percent: usize) -> Duration {
        let at = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(at).copied().unwrap_or_default()
    }

    fn mean(&self) -> Duration {
        let all: Duration = self.0.iter().sum();
        let count = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        all.checked_div(count).unwrap_or_default()
    }
}

/// One package's part.
struct Part {
    name: String,
    engine: &'static str,
    times: Times,
    instructions: Option<usize>,
    allocations: Option<Allocations>,
}

/// All that was measured.
struct Measured {
    effect: &'static str,
    whole: Times,
    allocations: Option<Allocations>,
    parts: Vec<Part>,
    rules: Vec<RuleCost>,
}

impl Bench {
    /// Measures, and prints what came out.
    ///
    /// # Errors
    /// Unusable bundles or inputs.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let given = document::read(&self.input)?;
        let given = Given::from_input(&given).map_err(CliError::unusable)?;
        let options = self.engine.options(Severity::Warning);
        let sources = bundles::read(&self.bundle)?;
        let compiled = compile(sources.clone(), &options, 1);
        let set = compiled
            .map_err(|refused| findings::refused(&refused))?
            .into_set();
        // Policies recurse: they are evaluated on a stack that none exhausts.
        let measured = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let measure = || self.measure(&sources, &options, &set, &given);
            let measuring = thread.spawn_scoped(scope, measure);
            let measured = measuring.map_err(CliError::failure)?.join();
            measured.map_err(|_| CliError::failure("deciding panicked"))?
        })?;
        match output.is_json() {
            true => output.json(&json(&measured)),
            false => show(output, &measured),
        }
        Ok(Exit::Done)
    }

    fn measure(
        &self,
        sources: &Sources,
        options: &Options,
        set: &PolicySet,
        given: &Given,
    ) -> Result<Measured, CliError> {
        let time = given.time.unwrap_or_else(now);
        let (request, facts) = (&given.request, &given.facts);
        let seconds = Duration::from_secs(self.seconds);
        let effect = decide(set, request, facts, time).0.effect.as_str();
        let decision = || drop(decide(set, request, facts, time));
        let whole = Times::of(seconds, decision);
        let input = request.to_input(&facts.facts, &facts.labels, time);
        let input = Input::new(&input).map_err(CliError::unusable)?;
        let applicable: Vec<&Package> = set.applicable(&request.mcp.server).collect();
        let count = u32::try_from(applicable.len().max(1)).unwrap_or(u32::MAX);
        let share = seconds.checked_div(count).unwrap_or_default();
        let part = |package: &&Package| {
            let package = *package;
            let evaluation = || drop(set.evaluate(std::iter::once(package), &input));
            Part {
                name: package.name.clone(),
                engine: package.engine.as_str(),
                times: Times::of(share, evaluation),
                instructions: set.instructions(package, &input),
                allocations: allocations::of(evaluation),
            }
        };
        let mut parts: Vec<Part> = applicable.iter().map(part).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.times.mean()));
        let rules = rule_costs(sources, &applicable, options.limits, &input);
        Ok(Measured {
            effect,
            whole,
            allocations: allocations::of(decision),
            parts,
            rules: rules.map_err(|refused| findings::refused(&refused))?,
        })
    }
}

fn micros(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1e6)
}

/// The package's part of what all packages take, in percent.
fn share(part: &Part, parts: &[Part]) -> u64 {
    let all: Duration = parts.iter().map(|part| part.times.mean()).sum();
    let part = part.times.mean().as_nanos() * 100;
    let share = part.checked_div(all.as_nanos()).unwrap_or_default();
    u64::try_from(share).unwrap_or_default()
}

/// A count, or that there is none.
fn counted(count: Option<usize>) -> String {
    count.map_or("-".to_owned(), |count| count.to_string())
}

fn show(output: &Output, measured: &Measured) {
    let Measured { whole, parts, .. } = measured;
    let allocated = |allocations: Option<Allocations>| {
        let count = counted(allocations.map(|allocations| allocations.count));
        [
            count,
            counted(allocations.map(|allocations| allocations.bytes)),
        ]
    };
    let part = |part: &Part| {
        let columns = [
            part.name.clone(),
            part.engine.to_owned(),
            micros(part.times.percentile(50)),
            micros(part.times.percentile(99)),
            format!("{} %", share(part, parts)),
            counted(part.instructions),
        ];
        columns
            .into_iter()
            .chain(allocated(part.allocations))
            .collect()
    };
    let decision = [
        format!("decision ({})", measured.effect),
        "-".to_owned(),
        micros(whole.percentile(50)),
        micros(whole.percentile(99)),
        "-".to_owned(),
        "-".to_owned(),
    ];
    let decision = decision.into_iter().chain(allocated(measured.allocations));
    let mut rows: Vec<Vec<String>> = vec![decision.collect()];
    rows.extend(parts.iter().map(part));
    let headings = [
        "WHAT",
        "ENGINE",
        "P50 µs",
        "P99 µs",
        "OF PACKAGES",
        "INSTRUCTIONS",
        "ALLOCATIONS",
        "BYTES",
    ];
    output.table(&headings, &rows);
    let rule = |rule: &RuleCost| {
        vec![
            format!("{}:{}", rule.path, rule.line),
            format!("{}.{}", rule.package, rule.set.as_str()),
            counted(rule.instructions),
        ]
    };
    let rules: Vec<_> = measured
        .rules
        .iter()
        .take(RULES_SHOWN_MAX)
        .map(rule)
        .collect();
    if !rules.is_empty() {
        output.line("");
        output.table(&["RULE, ALONE", "SET", "INSTRUCTIONS"], &rules);
    }
}

fn json(measured: &Measured) -> Json {
    let Measured { whole, parts, .. } = measured;
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let counted = |count: Option<usize>| count.map_or(Json::Null, |count| number(count).into());
    let count = |it: Option<Allocations>| counted(it.map(|it| it.count));
    let bytes = |it: Option<Allocations>| counted(it.map(|it| it.bytes));
    let part = |part: &Part| {
        Json::object([
            ("package", Json::from(part.name.as_str())),
            ("engine", part.engine.into()),
            ("p50_ns", nanos(part.times.percentile(50)).into()),
            ("p99_ns", nanos(part.times.percentile(99)).into()),
            ("percent_of_packages", share(part, parts).into()),
            ("instructions", counted(part.instructions)),
            ("allocations", count(part.allocations)),
            ("allocated_bytes", bytes(part.allocations)),
        ])
    };
    let rule = |rule: &RuleCost| {
        Json::object([
            ("package", Json::from(rule.package.as_str())),
            ("set", rule.set.as_str().into()),
            ("file", rule.path.as_str().into()),
            ("line", u64::from(rule.line).into()),
            ("instructions", counted(rule.instructions)),
        ])
    };
    Json::object([
        ("effect", Json::from(measured.effect)),
        ("decisions", number(whole.0.len()).into()),
        ("p50_ns", nanos(whole.percentile(50)).into()),
        ("p99_ns", nanos(whole.percentile(99)).into()),
        ("mean_ns", nanos(whole.mean()).into()),
        ("allocations", count(measured.allocations)),
        ("allocated_bytes", bytes(measured.allocations)),
        ("packages", Json::array(parts.iter().map(part))),
        ("rules", Json::array(measured.rules.iter().map(rule))),
    ])
}
