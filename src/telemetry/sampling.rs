//! Lines of one kind that come again and again: so many of them in an interval are kept, and the rest
//! is counted and said in one line. What floods a log hides everything else in it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// The interval in which lines are counted.
pub const SAMPLING_INTERVAL: Duration = Duration::from_secs(10);
/// Longest text that a kind of lines is named by, in characters.
const KIND_CHARS_MAX: usize = 128;

/// Lines of one kind kept in an interval; 0: every line.
static LINES_MAX: AtomicU64 = AtomicU64::new(0);
static SAMPLER: Sampler<Identifier> = Sampler::new();

/// Keeps so many lines of one kind (of one place in the program) in `SAMPLING_INTERVAL` from now on;
/// 0: every line, as without a call of this.
pub fn set_lines_max(lines_max: u64) {
    LINES_MAX.store(lines_max, Ordering::Relaxed);
}

/// Says how many lines were left out in intervals that are over: to be called from time to time.
pub fn say_left_out() {
    say(SAMPLER.left_out(Instant::now()));
}

/// The same of intervals that are not over: at the end of the process.
pub fn say_all_left_out() {
    say(SAMPLER.left_out(Instant::now() + SAMPLING_INTERVAL));
}

fn say(left_out: Vec<Left>) {
    for left in left_out {
        let Left { kind, lines } = left;
        tracing::warn!(kind, lines, "lines like this one were left out");
    }
}

/// Lets lines pass, or not.
pub(super) struct Sampling;

impl<S: Subscriber> Layer<S> for Sampling {
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        let lines_max = LINES_MAX.load(Ordering::Relaxed);
        lines_max == 0 || {
            let kind = event.metadata().callsite();
            SAMPLER.admits(kind, lines_max, Instant::now(), || message(event))
        }
    }
}

/// What the line says, cut: that names its kind.
fn message(event: &Event<'_>) -> String {
    let mut message = Message(String::new());
    event.record(&mut message);
    message.0
}

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            let text = format!("{value:?}");
            self.0 = text.chars().take(KIND_CHARS_MAX).collect();
        }
    }
}

/// How many lines of one kind came in the interval.
#[derive(Debug)]
struct Count {
    since: Instant,
    lines: u64,
    left_out: u64,
    first: String,
}

/// Lines that were left out, and what the first of their interval said.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    kind: String,
    lines: u64,
}

/// Counts by kind: at most as many as there are places in the program that log.
struct Sampler<K> {
    counts: Mutex<Option<HashMap<K, Count>>>,
}

impl<K: std::hash::Hash + Eq> Sampler<K> {
    const fn new() -> Self {
        Self {
            counts: Mutex::new(None),
        }
    }

    fn counts(&self) -> MutexGuard<'_, Option<HashMap<K, Count>>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admits(&self, kind: K, lines_max: u64, now: Instant, say: impl Fn() -> String) -> bool {
        let mut counts = self.counts();
        let counts = counts.get_or_insert_default();
        let count = counts.entry(kind).or_insert_with(|| Count {
            since: now,
            lines: 0,
            left_out: 0,
            first: say(),
        });
        // What was left out before is said first: until then its interval goes on.
        if count.left_out == 0 && is_over(count.since, now) {
            (count.since, count.lines, count.first) = (now, 0, say());
        }
        count.lines = count.lines.saturating_add(1);
        let is_admitted = count.lines <= lines_max;
        if !is_admitted {
            count.left_out = count.left_out.saturating_add(1);
        }
        is_admitted
    }

    /// Ends the intervals that are over; gives what was left out in them.
    fn left_out(&self, now: Instant) -> Vec<Left> {
        let mut counts = self.counts();
        let mut left = Vec::new();
        counts.get_or_insert_default().retain(|_, count| {
            let is_over = is_over(count.since, now);
            if is_over && count.left_out > 0 {
                left.push(Left {
                    kind: std::mem::take(&mut count.first),
                    lines: count.left_out,
                });
            }
            !is_over
        });
        left
    }
}

fn is_over(since: Instant, now: Instant) -> bool {
    now.duration_since(since) >= SAMPLING_INTERVAL
}

#[cfg(test)]
mod tests;
