use super::*;
use crate::shim::failover::Failover;
use crate::shim::spool::SyncPolicy;
use crate::shim::testing::log::{Log, Tree, Wrong};
use crate::shim::testing::{an_outcome, clock};

mod refusing;

fn config() -> ReportConfig {
    let spool = SpoolConfig {
        sync: SyncPolicy::EachEvent,
        ..SpoolConfig::default()
    };
    let keys = Vec::new();
    ReportConfig {
        spool,
        keys,
        ..ReportConfig::default()
    }
}

fn open(dir: &Path) -> Reporter {
    Reporter::open(dir, config(), clock()).unwrap()
}

fn log(origin: &str, wrong: Wrong) -> Arc<Log> {
    Arc::new(Log::new(origin, wrong))
}

fn record(reporter: &Reporter, events: usize) {
    for _ in 0..events {
        reporter.record(EventBody::Outcome(an_outcome(Status::Ok)));
    }
}

async fn drain(reporter: &Reporter, pdp: Arc<dyn Pdp>) {
    let running = tokio::spawn(reporter.clone().run(pdp));
    reporter.drain(Duration::from_secs(10)).await;
    running.abort();
    // Until it is gone it holds the slot's lock.
    drop(running.await);
    assert_eq!(reporter.waiting(), 0);
}

/// The ids of what waits.
fn ids(reporter: &Reporter) -> Vec<String> {
    let book = reporter.book();
    let events = book.spool.oldest(0, u64::MAX, usize::MAX);
    events.iter().map(|event| event.event_id.clone()).collect()
}

#[tokio::test]
async fn events_are_numbered_and_reach_a_log_that_was_down_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(dir.path());
    record(&reporter, 5);
    let expected = ids(&reporter);
    let wrong = Wrong {
        down: 1,
        at_most: 2,
        ..Wrong::default()
    };
    let log = log("log/1", wrong);
    drain(&reporter, Arc::clone(&log) as _).await;
    assert_eq!(log.places(), [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]);
    assert_eq!(log.ids(), expected);
}

#[tokio::test]
async fn after_a_restart_the_rest_is_sent_first_under_its_old_numbers() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(dir.path());
    record(&reporter, 3);
    let wrong = Wrong {
        deaf: 1,
        ..Wrong::default()
    };
    let log = log("log/1", wrong);
    // Recorded, but the shim does not learn it before it ends.
    reporter.hand_over(log.as_ref()).await.unwrap_err();
    drop(reporter);
    let reporter = open(dir.path());
    assert_eq!((reporter.epoch(), reporter.waiting()), (2, 3));
    record(&reporter, 2);
    drain(&reporter, Arc::clone(&log) as _).await;
    let places = [
        (1, 1),
        (1, 2),
        (1, 3),
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 1),
        (2, 2),
    ];
    assert_eq!(log.places(), places);
    assert_eq!(log.ids().len(), 5);
}

/// Holes in the numbers of each stream, as the log would record them.
fn gaps(log: &Log) -> usize {
    let mut places = log.places();
    places.sort_unstable();
    places.dedup();
    let first = places
        .iter()
        .filter(|(epoch, seq)| *seq > 1 && !places.contains(&(*epoch, seq - 1)));
    first.count()
}

#[tokio::test]
async fn another_log_gets_what_is_not_acknowledged_under_numbers_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(dir.path());
    let (a, b) = (log("a", Wrong::default()), log("b", Wrong::default()));
    record(&reporter, 3);
    assert!(reporter.hand_over(a.as_ref()).await.unwrap());
    // Two are recorded in `a`, which is lost before it can say so.
    record(&reporter, 2);
    a.wrong.lock().unwrap().deaf = 1;
    reporter.hand_over(a.as_ref()).await.unwrap_err();
    record(&reporter, 1);
    let third = ids(&reporter);
    drain(&reporter, Arc::clone(&b) as _).await;
    assert_eq!(b.places(), [(2, 1), (2, 2), (2, 3)]);
    assert_eq!(b.ids(), third);
    // Back at `a`, a new stream: nothing is missing there.
    record(&reporter, 2);
    drain(&reporter, Arc::clone(&a) as _).await;
    assert_eq!(a.places()[5..], [(3, 1), (3, 2)]);
    assert_eq!((gaps(&a), gaps(&b)), (0, 0));
    // Whoever drops the second of one id has each event once.
    let mut all: Vec<_> = a.ids().into_iter().chain(b.ids()).collect();
    assert_eq!(all.len(), 10);
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 8);
}

#[tokio::test]
async fn nothing_is_missing_however_often_the_log_changes() {
    for seed in 0..40_u64 {
        let dir = tempfile::tempdir().unwrap();
        let mut reporter = open(dir.path());
        let logs = [log("a", Wrong::default()), log("b", Wrong::default())];
        let mut random = seed;
        let mut next = |end: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) % end
        };
        let mut recorded = 0;
        for _ in 0..40 {
            record(&reporter, 3);
            recorded += 3;
            let log = &logs[next(2) as usize];
            *log.wrong.lock().unwrap() = Wrong {
                down: u32::from(next(4) == 0),
                deaf: u32::from(next(3) == 0),
                at_most: next(4) as usize,
                unsigned: true,
            };
            drop(reporter.hand_over(log.as_ref()).await);
            if next(6) == 0 {
                drop(reporter);
                reporter = open(dir.path());
            }
        }
        for log in &logs {
            *log.wrong.lock().unwrap() = Wrong::default();
        }
        drain(&reporter, Arc::clone(&logs[0]) as _).await;
        let [a, b] = logs;
        assert_eq!((gaps(&a), gaps(&b)), (0, 0), "{seed}");
        let mut all: Vec<_> = a.ids().into_iter().chain(b.ids()).collect();
        for log in [&a, &b] {
            let (mut ids, before) = (log.ids(), log.ids().len());
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), before, "{seed}: twice in one log");
        }
        all.sort();
        all.dedup();
        assert_eq!(all.len(), recorded, "{seed}");
    }
}

#[tokio::test]
async fn the_next_pdp_takes_over() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(dir.path());
    let (a, b) = (log("a", Wrong::default()), log("b", Wrong::default()));
    let pdps: Arc<dyn Pdp> = Arc::new(Failover::new(
        Arc::clone(&a) as _,
        vec![Arc::clone(&b) as _],
    ));
    record(&reporter, 2);
    drain(&reporter, Arc::clone(&pdps)).await;
    a.wrong.lock().unwrap().down = 1;
    record(&reporter, 2);
    drain(&reporter, Arc::clone(&pdps)).await;
    record(&reporter, 1);
    drain(&reporter, pdps).await;
    assert_eq!(a.places(), [(1, 1), (1, 2)]);
    assert_eq!(b.places(), [(2, 1), (2, 2), (2, 3)]);
}

#[tokio::test]
async fn events_that_the_spool_lost_are_missing_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(dir.path());
    record(&reporter, 4);
    drop(reporter);
    let path = dir.path().join("0/spool");
    let text = std::fs::read(&path).unwrap();
    let lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
    // The second event and the last one.
    let mut damaged = [lines[0], lines[1], lines[2], lines[3]].concat();
    let at = lines[0].len() + lines[1].len() + 30;
    damaged[at] ^= 1;
    damaged.extend(&lines[4][..20]);
    std::fs::write(&path, damaged).unwrap();
    let reporter = open(dir.path());
    record(&reporter, 1);
    let log = log("log/1", Wrong::default());
    drain(&reporter, Arc::clone(&log) as _).await;
    assert_eq!(log.places(), [(2, 1), (2, 3), (2, 5)]);
}

#[tokio::test]
async fn a_disk_that_fails_leaves_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(dir.path());
    assert!(reporter.has_room(1));
    reporter.book().note(Err(io::Error::other("disk")));
    assert!(!reporter.has_room(1));
}

#[test]
fn a_call_that_a_killed_shim_forwarded_gets_its_outcome_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(dir.path());
    let decisions = ["a", "b"].map(|id| DecisionRef {
        decision_id: id.to_owned(),
        ..DecisionRef::default()
    });
    for decision in &decisions {
        assert!(reporter.forwarding(decision));
    }
    let [a, b] = decisions;
    let ended = Outcome::unanswered(a, Status::Ok, 1);
    reporter.record(EventBody::Outcome(ended.clone()));
    // Dropping does nothing that a kill would not do, but for the lock.
    drop(reporter);
    let reporter = open(dir.path());
    let book = reporter.book();
    let events = book.spool.oldest(0, u64::MAX, 9);
    let bodies: Vec<_> = events.into_iter().map(|event| &event.body).collect();
    let cut_short = Outcome::unanswered(b, Status::ProtocolError, 0);
    let expected = [EventBody::Outcome(ended), EventBody::Outcome(cut_short)];
    assert_eq!(bodies, expected.iter().collect::<Vec<_>>());
    assert!(book.spool.forwarded().is_empty());
}

#[test]
fn heartbeats_do_not_fill_the_spool() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(dir.path());
    for _ in 0..2 * HEARTBEAT_WAITING_MAX {
        reporter.beat_once();
    }
    assert_eq!(reporter.waiting() as u64, HEARTBEAT_WAITING_MAX + 1);
    let book = reporter.book();
    let first = book.spool.oldest(0, u64::MAX, 1)[0];
    assert_eq!(first.body, EventBody::Heartbeat { spooled: 0 });
}
