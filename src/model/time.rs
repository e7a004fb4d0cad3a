//! Points in time, given from outside: nothing that decides reads a clock.

use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use std::fmt;
use std::sync::Arc;

/// The length of a day, in nanoseconds.
const NANOS_OF_DAY: i64 = 86_400_000_000_000;

/// Tells the time; given from outside.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// From RFC 3339 text, such as `2026-11-21T10:00:00Z`; `None` if it is not that.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        DateTime::parse_from_rfc3339(text)
            .ok()?
            .timestamp_nanos_opt()
            .map(Self)
    }

    /// RFC 3339, UTC, whole seconds or as many decimals as are needed (3, 6 or 9).
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.format(SecondsFormat::AutoSi)
    }

    /// RFC 3339, UTC, microseconds: the form in the audit log.
    #[must_use]
    pub fn rfc3339_micros(self) -> String {
        self.format(SecondsFormat::Micros)
    }

    /// The month in UTC.
    #[must_use]
    pub fn month(self) -> Month {
        let date = DateTime::<Utc>::from_timestamp_nanos(self.0);
        Month {
            year: date.year(),
            month: date.month(),
        }
    }

    /// The day in UTC.
    #[must_use]
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(NANOS_OF_DAY))
    }

    fn format(self, decimals: SecondsFormat) -> String {
        DateTime::<Utc>::from_timestamp_nanos(self.0).to_rfc3339_opts(decimals, true)
    }

    /// This point in time, later by a duration; saturates.
    #[must_use]
    pub fn plus(self, duration: std::time::Duration) -> Self {
        let nanos = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// A day; the default is 1970-01-01.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(i64);

/// A month of a year; written as `2026-11`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Month {
    year: i32,
    month: u32,
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}
