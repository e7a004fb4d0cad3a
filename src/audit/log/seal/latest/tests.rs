use super::*;
use crate::audit::sign::SigningKey;
use crate::files::faulty::{Disk, Plan};
use crate::tlog::leaf_hash;

const ORIGIN: &str = "pdp/1";

fn latest(disk: &Disk) -> Latest {
    let dir = Path::new("/audit");
    create_dir(disk, dir).unwrap();
    Latest::new(dir, Arc::new(disk.clone()))
}

fn sealed(key: &SigningKey, size: u64) -> Sealed {
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root: leaf_hash(&size.to_be_bytes()),
        extensions: Vec::new(),
    };
    let mut note = Note::new(&checkpoint.to_string()).unwrap();
    let verifier = key.verifier(ORIGIN).unwrap();
    note.add(key.sign(&verifier, note.text())).unwrap();
    Sealed { note, checkpoint }
}

fn by(name: &str, byte: u8) -> Signature {
    Signature {
        name: name.to_owned(),
        key_id: 7,
        bytes: vec![byte; 72],
    }
}

/// Who signed the checkpoint of this file; none where there is no file.
fn signers(disk: &Disk, name: &str) -> Vec<(String, u8)> {
    let Ok(content) = disk.read(&Path::new("/audit").join(name), u64::MAX) else {
        return Vec::new();
    };
    let note = Note::parse(&content).unwrap();
    let signer = |it: &Signature| (it.name.clone(), it.bytes[0]);
    note.signatures().iter().skip(1).map(signer).collect()
}

fn kept(disk: &Disk) -> Vec<String> {
    let mut names = disk.names(Path::new("/audit/checkpoints")).unwrap();
    names.sort();
    names
}

fn one(name: &str, byte: u8) -> Vec<(String, u8)> {
    vec![(name.to_owned(), byte)]
}

#[test]
fn signatures_are_added_to_the_latest_and_to_a_copy() {
    let (disk, (key, _)) = (Disk::new(), SigningKey::generate().unwrap());
    let latest = latest(&disk);
    let (three, five) = (sealed(&key, 3), sealed(&key, 5));
    latest.publish(three.clone()).unwrap();
    latest.cosign(&three, &[by("a", 1)]).unwrap();
    assert_eq!(signers(&disk, "checkpoint"), one("a", 1));
    assert_eq!(
        signers(&disk, &format!("checkpoints/{}", kept_name(3))),
        one("a", 1)
    );
    assert_eq!(latest.get().unwrap().note.signatures().len(), 2);
    // Again by the same key, and by another one.
    latest.cosign(&three, &[by("a", 2)]).unwrap();
    latest.cosign(&three, &[by("b", 3)]).unwrap();
    let both = [one("a", 2), one("b", 3)].concat();
    assert_eq!(signers(&disk, "checkpoint"), both);
    // One that is not the latest any more keeps what it has.
    latest.publish(five.clone()).unwrap();
    latest.cosign(&three, &[by("c", 4)]).unwrap();
    assert_eq!(signers(&disk, "checkpoint"), []);
    let all = [both, one("c", 4)].concat();
    assert_eq!(
        signers(&disk, &format!("checkpoints/{}", kept_name(3))),
        all
    );
    assert_eq!(latest.get().unwrap().note, five.note);
    // The files are another process's now.
    latest.end();
    latest.cosign(&five, &[by("a", 1)]).unwrap();
    assert_eq!(signers(&disk, "checkpoint"), []);
}

#[test]
fn of_copies_the_first_and_the_last_stay_and_those_that_were_kept_anyway() {
    let (disk, (key, _)) = (Disk::new(), SigningKey::generate().unwrap());
    let latest = latest(&disk);
    for size in 1..=6 {
        let sealed = sealed(&key, size);
        latest.publish(sealed.clone()).unwrap();
        if size == 3 {
            latest.keep().unwrap();
        }
        latest.cosign(&sealed, &[by("a", 1)]).unwrap();
        if size == 5 {
            latest.keep().unwrap();
        }
    }
    assert_eq!(kept(&disk), [1, 3, 5, 6].map(kept_name));
    for name in kept(&disk) {
        assert_eq!(signers(&disk, &format!("checkpoints/{name}")), one("a", 1));
    }
}

#[test]
fn a_disk_that_fails_at_any_point_leaves_whole_checkpoints() {
    let mut at = 0;
    loop {
        let (disk, (key, _)) = (Disk::new(), SigningKey::generate().unwrap());
        let latest = latest(&disk);
        let sealed = sealed(&key, 3);
        latest.publish(sealed.clone()).unwrap();
        disk.set(Plan {
            fail_at: Some(at),
            ..Plan::default()
        });
        let result = latest.cosign(&sealed, &[by("a", 1)]);
        let on_disk = signers(&disk, "checkpoint");
        assert!(on_disk.is_empty() || on_disk == one("a", 1));
        if result.is_ok() {
            assert_eq!(on_disk, one("a", 1));
            break;
        }
        at += 1;
    }
    assert!(at > 3, "{at}");
}
