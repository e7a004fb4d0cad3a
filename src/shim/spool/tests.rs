use super::*;
use crate::shim::event::Status;
use crate::shim::testing::an_event;
use std::fs;

fn seqs(spool: &Spool) -> Vec<(u64, u64)> {
    spool
        .waiting
        .iter()
        .map(|event| (event.epoch, event.seq))
        .collect()
}

fn open(path: &Path) -> Spool {
    Spool::open(path, SyncPolicy::EachEvent).unwrap()
}

#[test]
fn what_is_not_acknowledged_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut spool = open(&path);
    for seq in 1..=5 {
        spool.append(an_event(1, seq, Status::Ok)).unwrap();
    }
    // Another epoch's number acknowledges nothing.
    spool.acknowledge(2, 5).unwrap();
    assert_eq!(spool.len(), 5);
    drop(spool);
    let mut spool = open(&path);
    assert_eq!(seqs(&spool), [(1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]);
    spool.append(an_event(2, 1, Status::Ok)).unwrap();
    // One epoch at a time.
    assert_eq!(spool.oldest(9).len(), 5);
    assert_eq!(spool.oldest(2).len(), 2);
    spool.acknowledge(1, 5).unwrap();
    assert_eq!(seqs(&spool), [(2, 1)]);
    assert_eq!(spool.oldest(9), [an_event(2, 1, Status::Ok)]);
    spool.acknowledge(2, 1).unwrap();
    assert!(spool.is_empty());
    assert_eq!(fs::read(&path).unwrap(), b"");
    assert!(open(&path).is_empty());
}

#[test]
fn a_torn_line_is_left_out_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut spool = open(&path);
    for seq in 1..=3 {
        spool.append(an_event(1, seq, Status::Ok)).unwrap();
    }
    let bytes = fs::read(&path).unwrap();
    let line = bytes.len() / 3;
    for kept in [
        bytes.len() - 1,
        bytes.len() - 2,
        2 * line + 1,
        2 * line,
        line + 5,
        3,
    ] {
        fs::write(&path, &bytes[..kept]).unwrap();
        let mut spool = open(&path);
        let whole = (kept + 1) / line;
        assert_eq!(spool.len(), whole, "{kept}");
        // What is appended now does not run into the torn line.
        spool.append(an_event(2, 1, Status::Ok)).unwrap();
        assert_eq!(open(&path).len(), whole + 1, "{kept}");
    }
}

#[test]
fn acknowledged_lines_leave_a_long_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut spool = Spool::open(&path, SyncPolicy::Background).unwrap();
    let line = an_event(1, 1, Status::Ok).to_line().len() as u64;
    let events = CLEARED_FROM_BYTES / line + 10;
    for seq in 1..=events {
        spool.append(an_event(1, seq, Status::Ok)).unwrap();
    }
    spool.acknowledge(1, events - 2).unwrap();
    assert_eq!(spool.len(), 2);
    assert!(fs::metadata(&path).unwrap().len() < 4 * line);
    assert_eq!(seqs(&open(&path)), [(1, events - 1), (1, events)]);
}

#[test]
fn room_is_bounded_in_events_and_in_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(&dir.path().join("spool"));
    assert!(spool.has_room(512));
    assert!(
        !spool.has_room(513),
        "64 MiB hold 512 events of the largest size"
    );
    assert!(!spool.has_room(usize::MAX));
    spool.append(an_event(1, 1, Status::Ok)).unwrap();
    assert!(!spool.has_room(512));
    assert!(spool.has_room(511));
}

fn decision(id: &str) -> DecisionRef {
    DecisionRef {
        decision_id: id.to_owned(),
        call_id: format!("call of {id}"),
        origin: "pdp/1".to_owned(),
    }
}

/// An outcome of this decision.
fn end_of(id: &str, seq: u64) -> Event {
    let mut event = an_event(1, seq, Status::Ok);
    if let EventBody::Outcome(outcome) = &mut event.body {
        outcome.decision = decision(id);
    }
    event
}

#[test]
fn calls_on_their_way_are_known_after_a_restart_until_they_have_an_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut spool = open(&path);
    for id in ["a", "b", "c"] {
        spool.forwarding(&decision(id)).unwrap();
    }
    spool.append(end_of("b", 1)).unwrap();
    assert_eq!(open(&path).forwarded(), [decision("a"), decision("c")]);
    // Opening it wrote it anew: the same is there.
    let mut spool = open(&path);
    assert_eq!(spool.forwarded(), [decision("a"), decision("c")]);
    spool.append(end_of("a", 2)).unwrap();
    spool.acknowledge(1, 2).unwrap();
    assert!(spool.is_empty());
    assert_eq!(open(&path).forwarded(), [decision("c")]);
    let mut spool = open(&path);
    spool.append(end_of("c", 3)).unwrap();
    spool.acknowledge(1, 3).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"");
}
