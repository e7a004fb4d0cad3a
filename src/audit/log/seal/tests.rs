//! Logs that are signed, on a disk that forgets and fails.

mod damaged;
mod faults;
mod repairs;

use crate::audit::log::{AppendError, Cadence, Log, OpenError, Options, SealError, Signing};
use crate::audit::record::samples::TIME;
use crate::audit::record::{Heartbeat, Record};
use crate::audit::sign::SigningKey;
use crate::files::faulty::{Disk, Plan};
use crate::files::{Files, replace};
use crate::model::hex::hex;
use crate::tlog::{Checkpoint, Hash, Note, TileKind, TilePath, entries, partial_tiles};
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::Arc;

const ORIGIN: &str = "pdp/1";

fn dir() -> PathBuf {
    PathBuf::from("/var/audit")
}

fn key() -> Arc<SigningKey> {
    Arc::new(SigningKey::generate().unwrap().0)
}

fn signing(key: &Arc<SigningKey>, previous: Option<&Arc<SigningKey>>) -> Signing {
    let (key, previous) = (Arc::clone(key), previous.cloned());
    let time = TIME;
    Signing {
        key,
        previous,
        time,
    }
}

fn options(signing: Signing) -> Options {
    Options {
        segment_bytes_max: 4_000,
        signing: Some(signing),
        cadence: Cadence {
            leaves_max: 100,
            ms_max: 1,
        },
        ..Options::new(ORIGIN)
    }
}

fn open(disk: &Disk, signing: Signing) -> Result<Log, OpenError> {
    Log::open(&dir(), options(signing), Arc::new(disk.clone())).map(|(log, _)| log)
}

fn beats(log: &Log, records: u64) -> Result<u64, AppendError> {
    let mut acknowledged = 0;
    for spooled in 0..records {
        let beat = Heartbeat {
            spooled: Some(spooled),
            ..Heartbeat::default()
        };
        log.append(TIME, &Record::Heartbeat(beat))?.wait()?;
        acknowledged += 1;
    }
    Ok(acknowledged)
}

/// A log of so many records, closed.
fn written(disk: &Disk, key: &Arc<SigningKey>, records: u64) {
    let log = open(disk, signing(key, None)).unwrap();
    beats(&log, records).unwrap();
    log.close().unwrap();
}

fn read(disk: &Disk, name: &str) -> Vec<u8> {
    disk.read(&dir().join(name), u64::MAX).unwrap()
}

fn segments(disk: &Disk) -> Vec<String> {
    let mut names = disk.names(&dir()).unwrap();
    names.retain(|name| name.starts_with("log-"));
    names.sort();
    names
}

fn lines(disk: &Disk) -> Vec<Vec<u8>> {
    let content: Vec<u8> = segments(disk)
        .iter()
        .flat_map(|name| read(disk, name))
        .collect();
    let complete = content.split_inclusive(|byte| *byte == b'\n');
    complete
        .filter_map(|line| Some(line.strip_suffix(b"\n")?.to_vec()))
        .collect()
}

fn oracle(lines: &[Vec<u8>]) -> Hash {
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    lines.iter().for_each(|line| tree.push(line.clone()));
    Hash::from_slice(tree.root().as_bytes()).unwrap()
}

fn note(disk: &Disk, name: &str) -> (Note, Checkpoint) {
    let note = Note::parse(&read(disk, name)).unwrap();
    let checkpoint = note.text().parse().unwrap();
    (note, checkpoint)
}

/// That a checkpoint is over the lines that there are, and signed; its size.
fn check(disk: &Disk, name: &str, key: &Arc<SigningKey>) -> u64 {
    let (note, checkpoint) = note(disk, name);
    note.check(&key.verifier(ORIGIN).unwrap()).unwrap();
    assert_eq!(checkpoint.origin, ORIGIN);
    let lines = lines(disk);
    assert_eq!(
        checkpoint.root,
        oracle(&lines[..checkpoint.size as usize]),
        "{name}"
    );
    checkpoint.size
}

/// That every tile of a log of this size is there, and right: the first level against the lines,
/// each other one against the one below.
fn check_tiles(disk: &Disk, size: u64) {
    let lines = lines(disk);
    let leaves: Vec<_> = lines[..size as usize]
        .iter()
        .map(|line| oracle(std::slice::from_ref(line)))
        .collect();
    let full = (0..size / 256).flat_map(|index| {
        [TileKind::Entries, TileKind::Hashes { level: 0 }].map(|kind| TilePath::full(kind, index))
    });
    for tile in full.chain(partial_tiles(size)) {
        let content = read(disk, &tile.to_string());
        let first = (tile.index * 256) as usize;
        let range = first..first + tile.width as usize;
        match tile.kind {
            TileKind::Entries => assert_eq!(entries(&content).unwrap(), lines[range]),
            TileKind::Hashes { level: 0 } => {
                assert_eq!(
                    content,
                    leaves[range]
                        .iter()
                        .flat_map(|hash| hash.0)
                        .collect::<Vec<_>>()
                );
            }
            TileKind::Hashes { level: 1 } => {
                let below = range.map(|at| oracle(&lines[at * 256..(at + 1) * 256]).0);
                assert_eq!(content, below.flatten().collect::<Vec<_>>());
            }
            TileKind::Hashes { .. } => panic!("the log is not that long"),
        }
    }
}

/// Every file of tiles and checkpoints, with its content.
fn sealed(disk: &Disk) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = disk.files();
    found.retain(|(path, _)| {
        !path
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with("log-")
    });
    found
}

#[test]
fn a_log_is_signed_over_files_and_restarts() {
    let (disk, key) = (Disk::new(), key());
    for round in 1..=3 {
        written(&disk, &key, 150);
        let size = check(&disk, "checkpoint", &key);
        assert_eq!(size, 150 * round, "closing signs everything");
        check_tiles(&disk, size);
    }
    let mut kept = disk.names(&dir().join("checkpoints")).unwrap();
    kept.sort();
    let starts: Vec<_> = segments(&disk)
        .iter()
        .skip(1)
        .map(|name| name.get(4..24).unwrap().to_owned())
        .collect();
    assert_eq!(kept, starts);
    assert!(kept.len() > 5);
    for name in kept {
        check(&disk, &format!("checkpoints/{name}"), &key);
    }
}

#[test]
fn only_the_tiles_of_the_latest_checkpoint_are_partial() {
    let (disk, key) = (Disk::new(), key());
    written(&disk, &key, 300);
    let tiles = disk.files().into_iter().filter_map(|(path, _)| {
        let tile = path
            .strip_prefix(dir())
            .unwrap()
            .to_str()
            .unwrap()
            .parse::<TilePath>()
            .ok()?;
        (!tile.is_full()).then_some(tile)
    });
    let mut partial = partial_tiles(300);
    partial.sort();
    let mut found: Vec<_> = tiles.collect();
    found.sort();
    assert_eq!(found, partial);
}

#[test]
fn a_running_log_is_signed_soon() {
    let (disk, key) = (Disk::new(), key());
    let log = open(&disk, signing(&key, None)).unwrap();
    assert!(log.checkpoint().is_none(), "an empty log has none");
    let mut watch = log.watch_checkpoint().unwrap();
    for size in [1, 7, 300] {
        let so_far = log.head().map_or(0, |head| head.seq + 1);
        beats(&log, size - so_far).unwrap();
        let is_there = |sealed: &Option<Arc<super::Sealed>>| {
            sealed
                .as_ref()
                .is_some_and(|sealed| sealed.checkpoint.size == size)
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(watch.wait_for(is_there)).unwrap();
        assert_eq!(check(&disk, "checkpoint", &key), size);
    }
}

/// Changes the log as somebody would who has no key: the line of this seq, and the chain after it.
fn rewrite(disk: &Disk, seq: usize) {
    let mut prev = String::new();
    let mut at = 0;
    for name in segments(disk) {
        let text = String::from_utf8(read(disk, &name)).unwrap();
        let mut rewritten = String::new();
        for line in text.lines() {
            let mut line = line.to_owned();
            if at == seq {
                line = line.replace("\"spooled\":", "\"spooled\":9");
            }
            if at > seq {
                let field = line.find("\"prev\":\"").unwrap() + 8;
                line.replace_range(field..field + 64, &prev);
            }
            prev = hex(&Sha256::digest(line.as_bytes()));
            rewritten += &line;
            rewritten.push('\n');
            at += 1;
        }
        replace(disk, &dir().join(name), rewritten.as_bytes()).unwrap();
    }
}

fn sealed_error(disk: &Disk, signing: Signing) -> SealError {
    match open(disk, signing).map(drop) {
        Err(OpenError::Sealed { source, .. }) => *source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_that_was_made_to_fit_is_not_opened_and_nothing_is_changed() {
    for seq in [0, 40, 149] {
        let (disk, key) = (Disk::new(), key());
        written(&disk, &key, 150);
        let before = sealed(&disk);
        rewrite(&disk, seq);
        let error = sealed_error(&disk, signing(&key, None));
        let SealError::Rewritten { size, sound } = error else {
            panic!("{error}")
        };
        assert!(
            sound <= seq as u64 && (seq as u64) < size,
            "{seq}: {sound}, {size}"
        );
        assert_eq!(sealed(&disk), before);
    }
}

#[test]
fn a_log_that_lost_its_end_is_not_opened() {
    let (disk, key) = (Disk::new(), key());
    written(&disk, &key, 150);
    let last = segments(&disk).pop().unwrap();
    let content = read(&disk, &last);
    let end = content[..content.len() - 1]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .unwrap();
    replace(&disk, &dir().join(last), &content[..=end]).unwrap();
    let error = sealed_error(&disk, signing(&key, None));
    assert!(
        matches!(
            error,
            SealError::Truncated {
                records: 149,
                size: 150
            }
        ),
        "{error}"
    );
}

#[test]
fn tiles_that_are_lost_or_damaged_are_made_again() {
    let (disk, key) = (Disk::new(), key());
    written(&disk, &key, 600);
    disk.remove(&dir().join("tile/0/000")).unwrap();
    disk.remove(&dir().join("tile/1/000.p/2")).unwrap();
    replace(&disk, &dir().join("tile/0/001"), b"nothing").unwrap();
    let bundle = dir().join("tile/entries/001");
    let mut content = disk.read(&bundle, u64::MAX).unwrap();
    content[77] ^= 1;
    replace(&disk, &bundle, &content).unwrap();
    written(&disk, &key, 1);
    assert_eq!(check(&disk, "checkpoint", &key), 601);
    check_tiles(&disk, 601);
}

#[test]
fn a_log_without_its_checkpoints_is_signed_anew() {
    let (disk, key) = (Disk::new(), key());
    let unsigned = Options {
        signing: None,
        ..options(signing(&key, None))
    };
    let (log, _) = Log::open(&dir(), unsigned, Arc::new(disk.clone())).unwrap();
    beats(&log, 150).unwrap();
    assert!(log.checkpoint().is_none() && log.proofs().is_none());
    drop(log);
    written(&disk, &key, 0);
    assert_eq!(check(&disk, "checkpoint", &key), 150);
    check_tiles(&disk, 150);
    assert_eq!(
        disk.names(&dir().join("checkpoints")).unwrap().len() + 1,
        segments(&disk).len()
    );
}

#[test]
fn a_checkpoint_that_is_none_or_another_logs_is_not_overwritten() {
    let (disk, key) = (Disk::new(), key());
    written(&disk, &key, 10);
    let good = String::from_utf8(read(&disk, "checkpoint")).unwrap();
    let forged = good.replace("\n10\n", "\n9\n");
    let wrong = ["", "pdp/1\n", &good.replace("pdp/1\n", "pdp/2\n"), &forged];
    for text in wrong {
        replace(&disk, &dir().join("checkpoint"), text.as_bytes()).unwrap();
        sealed_error(&disk, signing(&key, None));
        assert_eq!(read(&disk, "checkpoint"), text.as_bytes());
    }
}

#[test]
fn a_forged_signature_is_not_taken_for_another_keys() {
    let (disk, key) = (Disk::new(), key());
    written(&disk, &key, 10);
    let (note, _) = note(&disk, "checkpoint");
    let mut forged = Note::new(note.text()).unwrap();
    let mut signature = note.signatures()[0].clone();
    signature.bytes[5] ^= 1;
    forged.add(signature).unwrap();
    replace(
        &disk,
        &dir().join("checkpoint"),
        forged.to_string().as_bytes(),
    )
    .unwrap();
    let error = sealed_error(&disk, signing(&key, None));
    assert!(matches!(error, SealError::Signature(_)), "{error}");
}
