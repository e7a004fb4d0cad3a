use super::*;
use crate::shim::event::Status;
use crate::shim::pdp::{Answer, BoxFuture, PdpError, Question};
use crate::shim::testing::{an_outcome, clock};

/// A log: keeps what it gets, as many events a report as it is told, and is down at first.
struct Log {
    down: Mutex<u32>,
    at_most: usize,
    kept: Mutex<Vec<(u64, u64)>>,
}

impl Pdp for Log {
    fn decide(&self, _: Question) -> BoxFuture<'_, Result<Answer, PdpError>> {
        Box::pin(async { Err(PdpError::Invalid("this log decides nothing")) })
    }

    fn decide_batch(&self, _: Vec<Question>) -> BoxFuture<'_, Result<Vec<Answer>, PdpError>> {
        Box::pin(async { Err(PdpError::Invalid("this log decides nothing")) })
    }

    fn report(&self, events: Vec<Event>) -> BoxFuture<'_, Result<Acknowledged, PdpError>> {
        Box::pin(async move {
            let mut down = self.down.lock().unwrap();
            if *down > 0 {
                *down -= 1;
                return Err(PdpError::Unavailable("down".to_owned()));
            }
            let taken = events
                .iter()
                .take(self.at_most)
                .map(|event| (event.epoch, event.seq));
            self.kept.lock().unwrap().extend(taken.clone());
            Ok(Acknowledged {
                durable_seq: taken.max().map_or(0, |(_, seq)| seq),
                origin: "log/1".to_owned(),
                checkpoint: "the latest".to_owned(),
            })
        })
    }
}

fn log(down: u32, at_most: usize) -> Arc<Log> {
    Arc::new(Log {
        down: Mutex::new(down),
        at_most,
        kept: Mutex::default(),
    })
}

fn open(dir: &Path) -> Reporter {
    Reporter::open(dir, SyncPolicy::EachEvent, clock()).unwrap()
}

fn record(reporter: &Reporter, events: usize) {
    for _ in 0..events {
        reporter.record(EventBody::Outcome(an_outcome(Status::Ok)));
    }
}

async fn drain(reporter: &Reporter, log: &Arc<Log>) {
    let running = tokio::spawn(reporter.clone().run(Arc::clone(log) as _));
    reporter.drain(Duration::from_secs(10)).await;
    running.abort();
}

#[tokio::test]
async fn events_are_numbered_and_reach_a_log_that_was_down_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(dir.path());
    record(&reporter, 5);
    let log = log(1, 2);
    drain(&reporter, &log).await;
    assert_eq!(reporter.waiting(), 0);
    assert_eq!(
        *log.kept.lock().unwrap(),
        [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]
    );
    let checkpoint = std::fs::read_to_string(dir.path().join("0/checkpoint")).unwrap();
    assert_eq!(checkpoint, "the latest");
}

#[tokio::test]
async fn after_a_restart_the_rest_is_sent_first() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(dir.path());
    record(&reporter, 3);
    drop(reporter);
    let reporter = open(dir.path());
    assert_eq!((reporter.epoch(), reporter.waiting()), (2, 3));
    record(&reporter, 2);
    let log = log(0, usize::MAX);
    drain(&reporter, &log).await;
    assert_eq!(
        *log.kept.lock().unwrap(),
        [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    );
}

#[tokio::test]
async fn a_disk_that_fails_leaves_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(dir.path());
    assert!(reporter.has_room(1));
    let failed = io::Error::other("disk");
    reporter.note(&mut reporter.book(), Err(failed));
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
    reporter.record(EventBody::Outcome(ended));
    // Dropping does nothing that a kill would not do, but for the lock.
    drop(reporter);
    let reporter = open(dir.path());
    let events = reporter.book().spool.oldest(9);
    assert_eq!(events.len(), 1);
    let book = reporter.book();
    let cut_short = Outcome::unanswered(b, Status::ProtocolError, 0);
    assert!(book.spool.forwarded().is_empty());
    drop(book);
    reporter.book().spool.acknowledge(1, 1).unwrap();
    let events = reporter.book().spool.oldest(9);
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].epoch, events[0].seq), (2, 1));
    assert_eq!(events[0].body, EventBody::Outcome(cut_short));
}

#[test]
fn heartbeats_do_not_fill_the_spool() {
    let dir = tempfile::tempdir().unwrap();
    let reporter = open(dir.path());
    for _ in 0..2 * HEARTBEAT_WAITING_MAX {
        reporter.beat_once();
    }
    assert_eq!(reporter.waiting() as u64, HEARTBEAT_WAITING_MAX + 1);
    let first = reporter.book().spool.oldest(1).pop().unwrap();
    assert_eq!(first.body, EventBody::Heartbeat { spooled: 0 });
}
