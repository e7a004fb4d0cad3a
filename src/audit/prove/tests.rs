use super::ProofError;
use crate::audit::log::{Cadence, Log, Options, Signing};
use crate::audit::record::samples::TIME;
use crate::audit::record::{Heartbeat, Record};
use crate::audit::sign::SigningKey;
use crate::files::OsFiles;
use crate::tlog::{check_consistency, check_inclusion};
use std::path::Path;
use std::sync::Arc;

fn open(dir: &Path) -> Log {
    let signing = Signing {
        key: Arc::new(SigningKey::open(&dir.join("signing.key"), &OsFiles).unwrap()),
        previous: None,
        time: TIME,
    };
    let options = Options {
        segment_bytes_max: 9_000,
        signing: Some(signing),
        cadence: Cadence {
            leaves_max: 20,
            ms_max: 1,
        },
        ..Options::new("pdp/1")
    };
    Log::open(dir, options, Arc::new(OsFiles)).unwrap().0
}

fn beats(log: &Log, records: u64) {
    let beat = Record::Heartbeat(Heartbeat::default());
    for _ in 0..records {
        log.append(TIME, &beat).unwrap().wait().unwrap();
    }
}

fn lines(dir: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "jsonl"));
    files.sort();
    let lines = files.iter().flat_map(|file| {
        let content = std::fs::read_to_string(file).unwrap();
        content
            .lines()
            .map(|line| line.as_bytes().to_vec())
            .collect::<Vec<_>>()
    });
    lines.collect()
}

#[test]
fn every_record_of_a_log_is_proved_also_while_it_grows() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let proofs = log.proofs().unwrap();
    beats(&log, 40);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let is_some = |sealed: &Option<_>| sealed.is_some();
    runtime
        .block_on(log.watch_checkpoint().unwrap().wait_for(is_some))
        .unwrap();
    std::thread::scope(|scope| {
        let growing = scope.spawn(|| beats(&log, 600));
        let mut round = 0;
        while !growing.is_finished() || round < 10 {
            round += 1;
            let (_, checkpoint) = proofs.latest().unwrap();
            let index = checkpoint.size - 1;
            let proof = proofs.inclusion(index, 0).unwrap();
            let signed = proof
                .checkpoint
                .text()
                .parse::<crate::tlog::Checkpoint>()
                .unwrap();
            let line = &lines(dir.path())[index as usize];
            let held = check_inclusion(line, index, signed.size, &proof.hashes, &signed.root);
            assert_eq!(held, Ok(()));
            let (_, later) = proofs.latest().unwrap();
            let proof = proofs.consistency(checkpoint.size, later.size).unwrap();
            let (old, new) = (
                (checkpoint.size, &checkpoint.root),
                (later.size, &later.root),
            );
            assert_eq!(check_consistency(old, new, &proof), Ok(()));
        }
    });
}

#[test]
fn what_is_not_there_is_not_proved() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let proofs = log.proofs().unwrap();
    assert!(matches!(
        proofs.inclusion(0, 0),
        Err(ProofError::NotSigned { .. })
    ));
    beats(&log, 60);
    log.close().unwrap();
    assert!(proofs.inclusion(59, 0).is_ok());
    let questions = [
        proofs.inclusion(60, 0).map(drop),
        proofs.inclusion(1, 59).map(drop),
        proofs.inclusion(1, 61).map(drop),
        proofs.consistency(5, 61).map(drop),
        proofs.consistency(61, 0).map(drop),
    ];
    for question in questions {
        assert!(question.unwrap_err().is_of_the_question());
    }
    let kept = std::fs::read_dir(dir.path().join("checkpoints"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let size = kept.file_name().into_string().unwrap().parse().unwrap();
    let proof = proofs.inclusion(3, size).unwrap();
    assert_eq!(
        proof.checkpoint.to_string(),
        std::fs::read_to_string(kept.path()).unwrap()
    );
    std::fs::remove_file(dir.path().join("tile/0/000.p/60")).unwrap();
    let broken = proofs.inclusion(3, 0).unwrap_err();
    assert!(!broken.is_of_the_question(), "{broken}");
}
