//! Bytes that were cut, torn or flipped.

use super::*;
use crate::files::faulty::Disk;

/// The file of a spool with three events, of which the first is acknowledged, and a fourth.
fn whole() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let mut spool = open(&path);
    spool.forwarding(&decision("x")).unwrap();
    appended(&mut spool, 3);
    spool.acknowledge(1).unwrap();
    appended(&mut spool, 1);
    fs::read(&path).unwrap()
}

fn opened(bytes: &[u8]) -> (Vec<(u64, String)>, Found, (u64, u64)) {
    // In memory: thousands of times, the disk would take minutes.
    let disk = Disk::new();
    let (dir, path) = (Path::new("/state"), Path::new("/state/spool"));
    files::create_dir(&disk, dir).unwrap();
    files::append_all(disk.make(path).unwrap().as_mut(), bytes).unwrap();
    let open = || Spool::open(Arc::new(disk.clone()), path, EACH, false).unwrap();
    let (mut spool, found) = open();
    let events = spool.waiting.iter();
    let events: Vec<_> = events
        .map(|(_, it)| (it.number, it.event_id.clone()))
        .collect();
    let numbers = spool.numbers();
    // What is appended now is found again, and nothing is lost or damaged any more but what was.
    appended(&mut spool, 1);
    drop(spool);
    let (spool, again) = open();
    assert_eq!(again.damaged_lines, 0);
    assert_eq!(again.lost, found.lost);
    assert_eq!(spool.waiting.back().unwrap().1.number, numbers.1);
    (events, found, numbers)
}

#[test]
fn a_file_that_is_whole_is_read_whole() {
    let (events, found, numbers) = opened(&whole());
    let ids = ["e1", "e2", "e0"].map(str::to_owned);
    assert_eq!(events, [2, 3, 4].into_iter().zip(ids).collect::<Vec<_>>());
    assert_eq!((found.damaged_lines, found.lost), (0, 0));
    assert_eq!(numbers, (2, 5));
}

#[test]
fn each_flipped_byte_is_seen_and_what_is_lost_is_a_hole() {
    let whole = whole();
    let expected = [(2, "e1"), (3, "e2"), (4, "e0")];
    for at in 0..whole.len() {
        for flip in [1, 0x2a, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            let (events, found, (first, next)) = opened(&bytes);
            assert!(found.damaged_lines > 0, "{at}");
            let right = |(number, id): &(u64, String)| {
                expected.contains(&(*number, id)) || (*number, id.as_str()) == (1, "e0")
            };
            assert!(events.iter().all(right), "{at}: {events:?}");
            // Whatever is not there is missing in the numbers.
            for (number, _) in expected {
                let there = events.iter().any(|(it, _)| *it == number);
                assert!(there || (first..next).contains(&number), "{at}: {number}");
            }
            assert_eq!(found.lost, next - first - events.len() as u64);
        }
    }
}

#[test]
fn a_file_cut_anywhere_loses_only_what_was_cut() {
    let whole = whole();
    for kept in 0..whole.len() {
        let (events, found, (first, next)) = opened(&whole[..kept]);
        let is_at_line_end = kept == 0 || whole[kept - 1] == b'\n' || whole[kept] == b'\n';
        assert_eq!(found.damaged_lines == 0, is_at_line_end, "{kept}");
        assert_eq!(found.lost, next - first - events.len() as u64, "{kept}");
        let lines = whole[..kept].split(|byte| *byte == b'\n');
        let whole_events = lines.filter(|line| {
            matches!(Line::from_bytes(line), Some(Line::Event(event)) if event.number >= first)
        });
        assert_eq!(events.len(), whole_events.count(), "{kept}");
    }
}

#[test]
fn a_file_that_is_gone_counts_as_lost_where_there_was_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let open = |expected| Spool::open(Arc::new(OsFiles), &path, EACH, expected).unwrap();
    assert_eq!(open(false).1.lost, 0);
    fs::remove_file(&path).unwrap();
    let (spool, found) = open(true);
    assert_eq!((found.lost, found.is_new), (1, true));
    assert_eq!(spool.numbers(), (1, 2));
}
