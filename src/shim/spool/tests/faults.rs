//! Each operation on the disk fails in turn, or the power does.

use super::*;
use crate::files::faulty::{Disk, Plan};

/// Appends and acknowledges until an error, with enough to make the file be written anew; gives
/// what was safely appended and up to where was acknowledged.
fn work(disk: &Disk) -> io::Result<(Vec<u64>, u64)> {
    let path = Path::new("/state/spool");
    let (mut spool, found) = Spool::open(Arc::new(disk.clone()), path, EACH, false)?;
    assert_eq!(found.lost, 0);
    let (mut safe, mut acknowledged) = (Vec::new(), 0);
    let mut failed = Ok(());
    for at in 0..12 {
        let number = spool.next;
        failed = append(&mut spool, &format!("{at}"));
        if failed.is_err() {
            break;
        }
        safe.push(number);
        if at % 4 == 3 {
            spool.file_bytes += CLEARED_FROM_BYTES * u64::from(at == 7);
            acknowledged = number - 1;
            failed = spool.acknowledge(acknowledged);
        }
    }
    drop(failed);
    Ok((safe, acknowledged))
}

/// What another process finds.
fn found(disk: &Disk) -> (Vec<u64>, Found) {
    disk.set(Plan::default());
    let path = Path::new("/state/spool");
    let (spool, found) = Spool::open(Arc::new(disk.clone()), path, EACH, false).unwrap();
    (numbers(&spool), found)
}

fn disk() -> Disk {
    let disk = Disk::new();
    files::create_dir(&disk, Path::new("/state")).unwrap();
    disk
}

fn operations() -> u64 {
    let disk = disk();
    disk.set(Plan::default());
    let (safe, _) = work(&disk).unwrap();
    assert_eq!(safe.len(), 12);
    disk.operations()
}

#[test]
fn what_was_appended_survives_whatever_fails_later() {
    let operations = operations();
    assert!(operations > 30, "{operations}");
    for seed in 0..8 {
        for at in 0..operations {
            for (crash, short_writes) in [(true, false), (true, true), (false, seed % 2 == 1)] {
                let disk = disk();
                disk.set(Plan {
                    fail_at: (!crash).then_some(at),
                    crash_at: crash.then_some(at),
                    short_writes,
                    seed,
                    ..Plan::default()
                });
                let done = work(&disk);
                if !crash {
                    // The power fails after all, so that only what was synced counts.
                    disk.crash();
                }
                let (numbers, found) = found(&disk);
                let (safe, acknowledged) = done.unwrap_or_default();
                let missing = safe
                    .iter()
                    .filter(|it| **it > acknowledged && !numbers.contains(it));
                let missing: Vec<_> = missing.collect();
                assert!(missing.is_empty(), "{at} {seed}: {missing:?}, {found:?}");
            }
        }
    }
}

#[test]
fn a_full_disk_is_an_error_and_what_was_appended_stays() {
    for bytes_max in (0..6_000).step_by(97) {
        let disk = disk();
        disk.set(Plan {
            bytes_max: Some(bytes_max),
            ..Plan::default()
        });
        let (safe, acknowledged) = work(&disk).unwrap_or_default();
        let (numbers, _) = found(&disk);
        let is_there = |it: &u64| *it <= acknowledged || numbers.contains(it);
        assert!(safe.iter().all(is_there), "{bytes_max}");
    }
}

#[test]
fn a_line_after_a_torn_one_is_a_line() {
    let disk = disk();
    let path = Path::new("/state/spool");
    let mut spool = Spool::open(Arc::new(disk.clone()), path, EACH, false)
        .unwrap()
        .0;
    for seed in 0..16 {
        disk.set(Plan {
            fail_at: Some(0),
            seed,
            ..Plan::default()
        });
        append(&mut spool, "torn").unwrap_err();
        append(&mut spool, "whole").unwrap();
    }
    drop(spool);
    let (numbers, found) = found(&disk);
    let whole = numbers.iter().filter(|number| *number % 2 == 0).count();
    assert_eq!(whole, 16, "{numbers:?}");
    assert_eq!(found.lost, 32 - numbers.len() as u64);
}
