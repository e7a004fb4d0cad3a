//! The one thread that writes: collect a batch, append it, sync once, acknowledge.

use super::pending::Done;
use super::queue::Queue;
use super::recover::Tail;
use super::stats::{OnSync, Synced};
use super::{AppendError, BATCH_WAIT_MS_MAX, Message, Options, SEGMENT_BYTES_MAX, Shared};
use crate::audit::hash::sha256_hex;
use crate::audit::layout::segment_name;
use crate::audit::record::{INTEGER_MAX, Unlinked};
use crate::audit::verify::Head;
use crate::files::{Append, Files, append_all, create};
use crate::model::time::Day;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// `prev` of the first record.
const NO_PREV: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Room that is kept from one batch to the next, in bytes.
const ROOM_BYTES_MAX: usize = 1 << 20;
/// Longest that somebody's record waits for those of others, however slow the disk is.
const FOR_OTHERS_MAX: Duration = Duration::from_millis(BATCH_WAIT_MS_MAX);

pub struct Writer {
    dir: PathBuf,
    segment_bytes_max: u64,
    files: Arc<dyn Files>,
    shared: Arc<Shared>,
    /// The last record written, durable or not.
    head: Option<Head>,
    file: Option<(Box<dyn Append>, u64)>,
    /// The latest day that a batch in that file began on.
    day: Day,
    /// Tells what is durable.
    durable: watch::Sender<Option<Head>>,
    /// Held until the thread ends.
    lock: Arc<dyn Send + Sync>,
    on_sync: Option<OnSync>,
    /// How long those who are back wait for those who are not yet: half of what a sync took.
    for_others: Duration,
    /// What the last batch's lines were in: the system has to clear what is new.
    room: String,
}

/// What one sync makes durable.
#[derive(Default)]
struct Batch {
    lines: String,
    first_seq: u64,
    /// The day of the first record.
    day: Day,
    appends: Vec<(Head, Done<Head>)>,
    flushes: Vec<Done<Option<Head>>>,
}

impl Batch {
    fn fail(self, error: &AppendError) {
        // Whoever does not wait any more does not want to know.
        for (_, done) in self.appends {
            let _ = done.send(Err(error.clone()));
        }
        for done in self.flushes {
            let _ = done.send(Err(error.clone()));
        }
    }
}

impl Writer {
    pub fn new(
        dir: &Path,
        options: &Options,
        files: Arc<dyn Files>,
        shared: Arc<Shared>,
        tail: Tail,
        durable: watch::Sender<Option<Head>>,
    ) -> Self {
        Self {
            dir: dir.to_owned(),
            segment_bytes_max: options.segment_bytes_max.min(SEGMENT_BYTES_MAX),
            files,
            shared,
            head: tail.head,
            file: tail.file,
            day: tail.day,
            durable,
            lock: Arc::from(tail.lock),
            on_sync: options.on_sync.clone(),
            for_others: Duration::ZERO,
            room: String::new(),
        }
    }

    /// What keeps other writers out.
    pub fn lock(&self) -> Arc<dyn Send + Sync> {
        Arc::clone(&self.lock)
    }

    /// Until the queue is closed and empty.
    pub fn run(mut self, queue: &Queue) {
        let shared = Arc::clone(&self.shared);
        let _closed = CloseOnDrop(queue, &shared);
        while let Some(messages) = queue.take(self.for_others) {
            let batch = self.collect(messages);
            let written = match self.shared.failed.get() {
                Some(cause) => Err(cause.clone()),
                None => self.commit(&batch).map_err(|error| error.to_string()),
            };
            match written {
                Ok(()) => self.acknowledge(batch),
                Err(cause) => {
                    let cause = self.shared.failed.get_or_init(|| cause).clone();
                    batch.fail(&AppendError::Failed { cause });
                }
            }
        }
    }

    fn collect(&mut self, messages: VecDeque<Message>) -> Batch {
        let mut batch = Batch {
            lines: std::mem::take(&mut self.room),
            first_seq: self.next_seq(),
            ..Batch::default()
        };
        for message in messages {
            match message {
                Message::Flush(done) => batch.flushes.push(done),
                Message::Append(unlinked, day, done) => {
                    if batch.lines.is_empty() {
                        batch.day = day;
                    }
                    self.link(&unlinked, &mut batch);
                    if let Some(done) = done {
                        let head = self.head.clone();
                        batch.appends.extend(head.map(|head| (head, done)));
                    }
                }
            }
        }
        batch
    }

    /// Appends a record's line to the batch's, as the new end of the chain.
    fn link(&mut self, unlinked: &Unlinked, batch: &mut Batch) {
        let seq = self.next_seq();
        let prev = self.head.as_ref().map_or(NO_PREV, |head| &head.hash);
        let start = batch.lines.len();
        unlinked.write_line(seq, prev, &mut batch.lines);
        let line = batch.lines.get(start..).unwrap_or_default();
        let hash = sha256_hex(line.as_bytes());
        batch.lines.push('\n');
        self.head = Some(Head { seq, hash });
    }

    fn next_seq(&self) -> u64 {
        self.head.as_ref().map_or(0, |head| head.seq + 1)
    }

    fn commit(&mut self, batch: &Batch) -> io::Result<()> {
        if batch.lines.is_empty() {
            return Ok(());
        }
        if self.next_seq() > INTEGER_MAX {
            return Err(io::Error::other("the log is full: seq would pass 2^53 - 1"));
        }
        let (file, bytes) = self.segment(batch)?;
        append_all(file.as_mut(), batch.lines.as_bytes())?;
        *bytes += batch.lines.len() as u64;
        let started = Instant::now();
        file.sync()?;
        let took = started.elapsed();
        self.for_others = (took / 2).min(FOR_OTHERS_MAX);
        self.publish();
        self.count(&Synced {
            records: self.next_seq() - batch.first_seq,
            bytes: batch.lines.len() as u64,
            took,
        });
        Ok(())
    }

    fn count(&self, synced: &Synced) {
        self.shared.counts.add(synced);
        if let Some(on_sync) = &self.on_sync {
            on_sync(synced);
        }
    }

    /// The file that the batch belongs into: the last one, or a new one once that is long enough or
    /// of an earlier day. A clock that is set back begins no file.
    fn segment(&mut self, batch: &Batch) -> io::Result<&mut (Box<dyn Append>, u64)> {
        let is_over = |bytes: u64| {
            let is_of_before = bytes > 0 && batch.day > self.day;
            is_of_before || bytes >= self.segment_bytes_max
        };
        let current = self.file.take_if(|(_, bytes)| !is_over(*bytes));
        self.day = self.day.max(batch.day);
        let segment = match current {
            Some(segment) => segment,
            None => {
                let name = segment_name(batch.first_seq);
                (create(self.files.as_ref(), &self.dir.join(name))?, 0)
            }
        };
        Ok(self.file.insert(segment))
    }

    fn publish(&self) {
        self.durable.send_replace(self.head.clone());
    }

    fn acknowledge(&mut self, mut batch: Batch) {
        batch.lines.clear();
        batch.lines.shrink_to(ROOM_BYTES_MAX);
        self.room = batch.lines;
        for (head, done) in batch.appends {
            let _ = done.send(Ok(head));
        }
        for done in batch.flushes {
            let _ = done.send(Ok(self.head.clone()));
        }
    }
}

/// A writer that panicked takes no more messages: they would wait for ever.
struct CloseOnDrop<'a>(&'a Queue, &'a Shared);

impl Drop for CloseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.close();
        while self.0.take(Duration::ZERO).is_some() {}
        self.1.ended.notify_one();
    }
}
