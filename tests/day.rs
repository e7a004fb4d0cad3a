//! One day of life in a minute: everything that can change does, rightly or wrongly, while callers
//! ask, and a simple model says what they may be told.
//!
//! `TOOLGATE_DAY_SECONDS` makes it longer, `TOOLGATE_DAY_SEED` gives another day, or the same again, as
//! far as it does not depend on what was answered first.

mod callers;
pub mod changes;
mod driver;
mod evidence;
mod model;
pub mod scene;
mod steps;
mod wrong;

use crate::server::block_on;
use callers::Heard;
use driver::Driver;
use scene::TENANTS;
use serde_json::Value;
use std::time::{Duration, Instant};
use steps::Step;
use tokio::task::JoinHandle;

/// How long a day is at least, unless something else is asked for. It is as long as it takes to do
/// everything once.
const DAY_SECONDS: u64 = 12;
const SEED: u64 = 0x1dea_11fe;
/// Problems that are told of.
const PROBLEMS_MAX: usize = 5;
/// Changes that are told of beside them.
const CHANGES_MAX: usize = 40;

/// A number from the environment.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Adds figures to the file of `TOOLGATE_SOAK_JSON`, if there is one.
pub fn write_figures(figures: &[(&str, f64)]) {
    let Ok(path) = std::env::var("TOOLGATE_SOAK_JSON") else {
        return;
    };
    let before = std::fs::read(&path).unwrap_or_else(|_| b"{}".to_vec());
    let mut all: serde_json::Map<String, Value> = serde_json::from_slice(&before).unwrap();
    let figures = figures.iter();
    all.extend(figures.map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
    let text = serde_json::to_string_pretty(&all).unwrap() + "\n";
    std::fs::write(path, text).unwrap();
}

/// Says how to have the same day again if it ends badly.
struct Told<'a>(&'a mut Driver, u64);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let done = &self.0.done;
            let last = done.len().saturating_sub(CHANGES_MAX);
            eprintln!("the day of TOOLGATE_DAY_SEED={}, its last changes:", self.1);
            eprintln!("{}", done[last..].join("\n"));
            eprintln!("{}", self.0.scene.said());
        }
    }
}

#[test]
fn a_day_of_life() {
    let seconds = setting("TOOLGATE_DAY_SECONDS", DAY_SECONDS);
    let seed = setting("TOOLGATE_DAY_SEED", SEED).max(1);
    block_on(async {
        let mut driver = Driver::start(seed).await;
        let told = Told(&mut driver, seed);
        let callers = callers(told.0);
        let started = Instant::now();
        let (mut steps, mut slowest) = (0, (Duration::ZERO, Step::Edit));
        let mut once = Step::ALL.to_vec();
        while !once.is_empty() || started.elapsed() < Duration::from_secs(seconds) {
            let step = match once.is_empty() {
                false => once.remove(0),
                true => Step::any(&mut told.0.random),
            };
            let begun = Instant::now();
            told.0.step(step).await;
            slowest = slowest.max((begun.elapsed(), step));
            steps += 1;
        }
        let (heard, took) = (evening(told.0, callers).await, started.elapsed());
        let problems = problems(told.0, &heard);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        let records = evidence::check(told.0, &heard);
        let lives = told.0.scene.place.life + 1;
        println!(
            "a day of {:.1} s, seed {seed}: {steps} steps, {lives} processes, {} verdicts, \
             {} questions lost in restarts, {records} records; the slowest step {slowest:.1?}",
            took.as_secs_f64(),
            heard.verdicts.len(),
            heard.lost.len(),
        );
        let (slowest_step, _) = slowest;
        write_figures(&[
            ("day_seconds", took.as_secs_f64()),
            ("day_seed", seed as f64),
            ("day_steps", f64::from(steps)),
            ("day_processes", lives as f64),
            ("day_verdicts", heard.verdicts.len() as f64),
            ("day_questions_lost_in_restarts", heard.lost.len() as f64),
            ("day_records", records as f64),
            ("day_slowest_step_seconds", slowest_step.as_secs_f64()),
        ]);
    });
}

fn callers(driver: &Driver) -> Vec<JoinHandle<Heard>> {
    let mut callers = vec![tokio::spawn(driver.caller().gateway())];
    for tenant in 0..TENANTS.len() {
        callers.push(tokio::spawn(driver.caller().unary(tenant)));
        callers.push(tokio::spawn(driver.caller().stream(tenant)));
        callers.push(tokio::spawn(driver.caller().watcher(tenant)));
    }
    callers
}

/// Ends the callers, then the process; gives all that was heard.
async fn evening(driver: &mut Driver, callers: Vec<JoinHandle<Heard>>) -> Heard {
    let mut all = std::mem::take(&mut driver.heard);
    // Nobody tells of places any more: that is the callers' end.
    driver.places = tokio::sync::watch::channel(driver.scene.place).0;
    for (number, caller) in callers.into_iter().enumerate() {
        let heard = caller.await.unwrap();
        assert!(
            heard.verdicts.len() + heard.told.len() > TENANTS.len(),
            "caller {number}"
        );
        // A stream's answers come in any order.
        if number % 3 != 2 {
            evidence::versions_grow(&heard);
        }
        all.add(heard);
    }
    let process = driver.scene.process.take().unwrap();
    process.terminate();
    assert!(process.ended().await.success());
    all
}

fn problems(driver: &mut Driver, heard: &Heard) -> Vec<String> {
    let model = &mut driver.model;
    let wrong = heard.verdicts.iter().filter_map(|it| model.check(it).err());
    let mut problems: Vec<_> = wrong.take(PROBLEMS_MAX).collect();
    let lost = heard
        .lost
        .iter()
        .filter_map(|it| model.check_lost(it).err());
    problems.extend(lost.take(PROBLEMS_MAX));
    problems
}
