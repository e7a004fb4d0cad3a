//! The log over a disk that is slow, full, failing or without power.

use super::*;
use crate::files::Append;

/// A file system whose syncs wait until the test lets them.
struct Held {
    disk: Disk,
    gate: Arc<Mutex<()>>,
}

struct HeldFile(Box<dyn Append>, Arc<Mutex<()>>);

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
    fn read_from(&self, path: &Path, offset: u64, bytes_max: usize) -> io::Result<Vec<u8>> {
        self.disk.read_from(path, offset, bytes_max)
    }

    fn length(&self, path: &Path) -> io::Result<Option<u64>> {
        self.disk.length(path)
    }

    fn remove_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.remove_dir(dir)
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
    let mut fill = |append: fn(&Log, Timestamp, &Record) -> Result<Pending, AppendError>| loop {
        match append(&log, TIME, &numbered(taken.len() as u64)) {
            Ok(pending) => taken.push(pending),
            Err(error) => break (error, taken.len()),
        }
    };
    let (full_of_events, events) = fill(Log::append_event);
    let (full, all) = fill(Log::append);
    let queue_records_max = 4;
    assert_eq!(full, AppendError::QueueFull { queue_records_max });
    assert_eq!(full_of_events, full);
    assert!(all >= events + 2, "{events} of {all} are events");
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
