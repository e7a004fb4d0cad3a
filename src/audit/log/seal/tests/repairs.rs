//! Signed logs that are not what was signed, cut and continued: nothing is lost, whatever fails.

use super::*;
use crate::audit::archive::bundles_before;
use crate::audit::log::{RepairError, Repaired, repair};
use crate::audit::verify::Pruned;
use crate::model::json::{Json, Limits, parse};

/// Repairs after one another that may be needed where one did not end.
const REPAIRS_MAX: usize = 4;

fn cut(disk: &Disk, seq: u64) -> Result<Repaired, RepairError> {
    let files: Arc<dyn Files> = Arc::new(disk.clone());
    repair(&dir(), seq, TIME, &files)
}

/// Where opening says that the log is to be cut; `None`: it opens.
fn to_cut(disk: &Disk, key: &Arc<SigningKey>, what: &str) -> Option<u64> {
    let error = open(disk, signing(key, None)).map(drop).err()?;
    let text = error.to_string();
    let seq = match error {
        OpenError::Fault { fault, .. } => fault.seq,
        OpenError::Sealed { source, .. } => source.first_unsound().expect(&text),
        other => panic!("{what}: {other}"),
    };
    let way_out = format!("--truncate-at {seq}");
    assert!(text.contains(&way_out), "{what}: {text}");
    Some(seq)
}

/// Changes a record where it stands: the chain does not check any more.
fn alter(disk: &Disk, seq: u64) {
    for name in segments(disk) {
        let text = String::from_utf8(read(disk, &name)).unwrap();
        let mark = format!("\"seq\":{seq},");
        let altered: String = text
            .split_inclusive('\n')
            .map(|line| match line.contains(&mark) {
                true => line.replacen("\"time\":\"2026", "\"time\":\"2025", 1),
                false => line.to_owned(),
            })
            .collect();
        if altered != text {
            replace(disk, &dir().join(name), altered.as_bytes()).unwrap();
        }
    }
}

/// Takes away everything from this record on.
fn truncate(disk: &Disk, seq: usize) {
    let mut first = 0;
    for name in segments(disk) {
        let content = read(disk, &name);
        let lines: Vec<_> = content.split_inclusive(|byte| *byte == b'\n').collect();
        let kept = seq.saturating_sub(first).min(lines.len());
        first += lines.len();
        match kept {
            0 => disk.remove(&dir().join(name)).unwrap(),
            _ => replace(disk, &dir().join(name), &lines[..kept].concat()).unwrap(),
        }
    }
    disk.sync_dir(&dir()).unwrap();
}

/// Leaves of the records before the second last file what archiving leaves of them.
fn prune(disk: &Disk) -> u64 {
    let names = segments(disk);
    let first = &names[names.len() - 2];
    let first_seq = crate::audit::layout::first_seq(first).unwrap();
    let last = &lines(disk)[first_seq as usize - 1];
    let pruned = Pruned {
        origin: ORIGIN.to_owned(),
        first_seq,
        prev: hex(&Sha256::digest(last)),
    };
    replace(disk, &dir().join("pruned"), &pruned.to_bytes()).unwrap();
    for name in names.iter().filter(|name| *name < first) {
        disk.remove(&dir().join(name)).unwrap();
    }
    for name in bundles_before(disk, &dir(), first_seq).unwrap() {
        disk.remove(&dir().join(name)).unwrap();
    }
    disk.sync_dir(&dir()).unwrap();
    first_seq
}

/// Everything that must never be lost: lines and checkpoints.
fn evidence(disk: &Disk) -> Vec<Vec<u8>> {
    let files = disk.files().into_iter();
    let notes = files.filter(|(path, _)| path.to_str().unwrap().contains("/checkpoint"));
    let notes = notes.map(|(_, content)| content);
    lines(disk).into_iter().chain(notes).collect()
}

fn assert_nothing_lost(disk: &Disk, original: &[Vec<u8>], what: &str) {
    let mut held: Vec<Vec<u8>> = evidence(disk);
    let limits = Limits {
        bytes_max: 1 << 16,
        depth_max: 16,
        values_max: 1 << 16,
    };
    let records = lines(disk)
        .into_iter()
        .map(|line| parse(&line, limits).unwrap());
    let named: Vec<String> = records
        .filter_map(|record| Some(record.get("files")?.as_array()?.to_vec()))
        .flatten()
        .map(|name| Json::as_str(&name).unwrap().to_owned())
        .collect();
    let mut names = disk.names(&dir()).unwrap();
    names.retain(|name| name.starts_with("cut-") && !name.ends_with(".tmp"));
    for name in names {
        assert!(named.contains(&name), "{what}: no record names `{name}`");
        let content = read(disk, &name);
        let cut = content.split(|byte| *byte == b'\n');
        held.extend(cut.map(<[u8]>::to_vec));
        held.push(content);
    }
    for one in original {
        let text = String::from_utf8_lossy(one);
        assert!(held.contains(one), "{what}: lost {text}");
    }
}

/// That the log opens, goes on, and is signed whole, and that no tile is of another log.
fn assert_goes_on(disk: &Disk, key: &Arc<SigningKey>, pruned: u64, what: &str) {
    written(disk, key, 3);
    let size = pruned + lines(disk).len() as u64;
    let (note, checkpoint) = note(disk, "checkpoint");
    note.check(&key.verifier(ORIGIN).unwrap()).unwrap();
    assert_eq!(checkpoint.size, size, "{what}");
    if pruned == 0 {
        check(disk, "checkpoint", key);
        check_tiles(disk, size);
    }
    // Opening holds the lines against tiles, checkpoints and keys once more.
    drop(open(disk, signing(key, None)).unwrap_or_else(|error| panic!("{what}: {error}")));
    for name in crate::files::below(disk, &dir(), "tile").unwrap() {
        let tile: TilePath = name.parse().unwrap();
        let each = match tile.kind {
            TileKind::Entries => 1,
            TileKind::Hashes { level } => 256_u64.pow(u32::from(level)),
        };
        let end = (tile.index * 256 + tile.width) * each;
        assert!(end <= size, "{what}: `{name}` of {size} records");
    }
}

type Break = fn(&Disk);

/// What to do to a log of 300 records, and whether its beginning was pruned before.
const CASES: [(&str, bool, Break); 8] = [
    ("an altered record", false, |disk| alter(disk, 140)),
    ("an altered late record", false, |disk| alter(disk, 290)),
    ("a log made to fit", false, |disk| rewrite(disk, 150)),
    ("a log made to fit at its end", false, |disk| {
        rewrite(disk, 299)
    }),
    ("a lost end", false, |disk| truncate(disk, 299)),
    ("lost files", false, |disk| truncate(disk, 100)),
    ("an altered record of a pruned log", true, |disk| {
        alter(disk, 298)
    }),
    ("a lost end of a pruned log", true, |disk| {
        let first = crate::audit::layout::first_seq(&segments(disk)[0]).unwrap();
        truncate(disk, 297 - first as usize);
    }),
];

fn broken(base: &Disk, (_, is_pruned, break_it): &(&str, bool, Break)) -> (Disk, u64) {
    let disk = base.copy();
    let pruned = if *is_pruned { prune(&disk) } else { 0 };
    break_it(&disk);
    (disk, pruned)
}

#[test]
fn what_was_signed_beyond_the_cut_is_moved_aside() {
    let (base, key) = (Disk::new(), key());
    written(&base, &key, 300);
    let latest = read(&base, "checkpoint");
    for case in &CASES {
        let what = case.0;
        let (disk, pruned) = broken(&base, case);
        let original = evidence(&disk);
        let seq = to_cut(&disk, &key, what).unwrap_or_else(|| panic!("{what}: it opens"));
        for other in [seq - 1, seq + 1] {
            let refused = cut(&disk, other).unwrap_err();
            assert!(
                matches!(refused, RepairError::Elsewhere { .. }),
                "{what}: {refused}"
            );
        }
        assert_eq!(evidence(&disk), original, "{what}: nothing was done");
        let repaired = cut(&disk, seq).unwrap_or_else(|error| panic!("{what}: {error}"));
        disk.crash();
        let moved = repaired.record.checkpoint.unwrap();
        assert_eq!(read(&disk, &moved), latest, "{what}");
        assert_eq!(
            (repaired.record.first_seq, repaired.head.seq),
            (seq, seq),
            "{what}"
        );
        assert_nothing_lost(&disk, &original, what);
        let needs = cut(&disk, seq + 1).unwrap_err();
        assert!(
            matches!(needs, RepairError::Sound { .. }),
            "{what}: {needs}"
        );
        assert_goes_on(&disk, &key, pruned, what);
    }
}

/// Each operation of a repair fails in turn, with the machine running on and with a power failure.
#[test]
fn every_failure_in_turn_loses_nothing_and_can_be_repaired() {
    let (base, key) = (Disk::new(), key());
    written(&base, &key, 300);
    let mut steps = 0;
    // A chain that does not check, a checkpoint that says more, and a log that was pruned.
    for case in [0, 5, 7].map(|at| &CASES[at]) {
        let healthy = broken(&base, case).0;
        let seq = to_cut(&healthy, &key, case.0).unwrap();
        healthy.set(Plan::default());
        cut(&healthy, seq).unwrap();
        let operations = healthy.operations();
        assert!(operations >= 12, "{}: {operations}", case.0);
        steps += operations;
        for step in 0..operations {
            for power_fails in [false, true] {
                fail_at(&base, case, &key, (seq, step, power_fails));
            }
        }
    }
    println!("{steps} operations failed and crashed in turn");
}

fn fail_at(
    base: &Disk,
    case: &(&str, bool, Break),
    key: &Arc<SigningKey>,
    (seq, step, power_fails): (u64, u64, bool),
) {
    let what = format!("{}, operation {step}, {power_fails}", case.0);
    let (disk, pruned) = broken(base, case);
    let original = evidence(&disk);
    let at = Some(step);
    let plan = Plan {
        short_writes: power_fails,
        seed: step,
        ..Plan::default()
    };
    disk.set(match power_fails {
        true => Plan {
            crash_at: at,
            ..plan
        },
        false => Plan {
            fail_at: at,
            ..plan
        },
    });
    let failed = cut(&disk, seq).unwrap_err();
    assert!(matches!(failed, RepairError::Io { .. }), "{what}: {failed}");
    disk.set(Plan::default());
    for _ in 0..REPAIRS_MAX {
        let Some(seq) = to_cut(&disk, key, &what) else {
            break;
        };
        cut(&disk, seq).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    assert_nothing_lost(&disk, &original, &what);
    assert_goes_on(&disk, key, pruned, &what);
}

#[test]
fn a_checkpoint_that_is_none_stops_the_repair() {
    let (disk, key) = (Disk::new(), key());
    written(&disk, &key, 150);
    alter(&disk, 20);
    replace(&disk, &dir().join("checkpoint"), b"nonsense").unwrap();
    let original = evidence(&disk);
    let refused = cut(&disk, 20).unwrap_err();
    assert!(matches!(refused, RepairError::Signed { .. }), "{refused}");
    assert_eq!(evidence(&disk), original);
}

#[test]
fn a_log_that_is_what_was_signed_is_not_repaired() {
    let (disk, key) = (Disk::new(), key());
    written(&disk, &key, 300);
    assert!(matches!(cut(&disk, 300), Err(RepairError::Sound { .. })));
    prune(&disk);
    assert!(matches!(cut(&disk, 300), Err(RepairError::Sound { .. })));
}

#[test]
fn a_key_still_hands_over_after_a_repair() {
    let (disk, first, second) = (Disk::new(), key(), key());
    written(&disk, &first, 150);
    truncate(&disk, 140);
    cut(&disk, 140).unwrap();
    let error = sealed_error(&disk, signing(&second, None));
    assert!(matches!(error, SealError::OtherKey { .. }), "{error}");
    drop(open(&disk, signing(&second, Some(&first))).unwrap());
    assert_eq!(check(&disk, "checkpoint", &second), 142);
}
