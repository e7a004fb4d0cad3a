//! Runs that end anywhere: every operation on the disk and every request to the store fails in
//! turn, and the power fails at each.

use super::memory::Plan as StorePlan;
use super::*;
use crate::files::faulty::Plan;

/// A log of which some is archived and pruned already, so that a run at day 150 uploads, moves
/// and prunes.
fn scene() -> (Disk, Memory, Report) {
    let (disk, store) = (Disk::new(), Memory::default());
    write(&disk, 0, 3, 10);
    run(&disk, &store, 0).unwrap();
    run(&disk, &store, 95).unwrap();
    write(&disk, 30, 5, 10);
    run(&disk, &store, 96).unwrap();
    write(&disk, 80, 2, 50);
    let report = check_everywhere(&disk, &store);
    (disk, store, report)
}

const NOW: u64 = 150;

/// A log of which all is pruned but the last file.
fn pruned() -> (Disk, Memory, Report) {
    let (disk, store) = (Disk::new(), Memory::default());
    write(&disk, 0, 3, 10);
    run(&disk, &store, 500).unwrap();
    let report = check_everywhere(&disk, &store);
    (disk, store, report)
}

#[test]
fn whatever_fails_nothing_is_lost_and_the_next_run_ends_it() {
    let (disk, store, _) = scene();
    disk.set(Plan::default());
    store.set(StorePlan::default());
    let done = run(&disk, &store, NOW).unwrap();
    for act in [Act::Upload, Act::Move, Act::Prune] {
        assert!(count(&done, act) > 0, "{done:?}");
    }
    let (operations, requests) = (disk.operations(), store.requests());
    let expected = (segments(&disk), store.names(), check(&disk));
    let failures = (0..operations).flat_map(|at| {
        let fail = (
            Plan {
                fail_at: Some(at),
                ..Plan::default()
            },
            StorePlan::default(),
        );
        let crash = (0..3).map(move |seed| {
            let plan = Plan {
                crash_at: Some(at),
                seed,
                ..Plan::default()
            };
            (plan, StorePlan::default())
        });
        crash.chain([fail])
    });
    let refusals = (0..requests).flat_map(|at| {
        [(Some(at), None), (None, Some(at))].map(|(fail_at, lose_answer_at)| {
            (
                Plan::default(),
                StorePlan {
                    fail_at,
                    lose_answer_at,
                },
            )
        })
    });
    let mut failed = 0;
    for (on_disk, in_store) in failures.chain(refusals) {
        let (disk, store, report) = scene();
        disk.set(on_disk);
        store.set(in_store);
        let what = format!("{on_disk:?} {in_store:?}");
        failed += u32::from(run(&disk, &store, NOW).is_err());
        disk.set(Plan::default());
        store.set(StorePlan::default());
        assert_eq!(check_everywhere(&disk, &store), report, "{what}");
        let rest = check(&disk);
        assert_eq!(
            (rest.next_seq(), &rest.head),
            (report.records, &report.head),
            "{what}"
        );
        run(&disk, &store, NOW).unwrap();
        assert_eq!(
            (segments(&disk), store.names(), check(&disk)),
            expected,
            "{what}"
        );
        assert_eq!(check_everywhere(&disk, &store), report, "{what}");
    }
    assert!(u64::from(failed) > operations + requests, "{failed}");
}

#[test]
fn a_restore_that_fails_anywhere_can_be_done_again() {
    let (disk, store, report) = pruned();
    disk.set(Plan::default());
    bring_back(ORIGIN, &store, &disk).unwrap();
    let operations = disk.operations();
    assert!(operations > 10, "{operations}");
    let expected = segments(&disk);
    for at in 0..operations {
        for seed in 0..4 {
            let (disk, store, _) = pruned();
            let plan = match seed {
                0 => Plan {
                    fail_at: Some(at),
                    ..Plan::default()
                },
                _ => Plan {
                    crash_at: Some(at),
                    seed,
                    ..Plan::default()
                },
            };
            disk.set(plan);
            drop(bring_back(ORIGIN, &store, &disk));
            disk.set(Plan::default());
            // The log is usable at any time: what is not whole counts as gone.
            let rest = check(&disk);
            assert_eq!(
                (rest.next_seq(), &rest.head),
                (report.records, &report.head),
                "{plan:?}"
            );
            bring_back(ORIGIN, &store, &disk).unwrap();
            assert_eq!(segments(&disk), expected, "{plan:?}");
            assert_eq!(check(&disk), report, "{plan:?}");
        }
    }
}

#[test]
fn a_break_before_what_is_archived_is_told_where_it_is() {
    let (disk, store, _) = scene();
    let names: Vec<_> = segments(&disk).into_keys().collect();
    disk.remove(&dir().join(&names[1])).unwrap();
    let error = run(&disk, &store, NOW).unwrap_err();
    assert!(matches!(error, ArchiveError::Io { .. }), "{error}");
    assert!(matches!(
        walk(&OnDisk(&disk), None, &mut |_| ()).unwrap_err().what,
        Wrong::FileName
    ));
}
