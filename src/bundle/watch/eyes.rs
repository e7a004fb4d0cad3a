//! Which directories to have watched, so that no way of replacing a source goes unseen.
//!
//! A source can be replaced at any place of its path: the file is renamed over, the directory is
//! moved away and another comes in its place, a link on the way is turned to another target (as
//! Kubernetes does with a volume's `..data`). So for each source, the directory that holds each
//! link on the way is watched, and the one that holds the source, and all of the source itself. What
//! is watched is an inode: whenever another one has taken a place, it is watched anew.

#[cfg(test)]
mod tests;

use super::signal::Signal;
use crate::bundle::source::Source;
use notify::event::{AccessKind, AccessMode};
use notify::{Config, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Most links on the way to a source, as in Linux.
const LINKS_MAX: usize = 40;

pub(super) struct Eyes {
    paths: Vec<PathBuf>,
    watcher: Option<RecommendedWatcher>,
    /// What is watched, and which inode that was.
    watched: BTreeMap<PathBuf, (RecursiveMode, Inode)>,
    /// What could not be watched, so that it is said once.
    failed: BTreeSet<PathBuf>,
    places: Places,
}

/// Device and inode number.
type Inode = (u64, u64);
/// Paths whose changes matter, shared with the thread that hears of them.
type Places = Arc<Mutex<Vec<PathBuf>>>;

impl Eyes {
    pub(super) fn new(sources: &[Source], signal: &Arc<Signal>, notify: bool) -> Self {
        let places = Places::default();
        let watcher = || watcher(Arc::clone(signal), Arc::clone(&places)).ok();
        Self {
            paths: sources
                .iter()
                .map(|source| absolute(&source.path))
                .collect(),
            watcher: notify.then(watcher).flatten(),
            watched: BTreeMap::new(),
            failed: BTreeSet::new(),
            places,
        }
    }

    /// Watches what has to be watched now. Gives what newly cannot be watched, and why.
    pub(super) fn open(&mut self) -> Vec<(PathBuf, String)> {
        let wanted = self.wanted();
        let Some(watcher) = &mut self.watcher else {
            return Vec::new();
        };
        for (path, _) in self
            .watched
            .extract_if(.., |path, is| wanted.get(path) != Some(is))
        {
            // It is gone already if its inode is.
            let _ = watcher.unwatch(&path);
        }
        let mut failures = Vec::new();
        for (path, (mode, inode)) in wanted {
            if self.watched.contains_key(&path) {
                continue;
            }
            match watcher.watch(&path, mode) {
                Ok(()) => {
                    self.failed.remove(&path);
                    self.watched.insert(path, (mode, inode));
                }
                Err(error) if self.failed.insert(path.clone()) => {
                    failures.push((path, error.to_string()));
                }
                Err(_) => {}
            }
        }
        failures
    }

    /// What has to be watched; tells the thread that hears of changes which matter.
    fn wanted(&self) -> BTreeMap<PathBuf, (RecursiveMode, Inode)> {
        let (mut wanted, mut places) = (BTreeMap::new(), Vec::new());
        let mut want = |path: &Path, mode| {
            if let Some(inode) = inode(path) {
                wanted.insert(path.to_owned(), (mode, inode));
            }
        };
        let ways: Vec<Way> = self.paths.iter().map(|path| Way::to(path)).collect();
        for directory in ways.iter().flat_map(|way| &way.directories) {
            want(directory, RecursiveMode::NonRecursive);
        }
        for way in ways {
            if way.end.is_dir() {
                want(&way.end, RecursiveMode::Recursive);
            }
            places.push(way.end);
            places.extend(way.links);
        }
        *self.places.lock().unwrap_or_else(PoisonError::into_inner) = places;
        wanted
    }
}

fn watcher(signal: Arc<Signal>, places: Places) -> notify::Result<RecommendedWatcher> {
    let handler = move |event: notify::Result<notify::Event>| {
        let places = places.lock().unwrap_or_else(PoisonError::into_inner);
        // An error may be a lost event.
        if event.is_ok_and(|event| !is_change(&event, &places)) {
            return;
        }
        signal.changed();
    };
    // A link within a source leads to what is watched anyway.
    RecommendedWatcher::new(handler, Config::default().with_follow_symlinks(false))
}

/// Whether an event can mean that a source is another one now. Reading is none: it is what the
/// loader does itself.
fn is_change(event: &notify::Event, places: &[PathBuf]) -> bool {
    let changes = match event.kind {
        EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
        _ => true,
    };
    let matters = |path: &PathBuf| {
        places
            .iter()
            .any(|place| path.starts_with(place) || place.starts_with(path))
    };
    changes && (event.need_rescan() || event.paths.is_empty() || event.paths.iter().any(matters))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn inode(path: &Path) -> Option<Inode> {
    let meta = path.metadata().ok()?;
    Some((meta.dev(), meta.ino()))
}

/// The way to a source, followed step by step.
#[derive(Debug, PartialEq, Eq)]
struct Way {
    /// The directories that hold the links, and the one that holds the end.
    directories: BTreeSet<PathBuf>,
    /// The links on the way.
    links: Vec<PathBuf>,
    /// The source itself; if it does not exist, the first step that does not.
    end: PathBuf,
}

impl Way {
    fn to(path: &Path) -> Self {
        let mut left: VecDeque<OsString> = steps(path).collect();
        let (mut at, mut links) = (PathBuf::from("/"), Vec::new());
        let mut directories = BTreeSet::new();
        while let Some(step) = left.pop_front() {
            if step == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&step);
            match next.read_link() {
                Ok(target) if links.len() < LINKS_MAX => {
                    links.push(next);
                    directories.insert(at.clone());
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    left = steps(&target).chain(left).collect();
                }
                _ if next.symlink_metadata().is_ok() => at = next,
                _ => {
                    directories.insert(at);
                    return Self {
                        directories,
                        links,
                        end: next,
                    };
                }
            }
        }
        directories.extend(at.parent().map(Path::to_owned));
        Self {
            directories,
            links,
            end: at,
        }
    }
}

/// The names of a path; `..` is one.
fn steps(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}
