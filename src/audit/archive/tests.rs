mod faults;
pub(in crate::audit) mod memory;
mod signed;
mod stores;

use super::names::prefix;
use super::*;
use crate::audit::log::{Log, Options};
use crate::audit::record::samples::{TIME, all};
use crate::audit::verify::{Report, Segments, Wrong, walk};
use crate::files::Files;
use crate::files::faulty::Disk;
use crate::model::time::Timestamp;
use memory::Memory;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const ORIGIN: &str = "pdp/1";

fn dir() -> PathBuf {
    PathBuf::from("/audit")
}

fn day(days: u64) -> Timestamp {
    TIME.plus(Duration::from_secs(days * 86_400))
}

fn options() -> Options {
    Options {
        segment_bytes_max: 4_000,
        ..Options::new(ORIGIN)
    }
}

/// Appends every type of record `times` times, `days` days from one time to the next.
fn write(disk: &Disk, first_day: u64, times: u64, days: u64) {
    let (log, _) = Log::open(&dir(), options(), Arc::new(disk.clone())).unwrap();
    for number in 0..times {
        for record in all() {
            log.append(day(first_day + number * days), &record)
                .unwrap()
                .wait()
                .unwrap();
        }
    }
    log.close().unwrap();
}

struct OnDisk<'a>(&'a Disk);

impl Segments for OnDisk<'_> {
    fn names(&self) -> io::Result<Vec<String>> {
        self.0.names(&dir())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.0.read(&dir().join(name), u64::MAX)
    }

    fn list(&self, below: &str) -> io::Result<Vec<String>> {
        match self.0.names(&dir().join(below)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            other => other,
        }
    }
}

/// The log's files by their names.
fn segments(disk: &Disk) -> BTreeMap<String, Vec<u8>> {
    let on_disk = OnDisk(disk);
    let names = on_disk.names().unwrap().into_iter();
    names
        .filter(|name| name.ends_with(".jsonl"))
        .map(|name| (name.clone(), on_disk.read(&name).unwrap()))
        .collect()
}

fn check(disk: &Disk) -> Report {
    walk(&OnDisk(disk), None, &mut |_| ()).unwrap()
}

fn check_everywhere(disk: &Disk, store: &Memory) -> Report {
    let directory = dir();
    let everywhere = Everywhere::new(&directory, ORIGIN, store, disk).unwrap();
    walk(&everywhere, None, &mut |_| ()).unwrap()
}

fn run(disk: &Disk, store: &Memory, now: u64) -> Result<Vec<Done>, ArchiveError> {
    archive(&dir(), store, &Tiers::DEFAULT, day(now), false, disk)
}

fn bring_back(origin: &str, store: &Memory, disk: &Disk) -> Result<Restored, ArchiveError> {
    let files: Arc<dyn Files> = Arc::new(disk.clone());
    restore(&dir(), origin, store, &files)
}

fn count(done: &[Done], act: Act) -> usize {
    done.iter().filter(|done| done.act == act).count()
}

#[test]
fn segments_go_from_the_disk_to_the_store_and_back() {
    let (disk, store) = (Disk::new(), Memory::default());
    write(&disk, 0, 12, 10);
    let (before, report) = (segments(&disk), check(&disk));
    assert!(before.len() > 8, "{}", before.len());
    // Young: uploaded, all but the last file, and nothing is pruned.
    let done = run(&disk, &store, 5).unwrap();
    assert_eq!(count(&done, Act::Upload), before.len() - 1);
    assert_eq!(done.len(), before.len() - 1);
    assert_eq!(segments(&disk), before);
    assert_eq!(run(&disk, &store, 5).unwrap(), []);
    let mut prunes = 0;
    for now in [60, 92, 120, 150, 230, 400, 600] {
        let done = run(&disk, &store, now).unwrap();
        prunes += count(&done, Act::Prune);
        let rest = check(&disk);
        assert_eq!(rest.head, report.head, "day {now}");
        assert_eq!(rest.first_seq + rest.records, report.records, "day {now}");
        assert_eq!(check_everywhere(&disk, &store), report, "day {now}");
        assert_eq!(run(&disk, &store, now).unwrap(), [], "day {now}");
    }
    assert_eq!(prunes, before.len() - 1);
    assert_eq!(segments(&disk).len(), 1, "the last file stays");
    // A writer goes on with what is left.
    write(&disk, 600, 2, 1);
    let grown = check(&disk);
    assert_eq!(grown.next_seq(), report.records + 2 * all().len() as u64);
    assert_eq!(check_everywhere(&disk, &store).records, grown.next_seq());
    let restored = bring_back(ORIGIN, &store, &disk).unwrap();
    assert_eq!(restored.files.len(), before.len() - 1);
    let after = segments(&disk);
    let last = before.keys().last().unwrap();
    for (name, content) in &before {
        match name == last {
            true => assert!(after[name].starts_with(content)),
            false => assert_eq!(&after[name], content, "{name}"),
        }
    }
    assert_eq!(check(&disk).records, grown.next_seq());
    assert_eq!(bring_back(ORIGIN, &store, &disk).unwrap().files, [""; 0]);
}

#[test]
fn any_log_comes_back_byte_for_byte() {
    for seed in 0..12_u64 {
        let (disk, store) = (Disk::new(), Memory::default());
        let mut now = 0;
        for part in 0..4 {
            write(&disk, now, 1 + (seed + part) % 4, (seed * 7 + part) % 50);
            now += (seed * 31 + part * 17) % 200;
            run(&disk, &store, now).unwrap();
        }
        let whole = check_everywhere(&disk, &store);
        assert_eq!(whole.first_seq, 0);
        // Into the same directory, and, what was sealed, into an empty one.
        bring_back(ORIGIN, &store, &disk).unwrap();
        assert_eq!(check(&disk), whole, "seed {seed}");
        let other = Disk::new();
        let restored = bring_back(ORIGIN, &store, &other).unwrap();
        let all = segments(&disk);
        assert_eq!(restored.files.len(), segments(&other).len());
        for (name, content) in segments(&other) {
            assert_eq!(all[&name], content, "seed {seed} {name}");
        }
        assert_eq!(segments(&other).len() + 1, all.len());
    }
}

#[test]
fn what_is_older_is_moved_and_kept_for_its_time() {
    let (disk, store) = (Disk::new(), Memory::default());
    write(&disk, 0, 2, 0);
    run(&disk, &store, 0).unwrap();
    let tiers = Tiers::DEFAULT;
    for (now, tier, days) in [
        (1, Tier::Hot, tiers.hot_days),
        (90, Tier::Hot, tiers.hot_days),
        (91, Tier::Warm, tiers.warm_days),
        (365, Tier::Warm, tiers.warm_days),
        (366, Tier::Cold, tiers.cold_days),
        (9_000, Tier::Cold, tiers.cold_days),
    ] {
        run(&disk, &store, now).unwrap();
        let names = store.names();
        assert!(!names.is_empty());
        for name in names {
            let expected = format!("{}/log-", prefix(tier, ORIGIN));
            assert!(name.starts_with(&expected), "day {now}: {name}");
            // From the end of the last record's day.
            let end = Timestamp::parse_rfc3339("2026-11-21T00:00:00Z").unwrap();
            let until = end.plus(Duration::from_secs(days * 86_400));
            assert_eq!(store.kept_until(&name), Some(until), "day {now}");
        }
    }
}

#[test]
fn a_dry_run_changes_nothing_and_tells_what_a_run_does() {
    let (disk, store) = (Disk::new(), Memory::default());
    write(&disk, 0, 6, 20);
    for now in [0, 100, 140, 500] {
        let (files, names) = (segments(&disk), store.names());
        disk.set(Default::default());
        let told = archive(&dir(), &store, &Tiers::DEFAULT, day(now), true, &disk).unwrap();
        assert_eq!(disk.operations(), 0);
        assert_eq!((segments(&disk), store.names()), (files, names));
        assert_eq!(run(&disk, &store, now).unwrap(), told, "day {now}");
        assert!(!told.is_empty());
    }
}

#[test]
fn other_bytes_in_the_store_are_found_before_anything_is_pruned() {
    for what in 0..4 {
        let (disk, store) = (Disk::new(), Memory::default());
        write(&disk, 0, 3, 0);
        run(&disk, &store, 0).unwrap();
        let files = segments(&disk);
        // Day 91 moves to another tier; of what is there already it compares as well.
        let now = if what < 2 { 91 } else { 92 };
        if what >= 2 {
            store.copy_to_tier(Tier::Warm);
        }
        let name = store.names().into_iter().nth(1).unwrap();
        store.change(&name, |content| match what % 2 {
            0 => *content = zstd::encode_all(&b"other"[..], 1).unwrap(),
            _ => content.truncate(content.len() / 2),
        });
        let error = run(&disk, &store, now).unwrap_err();
        assert!(
            matches!(&error, ArchiveError::Differs { name: found, .. } if *found == name),
            "{error}"
        );
        assert_eq!(segments(&disk), files, "nothing was pruned");
        assert!(store.names().contains(&name), "evidence stays");
        // Put aside, it is put there anew.
        store.take(&name);
        run(&disk, &store, now).unwrap();
        assert_eq!(segments(&disk).len(), 1);
        check_everywhere(&disk, &store);
    }
}

#[test]
fn what_is_in_the_store_alone_is_moved_only_where_all_copies_are_the_same() {
    let (disk, store) = (Disk::new(), Memory::default());
    write(&disk, 0, 3, 0);
    run(&disk, &store, 91).unwrap();
    let name = store.names().into_iter().next().unwrap();
    assert!(name.starts_with("warm/"), "{name}");
    // Somebody who may add objects, and remove none, puts another one before it.
    let other = name.replacen("warm/", "hot/", 1);
    let content = zstd::encode_all(&b"other"[..], 1).unwrap();
    store.put(&other, &content, None).unwrap();
    let error = run(&disk, &store, 500).unwrap_err();
    assert!(matches!(error, ArchiveError::Differs { .. }), "{error}");
    assert!(store.names().contains(&name), "the genuine one stays");
    assert!(store.names().contains(&other), "evidence stays");
}

#[test]
fn a_log_that_does_not_check_is_not_archived_from_there_on() {
    let (disk, store) = (Disk::new(), Memory::default());
    write(&disk, 0, 3, 0);
    let files = segments(&disk);
    let (name, content) = files.iter().nth(1).unwrap();
    let text = String::from_utf8(content.clone()).unwrap();
    // Every record has an origin.
    let changed = text.replacen("\"origin\":\"pdp/1\"", "\"origin\":\"pdp/2\"", 1);
    assert_ne!(changed, text);
    crate::files::replace(&disk, &dir().join(name), changed.as_bytes()).unwrap();
    let error = run(&disk, &store, 500).unwrap_err();
    assert!(
        matches!(error, ArchiveError::Fault { .. } | ArchiveError::Io { .. }),
        "{error}"
    );
    assert!(store.names().len() <= 2, "{:?}", store.names());
    assert_eq!(segments(&disk).len(), files.len());
}

#[test]
fn an_archive_that_lacks_records_is_not_restored() {
    let (disk, store) = (Disk::new(), Memory::default());
    write(&disk, 0, 4, 0);
    run(&disk, &store, 500).unwrap();
    let names = store.names();
    for name in [&names[0], &names[1], names.last().unwrap()] {
        let gone = store.take(name);
        let error = bring_back(ORIGIN, &store, &disk).unwrap_err();
        assert!(matches!(error, ArchiveError::Missing { .. }), "{error}");
        store.put_back(name, gone);
    }
    let error = bring_back("pdp/2", &store, &Disk::new()).unwrap_err();
    assert!(matches!(error, ArchiveError::NoArchive { .. }), "{error}");
}

#[test]
fn an_archive_that_was_altered_is_not_restored() {
    let (disk, store) = (Disk::new(), Memory::default());
    write(&disk, 0, 4, 0);
    run(&disk, &store, 500).unwrap();
    let name = store.names().remove(1);
    let other = zstd::encode_all(&b"{}\n"[..], 1).unwrap();
    store.change(&name, |content| *content = other);
    let error = bring_back(ORIGIN, &store, &disk).unwrap_err();
    assert!(matches!(error, ArchiveError::Fault { .. }), "{error}");
    // Until it is whole, what is there counts as before.
    assert!(check(&disk).first_seq > 0);
}

#[test]
fn nobody_archives_or_restores_at_the_same_time() {
    let (disk, store) = (Disk::new(), Memory::default());
    let error = run(&disk, &store, 0).unwrap_err();
    assert!(matches!(error, ArchiveError::NoLog { .. }), "{error}");
    write(&disk, 0, 2, 0);
    let lock = disk.lock(&dir().join("archive.lock")).unwrap();
    let error = run(&disk, &store, 0).unwrap_err();
    assert!(matches!(error, ArchiveError::Locked { .. }), "{error}");
    drop(lock);
    let (log, _) = Log::open(&dir(), options(), Arc::new(disk.clone())).unwrap();
    run(&disk, &store, 0).unwrap();
    let error = bring_back(ORIGIN, &store, &disk).unwrap_err();
    assert!(matches!(error, ArchiveError::Locked { .. }), "{error}");
    drop(log);
}

#[test]
fn tiles_and_checkpoints_are_uploaded_and_bundles_go_with_their_lines() {
    let (disk, store) = (Disk::new(), Memory::default());
    write(&disk, 0, 45, 0);
    let records = check(&disk).records;
    assert!(records > 2 * 256, "{records}");
    let put = |name: &str| {
        let path = dir().join(name);
        crate::files::create_dir(&disk, path.parent().unwrap()).unwrap();
        crate::files::replace(&disk, &path, name.as_bytes()).unwrap();
    };
    let names = [
        "checkpoint",
        "checkpoints/00000000000000000100",
        "tile/0/000",
        "tile/0/001",
        "tile/0/001.p/7",
        "tile/entries/000",
        "tile/entries/001",
    ];
    names.iter().for_each(|name| put(name));
    let done = run(&disk, &store, 0).unwrap();
    let stored: Vec<_> = store
        .names()
        .into_iter()
        .filter(|name| name.starts_with("tree/"))
        .collect();
    let expected = [
        "checkpoint",
        "checkpoints/00000000000000000100",
        "tile/0/000",
        "tile/0/001",
    ];
    assert_eq!(stored, expected.map(|name| format!("tree/pdp=2f1/{name}")));
    assert!(count(&done, Act::Prune) == 0);
    // Only the checkpoint that changes is put again.
    assert_eq!(run(&disk, &store, 0).unwrap().len(), 1);
    // Without a checkpoint of what would go, nothing goes.
    run(&disk, &store, 500).unwrap();
    assert_eq!(check(&disk).first_seq, 0);
    for name in segments(&disk).keys() {
        let size = name.trim_start_matches("log-").trim_end_matches(".jsonl");
        put(&format!("checkpoints/{size}"));
    }
    run(&disk, &store, 500).unwrap();
    let first_seq = check(&disk).first_seq;
    assert!(first_seq >= 256, "{first_seq}");
    let uploaded = format!("tree/pdp=2f1/checkpoints/{first_seq:020}");
    assert!(store.names().contains(&uploaded));
    let is_there = |name: &str| disk.read(&dir().join(name), 1_000).is_ok();
    for name in names {
        let index = match name.strip_prefix("tile/entries/") {
            Some(index) => index.parse::<u64>().unwrap(),
            None => u64::MAX - 1,
        };
        let is_gone = (index.saturating_add(1)).saturating_mul(256) <= first_seq;
        assert_eq!(is_there(name), !is_gone, "{name}");
    }
    assert!(!is_there("tile/entries/000"));
}
