//! A stream of records as they become durable.

use crate::audit::index::{Filter, IndexError, Line, Lines, record_of};
use crate::audit::verify::Head;
use crate::server::aside::aside;
use crate::server::status::RpcError;
use crate::wire::v1;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Records that may wait for a slow reader.
const BACKLOG_RECORDS_MAX: usize = 64;
/// How long a reader may take none of them.
pub(super) const STALLED_MAX: Duration = Duration::from_secs(10);
/// Records that are read at once.
const BATCH_RECORDS_MAX: usize = 256;
/// Bytes of lines that are read at once, but for the last one.
const BATCH_BYTES_MAX: usize = 256 << 10;

type Answer = Result<v1::TailResponse, Status>;

/// What is streamed, and from where on.
pub(super) struct Tailing {
    pub(super) dir: PathBuf,
    pub(super) head: watch::Receiver<Option<Head>>,
    pub(super) filter: Filter,
    pub(super) from_seq: u64,
    pub(super) stopped: watch::Receiver<bool>,
    /// As `STALLED_MAX`.
    pub(super) stalled_max: Duration,
}

impl Tailing {
    pub(super) fn start(self) -> ReceiverStream<Answer> {
        // One place is for the last word, however slow the reader is.
        let (answers, receiver) = mpsc::channel(BACKLOG_RECORDS_MAX + 1);
        tokio::spawn(async move {
            let Ok(last) = answers.clone().reserve_owned().await else {
                return;
            };
            if let Err(error) = self.run(&answers).await {
                let last: OwnedPermit<Answer> = last;
                last.send(Err(error.into()));
            }
        });
        ReceiverStream::new(receiver)
    }

    async fn run(mut self, answers: &mpsc::Sender<Answer>) -> Result<(), RpcError> {
        let (dir, from_seq) = (self.dir.clone(), self.from_seq);
        let mut lines = blocking(move || Ok(Lines::from_seq(&dir, from_seq)?)).await?;
        loop {
            let durable = self.durable();
            while lines.next_seq() < durable {
                // Where nothing matches nothing is sent, and nobody would notice otherwise.
                if answers.is_closed() || *self.stopped.borrow() {
                    return Ok(());
                }
                let (filter, dir) = (self.filter.clone(), self.dir.clone());
                let read = blocking(move || read(lines, &filter, &dir, durable - 1));
                let records;
                (lines, records) = read.await?;
                for line in records {
                    if !send(answers, line, self.stalled_max).await? {
                        return Ok(());
                    }
                }
            }
            tokio::select! {
                changed = self.head.changed() => if changed.is_err() { return Ok(()) },
                () = answers.closed() => return Ok(()),
                // The sender is dropped only at the end of the run: that is a stop too.
                _stopped = self.stopped.wait_for(|stopped| *stopped) => return Ok(()),
            }
        }
    }

    /// The seq of the first record that is not durable yet.
    fn durable(&mut self) -> u64 {
        let head = self.head.borrow_and_update();
        head.as_ref().map_or(0, |head| head.seq + 1)
    }
}

/// Whether somebody still reads.
async fn send(
    answers: &mpsc::Sender<Answer>,
    line: Line,
    time_max: Duration,
) -> Result<bool, RpcError> {
    let next_seq = line.seq;
    let answer = v1::TailResponse {
        record_json: line.bytes,
    };
    match tokio::time::timeout(time_max, answers.send(Ok(answer))).await {
        Ok(sent) => Ok(sent.is_ok()),
        Err(_late) => Err(RpcError::TooSlow { time_max, next_seq }),
    }
}

/// The next lines that match, and where to go on.
fn read(
    mut lines: Lines,
    filter: &Filter,
    dir: &Path,
    last: u64,
) -> Result<(Lines, Vec<Line>), IndexError> {
    let mut batch = lines.batch(last, BATCH_RECORDS_MAX, BATCH_BYTES_MAX)?;
    if batch.is_empty() {
        // A file was taken away meanwhile: what comes after it is there.
        lines = Lines::from_seq(dir, lines.next_seq())?;
        batch = lines.batch(last, BATCH_RECORDS_MAX, BATCH_BYTES_MAX)?;
    }
    if batch.is_empty() {
        return Err(IndexError::Line {
            seq: lines.next_seq(),
        });
    }
    if *filter == Filter::default() {
        return Ok((lines, batch));
    }
    let mut matching = Vec::new();
    for line in batch {
        if filter.matches(&record_of(&line)?) {
            matching.push(line);
        }
    }
    Ok((lines, matching))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IndexError> + Send + 'static,
) -> Result<T, RpcError> {
    let failed = |error: String| RpcError::NotReadable(error);
    match aside(work).await {
        Ok(done) => done.map_err(|error| failed(error.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
