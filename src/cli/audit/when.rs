//! Points in time, as people say them. All in UTC, as the log is.

use crate::model::time::Timestamp;
use crate::telemetry::now;
use std::str::FromStr;
use std::time::Duration;

const MINUTE_SECONDS: u64 = 60;
const HOUR_SECONDS: u64 = 60 * MINUTE_SECONDS;
const DAY_SECONDS: u64 = 24 * HOUR_SECONDS;

/// A point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When(pub(super) Timestamp);

/// The text names no point in time.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is no time: write `24h` (also m, d, w) for so long ago, `now`, `today`, `yesterday`, a day \
     such as `2026-11-21`, or a time such as `2026-11-21T10:00:00Z`"
)]
pub(super) struct WhenError(String);

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        read(text, now())
            .map(Self)
            .ok_or_else(|| WhenError(text.to_owned()))
    }
}

fn read(text: &str, now: Timestamp) -> Option<Timestamp> {
    match text {
        "now" => return Some(now),
        "today" => return Some(day_start(now, 0)),
        "yesterday" => return Some(day_start(now, 1)),
        _ => {}
    }
    let midnight = || Timestamp::parse_rfc3339(&format!("{text}T00:00:00Z"));
    let found = ago(text, now).or_else(|| Timestamp::parse_rfc3339(text));
    found.or_else(midnight)
}

/// `24h` before now.
fn ago(text: &str, now: Timestamp) -> Option<Timestamp> {
    let unit = text.chars().next_back()?;
    let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => MINUTE_SECONDS,
        'h' => HOUR_SECONDS,
        'd' => DAY_SECONDS,
        'w' => 7 * DAY_SECONDS,
        _ => return None,
    };
    let span = Duration::from_secs(count.checked_mul(seconds)?);
    let nanos = i64::try_from(span.as_nanos()).ok()?;
    Some(Timestamp::from_nanos(now.as_nanos().checked_sub(nanos)?))
}

fn day_start(now: Timestamp, days_before: i64) -> Timestamp {
    let day = i64::try_from(Duration::from_secs(DAY_SECONDS).as_nanos()).unwrap_or(i64::MAX);
    let days = now.as_nanos().div_euclid(day) - days_before;
    Timestamp::from_nanos(days.saturating_mul(day))
}

#[cfg(test)]
mod tests;
