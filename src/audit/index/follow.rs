//! The index of a log that is being written: a thread follows what is durable, and queries wait
//! until the index has all that was durable when they came.

mod thread;

use super::IndexError;
use super::filter::{Filter, Order};
use super::page::{Page, PageToken};
use super::reader::{FindError, Reader};
use super::store::file_of;
use crate::audit::verify::Head;
use rusqlite::InterruptHandle;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use thread::Follower;
use tokio::sync::{Notify, Semaphore, watch};

/// Queries that are answered at once; more wait for their turn.
pub const READERS_MAX: usize = 4;
/// How long a query waits for the index to have what was durable when it came, in milliseconds.
const READY_MS_MAX: u64 = 5_000;

/// What an operator may want to know of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexEvent {
    /// It is made anew.
    Renewed {
        /// Why.
        why: String,
    },
    /// Records cannot be taken in; it is tried again and again.
    Failed {
        /// Why.
        why: String,
    },
    /// Records are taken in again.
    Recovered,
}

/// How far the index is.
#[derive(Clone, Debug, Default)]
struct State {
    /// The seq after the last record that it has; `None`: it is not open.
    next_seq: Option<u64>,
    /// Its file, as `store::file_of` has it.
    file: (u64, u64),
    /// Why records cannot be taken in.
    failed: Option<String>,
}

/// What the thread and the queries share.
#[derive(Default)]
struct Shared {
    /// Something is to be looked at now.
    poked: Notify,
    /// A query met an index that is of no use.
    suspected: Mutex<Option<&'static str>>,
    /// When it was told to end.
    ending: OnceLock<Instant>,
}

impl Shared {
    fn suspect(&self, why: &'static str) {
        let mut suspected = self
            .suspected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *suspected = Some(why);
        drop(suspected);
        self.poked.notify_one();
    }

    fn suspected(&self) -> Option<&'static str> {
        let mut suspected = self
            .suspected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        suspected.take()
    }
}

/// The index of one log.
pub struct Index {
    dir: PathBuf,
    head: watch::Receiver<Option<Head>>,
    state: watch::Receiver<State>,
    shared: Arc<Shared>,
    turns: Semaphore,
    readers: Mutex<Vec<Reader>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Index {
    /// Follows the log in this directory, whose durable end `head` tells. `tell` is called from the
    /// index's thread.
    ///
    /// # Errors
    /// There is no thread for it.
    pub fn start(
        dir: &Path,
        head: watch::Receiver<Option<Head>>,
        tell: impl Fn(IndexEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (told, state) = watch::channel(State::default());
        let follower = Follower::new(dir, head.clone(), told, Arc::clone(&shared), Box::new(tell));
        Ok(Self {
            dir: dir.to_owned(),
            head,
            state,
            shared,
            turns: Semaphore::new(READERS_MAX),
            readers: Mutex::default(),
            thread: Mutex::new(Some(follower.start()?)),
        })
    }

    /// The log's directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A page of the records that match, of all that were durable when this was called.
    ///
    /// # Errors
    /// As `FindError` says; dropping the future ends what is being looked for.
    pub async fn page(
        &self,
        filter: Filter,
        order: Order,
        token: Option<PageToken>,
        records_max: usize,
    ) -> Result<Page, FindError> {
        let durable = self.ready().await?;
        let Ok(_turn) = self.turns.acquire().await else {
            return Err(FindError::Interrupted);
        };
        let mut reader = self.reader()?;
        let _given_up = OnDrop(reader.interrupt_handle());
        let found = tokio::task::spawn_blocking(move || {
            let page = match has_all(&mut reader, durable) {
                Ok(true) => reader.page(&filter, order, token, records_max),
                Ok(false) => Err(FindError::NotReady("it is made anew".to_owned())),
                Err(error) => Err(error.into()),
            };
            (page, reader)
        });
        let Ok((page, reader)) = found.await else {
            return Err(FindError::NotReady("the search ended early".to_owned()));
        };
        if let Err(FindError::Index(error)) = &page {
            if error.is_of_index() {
                self.shared.suspect("a query met what cannot be");
                return Err(FindError::NotReady(format!("it is made anew: {error}")));
            }
        } else {
            self.readers().push(reader);
        }
        page
    }

    /// Whether the index has all that is durable now, and is the file beside the log. How many
    /// records that are.
    async fn ready(&self) -> Result<u64, FindError> {
        let durable = self.head.borrow().as_ref().map_or(0, |head| head.seq + 1);
        self.shared.poked.notify_one();
        let mut state = self.state.clone();
        let limit = Duration::from_millis(READY_MS_MAX);
        let is_there = |state: &State| {
            let has_all = state.next_seq.is_some_and(|next| next >= durable);
            has_all && file_of(&self.dir).is_ok_and(|file| file == state.file)
        };
        let is_told = |state: &State| is_there(state) || state.failed.is_some();
        let waited = tokio::time::timeout(limit, state.wait_for(is_told));
        // What it gives is a lock that the index's thread would wait for: it ends with this line.
        let is_late = waited.await.is_err();
        let state = self.state.borrow().clone();
        match (is_late, &state.failed) {
            (false, None) => Ok(durable),
            (_, Some(why)) => Err(FindError::NotReady(format!(
                "it cannot be written: {why}; make room or mend the disk, or stop the PDP and run \
                 `toolgate audit reindex`"
            ))),
            (true, None) => Err(FindError::NotReady(format!(
                "it has {} of {durable} records",
                state.next_seq.unwrap_or(0)
            ))),
        }
    }

    /// A reader of the index's file, not of one that was there before.
    fn reader(&self) -> Result<Reader, FindError> {
        let file = self.state.borrow().file;
        let mut readers = self.readers();
        readers.retain(|reader| reader.file == file);
        match readers.pop() {
            Some(reader) => Ok(reader),
            None => Ok(Reader::open(&self.dir).map_err(|error| {
                self.shared.poked.notify_one();
                FindError::NotReady(error.to_string())
            })?),
        }
    }

    fn readers(&self) -> std::sync::MutexGuard<'_, Vec<Reader>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what is durable, for a short time, and ends the thread.
    pub fn close(&self) {
        let _first = self.shared.ending.set(Instant::now());
        self.shared.poked.notify_one();
        let thread = self.thread.lock().map(|mut thread| thread.take());
        if let Ok(Some(thread)) = thread {
            // One that panicked has nothing to say.
            let _ended = thread.join();
        }
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        self.close();
    }
}

/// Whether what is read is the index that was ready: one that is made anew meanwhile may be a file
/// of the same number.
fn has_all(reader: &mut Reader, durable: u64) -> Result<bool, IndexError> {
    Ok(reader.last_seq()?.map_or(0, |last| last + 1) >= durable)
}

/// Gives a search up that nobody waits for any more; one that ended is not concerned.
struct OnDrop(InterruptHandle);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.interrupt();
    }
}
