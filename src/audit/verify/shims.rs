//! The numbers of shims' events: a shim counts from 1 within (shim, epoch, log), and a missing
//! number leaves a `gap` record.

use super::line::Line;
use super::scan::Fields;
use std::collections::HashMap;
use std::ops::RangeInclusive;

/// So many (shim, epoch) are followed; of others only their number is known.
const STREAMS_MAX: usize = 65_536;
/// So many gaps of one stream are remembered for events that come late.
const OPEN_GAPS_MAX: usize = 64;

/// What the numbers of shims' events say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShimReport {
    /// How many (shim, epoch) there are.
    pub streams: u64,
    /// Events that a `gap` record tells of, and that never came.
    pub missing: u64,
    /// Numbers that are missing and that no `gap` record tells of.
    pub undeclared: u64,
    /// Events under the number of an earlier one that do not say so.
    pub reused: u64,
    /// The first record with an undeclared hole before it, or an unmarked reuse.
    pub first_seq: Option<u64>,
    /// Events of streams beyond those that are followed.
    pub unfollowed: u64,
}

#[derive(Default)]
pub(super) struct Shims {
    streams: HashMap<(String, u64), Stream>,
    report: ShimReport,
}

/// One (shim, epoch).
#[derive(Default)]
struct Stream {
    /// Every number up to here is recorded, or recorded as missing, or reported.
    high: u64,
    gaps: Vec<RangeInclusive<u64>>,
}

impl Shims {
    pub(super) fn see(&mut self, line: &Line<'_>) {
        let shim = line.fields.raw("shim");
        let Some(shim) = shim.and_then(|shim| Fields::scan(shim.as_bytes())) else {
            return;
        };
        let (Some(id), Some(epoch)) = (shim.text("id"), shim.integer("epoch")) else {
            return;
        };
        let is_gap = line.kind == "gap";
        let number = |name| line.fields.integer(name);
        let numbers = match (is_gap, shim.integer("seq")) {
            (true, _) => number("first_seq").zip(number("last_seq")),
            (false, seq) => seq.zip(seq),
        };
        let Some((first, last)) = numbers else {
            return;
        };
        let key = (id.into_owned(), epoch);
        if self.streams.len() >= STREAMS_MAX && !self.streams.contains_key(&key) {
            self.report.unfollowed += 1;
            return;
        }
        let stream = self.streams.entry(key).or_default();
        let holes = first.saturating_sub(stream.high.saturating_add(1));
        let is_marked = shim.raw("seq_reused") == Some("true");
        let is_reused = !is_gap && !is_marked && first <= stream.high && !stream.fill(first);
        if is_gap && last > stream.high {
            let first = first.max(stream.high + 1);
            self.report.missing += stream.open(first..=last);
        }
        stream.high = stream.high.max(last);
        self.report.undeclared += holes;
        self.report.reused += u64::from(is_reused);
        if holes > 0 || is_reused {
            self.report.first_seq.get_or_insert(line.seq);
        }
    }

    pub(super) fn end(mut self) -> ShimReport {
        self.report.streams = self.streams.len() as u64;
        let gaps = self.streams.values().flat_map(|stream| &stream.gaps);
        self.report.missing += gaps.map(length).sum::<u64>();
        self.report
    }
}

impl Stream {
    /// Remembers a gap. Gives back how many numbers were forgotten for it: they stay missing.
    fn open(&mut self, gap: RangeInclusive<u64>) -> u64 {
        self.gaps.push(gap);
        match self.gaps.len() > OPEN_GAPS_MAX {
            true => length(&self.gaps.remove(0)),
            false => 0,
        }
    }

    /// Takes a number out of a gap. False: it is in none.
    fn fill(&mut self, seq: u64) -> bool {
        let Some(at) = self.gaps.iter().position(|gap| gap.contains(&seq)) else {
            return false;
        };
        let gap = self.gaps.remove(at);
        let parts = [*gap.start()..=seq - 1, seq + 1..=*gap.end()];
        self.gaps
            .extend(parts.into_iter().filter(|part| !part.is_empty()));
        true
    }
}

fn length(gap: &RangeInclusive<u64>) -> u64 {
    (gap.end() - gap.start()).saturating_add(1)
}
