use super::*;
use crate::files::OsFiles;
use crate::shim::event::{Outcome, Status};
use crate::shim::testing::{NOW, an_outcome};
use std::fs;

mod damage;
mod faults;

const EACH: SpoolConfig = SpoolConfig {
    sync: SyncPolicy::EachEvent,
    events_max: SPOOLED_EVENTS_MAX,
    bytes_max: SPOOL_BYTES_MAX,
};

fn numbers(spool: &Spool) -> Vec<u64> {
    spool.waiting.iter().map(|(_, it)| it.number).collect()
}

fn open_with(path: &Path, config: SpoolConfig) -> (Spool, Found) {
    Spool::open(Arc::new(OsFiles), path, config, false).unwrap()
}

fn open(path: &Path) -> Spool {
    open_with(path, EACH).0
}

fn append(spool: &mut Spool, id: &str) -> io::Result<()> {
    let body = EventBody::Outcome(an_outcome(Status::Ok));
    spool.append(id.to_owned(), Timestamp::from_nanos(NOW), body)
}

fn appended(spool: &mut Spool, events: u64) {
    for at in 0..events {
        append(spool, &format!("e{at}")).unwrap();
    }
}

#[test]
fn what_is_not_acknowledged_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut spool = open(&path);
    appended(&mut spool, 5);
    drop(spool);
    let mut spool = open(&path);
    assert_eq!(numbers(&spool), [1, 2, 3, 4, 5]);
    assert_eq!(spool.oldest(2, 5, 9).len(), 3);
    assert_eq!(spool.oldest(1, u64::MAX, 2).len(), 2);
    spool.acknowledge(3).unwrap();
    drop(spool);
    // An acknowledgement is remembered, and numbers go on after everything was acknowledged.
    let mut spool = open(&path);
    assert_eq!(numbers(&spool), [4, 5]);
    spool.acknowledge(99).unwrap();
    assert!(spool.is_empty());
    let (mut spool, found) = open_with(&path, EACH);
    assert_eq!((found.damaged_lines, found.lost), (0, 0));
    appended(&mut spool, 1);
    assert_eq!(numbers(&spool), [6]);
}

#[test]
fn acknowledged_lines_leave_a_long_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut spool = open_with(&path, SpoolConfig::default()).0;
    appended(&mut spool, 1);
    let line = spool.waiting_bytes;
    let events = CLEARED_FROM_BYTES / line + 10;
    appended(&mut spool, events - 1);
    spool.acknowledge(events - 2).unwrap();
    assert_eq!(spool.len(), 2);
    assert!(fs::metadata(&path).unwrap().len() < 4 * line);
    appended(&mut spool, 1);
    assert_eq!(numbers(&open(&path)), [events - 1, events, events + 1]);
}

#[test]
fn room_is_bounded_in_events_and_in_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut spool = open(&path);
    assert!(spool.has_room(512));
    assert!(
        !spool.has_room(513),
        "64 MiB hold 512 events of the largest size"
    );
    assert!(!spool.has_room(usize::MAX));
    appended(&mut spool, 1);
    assert!(!spool.has_room(512));
    assert!(spool.has_room(511));
    let few = SpoolConfig {
        events_max: 3,
        ..EACH
    };
    let (spool, _) = open_with(&path, few);
    assert!(spool.has_room(2) && !spool.has_room(3));
}

fn decision(id: &str) -> DecisionRef {
    DecisionRef {
        decision_id: id.to_owned(),
        call_id: format!("call of {id}"),
        origin: "pdp/1".to_owned(),
    }
}

/// The outcome of this decision.
fn end(spool: &mut Spool, id: &str) {
    let outcome = Outcome {
        decision: decision(id),
        ..an_outcome(Status::Ok)
    };
    let body = EventBody::Outcome(outcome);
    spool
        .append(id.to_owned(), Timestamp::from_nanos(NOW), body)
        .unwrap();
}

#[test]
fn calls_on_their_way_are_known_after_a_restart_until_they_have_an_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut spool = open(&path);
    for id in ["a", "b", "c"] {
        spool.forwarding(&decision(id)).unwrap();
    }
    end(&mut spool, "b");
    assert_eq!(open(&path).forwarded(), [decision("a"), decision("c")]);
    // Opening it wrote it anew: the same is there.
    let mut spool = open(&path);
    assert_eq!(spool.forwarded(), [decision("a"), decision("c")]);
    end(&mut spool, "a");
    spool.acknowledge(2).unwrap();
    assert!(spool.is_empty());
    assert_eq!(open(&path).forwarded(), [decision("c")]);
}

#[test]
fn only_the_owner_can_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(open(&path));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
