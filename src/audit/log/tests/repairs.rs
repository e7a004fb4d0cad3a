//! A log that does not check, cut and continued: nothing of it is lost, whatever fails.

use super::*;
use crate::audit::log::{RepairError, Repaired};
use crate::audit::verify::Fault;
use sha2::{Digest, Sha256};

fn cut(disk: &Disk, seq: u64) -> Result<Repaired, RepairError> {
    let files: Arc<dyn Files> = Arc::new(disk.clone());
    repair(&dir(), seq, TIME, &files)
}

/// A log of 10 records in several files.
fn broken(break_it: impl Fn(&Disk)) -> Disk {
    let disk = Disk::new();
    let options = Options {
        segment_bytes_max: 1_500,
        ..options()
    };
    let (log, _) = Log::open(&dir(), options, Arc::new(disk.clone())).unwrap();
    for record in all() {
        log.append(TIME, &record).unwrap().wait().unwrap();
    }
    drop(log);
    let (report, _) = check(&disk);
    assert!(
        report.files >= 3 && report.records == all().len() as u64,
        "{report:?}"
    );
    break_it(&disk);
    disk
}

fn rewrite(disk: &Disk, name: &str, content: &[u8]) {
    crate::files::replace(disk, &dir().join(name), content).unwrap();
}

fn logs(disk: &Disk) -> Vec<(String, Vec<u8>)> {
    let mut names = OnDisk(disk).names().unwrap();
    names.retain(|name| name.starts_with("log-"));
    names.sort();
    let read = |name: String| (name.clone(), OnDisk(disk).read(&name).unwrap());
    names.into_iter().map(read).collect()
}

/// Every byte of the log's files, in order.
fn bytes(disk: &Disk) -> Vec<u8> {
    logs(disk)
        .into_iter()
        .flat_map(|(_, content)| content)
        .collect()
}

/// Changes the record of this seq, where it stands, so that its form stays.
fn alter(disk: &Disk, seq: u64) {
    for (name, content) in logs(disk) {
        let text = String::from_utf8(content).unwrap();
        let mark = format!("\"seq\":{seq},");
        let lines = text
            .split_inclusive('\n')
            .map(|line| match line.contains(&mark) {
                true => line.replacen("\"time\":\"2026", "\"time\":\"2025", 1),
                false => line.to_owned(),
            });
        let altered: String = lines.collect();
        if altered != text {
            rewrite(disk, &name, altered.as_bytes());
            return;
        }
    }
    panic!("no record {seq}");
}

fn fault(disk: &Disk) -> Fault {
    walk(&OnDisk(disk), None, &mut |_| ()).unwrap_err()
}

/// What every repair that ended must have left.
fn assert_repaired(disk: &Disk, original: &[u8], seq: u64) {
    let mut last = None;
    let report = walk(&OnDisk(disk), None, &mut |record| {
        last = Some(record.clone())
    })
    .unwrap();
    let last = last.unwrap();
    assert_eq!(report.records, seq + 1, "the repair is the last record");
    let text = |name: &str| last.get(name).and_then(Json::as_str).unwrap().to_owned();
    let number = |name: &str| last.get(name).and_then(Json::as_u64).unwrap();
    assert_eq!(
        (text("type").as_str(), number("first_seq")),
        ("log_repaired", seq)
    );
    let cut = OnDisk(disk).read(&text("file")).unwrap();
    assert_eq!(number("bytes"), cut.len() as u64);
    assert_eq!(
        number("lines"),
        cut.split_inclusive(|b| *b == b'\n').count() as u64
    );
    let digest = crate::model::hex::hex(&Sha256::digest(&cut));
    assert_eq!(text("digest"), format!("sha256:{digest}"));
    // Nothing lost: what is kept and what was cut are together the log as it was.
    let kept = bytes(disk);
    let end = kept[..kept.len() - 1]
        .iter()
        .rposition(|b| *b == b'\n')
        .unwrap();
    let together = [&kept[..=end], &cut].concat();
    assert_eq!(together, original);
    // It goes on.
    let (log, recovered) = open(disk).unwrap();
    assert_eq!(recovered.report.records, seq + 1);
    assert_eq!(append(&log, 2).len(), 2);
    drop(log);
    assert_eq!(check(disk).0.records, seq + 3);
}

#[test]
fn what_does_not_check_is_moved_aside_and_recorded() {
    type Break = fn(&Disk);
    let cases: [(&str, Break); 6] = [
        ("an altered record", |disk| alter(disk, 2)),
        ("an altered first record of a file", |disk| {
            let second = logs(disk)[1].0.replace(|c: char| !c.is_ascii_digit(), "");
            alter(disk, second.parse().unwrap());
        }),
        ("a line that is no JSON", |disk| {
            let (name, content) = logs(disk).remove(1);
            let text = String::from_utf8(content).unwrap();
            let first = text.find('\n').unwrap() + 1;
            let (kept, rest) = text.split_at(first);
            rewrite(disk, &name, format!("{kept}nonsense\n{rest}").as_bytes());
        }),
        ("a missing file", |disk| {
            let name = logs(disk)[1].0.clone();
            disk.remove(&dir().join(name)).unwrap();
        }),
        ("an empty file", |disk| {
            let name = logs(disk)[1].0.clone();
            rewrite(disk, &name, b"");
        }),
        ("a file without its end", |disk| {
            let (name, content) = logs(disk).remove(1);
            rewrite(disk, &name, &content[..content.len() - 10]);
        }),
    ];
    for (what, break_it) in cases {
        let disk = broken(break_it);
        let original = bytes(&disk);
        let found = fault(&disk);
        let seq = found.seq;
        assert!(
            matches!(open(&disk), Err(OpenError::Fault { .. })),
            "{what}"
        );
        for other in [0, seq - 1, seq + 1, u64::MAX] {
            let refused = cut(&disk, other).unwrap_err();
            let RepairError::Elsewhere { given, fault, .. } = refused else {
                panic!("{what}: {refused}");
            };
            assert_eq!((given, fault.seq()), (other, seq), "{what}");
        }
        assert_eq!(bytes(&disk), original, "{what}: nothing was done");
        let repaired = cut(&disk, seq).unwrap();
        assert_eq!(repaired.record.fault, found.to_string(), "{what}");
        assert_eq!(check(&disk).0.head, Some(repaired.head), "{what}");
        disk.crash();
        assert_repaired(&disk, &original, seq);
    }
}

#[test]
fn what_needs_no_repair_or_cannot_have_one_is_left_alone() {
    let sound = broken(|_| ());
    let refused = cut(&sound, 5).unwrap_err();
    assert!(matches!(refused, RepairError::Sound { .. }), "{refused}");
    let torn = broken(|disk| {
        let (name, mut content) = logs(disk).pop().unwrap();
        content.extend_from_slice(b"{\"ar");
        rewrite(disk, &name, &content);
    });
    let refused = cut(&torn, 10).unwrap_err();
    assert!(matches!(refused, RepairError::Sound { .. }), "{refused}");
    let nothing = broken(|disk| alter(disk, 0));
    let refused = cut(&nothing, 0).unwrap_err();
    assert!(
        matches!(refused, RepairError::NothingKept { .. }),
        "{refused}"
    );
    let missing = cut(&Disk::new(), 0).unwrap_err();
    assert!(matches!(missing, RepairError::NoLog { .. }), "{missing}");

    let open_log = Disk::new();
    let (_log, _) = open(&open_log).unwrap();
    let refused = cut(&open_log, 0).unwrap_err();
    assert!(matches!(refused, RepairError::Locked { .. }), "{refused}");
}

/// Each operation of a repair fails in turn, with the machine running on and with a power failure.
/// Whatever is left, every byte of the log is still there, and repairing again ends well.
#[test]
fn every_failure_in_turn_loses_nothing() {
    let make = || broken(|disk| alter(disk, 3));
    let healthy = make();
    let before = healthy.operations();
    cut(&healthy, 3).unwrap();
    let operations = healthy.operations() - before;
    assert!(operations >= 8, "{operations}");
    for step in 0..operations {
        for (short_writes, power_fails) in [(false, false), (true, true), (false, true)] {
            let what = format!("operation {step}, {short_writes}, {power_fails}");
            let disk = make();
            let original = bytes(&disk);
            disk.set(Plan {
                fail_at: Some(step),
                short_writes,
                seed: step,
                ..Plan::default()
            });
            let failed = cut(&disk, 3).unwrap_err();
            assert!(matches!(failed, RepairError::Io { .. }), "{what}: {failed}");
            disk.set(Plan::default());
            if power_fails {
                disk.crash();
            }
            repair_until_sound(&disk, &what);
            assert_nothing_lost(&disk, &original, &what);
            let (log, _) = open(&disk).unwrap();
            assert_eq!(append(&log, 1).len(), 1, "{what}");
        }
    }
}

/// A repair that was cut short may leave files behind that have to be moved aside, too.
fn repair_until_sound(disk: &Disk, what: &str) {
    const REPAIRS_MAX: usize = 3;
    for _ in 0..REPAIRS_MAX {
        let Err(found) = walk(&OnDisk(disk), None, &mut |_| ()) else {
            return;
        };
        cut(disk, found.seq).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    panic!("{what}: still broken");
}

/// Every line of the log as it was is in the log or in a file of cut bytes that the log names.
fn assert_nothing_lost(disk: &Disk, original: &[u8], what: &str) {
    let mut named = Vec::new();
    walk(&OnDisk(disk), None, &mut |record| {
        let files = record.get("files").and_then(Json::as_array);
        named.extend(
            files
                .into_iter()
                .flatten()
                .filter_map(|file| Some(file.as_str()?.to_owned())),
        );
    })
    .unwrap();
    let mut held = bytes(disk);
    for name in OnDisk(disk).names().unwrap() {
        if name.starts_with("cut-") {
            assert!(named.contains(&name), "{what}: no record names `{name}`");
            held.push(b'\n');
            held.extend(OnDisk(disk).read(&name).unwrap());
        }
    }
    for line in original.split(|byte| *byte == b'\n') {
        let is_held = held.split(|byte| *byte == b'\n').any(|other| other == line);
        assert!(is_held, "{what}: {}", String::from_utf8_lossy(line));
    }
}
