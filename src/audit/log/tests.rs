use super::*;
use crate::audit::files::faulty::{Disk, Plan};
use crate::audit::files::{OsFiles, create_dir};
use crate::audit::hash::sha256_hex;
use crate::audit::record::samples::{TIME, all};
use crate::audit::record::{Heartbeat, ShimPosition};
use crate::audit::verify::{Report, Segments, Wrong, walk};
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
        (30, Some("pdp/1"))
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

/// A file system whose syncs wait until the test lets them.
struct Held {
    disk: Disk,
    gate: Arc<Mutex<()>>,
}

struct HeldFile(Box<dyn Append>, Arc<Mutex<()>>);

use crate::audit::files::Append;

impl Append for HeldFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        drop(self.1.lock().unwrap());
        self.0.sync()
    }
}

impl Files for Held {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.make_dir(dir)
    }
    fn is_dir(&self, dir: &Path) -> bool {
        self.disk.is_dir(dir)
    }
    fn names(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.disk.names(dir)
    }
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        self.disk.read(path, bytes_max)
    }
    fn make(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        let file = self.disk.make(path)?;
        Ok(Box::new(HeldFile(file, Arc::clone(&self.gate))))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn Append>> {
        self.disk.open(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
    fn is_shared(&self, path: &Path) -> io::Result<bool> {
        self.disk.is_shared(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Send + Sync>> {
        self.disk.lock(path)
    }
}

#[test]
fn a_full_queue_is_told_and_what_was_taken_is_written() {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap();
    let disk = Disk::new();
    let files = Held {
        disk: disk.clone(),
        gate: Arc::clone(&gate),
    };
    let options = Options {
        queue_records_max: 4,
        ..options()
    };
    let (log, _) = Log::open(&dir(), options, Arc::new(files)).unwrap();
    let mut taken = Vec::new();
    let full = loop {
        match log.append(TIME, &numbered(taken.len() as u64)) {
            Ok(pending) => taken.push(pending),
            Err(error) => break error,
        }
    };
    let queue_records_max = 4;
    assert_eq!(full, AppendError::QueueFull { queue_records_max });
    drop(closed);
    let taken: Vec<_> = taken.into_iter().map(|p| p.wait().unwrap()).collect();
    assert!(taken.len() >= 4);
    assert!(log.append(TIME, &numbered(9)).is_ok());
    drop(log);
    assert_holds(&disk, &taken, "after the queue was full");
}

/// Each operation on the disk fails in turn. What was acknowledged stays, the log says that it
/// failed, and opening it again (with the machine running on, and after a power failure) works.
#[test]
fn every_failure_in_turn_loses_nothing_acknowledged() {
    const RECORDS: u64 = 24;
    let healthy = Disk::new();
    let (log, _) = open(&healthy).unwrap();
    assert_eq!(append(&log, RECORDS).len(), 24);
    log.close().unwrap();
    let operations = healthy.operations();
    assert!(operations > 2 * RECORDS, "{operations}");
    for fail_at in 0..operations {
        for (short_writes, power_fails) in [(false, false), (true, true), (false, true)] {
            let disk = Disk::new();
            disk.set(Plan {
                fail_at: Some(fail_at),
                short_writes,
                seed: fail_at,
                ..Plan::default()
            });
            let mut acknowledged = Vec::new();
            if let Ok((log, _)) = open(&disk) {
                acknowledged = append(&log, RECORDS);
                if acknowledged.len() < 24 {
                    assert_failed(&log);
                }
            }
            disk.set(Plan::default());
            if power_fails {
                disk.crash();
            }
            let what = format!("operation {fail_at}, {short_writes}, {power_fails}");
            let (log, _) = open(&disk).unwrap_or_else(|error| panic!("{what}: {error}"));
            acknowledged.extend(append(&log, 3));
            disk.crash();
            drop(log);
            drop(open(&disk).unwrap());
            assert_holds(&disk, &acknowledged, &what);
        }
    }
}

fn assert_failed(log: &Log) {
    let error = log.append(TIME, &numbered(0)).map(drop).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, AppendError::Failed { .. }), "{text}");
    assert!(
        text.contains("injected failure") && text.contains("opened again"),
        "{text}"
    );
    assert_eq!(log.flush().map(drop), Err(error.clone()));
    assert_eq!(log.close(), Err(error));
}

#[test]
fn a_full_disk_fails_the_log_and_loses_nothing_acknowledged() {
    for bytes_max in (500..6_000).step_by(250) {
        let disk = Disk::new();
        disk.set(Plan {
            bytes_max: Some(bytes_max),
            ..Plan::default()
        });
        let (log, _) = open(&disk).unwrap();
        let acknowledged = append(&log, 100);
        assert!(acknowledged.len() < 100);
        let error = log.close().unwrap_err().to_string();
        let expected = io::Error::from(io::ErrorKind::StorageFull).to_string();
        assert!(error.contains(&expected), "{error}");
        disk.set(Plan::default());
        drop(open(&disk).unwrap());
        assert_holds(&disk, &acknowledged, &format!("{bytes_max} bytes"));
    }
}

/// The power fails at a random operation, again and again, while 8 threads append.
#[test]
fn power_failures_lose_nothing_acknowledged() {
    const THREADS: u64 = 8;
    let mut lost_unacknowledged = 0;
    for seed in 0..60 {
        let disk = Disk::new();
        let mut acknowledged = Vec::new();
        for round in 0..4_u64 {
            disk.set(Plan {
                crash_at: Some((seed * 7 + round * 13) % 90),
                short_writes: seed % 2 == 0,
                seed: seed * 31 + round,
                ..Plan::default()
            });
            if let Ok((log, _)) = open(&disk) {
                acknowledged.extend(append_from_threads(&log, THREADS, 20));
            }
        }
        disk.set(Plan::default());
        disk.crash();
        let (log, recovered) = open(&disk).unwrap();
        drop(log);
        lost_unacknowledged += u64::from(recovered.report.torn.is_some());
        assert_holds(&disk, &acknowledged, &format!("seed {seed}"));
    }
    assert!(lost_unacknowledged > 0, "the disk never tore a line");
}

fn append_from_threads(log: &Log, threads: u64, records: u64) -> Vec<Head> {
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| append(log, records)))
            .collect();
        let joined = running.into_iter().map(|thread| thread.join().unwrap());
        joined.flatten().collect()
    })
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
    crate::audit::files::replace(&disk, &dir().join(name), altered.as_bytes()).unwrap();
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
