use super::*;
use crate::audit::log::{Log, Options, Signing};
use crate::audit::record::samples::TIME;
use crate::audit::record::{Heartbeat, Record};
use crate::audit::sign::SigningKey;
use crate::files::Files;
use crate::files::faulty::{Disk, Plan};
use std::path::Path;
use std::sync::Mutex;

fn beat(log: &Log) -> bool {
    let beat = Record::Heartbeat(Heartbeat::default());
    let appended = log.append(TIME, &beat);
    appended.is_ok_and(|pending| pending.wait().is_ok())
}

#[test]
fn batches_are_counted_and_told_once_each() {
    let told: Arc<Mutex<Vec<Synced>>> = Arc::default();
    let sink = Arc::clone(&told);
    let disk = Disk::new();
    let options = Options {
        signing: Some(Signing {
            key: Arc::new(SigningKey::generate().unwrap().0),
            previous: None,
            time: TIME,
        }),
        on_sync: Some(Arc::new(move |synced| sink.lock().unwrap().push(*synced))),
        ..Options::new("pdp/1")
    };
    let (log, _) = Log::open(Path::new("/audit"), options, Arc::new(disk.clone())).unwrap();
    assert_eq!(log.stats(), LogStats::default());
    for _ in 0..5 {
        assert!(beat(&log));
    }
    log.close().unwrap();
    let (stats, told) = (log.stats(), told.lock().unwrap().clone());
    let lines = disk.read(Path::new("/audit/log-00000000000000000000.jsonl"), u64::MAX);
    assert_eq!((stats.records, stats.waiting, stats.failure), (5, 0, None));
    assert_eq!(stats.bytes, lines.unwrap().len() as u64);
    assert_eq!(stats.syncs, told.len() as u64);
    assert_eq!(stats.last_batch_records, told.last().unwrap().records);
    assert_eq!(told.iter().map(|synced| synced.records).sum::<u64>(), 5);
    assert_eq!(
        told.iter().map(|synced| synced.bytes).sum::<u64>(),
        stats.bytes
    );
    assert_eq!(
        told.iter().map(|synced| synced.took).sum::<Duration>(),
        stats.sync_time
    );
    assert_eq!(stats.signed.unwrap().size, 5);
    assert_eq!(stats.unsigned_records, 0);
}

#[test]
fn a_log_that_failed_says_why_and_counts_nothing_that_is_not_durable() {
    let disk = Disk::new();
    let options = Options::new("pdp/1");
    let (log, _) = Log::open(Path::new("/audit"), options, Arc::new(disk.clone())).unwrap();
    assert!(beat(&log));
    disk.set(Plan {
        fail_at: Some(0),
        ..Plan::default()
    });
    assert!(!beat(&log));
    let stats = log.stats();
    assert_eq!(
        (stats.records, stats.signed, stats.unsigned_records),
        (1, None, 0)
    );
    assert!(stats.failure.is_some());
}
