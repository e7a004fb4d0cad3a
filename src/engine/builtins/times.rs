//! Times as OPA, that is Go, reads and shows them.

use chrono::NaiveDate;
use regorus::Value;

use super::bounded::give_up;
use super::{original, strings};

/// Nanoseconds of a second.
const SECOND_NS: i128 = 1_000_000_000;
/// The instants for which tables of zones agree: from 2000 to before 2100. Before, releases of the
/// tables tell the history of some zones differently; after, the tables of one end.
const ZONED_NS: std::ops::Range<i64> = 946_684_800 * 1_000_000_000..4_102_444_800 * 1_000_000_000;
/// Digits of a fraction of a second that count.
const FRACTION_DIGITS: usize = 9;

/// `time.clock(ns)`, `time.clock([ns, zone])`
pub(super) fn clock(arguments: &[Value]) -> Value {
    in_zone("time.clock", arguments)
}

/// `time.date(ns)`, `time.date([ns, zone])`
pub(super) fn date(arguments: &[Value]) -> Value {
    in_zone("time.date", arguments)
}

/// `time.weekday(ns)`, `time.weekday([ns, zone])`
pub(super) fn weekday(arguments: &[Value]) -> Value {
    in_zone("time.weekday", arguments)
}

/// The zone `Local` is that of the machine: an input that nobody sees, so that a recorded decision
/// could not be replayed elsewhere. Undefined here, unlike in OPA.
fn in_zone(name: &str, arguments: &[Value]) -> Value {
    let Some(Value::Array(parts)) = arguments.first() else {
        return original(name, arguments);
    };
    let zone = parts.get(1).and_then(|zone| zone.as_string().ok());
    let zone = zone.map(AsRef::as_ref).unwrap_or_default();
    if zone == "Local" {
        return Value::Undefined;
    }
    let answer = original(name, arguments);
    let instant = parts.first().and_then(|ns| ns.as_i64().ok());
    let agreed = instant.is_some_and(|ns| ZONED_NS.contains(&ns));
    if answer != Value::Undefined && !matches!(zone, "" | "UTC") && !agreed {
        give_up("times in zones, from 2000 to 2099");
    }
    answer
}

/// `time.parse_rfc3339_ns(text)`
pub(super) fn parse_rfc3339_ns(arguments: &[Value]) -> Value {
    let nanoseconds = strings(arguments).and_then(|[text]| nanoseconds(text));
    nanoseconds.map_or(Value::Undefined, Value::from)
}

/// Nanoseconds since 1970, as Go parses its layout `RFC3339`: the hour may have one digit, the
/// fraction a comma, and an offset 24 hours or 60 minutes.
fn nanoseconds(text: &str) -> Option<i64> {
    let mut rest = Text(text);
    let year = rest.digits(4)?;
    rest.take(b'-')?;
    let month = rest.digits(2)?;
    rest.take(b'-')?;
    let day = rest.digits(2)?;
    rest.take(b'T')?;
    let hour = rest.digits(2).or_else(|| rest.digits(1))?;
    rest.take(b':')?;
    let minute = rest.digits(2)?;
    rest.take(b':')?;
    let second = rest.digits(2)?;
    let fraction = rest.fraction();
    let offset_minutes = rest.offset()?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    if !rest.0.is_empty() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = i128::from(date.signed_duration_since(NaiveDate::default()).num_days());
    let minutes = (days * 24 + i128::from(hour)) * 60 + i128::from(minute) - offset_minutes;
    let seconds = minutes * 60 + i128::from(second);
    i64::try_from(seconds * SECOND_NS + fraction).ok()
}

/// What is left to be parsed.
struct Text<'a>(&'a str);

impl Text<'_> {
    fn take(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(char::from(byte))?;
        Some(())
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        self.0 = rest;
        digits.parse().ok()
    }

    /// A fraction of a second, in nanoseconds: further digits do not count.
    fn fraction(&mut self) -> i128 {
        let Some(after) = self.0.strip_prefix(['.', ',']) else {
            return 0;
        };
        let rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = after.strip_suffix(rest).unwrap_or_default();
        if digits.is_empty() {
            return 0;
        }
        self.0 = rest;
        let counted: String = digits.chars().take(FRACTION_DIGITS).collect();
        format!("{counted:0<FRACTION_DIGITS$}").parse().unwrap_or(0)
    }

    /// The offset from UTC, in minutes.
    fn offset(&mut self) -> Option<i128> {
        if self.take(b'Z').is_some() {
            return Some(0);
        }
        let sign = match (self.take(b'+'), self.take(b'-')) {
            (Some(()), None) => 1,
            (None, Some(())) => -1,
            _ => return None,
        };
        let hours = self.digits(2)?;
        self.take(b':')?;
        let minutes = self.digits(2)?;
        (hours <= 24 && minutes <= 60).then(|| sign * i128::from(hours * 60 + minutes))
    }
}
