//! What the numbers of shims' events say.

use super::stored::{Unwatched, chained};
use super::*;
use crate::model::json::Object;

/// A record of a shim's event.
fn event(id: &str, epoch: u64, seq: u64, is_marked: bool) -> Object {
    let mut shim = Object::new();
    shim.insert("epoch", epoch);
    shim.insert("id", id);
    shim.insert("seq", seq);
    if is_marked {
        shim.insert("seq_reused", true);
    }
    Object::from_iter([("type", Json::from("heartbeat")), ("shim", shim.into())])
}

fn gap(first: u64, last: u64) -> Object {
    let shim = Json::object([("epoch", Json::from(1_u64)), ("id", "s".into())]);
    Object::from_iter([
        ("type", Json::from("gap")),
        ("shim", shim),
        ("first_seq", first.into()),
        ("last_seq", last.into()),
    ])
}

/// `3` is an event, `3r` one that says its number was used before, `2-4` a gap.
fn records(text: &str) -> Vec<Object> {
    let record = |word: &str| match (word.split_once('-'), word.strip_suffix('r')) {
        (Some((first, last)), _) => gap(first.parse().unwrap(), last.parse().unwrap()),
        (_, Some(seq)) => event("s", 1, seq.parse().unwrap(), true),
        _ => event("s", 1, word.parse().unwrap(), false),
    };
    text.split_whitespace().map(record).collect()
}

fn report(records: Vec<Object>) -> ShimReport {
    let log = chained(records);
    let checked = check(
        &log,
        &Expected::default(),
        &mut Pairs::default(),
        &mut Unwatched,
    );
    checked.unwrap().shims
}

#[test]
fn holes_gaps_and_numbers_that_come_twice_are_counted() {
    // The events; missing, undeclared, reused, and the first record of the latter two.
    let cases = [
        ("1 2 3", (0, 0, 0, None)),
        ("1 3", (0, 1, 0, Some(1))),
        ("3 4", (0, 2, 0, Some(0))),
        ("1 3 7", (0, 4, 0, Some(1))),
        ("1 2-3 4", (2, 0, 0, None)),
        ("1-2 3", (2, 0, 0, None)),
        ("1 2-3 2 4", (1, 0, 0, None)),
        ("1 2-3 3 2 4", (0, 0, 0, None)),
        ("1 2-6 4 7", (4, 0, 0, None)),
        ("1 2-6 4 3 5 7", (2, 0, 0, None)),
        ("1 2-2 2 2 3", (0, 0, 1, Some(3))),
        ("1 2 2 3", (0, 0, 1, Some(2))),
        ("1 2 2r 3", (0, 0, 0, None)),
        ("1 2 1 1", (0, 0, 2, Some(2))),
        ("1 2 2-4 5", (2, 0, 0, None)),
        ("1 2 3 1-2", (0, 0, 0, None)),
        ("1 4-5 6", (2, 2, 0, Some(1))),
        ("1 3-3 2", (1, 1, 1, Some(1))),
    ];
    for (text, (missing, undeclared, reused, first_seq)) in cases {
        let expected = ShimReport {
            streams: 1,
            missing,
            undeclared,
            reused,
            first_seq,
            unfollowed: 0,
        };
        assert_eq!(report(records(text)), expected, "{text}");
    }
}

#[test]
fn each_shim_counts_anew_in_each_epoch() {
    let events = [
        ("a", 1, 1),
        ("b", 1, 1),
        ("a", 2, 1),
        ("a", 1, 2),
        ("b", 1, 3),
    ];
    let events = events.map(|(id, epoch, seq)| event(id, epoch, seq, false));
    let expected = ShimReport {
        streams: 3,
        undeclared: 1,
        first_seq: Some(4),
        ..ShimReport::default()
    };
    assert_eq!(report(events.to_vec()), expected);
}

#[test]
fn records_without_a_number_do_not_count() {
    let mut without = event("s", 1, 1, false);
    without.remove("shim");
    let mut unnumbered = event("s", 1, 1, false);
    let shim = Json::object([("epoch", Json::from(1_u64)), ("id", "s".into())]);
    unnumbered.insert("shim", shim);
    let mut nameless = event("s", 1, 9, false);
    nameless.insert("shim", Json::object([("seq", 9_u64)]));
    assert_eq!(
        report(vec![without, unnumbered, nameless]),
        ShimReport::default()
    );
}

/// Of many gaps the oldest are forgotten: what they told of stays missing.
#[test]
fn what_is_missing_stays_so_where_its_gap_is_forgotten() {
    let mut text = String::from("1");
    for number in 0..70 {
        let seq = 2 * number + 2;
        text.push_str(&format!(" {seq}-{seq} {}", seq + 1));
    }
    assert_eq!(report(records(&text)).missing, 70);
    // The first six are forgotten.
    let late = report(records(&format!("{text} 14")));
    assert_eq!((late.missing, late.reused), (69, 0));
    let forgotten = report(records(&format!("{text} 12")));
    assert_eq!((forgotten.missing, forgotten.reused), (70, 1));
}

#[test]
fn of_too_many_shims_the_number_of_events_is_told() {
    let line = |id: u64, seq: u64| {
        let shim = format!("{{\"epoch\":1,\"id\":\"{id}\",\"seq\":{seq}}}");
        format!(
            "{{\"origin\":\"o\",\"prev\":\"{NO_PREV}\",\"seq\":0,\"shim\":{shim},\
             \"time\":\"2026-11-20T16:00:00.123456Z\",\"type\":\"heartbeat\"}}"
        )
    };
    let mut shims = crate::audit::verify::shims::Shims::default();
    let mut see = |id, seq| shims.see(&Line::read(line(id, seq).as_bytes()).unwrap());
    (0..65_538).for_each(|id| see(id, 1));
    see(7, 2);
    let report = shims.end();
    assert_eq!((report.streams, report.unfollowed), (65_536, 2));
    assert_eq!((report.undeclared, report.reused), (0, 0));
}
