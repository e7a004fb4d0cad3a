//! What is called, how often, and what was seen.

use crate::inputs::{CASES, Case, Result};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use toolgate::wire::v1::Effect;

const WARM_UP: Duration = Duration::from_millis(700);

/// The case of this name.
pub fn case(name: &str) -> Result<Case> {
    let found = CASES.into_iter().find(|case| case.name == name);
    found.ok_or_else(|| format!("there is no case `{name}`").into())
}

/// What is to be called, and for how long.
pub struct Plan {
    pub socket: String,
    pub case: Case,
    measure: Duration,
}

/// The time of each call and how often which effect came back.
#[derive(Default)]
pub struct Seen {
    nanos: Vec<u64>,
    effects: BTreeMap<Effect, u64>,
    /// Calls outside the measured time, too: for what is counted over a whole run.
    calls_in_all: u64,
}

/// One call: gives the effects of as many answers as it brought.
pub trait Call: Send + 'static {
    fn call(&mut self) -> impl Future<Output = Result<Effect>> + Send;
}

impl Plan {
    pub fn new(socket: &str, case_name: &str, seconds: &str) -> Result<Self> {
        Ok(Self {
            socket: socket.to_owned(),
            case: case(case_name)?,
            measure: Duration::from_secs_f64(seconds.parse()?),
        })
    }

    /// Each caller calls again as soon as it has its answer.
    pub async fn closed<C: Call>(&self, callers: Vec<C>) -> Result<()> {
        let start = Instant::now() + WARM_UP;
        let end = start + self.measure;
        let mut running = JoinSet::new();
        for caller in callers {
            running.spawn(async move {
                let seen = repeat(caller, start, end).await;
                seen.map_err(|error| error.to_string())
            });
        }
        let mut all = Seen::default();
        while let Some(seen) = running.join_next().await {
            all.add(seen??);
        }
        all.print(self.measure, self.case);
        Ok(())
    }

    /// Calls at this rate, however long answers take.
    pub async fn open<C: Call + Clone>(&self, callers: Vec<C>, rate: f64) -> Result<()> {
        let begin = Instant::now();
        let (start, end) = (begin + WARM_UP, begin + WARM_UP + self.measure);
        let mut running = JoinSet::new();
        let mut all = Seen::default();
        let mut callers = callers.iter().cycle();
        for number in 0_u32.. {
            let due = begin + Duration::from_secs_f64(f64::from(number) / rate);
            if due >= end {
                break;
            }
            // The core is this program's own: it looks at the clock until it is time.
            while Instant::now() < due {
                tokio::task::yield_now().await;
            }
            let mut caller = callers.next().ok_or("no callers")?.clone();
            running.spawn(async move {
                let effect = caller.call().await.map_err(|error| error.to_string());
                effect.map(|effect| (effect, due, Instant::now()))
            });
            while let Some(done) = running.try_join_next() {
                let (effect, due, done) = done??;
                all.count(effect, due, done, start);
            }
        }
        while let Some(done) = running.join_next().await {
            let (effect, due, done) = done??;
            all.count(effect, due, done, start);
        }
        all.print(self.measure, self.case);
        Ok(())
    }
}

async fn repeat(mut caller: impl Call, start: Instant, end: Instant) -> Result<Seen> {
    let mut seen = Seen::default();
    loop {
        let before = Instant::now();
        let effect = caller.call().await?;
        let after = Instant::now();
        if after >= end {
            seen.calls_in_all += 1;
            return Ok(seen);
        }
        seen.count(effect, before, after, start);
    }
}

impl Seen {
    pub fn count(&mut self, effect: Effect, before: Instant, after: Instant, start: Instant) {
        self.calls_in_all += 1;
        if before >= start {
            let nanos = after.duration_since(before).as_nanos();
            self.nanos.push(u64::try_from(nanos).unwrap_or(u64::MAX));
            *self.effects.entry(effect).or_default() += 1;
        }
    }

    pub fn add(&mut self, other: Self) {
        self.nanos.extend(other.nanos);
        self.calls_in_all += other.calls_in_all;
        for (effect, count) in other.effects {
            *self.effects.entry(effect).or_default() += count;
        }
    }

    pub fn print(mut self, measured: Duration, case: Case) {
        self.nanos.sort_unstable();
        let at = |share: f64| {
            let index = (self.nanos.len() as f64 * share) as usize;
            self.nanos
                .get(index)
                .map_or(0.0, |nanos| *nanos as f64 / 1000.0)
        };
        let effects: BTreeMap<String, u64> = self
            .effects
            .iter()
            .map(|(effect, count)| {
                let name = effect.as_str_name().trim_start_matches("EFFECT_");
                (name.to_lowercase(), *count)
            })
            .collect();
        let line = serde_json::json!({
            "calls": self.nanos.len(),
            "calls_in_all": self.calls_in_all,
            "seconds": measured.as_secs_f64(),
            "p50_us": at(0.5),
            "p99_us": at(0.99),
            "effects": effects,
            "expected": case.effect,
        });
        println!("{line}");
    }
}
