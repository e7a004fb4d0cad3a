//! What objects of the archive are called.
//!
//! `<tier>/<origin>/log-<first seq>-<day>.jsonl.zst`, the day being that of the segment's last
//! record, so that its age is known without reading it; `tree/<origin>/<file>` for the tree's. An
//! origin is one part of a name: what is no letter, digit, `_` or `-` in it is written as `=` and its two hexadecimal digits.

use super::Tiers;
use crate::model::time::Timestamp;
use std::time::Duration;

/// One day.
const DAY: Duration = Duration::from_secs(86_400);
/// Digits of a seq.
const SEQ_DIGITS: usize = 20;

/// How old what a tier holds is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Also on the local disk.
    Hot,
    /// In the store alone.
    Warm,
    /// The rest of its time.
    Cold,
}

impl Tier {
    /// All, the youngest first.
    pub const ALL: [Self; 3] = [Self::Hot, Self::Warm, Self::Cold];

    /// Its prefix.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Warm => "warm",
            Self::Cold => "cold",
        }
    }
}

/// A segment in the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Archived {
    /// The seq of its first record.
    pub first_seq: u64,
    /// The day of its last record, `2026-11-21`.
    pub day: String,
    /// Where it is.
    pub tier: Tier,
}

impl Archived {
    /// Its name among the objects.
    #[must_use]
    pub fn name(&self, origin: &str) -> String {
        let (seq, day) = (self.first_seq, &self.day);
        format!(
            "{}/log-{seq:0SEQ_DIGITS$}-{day}.jsonl.zst",
            prefix(self.tier, origin)
        )
    }

    /// Reads the last part of a name; `None` if it is none of a segment.
    #[must_use]
    pub fn parse(tier: Tier, name: &str) -> Option<Self> {
        let middle = name.strip_prefix("log-")?.strip_suffix(".jsonl.zst")?;
        let (digits, day) = middle.split_once('-')?;
        let is_seq = digits.len() == SEQ_DIGITS && digits.bytes().all(|d| d.is_ascii_digit());
        let archived = Self {
            first_seq: digits.parse().ok().filter(|_| is_seq)?,
            day: day.to_owned(),
            tier,
        };
        archived.end()?;
        Some(archived)
    }

    /// The end of the day of its last record: its age counts from there. `None` if it is no day.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        let day = Timestamp::parse_rfc3339(&format!("{}T00:00:00Z", self.day))?;
        Some(day.plus(DAY))
    }
}

impl Tiers {
    /// Where a segment that ended then belongs now.
    #[must_use]
    pub fn tier(&self, end: Timestamp, now: Timestamp) -> Tier {
        let is_over = |days: u64| now > end.plus(DAY.saturating_mul(days_u32(days)));
        match () {
            () if !is_over(self.hot_days) => Tier::Hot,
            () if !is_over(self.warm_days) => Tier::Warm,
            () => Tier::Cold,
        }
    }

    /// How long a segment that ended then stays in a tier.
    #[must_use]
    pub fn until(&self, tier: Tier, end: Timestamp) -> Timestamp {
        let days = match tier {
            Tier::Hot => self.hot_days,
            Tier::Warm => self.warm_days,
            Tier::Cold => self.cold_days,
        };
        end.plus(DAY.saturating_mul(days_u32(days)))
    }
}

fn days_u32(days: u64) -> u32 {
    u32::try_from(days).unwrap_or(u32::MAX)
}

/// Where the segments of one log are.
pub fn prefix(tier: Tier, origin: &str) -> String {
    format!("{}/{}", tier.as_str(), escaped(origin))
}

/// Where the tree of one log is.
pub fn tree_prefix(origin: &str) -> String {
    format!("tree/{}", escaped(origin))
}

fn escaped(origin: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let escape = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("={byte:02x}"),
    };
    origin.bytes().map(escape).collect()
}
