//! Checkpoint files that are damaged themselves: the log is not opened, and its operator is told
//! what to do; done, it goes on.

use super::*;

fn put(disk: &Disk, name: &str, content: &[u8]) {
    replace(disk, &dir().join(name), content).unwrap();
}

fn newest_kept(disk: &Disk) -> String {
    let names = disk.names(&dir().join("checkpoints")).unwrap();
    names.into_iter().max().unwrap()
}

#[test]
fn a_damaged_checkpoint_is_replaced_by_the_newest_that_is_kept() {
    let key = key();
    for damaged in [&b""[..], b"no note", b"pdp/1\n1\n"] {
        let disk = Disk::new();
        written(&disk, &key, 60);
        put(&disk, "checkpoint", damaged);
        let error = open(&disk, signing(&key, None)).err().unwrap().to_string();
        assert!(error.contains("newest file of `checkpoints/`"), "{error}");
        let kept = newest_kept(&disk);
        let size: u64 = kept.parse().unwrap();
        put(
            &disk,
            "checkpoint",
            &read(&disk, &format!("checkpoints/{kept}")),
        );
        let (log, recovered) =
            Log::open(&dir(), options(signing(&key, None)), Arc::new(disk.clone())).unwrap();
        assert_eq!(recovered.unsigned, 60 - size);
        log.close().unwrap();
    }
}

#[test]
fn a_damaged_checkpoint_without_kept_ones_goes_out_of_the_directory() {
    let (key, disk) = (key(), Disk::new());
    written(&disk, &key, 3);
    put(&disk, "checkpoint", b"?");
    assert!(open(&disk, signing(&key, None)).is_err());
    disk.remove(&dir().join("checkpoint")).unwrap();
    let opened = Log::open(&dir(), options(signing(&key, None)), Arc::new(disk.clone()));
    let (log, recovered) = opened.unwrap();
    assert_eq!(recovered.unsigned, 3);
    log.close().unwrap();
}

#[test]
fn a_damaged_kept_checkpoint_goes_out_of_the_directory() {
    let (key, disk) = (key(), Disk::new());
    written(&disk, &key, 60);
    let kept = format!("checkpoints/{}", newest_kept(&disk));
    put(&disk, &kept, b"?");
    let error = open(&disk, signing(&key, None)).err().unwrap().to_string();
    assert!(error.contains("move it out of `checkpoints/`"), "{error}");
    disk.remove(&dir().join(&kept)).unwrap();
    let log = open(&disk, signing(&key, None)).unwrap();
    log.close().unwrap();
}
