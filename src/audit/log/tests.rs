mod faults;
mod repairs;

use super::*;
use crate::audit::hash::sha256_hex;
use crate::audit::record::samples::{TIME, all};
use crate::audit::record::{Heartbeat, ShimPosition};
use crate::audit::verify::{Report, Segments, Wrong, walk};
use crate::files::faulty::{Disk, Plan};
use crate::files::{OsFiles, create_dir};
use crate::model::json::Json;
use std::io;
use std::path::PathBuf;
use std::sync::Barrier;

fn dir() -> PathBuf {
    PathBuf::from("/var/audit")
}

fn options() -> Options {
    Options {
        segment_bytes_max: 4_000,
        ..Options::new("pdp/1")
    }
}

fn open(disk: &Disk) -> Result<(Log, Recovered), OpenError> {
    Log::open(&dir(), options(), Arc::new(disk.clone()))
}

fn numbered(number: u64) -> Record {
    Record::Heartbeat(Heartbeat {
        spooled: Some(number),
        ..Heartbeat::default()
    })
}

struct OnDisk<'a>(&'a Disk);

impl Segments for OnDisk<'_> {
    fn names(&self) -> io::Result<Vec<String>> {
        self.0.names(&dir())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.0.read(&dir().join(name), u64::MAX)
    }
}

/// The log as the verifier sees it, and the hash of each line.
fn check(disk: &Disk) -> (Report, Vec<String>) {
    let mut hashes = Vec::new();
    let report = walk(&OnDisk(disk), None, &mut |record| {
        hashes.push(sha256_hex(&Json::Object(record.clone()).canonical()));
    });
    (report.unwrap(), hashes)
}

fn assert_holds(disk: &Disk, acknowledged: &[Head], what: &str) {
    let (report, hashes) = check(disk);
    for head in acknowledged {
        let hash = hashes.get(usize::try_from(head.seq).unwrap());
        assert_eq!(
            hash,
            Some(&head.hash),
            "{what}: seq {} of {report:?}",
            head.seq
        );
    }
}

/// Appends records one after the other, and gives back what was acknowledged.
fn append(log: &Log, records: u64) -> Vec<Head> {
    let mut acknowledged = Vec::new();
    for number in 0..records {
        let Ok(pending) = log.append(TIME, &numbered(number)) else {
            break;
        };
        match pending.wait() {
            Ok(head) => acknowledged.push(head),
            Err(_) => break,
        }
    }
    acknowledged
}

#[test]
fn records_are_chained_over_files_and_over_restarts() {
    let disk = Disk::new();
    let mut seq = 0;
    for _ in 0..3 {
        let (log, recovered) = open(&disk).unwrap();
        assert_eq!(recovered.report.records, seq);
        for record in all() {
            let head = log.append(TIME, &record).unwrap().wait().unwrap();
            assert_eq!(head.seq, seq);
            seq += 1;
        }
        log.post(TIME, &numbered(1)).unwrap();
        seq += 1;
        let head = log.flush().unwrap().wait().unwrap().unwrap();
        assert_eq!(head.seq, seq - 1);
        assert_eq!(log.head(), Some(head));
        log.close().unwrap();
        let refused = log.append(TIME, &numbered(2)).map(drop);
        assert_eq!(refused, Err(AppendError::Closed));
    }
    let (report, _) = check(&disk);
    assert_eq!(
        (report.records, report.origin.as_deref()),
        (3 * (all().len() as u64 + 1), Some("pdp/1"))
    );
    assert!(report.files >= 3, "{report:?}");
}

#[test]
fn closing_writes_what_waits() {
    let disk = Disk::new();
    let (log, _) = open(&disk).unwrap();
    for number in 0..1_000 {
        log.post(TIME, &numbered(number)).unwrap();
    }
    log.close().unwrap();
    disk.crash();
    assert_eq!(check(&disk).0.records, 1_000);
}

#[test]
fn eight_threads_get_each_number_once_and_share_syncs() {
    let temporary = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(temporary.path(), Options::new("pdp/1"), Arc::new(OsFiles)).unwrap();
    let start = Barrier::new(8);
    let mut heads: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    append(&log, 200)
                })
            })
            .collect();
        let joined = running.into_iter().map(|thread| thread.join().unwrap());
        joined.flatten().collect()
    });
    heads.sort_by_key(|head| head.seq);
    let numbers: Vec<_> = heads.iter().map(|head| head.seq).collect();
    assert_eq!(numbers, (0..1_600).collect::<Vec<_>>());
    log.close().unwrap();
    let last = heads.last().unwrap();
    let report = crate::audit::verify::verify_with_head(temporary.path(), last).unwrap();
    assert_eq!((report.records, report.head.as_ref()), (1_600, Some(last)));
}

#[tokio::test]
async fn pending_can_be_awaited() {
    let disk = Disk::new();
    let (log, _) = open(&disk).unwrap();
    let first = log.append(TIME, &numbered(1)).unwrap();
    let second = log.append(TIME, &numbered(2)).unwrap();
    assert_eq!(second.await.unwrap().seq, 1);
    assert_eq!(first.await.unwrap().seq, 0);
}

#[test]
fn one_log_has_one_writer_and_one_origin() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("a").join("b");
    let open = |origin: &str| Log::open(&dir, Options::new(origin), Arc::new(OsFiles));
    let (log, _) = open("pdp/1").unwrap();
    log.append(TIME, &numbered(1)).unwrap().wait().unwrap();
    assert!(matches!(open("pdp/1"), Err(OpenError::Locked { .. })));
    drop(log);
    assert!(matches!(open("pdp/2"), Err(OpenError::OtherOrigin { .. })));
    for origin in ["", "a b", "a+b", "a\nb", &"x".repeat(129)] {
        assert!(
            matches!(open(origin), Err(OpenError::Origin { .. })),
            "{origin}"
        );
    }
    drop(open("pdp/1").unwrap());
}

#[test]
fn a_log_that_does_not_check_is_not_continued() {
    let disk = Disk::new();
    let (log, _) = open(&disk).unwrap();
    append(&log, 5);
    drop(log);
    let name = "log-00000000000000000000.jsonl";
    let content = OnDisk(&disk).read(name).unwrap();
    let altered = String::from_utf8(content).unwrap().replace(":2,", ":7,");
    crate::files::replace(&disk, &dir().join(name), altered.as_bytes()).unwrap();
    let OpenError::Fault { fault, .. } = open(&disk).map(drop).unwrap_err() else {
        panic!("expected a fault");
    };
    assert_eq!((fault.file.as_str(), fault.line, fault.seq), (name, 3, 2));
    assert!(matches!(fault.what, Wrong::Seq { found: 7 }), "{fault}");
}

#[test]
fn events_of_shims_are_known_again_after_a_restart() {
    let disk = Disk::new();
    let (log, _) = open(&disk).unwrap();
    let beat = |seq| Heartbeat {
        shim: Some(ShimPosition {
            id: "shim-1".into(),
            epoch: 1,
            seq: Some(seq),
            seq_reused: false,
        }),
        event_id: Some(format!("event-{seq}")),
        ..Heartbeat::default()
    };
    for seq in 1..=3 {
        log.append(TIME, &Record::Heartbeat(beat(seq))).unwrap();
    }
    drop(log);
    let (_, recovered) = open(&disk).unwrap();
    assert_eq!(recovered.tracker.acknowledged("shim-1", 1), 3);
}

#[test]
fn directories_are_made_durably() {
    let disk = Disk::new();
    create_dir(&disk, &dir()).unwrap();
    assert!(disk.is_dir(Path::new("/var")) && disk.is_dir(&dir()));
    // Two directories, each made and its parent synced.
    assert_eq!(disk.operations(), 4);
}

#[test]
fn a_file_is_of_one_day() {
    let disk = Disk::new();
    let day = |days: u64| TIME.plus(std::time::Duration::from_secs(days * 86_400));
    // Days of records; a restart between two lists.
    for days in [&[0, 0, 1, 1][..], &[1, 0, 1], &[2, 1, 2, 4], &[5]] {
        let (log, _) = open(&disk).unwrap();
        for days in days {
            log.append(day(*days), &numbered(1))
                .unwrap()
                .wait()
                .unwrap();
        }
    }
    check(&disk);
    let mut names = OnDisk(&disk).names().unwrap();
    names.retain(|name| name.starts_with("log-"));
    names.sort();
    // A clock that is set back begins no file.
    let expected = [0, 2, 7, 10, 11].map(|seq| format!("log-{seq:020}.jsonl"));
    assert_eq!(names, expected);
}
