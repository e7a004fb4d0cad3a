//! The lines of a log, one after the other: form, place and chain.

use super::line::{HexHash, Line};
use super::source::{Lines, Next, Segments};
use super::{Fault, Head, NO_PREV, Pruned, Report, Torn, UNKNOWN_TYPES_MAX, Wrong};
use crate::audit::layout::{LINE_BYTES_MAX, first_seq};

/// Who looks at lines that check.
pub(super) trait Sink {
    /// The log's lines begin here.
    fn start(&mut self, first_seq: u64) -> Result<(), Fault>;

    /// A line that checks.
    fn line(&mut self, place: &Place, line: &Line<'_>) -> Result<(), Fault>;
}

/// The record that is looked at.
#[derive(Clone, Default)]
pub(super) struct Place {
    file: String,
    line: u64,
}

impl Place {
    pub(super) fn fault(&self, seq: u64, what: Wrong) -> Fault {
        Fault {
            file: self.file.clone(),
            line: self.line,
            seq,
            what,
        }
    }
}

pub(super) struct Walk<'a> {
    segments: &'a dyn Segments,
    held: Option<&'a Head>,
    report: Report,
    /// The hash of the record before, and its `seq`.
    before: Option<(u64, HexHash)>,
    place: Place,
    sink: &'a mut dyn Sink,
}

/// Checks a log's lines, and shows each to `sink`.
pub(super) fn walk_into(
    segments: &dyn Segments,
    held: Option<&Head>,
    sink: &mut dyn Sink,
) -> Result<Report, Fault> {
    let names = segments.names().map_err(Fault::unreadable(""))?;
    let pruned = Pruned::of(segments, &names)?;
    let is_here = |name: &String| match &pruned {
        Some(pruned) => pruned.keeps(name),
        None => first_seq(name).is_some(),
    };
    let mut names: Vec<_> = names.into_iter().filter(is_here).collect();
    names.sort();
    let mut walk = Walk {
        segments,
        held,
        report: Report::default(),
        before: None,
        place: Place::default(),
        sink,
    };
    if let Some(pruned) = pruned {
        pruned.check_held(held)?;
        walk.report.first_seq = pruned.first_seq;
        walk.report.head = Some(pruned.head());
        walk.report.origin = Some(pruned.origin);
    }
    walk.sink.start(walk.report.first_seq)?;
    for (index, name) in names.iter().enumerate() {
        walk.file(name, names.get(index + 1..).unwrap_or_default())?;
    }
    walk.end()
}

impl Walk<'_> {
    fn file(&mut self, name: &str, later: &[String]) -> Result<(), Fault> {
        let unreadable = Fault::unreadable;
        let mut lines = Lines::open(self.segments, name).map_err(unreadable(name))?;
        let mut place = Place {
            file: name.to_owned(),
            line: 1,
        };
        if first_seq(name) != Some(self.report.next_seq()) {
            return Err(place.fault(self.report.next_seq(), Wrong::FileName));
        }
        self.report.files += 1;
        self.report.last_file = Some(name.to_owned());
        let (mut line, mut offset_bytes) = (Vec::new(), 0);
        loop {
            let seq = self.report.next_seq();
            match lines.next(&mut line).map_err(unreadable(name))? {
                Next::Line(bytes) => {
                    self.line(&place, &line, (&mut lines, later))?;
                    offset_bytes += bytes;
                    self.place = place.clone();
                    place.line += 1;
                }
                Next::TooLong => {
                    let bytes_max = LINE_BYTES_MAX;
                    return Err(place.fault(seq, Wrong::TooLong { bytes_max }));
                }
                Next::End(0) if place.line == 1 && !later.is_empty() => {
                    return Err(place.fault(seq, Wrong::FileEmpty));
                }
                Next::End(0) => return Ok(()),
                Next::End(_) if !later.is_empty() => {
                    return Err(place.fault(seq, Wrong::Unfinished));
                }
                Next::End(bytes) => {
                    self.report.torn = Some(Torn {
                        file: name.to_owned(),
                        offset_bytes,
                        bytes,
                    });
                    return Ok(());
                }
            }
        }
    }

    fn line(
        &mut self,
        place: &Place,
        bytes: &[u8],
        after: (&mut Lines<'_>, &[String]),
    ) -> Result<(), Fault> {
        let seq = self.report.next_seq();
        let line = Line::read(bytes).map_err(|wrong| place.fault(seq, wrong))?;
        if line.seq != seq {
            return Err(place.fault(seq, Wrong::Seq { found: line.seq }));
        }
        self.check_prev(place, &line, after)?;
        let origin = &mut self.report.origin;
        if *origin.get_or_insert_with(|| line.origin.clone().into_owned()) != line.origin {
            let found = line.origin.into_owned();
            return Err(place.fault(seq, Wrong::Origin { found }));
        }
        self.check_held(place, &line)?;
        self.sink.line(place, &line)?;
        self.before = Some((seq, line.hash));
        self.count(&line);
        Ok(())
    }

    fn count(&mut self, line: &Line<'_>) {
        let report = &mut self.report;
        report.records += 1;
        let (types, types_max) = match line.is_known {
            true => (&mut report.by_type, usize::MAX),
            false => (&mut report.unknown_types, UNKNOWN_TYPES_MAX),
        };
        if let Some(count) = types.get_mut(line.kind.as_ref()) {
            *count += 1;
        } else if types.len() < types_max {
            types.insert(line.kind.clone().into_owned(), 1);
        } else {
            report.more_unknown += 1;
        }
        let first = &mut report.first_time;
        first.get_or_insert_with(|| line.time.clone().into_owned());
        let last = report.last_time.get_or_insert_default();
        last.clear();
        last.push_str(&line.time);
    }

    /// Where the link to the record before does not hold, either may be the wrong one. What comes
    /// after vouches for this one: if it does, or if nothing comes, it was the one before.
    fn check_prev(
        &self,
        place: &Place,
        line: &Line<'_>,
        (rest, later): (&mut Lines<'_>, &[String]),
    ) -> Result<(), Fault> {
        let pruned = self.report.head.as_ref();
        let expected = match &self.before {
            Some((_, hash)) => hash.as_str(),
            None => pruned.map_or(NO_PREV, |head| &head.hash),
        };
        if line.prev == expected {
            return Ok(());
        }
        let held = self.held.filter(|head| head.seq == line.seq);
        let vouched = held
            .map(|head| head.hash.clone())
            .or_else(|| self.next_prev(rest, later));
        // What was pruned cannot be the wrong one: it is not here.
        match (&self.before, vouched) {
            (Some((seq, _)), None) => Err(self.place.fault(*seq, Wrong::Hash)),
            (Some((seq, _)), Some(hash)) if hash == line.hash.as_str() => {
                Err(self.place.fault(*seq, Wrong::Hash))
            }
            _ => Err(place.fault(line.seq, Wrong::Prev)),
        }
    }

    fn next_prev(&self, rest: &mut Lines<'_>, later: &[String]) -> Option<String> {
        let mut bytes = Vec::new();
        let mut found = rest.next(&mut bytes).ok()?;
        if found == Next::End(0) {
            let mut lines = Lines::open(self.segments, later.first()?).ok()?;
            found = lines.next(&mut bytes).ok()?;
        }
        match found {
            Next::Line(_) => Some(Line::read(&bytes).ok()?.prev.into_owned()),
            _ => None,
        }
    }

    fn check_held(&self, place: &Place, line: &Line<'_>) -> Result<(), Fault> {
        match self.held {
            Some(head) if head.seq == line.seq && head.hash != line.hash.as_str() => {
                Err(place.fault(line.seq, Wrong::HeadDiffers))
            }
            _ => Ok(()),
        }
    }

    fn end(mut self) -> Result<Report, Fault> {
        let next_seq = self.report.next_seq();
        match self.held {
            Some(head) if head.seq >= next_seq => {
                let held = head.seq;
                self.place.line += 1;
                return Err(self.place.fault(next_seq, Wrong::Truncated { held }));
            }
            _ => {}
        }
        if let Some((seq, hash)) = self.before {
            let hash = hash.as_str().to_owned();
            self.report.head = Some(Head { seq, hash });
        }
        Ok(self.report)
    }
}
