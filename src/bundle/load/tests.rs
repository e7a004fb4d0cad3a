use super::*;
use crate::bundle::testing::{broken, loader};
use crate::model::bundle::Module;
use crate::model::json::Json;
use std::fs;
use std::path::Path;
use std::sync::mpsc::Receiver;

/// The one event that was told; `None` if none was.
fn told(events: &Receiver<LoadEvent>) -> Option<LoadEvent> {
    let first = events.try_recv().ok();
    assert!(events.try_recv().is_err(), "more than one event");
    first
}

fn refused(event: Option<LoadEvent>) -> (Refusal, Option<u64>) {
    match event {
        Some(LoadEvent::Refused {
            refusal, active, ..
        }) => (refusal, active.map(|a| a.version)),
        other => panic!("not refused: {other:?}"),
    }
}

fn loaded(event: Option<LoadEvent>) -> (u64, Option<u64>) {
    match event {
        Some(LoadEvent::Loaded {
            revision, replaced, ..
        }) => (revision.version, replaced.map(|replaced| replaced.version)),
        other => panic!("not loaded: {other:?}"),
    }
}

#[test]
fn each_outcome_is_told_once_and_the_last_good_set_stays() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("a.rego");
    let write = |text: &str| fs::write(&module, format!("package a\n{text}")).unwrap();
    let (loader, events, store) = loader(&[("demo", directory.path())]);
    let mut reloader = Reloader::new(loader);
    let mut after = |act: &dyn Fn()| {
        act();
        reloader.reload();
        let status = store.status();
        let version = status.active.map(|active| active.revision.version);
        (told(&events), status.refused, version)
    };

    // Nothing there yet.
    let (event, refusal, version) = after(&|| {});
    assert_eq!(refused(event), (refusal.clone().unwrap(), None));
    let refusal = refusal.unwrap();
    assert_eq!(refusal.stage, Stage::Verify);
    assert_eq!(
        refusal.reason,
        "no policy: not one `.rego` file, tests aside, in `demo`"
    );
    assert_eq!((refusal.digest, version), (None, None));
    assert_eq!(after(&|| {}), (None, store.status().refused, None));

    let (event, refusal, version) = after(&|| write("one"));
    assert_eq!(
        (loaded(event), refusal, version),
        ((1, None), None, Some(1))
    );
    assert_eq!(after(&|| {}), (None, None, Some(1)));
    // Other bytes, but the same policy.
    let notes = directory.path().join("notes.txt");
    assert_eq!(
        after(&|| fs::write(&notes, "x").unwrap()),
        (None, None, Some(1))
    );

    let (event, refusal, version) = after(&|| write("BROKEN"));
    let refusal = refusal.unwrap();
    assert_eq!(refused(event), (refusal.clone(), Some(1)));
    assert_eq!((refusal.stage, version), (Stage::Compile, Some(1)));
    assert_eq!(refusal.reason, "a.rego:2:1: broken [test.broken]");
    assert_eq!(refusal.findings, [broken()]);
    assert_eq!(refusal.since, Timestamp::from_nanos(7));
    assert!(refusal.digest.unwrap().starts_with("sha256:"));
    assert_eq!(after(&|| {}).0, None, "the same breakage is not told again");
    assert!(store.status().refused.is_some());

    // Broken in another way.
    let (event, ..) = after(&|| fs::write(&module, "x").unwrap());
    assert_eq!(refused(event).0.stage, Stage::Verify);
    let (event, ..) = after(&|| write("PANIC"));
    assert_eq!(refused(event).0.reason, "internal error: loading panicked");
    let (event, ..) = after(&|| fs::remove_dir_all(directory.path()).unwrap());
    let (refusal, active) = refused(event);
    assert_eq!((refusal.stage, active), (Stage::Read, Some(1)));
    assert!(
        refusal.reason.starts_with("bundle `demo`: `"),
        "{}",
        refusal.reason
    );
    assert_eq!(after(&|| {}).0, None);
    assert_eq!(
        store.current().as_deref().map(String::as_str),
        Some("package a\none")
    );

    // As it was: nothing to swap.
    fs::create_dir(directory.path()).unwrap();
    let (event, refusal, version) = after(&|| write("one"));
    assert!(matches!(event, Some(LoadEvent::Recovered { revision }) if revision.version == 1));
    assert_eq!((refusal, version), (None, Some(1)));

    let (event, refusal, version) = after(&|| write("two"));
    assert_eq!(
        (loaded(event), refusal, version),
        ((2, Some(1)), None, Some(2))
    );
}

#[test]
fn a_forced_reload_tries_again_and_does_not_swap_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("a.rego");
    fs::write(&module, "package a\nBROKEN").unwrap();
    let (loader, events, store) = loader(&[("demo", &module)]);
    let mut reloader = Reloader::new(loader);
    for _ in 0..2 {
        reloader.force();
        assert_eq!(refused(told(&events)).0.stage, Stage::Compile);
    }
    fs::write(&module, "package a\n").unwrap();
    reloader.force();
    assert_eq!(loaded(told(&events)), (1, None));
    reloader.force();
    assert_eq!(told(&events), None);
    assert_eq!(store.next_version(), 2);
}

#[test]
fn only_what_is_in_force_is_confirmed() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("a.rego");
    let (mut loader, _events, store) = loader(&[("demo", &module)]);
    loader.now = || Timestamp::from_nanos(1);
    let mut reloader = Reloader::new(loader);
    let mut confirmed = |now: fn() -> Timestamp, text: &str| {
        reloader.loader.now = now;
        fs::write(&module, text).unwrap();
        reloader.reload();
        reloader.unchanged();
        store.status().confirmed.map(Timestamp::as_nanos)
    };
    assert_eq!(confirmed(|| Timestamp::from_nanos(1), "BROKEN"), None);
    assert_eq!(
        confirmed(|| Timestamp::from_nanos(2), "package a\n"),
        Some(2)
    );
    assert_eq!(
        confirmed(|| Timestamp::from_nanos(3), "package a\nBROKEN"),
        Some(2)
    );
    assert_eq!(
        confirmed(|| Timestamp::from_nanos(4), "package a\n"),
        Some(4)
    );
}

#[test]
fn sources_are_read_and_verified_in_one_step() {
    let directory = tempfile::tempdir().unwrap();
    let source = |name: &str| Source {
        name: name.to_owned(),
        path: directory.path().join("a.rego"),
        servers: None,
    };
    let error = read_and_verify(&[source("x")]).unwrap_err().to_string();
    let path = directory.path().join("a.rego");
    assert_eq!(
        error,
        format!(
            "bundle `x`: `{}` does not exist: check the bundle's path",
            path.display()
        )
    );
    fs::write(&path, "package a\n").unwrap();
    assert_eq!(read_and_verify(&[source("x")]).unwrap().modules.len(), 1);
    let error = read_and_verify(&[source("x"), source("y")]).unwrap_err();
    assert!(matches!(
        error,
        LoadError::Verify(VerifyError::RootsOverlap { .. })
    ));
}

/// One bundle as a directory, and as `opa build`, GNU tar and Python's tarfile archive it.
#[test]
fn what_other_programs_archive_is_read() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/bundle");
    let verified = |name: &str| {
        let source = Source {
            name: "demo".to_owned(),
            path: data.join(name),
            servers: None,
        };
        read_and_verify(&[source]).unwrap()
    };
    let directory = verified("contracts");
    let json = Json::Object(directory.data.clone()).canonical();
    let expected =
        br#"{"contracts":{"limit":12345678901234567890123,"open":true,"owners":["ann"]}}"#;
    assert_eq!(json, expected);
    for name in ["gnu-tar.tar.gz", "pax.tar.gz"] {
        assert_eq!(verified(name).digest, directory.digest, "{name}");
    }
    // `opa build` merges the data files and puts the modules below the path they came from.
    let opa = verified("opa-build.tar.gz");
    assert_eq!(Json::Object(opa.data.clone()).canonical(), json);
    assert_eq!(opa.revision, directory.revision);
    let text = |modules: &[Module]| -> Vec<String> {
        modules.iter().map(|module| module.source.clone()).collect()
    };
    assert_eq!(text(&opa.modules), text(&directory.modules));
    assert_eq!(text(&opa.tests), text(&directory.tests));
}

#[test]
fn a_listener_that_panics_does_not_end_the_loading() {
    let directory = tempfile::tempdir().unwrap();
    let module = directory.path().join("a.rego");
    let (mut loader, _events, store) = loader(&[("demo", &module)]);
    loader.on_event = Box::new(|event| panic!("{event:?}"));
    let mut reloader = Reloader::new(loader);
    for version in 1..=2 {
        fs::write(&module, format!("package a\n# {version}")).unwrap();
        reloader.reload();
        assert_eq!(store.next_version(), version + 1);
    }
}

#[test]
fn who_changed_a_bundle_is_told_with_the_change_and_with_its_refusal() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    let (loader, events, _) = loader(&[("demo", directory.path())]);
    let mut reloader = Reloader::new(loader);
    for (module, author) in [("package a", "ann"), ("package a\n# BROKEN", "bob")] {
        let change = format!(r#"{{"author": "{author}", "reason": "why"}}"#);
        let manifest = format!(r#"{{"metadata": {{"toolgate": {{"change": {change}}}}}}}"#);
        write(".manifest", &manifest);
        write("a.rego", module);
        reloader.reload();
        let changes = match told(&events) {
            Some(LoadEvent::Loaded { changes, .. } | LoadEvent::Refused { changes, .. }) => changes,
            other => panic!("{other:?}"),
        };
        let expected = Change {
            bundle: "demo".to_owned(),
            author: author.to_owned(),
            reason: "why".to_owned(),
            ..Change::default()
        };
        assert_eq!(changes, [expected]);
    }
}
