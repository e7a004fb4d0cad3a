use super::*;
use crate::audit::record::samples::{TIME, decision, outcome};

fn event(shim_id: &str, epoch: u64, seq: u64) -> Event {
    Event {
        shim_id: shim_id.to_owned(),
        epoch,
        seq,
        event_id: format!("{shim_id}-{epoch}-{seq}"),
        time: Some(TIME),
        kind: EventKind::Heartbeat { spooled: 0 },
    }
}

/// What the server does with an event whose append succeeds at once.
fn take(tracker: &mut Tracker, event: &Event) -> Accepted {
    let accepted = tracker.judge(event).unwrap();
    if let Accepted::New { gap: Some(gap) } = &accepted {
        tracker.note_gap(gap);
    }
    if accepted != Accepted::Duplicate {
        tracker.note(event);
        tracker.note_durable(&event.shim_id, event.epoch, event.seq);
    }
    accepted
}

/// As text: `new`, `new after 3-5`, `duplicate`.
fn text(accepted: &Accepted) -> String {
    match accepted {
        Accepted::Duplicate => "duplicate".into(),
        Accepted::Reused => "reused".into(),
        Accepted::New { gap: None } => "new".into(),
        Accepted::New { gap: Some(gap) } => {
            format!("new after {}-{}", gap.first_seq, gap.last_seq)
        }
    }
}

#[test]
fn events_are_placed() {
    let steps = [
        ("a", 1, 1, "new", 1),
        ("a", 1, 2, "new", 2),
        ("a", 1, 2, "duplicate", 2),
        ("a", 1, 1, "duplicate", 2),
        ("a", 1, 6, "new after 3-5", 6),
        ("a", 1, 4, "new", 6),
        ("a", 1, 4, "duplicate", 6),
        ("a", 1, 3, "new", 6),
        ("a", 1, 5, "new", 6),
        ("a", 1, 5, "duplicate", 6),
        ("a", 1, 7, "new", 7),
        // Another start and another shim count for themselves.
        ("a", 2, 1, "new", 1),
        ("b", 1, 3, "new after 1-2", 3),
        ("a", 1, 8, "new", 8),
    ];
    let mut tracker = Tracker::default();
    for (shim, epoch, seq, expected, acknowledged) in steps {
        let accepted = take(&mut tracker, &event(shim, epoch, seq));
        assert_eq!(text(&accepted), expected, "{shim} {epoch} {seq}");
        assert_eq!(tracker.acknowledged(shim, epoch), acknowledged);
    }
}

#[test]
fn nothing_is_acknowledged_before_it_is_durable() {
    let mut tracker = Tracker::default();
    let first = event("a", 1, 1);
    assert_eq!(tracker.acknowledged("a", 1), 0);
    tracker.note(&first);
    assert_eq!(tracker.judge(&first), Ok(Accepted::Duplicate));
    assert_eq!(tracker.acknowledged("a", 1), 0);
    tracker.note_durable("a", 1, 1);
    assert_eq!(tracker.acknowledged("a", 1), 1);
}

#[test]
fn what_was_not_appended_is_new_again() {
    let tracker = Tracker::default();
    let third = event("a", 1, 3);
    let judged = tracker.judge(&third).unwrap();
    assert_eq!(text(&judged), "new after 1-2");
    assert_eq!(tracker.judge(&third), Ok(judged));
}

#[test]
fn events_that_cannot_be_placed_are_refused() {
    let long = "x".repeat(SHIM_ID_BYTES_MAX + 1);
    let cases = [
        ("", 1, 1, EventRefused::ShimId),
        (long.as_str(), 1, 1, EventRefused::ShimId),
        ("a", 0, 1, EventRefused::Number),
        ("a", 1, 0, EventRefused::Number),
        ("a", 1, INTEGER_MAX + 1, EventRefused::Number),
        ("a", u64::MAX, 1, EventRefused::Number),
    ];
    for (shim, epoch, seq, refused) in cases {
        assert_eq!(
            Tracker::default().judge(&event(shim, epoch, seq)),
            Err(refused)
        );
    }
}

/// A tracker that learns from the log stands where the first one stood.
#[test]
fn the_log_tells_it_all_again() {
    let mut first = Tracker::default();
    let mut records = Vec::new();
    for (epoch, seq) in [(1, 1), (1, 2), (1, 7), (1, 4), (1, 9), (2, 3), (2, 1)] {
        let event = event("a", epoch, seq);
        if let Accepted::New { gap } = take(&mut first, &event) {
            records.extend(gap.map(Record::Gap));
            records.push(event.into_record(false));
        }
    }
    let mut again = Tracker::default();
    for record in records {
        again.replay(&record.object());
    }
    for epoch in 1..=3 {
        assert_eq!(
            again.acknowledged("a", epoch),
            first.acknowledged("a", epoch)
        );
        for seq in 1..=12 {
            let event = event("a", epoch, seq);
            assert_eq!(again.judge(&event), first.judge(&event), "{epoch} {seq}");
        }
    }
}

#[test]
fn a_decision_that_names_its_shim_is_no_event() {
    let mut tracker = Tracker::default();
    let mut decision = decision();
    decision.event_id = None;
    tracker.replay(&decision.object());
    assert_eq!(tracker.acknowledged("shim-1", 2), 0);
}

#[test]
fn records_of_events_carry_their_place() {
    let kinds = [
        EventKind::Heartbeat { spooled: 3 },
        EventKind::Outcome(Box::new(outcome())),
        EventKind::Decision(Box::new(decision())),
        EventKind::ShimConnected {
            caller: "uid:1000".into(),
            tool_server: "contracts".into(),
            version: "0.1.0".into(),
        },
    ];
    for kind in kinds {
        let event = Event {
            kind,
            ..event("shim-9", 4, 11)
        };
        let fields = event.into_record(false).object();
        let shim = fields.get("shim").unwrap().to_string();
        assert_eq!(shim, r#"{"epoch":4,"id":"shim-9","seq":11}"#);
        assert_eq!(fields.get("event_id"), Some(&"shim-9-4-11".into()));
        assert_eq!(
            fields.get("event_time"),
            Some(&"2026-11-20T16:00:00.123456Z".into())
        );
    }
}

#[test]
fn open_gaps_and_streams_are_bounded() {
    let mut tracker = Tracker::default();
    for gap in 1..=100 {
        take(&mut tracker, &event("a", 1, gap * 2));
    }
    let open = &tracker.streams[&("a".to_owned(), 1)].open;
    assert_eq!(open.len(), OPEN_GAPS_MAX);
    let late = |seq| text(&tracker.judge(&event("a", 1, seq)).unwrap());
    assert_eq!((late(1).as_str(), late(199).as_str()), ("reused", "new"));

    let mut tracker = Tracker::default();
    for epoch in 1..=TRACKED_STREAMS_MAX as u64 {
        take(&mut tracker, &event("a", epoch, 1));
    }
    take(&mut tracker, &event("a", 1, 2));
    take(&mut tracker, &event("b", 1, 1));
    assert_eq!(tracker.streams.len(), TRACKED_STREAMS_MAX);
    assert_eq!(tracker.acknowledged("a", 1), 2, "spoke last");
    assert_eq!(tracker.acknowledged("a", 2), 0, "was silent longest");
}

/// A number that was used: what has the same id is the same event, everything else is another one.
#[test]
fn another_event_under_a_used_number_is_recorded_as_such() {
    let with_id = |seq, id: &str| Event {
        event_id: id.to_owned(),
        ..event("a", 1, seq)
    };
    let steps = [
        (1, "x", "new"),
        (1, "x", "duplicate"),
        (1, "y", "reused"),
        (1, "y", "duplicate"),
        (1, "x", "duplicate"),
        (2, "x", "new"),
        (5, "z", "new after 3-4"),
        (4, "u", "new"),
        (4, "u", "duplicate"),
        (4, "v", "reused"),
        (3, "w", "new"),
    ];
    let mut tracker = Tracker::default();
    let mut records = Vec::new();
    for (seq, id, expected) in steps {
        let event = with_id(seq, id);
        let accepted = take(&mut tracker, &event);
        assert_eq!(text(&accepted), expected, "{seq} {id}");
        match accepted {
            Accepted::Duplicate => {}
            Accepted::New { gap } => {
                records.extend(gap.map(Record::Gap));
                records.push(event.into_record(false));
            }
            Accepted::Reused => records.push(event.into_record(true)),
        }
    }
    let reused = records.iter().filter(|record| {
        let fields = record.object();
        fields.get("shim").unwrap().get("seq_reused") == Some(&true.into())
    });
    assert_eq!(reused.count(), 2);
    // The log tells it all again.
    let mut again = Tracker::default();
    for record in records {
        again.replay(&record.object());
    }
    for (seq, id, _) in steps {
        let known = again.judge(&with_id(seq, id));
        assert_eq!(known, Ok(Accepted::Duplicate), "{seq} {id}");
    }
}

#[test]
fn a_leap_is_one_gap_of_its_exact_range_however_far() {
    let cases = [
        (1, INTEGER_MAX, Some((2, INTEGER_MAX - 1))),
        (1, 1 << 52, Some((2, (1 << 52) - 1))),
        (INTEGER_MAX - 1, INTEGER_MAX, None),
    ];
    for (before, seq, expected) in cases {
        let mut tracker = Tracker::default();
        take(&mut tracker, &event("a", 1, before));
        let Accepted::New { gap } = take(&mut tracker, &event("a", 1, seq)) else {
            panic!("{seq} is new");
        };
        let range = gap.as_ref().map(|gap| (gap.first_seq, gap.last_seq));
        assert_eq!(range, expected);
        let open = &tracker.streams[&("a".to_owned(), 1)].open;
        let gaps = expected.iter().count() + usize::from(before > 1);
        assert_eq!(open.len(), gaps, "a range, not its numbers");
        assert_eq!(tracker.acknowledged("a", 1), seq);
        // Beyond it nothing can be numbered: the shim starts anew, as another epoch.
        for beyond in [INTEGER_MAX + 1, 1 << 60, u64::MAX] {
            let refused = tracker.judge(&event("a", 1, beyond));
            assert_eq!(refused, Err(EventRefused::Number));
        }
        assert_eq!(text(&take(&mut tracker, &event("a", 2, 1))), "new");
    }
}

#[test]
fn remembered_events_are_bounded_and_a_forgotten_one_is_recorded_again() {
    let mut tracker = Tracker::default();
    let last = REMEMBERED_EVENTS_MAX as u64 + 1;
    for seq in 1..=last {
        tracker.note(&event("a", 1, seq));
    }
    let seen = &tracker.seen;
    let sizes = [seen.events.len(), seen.oldest_first.len()];
    assert_eq!(sizes, [REMEMBERED_EVENTS_MAX; 2]);
    for (seq, expected) in [(1, "reused"), (2, "duplicate"), (last, "duplicate")] {
        let accepted = tracker.judge(&event("a", 1, seq)).unwrap();
        assert_eq!(text(&accepted), expected, "{seq}");
    }
}
