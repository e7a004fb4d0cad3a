//! Whatever a spool's file holds, reading it makes sense: numbers rise within their range, what is
//! not there counts as lost, and a file written from what was read reads back the same. With a
//! first byte of `+` each line gets its right checksum here, so that mutations get past it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toolgate::shim::spool::format::{Line, read, sealed};

fuzz_target!(|data: &[u8]| {
    let file = match data.split_first() {
        Some((b'+', rest)) => rest.split(|byte| *byte == b'\n').flat_map(sealed).collect(),
        _ => data.to_vec(),
    };
    let found = read(&file);
    assert!(found.first >= 1 && found.first <= found.next);
    let numbers: Vec<_> = found.events.iter().map(|event| event.number).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b));
    assert!(numbers.iter().all(|number| (found.first..found.next).contains(number)));
    assert_eq!(found.lost() + numbers.len() as u64, found.next - found.first);
    if !file.is_empty() && found.events.is_empty() && found.is_new && found.forwarded.is_empty() {
        assert!(found.damaged_lines > 0 || found.first > 1, "something was passed over");
    }
    let mut again = Line::Head { first: found.first, next: found.next }.to_bytes();
    for decision in found.forwarded.values() {
        again.extend(Line::Forwarding(decision.clone()).to_bytes());
    }
    for event in &found.events {
        again.extend(Line::Event(event.clone()).to_bytes());
    }
    let reread = read(&again);
    assert_eq!(reread.damaged_lines, 0);
    assert_eq!((reread.first, reread.next), (found.first, found.next));
    assert_eq!(reread.events, found.events);
});
