//! Certificates, keys and key sets that are replaced on disk while the process runs. What is broken
//! is not taken: the old one stays, and it is said and counted.

use crate::server::Metrics;
use sha2::{Digest, Sha256};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// Largest file that is looked at, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Takes the new files into use, or says why not.
pub(super) type Reload = Box<dyn Fn() -> Result<(), String> + Send>;

/// Files that are used together.
#[derive(Clone)]
pub(super) struct Watched {
    what: &'static str,
    paths: Vec<PathBuf>,
    last: Content,
    /// Whether the files as they are were refused: a certificate may become valid by itself.
    refused: bool,
}

/// What the files hold, or that they cannot be read.
type Content = [u8; 32];

impl Watched {
    /// Files as they are now: made before they are used, so that no change is missed.
    pub(super) fn new(what: &'static str, paths: Vec<PathBuf>) -> Self {
        let last = content(&paths);
        Self {
            what,
            paths,
            last,
            refused: false,
        }
    }

    /// Whether the files are others than the last time.
    fn have_changed(&mut self) -> bool {
        let now = content(&self.paths);
        let changed = now != self.last;
        self.last = now;
        changed
    }
}

fn content(paths: &[PathBuf]) -> Content {
    let mut hasher = Sha256::new();
    for path in paths {
        let read = crate::config::read_bounded(path, FILE_BYTES_MAX);
        hasher.update([u8::from(read.is_ok())]);
        let part = Sha256::digest(read.unwrap_or_default());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Looks at files for as long as it lives.
pub(super) struct Rotation {
    /// Dropped first: that ends the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Rotation {
    /// Starts to look at these, each with what to do when it has changed.
    pub(super) fn start(files: Vec<(Watched, Reload)>, metrics: Arc<Metrics>) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = thread::Builder::new().name("file-rotation".to_owned());
        let thread = thread.spawn(move || look(files, &metrics, &stopped))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Rotation {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic was said already; there is nothing left to look at.
            drop(thread.join());
        }
    }
}

fn look(mut files: Vec<(Watched, Reload)>, metrics: &Metrics, stopped: &Receiver<()>) {
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(INTERVAL) {
        for (watched, reload) in &mut files {
            let changed = watched.have_changed();
            if changed || watched.refused {
                take(watched, reload, changed, metrics);
            }
        }
    }
}

/// Takes files into use. That they cannot be is said once, however often it is tried.
fn take(watched: &mut Watched, reload: &Reload, changed: bool, metrics: &Metrics) {
    let what = watched.what;
    let reloaded = reload();
    watched.refused = reloaded.is_err();
    match reloaded {
        Ok(()) => {
            tracing::info!("{what}: the new files are in use");
            metrics.file_reloaded(what);
        }
        Err(error) if changed => {
            tracing::error!(%error, "{what}: the new files are not used, the old ones stay");
            metrics.file_refused(what);
        }
        Err(_said) => {}
    }
}
