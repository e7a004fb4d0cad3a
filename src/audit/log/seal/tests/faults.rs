//! Keys that hand over, and whatever fails.

use super::*;

#[test]
fn another_key_signs_only_after_the_one_before_handed_over() {
    let (disk, first, second, third) = (Disk::new(), key(), key(), key());
    written(&disk, &first, 100);
    let error = sealed_error(&disk, signing(&second, None));
    assert!(matches!(error, SealError::OtherKey { .. }), "{error}");
    assert!(open(&disk, signing(&second, Some(&third))).is_err());
    for round in 0..2 {
        // The key before may stay configured.
        let log = open(&disk, signing(&second, Some(&first))).unwrap();
        beats(&log, 100).unwrap();
        log.close().unwrap();
        assert_eq!(check(&disk, "checkpoint", &second), 201 + 100 * round);
    }
    assert_eq!(
        check(&disk, "checkpoints/00000000000000000100", &first),
        100
    );
    let rotations: Vec<_> = lines(&disk)
        .into_iter()
        .filter(|line| line.ends_with(b"\"key_rotated\"}"))
        .collect();
    assert_eq!(rotations.len(), 1);
    check_rotation(&disk, &rotations[0], 100, &first, &second);
    assert!(matches!(
        sealed_error(&disk, signing(&first, None)),
        SealError::OtherKey { .. }
    ));
    drop(open(&disk, signing(&third, Some(&second))).unwrap());
    assert_eq!(check(&disk, "checkpoint", &third), 302);
}

fn check_rotation(disk: &Disk, line: &[u8], seq: u64, previous: &SigningKey, next: &SigningKey) {
    let record: serde_json::Value = serde_json::from_slice(line).unwrap();
    let (previous, next) = (
        previous.verifier(ORIGIN).unwrap(),
        next.verifier(ORIGIN).unwrap(),
    );
    let note = Note::parse(record["note"].as_str().unwrap().as_bytes()).unwrap();
    let root = oracle(&lines(disk)[..usize::try_from(seq).unwrap()]);
    let text = format!("toolgate audit key rotated\n{ORIGIN}\n{seq}\n{root}\n{previous}\n{next}\n");
    assert_eq!(note.text(), text);
    note.check(&previous).unwrap();
    note.check(&next).unwrap();
}

/// Whoever has a key that was replaced makes another past for what the next key signed.
#[test]
fn a_replaced_key_makes_no_other_past() {
    let (disk, first, second) = (Disk::new(), key(), key());
    written(&disk, &first, 100);
    drop(open(&disk, signing(&second, Some(&first))).unwrap());
    rewrite(&disk, 5);
    let root = oracle(&lines(&disk)[..100]);
    let text = format!("{ORIGIN}\n100\n{root}\n");
    let mut note = Note::new(&text).unwrap();
    note.add(first.sign(&first.verifier(ORIGIN).unwrap(), &text))
        .unwrap();
    let kept = disk.names(&dir().join("checkpoints")).unwrap();
    for name in kept {
        disk.remove(&dir().join("checkpoints").join(name)).unwrap();
    }
    let note = note.to_string().into_bytes();
    replace(&disk, &dir().join("checkpoint"), &note).unwrap();
    let error = sealed_error(&disk, signing(&second, None));
    assert!(matches!(error, SealError::Rotation { seq: 100 }), "{error}");
}

/// What is said to be pruned has to be under the latest checkpoint.
#[test]
fn a_note_of_pruned_records_that_nobody_signed_opens_no_log() {
    let (disk, key) = (Disk::new(), key());
    written(&disk, &key, 50);
    let early = read(&disk, "checkpoint");
    written(&disk, &key, 150);
    let first = segments(&disk).pop().unwrap();
    let first = crate::audit::layout::first_seq(&first).unwrap();
    let prev = hex(&Sha256::digest(
        &lines(&disk)[usize::try_from(first).unwrap() - 1],
    ));
    let note = format!("{{\"first_seq\":{first},\"origin\":\"{ORIGIN}\",\"prev\":\"{prev}\"}}\n");
    replace(&disk, &dir().join("pruned"), note.as_bytes()).unwrap();
    // Genuine, and over everything.
    drop(open(&disk, signing(&key, None)).unwrap());
    replace(&disk, &dir().join("checkpoint"), &early).unwrap();
    let error = sealed_error(&disk, signing(&key, None));
    assert!(
        matches!(error, SealError::Pruned { size, .. } if size == first),
        "{error}"
    );
}

/// What a log promises after anything went wrong: it opens, and has what was acknowledged.
fn assert_opens(
    disk: &Disk,
    signing: Signing,
    key: &Arc<SigningKey>,
    acknowledged: u64,
    what: &str,
) {
    let log = open(disk, signing).unwrap_or_else(|error| panic!("{what}: {error}"));
    log.close()
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let records = lines(disk).len() as u64;
    assert!(
        records >= acknowledged,
        "{what}: {records} of {acknowledged}"
    );
    if records > 0 {
        assert_eq!(check(disk, "checkpoint", key), records, "{what}");
        check_tiles(disk, records);
    }
}

#[test]
fn whatever_fails_or_crashes_the_log_opens_and_is_signed() {
    let first = key();
    let base = Disk::new();
    written(&base, &first, 250);
    for step in 0..160 {
        for is_crash in [false, true] {
            let disk = base.copy();
            let plan = Plan {
                seed: step,
                ..Plan::default()
            };
            disk.set(match is_crash {
                true => Plan {
                    crash_at: Some(step),
                    ..plan
                },
                false => Plan {
                    fail_at: Some(step),
                    ..plan
                },
            });
            let mut acknowledged = 250;
            if let Ok(log) = open(&disk, signing(&first, None)) {
                while let Ok(count) = beats(&log, 1)
                    && acknowledged < 300
                {
                    acknowledged += count;
                }
                drop(log);
            }
            disk.set(Plan::default());
            disk.crash();
            assert_opens(
                &disk,
                signing(&first, None),
                &first,
                acknowledged,
                &format!("{step} {is_crash}"),
            );
        }
    }
}

#[test]
fn a_key_hands_over_whatever_fails() {
    let (first, second) = (key(), key());
    let base = Disk::new();
    written(&base, &first, 20);
    for step in 0..60 {
        let disk = base.copy();
        disk.set(Plan {
            crash_at: Some(step),
            seed: step,
            ..Plan::default()
        });
        drop(open(&disk, signing(&second, Some(&first))));
        disk.set(Plan::default());
        disk.crash();
        assert_opens(
            &disk,
            signing(&second, Some(&first)),
            &second,
            20,
            &format!("step {step}"),
        );
        let lines = lines(&disk);
        let rotations = lines
            .iter()
            .filter(|line| line.ends_with(b"\"key_rotated\"}"));
        assert_eq!(rotations.count(), 1, "step {step}");
        check_rotation(&disk, &lines[20], 20, &first, &second);
    }
}

#[test]
fn a_disk_that_takes_no_tiles_ends_acknowledgements() {
    let (disk, key) = (Disk::new(), key());
    let log = open(&disk, signing(&key, None)).unwrap();
    beats(&log, 5).unwrap();
    disk.set(Plan {
        bytes_max: Some(0),
        ..Plan::default()
    });
    assert!(matches!(
        beats(&log, 1_000),
        Err(AppendError::Failed { .. })
    ));
    assert!(log.close().is_err());
}
