//! The thread that takes records in.

use super::super::IndexError;
use super::super::lines::Lines;
use super::super::rebuild::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX};
use super::super::store::{Store, file_of, remove};
use super::{IndexEvent, Shared, State};
use crate::audit::verify::Head;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::sync::watch;

/// How long records gather before they are taken in, in milliseconds; a query does not wait for it.
const GATHER_MS: u64 = 50;
/// After a failure it is tried again so often, in milliseconds.
const RETRY_MS: u64 = 1_000;
/// At the end, what is durable is taken in for so long, in milliseconds.
const END_MS_MAX: u64 = 2_000;
/// The thread's niceness: whoever decides goes first.
const NICENESS: i32 = 10;

pub(super) struct Follower {
    dir: PathBuf,
    head: watch::Receiver<Option<Head>>,
    state: watch::Sender<State>,
    shared: Arc<Shared>,
    tell: Box<dyn Fn(IndexEvent) + Send>,
    open: Option<(Store, Lines)>,
    /// Not told again until it has changed.
    failed: Option<String>,
}

impl Follower {
    pub(super) fn new(
        dir: &Path,
        head: watch::Receiver<Option<Head>>,
        state: watch::Sender<State>,
        shared: Arc<Shared>,
        tell: Box<dyn Fn(IndexEvent) + Send>,
    ) -> Self {
        Self {
            dir: dir.to_owned(),
            head,
            state,
            shared,
            tell,
            open: None,
            failed: None,
        }
    }

    pub(super) fn start(self) -> io::Result<JoinHandle<()>> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let thread = thread::Builder::new().name("audit-index".to_owned());
        thread.spawn(move || {
            // Where it is refused it is as urgent as the others.
            let _niceness = rustix::process::nice(NICENESS);
            runtime.block_on(self.run());
        })
    }

    async fn run(mut self) {
        loop {
            let taken = self.catch_up();
            let has_failed = taken.is_err();
            self.note(taken);
            if self.is_ending() {
                return;
            }
            self.wait(has_failed).await;
        }
    }

    fn is_ending(&self) -> bool {
        self.shared.ending.get().is_some()
    }

    /// Until there may be something to do.
    async fn wait(&mut self, has_failed: bool) {
        let retry = tokio::time::sleep(Duration::from_millis(RETRY_MS));
        let gathered = async {
            match has_failed {
                true => retry.await,
                // Its end is that of the log: `close` tells.
                false if self.head.changed().await.is_err() => std::future::pending().await,
                false => tokio::time::sleep(Duration::from_millis(GATHER_MS)).await,
            }
        };
        tokio::select! {
            () = gathered => {}
            () = self.shared.poked.notified() => {}
        }
    }

    /// Takes in all that is durable.
    fn catch_up(&mut self) -> Result<(), IndexError> {
        let suspected = self.shared.suspected();
        if let Some(why) = suspected {
            self.renew(why)?;
        }
        let is_other = |(store, _): &mut (Store, Lines)| {
            file_of(&self.dir).map_or(true, |file| file != store.file)
        };
        if self.open.take_if(is_other).is_some() {
            self.renew("its file was removed or replaced")?;
        }
        if self.open.is_none() {
            self.begin()?;
        }
        let mut was_renewed = suspected.is_some();
        loop {
            match self.step() {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    // Where reading goes on is what was taken in.
                    self.open = None;
                    if was_renewed || !error.is_of_index() {
                        return Err(error);
                    }
                    was_renewed = true;
                    self.renew(&error.to_string())?;
                }
            }
        }
    }

    fn begin(&mut self) -> Result<(), IndexError> {
        let opened = self.opened();
        match opened {
            Ok(open) => self.open = Some(open),
            Err(error) if error.is_of_index() => self.renew(&error.to_string())?,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn opened(&self) -> Result<(Store, Lines), IndexError> {
        let store = Store::open(&self.dir)?;
        let head = self.head.borrow().clone();
        if store.next_seq() > head.map_or(0, |head| head.seq + 1) {
            return Err(IndexError::Unfit("it has more records than the log"));
        }
        let lines = store.lines(&self.dir)?;
        Ok((store, lines))
    }

    /// Makes the index anew.
    fn renew(&mut self, why: &str) -> Result<(), IndexError> {
        self.open = None;
        self.state.send_replace(State::default());
        (self.tell)(IndexEvent::Renewed {
            why: why.to_owned(),
        });
        remove(&self.dir)?;
        self.open = Some(self.opened()?);
        Ok(())
    }

    /// Takes in some records; whether there are more.
    fn step(&mut self) -> Result<bool, IndexError> {
        let head = self.head.borrow_and_update().clone();
        let Some((store, lines)) = &mut self.open else {
            return Ok(false);
        };
        let durable = head.map_or(0, |head| head.seq + 1);
        let taken = match durable.checked_sub(1) {
            Some(last) if lines.next_seq() <= last => {
                let batch = lines.batch(last, BATCH_RECORDS_MAX, BATCH_BYTES_MAX)?;
                if batch.is_empty() {
                    return self.skip(last);
                }
                Some(batch)
            }
            _ => None,
        };
        if let Some(batch) = &taken {
            store.take_in(batch)?;
        }
        let state = State {
            next_seq: Some(lines.next_seq()),
            file: store.file,
            failed: None,
        };
        self.state.send_replace(state);
        let is_late = |since: &std::time::Instant| since.elapsed().as_millis() > END_MS_MAX.into();
        Ok(taken.is_some() && !self.shared.ending.get().is_some_and(is_late))
    }

    /// Goes on behind a file that is gone; the records in it are not found.
    fn skip(&mut self, last: u64) -> Result<bool, IndexError> {
        let Some((_, lines)) = &mut self.open else {
            return Ok(false);
        };
        let missing = lines.next_seq();
        *lines = Lines::from_seq(&self.dir, missing)?;
        if lines.next_seq() == missing && lines.batch(last, 1, 1)?.is_empty() {
            return Err(io::Error::from(io::ErrorKind::NotFound).into());
        }
        *lines = Lines::from_seq(&self.dir, missing)?;
        Ok(true)
    }

    fn note(&mut self, taken: Result<(), IndexError>) {
        let why = taken.err().map(|error| error.to_string());
        if why == self.failed {
            return;
        }
        (self.tell)(match &why {
            Some(why) => IndexEvent::Failed { why: why.clone() },
            None => IndexEvent::Recovered,
        });
        let failed = why.clone();
        self.state.send_modify(|state| state.failed = failed);
        self.failed = why;
    }
}
