//! The one thread that writes: collect a batch, append it, sync once, acknowledge.

use super::recover::Tail;
use super::{
    AppendError, BATCH_RECORDS_MAX, BATCH_WAIT_MS_MAX, Done, Message, Options, SEGMENT_BYTES_MAX,
    Shared,
};
use crate::audit::files::{Append, Files, append_all, create};
use crate::audit::hash::sha256_hex;
use crate::audit::record::{INTEGER_MAX, Unlinked};
use crate::audit::verify::Head;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// `prev` of the first record.
const NO_PREV: &str = "0000000000000000000000000000000000000000000000000000000000000000";

pub struct Writer {
    dir: PathBuf,
    segment_bytes_max: u64,
    files: Arc<dyn Files>,
    shared: Arc<Shared>,
    /// The last record written, durable or not.
    head: Option<Head>,
    file: Option<(Box<dyn Append>, u64)>,
    /// Held until the thread ends.
    _lock: Box<dyn Send + Sync>,
}

/// What one sync makes durable.
#[derive(Default)]
struct Batch {
    lines: Vec<u8>,
    records: usize,
    first_seq: u64,
    appends: Vec<(Head, Done<Head>)>,
    flushes: Vec<Done<Option<Head>>>,
}

impl Batch {
    fn is_awaited(&self) -> bool {
        !self.appends.is_empty() || !self.flushes.is_empty()
    }

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
    ) -> Self {
        let writer = Self {
            dir: dir.to_owned(),
            segment_bytes_max: options.segment_bytes_max.min(SEGMENT_BYTES_MAX),
            files,
            shared,
            head: tail.head,
            file: tail.file,
            _lock: tail.lock,
        };
        writer.publish();
        writer
    }

    /// Until every sender is gone and the queue is empty.
    pub fn run(mut self, queue: &Receiver<Message>) {
        while let Ok(first) = queue.recv() {
            let batch = self.collect(first, queue);
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

    /// Takes what waits. Somebody who waits is not made to wait for others; records that nobody
    /// waits for are held back a little, so that a slow trickle does not mean a sync each.
    fn collect(&mut self, first: Message, queue: &Receiver<Message>) -> Batch {
        let mut batch = Batch {
            first_seq: self.next_seq(),
            ..Batch::default()
        };
        let until = Instant::now() + Duration::from_millis(BATCH_WAIT_MS_MAX);
        let mut next = Some(first);
        while let Some(message) = next {
            self.take(message, &mut batch);
            let is_full = batch.records >= BATCH_RECORDS_MAX;
            next = match is_full {
                true => None,
                false => receive(queue, batch.is_awaited(), until),
            };
        }
        batch
    }

    fn take(&mut self, message: Message, batch: &mut Batch) {
        match message {
            Message::Flush(done) => batch.flushes.push(done),
            Message::Append(unlinked, done) => {
                let head = self.link(&unlinked, batch);
                batch.records += 1;
                batch.appends.extend(done.map(|done| (head, done)));
            }
        }
    }

    fn link(&mut self, unlinked: &Unlinked, batch: &mut Batch) -> Head {
        let seq = self.next_seq();
        let prev = self.head.as_ref().map_or(NO_PREV, |head| &head.hash);
        let line = unlinked.line(seq, prev);
        batch.lines.extend_from_slice(line.as_bytes());
        batch.lines.push(b'\n');
        let hash = sha256_hex(line.as_bytes());
        let head = Head { seq, hash };
        self.head = Some(head.clone());
        head
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
        append_all(file.as_mut(), &batch.lines)?;
        *bytes += batch.lines.len() as u64;
        file.sync()?;
        self.publish();
        Ok(())
    }

    /// The file that the batch belongs into: the last one, or a new one once that is long enough.
    fn segment(&mut self, batch: &Batch) -> io::Result<&mut (Box<dyn Append>, u64)> {
        let is_long = |bytes: u64| bytes >= self.segment_bytes_max;
        let current = self.file.take_if(|(_, bytes)| !is_long(*bytes));
        let segment = match current {
            Some(segment) => segment,
            None => {
                let name = format!("log-{:020}.jsonl", batch.first_seq);
                (create(self.files.as_ref(), &self.dir.join(name))?, 0)
            }
        };
        Ok(self.file.insert(segment))
    }

    fn publish(&self) {
        let head = self.shared.head.lock();
        *head.unwrap_or_else(PoisonError::into_inner) = self.head.clone();
    }

    fn acknowledge(&self, batch: Batch) {
        for (head, done) in batch.appends {
            let _ = done.send(Ok(head));
        }
        for done in batch.flushes {
            let _ = done.send(Ok(self.head.clone()));
        }
    }
}

fn receive(queue: &Receiver<Message>, is_awaited: bool, until: Instant) -> Option<Message> {
    match queue.try_recv() {
        Ok(message) => Some(message),
        Err(TryRecvError::Disconnected) => None,
        Err(TryRecvError::Empty) if is_awaited => None,
        Err(TryRecvError::Empty) => {
            let left = until.saturating_duration_since(Instant::now());
            queue.recv_timeout(left).ok()
        }
    }
}
