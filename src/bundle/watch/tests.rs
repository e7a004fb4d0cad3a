use super::*;
use crate::bundle::swap::PolicyStore;
use crate::bundle::testing::{archive, file, loader};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(30);

/// Polls so rarely that only a report can bring a change into force.
const REPORTED: Timing = Timing {
    quiet: Duration::from_millis(20),
    settle_max: Duration::from_millis(200),
    poll_interval: Duration::from_secs(3600),
    notify: true,
};
/// Hears of no reports.
const POLLED: Timing = Timing {
    quiet: Duration::from_millis(5),
    settle_max: Duration::from_millis(50),
    poll_interval: Duration::from_millis(20),
    notify: false,
};

/// A watched source at `source` within a directory of the test's own.
struct Scene {
    directory: TempDir,
    store: Arc<PolicyStore<String>>,
    events: Receiver<LoadEvent>,
    watch: Watch,
}

impl Scene {
    fn start(source: &str, timing: Timing, prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        prepare(root);
        let (loader, events, store) = loader(&[("demo", &root.join(source))]);
        let watch = Watch::start(loader, timing).unwrap();
        Self {
            directory,
            store,
            events,
            watch,
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Waits for an event that a set is in force.
    fn wait_loaded(&self) -> String {
        loop {
            match self.events.recv_timeout(DEADLINE).unwrap() {
                LoadEvent::Loaded { .. } => return self.text(),
                LoadEvent::Refused { .. } | LoadEvent::Recovered { .. } => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    fn wait_refused(&self) -> String {
        match self.events.recv_timeout(DEADLINE).unwrap() {
            LoadEvent::Refused { refusal, .. } => refusal.reason,
            other => panic!("unexpected {other:?}"),
        }
    }

    /// The modules of the set in force, as the loader of the tests has them.
    fn text(&self) -> String {
        self.store
            .current()
            .map(|set| (*set).clone())
            .unwrap_or_default()
    }
}

fn module(text: &str) -> String {
    format!("package a\n{text}")
}

fn write(path: &Path, text: &str) {
    fs::write(path, module(text)).unwrap();
}

/// What Kubernetes does with a volume: a new directory, a link beside the old one, renamed over it.
fn publish_volume(volume: &Path, name: &str, text: &str) {
    let version = volume.join(format!("..{name}"));
    fs::create_dir(&version).unwrap();
    write(&version.join("a.rego"), text);
    symlink(format!("..{name}"), volume.join("..data_tmp")).unwrap();
    let before = fs::read_link(volume.join("..data")).ok();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    if let Some(before) = before {
        fs::remove_dir_all(volume.join(before)).unwrap();
    }
}

fn volume(root: &Path) {
    let volume = root.join("volume");
    fs::create_dir(&volume).unwrap();
    publish_volume(&volume, "v1", "one");
    symlink("..data/a.rego", volume.join("a.rego")).unwrap();
}

/// Changes a source in one way.
type Change = fn(&Path);

/// Each way of changing a source: where the source is, what is there first, what changes it.
const CHANGES: &[(&str, &str, Change, Change)] = &[
    ("write in place", "bundle", in_directory, |root| {
        write(&root.join("bundle/a.rego"), "two")
    }),
    ("rename over", "bundle", in_directory, |root| {
        write(&root.join("new"), "two");
        fs::rename(root.join("new"), root.join("bundle/a.rego")).unwrap();
    }),
    (
        "new file in a new directory",
        "bundle",
        in_directory,
        |root| {
            fs::create_dir_all(root.join("bundle/x/y")).unwrap();
            write(&root.join("bundle/x/y/b.rego"), "two");
        },
    ),
    (
        "removed file",
        "bundle",
        |root| {
            in_directory(root);
            write(&root.join("bundle/b.rego"), "two");
        },
        |root| write(&root.join("bundle/a.rego"), "two"),
    ),
    (
        "another directory in its place",
        "bundle",
        in_directory,
        |root| {
            fs::create_dir(root.join("next")).unwrap();
            write(&root.join("next/a.rego"), "two");
            fs::rename(root.join("bundle"), root.join("old")).unwrap();
            fs::rename(root.join("next"), root.join("bundle")).unwrap();
        },
    ),
    (
        "link turned to another directory",
        "link",
        |root| {
            in_directory(root);
            symlink("bundle", root.join("link")).unwrap();
        },
        |root| {
            fs::create_dir(root.join("next")).unwrap();
            write(&root.join("next/a.rego"), "two");
            symlink("next", root.join("tmp")).unwrap();
            fs::rename(root.join("tmp"), root.join("link")).unwrap();
        },
    ),
    (
        "link elsewhere turned",
        "links/bundle",
        |root| {
            in_directory(root);
            fs::create_dir_all(root.join("links")).unwrap();
            fs::create_dir_all(root.join("next/inner")).unwrap();
            write(&root.join("next/inner/a.rego"), "two");
            symlink("../bundle", root.join("links/bundle")).unwrap();
        },
        |root| {
            symlink("../next/inner", root.join("links/tmp")).unwrap();
            fs::rename(root.join("links/tmp"), root.join("links/bundle")).unwrap();
        },
    ),
    ("file written in place", "a.rego", in_file, |root| {
        write(&root.join("a.rego"), "two")
    }),
    ("file renamed over", "a.rego", in_file, |root| {
        write(&root.join("new"), "two");
        fs::rename(root.join("new"), root.join("a.rego")).unwrap();
    }),
    (
        "archive renamed over",
        "b.tar.gz",
        |root| {
            fs::write(
                root.join("b.tar.gz"),
                archive(vec![file("a.rego", module("one").as_bytes())]),
            )
            .unwrap();
        },
        |root| {
            fs::write(
                root.join("new"),
                archive(vec![file("a.rego", module("two").as_bytes())]),
            )
            .unwrap();
            fs::rename(root.join("new"), root.join("b.tar.gz")).unwrap();
        },
    ),
    ("volume", "volume", volume, |root| {
        publish_volume(&root.join("volume"), "v2", "two")
    }),
    ("file of a volume", "volume/a.rego", volume, |root| {
        publish_volume(&root.join("volume"), "v2", "two")
    }),
    (
        "directory within a volume",
        "volume/..data",
        volume,
        |root| publish_volume(&root.join("volume"), "v2", "two"),
    ),
];

fn in_directory(root: &Path) {
    fs::create_dir(root.join("bundle")).unwrap();
    write(&root.join("bundle/a.rego"), "one");
}

fn in_file(root: &Path) {
    write(&root.join("a.rego"), "one");
}

fn every_change_comes_into_force(timing: Timing) {
    for (name, source, prepare, change) in CHANGES {
        let scene = Scene::start(source, timing, prepare);
        assert!(scene.wait_loaded().contains("one"), "{name}");
        change(scene.directory.path());
        while !scene.wait_loaded().contains("two") {}
    }
}

#[test]
fn every_reported_change_comes_into_force() {
    every_change_comes_into_force(REPORTED);
}

#[test]
fn every_change_comes_into_force_without_reports() {
    every_change_comes_into_force(POLLED);
}

#[test]
fn a_directory_that_vanishes_and_returns_is_followed() {
    let scene = Scene::start("up/bundle", REPORTED, |root| {
        fs::create_dir_all(root.join("up/bundle")).unwrap();
        write(&root.join("up/bundle/a.rego"), "one");
    });
    scene.wait_loaded();
    for (gone, text) in [("up/bundle", "two"), ("up", "three"), ("up/bundle", "four")] {
        fs::rename(scene.at(gone), scene.at(text)).unwrap();
        assert!(scene.wait_refused().contains("does not exist"));
        fs::create_dir_all(scene.at("up/bundle")).unwrap();
        write(&scene.at("up/bundle/a.rego"), text);
        assert!(scene.wait_loaded().contains(text));
    }
}

#[test]
fn what_is_not_there_at_the_start_is_found_when_it_comes() {
    let scene = Scene::start("up/bundle", REPORTED, |_| {});
    assert!(scene.wait_refused().contains("does not exist"));
    fs::create_dir_all(scene.at("up/bundle")).unwrap();
    write(&scene.at("up/bundle/a.rego"), "one");
    assert!(scene.wait_loaded().contains("one"));
}

#[test]
fn a_broken_change_leaves_the_last_good_set_in_force() {
    let scene = Scene::start("bundle", REPORTED, in_directory);
    scene.wait_loaded();
    let path = scene.at("bundle/a.rego");
    write(&path, "BROKEN");
    assert_eq!(scene.wait_refused(), "a.rego:2:1: broken [test.broken]");
    assert!(scene.text().contains("one"));
    write(&path, "PANIC");
    assert_eq!(scene.wait_refused(), "internal error: loading panicked");
    write(&path, "two");
    assert!(scene.wait_loaded().contains("two"));
}

#[test]
fn the_last_of_many_quick_writes_comes_into_force() {
    let scene = Scene::start("bundle", REPORTED, in_directory);
    scene.wait_loaded();
    let (path, new) = (scene.at("bundle/a.rego"), scene.at("new"));
    for n in 0..500 {
        write(&new, &format!("write {n}"));
        fs::rename(&new, &path).unwrap();
    }
    while scene.wait_loaded() != module("write 499") {}
}

#[test]
fn writing_without_end_does_not_keep_changes_out() {
    const WRITES_MAX: usize = 10_000_000;
    let scene = Scene::start("a.rego", REPORTED, in_file);
    scene.wait_loaded();
    let (path, new) = (scene.at("a.rego"), scene.at("new"));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..WRITES_MAX {
                if done.load(Ordering::Acquire) {
                    break;
                }
                write(&new, &format!("write {n}"));
                fs::rename(&new, &path).unwrap();
            }
        });
        let loaded = [scene.wait_loaded(), scene.wait_loaded()];
        done.store(true, Ordering::Release);
        assert!(loaded.iter().all(|text| text.contains("write")));
    });
}

#[test]
fn a_reload_can_be_asked_for() {
    let scene = Scene::start("bundle", POLLED, in_directory);
    scene.wait_loaded();
    write(&scene.at("bundle/a.rego"), "BROKEN");
    scene.wait_refused();
    // Nothing changed, yet it is tried again and told again.
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let asked = scene.watch.steering();
    runtime.unwrap().block_on(asked.reload()).unwrap();
    assert_eq!(scene.wait_refused(), "a.rego:2:1: broken [test.broken]");
}

#[test]
fn dropping_a_watch_ends_it() {
    let scene = Scene::start("bundle", REPORTED, in_directory);
    scene.wait_loaded();
    drop(scene.watch);
    // The loader is gone, and the sender of its events with it.
    assert!(scene.events.recv().is_err());
}
