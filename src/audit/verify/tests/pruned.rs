//! Logs whose beginning was archived.

use super::*;

/// The log without its first files, with the note of them.
fn pruned(files: usize) -> (Memory, Pruned, Head) {
    let (log, head) = log();
    let gone: Vec<_> = log.0.iter().take(files).cloned().collect();
    let last = Memory(gone).check(None).unwrap().head.unwrap();
    let note = Pruned {
        origin: "pdp/1".into(),
        first_seq: last.seq + 1,
        prev: last.hash,
    };
    let mut kept: Files = log.0.iter().skip(files).cloned().collect();
    kept.push((PRUNED_NAME.into(), note.to_bytes()));
    (Memory(kept), note, head)
}

#[test]
fn the_rest_of_a_pruned_log_is_checked_from_where_the_note_says() {
    let (whole, head) = log();
    let all = whole.check(None).unwrap().records;
    for files in 1..whole.0.len() {
        let (rest, note, _) = pruned(files);
        let report = rest.check(Some(&head)).unwrap();
        assert_eq!(report.first_seq, note.first_seq);
        assert_eq!(report.next_seq(), all);
        assert_eq!(report.records, all - note.first_seq);
        assert_eq!(report.head, Some(head.clone()));
        assert_eq!(Pruned::read(&note.to_bytes()), Some(note));
    }
    // Files that were to go and are still there, all or some, change nothing.
    let (mut rest, note, _) = pruned(2);
    rest.0.push(whole.0[1].clone());
    assert_eq!(rest.check(None).unwrap().first_seq, note.first_seq);
    rest.0.push(whole.0[0].clone());
    assert_eq!(rest.check(None).unwrap().first_seq, note.first_seq);
}

#[test]
fn a_note_that_is_wrong_is_seen() {
    let (rest, note, _) = pruned(1);
    let with = |bytes: Vec<u8>| {
        let mut changed = rest.clone();
        changed.0.last_mut().unwrap().1 = bytes;
        changed.check(None).unwrap_err().what
    };
    let mut other = note.clone();
    other.prev = "0".repeat(64);
    assert!(matches!(with(other.to_bytes()), Wrong::Prev));
    let mut other = note.clone();
    other.first_seq += 1;
    assert!(matches!(with(other.to_bytes()), Wrong::FileName));
    let mut other = note.clone();
    other.origin = "pdp/2".into();
    assert!(matches!(with(other.to_bytes()), Wrong::Origin { .. }));
    for bytes in [
        &b""[..],
        b"{}",
        b"[]",
        br#"{"first_seq":0,"origin":"pdp/1","prev":""}"#,
        br#"{"first_seq":1,"origin":"pdp/1","prev":"00"}"#,
    ] {
        assert!(matches!(with(bytes.to_vec()), Wrong::Note));
    }
    let mut without = rest.clone();
    without.0.pop();
    assert!(matches!(
        without.check(None).unwrap_err().what,
        Wrong::FileName
    ));
}

#[test]
fn a_held_head_must_be_of_what_is_here() {
    let (rest, note, _) = pruned(2);
    assert!(rest.check(Some(&note.head())).is_ok());
    let mut other = note.head();
    other.hash = "0".repeat(64);
    let fault = rest.check(Some(&other)).unwrap_err();
    assert!(matches!(fault.what, Wrong::HeadDiffers), "{fault}");
    let mut earlier = note.head();
    earlier.seq -= 1;
    let fault = rest.check(Some(&earlier)).unwrap_err();
    assert!(matches!(fault.what, Wrong::HeadPruned { .. }), "{fault}");
}

#[test]
fn a_log_of_which_nothing_is_left_goes_on_after_what_is_gone() {
    let (_, note, _) = pruned(1);
    let empty = Memory(vec![(PRUNED_NAME.into(), note.to_bytes())]);
    let report = empty.check(None).unwrap();
    assert_eq!((report.records, report.next_seq()), (0, note.first_seq));
    assert_eq!(report.head, Some(note.head()));
}
