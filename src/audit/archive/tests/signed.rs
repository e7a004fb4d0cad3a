//! A signed log whose beginning went to the store: all of it checks, from the disk and from both.

use super::*;
use crate::audit::log::{Cadence, Signing};
use crate::audit::record::{Heartbeat, Record};
use crate::audit::sign::SigningKey;
use crate::audit::verify::{Checked, Expected, Fault, Pairs, Watch};
use crate::files::faulty::Plan;
use crate::model::json::Object;

struct Unwatched;

impl Watch for Unwatched {
    fn passed(&mut self, _bytes: u64) {}

    fn notable(&mut self, _record: &Object) {}
}

/// A signed log: so many records of the first day, and as many of a year later. Gives back the key.
fn write_signed(disk: &Disk, records: u64) -> SigningKey {
    let (key, pem) = SigningKey::generate().unwrap();
    let options = Options {
        segment_bytes_max: 16_000,
        signing: Some(Signing {
            key: Arc::new(SigningKey::from_pem(&pem, "the test's key").unwrap()),
            previous: None,
            time: TIME,
        }),
        cadence: Cadence {
            leaves_max: 100,
            ms_max: 60_000,
        },
        ..Options::new(ORIGIN)
    };
    let (log, _) = Log::open(&dir(), options, Arc::new(disk.clone())).unwrap();
    for day_of in [0, 365] {
        let beats = (0..records).map(|number| {
            let beat = Heartbeat {
                spooled: Some(number),
                ..Heartbeat::default()
            };
            log.append(day(day_of), &Record::Heartbeat(beat)).unwrap()
        });
        beats.last().unwrap().wait().unwrap();
    }
    log.close().unwrap();
    key
}

fn check_signed(segments: &dyn Segments, key: &SigningKey) -> Result<Checked, Fault> {
    let expected = Expected {
        keys: vec![key.verifier(ORIGIN).unwrap()],
        ..Expected::default()
    };
    let mut pairs = Pairs::default();
    crate::audit::verify::check(segments, &expected, &mut pairs, &mut Unwatched)
}

#[test]
fn a_signed_log_checks_from_the_disk_and_from_both() {
    let (disk, store) = (Disk::new(), Memory::default());
    let key = write_signed(&disk, 350);
    let directory = dir();
    let whole = Everywhere::new(&directory, ORIGIN, &store, &disk).unwrap();
    let whole = check_signed(&whole, &key).unwrap();
    assert_eq!((whole.report.records, whole.signed.covered), (700, 700));
    let is_there = |name: &str| disk.length(&dir().join(name)).unwrap().is_some();
    assert!(is_there("tile/entries/000"));
    assert!(count(&run(&disk, &store, 400).unwrap(), Act::Prune) > 1);
    assert!(!is_there("tile/entries/000") && is_there("tile/0/000"));
    // The bundles are gone, and the lines are read from the store.
    let both = Everywhere::new(&directory, ORIGIN, &store, &disk).unwrap();
    let found = check_signed(&both, &key).unwrap();
    assert_eq!((found.root, &found.report), (whole.root, &whole.report));
    assert_eq!(found.signed, whole.signed);
    assert!(found.tiles < whole.tiles);
    // Those of what is still on the disk are not.
    assert!(is_there("tile/entries/001"));
    disk.remove(&dir().join("tile/entries/001")).unwrap();
    let fault = check_signed(&both, &key).unwrap_err();
    assert!(matches!(fault.what, Wrong::TileMissing { .. }), "{fault}");
    assert_eq!(fault.file, "tile/entries/001");
}

/// A signed log in the store, all but its last file.
fn archived() -> (Disk, Memory, SigningKey) {
    let (disk, store) = (Disk::new(), Memory::default());
    let key = write_signed(&disk, 350);
    run(&disk, &store, 400).unwrap();
    (disk, store, key)
}

#[test]
fn what_comes_back_to_an_empty_place_checks_and_goes_on() {
    let (_, store, key) = archived();
    let other = Disk::new();
    let restored = bring_back(ORIGIN, &store, &other).unwrap();
    let records = restored.head.unwrap().seq + 1;
    assert!(records >= 350, "{records}");
    let found = check_signed(&OnDisk(&other), &key).unwrap();
    assert_eq!(
        (found.report.records, found.signed.covered),
        (records, records)
    );
    assert!(found.tiles > 3, "{}", found.tiles);
    let options = Options {
        signing: Some(Signing {
            key: Arc::new(key),
            previous: None,
            time: TIME,
        }),
        ..Options::new(ORIGIN)
    };
    let (log, _) = Log::open(&dir(), options, Arc::new(other)).unwrap();
    log.close().unwrap();
}

#[test]
fn a_checkpoint_in_the_store_that_is_not_over_the_lines_is_told() {
    let (_, store, _) = archived();
    let kept = |name: &String| name.contains("/checkpoints/");
    let last = store.names().into_iter().filter(kept).max().unwrap();
    let note = String::from_utf8(store.get(&last).unwrap()).unwrap();
    let root = note.lines().nth(2).unwrap();
    let other = note.replacen(root, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 1);
    for content in [other.as_str(), "no note", ""] {
        store.put(&last, content.as_bytes(), None).unwrap();
        let disk = Disk::new();
        let error = bring_back(ORIGIN, &store, &disk).unwrap_err();
        assert!(matches!(error, ArchiveError::Differs { .. }), "{error}");
        assert_eq!(disk.length(&dir().join("checkpoint")).unwrap(), None);
    }
}

#[test]
fn tree_and_checkpoints_come_back_whatever_fails() {
    let (_, store, key) = archived();
    let whole = Disk::new();
    bring_back(ORIGIN, &store, &whole).unwrap();
    let expected = check_signed(&OnDisk(&whole), &key).unwrap();
    for at in 0..whole.operations() {
        for seed in 0..2 {
            let disk = Disk::new();
            disk.set(Plan {
                fail_at: (seed == 0).then_some(at),
                crash_at: (seed != 0).then_some(at),
                seed,
                ..Plan::default()
            });
            assert!(bring_back(ORIGIN, &store, &disk).is_err(), "{at}");
            disk.set(Plan::default());
            bring_back(ORIGIN, &store, &disk).unwrap();
            let found = check_signed(&OnDisk(&disk), &key).unwrap();
            assert_eq!(
                (found.root, found.tiles),
                (expected.root, expected.tiles),
                "{at}"
            );
        }
    }
}
