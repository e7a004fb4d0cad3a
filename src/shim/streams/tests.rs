use super::*;
use crate::files::create_dir;
use crate::files::faulty::{Disk, Plan};

const PATH: &str = "/slot/streams";

fn disk() -> Disk {
    let disk = Disk::new();
    create_dir(&disk, Path::new("/slot")).unwrap();
    disk
}

fn open(disk: &Disk, numbers: (u64, u64)) -> Streams {
    let files = Arc::new(disk.clone());
    Streams::open(files, Path::new(PATH), numbers, false).unwrap()
}

fn place(streams: &mut Streams, origin: &str, number: u64, epoch: u64) -> (u64, u64) {
    let stream = streams.place(origin, (1, number, number), || Ok(epoch));
    let stream = stream.unwrap();
    streams.note_sent(stream.epoch, number);
    (stream.epoch, stream.seq(number))
}

#[test]
fn an_event_has_one_number_in_each_log() {
    let disk = disk();
    let mut streams = open(&disk, (1, 1));
    assert_eq!(place(&mut streams, "a", 1, 1), (1, 1));
    assert_eq!(place(&mut streams, "a", 2, 9), (1, 2));
    assert_eq!(place(&mut streams, "b", 2, 2), (2, 1));
    assert_eq!(place(&mut streams, "b", 3, 9), (2, 2));
    // Sent to `a` before: the same number; not sent: another stream.
    assert_eq!(place(&mut streams, "a", 2, 9), (1, 2));
    assert_eq!(place(&mut streams, "a", 3, 3), (3, 1));
    // The same after a restart, for what there was before it.
    let mut streams = open(&disk, (2, 4));
    assert_eq!(place(&mut streams, "a", 2, 9), (1, 2));
    assert_eq!(place(&mut streams, "b", 3, 9), (2, 2));
    assert_eq!(place(&mut streams, "a", 3, 9), (3, 1));
    assert_eq!(place(&mut streams, "a", 4, 4), (4, 1));
}

#[test]
fn events_that_two_logs_were_sent_are_kept_until_one_has_all() {
    let disk = disk();
    let mut streams = open(&disk, (1, 1));
    for number in 1..=4 {
        place(&mut streams, "a", number, 1);
    }
    for number in 2..=6 {
        place(&mut streams, "b", number, 2);
    }
    for (up_to, may) in [(2, false), (3, false), (4, true), (6, true)] {
        assert_eq!(streams.may_forget("b", 2, up_to), may, "{up_to}");
    }
}

#[test]
fn what_could_not_be_kept_is_not_used() {
    let disk = disk();
    let mut streams = open(&disk, (1, 1));
    disk.set(Plan::default());
    place(&mut streams, "a", 1, 1);
    let operations = disk.operations();
    for fail_at in 0..operations {
        disk.set(Plan {
            fail_at: Some(fail_at),
            ..Plan::default()
        });
        streams.place("b", (1, 1, 1), || Ok(2)).unwrap_err();
        disk.set(Plan::default());
        assert_eq!(place(&mut streams, "a", 1, 9), (1, 1));
    }
    streams
        .place("c", (1, 1, 1), || Err(io::Error::other("no epoch")))
        .unwrap_err();
}

#[test]
fn each_flipped_byte_is_damage() {
    let disk = disk();
    let mut streams = open(&disk, (1, 1));
    place(&mut streams, "a", 1, 1);
    place(&mut streams, "b", 1, 2);
    let whole = disk.read(Path::new(PATH), 9_999).unwrap();
    assert_eq!(read(&whole).unwrap().len(), 2);
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        assert_eq!(read(&flipped), None, "{at}");
        assert!(at == 0 || read(&whole[..at]).is_none(), "{at}");
    }
}

#[test]
fn streams_are_bounded() {
    let disk = disk();
    let mut streams = open(&disk, (1, 1));
    for epoch in 1..=STREAMS_MAX as u64 + 5 {
        place(&mut streams, &format!("log/{epoch}"), 1, epoch);
    }
    assert_eq!(streams.list.len(), STREAMS_MAX);
}
