use super::*;
use crate::bundle::load::{Compile, LoadError, Loader};
use crate::bundle::swap::{PolicyStore, Stage, Status};
use crate::bundle::testing::{broken, loader};
use std::fs;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use tempfile::TempDir;

/// A loader of `a.rego` that has loaded `one` and then `two`.
struct Scene {
    directory: TempDir,
    reloader: Reloader<String>,
    store: Arc<PolicyStore<String>>,
    events: Receiver<LoadEvent>,
}

impl Scene {
    fn new(prepare: impl FnOnce(&mut Loader<String>)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (mut loader, events, store) = loader(&[("demo", directory.path())]);
        prepare(&mut loader);
        let mut scene = Self {
            directory,
            reloader: Reloader::new(loader),
            store,
            events,
        };
        scene.load("one");
        scene.load("two");
        assert_eq!(scene.told().len(), 2);
        scene
    }

    fn load(&mut self, text: &str) {
        let module = format!("package a\n{text}");
        fs::write(self.directory.path().join("a.rego"), module).unwrap();
        self.reloader.force();
    }

    /// Rolls back to the set before the newest.
    fn roll_back(&mut self, hold: Duration) -> Result<(), SteerError> {
        let digest = self.store.status().held[1].digest.clone();
        self.reloader.roll_back(Rollback {
            digest,
            reason: "why".to_owned(),
            by: "me".to_owned(),
            hold,
        })
    }

    fn told(&self) -> Vec<LoadEvent> {
        self.events.try_iter().collect()
    }

    /// The version in force, and its text.
    fn in_force(&self) -> (u64, String) {
        let active = self.store.status().active.unwrap();
        let text = (*self.store.current().unwrap()).clone();
        (active.revision.version, text.replace("package a\n", ""))
    }
}

/// Compiles as the loader does, but not this version.
fn failing_at(version: u64, how: fn()) -> impl FnOnce(&mut Loader<String>) {
    move |loader| {
        let empty: Compile<String> = Box::new(|_, _| Err(Vec::new()));
        let compile = std::mem::replace(&mut loader.compile, empty);
        loader.compile = Box::new(move |verified, asked| {
            if asked != version {
                return compile(verified, asked);
            }
            how();
            Err(vec![broken()])
        });
    }
}

fn panics() {
    panic!("a compiler with a bug");
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_rollback_that_fails_leaves_everything_as_it_was() {
    let refused = SteerError::Refused("a.rego:2:1: broken [test.broken]".to_owned());
    let unrecorded = SteerError::Unrecorded("the disk is full".to_owned());
    let unrecordable = |loader: &mut Loader<String>| {
        loader.record = Box::new(|event| match event {
            LoadEvent::RolledBack { .. } => Err("the disk is full".to_owned()),
            _ => Ok(()),
        });
    };
    type Prepare = Box<dyn FnOnce(&mut Loader<String>)>;
    let cases: [(Prepare, SteerError); 3] = [
        (Box::new(failing_at(3, || ())), refused),
        (Box::new(failing_at(3, panics)), SteerError::Panicked),
        (Box::new(unrecordable), unrecorded),
    ];
    for (prepare, expected) in cases {
        let mut scene = Scene::new(prepare);
        let before: Status = scene.store.status();
        assert_eq!(scene.roll_back(HOUR), Err(expected));
        assert_eq!(scene.store.status(), before);
        assert_eq!(scene.told(), []);
        assert_eq!(
            scene.reloader.wait_max(HOUR * 2),
            HOUR * 2,
            "nothing is held"
        );
    }
}

#[test]
fn while_a_set_is_held_nothing_is_confirmed_and_its_end_is_waited_for() {
    let mut scene = Scene::new(|_| ());
    scene.reloader.loader.now = || crate::model::time::Timestamp::from_nanos(9);
    scene.roll_back(HOUR).unwrap();
    scene.reloader.unchanged();
    scene.reloader.reload();
    let confirmed = scene.store.status().confirmed.unwrap();
    assert_eq!(confirmed.as_nanos(), 7);
    assert!(scene.reloader.wait_max(HOUR * 2) <= HOUR);
    assert_eq!(scene.reloader.wait_max(Duration::ZERO), Duration::ZERO);
    scene.reloader.end_hold_if_over();
    assert_eq!(scene.in_force(), (3, "one".to_owned()));
    // A good change waits, and is told once.
    scene.load("three");
    scene.reloader.reload();
    let told = scene.told();
    assert!(matches!(
        told[..],
        [LoadEvent::RolledBack { .. }, LoadEvent::Waiting { .. }]
    ));
    assert_eq!(scene.in_force(), (3, "one".to_owned()));
    // One that is refused, and taken back, is told as such; what waits still does.
    scene.load("BROKEN");
    scene.load("three");
    let told = scene.told();
    assert!(matches!(
        told[..],
        [LoadEvent::Refused { .. }, LoadEvent::Recovered { .. }]
    ));
    assert_eq!(scene.store.status().refused, None);
    assert_eq!(scene.in_force(), (3, "one".to_owned()));
}

#[test]
fn a_newest_set_that_does_not_compile_any_more_is_refused_when_the_hold_ends() {
    for how in [(|| ()) as fn(), panics] {
        let mut scene = Scene::new(failing_at(4, how));
        scene.roll_back(Duration::ZERO).unwrap();
        scene.reloader.end_hold_if_over();
        let status = scene.store.status();
        assert_eq!(
            (scene.in_force(), status.pinned),
            ((3, "one".to_owned()), None)
        );
        assert_eq!(status.refused.unwrap().stage, Stage::Compile);
        let told = scene.told();
        assert!(matches!(
            told[..],
            [LoadEvent::RolledBack { .. }, LoadEvent::Refused { .. }]
        ));
        // It is over: the next set that is read decides.
        scene.reloader.end_hold_if_over();
        scene.reloader.loader.compile = loader(&[]).0.compile;
        scene.load("two");
        assert_eq!(scene.in_force(), (4, "two".to_owned()));
    }
}

#[test]
fn sources_that_are_gone_do_not_end_a_hold() {
    let mut scene = Scene::new(|_| ());
    scene.roll_back(HOUR).unwrap();
    let path = scene.directory.path().to_owned();
    fs::remove_dir_all(&path).unwrap();
    let error = crate::bundle::load::read_and_verify(&scene.reloader.loader.sources);
    assert!(matches!(error, Err(LoadError::Read { .. })));
    scene.reloader.force();
    let status = scene.store.status();
    assert_eq!(status.refused.unwrap().stage, Stage::Read);
    assert!(status.pinned.is_some());
    assert_eq!(scene.in_force(), (3, "one".to_owned()));
    fs::create_dir(&path).unwrap();
}
