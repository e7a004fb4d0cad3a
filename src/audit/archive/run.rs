//! One run: check, upload, move, prune.

use super::names::{Archived, Tier};
use super::segments::{check, compare, compress, fetch, list};
use super::store::Objects;
use super::{Act, ArchiveError, Done, Tiers, tree};
use crate::audit::layout::{LINE_BYTES_MAX, PRUNED_BYTES_MAX, first_seq, segment_name};
use crate::audit::verify::{FILE_BYTES_MAX, Head, PRUNED_NAME, Pruned};
use crate::files::{Files, replace};
use crate::model::json::Json;
use crate::model::time::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The file whose lock the one that archives has.
const LOCK_NAME: &str = "archive.lock";
/// Characters of a day at the start of a time.
const DAY_CHARACTERS: usize = 10;

/// Archives what is sealed of the log in this directory, which a writer may have open, moves what
/// has become older, and removes from the disk what is older than `tiers.hot_days`. With `is_dry`
/// nothing is changed, and what would be done is told.
///
/// # Errors
/// As `ArchiveError` says. Run again, it goes on.
pub fn archive(
    dir: &Path,
    objects: &dyn Objects,
    tiers: &Tiers,
    now: Timestamp,
    is_dry: bool,
    files: &dyn Files,
) -> Result<Vec<Done>, ArchiveError> {
    let shown = || dir.display().to_string();
    let no_log = || ArchiveError::NoLog { dir: shown() };
    if !files.is_dir(dir) {
        return Err(no_log());
    }
    let _lock = match is_dry {
        true => None,
        false => Some(lock(dir, LOCK_NAME, "by another `audit archive`", files)?),
    };
    let mut run = Run {
        dir,
        objects,
        tiers,
        now,
        is_dry,
        files,
        done: Vec::new(),
    };
    let names = run.io(files.names(dir))?;
    let note = run.note(&names)?;
    let mut seqs: Vec<u64> = names.iter().filter_map(|name| first_seq(name)).collect();
    seqs.sort_unstable();
    let origin = match &note {
        Some(note) => note.origin.clone(),
        None => {
            let first = seqs.first().ok_or_else(no_log)?;
            run.origin(*first)?.unwrap_or_default()
        }
    };
    // Nothing was ever written.
    if origin.is_empty() {
        return Ok(Vec::new());
    }
    let start = note.as_ref().map_or(0, |note| note.first_seq);
    run.remove_rest(&seqs, start)?;
    seqs.retain(|seq| *seq >= start);
    let archived = list(objects, &origin)?;
    let prunable = run.segments(&seqs, note.as_ref(), &origin, &archived)?;
    run.move_others(&seqs, &origin, &archived)?;
    let uploaded = tree::upload(files, dir, objects, &origin, is_dry)?;
    run.done.extend(uploaded);
    run.prune(&seqs, &origin, prunable)?;
    Ok(run.done)
}

/// Takes a lock, or says who has it.
pub fn lock(
    dir: &Path,
    name: &str,
    by: &'static str,
    files: &dyn Files,
) -> Result<Box<dyn Send + Sync>, ArchiveError> {
    let shown = dir.display().to_string();
    let lock = files.lock(&dir.join(name));
    lock.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => ArchiveError::Locked { dir: shown, by },
        _ => ArchiveError::Io {
            dir: shown,
            source: error,
        },
    })
}

struct Run<'a> {
    dir: &'a Path,
    objects: &'a dyn Objects,
    tiers: &'a Tiers,
    now: Timestamp,
    is_dry: bool,
    files: &'a dyn Files,
    done: Vec<Done>,
}

/// A segment that was checked.
struct Checked {
    content: Vec<u8>,
    head: Head,
    /// The day of its last record.
    day: String,
}

impl Run<'_> {
    fn io<T>(&self, result: io::Result<T>) -> Result<T, ArchiveError> {
        result.map_err(|source| ArchiveError::Io {
            dir: self.dir.display().to_string(),
            source,
        })
    }

    fn note(&self, names: &[String]) -> Result<Option<Pruned>, ArchiveError> {
        if !names.iter().any(|name| name == PRUNED_NAME) {
            return Ok(None);
        }
        let bytes = self
            .files
            .read(&self.dir.join(PRUNED_NAME), PRUNED_BYTES_MAX as u64);
        let note = Pruned::read(&self.io(bytes)?);
        let no_note = || io::Error::other(format!("`{PRUNED_NAME}` is no note of what was pruned"));
        self.io(note.ok_or_else(no_note)).map(Some)
    }

    fn read(&self, seq: u64) -> Result<Vec<u8>, ArchiveError> {
        let path = self.dir.join(segment_name(seq));
        self.io(self.files.read(&path, FILE_BYTES_MAX))
    }

    /// Whose log begins with this file; `None` while it has no record.
    fn origin(&self, seq: u64) -> Result<Option<String>, ArchiveError> {
        let content = self.read(seq)?;
        let end = content.iter().position(|byte| *byte == b'\n');
        let line = end.and_then(|end| content.get(..end));
        Ok(line.and_then(|line| member(line, "origin")))
    }

    /// What a run before was to remove, and did not.
    fn remove_rest(&mut self, seqs: &[u64], start: u64) -> Result<(), ArchiveError> {
        let rest = seqs.iter().filter(|seq| **seq < start);
        let names: Vec<_> = rest.map(|seq| segment_name(*seq)).collect();
        let bundles = tree::bundles_before(self.files, self.dir, start);
        let names: Vec<_> = names.into_iter().chain(self.io(bundles)?).collect();
        self.remove(&names)
    }

    fn remove(&mut self, names: &[String]) -> Result<(), ArchiveError> {
        for name in names {
            if !self.is_dry {
                self.io(self.files.remove(&self.dir.join(name)))?;
            }
            self.tell(Act::Prune, name.clone(), 0);
        }
        match self.is_dry || names.is_empty() {
            true => Ok(()),
            false => self.io(self.files.sync_dir(self.dir)),
        }
    }

    fn tell(&mut self, act: Act, name: String, bytes: u64) {
        self.done.push(Done { act, name, bytes });
    }

    /// Checks and uploads every sealed segment; the last of those, from the oldest on without a
    /// gap, that are old enough to go and are in the store for certain.
    fn segments(
        &mut self,
        seqs: &[u64],
        note: Option<&Pruned>,
        origin: &str,
        archived: &BTreeMap<u64, Vec<Archived>>,
    ) -> Result<Option<Head>, ArchiveError> {
        let mut before = note.map(Pruned::head);
        let mut prunable = None;
        let mut may_prune = true;
        for (seq, next) in seqs.iter().zip(seqs.iter().skip(1)) {
            let checked = self.check(*seq, *next, before.as_ref(), origin)?;
            let is_old = self.segment(*seq, &checked, origin, archived)?;
            may_prune &= is_old;
            if may_prune && tree::has_checkpoint(self.files, self.dir, *next) {
                prunable = Some(checked.head.clone());
            }
            before = Some(checked.head);
        }
        self.check_sealed(seqs, before.as_ref())?;
        Ok(prunable)
    }

    fn check(
        &self,
        seq: u64,
        next: u64,
        before: Option<&Head>,
        origin: &str,
    ) -> Result<Checked, ArchiveError> {
        let content = self.read(seq)?;
        let mut day = String::new();
        let before = before.map(|head| (head, origin));
        let report = check(seq, &content, before, &mut |record| {
            let time = record.get("time").and_then(Json::as_str);
            let today = time.and_then(|time| time.get(..DAY_CHARACTERS));
            // The latest: clocks are set back.
            day = today.unwrap_or_default().max(&day).to_owned();
        });
        let report = report.map_err(|fault| ArchiveError::Fault {
            dir: self.dir.display().to_string(),
            fault: Box::new(fault),
        })?;
        let is_whole = report.torn.is_none() && report.next_seq() == next;
        let head = report.head.filter(|_| is_whole);
        let not_whole = || io::Error::other(format!("records are missing before seq {next}"));
        let head = self.io(head.ok_or_else(not_whole))?;
        Ok(Checked { content, head, day })
    }

    /// The last line of the last sealed segment is vouched for by the record after it.
    fn check_sealed(&self, seqs: &[u64], before: Option<&Head>) -> Result<(), ArchiveError> {
        let (Some(before), Some(last)) = (before, seqs.last()) else {
            return Ok(());
        };
        let content = self.read(*last)?;
        let Some(end) = content.iter().position(|byte| *byte == b'\n') else {
            return Ok(());
        };
        let line = content.get(..end).unwrap_or_default();
        let is_next = member(line, "prev").as_deref() == Some(before.hash.as_str());
        let broken = || io::Error::other(format!("seq {last} does not follow the record before"));
        self.io(is_next.then_some(()).ok_or_else(broken))
    }

    /// Sees that the segment is in the store where it belongs, and says whether it may be pruned.
    fn segment(
        &mut self,
        seq: u64,
        checked: &Checked,
        origin: &str,
        archived: &BTreeMap<u64, Vec<Archived>>,
    ) -> Result<bool, ArchiveError> {
        let mut due = Archived {
            first_seq: seq,
            day: checked.day.clone(),
            tier: Tier::Hot,
        };
        let end = due.end().unwrap_or(self.now);
        due.tier = self.tiers.tier(end, self.now);
        let is_old = due.tier > Tier::Hot;
        let name = due.name(origin);
        let copies = archived.get(&seq).map(Vec::as_slice).unwrap_or_default();
        if !copies.contains(&due) {
            let until = self.tiers.until(due.tier, end);
            if !self.is_dry {
                let object = self.io(compress(&checked.content))?;
                self.objects.put(&name, &object, Some(until))?;
            }
            let act = match copies.is_empty() {
                true => Act::Upload,
                false => Act::Move,
            };
            self.tell(act, name.clone(), checked.content.len() as u64);
        } else if !is_old {
            // It was compared when it was put there, and is again before it is pruned.
            return Ok(false);
        }
        if self.is_dry {
            return Ok(is_old);
        }
        compare(self.objects, &name, &checked.content)?;
        for copy in copies.iter().filter(|copy| **copy != due) {
            let other = copy.name(origin);
            // One that was altered is evidence, and stays.
            compare(self.objects, &other, &checked.content)?;
            self.objects.remove(&other)?;
        }
        Ok(is_old)
    }

    /// Moves what is in the store alone to where it belongs by now.
    fn move_others(
        &mut self,
        seqs: &[u64],
        origin: &str,
        archived: &BTreeMap<u64, Vec<Archived>>,
    ) -> Result<(), ArchiveError> {
        let gone = archived.iter().filter(|(seq, _)| !seqs.contains(seq));
        for first in gone.filter_map(|(_, copies)| copies.first()) {
            let copies = archived.get(&first.first_seq).map(Vec::as_slice);
            let copies = copies.unwrap_or_default();
            let end = first.end().unwrap_or(self.now);
            let due = Archived {
                tier: self.tiers.tier(end, self.now).max(first.tier),
                ..first.clone()
            };
            let others: Vec<_> = copies.iter().filter(|copy| **copy != due).collect();
            if others.is_empty() {
                continue;
            }
            let (from, to) = (first.name(origin), due.name(origin));
            if !self.is_dry {
                let content = fetch(self.objects, &from)?;
                if !copies.contains(&due) {
                    let until = self.tiers.until(due.tier, end);
                    let object = self.io(compress(&content))?;
                    self.objects.put(&to, &object, Some(until))?;
                }
                compare(self.objects, &to, &content)?;
                // One that is otherwise is evidence, and so may be the one that was read first.
                for other in &others {
                    compare(self.objects, &other.name(origin), &content)?;
                }
                for other in others {
                    self.objects.remove(&other.name(origin))?;
                }
            }
            self.tell(Act::Move, to, 0);
        }
        Ok(())
    }

    fn prune(
        &mut self,
        seqs: &[u64],
        origin: &str,
        last: Option<Head>,
    ) -> Result<(), ArchiveError> {
        let Some(last) = last else {
            return Ok(());
        };
        let note = Pruned {
            origin: origin.to_owned(),
            first_seq: last.seq + 1,
            prev: last.hash,
        };
        if !self.is_dry {
            let path = self.dir.join(PRUNED_NAME);
            self.io(replace(self.files, &path, &note.to_bytes()))?;
        }
        self.remove_rest(seqs, note.first_seq)
    }
}

/// A text of a line's object.
fn member(line: &[u8], name: &str) -> Option<String> {
    let limits = crate::model::json::Limits {
        bytes_max: LINE_BYTES_MAX,
        depth_max: 16,
        values_max: LINE_BYTES_MAX,
    };
    let record = crate::model::json::parse(line, limits).ok()?;
    record.get(name)?.as_str().map(str::to_owned)
}
