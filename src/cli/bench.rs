//! `toolgate bench`.

use super::bundles::{self, EngineArg};
use super::{CliError, Exit, Output, document, findings};
use crate::bundle::compile::compile;
use crate::decide::decide;
use crate::engine::{Input, Package, PolicySet, STACK_BYTES};
use crate::model::call::Given;
use crate::model::finding::Severity;
use crate::model::json::Json;
use crate::telemetry::now;
use clap::Args;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longest that one measurement may take, in seconds.
const SECONDS_MAX: u64 = 600;
/// Most decisions of which the time is kept.
const SAMPLES_MAX: usize = 1_000_000;
/// Decisions before the first that counts.
const WARM_UP_DECISIONS: usize = 100;

/// Measure how long your policies take for one input.
///
/// Decides in this process, on one thread, without gRPC and without a log. Says how long a
/// decision takes, and for each package its part, its instructions and its evaluator. Figures of
/// one machine and one input; compare runs on the same machine. Allocations are not counted.
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
        let compiled = compile(bundles::read(&self.bundle)?, &options, 1);
        let set = compiled
            .map_err(|refused| findings::refused(&refused))?
            .into_set();
        // Policies recurse: they are evaluated on a stack that none exhausts.
        let (effect, whole, parts) = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
            let measuring = thread.spawn_scoped(scope, || self.measure(&set, &given));
            let measured = measuring.map_err(CliError::failure)?.join();
            measured.map_err(|_| CliError::failure("deciding panicked"))?
        })?;
        match output.is_json() {
            true => output.json(&json(effect, &whole, &parts)),
            false => show(output, effect, &whole, &parts),
        }
        Ok(Exit::Done)
    }

    fn measure(
        &self,
        set: &PolicySet,
        given: &Given,
    ) -> Result<(&'static str, Times, Vec<Part>), CliError> {
        let time = given.time.unwrap_or_else(now);
        let (request, facts) = (&given.request, &given.facts);
        let seconds = Duration::from_secs(self.seconds);
        let effect = decide(set, request, facts, time).0.effect.as_str();
        let whole = Times::of(seconds, || drop(decide(set, request, facts, time)));
        let input = request.to_input(&facts.facts, &facts.labels, time);
        let input = Input::new(&input).map_err(CliError::unusable)?;
        let packages = set.packages().iter();
        let applicable: Vec<&Package> = packages
            .filter(|package| package.applies_to(&request.mcp.server))
            .collect();
        let count = u32::try_from(applicable.len().max(1)).unwrap_or(u32::MAX);
        let share = seconds.checked_div(count).unwrap_or_default();
        let part = |package: &Package| Part {
            name: package.name.clone(),
            engine: package.engine.as_str(),
            times: Times::of(share, || {
                drop(set.evaluate(std::iter::once(package), &input))
            }),
            instructions: set.instructions(package, &input),
        };
        let mut parts: Vec<Part> = applicable.into_iter().map(part).collect();
        parts.sort_by_key(|part| std::cmp::Reverse(part.times.mean()));
        Ok((effect, whole, parts))
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

fn show(output: &Output, effect: &str, whole: &Times, parts: &[Part]) {
    let part = |part: &Part| {
        vec![
            part.name.clone(),
            part.engine.to_owned(),
            micros(part.times.percentile(50)),
            micros(part.times.percentile(99)),
            format!("{} %", share(part, parts)),
            part.instructions
                .map_or("-".to_owned(), |count| count.to_string()),
        ]
    };
    let mut rows = vec![vec![
        format!("decision ({effect})"),
        "-".to_owned(),
        micros(whole.percentile(50)),
        micros(whole.percentile(99)),
        "-".to_owned(),
        "-".to_owned(),
    ]];
    rows.extend(parts.iter().map(part));
    output.table(
        &[
            "WHAT",
            "ENGINE",
            "P50 µs",
            "P99 µs",
            "OF PACKAGES",
            "INSTRUCTIONS",
        ],
        &rows,
    );
}

fn json(effect: &str, whole: &Times, parts: &[Part]) -> Json {
    let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let part = |part: &Part| {
        Json::object([
            ("package", Json::from(part.name.as_str())),
            ("engine", part.engine.into()),
            ("p50_ns", nanos(part.times.percentile(50)).into()),
            ("p99_ns", nanos(part.times.percentile(99)).into()),
            ("percent_of_packages", share(part, parts).into()),
            (
                "instructions",
                part.instructions
                    .map_or(Json::Null, |count| number(count).into()),
            ),
        ])
    };
    Json::object([
        ("effect", Json::from(effect)),
        ("decisions", number(whole.0.len()).into()),
        ("p50_ns", nanos(whole.percentile(50)).into()),
        ("p99_ns", nanos(whole.percentile(99)).into()),
        ("mean_ns", nanos(whole.mean()).into()),
        ("packages", Json::array(parts.iter().map(part))),
    ])
}
