//! One run: read, pair, write, commit.

use super::cursor::{Cursor, Place};
use super::lines::{CLOUD_EVENT, FLAT, Lines, OCSF, Shape};
use super::pair::{OUTCOME_WAIT_SECONDS_MAX, Paired, Window};
use super::parts::Parts;
use super::row::Row;
use super::seen::{EVENTS_MAX, Seen};
use super::sink::Sink;
use super::source::{Entry, Source};
use super::{ExportError, Format, Options, Step, Summary};
use crate::files::{Files, OsFiles};
use crate::model::json::{Json, Object};
use crate::model::time::Timestamp;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The cursor of a directory. Readers of Parquet leave out what starts with `_`.
const CURSOR_NAME: &str = "_cursor.json";
/// The cursor of a file: its name with this.
const CURSOR_EXTENSION: &str = "cursor.json";

/// Exports what is new since the run before, up to the ends of the logs, which may be written
/// meanwhile. `observe` is told how far it is; its error ends the run as a crash would.
///
/// # Errors
/// As `ExportError` says; the next run goes on.
pub fn export(
    options: &Options,
    now: Timestamp,
    observe: &mut dyn FnMut(Step) -> io::Result<()>,
) -> Result<Summary, ExportError> {
    let cursor_path = cursor_path(options);
    let write = ExportError::writing(&options.to);
    if let Some(parent) = cursor_path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
    {
        crate::files::create_dir(&OsFiles, parent).map_err(&write)?;
    }
    let lock = OsFiles.lock(&cursor_path.with_added_extension("lock"));
    let _lock = lock.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => ExportError::Locked {
            path: options.to.display().to_string(),
        },
        _ => write(error),
    })?;
    let cursor = cursor(options, &cursor_path)?;
    let sources = options.dirs.iter().map(|dir| Source::open(dir));
    let sources: Vec<_> = sources.collect::<Result<_, _>>()?;
    let sink = open_sink(options, &cursor).map_err(write)?;
    let mut run = Run {
        options,
        cursor_path,
        logs: Vec::new(),
        window: Window::default(),
        seen: Seen::default(),
        sink,
        summary: Summary::default(),
        uncommitted: 0,
        uncommitted_rows: 0,
        cursor,
        observe,
    };
    for source in sources {
        run.recall(source)?;
    }
    run.read_on()?;
    run.end(now)
}

/// One log, and its next record.
struct Log {
    source: Source,
    origin: String,
    next: Option<Entry>,
    /// The seq of the first record that was not read.
    position: u64,
}

struct Run<'a> {
    options: &'a Options,
    cursor_path: PathBuf,
    logs: Vec<Log>,
    window: Window,
    seen: Seen,
    sink: Box<dyn Sink>,
    summary: Summary,
    /// Records since the last commit.
    uncommitted: u64,
    /// Rows since then.
    uncommitted_rows: u64,
    cursor: Cursor,
    observe: &'a mut dyn FnMut(Step) -> io::Result<()>,
}

impl Run<'_> {
    /// Brings back what the run before had in memory of this log: what waits, and the last events.
    fn recall(&mut self, mut source: Source) -> Result<(), ExportError> {
        let dir = source.dir().to_owned();
        let log = self.logs.len();
        let origin = Source::open(&dir)?.next()?;
        let origin = origin.and_then(|entry| text(&entry.record, "origin").map(str::to_owned));
        let origin = origin.unwrap_or_default();
        let shown = || dir.display().to_string();
        if !origin.is_empty() && self.logs.iter().any(|log| log.origin == origin) {
            let dir = shown();
            return Err(ExportError::SameOrigin { dir, origin });
        }
        let places = self.cursor.places.iter();
        let place = places.clone().find(|place| place.origin == origin);
        let place = place.cloned().unwrap_or_default();
        let first_waiting = place.waiting.first().copied().unwrap_or(place.position);
        if first_waiting < source.first_seq && !place.origin.is_empty() {
            let (dir, seq) = (shown(), first_waiting);
            return Err(ExportError::Pruned { dir, seq });
        }
        let start = match place.origin.is_empty() {
            true => self.options.from_seq,
            false => first_waiting.min(place.position.saturating_sub(EVENTS_MAX as u64)),
        };
        source.skip_to(start.max(source.first_seq))?;
        let mut next = source.next()?;
        while let Some(entry) = next.take_if(|entry| entry.seq < place.position) {
            self.recall_record(log, entry, &place);
            next = source.next()?;
        }
        self.logs.push(Log {
            position: place
                .position
                .max(source.first_seq)
                .max(self.options.from_seq),
            source,
            origin,
            next,
        });
        Ok(())
    }

    fn recall_record(&mut self, log: usize, entry: Entry, place: &Place) {
        if let Some(event) = text(&entry.record, "event_id") {
            self.seen.is_new(event);
        }
        if place.waiting.binary_search(&entry.seq).is_err() {
            return;
        }
        let at = (log, entry.seq);
        match text(&entry.record, "type") {
            Some("decision") => drop(self.window.decision(at, &entry.record)),
            _ => drop(self.window.outcome(at, entry.record, true)),
        }
    }

    /// Reads all logs to their ends, always the one whose next record is the oldest.
    fn read_on(&mut self) -> Result<(), ExportError> {
        loop {
            let heads = self.logs.iter().enumerate();
            let times = heads.filter_map(|(at, log)| Some((log.next.as_ref()?.time, at)));
            let Some((_, at)) = times.min() else {
                return Ok(());
            };
            let Some(log) = self.logs.get_mut(at) else {
                return Ok(());
            };
            let Some(entry) = log.next.take() else {
                return Ok(());
            };
            log.next = log.source.next()?;
            log.position = entry.seq + 1;
            self.take(at, entry)?;
            self.summary.records += 1;
            self.uncommitted += 1;
            self.tell(Step::Read(self.summary.records))?;
            if self.uncommitted >= self.options.commit_records_max.max(1) {
                self.commit()?;
            }
        }
    }

    fn take(&mut self, log: usize, entry: Entry) -> Result<(), ExportError> {
        let wait = Duration::from_secs(OUTCOME_WAIT_SECONDS_MAX);
        self.expire(entry.time, wait)?;
        let kind = text(&entry.record, "type").unwrap_or_default();
        if !matches!(kind, "decision" | "outcome") {
            return Ok(());
        }
        let event = text(&entry.record, "event_id");
        if event.is_some_and(|event| !self.seen.is_new(event)) {
            self.summary.duplicates += 1;
            return Ok(());
        }
        match kind {
            "decision" => self.take_decision(log, &entry),
            _ => self.take_outcome(log, entry),
        }
    }

    fn take_decision(&mut self, log: usize, entry: &Entry) -> Result<(), ExportError> {
        let options = self.options;
        let is_before = |until| entry.time < until;
        let is_asked_for = entry.seq >= options.from_seq
            && options.since.is_none_or(|since| entry.time >= since)
            && options.until.is_none_or(is_before);
        if !is_asked_for || text(&entry.record, "phase") != Some("call") {
            return Ok(());
        }
        if !has_outcome(&entry.record) {
            return self.push(log, &Row::of_decision(&entry.record));
        }
        for row in self.window.decision((log, entry.seq), &entry.record) {
            self.push_waited(log, &row)?;
        }
        Ok(())
    }

    fn take_outcome(&mut self, log: usize, entry: Entry) -> Result<(), ExportError> {
        let is_early_possible = self.logs.len() > 1;
        let at = (log, entry.seq);
        match self.window.outcome(at, entry.record, is_early_possible) {
            Paired::Row(row) => self.push(log, &row),
            Paired::Early => Ok(()),
            Paired::Unpaired => {
                self.summary.unpaired_outcomes += 1;
                Ok(())
            }
        }
    }

    fn expire(&mut self, now: Timestamp, wait: Duration) -> Result<(), ExportError> {
        let (rows, outcomes) = self.window.expired(now, wait);
        self.summary.unpaired_outcomes += outcomes;
        for row in rows {
            self.push_waited(0, &row)?;
        }
        Ok(())
    }

    fn push_waited(&mut self, log: usize, row: &Row) -> Result<(), ExportError> {
        self.summary.without_outcome += u64::from(row.number("outcome_seq").is_none());
        self.push(log, row)
    }

    fn push(&mut self, log: usize, row: &Row) -> Result<(), ExportError> {
        let origin = row.text("origin");
        let of_row = self
            .logs
            .iter()
            .position(|log| Some(log.origin.as_str()) == origin);
        self.summary.rows += 1;
        self.uncommitted_rows += 1;
        let pushed = self.sink.push(of_row.unwrap_or(log), row);
        pushed.map_err(ExportError::writing(&self.options.to))
    }

    /// Makes what was read so far final.
    fn commit(&mut self) -> Result<(), ExportError> {
        let write = ExportError::writing(&self.options.to);
        let written = self.sink.complete().map_err(&write)?;
        self.tell(Step::Completed)?;
        let places = self.logs.iter().enumerate().map(|(at, log)| Place {
            origin: log.origin.clone(),
            position: log.position,
            waiting: self.window.waiting(at),
        });
        let mut places: Vec<_> = places.collect();
        // A log that is not read this time is gone on with when it is given again.
        let others = self.cursor.places.iter();
        let is_read = |place: &&Place| self.logs.iter().any(|log| log.origin == place.origin);
        places.extend(others.filter(|place| !is_read(place)).cloned());
        let cursor = Cursor {
            options: self.cursor.options.clone(),
            rows: self.cursor.rows + self.uncommitted_rows,
            file_bytes: written.file_bytes,
            parts: written.parts.clone(),
            places,
        };
        cursor.write(&self.cursor_path).map_err(&write)?;
        self.cursor = cursor;
        self.uncommitted = 0;
        self.uncommitted_rows = 0;
        self.tell(Step::Committed)?;
        self.sink.publish(&written).map_err(&write)
    }

    fn end(mut self, now: Timestamp) -> Result<Summary, ExportError> {
        let wait = self.options.wait_seconds.min(OUTCOME_WAIT_SECONDS_MAX);
        self.expire(now, Duration::from_secs(wait))?;
        self.commit()?;
        let mut summary = self.summary;
        summary.waiting = self.window.len() as u64;
        summary.rows_in_all = self.cursor.rows;
        Ok(summary)
    }

    fn tell(&mut self, step: Step) -> Result<(), ExportError> {
        (self.observe)(step).map_err(ExportError::writing(&self.options.to))
    }
}

/// Whether an outcome belongs to the decision: it granted a call that was made.
fn has_outcome(record: &Object) -> bool {
    let is_dry = record.get("dry_run").and_then(Json::as_bool) == Some(true);
    let is_granted = matches!(text(record, "effect"), Some("allow" | "constrain"));
    is_granted && !is_dry && text(record, "call_id").is_some()
}

fn text<'a>(record: &'a Object, name: &str) -> Option<&'a str> {
    record.get(name).and_then(Json::as_str)
}

fn cursor_path(options: &Options) -> PathBuf {
    match options.format {
        Format::Parquet => options.to.join(CURSOR_NAME),
        _ => options.to.with_added_extension(CURSOR_EXTENSION),
    }
}

/// What must be the same in every run of one export.
fn fixed(options: &Options) -> String {
    let time = |time: Option<Timestamp>| time.map_or("-".to_owned(), Timestamp::rfc3339);
    let (format, from_seq) = (options.format.as_str(), options.from_seq);
    let (since, until) = (time(options.since), time(options.until));
    format!("--format {format} --since {since} --until {until} --from-seq {from_seq}")
}

fn cursor(options: &Options, path: &std::path::Path) -> Result<Cursor, ExportError> {
    let (to, wanted) = (options.to.display().to_string(), fixed(options));
    match Cursor::read(path)? {
        Some(cursor) if cursor.options == wanted => Ok(cursor),
        Some(cursor) => Err(ExportError::OtherOptions {
            path: to,
            begun: cursor.options,
        }),
        None if is_used(options) => Err(ExportError::Exists { path: to }),
        None => {
            // From here on what is there is this export's, also if it is never committed.
            let cursor = Cursor {
                options: wanted,
                ..Cursor::default()
            };
            cursor.write(path).map_err(ExportError::writing(path))?;
            Ok(cursor)
        }
    }
}

/// Whether somebody else's content is in the way.
fn is_used(options: &Options) -> bool {
    match options.format {
        Format::Parquet => {
            let names = OsFiles.names(&options.to).unwrap_or_default();
            names.iter().any(|name| !name.starts_with(CURSOR_NAME))
        }
        _ => options.to.exists(),
    }
}

fn open_sink(options: &Options, cursor: &Cursor) -> io::Result<Box<dyn Sink>> {
    let lines = |shape: Shape| -> io::Result<Box<dyn Sink>> {
        Ok(Box::new(Lines::open(
            &options.to,
            cursor.file_bytes,
            shape,
        )?))
    };
    match options.format {
        Format::Jsonl => lines(FLAT),
        Format::CloudEvents => lines(CLOUD_EVENT),
        Format::Ocsf => lines(OCSF),
        Format::Parquet => {
            let several = options.dirs.len() > 1;
            Ok(Box::new(Parts::open(&options.to, &cursor.parts, several)?))
        }
    }
}
